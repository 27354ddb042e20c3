"""Activations and losses that a user wrote: they run, whatever their names are."""

import copy
import pickle
from dataclasses import replace

import joblib
import numpy as np
import pytest
from sklearn.base import clone

from skbackprop import Activation, BackpropClassifier, BackpropRegressor, Loss
from skbackprop._engine.activations import OUTPUT_ACTIVATIONS, TANH
from skbackprop._engine.losses import POISSON
from skbackprop._engine.network import Network
from skbackprop._engine.regularization import Regularization
from skbackprop._engine.solvers import Adam, GradientDescent
from skbackprop._engine.training import choose_engine, kernel
from skbackprop.export import to_c, to_sklearn

QUICK = {"hidden_layer_sizes": (5,), "max_iter": 5, "tol": None, "random_state": 0}


def square(z):
    return z * z


def square_derivative(z):
    return 2 * z


def identity(z):
    return z


def no_loss(z, o, y):
    return 0 * z[:, 0]


def no_gradient(z, o, y):
    return 0 * z


def data():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(30, 4))
    return X, (X[:, 0] > 0).astype(int)


def test_codes_of_the_kernel_are_no_arguments():
    with pytest.raises(TypeError, match="code"):
        Activation("square", square, square_derivative, of="input", code=3)
    with pytest.raises(TypeError, match="code"):
        Loss("mine", "identity", identity, no_loss, no_gradient, code=2)
    assert not any(hasattr(row, "code") for row in (TANH, POISSON, Adam()))


@pytest.mark.parametrize(
    "activation",
    [
        Activation("tanh", square, square_derivative, of="input"),
        replace(TANH, value=square),
        replace(TANH, derivative=square_derivative),
        replace(TANH, of="input"),
    ],
    ids=["constructed", "value replaced", "derivative replaced", "side replaced"],
)
def test_custom_activation_runs_under_a_built_in_name(activation):
    X, y = data()
    clf = BackpropClassifier(activation=activation, **QUICK).fit(X, y)
    assert clf.engine_ == "numpy"
    other = BackpropClassifier(activation=replace(activation, name="other"), **QUICK).fit(X, y)
    np.testing.assert_array_equal(clf._params, other._params)
    np.testing.assert_array_equal(clf.decision_function(X), other.decision_function(X))
    raw = clf.get_activations(X, 0) @ clf.coefs_[1] + clf.intercepts_[1]
    np.testing.assert_allclose(clf.decision_function(X), raw[:, 0], rtol=1e-12)
    for row in X[:3], X[3:4]:  # the short way of a single row, too
        np.testing.assert_allclose(
            clf.decision_function(row), other.decision_function(row), rtol=1e-12
        )


@pytest.mark.parametrize("name", ["squared_error", "log_loss", "huber"])
def test_custom_loss_runs_under_a_built_in_name(name):
    loss = Loss(name, "identity", identity, no_loss, no_gradient)
    X, y = data()
    for estimator in (BackpropRegressor, BackpropClassifier):
        fitted = estimator(loss=loss, alpha=0.0, **QUICK).fit(X, y)
        assert fitted.engine_ == "numpy"
        assert fitted.loss_curve_ == [0.0] * 5


def test_custom_functions_with_built_in_names_stay_in_python():
    X, y = data()
    custom = Activation("tanh", square, square_derivative, of="input")
    clf = BackpropClassifier(activation=custom, **QUICK).fit(X, y)
    for export in (to_c, to_sklearn):
        with pytest.raises(ValueError, match="must be built in"):
            export(clf)


@pytest.mark.parametrize("row", OUTPUT_ACTIVATIONS, ids=lambda row: row.name)
def test_copies_of_a_built_in_activation_are_that_activation(row):
    assert copy.deepcopy(row) is row
    assert copy.copy(row) is row
    assert pickle.loads(pickle.dumps(row)) is row


def test_copies_of_a_custom_activation_are_equal():
    row = Activation("tanh", square, square_derivative, of="input")
    for made in (copy.deepcopy(row), pickle.loads(pickle.dumps(row))):
        assert made == row
        assert made is not TANH


@pytest.mark.compiled
def test_built_in_activation_objects_are_compiled(tmp_path):
    X, y = data()
    clf = BackpropClassifier(activation=[TANH], **QUICK)
    joblib.dump(clf.fit(X, y), tmp_path / "clf")
    by_name = BackpropClassifier(activation="tanh", **QUICK).fit(X, y)
    for same in (clf, clone(clf).fit(X, y), joblib.load(tmp_path / "clf"), copy.deepcopy(clf)):
        assert same.engine_ == "compiled"
        assert same._network == by_name._network
        np.testing.assert_array_equal(same._params, by_name._params)


