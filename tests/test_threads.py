"""Bits do not depend on the threads that BLAS is allowed; the limit is for updates alone."""

import multiprocessing
from contextlib import nullcontext
from threading import Event, Thread

import joblib
import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop._engine.blas_threads import _SHARED_LIMIT, limit_blas_threads
from skbackprop._engine.solvers import lbfgs, levenberg_marquardt


def blas_threads():
    return [one["num_threads"] for one in threadpool_info() if one["user_api"] == "blas"]


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("batch_size", [1, 32, 200])
def test_the_bits_are_the_same_for_any_number_of_threads(batch_size, dtype):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(400, 784)).astype(dtype), rng.integers(0, 10, size=400)
    networks = []
    for n_threads in (1, 2, 3):
        with threadpool_limits(n_threads, user_api="blas"):
            clf = BackpropClassifier((256,), batch_size=batch_size, max_iter=1, random_state=0)
            clf.fit(X, y)
            networks.append([clf._params, *clf.coefs_, *clf.intercepts_])
    for others in networks[1:]:
        for ours, theirs in zip(networks[0], others, strict=True):
            np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("n", [150, 3000], ids=["dual", "primal"])
def test_levenberg_marquardt_bits_are_the_same_for_any_number_of_threads(n):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(n, 20)), rng.normal(size=n)
    networks = []
    for n_threads in (1, 2, 3):
        with threadpool_limits(n_threads, user_api="blas"):
            reg = BackpropRegressor((8,), solver="lm", max_iter=3, tol=None, random_state=0)
            networks.append(reg.fit(X, y)._params)
    for others in networks[1:]:
        np.testing.assert_array_equal(others, networks[0])


@pytest.mark.parametrize(
    ("solver", "module", "name"),
    [("lbfgs", lbfgs, "minimize"), ("lm", levenberg_marquardt, "_solve")],
)
def test_solvers_of_the_whole_problem_take_one_thread(solver, module, name, monkeypatch):
    """Several would wait for each other: LAPACK's share matrices of any size."""
    real, seen = getattr(module, name), []

    def see(*arguments, **options):
        seen.extend(blas_threads())
        return real(*arguments, **options)

    monkeypatch.setattr(module, name, see)
    X = np.random.default_rng(0).normal(size=(60, 3))
    with threadpool_limits(2, user_api="blas"):
        BackpropRegressor((20,), solver=solver, max_iter=3, tol=None).fit(X, X[:, 0])
        assert set(seen) == {1}
        assert set(blas_threads()) == {2}


def test_one_thread_only_where_more_do_not_pay():
    for sizes, batch_size, limited in (
        ((7, 5, 3), 200, False),
        ((784, 256, 10), 1, True),
        ((784, 256, 10), 200, True),
        ((784, 1024, 10), 200, False),
    ):
        before = blas_threads()
        with threadpool_limits(2, user_api="blas"):
            with limit_blas_threads(sizes, batch_size)():
                assert set(blas_threads()) == ({1} if limited else {2})
            assert set(blas_threads()) == {2}
        assert blas_threads() == before


def test_the_last_to_leave_gives_the_threads_back():
    """The number belongs to the process, and updates of several threads overlap."""
    one_thread = limit_blas_threads((784, 256, 10), 1)
    is_inside, may_leave, seen = Event(), Event(), []

    def stay():
        with one_thread():
            is_inside.set()
            may_leave.wait()
            seen.extend(blas_threads())

    with threadpool_limits(2, user_api="blas"):
        thread = Thread(target=stay)
        with one_thread():
            thread.start()
            is_inside.wait()
        may_leave.set()
        thread.join()
        assert set(seen) == {1}
        assert set(blas_threads()) == {2}


def fit_large(seed):
    rng = np.random.default_rng(seed)
    X, y = rng.normal(size=(200, 784)), rng.integers(0, 10, size=200)
    clf = BackpropClassifier((256,), batch_size=40, max_iter=3, tol=None, random_state=seed)
    return clf.fit(X, y)._params


def test_fits_side_by_side_give_the_bits_of_serial_ones():
    before = blas_threads()
    found = joblib.Parallel(4, backend="threading")(
        joblib.delayed(fit_large)(seed) for seed in range(8)
    )
    assert blas_threads() == before
    for seed, params in enumerate(found):
        np.testing.assert_array_equal(params, fit_large(seed))


def limited_in_child():
    with limit_blas_threads((784, 256, 10), 1)():
        return set(blas_threads())


@pytest.mark.skipif(
    "fork" not in multiprocessing.get_all_start_methods(), reason="there is no fork here"
)
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
def test_a_fork_amid_an_update_waits_for_nobody():
    with _SHARED_LIMIT, _SHARED_LIMIT.lock, multiprocessing.get_context("fork").Pool(1) as pool:
        assert pool.apply_async(limited_in_child).get(timeout=60) == {1}


def test_callbacks_and_scorers_are_not_limited():
    seen = []
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(60, 784)), rng.integers(0, 10, size=60)

    def scoring(estimator, X, y):
        seen.extend(blas_threads())
        return 0.0

    clf = BackpropClassifier((256,), max_iter=2, scoring=scoring, random_state=0)
    with threadpool_limits(2, user_api="blas"):
        clf.fit(X, y, X_val=X, y_val=y)
    assert seen and set(seen) == {2}


@pytest.mark.parametrize(
    ("sizes", "batch_size", "limited"),
    [
        ((625, 25), 1, True), ((15_624, 1), 1, False),  # 16 rows: 250,000 and less
        ((1497, 1), 167, False), ((500, 500), 1, True),  # 249,999
        ((195_312, 1), 10_000, True), ((195_313, 1), 10_000, False),  # 512 rows
        ((1_010_101, 1), 99, True), ((2, 100_000, 2), 500, False),  # 99,999,999; 100,000,000
    ],
)  # fmt: skip
def test_where_more_threads_pay(sizes, batch_size, limited):
    assert (limit_blas_threads(sizes, batch_size) is not nullcontext) == limited
