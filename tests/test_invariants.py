"""What users can rely on, whatever the data: docs/promises.md names each test here."""

import ast
import copy
import multiprocessing
import pickle
import sys
import threading
import warnings
from pathlib import Path

import joblib
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import r2_score
from strategies import campaign

import skbackprop
from skbackprop import BackpropClassifier, BackpropRegressor

ANY = settings(max_examples=30, suppress_health_check=list(HealthCheck))
# Python may be built without the lock that lets one thread run at a time.
HAS_LOCK = getattr(sys, "_is_gil_enabled", lambda: True)()
VALIDATION = ("X_val", "y_val", "sample_weight_val")
SCALES = [1e-12, 1e-3, 1.0, 1e3, 1e12]
pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


BY_STEPS = ["sgd", "adam", "amsgrad", "rmsprop"]
SOLVERS = [*BY_STEPS, "rprop", "lbfgs", "lm"]


@st.composite
def problems(draw, regression=None, solvers=BY_STEPS):
    """An estimator and its data."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n, n_inputs = draw(st.integers(4, 30)), draw(st.integers(1, 5))
    X = rng.normal(size=(n, n_inputs))
    X[rng.random(X.shape) < 0.3] = 0
    hidden = tuple(draw(st.lists(st.integers(1, 6), max_size=2)))
    solver = draw(st.sampled_from(solvers))
    can_drop_out = hidden and solver in BY_STEPS
    chosen = {
        "hidden_layer_sizes": hidden,
        "activation": draw(st.sampled_from(["tanh", "logistic", "softplus"])),
        "solver": solver,
        "loss": "squared_error" if solver == "lm" else "auto",
        "batch_size": draw(st.sampled_from([1, 3, "full"])),
        "dropout": draw(st.sampled_from([0.0, 0.0, 0.3])) if can_drop_out else 0.0,
        "max_iter": 4,
        "tol": None,
        "random_state": draw(st.integers(0, 5)),
    }
    if draw(st.booleans()) if regression is None else regression:
        y = X[:, 0] + rng.normal(size=n)
        chosen["loss"] = "squared_error"
        return BackpropRegressor(**chosen), X, y
    n_classes = draw(st.integers(2, 4))
    return BackpropClassifier(**chosen), X, np.arange(n) % n_classes


def outputs(estimator, X):
    has_proba = isinstance(estimator, BackpropClassifier)
    return estimator.predict_proba(X) if has_proba else estimator.predict(X)


def same_bits(a, b):
    for mine, other in zip(a.coefs_ + a.intercepts_, b.coefs_ + b.intercepts_, strict=True):
        np.testing.assert_array_equal(mine, other)


# ---- The data, however they are written ----


@campaign(100, suppress_health_check=list(HealthCheck))
@given(
    problems(solvers=SOLVERS), st.integers(0, 2**32), st.booleans(),
    st.booleans(), st.booleans(),
)  # fmt: skip
def test_the_order_of_rows_changes_no_bit(problem, seed, weighted, copied, validated):
    """Nor do copies with weights of their own, or the order of validation rows."""
    estimator, X, y = problem
    rng = np.random.default_rng(seed)
    if copied:
        rows = np.append(np.arange(len(y)), rng.integers(len(y), size=2 * len(y)))
        X, y = X[rows], y[rows]
    weights = rng.uniform(0.1, 2, size=len(y)) if weighted else np.ones(len(y))
    if isinstance(estimator, BackpropClassifier) and rng.random() < 0.5:
        estimator.set_params(class_weight=["balanced", {0: 1.3, 1: 0.7}][rng.integers(2)])
    order, order_val = rng.permutation(len(y)), rng.permutation(len(y))
    plain, shuffled = {}, {}
    if validated:
        estimator.set_params(early_stopping=True)
        plain = dict(zip(VALIDATION, (X, y, weights), strict=True))
        shuffled = {name: values[order_val] for name, values in plain.items()}
    one = clone(estimator).fit(X, y, weights, **plain)
    other = clone(estimator).fit(X[order], y[order], weights[order], **shuffled)
    same_bits(one, other)
    assert one.loss_curve_ == other.loss_curve_
    assert one.validation_loss_curve_ == other.validation_loss_curve_


@ANY
@given(problems(solvers=SOLVERS), st.integers(0, 2**32))
def test_an_integer_weight_is_so_many_copies(problem, seed):
    estimator, X, y = problem
    rng = np.random.default_rng(seed)
    weights = rng.integers(0, 4, size=len(y))
    weights[: len(set(y.tolist())) if isinstance(estimator, BackpropClassifier) else 1] = 2
    copies = np.repeat(np.arange(len(y)), weights)
    weighted = clone(estimator).fit(X, y, sample_weight=weights)
    same_bits(weighted, clone(estimator).fit(X[copies], y[copies]))


@ANY
@given(problems())
def test_the_form_of_an_array_changes_no_bit(problem):
    """Fortran order, read-only memory, steps, lists, other byte orders and float types."""
    estimator, X, y = problem
    X = X.astype(np.float32).astype(np.float64)
    expected = clone(estimator).fit(X, y)
    frozen = X.copy()
    frozen.flags.writeable = False
    beside = np.empty(X.nbytes + 1, dtype=np.uint8)[1:].view(np.float64).reshape(X.shape)
    beside[...] = X
    for form in (
        np.asfortranarray(X), frozen, np.repeat(X, 2, axis=0)[::2], X.tolist(), beside,
        X.astype(">f8"), X.astype(np.longdouble),
    ):  # fmt: skip
        made = clone(estimator).fit(form, y)
        same_bits(made, expected)
        np.testing.assert_allclose(outputs(made, form), outputs(expected, X), rtol=1e-13)


def test_a_read_only_memory_map_changes_no_bit(tmp_path):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(50, 3)), np.arange(50) % 3
    np.save(tmp_path / "X.npy", X)
    np.save(tmp_path / "y.npy", y)
    clf = BackpropClassifier((4,), max_iter=3, tol=None, random_state=0)
    mapped = clone(clf).fit(
        np.load(tmp_path / "X.npy", mmap_mode="r"), np.load(tmp_path / "y.npy", mmap_mode="r")
    )
    same_bits(mapped, clf.fit(X, y))


@ANY
@given(problems())
def test_sparse_is_dense(problem):
    """Without standardizing, which leaves the zeros of a sparse column where they are."""
    estimator, X, y = problem
    estimator.set_params(standardize=False)
    dense = clone(estimator).fit(X, y)
    for kind in (sparse.csr_matrix, sparse.csr_array, sparse.csc_array, sparse.coo_array):
        made = clone(estimator).fit(kind(X), y)
        np.testing.assert_allclose(outputs(made, kind(X)), outputs(dense, X), rtol=1e-8)


@ANY
@given(problems(), st.sampled_from(["squared_error", "huber"]))
def test_float32_is_near_float64(problem, loss):
    """A few epochs with smooth activations and losses, by solvers that go batch by batch."""
    estimator, X, y = problem
    if isinstance(estimator, BackpropRegressor):
        estimator.set_params(loss=loss)
    X = X.astype(np.float32).astype(np.float64)  # their order depends on what rows hold
    wide = clone(estimator).fit(X, y)
    narrow = clone(estimator).fit(X.astype(np.float32), y)
    found = outputs(narrow, X.astype(np.float32))
    assert all(layer.dtype == np.float32 for layer in narrow.coefs_)
    np.testing.assert_allclose(found, outputs(wide, X), rtol=1e-2, atol=1e-2)


@pytest.mark.parametrize(
    ("solver", "loss"),
    [
        *((solver, loss) for solver in ("sgd", "adam", "rprop", "lbfgs")
          for loss in ("absolute_error", "quantile")),
        ("lm", "squared_error"),
    ],
)  # fmt: skip
def test_float32_learns_as_well_as_float64_where_roundings_grow(solver, loss):
    """Two networks, which may differ by some hundredths of the target's standard deviation."""
    ratios, differences = [], []
    for seed in range(16):
        rng = np.random.default_rng(seed)
        X = rng.normal(size=(60, 3)).astype(np.float32)
        y = X[:, 0] + np.sin(2 * X[:, 1]) + 0.3 * rng.normal(size=60)
        reg = BackpropRegressor(
            (20,), solver=solver, loss=loss, max_iter=30, tol=None, random_state=seed
        )
        wide, narrow = (clone(reg).fit(X.astype(dtype), y) for dtype in (float, np.float32))
        assert narrow.coefs_[0].dtype == np.float32
        ratios.append(np.log(narrow.loss_ / wide.loss_))
        differences.append(np.mean((narrow.predict(X) - wide.predict(X)) ** 2) / np.var(y))
    assert abs(np.mean(ratios)) < 0.05
    assert np.sqrt(np.median(differences)) < 0.1


