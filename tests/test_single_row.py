"""The short ways for single rows: the same as the long ones, and never taken by mistake."""

import copy
import pickle
import warnings
from copy import deepcopy

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.exceptions import DataConversionWarning

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop._engine.solvers import SOLVERS
from skbackprop._prediction import fitted_network, single_row

# The short ways are the kernel's.
pytestmark = pytest.mark.compiled

STREAMS = {
    "plain": {"solver": "sgd"},
    "batches": {"solver": "sgd", "batch_size": 7, "alpha": 0.0},
    "nesterov-invscaling": {
        "solver": "sgd", "momentum": 0.9, "learning_rate": "invscaling", "clip_norm": None,
    },
    "adaptive": {
        "solver": "sgd", "learning_rate": "adaptive", "tol": 0.5, "n_iter_no_change": 3,
    },
    "adam-linear": {"solver": "adam", "learning_rate": "linear", "max_iter": 60},
    "amsgrad": {"solver": "amsgrad", "alpha": 0.1},
    "rmsprop-dropout": {"solver": "rmsprop", "dropout": 0.3, "weight_decay": 0.1},
    "l1-max-norm": {"solver": "sgd", "l1": 0.01, "max_norm": 1.0},
    "rprop": {"solver": "rprop"},
    "two-layers": {"hidden_layer_sizes": (5, 4), "activation": ("gelu", "tanh")},
}  # fmt: skip


@pytest.fixture
def counted(monkeypatch):
    """How often the short way was taken."""
    taken = []
    real = single_row.SingleRowLearner.learn

    def learn(*arguments):
        done = real(*arguments)
        taken.append(done)
        return done

    monkeypatch.setattr(single_row.SingleRowLearner, "learn", learn)
    return taken


def stream(estimator, X, y, short, **first):
    for row in range(X.shape[0]):
        if not short:
            vars(estimator).pop("_stream", None)
        estimator.partial_fit(X[[row]], y[[row]], **first)
    return estimator


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("how", STREAMS)
@pytest.mark.parametrize(
    "kind", ["multiclass", "binary", "squared_error", "labels", "regression", "targets"]
)
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_learning_is_the_same_both_ways(counted, how, kind, dtype, form):
    rng = np.random.default_rng(0)
    X = form((rng.normal(size=(60, 4)) * rng.integers(0, 2, size=(60, 4))).astype(dtype))
    settings = {"hidden_layer_sizes": (5,), "random_state": 0} | STREAMS[how]
    if kind in ("regression", "targets"):
        y = rng.normal(size=60 if kind == "regression" else (60, 3))
        first, estimator = {}, BackpropRegressor(**settings)
    elif kind == "labels":
        y = rng.integers(0, 2, size=(60, 3))
        y[0] = 0, 1, 1
        first, estimator = {"classes": [0, 1, 2]}, BackpropClassifier(**settings)
    else:
        labels = np.array(["a", "b"] if kind == "binary" else ["a", "b", "c"])
        y, first = rng.choice(labels, size=60), {"classes": labels}
        loss = "squared_error" if kind == "squared_error" else "auto"
        estimator = BackpropClassifier(**settings, loss=loss)
    short = stream(copy.deepcopy(estimator), X, y, True, **first)
    assert counted == ([] if how == "rprop" else [True] * 59)
    long = stream(copy.deepcopy(estimator), X, y, False, **first)
    assert len(counted) < 60
    for a, b in zip(
        short.coefs_ + short.intercepts_, long.coefs_ + long.intercepts_, strict=True
    ):
        np.testing.assert_array_equal(a, b)
    assert short._train_state.counters == long._train_state.counters
    assert (short.t_, short.n_iter_, short.converged_) == (60, 1, long.converged_)
    for name, column in short.history_.items():
        if name != "seconds":
            np.testing.assert_array_equal(column, long.history_[name])


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix])
@pytest.mark.parametrize("shape", [(80,), (80, 2)])
def test_a_standardised_network_goes_on_row_by_row(counted, shape, form):
    rng = np.random.default_rng(0)
    place = 1e6 if form is np.asarray else 3  # sparse columns are not centered
    X, y = form(place + rng.normal(size=(80, 3))), 50 + rng.normal(size=shape)
    fitted = BackpropRegressor((5,), solver="sgd", max_iter=5, tol=None, random_state=0)
    fitted.fit(X, y)
    short = stream(copy.deepcopy(fitted), X, y, True)
    assert counted == [True] * 79
    long = stream(copy.deepcopy(fitted), X, y, False)
    np.testing.assert_array_equal(short.predict(X), long.predict(X))


