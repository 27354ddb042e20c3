"""Any legal estimator, any data and a few calls: right results, or an error in words.

    python .ci/fuzz/estimators.py --seconds 60 --seed 0
    .ci/sanitize .ci/fuzz/estimators.py --seconds 60 --seed 0

Every parameter is drawn, extreme values too, and so are the kind of targets, the layout of
the data, their scale and their weights. Under the sanitizers every access of the kernel outside
of an array ends the process. That is a fault, as is any other error that is not expected.
"""

import copy
import inspect
import math
import pickle
import re
import tempfile
import warnings
from pathlib import Path

import numpy as np
from cases import main
from scipy import sparse
from sklearn.base import clone

from skbackprop import BackpropClassifier, BackpropRegressor, persistence
from skbackprop._parameters import ACTIVATION_NAMES, WeightInit

# What may be said of a combination that makes no sense, or of numbers that overflow.
EXPECTED = {
    "no meaning": "has no meaning for solver|for least squares|'output_activation' parameter",
    "members": "is for n_members=1",
    "too many parameters": "solves for all parameters at once",
    "diverged": "Training diverged",
    "held out": "validation set is too small|only 1 member|without validation data",
    "overflow": "overflow|must be finite in|too large for dtype|in the range of|are too large",
    "classes": "not among the classes|same classes as in|class_weight|cannot be resumed",
    "layers": "values, one per hidden layer",
    "weights": "All entries of sample_weight are zero",
}
NEAR_ONE = float(np.nextafter(1, 0))
CHOICES = {
    "output_activation": ["auto"] * 8 + ["softmax", "exp", *ACTIVATION_NAMES],
    "solver": ["auto", "sgd", "sgd", "adam", "amsgrad", "rmsprop", "rprop", "lbfgs", "lm"],
    "alpha": ["auto", 0, 0.0, 1e-4, 1.0, 1e3, 1e300],
    "batch_size": ["auto", "full", 1, 2, 7, 64, 1000, 2**40],
    "learning_rate": ["auto", "constant", "invscaling", "adaptive", "linear", "cosine"],
    "learning_rate_init": ["auto", "auto", 1e-300, 1e-6, 0.01, 0.3, 100.0, 1e300],
    "power_t": [0, 0.5, 300.0],
    "max_iter": ["auto", 1, 2, 3, 5],
    "shuffle": [True, True, False],
    "random_state": [0, 1, 2, None],
    "tol": ["auto", None, 0, 1e-4, 0.5, 1e300],
    "verbose": [0],
    "warm_start": [False, True],
    "momentum": [0.0, 0.0, 0.9, 1, 1e-300],
    "nesterovs_momentum": [True, False],
    "early_stopping": [False, False, True],
    "validation_fraction": [0.1, 0.5, NEAR_ONE, 5e-324],
    "beta_1": [0.9, 0, NEAR_ONE],
    "beta_2": [0.999, 0.0, NEAR_ONE],
    "epsilon": [1e-8, 5e-324, 1.0, 1e300],
    "n_iter_no_change": [1, 10, math.inf, 2**40],
    "max_fun": [1, 2, 15000],
    "weight_decay": [0.0, 0.0, 0.1, 10.0, 1e300],
    "l1": [0.0, 0.0, 0.1, 1e300],
    "dropout": [0.0, 0.0, 0.0, 0.5, 5e-324, NEAR_ONE],
    "clip_norm": [5.0, None, 1e-3, 5e-324, 1e300],
    "max_norm": [None, None, None, 0.5, 5e-324, 1e300],
    "weight_init": [*WeightInit.names],
    "standardize": [True, True, False],
    "scoring": [None, None, "score"],
    "restore_best": [True, False],
    "max_restarts": [0, 1, 3],
}
OF_CLASSIFIERS = {
    "loss": ["auto", "auto", "log_loss", "squared_error"],
    "class_weight": [None, None, "balanced", {0: 2.0, 1: 0.5}, {0: 0.0}],
    "grow_classes": [False, True],
}
OF_REGRESSORS = {
    "loss": [
        "auto",
        "squared_error",
        "absolute_error",
        "huber",
        "quantile",
        "pinball",
        "poisson",
    ],
    "quantile": [0.5, 0.05, (0.9, 0.1), (0.2, 0.5, 0.8), 5e-324],
}
SCALES = [1.0] * 10 + [1e-6, 1e6, 1e-300, 1e-30, 1e30, 1e150, 1e300]


