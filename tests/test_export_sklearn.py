"""scikit-learn's MLP becomes ours, and ours an MLP; both predict the same."""

import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from literals import LABELS
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier, MLPRegressor
from strategies import architectures

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.export import from_sklearn, to_sklearn

ACTIVATIONS = ["identity", "logistic", "tanh", "relu"]
KINDS = ["regression", "targets", "binary", "strings", "multilabel", "poisson"]
POISSON = "loss" in MLPRegressor().get_params()  # scikit-learn 1.7
QUICK = {"hidden_layer_sizes": (5, 3), "max_iter": 5, "random_state": 0}


def data(kind, dtype=np.float64):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 4)).astype(dtype)
    y = {
        "regression": X[:, 0] * 3 + 10,
        "targets": X[:, :2] * 2,
        "binary": (X[:, 0] > 0).astype(int),
        "strings": np.array(["oats", "rye", "wheat"])[np.arange(60) % 3],
        "multilabel": (rng.random((60, 3)) < 0.5).astype(int),
        "poisson": rng.poisson(np.exp(X[:, 0])).astype(float),
    }[kind]
    return X, y


def regression(kind):
    return kind in ("regression", "targets", "poisson")


def fit(estimator, X, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return estimator.fit(X, y)


def options(kind, activation):
    loss = {"loss": "poisson"} if kind == "poisson" else {}
    return {**QUICK, "activation": activation, **loss}


def an_mlp(kind, activation="tanh", dtype=np.float64, **parameters):
    mlp = MLPRegressor if regression(kind) else MLPClassifier
    return fit(mlp(**options(kind, activation), **parameters), *data(kind, dtype))


def fitted(kind, activation="tanh", dtype=np.float64, **parameters):
    estimator = BackpropRegressor if regression(kind) else BackpropClassifier
    parameters = {**options(kind, activation), "tol": None, **parameters}
    return fit(estimator(**parameters), *data(kind, dtype))


def same_answers(a, b, X, rtol=1e-10):
    if hasattr(a, "predict_proba"):
        np.testing.assert_array_equal(a.predict(X), b.predict(X))
        np.testing.assert_allclose(a.predict_proba(X), b.predict_proba(X), rtol=rtol, atol=rtol)
    else:
        np.testing.assert_allclose(a.predict(X), b.predict(X), rtol=rtol, atol=rtol)


# Before 1.7 there is no such MLP.
ALL = [
    (kind, activation)
    for kind in KINDS
    for activation in ACTIVATIONS
    if kind != "poisson" or POISSON
]


@pytest.mark.parametrize(("kind", "activation"), ALL)
def test_sklearn_mlp_there_and_back(kind, activation):
    X, _ = data(kind)
    mlp = an_mlp(kind, activation)
    mine = from_sklearn(mlp)
    same_answers(mine, mlp, X)
    same_answers(to_sklearn(mine), mlp, X)
    model = fitted(kind, activation)
    theirs = to_sklearn(model)
    same_answers(theirs, model, X)
    same_answers(from_sklearn(theirs), model, X)


@pytest.mark.parametrize("kind", ["targets", "strings"])
def test_sklearn_mlp_float32(kind):
    X, _ = data(kind, np.float32)
    mlp = an_mlp(kind, dtype=np.float32)
    mine = from_sklearn(mlp)
    assert mine._params.dtype == np.float32
    same_answers(mine, mlp, X, rtol=1e-5)
    same_answers(
        to_sklearn(fitted(kind, dtype=np.float32)), fitted(kind, dtype=np.float32), X, 1e-4
    )


@settings(max_examples=30)
@given(
    network=architectures(ACTIVATIONS),
    activation=st.sampled_from(ACTIVATIONS),
    kind=st.sampled_from(KINDS[:-1]),
)
def test_sklearn_mlp_of_any_architecture(network, activation, kind):
    X, _ = data(kind)
    # An MLP has one activation function in all layers.
    model = fitted(kind, max_iter=1, **network | {"activation": activation})
    theirs = to_sklearn(model)
    same_answers(theirs, model, X, rtol=1e-8)
    same_answers(from_sklearn(theirs), model, X, rtol=1e-8)


@pytest.mark.parametrize("kind", KINDS[:-1])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_training_goes_on_alike(kind, solver):
    """From the same weights both take the same steps."""
    X, y = data(kind)
    mine = from_sklearn(
        an_mlp(
            kind, solver="lbfgs", shuffle=False, batch_size=20, alpha=0.01, momentum=0.8,
            learning_rate_init=0.01,
        )
    ).set_params(solver=solver)  # fmt: skip
    mlp = to_sklearn(mine)
    for _ in range(3):
        mlp.partial_fit(X, y), mine.partial_fit(X, y)
    same_answers(mine, mlp, X, rtol=1e-8)


def test_names_and_parameters():
    X, y = data("strings")
    frame = pd.DataFrame(X, columns=list("abcd"))
    model = fit(BackpropClassifier((4,), alpha=0.3, solver="rprop", max_iter=9), frame, y)
    theirs = to_sklearn(model)
    assert theirs.feature_names_in_.tolist() == list("abcd")
    assert (theirs.alpha, theirs.max_iter, theirs.solver) == (0.3, 9, "adam")
    assert theirs.loss_curve_ == model.loss_curve_
    mine = from_sklearn(theirs)
    assert mine.feature_names_in_.tolist() == list("abcd")
    assert (mine.alpha, mine.hidden_layer_sizes) == (0.3, (4,))
    mine.predict(frame)


@pytest.mark.parametrize(
    "parameters",
    [
        {"activation": "gelu"},
        {"activation": ["tanh", "relu"]},
        {"loss": "squared_error"},
    ],
)
def test_what_no_mlp_is(parameters):
    with pytest.raises(ValueError, match="MLP"):
        to_sklearn(fitted("binary", **parameters))


@pytest.mark.parametrize("name", LABELS)
def test_labels_of_an_mlp_are_those_of_the_classifier(name):
    labels = LABELS[name]
    labels = np.array(labels, dtype=object) if isinstance(labels[0], str) else np.array(labels)
    X, _ = data("binary")
    model = BackpropClassifier(**QUICK, tol=None).fit(X, labels[np.arange(60) % len(labels)])
    mlp = to_sklearn(model)
    assert mlp.classes_.tolist() == model.classes_.tolist()
    np.testing.assert_array_equal(mlp.predict(X), model.predict(X))
    np.testing.assert_array_equal(from_sklearn(mlp).predict(X), model.predict(X))


def test_labels_that_no_mlp_has_are_refused():
    X, _ = data("binary")
    # NumPy's strings end with their last character that is not U+0000.
    y = np.array(["a", "a\0"], dtype=object)[np.arange(60) % 2]
    with pytest.raises(ValueError, match=r"Got \['a', 'a\\x00'\], which become \['a', 'a'\]"):
        to_sklearn(BackpropClassifier(**QUICK, tol=None).fit(X, y))


def test_clipped_inputs_are_refused():
    X = np.random.default_rng(0).normal(size=(50, 3))
    X[4, 1] = 1e6
    with pytest.raises(ValueError, match=r"clip its inputs, .* columns \[1\]"):
        to_sklearn(BackpropRegressor(max_iter=1).fit(X, X[:, 0]))


def test_sklearn_mlp_inputs_far_from_zero_are_refused_in_single_precision():
    X, y = data("binary")
    for distance in (1e6, -2e4):
        far = X + np.array([0, 0, distance, 0])
        model = BackpropClassifier(**QUICK, tol=None).fit(far, y)
        same_answers(model, to_sklearn(model), far, rtol=1e-7)
        model.fit(far.astype(np.float32), y)
        with pytest.raises(ValueError, match="in column 2: fit on float64"):
            to_sklearn(model)
    near = (X + 5000).astype(np.float32)
    model = BackpropClassifier(**QUICK, tol=None).fit(near, y)
    same = to_sklearn(model).predict_proba(near)
    np.testing.assert_allclose(same, model.predict_proba(near), atol=5e-3)


def test_other_networks_are_refused():
    X, y = data("targets")
    with pytest.raises(ValueError, match="'huber', 'identity'"):
        to_sklearn(fit(BackpropRegressor(loss="huber", max_iter=1, tol=None), X, y))
    y = np.column_stack([np.arange(60) % 3, np.arange(60) % 2])
    with pytest.raises(ValueError, match="multioutput"):
        to_sklearn(fit(BackpropClassifier(max_iter=1, tol=None), X, y))
    with pytest.raises(TypeError, match="LogisticRegression"):
        from_sklearn(LogisticRegression())
    with pytest.raises(TypeError, match="LogisticRegression"):
        to_sklearn(LogisticRegression())
    with pytest.raises(NotFittedError):
        from_sklearn(MLPClassifier())
    with pytest.raises(NotFittedError):
        to_sklearn(BackpropClassifier())


def test_parameters_set_since_fit_are_checked():
    clf = BackpropClassifier((2,), max_iter=1, tol=None).fit([[0.0], [1.0]], [0, 1])
    with pytest.raises(ValueError, match="The 'learning_rate_init' parameter"):
        to_sklearn(clf.set_params(learning_rate_init=len))