@pytest.mark.parametrize("change", [
    {"learning_rate_init": 0.5}, {"momentum": 0.9}, {"alpha": 1.0}, {"solver": "adam"},
    {"clip_norm": 0.1}, {"dropout": 0.5},
], ids=str)  # fmt: skip
def test_a_changed_parameter_counts_at_once(counted, change):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20, 4)), rng.normal(size=20)
    reg = BackpropRegressor((5,), solver="sgd", random_state=0)
    stream(reg, X, y, True)
    other = copy.deepcopy(reg)
    del counted[:]
    stream(reg.set_params(**change), X, y, True)
    assert counted == [True] * 19
    stream(other.set_params(**change), X, y, False)
    np.testing.assert_array_equal(reg.coefs_[0], other.coefs_[0])


def test_parameters_that_are_arrays_take_the_long_way(counted):
    """Whether they are as before cannot be told in a moment."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20, 4)), rng.normal(size=20)
    reg = BackpropRegressor(np.array([5, 3]), solver="sgd", random_state=0)
    stream(reg, X, y, True)
    assert counted == [True] * 19  # as long as it is the same array
    reg.set_params(hidden_layer_sizes=np.array([5, 3]))
    reg.partial_fit(X[:1], y[:1])
    assert counted == [True] * 19
    other = BackpropRegressor((5, 3), solver="sgd", random_state=0)
    stream(other, X, y, True).partial_fit(X[:1], y[:1])
    np.testing.assert_array_equal(reg.coefs_[0], other.coefs_[0])


def test_a_row_that_was_learned_is_counted_whatever_interrupts(counted, monkeypatch):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20, 4)), rng.normal(size=20)
    reg = stream(BackpropRegressor((5,), solver="sgd", random_state=0), X, y, True)
    other = copy.deepcopy(reg)
    stream(other, X[:2], y[:2], False)

    def interrupt(history):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr("skbackprop._prediction.single_row.trim_history", interrupt)
        reg.partial_fit(X[:1], y[:1])
    assert reg.t_ == 21
    assert {len(column) for column in reg.history_.values()} == {21}
    reg.partial_fit(X[1:2], y[1:2])
    np.testing.assert_array_equal(reg.coefs_[0], other.coefs_[0])
    assert reg.history_["epoch"] == other.history_["epoch"]


ROW = np.array([[0.1, 0.2, 0.3]])


@pytest.mark.parametrize(
    ("X", "y", "error"),
    [
        (ROW * np.inf, ["a"], "infinity"),
        (ROW[:, :2], ["a"], "2 features"),
        (ROW[0], ["a"], "2D array"),
        (ROW, ["z"], "not among the classes"),
        (ROW, [], "inconsistent|Found|0 sample"),
    ],
)
def test_bad_rows_are_refused_and_change_nothing(X, y, error):
    clf = BackpropClassifier((4,), solver="sgd", random_state=0)
    clf.partial_fit(ROW, ["a"], classes=["a", "b"]).partial_fit(ROW, ["b"])
    before = pickle.dumps(clf)
    with pytest.raises(ValueError, match=error):
        clf.partial_fit(X, y)
    assert pickle.dumps(clf) == before
    clf.partial_fit(ROW, ["b"])
    with pytest.raises(ValueError, match="differ from those"):
        clf.partial_fit(ROW, ["b"], classes=["a", "c"])


def test_sparse_rows_of_any_length_and_bad_ones(counted):
    X = sparse.csr_array(sparse.random(60, 400, density=0.2, format="csr", random_state=0))
    X.data[:] += 1
    y = X.sum(axis=1)
    reg = stream(BackpropRegressor((5,), random_state=0), X, y, True)
    assert counted == [True] * 59
    reg.partial_fit(sparse.csr_array((1, 400)), [0.0])
    before = pickle.dumps(reg)
    bad = X[[0]]
    for change, error in (
        (lambda row: row.data.fill(np.nan), "NaN"),
        (lambda row: row.resize((1, 399)), "399 features"),
    ):
        row = bad.copy()
        change(row)
        with pytest.raises(ValueError, match=error):
            reg.partial_fit(row, [0.0])
    assert pickle.dumps(reg) == before
    del counted[:]
    reg.partial_fit(X[[0]].toarray(), [0.0]).partial_fit(X[[1]].toarray(), [0.0])
    assert counted == [False, True]  # the first one finds another kind of row


@pytest.mark.parametrize(
    "Y",
    [[[1.0, np.nan]], [[1.0, np.inf]], [[1.0, -1.0]], [1.0], [[1.0, 2.0, 3.0]], [["a", "b"]]],
)
def test_bad_rows_of_targets_are_refused(Y):
    reg = BackpropRegressor((4,), loss="poisson", random_state=0)
    reg.partial_fit(ROW, [[1.0, 2.0]]).partial_fit(ROW, np.array([[2.0, 1.0]]))
    before = pickle.dumps(reg)
    with pytest.raises(ValueError):
        reg.partial_fit(ROW, np.array(Y))
    assert pickle.dumps(reg) == before


def test_a_column_of_one_label_takes_the_long_way():
    clf = BackpropClassifier((4,), random_state=0)
    clf.partial_fit(ROW, ["a"], classes=["a", "b"]).partial_fit(ROW, ["b"])
    with pytest.warns(DataConversionWarning):
        clf.partial_fit(ROW, [["b"]])
    assert clf.t_ == 3
    with pytest.raises(ValueError):
        clf.partial_fit(ROW, [{}])


def test_labels_that_are_no_indicators_are_refused():
    clf = BackpropClassifier((4,), random_state=0)
    clf.partial_fit(np.vstack([ROW, ROW]), np.array([[0, 1], [1, 0]]))
    clf.partial_fit(ROW, np.array([[1, 1]])).partial_fit(ROW, np.array([[0, 1]]))
    with pytest.raises(ValueError, match="cannot be resumed"):
        clf.partial_fit(ROW, np.array([[0, 2]]))


@pytest.mark.parametrize("y", [[np.nan], [np.inf], [-1.0], [[1.0, 2.0]], ["x"]])
def test_bad_targets_are_refused(y):
    reg = BackpropRegressor((4,), solver="sgd", loss="poisson", standardize=False)
    reg.partial_fit(ROW, [1.0]).partial_fit(ROW, [2.0])
    with pytest.raises(ValueError):
        reg.partial_fit(ROW, y)


def test_a_loss_that_is_not_finite_changes_nothing():
    reg = BackpropRegressor((4,), solver="sgd", loss="poisson", random_state=0)
    reg.partial_fit(ROW, [1.0]).partial_fit(ROW, [2.0])
    before = reg.coefs_[0].copy()
    with pytest.warns(UserWarning), pytest.raises(ValueError, match="diverged"):
        reg.partial_fit(1e300 * np.sign(reg.coefs_[0] @ reg.coefs_[1]).T, [1.0])
    np.testing.assert_array_equal(reg.coefs_[0], before)


# ---- Rows in other forms ----

FORMS = {
    "lists": lambda X: X.tolist(),
    "a list of arrays": lambda X: list(X),
    "tuples": lambda X: tuple(map(tuple, X.tolist())),
    "float32": lambda X: X.astype(np.float32),
    "long double": lambda X: X.astype(np.longdouble),
    "big-endian": lambda X: X.astype(">f8"),
    "integers": lambda X: X.astype(np.int16),
    "booleans": lambda X: X > 0,
    "lists of integers": lambda X: X.astype(int).tolist(),
    "strided": lambda X: np.repeat(X, 2, axis=1)[:, ::2],
    "Fortran": lambda X: np.asfortranarray(np.vstack([X, X]))[:1],
}
TARGET_FORMS = [lambda y: y, lambda y: y.tolist(), lambda y: tuple(y.tolist()), pd.Series]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("form", FORMS)
def test_rows_in_any_form_take_the_short_way(counted, form, dtype):
    rng = np.random.default_rng(0)
    X, y = 3 * rng.normal(size=(20, 4)).astype(dtype), rng.choice(["a", "b", "c"], size=20)
    short = BackpropClassifier((5,), random_state=0).partial_fit(
        X[:1], y[:1], classes=["a", "b", "c"]
    )
    long = deepcopy(short)
    for row in range(20):
        X_row = FORMS[form](X[[row]])
        short.partial_fit(X_row, TARGET_FORMS[row % 4](y[[row]]))
        vars(long).pop("_stream", None)
        long.partial_fit(X_row, y[[row]])
    assert counted == [True] * 20
    np.testing.assert_array_equal(short.coefs_[0], long.coefs_[0])
    assert short._train_state.counters == long._train_state.counters


@pytest.fixture
def validated(monkeypatch):
    """How often rows were validated."""
    calls = []
    real = fitted_network.validate_inputs

    def validate_inputs(*arguments):
        calls.append(1)
        return real(*arguments)

    monkeypatch.setattr(fitted_network, "validate_inputs", validate_inputs)
    return calls


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("form", FORMS)
def test_predictions_of_rows_in_any_form_are_those_of_arrays(validated, form, dtype):
    rng = np.random.default_rng(0)
    X, y = 3 * rng.normal(size=(20, 4)).astype(dtype), np.arange(20) % 3
    clf = BackpropClassifier((5,), max_iter=2, random_state=0).fit(X, y)
    row = FORMS[form](X[:1])
    found = clf.predict_proba(row), clf.predict(row), clf.decision_function(row)
    assert not validated
    del clf._predictor
    clf.engine_ = "numpy"
    array = np.asarray(row).astype(dtype)
    expected = clf.predict_proba(array), clf.predict(array), clf.decision_function(array)
    for mine, other in zip(found, expected, strict=True):
        assert mine.dtype == other.dtype
        np.testing.assert_allclose(mine, other, rtol=1e-12 if dtype is np.float64 else 1e-5)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, "int8"])
def test_rows_of_frames_take_the_short_way(counted, validated, dtype):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame((9 * rng.normal(size=(20, 4))).astype(dtype), columns=list("abcd"))
    frame["b"] = np.arange(20)  # of another type
    y = pd.Series(np.arange(20) % 2, index=np.arange(20) + 100)
    short = BackpropClassifier((5,), random_state=0)
    short.partial_fit(frame[:1], y[:1], classes=[0, 1])
    long = deepcopy(short)
    for row in range(1, 20):
        short.partial_fit(frame[row : row + 1], y[row : row + 1])
        vars(long).pop("_stream", None)
        long.partial_fit(frame[row : row + 1], y[row : row + 1])
    assert counted == [True] * 19
    np.testing.assert_array_equal(short.coefs_[0], long.coefs_[0])
    proba = short.predict_proba(frame[:1])
    assert not validated
    del short.feature_names_in_
    np.testing.assert_array_equal(short.predict_proba(frame[:1].to_numpy(float)), proba)


def test_names_of_columns_are_checked_on_the_short_way(counted):
    frame = pd.DataFrame(np.eye(3), columns=list("abc"))
    clf = BackpropClassifier((5,), random_state=0).partial_fit(frame[:1], [0], classes=[0, 1])
    before = pickle.dumps(clf)
    for other in (frame.rename(columns={"a": "z"}), frame[["b", "a", "c"]], frame[["a", "b"]]):
        for method in (clf.predict, clf.predict_proba, lambda X: clf.partial_fit(X, [1])):
            with pytest.raises(ValueError, match="feature names should match"):
                method(other[:1])
    assert pickle.dumps(clf) == before
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        clf.predict(np.eye(3)[:1])
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        clf.partial_fit(np.eye(3)[:1].tolist(), [1])
    nameless = BackpropClassifier((5,), random_state=0)
    nameless.partial_fit(np.eye(3)[:1], [0], classes=[0, 1])
    with pytest.warns(UserWarning, match="X has feature names, but"):
        nameless.predict(frame[:1])
    missing = frame[:1].astype("Float64").mask(frame[:1] > 0)
    np.testing.assert_allclose(clf.predict_proba(missing), clf.predict_proba(frame[:1]))
    assert clf.predict(frame[:1].astype("Float64")) == clf.predict(frame[:1])


DATES = np.array([["2020-01-01"] * 3], "M8[D]")


@pytest.mark.parametrize(
    "X",
    [
        [[0.1, np.nan, 0.3]], [[0.1, 1e400, 0.3]], [[0.1, None, 0.3]], [["x", 0.2, 0.3]],
        [[10**400, 0.2, 0.3]], [[0.1, 0.2]], [[[0.1, 0.2, 0.3]]], [0.1, 0.2, 0.3], [], [[]],
        [[0.1, 0.2, 0.3], [0.1]], [[0.1 + 1j, 0.2, 0.3]], ({},), "abc", np.float64(3), [None],
        np.array([[1e300, 0, 0]]), DATES, np.zeros((1, 0)),
        [ROW[0], ROW[0]], [[b"x", b"y", b"z"]], {"a": 1},
    ],
)  # fmt: skip
def test_odd_rows_meet_the_same_answer_both_ways(X, monkeypatch):
    row = ROW.astype(np.float32)  # in which 1e300 is infinite
    clf = BackpropClassifier((4,), random_state=0)
    clf.partial_fit(row, ["a"], classes=["a", "b"]).partial_fit(row, ["b"])
    saved = pickle.dumps(clf)

    def answer(method, *arguments):
        before = pickle.dumps(clf)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found = getattr(clf, method)(*arguments)
        except Exception as error:
            assert pickle.dumps(clf) == before
            return repr(error)
        return found.coefs_[0].tolist() if found is clf else found.tolist()

    predicted, learned = answer("predict_proba", X), answer("partial_fit", X, ["a"])
    clf = pickle.loads(saved)
    monkeypatch.setattr(single_row, "as_rows", lambda X, dtype, names: None)
    assert answer("predict_proba", X) == predicted
    assert answer("partial_fit", X, ["a"]) == learned
    has_missing = isinstance(X, list) and X in ([[0.1, np.nan, 0.3]], [[0.1, None, 0.3]])
    assert isinstance(learned, str) or X is DATES or has_missing


def test_strings_that_are_numbers_are_read_as_ever():
    clf = BackpropClassifier((4,), random_state=0)
    clf.partial_fit(ROW, ["a"], classes=["a", "b"]).partial_fit(ROW, ["b"])
    other = deepcopy(clf).partial_fit(ROW, ["a"])
    clf.partial_fit(ROW.astype(str).tolist(), ["a"])
    np.testing.assert_array_equal(clf.coefs_[0], other.coefs_[0])


def test_rows_of_targets_in_any_form_take_the_short_way(counted):
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(4, 3)), rng.normal(size=(4, 2))
    reg = BackpropRegressor((4,), random_state=0).partial_fit(X[:1], Y[:1])
    other = stream(deepcopy(reg), X, Y, False)
    reg.partial_fit(X[:1], Y[:1].tolist()).partial_fit(X[1:2], tuple(map(tuple, Y[1:2])))
    reg.partial_fit(X[2:3], pd.DataFrame(Y[2:3])).partial_fit(X[3:], Y[3:])
    assert counted == [True] * 4
    np.testing.assert_array_equal(reg.coefs_[0], other.coefs_[0])


# ---- Weights ----


@pytest.mark.parametrize("how", ["plain", "batches", "nesterov-invscaling", "adaptive",
                                 "rmsprop-dropout", "l1-max-norm"])  # fmt: skip
@pytest.mark.parametrize("shuffle", [True, False])
def test_weights_are_the_same_both_ways(counted, how, shuffle):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 4)), rng.normal(size=60)
    settings = {"hidden_layer_sizes": (5,), "random_state": 0, "alpha": 0.1} | STREAMS[how]
    short = BackpropRegressor(**settings, shuffle=shuffle).partial_fit(X[:1], y[:1])
    long = deepcopy(short)
    weights = rng.choice([0, 0.001, 0.5, 1, 1.6, 2, 9], size=60)
    forms = (lambda w: w, lambda w: [w], lambda w: (w,), lambda w: np.array([w]))
    for row, weight in enumerate(weights):
        short.partial_fit(X[[row]], y[[row]], sample_weight=forms[row % 4](weight))
        vars(long).pop("_stream", None)
        long.partial_fit(X[[row]], y[[row]], sample_weight=[weight])
    assert counted == [True] * 60
    np.testing.assert_array_equal(short.coefs_[0], long.coefs_[0])
    assert short._train_state.counters == long._train_state.counters
    assert short.t_ != len(short.loss_curve_)
    for name, column in short.history_.items():
        if name != "seconds":
            np.testing.assert_array_equal(column, long.history_[name])


@pytest.mark.parametrize("weight", [-1, np.nan, np.inf, [1, 2], [[1]], "x", [None], 20_000])
def test_other_weights_take_the_long_way(counted, weight):
    reg = BackpropRegressor((4,), random_state=0).partial_fit(ROW, [1.0])
    if weight == 20_000:
        assert reg.partial_fit(ROW, [1.0], sample_weight=weight).t_ == 10_001
    else:
        with pytest.raises(ValueError):
            reg.partial_fit(ROW, [1.0], sample_weight=weight)
        assert reg.t_ == 1
    assert counted == [False]


def test_weights_of_one_batch_take_the_long_way(counted):
    """There they are factors of the gradient."""
    reg = BackpropRegressor((4,), batch_size="full", random_state=0).partial_fit(ROW, [1.0])
    for weight, n in ((0, 1), (1, 2), (2, 3), (1.5, 4)):
        assert reg.partial_fit(ROW, [1.0], sample_weight=weight).t_ == n
    assert counted == [True, True, False, False]


def test_a_loss_that_is_not_finite_after_some_uses_changes_nothing(counted):
    reg = BackpropRegressor((), solver="sgd", clip_norm=None, random_state=0)
    reg.partial_fit(ROW, [1.0]).partial_fit(ROW, [1.0])
    before = reg.coefs_[0].copy()
    with pytest.warns(UserWarning), pytest.raises(ValueError, match="diverged"):
        reg.partial_fit(1e8 * ROW, [1.0], sample_weight=[100])
    assert counted[-1] is False
    np.testing.assert_array_equal(reg.coefs_[0], before)


# ---- What the caller still holds ----


@pytest.mark.parametrize(
    ("name", "value", "change", "error"),
    [
        ("hidden_layer_sizes", [4], lambda sizes: sizes.append(3), "cannot be resumed"),
        ("hidden_layer_sizes", np.array([4]), lambda sizes: sizes.fill(3), "cannot be resumed"),
        ("dropout", [0.1], lambda rates: rates.__setitem__(0, 7.0), "'dropout' parameter"),
    ],
)
def test_parameters_that_change_in_place_are_noticed(name, value, change, error):
    settings = {"hidden_layer_sizes": (4,), "random_state": 0} | {name: value}
    reg = BackpropRegressor(**settings).partial_fit(ROW, [1.0]).partial_fit(ROW, [2.0])
    change(value)
    with pytest.raises(ValueError, match=error):
        reg.partial_fit(ROW, [1.0])


def test_activations_that_change_in_place_count_at_once():
    names = ["tanh"]
    reg = BackpropRegressor((4,), activation=names, random_state=0)
    reg.partial_fit(ROW, [1.0]).partial_fit(ROW, [2.0])
    names[0] = "relu"
    other = deepcopy(reg)  # which has nothing made ready
    np.testing.assert_array_equal(
        reg.partial_fit(ROW, [1.0]).coefs_[0], other.partial_fit(ROW, [1.0]).coefs_[0]
    )


@pytest.mark.parametrize(
    "form", [list, np.array, lambda labels: np.array(labels, dtype=object)]
)
def test_classes_that_change_in_place_are_noticed(counted, form):
    classes = form(["a", "b", "c"])
    clf = BackpropClassifier((4,), random_state=0).partial_fit(ROW, ["a"], classes=classes)
    clf.partial_fit(ROW, ["b"], classes=classes).partial_fit(ROW, ["b"], classes=form(classes))
    assert counted == [True] * 2
    classes[2] = "z"
    with pytest.raises(ValueError, match="differ from those of the earlier call"):
        clf.partial_fit(ROW, ["b"], classes=classes)
    np.testing.assert_array_equal(clf.classes_, ["a", "b", "c"])
    clf.partial_fit(ROW, ["b"], classes=["c", "b", "a"]).partial_fit(
        ROW, ["c"], classes=("c", "b", "a")
    )
    assert counted == [True] * 2  # the last in a tuple, where a list was noted


def test_quantiles_and_class_weights_that_change_in_place_are_noticed():
    quantiles, weights = [0.1, 0.9], {"a": 1.0}
    reg = BackpropRegressor((4,), loss="quantile", quantile=quantiles, random_state=0)
    reg.partial_fit(ROW, [1.0]).partial_fit(ROW, [2.0])
    quantiles[0] = 0.2
    with pytest.raises(ValueError, match="cannot be resumed"):
        reg.partial_fit(ROW, [1.0])
    clf = BackpropClassifier((4,), class_weight=weights, batch_size=1, random_state=0)
    clf.partial_fit(ROW, ["a"], classes=["a", "b"])
    weights["a"] = 3.0
    assert clf.partial_fit(ROW, ["a"]).t_ == 4


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("n_rows", [1, 7, 8, 1000, 5000])
@pytest.mark.parametrize("hidden", [(), (9,), (5, 8)])
@pytest.mark.parametrize("standardize", [False, True])
def test_predictions_are_the_same_both_ways(dtype, n_rows, hidden, standardize):
    rng = np.random.default_rng(0)
    X = (3 + rng.normal(size=(5000, 6))).astype(dtype)
    y = rng.integers(0, 3, size=5000)
    clf = BackpropClassifier(
        hidden, activation=["mish", "logistic"][: len(hidden)], max_iter=2, tol=None,
        standardize=standardize, random_state=0,
    )  # fmt: skip
    clf.fit(X, y)
    short = clf.decision_function(X[:n_rows])
    assert short.dtype == dtype
    vars(clf)["feature_names_in_"] = None  # names of columns take the long way
    clf.__dict__["feature_names_in_"] = np.array([f"x{k}" for k in range(6)], dtype=object)
    frame = pd.DataFrame(X[:n_rows], columns=clf.feature_names_in_)
    long = clf.decision_function(frame)
    np.testing.assert_allclose(short, long, rtol=1e-10 if dtype is np.float64 else 1e-4,
                               atol=1e-12 if dtype is np.float64 else 1e-5)  # fmt: skip


def test_predictions_refuse_what_is_not_finite():
    clf = BackpropClassifier((4,), max_iter=2, tol=None).fit(np.eye(3), [0, 1, 2])
    for bad in (np.inf, -np.inf):
        with pytest.raises(ValueError, match="infinity"):
            clf.predict(np.full((1, 3), bad))
    with pytest.raises(ValueError, match="2 features"):
        clf.predict(np.eye(2))
    with pytest.raises(ValueError, match="0 sample"):
        clf.predict(np.empty((0, 3)))


def test_a_long_stream_keeps_a_short_record(monkeypatch):
    monkeypatch.setattr("skbackprop._training.history._LONGEST_STREAM", 50)
    reg = BackpropRegressor((3,), solver="sgd", random_state=0)
    rng = np.random.default_rng(0)
    for _ in range(230):
        reg.partial_fit(rng.normal(size=(1, 3)), [1.0])
        assert len(reg.loss_curve_) <= 100
    assert {len(column) for column in reg.history_.values()} == {len(reg.loss_curve_)}
    assert reg.history_["epoch"][-1] == 229
    assert (reg.t_, len(reg.loss_curve_) >= 50) == (230, True)


def test_caches_are_no_state():
    clf = BackpropClassifier((4,), solver="sgd", random_state=0)
    clf.partial_fit(ROW, ["a"], classes=["a", "b"])
    assert set(single_row.MADE_READY) <= set(vars(clf))
    assert not set(single_row.MADE_READY) & set(clf.__getstate__())
    for other in (copy.deepcopy(clf), pickle.loads(pickle.dumps(clf)), copy.copy(clf)):
        assert other._predictor.params is other._params
        assert "_stream" not in vars(other)
        np.testing.assert_array_equal(other.predict(ROW), clf.predict(ROW))
    # Where nothing was made ready, predicting leaves no trace.
    del clf._predictor
    before = dict(vars(clf))
    clf.predict(ROW)
    assert vars(clf) == before


def test_every_rule_is_tried():
    tried = {settings.get("solver", "sgd") for settings in STREAMS.values()}
    assert tried == {name for name in SOLVERS if not SOLVERS[name].whole_problem}


@pytest.mark.parametrize(
    ("settings", "size"),
    [
        ({"alpha": 1e4}, 1.0),
        ({"weight_decay": 1e4}, 1.0),
        ({"clip_norm": None, "learning_rate_init": 100.0}, 3e37),
    ],
)
def test_updates_that_overflow_are_refused_and_change_nothing(settings, size):
    """The loss stays finite while the weights are about to become infinite."""
    X = np.random.default_rng(0).normal(size=(200, 3)).astype(np.float32)
    X[3:] *= np.float32(size)
    clf = BackpropClassifier(
        (4,), activation="softplus", loss="squared_error", standardize=False, max_restarts=0,
        learning_rate="constant", random_state=0,
    )  # fmt: skip
    clf.set_params(**settings)
    rows = (X[[row]] for row in range(200))
    with np.errstate(all="ignore"), pytest.raises(ValueError, match="diverged"):
        for row, x in enumerate(rows):
            clf.partial_fit(x, [row % 2], classes=[0, 1])
            assert np.isfinite(clf._params).all()
            before = clf._params.copy(), clf.t_
    np.testing.assert_array_equal(clf._params, before[0])
    assert clf.t_ == before[1]


def test_gradients_that_overflow_before_they_are_clipped_change_nothing():
    """The loss is finite in double precision, the delta of the first layer is not in single."""
    weights = [np.full((1, 1), 1e6, dtype=np.float32)] * 3
    biases = [np.zeros(1, dtype=np.float32)] * 3
    reg = BackpropRegressor(
        (1, 1), activation="identity", weight_init=(weights, biases), standardize=False,
        clip_norm=5.0, learning_rate="constant", max_restarts=0,
    )  # fmt: skip
    for _ in range(3):
        reg.partial_fit(np.zeros((1, 1), dtype=np.float32), [0.0])
    before = reg._params.copy(), reg.t_
    with np.errstate(all="ignore"), pytest.raises(ValueError, match="diverged"):
        reg.partial_fit(np.full((1, 1), 1e19, dtype=np.float32), [0.0])
    np.testing.assert_array_equal(reg._params, before[0])
    assert reg.t_ == before[1] == 3


def test_ordinary_streams_are_not_copied(monkeypatch):
    """Neither the defaults nor ordinary settings pay for looking at all weights."""
    seen = []
    real = single_row._may_overflow
    monkeypatch.setattr(
        single_row, "_may_overflow", lambda *a: seen.append(real(*a)) or seen[-1]
    )
    for settings in (
        {},
        {"solver": "adam"},
        {"solver": "rmsprop"},
        {"momentum": 0.9, "l1": 1e-3},
    ):
        stream(BackpropRegressor((3,), random_state=0, **settings), np.eye(3), np.ones(3), True)
    assert seen and not any(seen)
