"""scikit-learn's own checks, with nothing excused, in every mode of learning."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from skbackprop import BackpropClassifier, BackpropRegressor, presets

ONLINE_TEXTBOOK = {**presets.TEXTBOOK, "shuffle": True, "standardize": True, "clip_norm": 5.0}
ONLINE_TEXTBOOK["weight_init"] = "auto"  # positive weights alone learn too slowly for a check
MODES = [
    {},
    {"batch_size": 1},
    {"batch_size": 7},
    {"batch_size": "full"},
    {"solver": "sgd", "batch_size": 1},
    {"solver": "sgd", "batch_size": 1, "momentum": 0.9, "learning_rate": "invscaling"},
    ONLINE_TEXTBOOK | {"hidden_layer_sizes": 5, "learning_rate_init": 0.1},
]


@parametrize_with_checks(
    [
        estimator(**mode)
        for mode in MODES
        for estimator in (BackpropClassifier, BackpropRegressor)
    ]
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_scikit_learn_checks(estimator, check):
    check(estimator)