@ANY
@given(problems(), st.lists(st.sampled_from(SCALES), min_size=5, max_size=5), st.booleans())
def test_the_units_of_columns_do_not_matter(problem, factors, negative):
    """The estimators standardize: metres or millimeters, it is the same network."""
    estimator, X, y = problem
    units = np.array(factors[: X.shape[1]]) * (1 + 0.5 * negative)
    shifts = units if negative else 0
    estimator.set_params(shuffle=False)  # an order that depends on what rows hold
    plain = clone(estimator).fit(X, y)
    scaled = clone(estimator).fit(X * units + shifts, y)
    np.testing.assert_allclose(
        outputs(scaled, X * units + shifts), outputs(plain, X), rtol=1e-3, atol=1e-6
    )


@ANY
@given(problems(regression=False))
def test_labels_are_names(problem):
    """In an order that stays, any names give the same network."""
    clf, X, y = problem
    expected = clone(clf).fit(X, y)
    for names in (["a", "b", "c", "d"], [-7, 0, 10**9, 2**40], [False, True, 2, 3]):
        named = np.array(names[: y.max() + 1])[y]
        renamed = clone(clf).fit(X, named)
        np.testing.assert_array_equal(renamed.predict_proba(X), expected.predict_proba(X))
        np.testing.assert_array_equal(renamed.predict(X), renamed.classes_[expected.predict(X)])


