"""Calls as users of other libraries write them: hints, named columns, and the summary."""

import numpy as np
import pandas as pd
import pytest
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, BackpropRegressor, persistence
from skbackprop._parameter_hints import _LOSSES, _SYNONYMS, _plain

X = np.random.default_rng(0).normal(size=(12, 3))
CLASSES = np.arange(12) % 2
NUMBERS = X[:, 0]
CLF, REG = BackpropClassifier, BackpropRegressor
BY_NAME = "name their columns in 'categorical_features'"


def message_of(estimator, X=X, y=None):
    y = y if y is not None else CLASSES if isinstance(estimator, CLF) else NUMBERS
    with pytest.raises((ValueError, TypeError)) as caught:
        estimator.fit(X, y)
    return str(caught.value)


# ---- Parameters ----


@pytest.mark.parametrize(
    ("kind", "parameters", "meant"),
    [
        (CLF, {"learning_rate": 0.01}, "learning_rate_init=0.01"),
        (CLF, {"learning_rate": "Adaptive"}, "learning_rate='adaptive'"),
        (CLF, {"loss": "mse"}, "loss='squared_error'"),
        (CLF, {"loss": "cross_entropy"}, "loss='log_loss'"),
        (CLF, {"loss": "categorical_crossentropy"}, "loss='log_loss'"),
        (CLF, {"loss": "BCELoss"}, "loss='log_loss'"),
        (CLF, {"loss": "mae"}, "BackpropRegressor, which has this loss"),
        (REG, {"loss": "mse"}, "loss='squared_error'"),
        (REG, {"loss": "MAE"}, "loss='absolute_error'"),
        (REG, {"loss": "L1Loss"}, "loss='absolute_error'"),
        (REG, {"loss": "SmoothL1"}, "loss='huber'"),
        (REG, {"loss": "cross_entropy"}, "BackpropClassifier, whose loss is 'log_loss'"),
        (CLF, {"activation": "linear"}, "activation='identity'"),
        (CLF, {"activation": "swish"}, "activation='silu'"),
        (CLF, {"activation": "ReLU"}, "activation='relu'"),
        (CLF, {"activation": ["relu", "LeakyReLU"], "hidden_layer_sizes": (3, 3)},
         "activation='leaky_relu'"),
        (CLF, {"activation": "softmax"}, "output_activation='softmax'"),
        (CLF, {"activation": "sigmiod"}, "activation='sigmoid'"),
        (CLF, {"output_activation": "Soft-Max"}, "output_activation='softmax'"),
        (CLF, {"weight_init": "he"}, "weight_init='he_uniform'"),
        (CLF, {"weight_init": "kaiming_normal"}, "weight_init='he_normal'"),
        (CLF, {"weight_init": "xavier"}, "weight_init='glorot_uniform'"),
        (CLF, {"weight_init": "GlorotUniform"}, "weight_init='glorot_uniform'"),
        (CLF, {"solver": "SGD"}, "solver='sgd'"),
        (CLF, {"solver": "AdamW"}, "solver='adam' with weight_decay=0.01"),
        (CLF, {"solver": "L-BFGS-B"}, "solver='lbfgs'"),
        (CLF, {"solver": "L-BFGS"}, "solver='lbfgs'"),
        (REG, {"solver": "Levenberg-Marquardt"}, "solver='lm'"),
        (CLF, {"batch_size": None}, "batch_size='auto'"),
        (CLF, {"max_iter": None}, "max_iter='auto'"),
        (CLF, {"hidden_layer_sizes": None}, "hidden_layer_sizes=(), a network without"),
        (CLF, {"class_weight": "Balanced"}, "class_weight='balanced'"),
        (CLF, {"scoring": "acuracy", "early_stopping": True}, "scoring='accuracy'"),
    ],
)  # fmt: skip
def test_parameters_of_other_libraries_get_a_hint(kind, parameters, meant):
    message = message_of(kind(**parameters))
    assert f" Did you mean {meant}" in message
    assert message.endswith("?")
    assert f"{next(iter(parameters))!r} parameter of {kind.__name__} must be" in message


@pytest.mark.parametrize("parameters", [
    {"solver": "genetic"}, {"activation": 3}, {"loss": object()}, {"alpha": -1},
    {"learning_rate": True}, {"weight_init": "xyz"},
])  # fmt: skip
def test_values_like_nothing_known_get_no_hint(parameters):
    message = message_of(CLF(**parameters))
    assert "Did you mean" not in message
    assert "Got " in message


