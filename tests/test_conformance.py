"""scikit-learn's own checks, with nothing stopped_early, in every mode of learning."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from skbackprop import BackpropClassifier, BackpropRegressor, presets

ONLINE_TEXTBOOK = {**presets.TEXTBOOK, "shuffle": True, "standardize": True, "clip_norm": 5.0}
ONLINE_TEXTBOOK["weight_init"] = "auto"  # positive weights alone learn too slowly for a check
MODES = [
    {},
    presets.MLP,
    {"batch_size": 7},
    {"batch_size": "full"},
    {"momentum": 0.9, "learning_rate": "invscaling"},
    {"solver": "adam"},
    {"solver": "adam", "batch_size": 1, "learning_rate": "constant"},
    {"solver": "adam", "batch_size": "full"},
    {"solver": "amsgrad"},
    {"solver": "rmsprop", "batch_size": 1},
    {"solver": "rprop"},
    {"solver": "lbfgs"},
    {"solver": "lm", "hidden_layer_sizes": 3, "loss": "squared_error", "alpha": 0.1},
    {"activation": "silu", "dropout": 0.2, "weight_decay": 0.01},
    {"numeric_encoding": "piecewise_linear"},
    {"categorical_features": None},
    {"activation": "gelu", "l1": 0.001, "max_norm": 3.0, "learning_rate": "cosine"},
    ONLINE_TEXTBOOK | {"hidden_layer_sizes": 5, "learning_rate_init": 0.1},
]


@parametrize_with_checks(
    [
        estimator(**mode)
        for mode in MODES
        for estimator in (BackpropClassifier, BackpropRegressor)
    ]
    + [
        BackpropClassifier(class_weight="balanced"),
        BackpropClassifier(
            class_weight="balanced", solver="lbfgs", hidden_layer_sizes=5, alpha=1.0
        ),
        BackpropRegressor(loss="absolute_error"),
        BackpropRegressor(loss="huber", batch_size=1),
        BackpropRegressor(loss="quantile", solver="lbfgs", hidden_layer_sizes=5),
    ]
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_scikit_learn_checks(estimator, check):
    check(estimator)