# ---- Estimators and their copies ----


@ANY
@given(problems())
def test_copies_go_on_alike(problem):
    estimator, X, y = problem
    estimator.fit(X, y)
    copies = [copy.deepcopy(estimator), pickle.loads(pickle.dumps(estimator))]
    again = clone(estimator).fit(X, y)
    expected = outputs(estimator, X)
    for other in (*copies, again):
        np.testing.assert_array_equal(outputs(other, X), expected)
    classes = {"classes": estimator.classes_} if hasattr(estimator, "classes_") else {}
    estimator.partial_fit(X, y, **classes)
    for other in (*copies, again):
        np.testing.assert_array_equal(outputs(other, X), outputs(other, X))
        other.partial_fit(X, y, **classes)
        same_bits(other, estimator)


@ANY
@given(problems(), st.integers(1, 40))
def test_predictions_do_not_depend_on_the_rows_beside(problem, size):
    estimator, X, y = problem
    estimator.fit(X, y)
    many = np.vstack([X] * 20)
    whole = outputs(estimator, many)
    parts = [outputs(estimator, many[at : at + size]) for at in range(0, len(many), size)]
    np.testing.assert_allclose(np.concatenate(parts), whole, rtol=1e-10, atol=1e-13)


# ---- Predictions ----


@ANY
@given(
    problems(regression=False),
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=8),
    st.sampled_from(["log_loss", "squared_error"]),
    st.booleans(),
)
def test_probabilities_are_ones_for_any_finite_input(problem, numbers, loss, standardize):
    clf, X, y = problem
    clf.set_params(loss=loss, standardize=standardize).fit(X, y)
    strange = np.resize(np.array(numbers), (9, X.shape[1]))
    for rows in (strange, sparse.csr_array(strange), strange.astype(object)):
        proba = clf.predict_proba(rows)
        assert np.isfinite(proba).all()
        assert (proba >= 0).all()
        np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-6)
        assert np.isin(clf.predict(rows), clf.classes_).all()


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("activation", ["relu", "tanh", "softplus", "gelu", "mish", "identity"])
def test_probabilities_of_the_largest_inputs(activation, dtype):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(30, 2)).astype(dtype), np.arange(30) % 3
    clf = BackpropClassifier(
        (4,), activation=activation, standardize=False, max_iter=3, tol=None, random_state=0
    ).fit(X, y)
    top = np.finfo(dtype).max
    rows = np.array([[top, top], [-top, top], [top, 0], [0, -top]], dtype=dtype)
    proba = clf.predict_proba(rows)
    assert np.isfinite(proba).all()
    np.testing.assert_allclose(proba.sum(axis=1), 1, rtol=1e-5)
    for row, of_row in zip(rows, proba, strict=True):
        np.testing.assert_allclose(clf.predict_proba(row[None])[0], of_row, rtol=1e-5)


