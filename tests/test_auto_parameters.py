"""What "auto" comes to."""

import math
import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop._engine.hashing import hash_data
from skbackprop._engine.sampling import make_sampler
from skbackprop._preprocessing.noise_estimation import noise_share
from skbackprop._preprocessing.target_encoding import OutputLayer
from skbackprop._training.configuration import (
    l2_strength,
    make_checked_solver,
    make_network,
    make_solver,
    resolve_config,
    resolve_early_stopping,
    streaming_alpha,
)
from skbackprop._training.data import TrainingData
from skbackprop.export import to_sklearn

NOISE = 0.25
PRIOR = 12 * (NOISE - 0.05)


def plan(size=200, epochs_before=0, incremental=False, noise=NOISE, **parameters):
    reg = BackpropRegressor(**parameters)
    rows = range(size)
    data = TrainingData(
        None, None, rows, make_sampler(rows, None, False), None, None, None, noise, incremental,
        epochs_before,
    )  # fmt: skip
    network = make_network(reg, 3, (4,), OutputLayer(1, "squared_error", "identity"))
    return resolve_config(reg, network, make_checked_solver(reg, network, size), data)


def test_the_defaults_learn_online_at_a_falling_rate():
    resolved = plan()
    assert (resolved.batch_size, resolved.learning_rate_init, resolved.max_epochs) == (
        1,
        0.03,
        60,
    )
    assert (resolved.schedule.name, resolved.schedule_length, resolved.early_stopping.tol) == (
        "linear",
        60,
        None,
    )
    assert resolved.regularization.alpha == pytest.approx(PRIOR / 200)


@pytest.mark.parametrize(
    ("size", "epochs"), [(10, 60), (50_000, 60), (100_000, 30), (10**6, 5), (10**7, 5)]
)
def test_many_rows_are_used_in_fewer_epochs(size, epochs):
    assert plan(size, solver="sgd").max_epochs == epochs
    assert plan(size, max_iter=7).max_epochs == 7


@pytest.mark.parametrize(
    ("size", "epochs"),
    [(10, 60), (16_666, 60), (20_000, 50), (100_000, 10), (10**6, 5)],
)
@pytest.mark.parametrize("solver", ["auto", "adam", "rmsprop"])
def test_adaptive_steps_need_fewer_epochs_of_many_rows(solver, size, epochs):
    assert plan(size, solver=solver).max_epochs == epochs


@pytest.mark.parametrize(
    ("parameters", "solver"),
    [
        ({}, "adam"),
        ({"learning_rate": "cosine", "max_iter": 3, "alpha": 0}, "adam"),
        ({"alpha": 0.001}, "sgd"),
        ({"solver": "sgd"}, "sgd"),
        ({"batch_size": 1}, "sgd"),
        ({"batch_size": "full"}, "sgd"),
        ({"learning_rate_init": 0.1}, "sgd"),
        ({"momentum": 0.9}, "sgd"),
        ({"learning_rate": "invscaling"}, "sgd"),
        ({"learning_rate": "adaptive"}, "sgd"),
    ],
)
def test_many_rows_are_for_adam_unless_a_parameter_speaks_for_sgd(parameters, solver):
    for make, fewest in ((BackpropClassifier, 5000), (BackpropRegressor, 10_000)):
        model = make(**parameters)
        assert make_solver(model, fewest).name == solver
        assert make_solver(model, fewest - 1).name == make_solver(model).name == "sgd"


@pytest.mark.parametrize(
    ("parameters", "batch_size", "alpha"),
    [
        ({"batch_size": 8}, 8, PRIOR * 8 / 200),
        ({"batch_size": 500}, 200, PRIOR),
        ({"batch_size": "full"}, 200, PRIOR),
        ({"solver": "adam"}, 32, PRIOR * 32 / 200),
        ({"solver": "rprop"}, 200, PRIOR),
        ({"solver": "lbfgs", "batch_size": 1}, 200, PRIOR),
        ({"alpha": 0.5, "batch_size": 8}, 8, 0.5),
    ],
)
def test_the_penalty_of_an_epoch_is_the_same(parameters, batch_size, alpha):
    resolved = plan(**parameters)
    assert resolved.batch_size == batch_size
    assert resolved.regularization.alpha == pytest.approx(alpha)


