"""Any legal parameters on any small data: a fitted estimator, or an error that says why."""

import math
import re
import warnings

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from scipy import sparse
from strategies import campaign

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop._engine.solvers import SOLVERS
from skbackprop._parameters import ACTIVATION_NAMES, WeightInitOptions

# What may be said of a combination that makes no sense. Everything else is a bug.
REFUSALS = re.compile(
    "has no meaning for solver|is for n_members=1|for least squares|Training diverged|"
    "validation set is too small|only 1 member|early_stopping=True without validation data|"
    "'output_activation' parameter.* must be"
)
FULL_BATCH = [name for name, solver in SOLVERS.items() if solver.full_batch]
numbers = st.sampled_from


@st.composite
def parameters(draw, regression):
    hidden = draw(st.lists(st.integers(1, 5), max_size=3))
    activation = numbers(ACTIVATION_NAMES)
    losses = ["auto", "log_loss", "squared_error"]
    if regression:
        losses = ["auto", "squared_error", "absolute_error", "huber", "quantile", "poisson"]
    chosen = {
        "hidden_layer_sizes": draw(numbers([tuple(hidden), tuple(hidden), "auto"])),
        "activation": draw(activation),
        "output_activation": draw(
            st.one_of(st.just("auto"), st.just("auto"), activation, numbers(["softmax", "exp"]))
        ),
        "loss": draw(numbers(losses)),
        "solver": draw(numbers(["auto", *SOLVERS])),
        "alpha": draw(numbers(["auto", 0.0, 1e-4, 1.0])),
        "batch_size": draw(numbers(["auto", "full", 1, 3, 1000])),
        "learning_rate": draw(
            numbers(["auto", "constant", "invscaling", "adaptive", "linear", "cosine"])
        ),
        "learning_rate_init": draw(numbers(["auto", 1e-6, 0.01, 0.3, 100.0])),
        "power_t": draw(numbers([0.0, 0.5])),
        "max_iter": draw(st.one_of(st.just("auto"), st.integers(1, 12))),
        "shuffle": draw(st.booleans()),
        "tol": draw(numbers(["auto", None, 0.0, 1e-4, 0.5])),
        "warm_start": draw(st.booleans()),
        "momentum": draw(numbers([0.0, 0.9, 1.0])),
        "nesterovs_momentum": draw(st.booleans()),
        "early_stopping": draw(st.booleans()),
        "validation_fraction": draw(numbers([0.1, 0.5, 0.99])),
        "n_iter_no_change": draw(numbers([1, 10, math.inf])),
        "max_fun": draw(numbers([1, 15000])),
        "weight_decay": draw(numbers([0.0, 0.0, 0.1, 10.0])),
        "l1": draw(numbers([0.0, 0.0, 0.1])),
        "dropout": draw(numbers([0.0, 0.0, 0.5])),
        "clip_norm": draw(numbers([None, 1e-3, 5.0])),
        "max_norm": draw(numbers([None, None, 0.5])),
        "weight_init": draw(numbers(WeightInitOptions.names)),
        "standardize": draw(st.booleans()),
        "scoring": draw(numbers([None, "score"])),
        "restore_best": draw(st.booleans()),
        "max_restarts": draw(st.integers(0, 3)),
        "n_members": draw(st.sampled_from([1, 1, 1, 2])),
        "random_state": draw(st.integers(0, 3)),
    }
    if regression:
        chosen["quantile"] = draw(numbers([0.5, 0.05, (0.9, 0.1), (0.2, 0.5, 0.8)]))
    else:
        chosen["class_weight"] = draw(numbers([None, None, "balanced"]))
        chosen["grow_classes"] = draw(st.booleans())
    return chosen


@st.composite
def data(draw, regression):
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n, n_inputs = draw(st.integers(2, 40)), draw(st.integers(1, 6))
    X = draw(numbers([1e-6, 1.0, 1e6])) * rng.normal(size=(n, n_inputs))
    X[:, 0] = draw(numbers([X[0, 0], 0.0, X[:, 0]]))
    X = X.astype(draw(numbers([np.float64, np.float32])))
    if draw(st.booleans()):
        X = sparse.csr_matrix(np.where(rng.random(X.shape) < 0.5, 0, X))
    if regression:
        y = rng.exponential(size=(n, draw(st.integers(1, 3))))
        y = y[:, 0] if y.shape[1] == 1 else y
    else:
        kind = draw(numbers(["binary", "multiclass", "one class", "multilabel", "multioutput"]))
        y = {
            "binary": rng.integers(0, 2, n),
            "multiclass": rng.integers(0, 4, n),
            "one class": np.zeros(n, dtype=int),
            "multilabel": rng.integers(0, 2, (n, 3)),
            "multioutput": rng.integers(0, 4, (n, 2)) + np.eye(n, 2, dtype=int) * 4,
        }[kind]
    weights = draw(numbers([None, rng.integers(0, 3, n) + np.eye(n)[0], rng.uniform(size=n)]))
    return X, y, weights


