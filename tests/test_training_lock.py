"""Threads that train one estimator wait for each other, and lose nothing."""

import copy
import gc
import os
import pickle
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from sklearn.base import clone

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop._training.lock import _LOCKS, training_lock

RATE = 2.0**-10
X, Y = np.zeros((64, 1)), np.full(64, 1e6)


def counter(**settings):
    """A network whose bias is `RATE` times the number of its updates, exactly."""
    return BackpropRegressor(
        (), loss="absolute_error", standardize=False, learning_rate_init=RATE, clip_norm=None,
        weight_init=([np.zeros((1, 1))], [np.zeros(1)]), **settings,
    )  # fmt: skip


def in_threads(function, n=8):
    """Let all of them begin together, and raise what they raise."""
    start = threading.Barrier(n)

    def run(number):
        start.wait()
        return function(number)

    with ThreadPoolExecutor(n) as pool:
        return list(pool.map(run, range(n)))


@pytest.mark.parametrize("n_rows", [1, 2, 50])
def test_no_update_of_any_thread_is_lost(n_rows):
    reg = counter().partial_fit(X[:1], Y[:1])

    def learn(number):
        for _ in range(40):
            reg.partial_fit(X[:n_rows], Y[:n_rows])

    in_threads(learn)
    assert reg.t_ == 1 + 8 * 40 * n_rows
    assert reg.intercepts_[0][0] == RATE * reg.t_
    assert reg.history_["epoch"] == list(range(1 + 8 * 40))
    assert reg._train_state.counters.updates == reg.t_


def test_first_calls_begin_once():
    reg = counter()
    in_threads(lambda number: reg.partial_fit(X[:3], Y[:3]))
    assert reg.intercepts_[0][0] == RATE * 24


@pytest.mark.compiled
def test_single_rows_and_several_rows_exclude_each_other():
    reg = counter().partial_fit(X[:1], Y[:1])

    def learn(number):
        for round in range(50):
            n_rows = 1 + (number + round) % 2 * 9
            reg.partial_fit(X[:n_rows].tolist(), Y[:n_rows].tolist(), sample_weight=2)

    in_threads(learn)
    assert reg.intercepts_[0][0] == RATE * reg.t_ == RATE * (1 + 2 * 4 * 50 * 11)


def test_fits_of_one_estimator_wait_for_each_other():
    rng = np.random.default_rng(0)
    inputs, targets = rng.normal(size=(40, 3)), rng.normal(size=40)
    reg = BackpropRegressor((4,), max_iter=5, tol=None, random_state=0)
    expected = clone(reg).fit(inputs, targets)
    in_threads(lambda number: reg.fit(inputs, targets))
    np.testing.assert_array_equal(reg.coefs_[0], expected.coefs_[0])
    again = clone(reg).set_params(warm_start=True, learning_rate="constant")
    in_threads(lambda number: again.fit(inputs, targets), n=4)
    assert again.t_ == 4 * 5 * 40
    assert again.history_["epoch"] == list(range(20))


def test_classes_that_threads_bring_all_join():
    clf = BackpropClassifier((3,), grow_classes=True, random_state=0)

    def learn(number):
        for label in range(5 * number, 5 * number + 5):
            clf.partial_fit([[label / 40]], [label])

    in_threads(learn)
    np.testing.assert_array_equal(clf.classes_, np.arange(40))
    assert clf.t_ == 40 and clf.n_outputs_ == 40


def test_predictions_see_the_network_between_calls():
    reg = counter().partial_fit(X[:50], Y[:50])
    seen, done = [], threading.Event()

    def look():
        while not done.is_set():
            seen.append(float(reg.predict(X[:1])[0]))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        for _ in range(200):
            reg.partial_fit(X[:50], Y[:50])
    finally:
        done.set()
        thread.join()
    assert seen == sorted(seen)
    assert not np.any(np.array(seen) % (50 * RATE))


def test_an_error_or_an_interrupt_releases_the_lock():
    reg = counter().partial_fit(X[:1], Y[:1])
    with pytest.raises(ValueError, match="infinity"):
        reg.partial_fit(np.full_like(X[:2], np.inf), Y[:2])

    def interrupt(estimator, rows, targets):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        clone(reg).set_params(scoring=interrupt).fit(X, Y, X_val=X, y_val=Y)
    reg.set_params(scoring=interrupt)
    with pytest.raises(KeyboardInterrupt):
        reg.fit(X, Y, X_val=X, y_val=Y)
    reg.set_params(scoring=None)
    thread = threading.Thread(target=reg.partial_fit, args=(X[:2], Y[:2]), daemon=True)
    thread.start()
    thread.join(60)
    assert not thread.is_alive()


def test_a_scorer_may_train_the_estimator_that_calls_it():
    reg = counter(max_iter=2, tol=None)

    def scoring(estimator, rows, targets):
        return float(reg.partial_fit(X[:3], Y[:3]).t_)

    thread = threading.Thread(
        target=lambda: reg.set_params(scoring=scoring).fit(X, Y, X_val=X, y_val=Y), daemon=True
    )
    thread.start()
    thread.join(60)
    assert not thread.is_alive()
    assert reg.n_iter_ == 2


def test_the_lock_is_no_state():
    reg = counter().partial_fit(X[:1], Y[:1])
    lock = training_lock(reg)
    assert training_lock(reg) is lock
    copies = [copy.copy(reg), copy.deepcopy(reg), pickle.loads(pickle.dumps(reg)), clone(reg)]
    assert len({id(training_lock(other)) for other in (reg, *copies)}) == 5
    n_locks = len(_LOCKS.by_estimator)
    del copies[:]
    gc.collect()
    assert len(_LOCKS.by_estimator) <= n_locks - 3  # the last is still called `other`


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork")
def test_a_fork_while_another_thread_trains():
    reg = counter().partial_fit(X[:1], Y[:1])
    held, release = threading.Event(), threading.Event()

    def hold():
        with training_lock(reg):
            held.set()
            release.wait(60)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(60)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of a fork with threads
        child = os.fork()
    if child == 0:  # where the thread that holds the lock does not exist
        learner = threading.Thread(target=reg.partial_fit, args=(X[:2], Y[:2]), daemon=True)
        learner.start()
        learner.join(60)
        os._exit(0 if not learner.is_alive() and reg.t_ == 3 else 1)
    release.set()
    thread.join()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