# ---- Numerical edges ----


def finite_or_said(estimator, X, y):
    """Fitted with finite weights, or an error that says what is wrong."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            estimator.fit(X, y)
        except ValueError as error:
            assert any(word in str(error) for word in ("diverged", "too large", "magnitude"))
            return None
    assert all(np.isfinite(layer).all() for layer in estimator.coefs_)
    assert np.isfinite(estimator.predict(X)).all()
    return estimator


@pytest.mark.parametrize("solver", ["sgd", "adam", "rprop", "lbfgs", "lm"])
@pytest.mark.parametrize("size", [1e308, 1e154, 1e-154, 1e-300, 5e-324])
@pytest.mark.parametrize("standardize", [True, False])
def test_inputs_of_any_size(solver, size, standardize):
    rng = np.random.default_rng(0)
    X = np.sign(rng.normal(size=(20, 2))) * size
    reg = BackpropRegressor((3,), solver=solver, max_iter=3, tol=None, standardize=standardize)
    finite_or_said(reg, X, rng.normal(size=20))


@pytest.mark.parametrize("size", [1e12, 1e-12, 1e100, 1e-100])
def test_targets_of_any_size_are_learned_alike(size):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2))
    y = X[:, 0] - 0.5 * X[:, 1] + 2
    # Shuffling begins with an order that depends on what rows hold.
    reg = BackpropRegressor((5,), max_iter=30, tol=None, shuffle=False, random_state=0)
    plain = clone(reg).fit(X, y).predict(X)
    np.testing.assert_allclose(reg.fit(X, y * size).predict(X) / size, plain, rtol=1e-6)


def test_targets_over_many_magnitudes():
    X = np.linspace(-1, 1, 50)[:, None]
    y = 10.0 ** np.linspace(-12, 12, 50)
    assert finite_or_said(BackpropRegressor((5,), max_iter=20, tol=None), X, y) is not None


@pytest.mark.parametrize("solver", ["sgd", "adam", "rprop", "lbfgs", "lm"])
def test_sample_weights_over_twelve_orders(solver):
    """What weighs most decides, and what weighs next to nothing is next to nothing."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 2))
    y = X[:, 0] + 100 * (np.arange(60) < 30)
    weights = np.r_[10.0 ** np.linspace(-9, -6, 30), 10.0 ** np.linspace(0, 3, 30)]
    # The five neurons of some seeds are all dead from the start.
    reg = BackpropRegressor(
        (5,), solver=solver, max_iter=100, tol=None, alpha=0, random_state=0
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        reg.fit(X, y, sample_weight=weights)
    assert np.isfinite(np.concatenate([layer.ravel() for layer in reg.coefs_])).all()
    assert r2_score(y[30:], reg.predict(X[30:]), sample_weight=weights[30:]) > 0.9


def test_first_weights_over_twelve_orders():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 6)), rng.normal(size=40)
    given = (
        [10.0 ** rng.uniform(-6, 6, size=shape) for shape in ((6, 4), (4, 1))],
        [np.zeros(4), np.zeros(1)],
    )
    for activation in ("tanh", "relu", "logistic", "softplus"):
        reg = BackpropRegressor((4,), activation=activation, weight_init=given, max_iter=20)
        finite_or_said(reg, X, y)