def _is_number(values):
    return ~np.isnan(values)


def predictions(estimator, X):
    """What is predicted; nothing, where an exponential overflows."""
    try:
        found = [estimator.predict(X)]
    except ValueError as error:
        assert "overflow" in str(error) and estimator.out_activation_ == "exp", error
        return []
    if isinstance(estimator, BackpropClassifier):
        proba = estimator.predict_proba(X)
        found += proba if isinstance(proba, list) else [proba]
    return found


def fit_and_use(estimator, X, y, weights, streams):
    """Fit, go on, and predict; returns whether it was refused."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            estimator.fit(X, y, sample_weight=weights)
            if streams and hasattr(estimator, "partial_fit"):
                estimator.partial_fit(X, y, sample_weight=weights)
            elif estimator.warm_start:
                estimator.fit(X, y, sample_weight=weights)
        except ValueError as error:
            assert REFUSALS.search(str(error)), error
            return True
        outputs = predictions(estimator, X)
    assert all(np.isfinite(np.asarray(output, dtype=float)).all() for output in outputs)
    assert all(len(output) == X.shape[0] for output in outputs)
    # Only an exponential may overflow, and no loss may be no number.
    possible = _is_number if estimator.out_activation_ == "exp" else np.isfinite
    # Where held-out rows decide, training may diverge after the best network was found.
    assert estimator.early_stopping or possible(estimator.loss_)
    assert all(np.isfinite(layer).all() for layer in estimator.coefs_ + estimator.intercepts_)
    return False


@pytest.mark.parametrize("regression", [False, True], ids=["classifier", "regressor"])
@campaign(400, suppress_health_check=list(HealthCheck))
@given(rest=st.data())
def test_any_legal_parameters(regression, rest):
    chosen = rest.draw(parameters(regression))
    X, y, weights = rest.draw(data(regression))
    estimator = (BackpropRegressor if regression else BackpropClassifier)(**chosen)
    fit_and_use(estimator, X, y, weights, rest.draw(st.booleans()))


@pytest.mark.parametrize("solver", FULL_BATCH)
@pytest.mark.parametrize("name", ["dropout", "weight_decay", "l1", "max_norm"])
def test_what_a_solver_cannot_heed_is_refused(name, solver):
    X, y = np.arange(8.0).reshape(4, 2), np.arange(4.0)
    reg = BackpropRegressor((3,), solver=solver, max_iter=2, tol=None, **{name: 0.5})
    if name in SOLVERS[solver].refused:
        with pytest.raises(ValueError, match=f"'{name}' parameter has no meaning.*'{solver}'"):
            reg.fit(X, y)
    else:
        reg.fit(X, y)


@pytest.mark.parametrize("solver", FULL_BATCH)
def test_what_a_solver_has_no_use_for_is_ignored(solver):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(30, 2)), rng.normal(size=30)
    settings = {"solver": solver, "max_iter": 5, "tol": None, "random_state": 0}
    plain = BackpropRegressor((3,), **settings).fit(X, y)
    ignored = {
        "momentum": 0.5, "nesterovs_momentum": False, "beta_1": 0.5, "beta_2": 0.5,
        "epsilon": 1.0, "batch_size": 7, "learning_rate": "linear", "power_t": 0.1,
        "clip_norm": 1e-3, "quantile": 0.9,
    }  # fmt: skip
    if SOLVERS[solver].whole_problem:
        ignored |= {"learning_rate_init": 1.0, "n_iter_no_change": 1}
    same = BackpropRegressor((3,), **settings, **ignored).fit(X, y)
    np.testing.assert_array_equal(same.coefs_[0], plain.coefs_[0])


def test_least_squares_is_for_squared_error():
    X = np.zeros((4, 60))
    with pytest.raises(ValueError, match="needs loss='squared_error'. Got 'log_loss'"):
        BackpropClassifier((3,), solver="lm").fit(X, [0, 1, 0, 1])


@pytest.mark.parametrize("name", ["activation", "dropout"])
def test_one_value_per_layer(name):
    values = {"activation": ["tanh", "relu", "tanh"], "dropout": [0.1, 0.2, 0.3]}[name]
    with pytest.raises(ValueError, match=f"'{name}' parameter has 3 values.*has 2 layers"):
        BackpropRegressor((3, 2), **{name: values}).fit([[0.0], [1.0]], [0.0, 1.0])