def test_hints_are_values_that_the_estimators_take():
    """Each hint that is an assignment is one, and its value is accepted."""
    for hints in (*_SYNONYMS.values(), *_LOSSES.values()):
        for word, hint in hints.items():
            assert word == _plain(word), word
            if "=" not in hint:
                continue
            settings = eval(
                f"dict({hint.split(' with ')[0].split(', a network')[0]})".replace(
                    ", the loss", ""
                )
            )
            kinds = [REG] if "absolute_error" in hint or "'huber'" in hint else [CLF, REG]
            for parameter, value in settings.items():
                rules = [kind._parameter_rules.get(parameter) for kind in kinds]
                assert any(rule is not None and rule.accepts(value) for rule in rules), hint


# ---- Columns ----


def frame(**columns):
    return pd.DataFrame({"size": X[:, 0], "width": X[:, 1], **columns})


@pytest.mark.parametrize(
    ("bad", "column", "help_"),
    [
        (frame(size2=[1.0, np.inf] * 6), "Column 'size2' has infinite values", "Replace"),
        (frame(sold=pd.Timestamp(0)), "Column 'sold' is of type datetime64", "days since"),
        ([["red", 1.0], ["blue", 2.0]] * 6, "Column 0 holds text, such as 'red'", BY_NAME),
    ],
)  # fmt: skip
def test_columns_that_are_no_numbers_are_named(bad, column, help_):
    for estimator in (CLF((2,)), REG((2,))):
        message = message_of(estimator, bad)
        assert column in message
        assert help_ in message
        assert "skbackprop.tables.evaluate" in message


def test_columns_are_named_in_predict_as_well():
    clf = CLF((2,), max_iter=2).fit(frame(), CLASSES)
    bad = frame().assign(width=["a"] * 12)
    for method in (clf.predict, clf.predict_proba, clf.decision_function):
        with pytest.raises(ValueError, match="Column 'width' is one of numbers, and holds 'a'"):
            method(bad)


def test_many_columns_are_counted():
    message = message_of(CLF((2,)), [["x", "y"] * 4] * 12)
    assert "Column 2" in message and "Column 3" not in message
    assert "(and so in 5 more)" in message


def test_the_message_of_scikit_learn_stays():
    assert message_of(CLF(), [[np.inf]] * 12).startswith("Input X contains infinity")
    assert "Column" not in message_of(CLF(), X[:5])  # another number of rows than y


def test_errors_about_targets_name_no_column():
    with pytest.raises(ValueError, match="NaN") as caught:
        REG().fit(X, np.full(12, np.nan))
    assert "Column" not in str(caught.value)


# ---- Saving a pipeline ----


def test_saving_a_pipeline_names_the_calls_that_work(tmp_path):
    import skops.io

    model = make_pipeline(StandardScaler(), CLF((2,), max_iter=3, random_state=0))
    model.fit(X, CLASSES)
    path = tmp_path / "model.skops"
    with pytest.raises(TypeError, match="skops.io.dump") as caught:
        persistence.save(model, path)
    assert "trusted=skbackprop.persistence.TRUSTED_TYPES" in str(caught.value)
    skops.io.dump(model, path)
    loaded = skops.io.load(path, trusted=persistence.TRUSTED_TYPES)
    np.testing.assert_array_equal(loaded.predict_proba(X), model.predict_proba(X))
    with pytest.raises(TypeError) as caught:
        persistence.save({"no": "estimator"}, path)
    assert "skops" not in str(caught.value)


# ---- The summary ----


def test_summary_counts_parameters_of_each_layer():
    iris = load_iris(return_X_y=True)
    clf = CLF((6, 5), activation=["tanh", "relu"], max_iter=4, random_state=0).fit(*iris)
    lines = clf.summary().splitlines()
    assert [line.split() for line in lines[1:4]] == [
        ["hidden", "1", "tanh", "4", "->", "6", "30"],
        ["hidden", "2", "relu", "6", "->", "5", "35"],
        ["output", "softmax", "5", "->", "3", "18"],
    ]
    n_params = sum(w.size for w in clf.coefs_) + sum(b.size for b in clf.intercepts_)
    assert lines[4].startswith(f"{n_params} parameters; 4 epochs, loss ")
    assert len({len(line) for line in lines[:4]}) == 1
    assert repr(clf.summary()) == str(clf.summary())
    assert isinstance(clf.summary(), str)


def test_summary_of_a_network_without_hidden_layers():
    reg = REG((), max_iter=3, random_state=0).fit(X, NUMBERS)
    assert reg.summary().splitlines()[1].split() == ["output", "identity", "3", "->", "1", "4"]


def test_summary_needs_a_fitted_network():
    with pytest.raises(NotFittedError):
        CLF().summary()