@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs", "lm"])
@pytest.mark.parametrize("n", [1, 2])
def test_one_row_and_one_feature(solver, n):
    X = np.arange(float(n))[:, None]
    settings_ = {"solver": solver, "max_iter": 3, "tol": None, "random_state": 0}
    assert finite_or_said(BackpropRegressor((2,), **settings_), X, np.arange(n) + 3.0)
    if solver != "lm":
        clf = BackpropClassifier((2,), **settings_)
        assert finite_or_said(clf, X, np.arange(n)).classes_.tolist() == list(range(n))


@pytest.mark.parametrize("n_targets", [1, 3])
def test_constant_columns_and_targets(n_targets):
    X = np.full((20, 3), 7.0)
    y = np.full((20, n_targets) if n_targets > 1 else 20, -1e6)
    reg = BackpropRegressor((3,), random_state=0).fit(X, y)
    np.testing.assert_allclose(reg.predict(X), y, rtol=1e-6)


def test_one_class():
    clf = BackpropClassifier((3,), max_iter=5).fit(np.eye(4), ["rye"] * 4)
    assert clf.predict(np.eye(4)).tolist() == ["rye"] * 4
    np.testing.assert_array_equal(clf.predict_proba(np.eye(4)), np.ones((4, 1)))


def test_ten_thousand_classes():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(10_000, 4)), rng.permutation(10_000)
    clf = BackpropClassifier((3,), max_iter=1, tol=None, batch_size=500, random_state=0)
    clf.fit(X, y)
    proba = clf.predict_proba(X[:20])
    assert proba.shape == (20, 10_000)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    assert np.isin(clf.predict(X[:20]), y).all()


def test_separable_classes_stay_finite():
    X = np.repeat([[-1.0], [1.0]], 20, axis=0)
    clf = BackpropClassifier((), max_iter=2000, tol=None, alpha=0, learning_rate_init=1.0)
    clf.fit(X, X[:, 0] > 0)
    assert np.isfinite(clf.coefs_[0]).all()
    assert clf.score(X, X[:, 0] > 0) == 1


def test_copies_of_one_row():
    X = np.ones((200, 3))
    reg = BackpropRegressor((3,), max_iter=50, random_state=0).fit(X, np.arange(200) % 2)
    np.testing.assert_allclose(reg.predict(X), 0.5, atol=0.1)


# ---- Threads and processes ----


def fit_and_predict(seed):
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(200, 5)), np.arange(200) % 3
    kind = (BackpropClassifier, BackpropRegressor)[seed % 2]
    solver = ("sgd", "adam", "rmsprop", "lbfgs")[seed % 4]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        estimator = kind((6,), solver=solver, max_iter=5, random_state=seed).fit(X, y)
    return outputs(estimator, X)


@pytest.fixture(scope="module")
def serial():
    return [fit_and_predict(seed) for seed in range(8)]


def test_threads_fit_side_by_side(serial, record_property):
    record_property("cases", 3 * len(serial))
    for _ in range(3):
        with warnings.catch_warnings():
            found = joblib.Parallel(8, backend="threading")(
                joblib.delayed(fit_and_predict)(seed) for seed in range(8)
            )
        for one, expected in zip(found, serial, strict=True):
            np.testing.assert_array_equal(one, expected)