def pick(rng, values):
    """One of some values."""
    return values[int(rng.integers(len(values)))]


def draw_hidden(rng):
    """Mostly small layers, and some with more weights than the caches of the kernel expect."""
    if rng.random() < 0.1:
        return "auto"
    sizes = [1, 2, 3, 5, 8, 16, 33, 120]
    return tuple(pick(rng, sizes) for _ in range(int(rng.choice([0, 1, 1, 1, 2, 3]))))


def draw_parameters(rng, kind):
    """A value for each parameter of a class; most are those of an ordinary fit."""
    choices = CHOICES | (OF_CLASSIFIERS if kind is BackpropClassifier else OF_REGRESSORS)
    hidden = draw_hidden(rng)
    activation = [pick(rng, ACTIVATION_NAMES) for _ in hidden]
    one_for_all = isinstance(hidden, str) or rng.random() < 0.5
    chosen = {name: pick(rng, values) for name, values in choices.items()}
    chosen["hidden_layer_sizes"] = hidden
    chosen["activation"] = pick(rng, ACTIVATION_NAMES) if one_for_all else activation
    everything = inspect.signature(kind).parameters
    assert set(chosen) == set(everything), set(chosen) ^ set(everything)
    defaults = {name: parameter.default for name, parameter in everything.items()}
    # So that a single absurd value does not decide every case.
    kept = {name for name in choices if rng.random() < 0.6} - {"max_iter", "random_state"}
    return chosen | {name: defaults[name] for name in kept}