@pytest.mark.parametrize(
    ("noise", "strength"),
    [(0, 0.5), (0.09, 0.5), (0.1, 0.6), (0.3, 3), (0.7, 7.8), (0.72, 8), (1.2, 8)],
)
def test_the_penalty_follows_the_noise(noise, strength):
    assert l2_strength(noise) == pytest.approx(strength)
    assert plan(noise=noise).regularization.alpha == pytest.approx(strength / 200)
    assert plan(noise=noise, alpha=0.3).regularization.alpha == 0.3


@pytest.mark.parametrize(
    ("parameters", "rate"),
    [
        ({"momentum": 0.9}, 0.003),
        ({"momentum": 1.0}, 0.0003),
        ({"solver": "adam", "momentum": 0.9}, 0.005),
        ({"solver": "rmsprop"}, 0.005),
        ({"solver": "rprop"}, 0.01),
        ({"solver": "adam", "learning_rate_init": 0.5}, 0.5),
    ],
)
def test_the_rate_goes_by_the_solver(parameters, rate):
    assert plan(**parameters).learning_rate_init == pytest.approx(rate)


@pytest.mark.parametrize(
    ("parameters", "tol", "max_epochs"),
    [
        ({"learning_rate": "cosine"}, None, 60),
        ({"learning_rate": "constant"}, 1e-4, 200),
        ({"learning_rate": "adaptive"}, 1e-4, 200),
        ({"solver": "lbfgs"}, 1e-4, 200),
        ({"solver": "lm"}, 1e-4, 200),
        ({"early_stopping": True}, 1e-4, 60),
        ({"learning_rate": "constant", "tol": None}, None, 200),
    ],
)
def test_where_the_rate_does_not_fall_training_ends_by_tol(parameters, tol, max_epochs):
    resolved = plan(**parameters)
    assert (resolved.early_stopping.tol, resolved.max_epochs) == (tol, max_epochs)


@pytest.mark.parametrize("solver", ["sgd", "adam", "amsgrad", "rmsprop", "rprop"])
@pytest.mark.parametrize("schedule", ["constant", "invscaling", "adaptive", "linear", "cosine"])
def test_two_schedules_are_for_gradient_descent_alone(schedule, solver):
    obeyed = solver == "sgd" or (solver != "rprop" and schedule in ("linear", "cosine"))
    resolved = plan(solver=solver, learning_rate=schedule)
    assert resolved.schedule.name == (schedule if obeyed else "constant")


def test_training_that_goes_on_plans_from_where_it_is():
    assert plan(epochs_before=60, max_iter=60).schedule_length == 120


def test_the_patience_of_a_solver():
    def of(early_stopping, **parameters):
        reg = BackpropRegressor(n_iter_no_change=3, early_stopping=early_stopping, **parameters)
        validation = object()  # whether there is one is all that matters
        return resolve_early_stopping(reg, make_solver(reg), validation).patience

    assert of(False, solver="sgd") == of(True, solver="sgd") == of(False, solver="rprop") == 3
    assert of(True, solver="lm") == 3
    assert of(False, solver="lm") == of(False, solver="lbfgs") == math.inf


def test_a_stream_has_no_end_to_plan_for():
    assert streaming_alpha(BackpropRegressor()) == 0
    assert streaming_alpha(BackpropRegressor(alpha=0.5)) == 0.5
    resolved = plan(1, epochs_before=1000, incremental=True)
    assert (resolved.schedule.name, resolved.max_epochs) == ("constant", 1)
    assert resolved.regularization.alpha == 0
    assert plan(1, 1000, True, learning_rate="linear").schedule.name == "constant"
    assert plan(1, 1000, True, max_iter=60).schedule.name == "constant"
    planned = plan(1, 1000, True, learning_rate="linear", max_iter=2000)
    assert (planned.schedule.name, planned.schedule_length) == ("linear", 2000)


