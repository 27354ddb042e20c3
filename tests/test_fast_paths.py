"""The short ways for single rows: the same as the long ones, and never taken by mistake."""

import copy
import pickle

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.exceptions import DataConversionWarning

from skbackprop import BackpropClassifier, BackpropRegressor, fast_paths
from skbackprop.engine.updaters import UPDATERS

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
    "rmsprop-dropout": {"solver": "rmsprop", "dropout": 0.3, "weight_decay": 0.1},
    "l1-max-norm": {"solver": "sgd", "l1": 0.01, "max_norm": 1.0},
    "rprop": {"solver": "rprop"},
    "two-layers": {"hidden_layer_sizes": (5, 4), "activation": ("gelu", "tanh")},
}  # fmt: skip


@pytest.fixture
def counted(monkeypatch):
    """How often the short way was taken."""
    taken = []
    real = fast_paths.Stream.learn

    def learn(*arguments):
        done = real(*arguments)
        taken.append(done)
        return done

    monkeypatch.setattr(fast_paths.Stream, "learn", learn)
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
    assert short._standing.progress == long._standing.progress
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


def test_a_row_that_was_learnt_is_counted_whatever_interrupts(counted, monkeypatch):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20, 4)), rng.normal(size=20)
    reg = stream(BackpropRegressor((5,), solver="sgd", random_state=0), X, y, True)
    other = copy.deepcopy(reg)
    stream(other, X[:2], y[:2], False)

    def interrupt(history):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr("skbackprop.history.shorten", interrupt)
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
        (ROW * np.nan, ["a"], "NaN"),
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
    assert counted == [True]  # the first one finds another kind of row


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


@pytest.mark.parametrize(
    "other",
    [
        lambda X: X.tolist(), lambda X: pd.DataFrame(X), lambda X: X.astype(np.float32),
        lambda X: np.asfortranarray(np.vstack([X, X]))[:1], lambda X: X.view(np.matrix).A,
    ],
)  # fmt: skip
def test_other_forms_of_a_row_take_the_long_way(other):
    clf = BackpropClassifier((4,), solver="sgd", random_state=0)
    clf.partial_fit(ROW, ["a"], classes=["a", "b"])
    clf.partial_fit(other(ROW), ["b"])
    assert clf.t_ == 2
    np.testing.assert_allclose(clf.predict_proba(other(ROW)), clf.predict_proba(ROW), rtol=1e-6)


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
    for bad in (np.nan, np.inf, -np.inf):
        with pytest.raises(ValueError, match="NaN|infinity"):
            clf.predict(np.full((1, 3), bad))
    with pytest.raises(ValueError, match="2 features"):
        clf.predict(np.eye(2))
    with pytest.raises(ValueError, match="0 sample"):
        clf.predict(np.empty((0, 3)))


def test_a_long_stream_keeps_a_short_record(monkeypatch):
    monkeypatch.setattr("skbackprop.history._LONGEST_STREAM", 50)
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
    assert set(fast_paths.MADE_READY) <= set(vars(clf))
    assert not set(fast_paths.MADE_READY) & set(clf.__getstate__())
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
    assert tried == {"sgd", "adam", "rmsprop", "rprop"}
    assert len(UPDATERS) == 7  # plain, momentum, Nesterov, Adam, RMSprop, Rprop, Collect