def test_threads_share_a_fitted_estimator(record_property):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(500, 5)), np.arange(500) % 3
    clf = BackpropClassifier((8,), max_iter=3, tol=None, random_state=0).fit(X, y)
    forms = [X, X[:1], X.tolist(), sparse.csr_array(X), X.astype(np.float32)]
    expected = [clf.predict_proba(form) for form in forms]
    found, failures = [], []

    def predict():
        try:
            for _ in range(10):
                found.append([clf.predict_proba(form) for form in forms])
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=predict) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert len(found) == 80
    record_property("cases", len(found) * len(forms))
    for answers in found:
        for answer, right in zip(answers, expected, strict=True):
            np.testing.assert_array_equal(answer, right)


@pytest.mark.parametrize("method", ["fork", "spawn", "loky"])
def test_processes_fit_alike(serial, method, record_property):
    if method == "loky":
        found = joblib.Parallel(2)(joblib.delayed(fit_and_predict)(seed) for seed in range(4))
    else:
        if method not in multiprocessing.get_all_start_methods():
            pytest.skip(f"there is no {method} on this platform")
        with warnings.catch_warnings():
            # A fork beside threads, such as BLAS's, is warned of from Python 3.12 on.
            warnings.simplefilter("ignore", DeprecationWarning)
            with multiprocessing.get_context(method).Pool(2) as pool:
                found = pool.map(fit_and_predict, range(4))
    record_property("cases", len(found))
    for one, expected in zip(found, serial, strict=False):
        np.testing.assert_array_equal(one, expected)


@pytest.mark.compiled
@pytest.mark.skipif(not HAS_LOCK, reason="there is no lock to let go of")
def test_other_threads_run_during_an_epoch():
    """The compiled loop holds no lock: a thread that counts goes on while it runs."""
    from skbackprop._engine.kernel import _kernel as kernel
    from skbackprop._engine.network import Network
    from skbackprop._engine.regularization import Regularization
    from skbackprop._engine.solvers import GradientDescent

    net = Network((20, 30, 1), ("tanh",), "squared_error", "identity")
    params, order = np.full(net.n_params, 0.01), np.zeros(100_000, dtype=np.int64)
    waits, begin, ran = threading.Event(), threading.Event(), []

    def run():
        waits.set()
        begin.wait()
        ran.append(1)

    thread = threading.Thread(target=run)
    thread.start()
    waits.wait()
    interval = sys.getswitchinterval()
    try:
        # Nobody has to hand the lock over: only who lets go of it lets others run.
        sys.setswitchinterval(1000)
        begin.set()
        assert not ran
        kernel.run_epoch(
            net, params, np.zeros((0, net.n_params)), GradientDescent(), Regularization(),
            np.ones((1, 20)), np.ones((1, 1)), order, 1, 1e-3,
        )  # fmt: skip
        assert ran
    finally:
        sys.setswitchinterval(interval)
    thread.join()


# ---- Security ----


def test_nothing_runs_text_or_opens_connections(record_property):
    """No module evaluates text, unpickles, runs programs or knows of a network."""
    refused = {
        "pickle",
        "marshal",
        "shelve",
        "subprocess",
        "socket",
        "urllib",
        "http",
        "ctypes",
    }
    modules = list(Path(skbackprop.__file__).parent.rglob("*.py"))
    record_property("cases", len(modules))
    for path in modules:
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Import):
                found = {name.name.split(".")[0] for name in node.names}
            elif isinstance(node, ast.ImportFrom) and not node.level:
                found = {node.module.split(".")[0]}
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                found = {node.func.id} & {"eval", "exec", "compile", "__import__"}
                assert not found, f"{path.name} calls {found}"
            else:
                continue
            assert not found & refused, f"{path.name} imports {found & refused}"