def test_a_fit_and_then_a_stream(wheat):
    clf = BackpropClassifier(max_iter=3, random_state=0).fit(*wheat)
    np.testing.assert_allclose(clf.history_["learning_rate"], [0.03, 0.02, 0.01])
    before = clf.coefs_[0].copy()
    clf.partial_fit(wheat[0][:1], wheat[1][:1])
    assert clf.history_["learning_rate"][-1] == 0.03
    assert (clf.coefs_[0] != before).any()


def test_the_defaults_are_what_they_say(wheat):
    X, y = wheat
    y = np.where(np.arange(len(y)) % 10, y, 1)  # so noisy that neither limit is met
    plain = BackpropClassifier(random_state=0).fit(X, y)
    order = np.argsort(hash_data(X, y))
    inputs = plain._scaling.inputs.transform(X)[order]
    noise = noise_share(inputs, np.searchsorted(plain.classes_, y[order]), np.ones(len(y)))
    assert 0.1 < noise < 0.7
    spelt_out = BackpropClassifier(
        (64, 64), alpha=12 * (noise - 0.05) * (1 / len(y)), batch_size=1,
        learning_rate="linear", learning_rate_init=0.03, max_iter=60, tol=None, random_state=0,
    ).fit(X, y)  # fmt: skip
    np.testing.assert_array_equal(plain.coefs_[0], spelt_out.coefs_[0])


def test_a_weight_is_as_many_rows_in_the_plan_too(wheat):
    X, y = wheat[0][:60], wheat[1][:60]
    weights = np.arange(60) % 3 + 1
    settings = {"hidden_layer_sizes": (4,), "random_state": 0}
    weighed = BackpropClassifier(**settings).fit(X, y, sample_weight=weights)
    repeated = BackpropClassifier(**settings).fit(X.repeat(weights, 0), y.repeat(weights))
    np.testing.assert_array_equal(weighed.coefs_[0], repeated.coefs_[0])


def test_a_falling_rate_needs_no_warning_and_a_constant_one_does(wheat):
    BackpropClassifier(max_iter=2).fit(*wheat)
    with pytest.warns(ConvergenceWarning, match="max_iter=2"):
        BackpropClassifier(learning_rate="constant", max_iter=2).fit(*wheat)


def test_the_strength_in_use_is_told(wheat):
    X, y = wheat
    clf = BackpropClassifier((5,), max_iter=1, random_state=0).fit(X, y)
    assert 0.5 / len(y) <= clf.alpha_ <= 8 / len(y)
    again = clone(clf).set_params(alpha=clf.alpha_).fit(X, y)
    np.testing.assert_array_equal(again.coefs_[0], clf.coefs_[0])
    assert again.alpha_ == clf.alpha_
    assert clf.partial_fit(X, y).alpha_ == 0


def test_a_fit_of_many_rows_goes_on_as_a_stream_and_elsewhere():
    """Adam for `fit`, online learning for `partial_fit` and for a fit of fewer rows."""
    X = np.random.default_rng(0).normal(size=(5000, 3))
    y = (X.sum(axis=1) > 0).astype(int)
    clf = BackpropClassifier((4,), max_iter=2, warm_start=True, random_state=0).fit(X, y)
    assert clf.solver_ == "adam"
    mlp = to_sklearn(clf)
    assert (mlp.solver, mlp.batch_size) == ("adam", 32)
    np.testing.assert_allclose(mlp.predict_proba(X), clf.predict_proba(X), atol=1e-12)
    restored = pickle.loads(pickle.dumps(clf))
    assert restored.fit(X, y).solver_ == "adam"
    np.testing.assert_array_equal(restored.predict_proba(X), clf.fit(X, y).predict_proba(X))
    assert clf.partial_fit(X[:1], y[:1]).partial_fit(X[:5], y[:5]).solver_ == "sgd"
    assert clf.fit(X, y).solver_ == "adam"
    assert clf.fit(X[:100], y[:100]).solver_ == "sgd"
    assert clf.score(X, y) > 0.9
    # Three copies of fewer rows, or as much weight, are as many.
    few, weights = clone(clf).set_params(warm_start=False), np.full(1700, 3.0)
    assert few.fit(X[:1700], y[:1700], sample_weight=weights).solver_ == "adam"
    assert few.fit(X[:1700], y[:1700]).solver_ == "sgd"