# ---- What a forged state may hold ----


class TwoSlotsLess(Adam):
    n_slots = 0


@pytest.mark.compiled
def test_kernel_takes_rules_by_their_class():
    network = Network((2, 3, 1), ("tanh",), "squared_error", "identity")
    assert choose_engine(network, Adam()) == "compiled"
    assert choose_engine(network, TwoSlotsLess()) == "numpy"
    params = np.zeros(network.n_params)
    with pytest.raises(ValueError, match="an update rule that the kernel has a case for"):
        kernel.Runner(
            network, params, np.zeros((0, params.size)), TwoSlotsLess(), Regularization(),
            np.ones((1, 2)), np.ones((1, 1)),
        )  # fmt: skip


@pytest.mark.compiled
def test_kernel_finds_parameters_by_itself():
    """Whatever a network says of offsets and numbers, its layer sizes count."""
    X, Y = data()[0], np.ones((30, 1))
    honest = Network((4, 3, 1), ("tanh",), "squared_error", "identity")
    forged = Network((4, 3, 1), ("tanh",), "squared_error", "identity")
    forged.__dict__.update(
        weight_offsets=np.array([10**6, 10**7, 10**8]), bias_offsets=np.array([0, -9, -99]),
        shapes=[(10**6, 10**6)], n_params=1, n_weights=10**9, hidden=[], loss_function=POISSON,
    )  # fmt: skip
    trained = []
    for network in (honest, forged):
        params, state = np.linspace(-1, 1, honest.n_params), np.zeros((0, honest.n_params))
        kernel.run_epoch(
            network,
            params,
            state,
            GradientDescent(),
            Regularization(),
            X,
            Y,
            np.arange(30),
            1,
            0.1,
        )
        trained += [params, kernel.Predictor(network, params, None).raw(X)]
    np.testing.assert_array_equal(trained[0], trained[2])
    np.testing.assert_array_equal(trained[1], trained[3])


@pytest.mark.compiled
@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"layer_sizes": (4, 3.0, 1)}, "neurons"),
        ({"layer_sizes": (4, 2**40, 1)}, "neurons"),
        ({"layer_sizes": (4, 3, 2)}, "parameters of shape"),
        ({"layer_sizes": (2**31 - 1,) * 3}, "parameters of shape"),
        ({"activations": ("softmax",)}, "has a case for"),
        ({"activations": (TANH,)}, "has a case for"),
        ({"activations": ("tanh", "tanh")}, "activations"),
        ({"activations": (2,)}, "has a case for"),
        ({"output_activation": "softmax"}, "has a case for"),
        ({"output_activation": 100}, "has a case for"),
        ({"loss": "log_loss"}, "has a case for"),
        ({"loss": 0}, "has a case for"),
        ({"loss": "poisson"}, "has a case for"),
        ({"loss": "huber", "loss_options": (1.0, 2.0)}, "an option of the loss"),
        ({"loss": "quantile", "loss_options": ((0.5,),)}, "an option of the loss"),
        (
            {"loss": "log_loss", "output_activation": "softmax", "loss_options": (0.5, 0.5)},
            "add up to 1",
        ),
    ],
)
def test_kernel_refuses_networks_that_cannot_be(fields, message):
    network = replace(Network((4, 3, 1), ("tanh",), "squared_error", "identity"), **fields)
    with pytest.raises(ValueError, match=message):
        kernel.Predictor(network, np.zeros(19), None)


@pytest.mark.compiled
def test_kernel_objects_are_made_once_and_used_when_made():
    network = Network((4, 3, 1), ("tanh",), "squared_error", "identity")
    made = kernel.Predictor(network, np.zeros(19), None)
    with pytest.raises(ValueError, match="made once"):
        made.__init__(network, np.zeros(19), None)
    assert made.raw(np.ones((1, 4))) == 0
    empty = kernel.Predictor.__new__(kernel.Predictor)
    for use in (empty.raw, lambda X: empty.probabilities(X, 2)):
        with pytest.raises(ValueError, match="before it was made"):
            use(np.ones((1, 4)))
    with pytest.raises(ValueError, match="before it was made"):
        kernel.Runner.__new__(kernel.Runner).run(np.zeros(1, dtype=np.int64), 1, 0.1)
    with pytest.raises(ValueError, match="before it was made"):
        kernel.OnlineStepper.__new__(kernel.OnlineStepper).learn(
            np.ones((1, 4)), 1.0, 0.1, 0, 0
        )