def draw_inputs(rng, n, n_columns, scale):
    """Rows of any layout, with constant columns, zeros and copies."""
    with np.errstate(over="ignore"):
        X = scale * rng.normal(size=(n, n_columns))
        if rng.random() < 0.3:
            X[:, 0] = pick(rng, [0.0, 0.1, X[0, 0]])
        if rng.random() < 0.3:
            X[rng.integers(n, size=n // 2)] = X[0]
        X[rng.random(X.shape) < pick(rng, [0.0, 0.5, 0.95])] = 0
        X = np.clip(X, -1.7e308, 1.7e308)
        if rng.random() < 0.4:
            X = np.clip(X, -3e38, 3e38).astype(np.float32)
    layout = rng.integers(6)
    if layout == 0:
        return sparse.csr_array(X)
    if layout == 1:
        return pick(rng, [sparse.csc_matrix, sparse.coo_array, sparse.csr_matrix])(X)
    if layout == 2:
        return np.asfortranarray(X)
    return np.repeat(X, 2, axis=0)[::2] if layout == 3 else X


def draw_targets(rng, kind, n):
    """Targets of any kind that the class takes, and whether they are more than a column."""
    if kind is BackpropRegressor:
        y = pick(rng, [1.0, 1.0, 1.0, 1e-30, 1e30, 1e150]) * rng.exponential(size=(n, 3))
        y = y if rng.random() < 0.5 else rng.integers(0, 3, size=(n, 3))
        return y[:, 0] if rng.random() < 0.6 else y[:, : int(rng.integers(1, 4))]
    y = rng.integers(0, 4, size=(n, 3))
    return [
        y[:, 0] % 2, y[:, 0], 0 * y[:, 0], np.array(list("abcd"))[y[:, 0]], y % 2,
        y[:, :2] + 4 * np.eye(n, 2, dtype=int),
    ][rng.integers(6)]  # fmt: skip


def draw_weights(rng, n):
    """None, counts, or anything at all."""
    weights = [
        None, None, rng.integers(0, 3, n) + np.eye(n)[0], rng.uniform(size=n),
        rng.choice([0.0, 5e-324, 1e-300, 1.0, 1e300], size=n) + np.eye(n)[0],
    ]  # fmt: skip
    return pick(rng, weights)


# ---- Calls ----


def check_outputs(estimator, X):
    """All that predicts, and what has to hold of it."""
    n = X.shape[0]
    for call in (estimator.predict, estimator.get_activations):
        try:
            found = call(X)
        except ValueError as error:
            assert re.search("overflow", str(error)), error
            continue
        assert len(found) == n
        assert found.dtype.kind in "UO" or np.isfinite(found).all()
    if isinstance(estimator, BackpropClassifier):
        several = isinstance(estimator.classes_, list)
        is_multilabel = not several and getattr(estimator.predict(X[[0]]), "ndim", 1) == 2
        for p in estimator.predict_proba(X) if several else [estimator.predict_proba(X)]:
            assert ((p >= 0) & (p <= 1)).all()
            assert is_multilabel or np.allclose(p.sum(axis=1), 1, atol=1e-5)
        estimator.predict_log_proba(X)
        estimator.decision_function(X)


def check_fitted(estimator):
    """What has to hold of a fitted estimator, whatever it was fitted to."""
    assert np.isfinite(estimator._params).all()
    assert len({len(column) for column in estimator.history_.values()}) == 1


def by_steps(estimator, X, y, weights, rng):
    """A call of partial_fit."""
    if hasattr(estimator, "partial_fit"):
        estimator.partial_fit(X, y, sample_weight=weights)


def by_rows(estimator, X, y, weights, rng):
    """A stream of single rows."""
    if hasattr(estimator, "partial_fit"):
        X = X.tocsr() if sparse.issparse(X) else X
        for row in rng.integers(X.shape[0], size=20):
            weight = None if weights is None else weights[[row]]
            estimator.partial_fit(X[[row]], y[[row]], sample_weight=weight)


def again(estimator, X, y, weights, rng):
    """Another fit, with other parameters."""
    chosen = draw_parameters(rng, type(estimator))
    name = str(rng.choice(list(chosen)))
    estimator.set_params(**{name: chosen[name]})
    half = slice(X.shape[0] // 2, None)
    X = X.tocsr()[half] if sparse.issparse(X) else X[half]
    estimator.fit(X, y[half], sample_weight=None if weights is None else weights[half])


def with_validation(estimator, X, y, weights, rng):
    """A fit that is watched by its own rows."""
    estimator.fit(X, y, sample_weight=weights, X_val=X, y_val=y, sample_weight_val=weights)


def copies(estimator, X, y, weights, rng):
    """Copies, also by way of a file."""
    for made in (pickle.loads(pickle.dumps(estimator)), copy.deepcopy(estimator)):
        assert np.array_equal(made._params, estimator._params)
    with tempfile.TemporaryDirectory() as folder:
        persistence.save(estimator, Path(folder) / "model")
        made = persistence.load(Path(folder) / "model")
    assert np.array_equal(made._params, estimator._params)
    by_rows(made, X, y, weights, rng)
    clone(estimator).fit(X, y)


def few_rows(estimator, X, y, weights, rng):
    """Predictions of few rows, which go another way than those of many."""
    X = X.tocsr() if sparse.issparse(X) else X
    for n in (1, 2, 9):
        check_outputs(estimator, X[:n])


CALLS = (by_steps, by_rows, again, with_validation, copies, few_rows)


def case(rng):
    """An estimator that is fitted and then used in a few ways."""
    kind = pick(rng, [BackpropClassifier, BackpropRegressor])
    estimator = kind(**draw_parameters(rng, kind))
    n, n_columns = pick(rng, [2, 3, 5, 17, 40, 600]), pick(rng, [1, 2, 3, 4, 9, 30, 130])
    X = draw_inputs(rng, n, n_columns, pick(rng, SCALES))
    y, weights = draw_targets(rng, kind, n), draw_weights(rng, n)
    outcome = "fine"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for call in (None, *(pick(rng, CALLS) for _ in range(3))):
            try:
                if call is None:
                    estimator.fit(X, y, sample_weight=weights)
                else:
                    call(estimator, X, y, weights, rng)
            except ValueError as error:
                outcome = expected(error)
            if not hasattr(estimator, "_params"):
                return outcome
            check_fitted(estimator)
            check_outputs(estimator, X)
    return outcome


def expected(error):
    """The kind of an expected error; raises any other."""
    for name, words in EXPECTED.items():
        if re.search(words, str(error)):
            return name
    raise error


if __name__ == "__main__":
    main(case)
