"""Callbacks: scikit-learn's own, a user's, and ours; alone, nested, and in other processes."""

import io
import os
import pickle
import random
import signal
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from sklearn.base import clone
from sklearn.callback import FitCallback, ProgressBar, ScoringMonitor
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.callbacks import Checkpoint, EarlyStopping, WeightRecorder
from skbackprop.datasets import load_wheat_seeds
from skbackprop.persistence import load
from skbackprop.persistence._estimators import encode_fitted

QUICK = {
    "hidden_layer_sizes": (4,), "learning_rate": "constant", "max_iter": 6, "tol": None,
    "random_state": 0,
}  # fmt: skip
SOLVERS = ("sgd", "adam", "amsgrad", "rmsprop", "rprop", "lbfgs", "lm")


@pytest.fixture(scope="module")
def regression():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    return X, X[:, 0] - 2 * X[:, 1] ** 2 + 5


class Listener:
    """Writes down what it is told; ends training after some epochs, or never."""

    def __init__(self, stop_after=None):
        self.stop_after, self.heard, self.seen = stop_after, [], []

    def setup(self, estimator, context):
        self.heard.append("setup")

    def on_fit_task_begin(self, estimator, context, *, X=None, y=None, metadata=None):
        self.heard.append(f"begin {context.task_name} {context.task_id}")
        self.shown = X, y, metadata

    def on_fit_task_end(self, estimator, context, *, X=None, fitted_estimator=None):
        self.heard.append(f"end {context.task_name} {context.task_id}")
        if context.task_name == "epoch":
            self.seen.append((fitted_estimator, fitted_estimator.predict(X)))
        return context.task_id + 1 == self.stop_after

    def teardown(self, estimator, context):
        self.heard.append("teardown")


def attributes(estimator):
    """All that fitting left, bit by bit; the seconds aside."""
    arrays = []
    state = encode_fitted(estimator, arrays)
    seconds = state["object"]["history_"]["object"]["seconds"]["array"]
    return state, [array.tobytes() for k, array in enumerate(arrays) if k != seconds]


# ---- The protocol ----


def test_each_epoch_is_a_task(regression):
    reg = BackpropRegressor(**QUICK | {"max_iter": 2})
    listener = Listener()
    assert isinstance(listener, FitCallback)
    reg.set_callbacks(listener).fit(*regression)
    assert listener.heard == [
        "setup", "begin fit 0", "begin epoch 0", "end epoch 0", "begin epoch 1", "end epoch 1",
        "end fit 0", "teardown",
    ]  # fmt: skip


@pytest.mark.parametrize("solver", SOLVERS)
def test_listening_changes_nothing_and_every_task_that_begins_ends(regression, solver):
    params = {**QUICK, "solver": solver, "tol": 1e-2, "max_iter": 300, "alpha": 0.01}
    alone = BackpropRegressor(**params).fit(*regression)
    assert alone.converged_
    listener = Listener()
    heard = BackpropRegressor(**params).set_callbacks(listener).fit(*regression)
    assert attributes(heard) == attributes(alone)
    begun = [line[6:] for line in listener.heard if line.startswith("begin")]
    result = [line[4:] for line in listener.heard if line.startswith("end")]
    assert sorted(begun) == sorted(result)
    assert len(begun) == alone.n_iter_ + 1


@pytest.mark.parametrize("solver", SOLVERS)
def test_the_estimator_shown_is_that_of_its_epoch(regression, solver):
    X, y = regression
    params = QUICK | {"solver": solver, "alpha": 0.01}
    listener = Listener()
    BackpropRegressor(**params).set_callbacks(listener).fit(X, y)
    for n, (fitted, predicted) in enumerate(listener.seen, start=1):
        short = BackpropRegressor(**params | {"max_iter": n}).fit(X, y)
        assert fitted.n_iter_ == n and fitted.loss_ == short.loss_
        np.testing.assert_array_equal(predicted, short.predict(X))
        # It is a copy: training went on without it.
        np.testing.assert_array_equal(fitted.predict(X), predicted)


def test_data_are_shown_as_given(regression):
    X, y = regression
    X, y = pd.DataFrame(X, columns=["a", "b", "c"]), pd.Series(y)
    weight = np.full(len(y), 2.0)
    listener = Listener()
    BackpropRegressor(**QUICK).set_callbacks(listener).fit(X, y, sample_weight=weight)
    assert listener.shown[0] is X and listener.shown[1] is y
    assert listener.shown[2]["sample_weight"] is weight


def test_a_callback_ends_training(regression):
    params = QUICK | {"max_iter": 50, "tol": 1e-4}
    reg = BackpropRegressor(**params).set_callbacks(Listener(stop_after=3)).fit(*regression)
    assert reg.n_iter_ == 3 and not reg.converged_  # and no warning: it was asked for
    short = BackpropRegressor(**QUICK | {"max_iter": 3}).fit(*regression)
    np.testing.assert_array_equal(reg.coefs_[0], short.coefs_[0])


def test_training_that_starts_again_is_told(regression):
    reg = BackpropRegressor(
        **QUICK | {"max_iter": 40}, solver="sgd", learning_rate_init=1e4, clip_norm=None,
        max_restarts=30, batch_size=10,
    )  # fmt: skip
    recorder = WeightRecorder()
    with pytest.warns(match="starts again"):
        reg.set_callbacks(recorder, EarlyStopping(patience=100)).fit(*regression)
    assert recorder.epochs_ == list(range(reg.n_iter_))


def test_a_failing_callback_leaves_the_estimator_as_it_was(regression):
    class Failing(Listener):
        def on_fit_task_end(self, estimator, context):
            raise RuntimeError("no more")

    failing = Failing()
    reg = BackpropRegressor(**QUICK).set_callbacks(failing)
    with pytest.raises(RuntimeError, match="no more"):
        reg.fit(*regression)
    assert failing.heard[-1] == "teardown"
    assert set(vars(reg)) == set(vars(BackpropRegressor())) | {"_skl_callbacks"}


def test_refused_data_still_end_in_teardown(regression):
    listener = Listener()
    reg = BackpropRegressor(**QUICK).set_callbacks(listener)
    with pytest.raises(ValueError, match="infinity"):
        reg.fit([[np.inf]], [0.0])
    assert listener.heard == ["setup", "teardown"]
    with pytest.raises(ValueError, match="max_iter"):
        reg.set_params(max_iter="many").fit(*regression)


def test_nothing_is_done_per_epoch_without_callbacks(regression, monkeypatch):
    from sklearn.callback import CallbackContext

    def refuse(*args, **kwargs):
        raise AssertionError("an epoch was announced to nobody")

    monkeypatch.setattr(CallbackContext, "subcontext", refuse)
    reg = BackpropRegressor(**QUICK).set_callbacks(Listener()).set_callbacks()
    reg.fit(*regression)
    with pytest.raises(AssertionError, match="nobody"):
        reg.set_callbacks(Listener()).fit(*regression)


# ---- scikit-learn's callbacks ----


@pytest.fixture
def terminal(monkeypatch):
    """What rich writes to a terminal."""
    written = io.StringIO()
    console = Console(file=written, force_terminal=True, width=110, _environ={})
    monkeypatch.setattr("rich.progress.get_console", lambda: console)
    return written


def test_progress_bar_alone(regression, terminal):
    BackpropRegressor(**QUICK).set_callbacks(ProgressBar()).fit(*regression)
    assert "BackpropRegressor - fit" in terminal.getvalue()
    assert "100%" in terminal.getvalue()


@pytest.mark.parametrize(
    ("callbacks", "settings"),
    [
        ([], {}),
        ([EarlyStopping(patience=1, min_delta=1.0)], {}),
        ([], {"early_stopping": True, "n_iter_no_change": 1, "max_iter": 500}),
        ([], {"learning_rate": "constant", "tol": 1.0, "n_iter_no_change": 1}),
        ([], {"solver": "lbfgs", "tol": 1.0}),
    ],
)
def test_one_full_bar_however_training_ends(callbacks, settings, wheat, monkeypatch):
    written = io.StringIO()  # which is no terminal: only what stays is written
    console = Console(file=written, force_terminal=False, width=110, _environ={})
    monkeypatch.setattr("rich.progress.get_console", lambda: console)
    clf = BackpropClassifier((3,), random_state=0, **settings)
    clf.set_callbacks(ProgressBar(), *callbacks).fit(*wheat)
    assert (clf.n_iter_ == 60) == (not callbacks and not settings)
    (bar,) = written.getvalue().splitlines()
    assert bar.startswith("BackpropClassifier - fit ━") and " 100% " in bar


def test_progress_bar_around_a_search_over_pipelines(wheat, terminal):
    pipe = make_pipeline(StandardScaler(), BackpropClassifier(**QUICK))
    grid = {"backpropclassifier__hidden_layer_sizes": [(2,), (3,)]}
    search = GridSearchCV(pipe, grid, cv=2)
    search.set_callbacks(ProgressBar(max_propagation_depth=None)).fit(*wheat)
    for bar in ("GridSearchCV - fit", "Pipeline - fit", "BackpropClassifier - fit"):
        assert bar in terminal.getvalue()
    assert not hasattr(search.best_estimator_[-1], "_skl_callbacks")


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_scoring_monitor_through_cross_validation(wheat, n_jobs):
    X, y = wheat
    X = pd.DataFrame(X, columns=list("abcdefg"))
    monitor = ScoringMonitor(scoring="neg_log_loss")
    clf = BackpropClassifier(**QUICK).set_callbacks(monitor)
    found = cross_validate(clf, X, y, cv=3, n_jobs=n_jobs, return_estimator=True)
    logs = monitor.get_logs(select="all")
    assert len(logs) == 3
    last = sorted(
        max(row["neg_log_loss"] for row in log.data if row["task_name"] == "fit")
        for log in logs
    )
    # The score of the fit's own task is that of the fitted estimator, on its own rows.
    assert len(found["estimator"]) == 3
    for log in logs:
        assert [row["task_name"] for row in log.data].count("epoch") == QUICK["max_iter"]
    assert all(np.isfinite(last))


def test_scoring_monitor_scores_what_was_fitted(wheat):
    X, y = wheat
    monitor = ScoringMonitor(scoring="neg_log_loss")
    clf = BackpropClassifier(**QUICK).set_callbacks(monitor).fit(X, y)
    *_, last = monitor.get_logs().data
    assert last["neg_log_loss"] == -log_loss(y, clf.predict_proba(X))


# ---- Early stopping ----


def test_early_stopping_by_the_training_loss(regression):
    stopping = EarlyStopping(patience=3, min_delta=0.01)
    reg = BackpropRegressor(**QUICK | {"max_iter": 500}, learning_rate_init=0.1)
    reg.set_callbacks(stopping).fit(*regression)
    assert stopping.stopped_ and reg.n_iter_ < 500
    assert reg.n_iter_ - 1 - stopping.best_epoch_ == 3
    assert stopping.best_ == reg.loss_curve_[stopping.best_epoch_]
    assert all(loss >= stopping.best_ - 0.01 for loss in reg.loss_curve_)


@pytest.mark.parametrize("restore", [True, False])
def test_early_stopping_keeps_the_best_on_data_of_ones_own(wheat, restore):
    X, y = wheat
    train, val = np.arange(len(y)) % 3 > 0, np.arange(len(y)) % 3 == 0
    stopping = EarlyStopping(
        X[val], y[val], scoring="neg_log_loss", patience=4, restore_best=restore
    )
    recorder = WeightRecorder()
    clf = BackpropClassifier(
        (30,),
        batch_size=4,
        learning_rate="constant",
        learning_rate_init=0.02,
        max_iter=400,
        alpha=0,
        tol=None,
        random_state=0,
    )
    clf.set_callbacks(stopping, recorder).fit(X[train], y[train])
    assert stopping.stopped_ and clf.n_iter_ == stopping.best_epoch_ + 5
    kept = -log_loss(y[val], clf.predict_proba(X[val]))
    assert (kept == stopping.best_) is restore
    at = stopping.best_epoch_ if restore else -1
    np.testing.assert_array_equal(clf.coefs_[0], recorder.coefs_[at][0])
    # Predicting by another network does not change where training goes on.
    plain = BackpropClassifier(**clf.get_params()).set_params(max_iter=clf.n_iter_)
    plain.fit(X[train], y[train]).set_params(warm_start=True, max_iter=2)
    clf.set_callbacks().set_params(warm_start=True, max_iter=2)
    np.testing.assert_array_equal(
        clf.fit(X[train], y[train]).coefs_[0], plain.fit(X[train], y[train]).coefs_[0]
    )


@pytest.mark.parametrize(
    ("scores", "best", "n_epochs"),
    [
        ([np.nan, 0.2, 0.6, 0.1, np.nan, 0.3], 2, 6),
        ([np.nan] * 6, 3, 4),  # the smallest loss of those before patience ends
        ([0.5, 0.9, 0.9, 0.9, 0.9, 0.9], 4, 5),
    ],
)
def test_early_stopping_takes_nan_for_the_worst_and_ties_by_the_loss(
    regression, scores, best, n_epochs
):
    given = iter(scores)
    stopping = EarlyStopping(
        *regression, scoring=lambda estimator, X, y: next(given), patience=3
    )
    recorder = WeightRecorder()
    reg = BackpropRegressor(**QUICK).set_callbacks(stopping, recorder).fit(*regression)
    assert reg.n_iter_ == n_epochs
    assert reg.loss_curve_ == sorted(reg.loss_curve_, reverse=True)
    assert stopping.best_epoch_ == best
    np.testing.assert_equal(stopping.best_, scores[best])
    np.testing.assert_array_equal(reg.coefs_[0], recorder.coefs_[best][0])


def test_early_stopping_takes_a_training_loss_of_nan_for_the_worst(regression):
    losses = iter([np.nan, 0.5, np.nan, 0.4, 0.6, 0.7])
    stopping = EarlyStopping(patience=3)
    shown = BackpropRegressor(**QUICK).fit(*regression)
    best = stopping._on_fit_begin(shown)
    for epoch, loss in enumerate(losses):
        shown.history_["loss"], shown.n_iter_ = [loss], epoch + 1
        stopping._epoch_ends(best, shown)
    stopping._fit_ends(best, shown)
    assert (stopping.best_, stopping.best_epoch_) == (0.4, 3)


def test_the_best_network_survives_pickle_and_file(wheat, tmp_path):
    X, y = wheat
    stopping = EarlyStopping(X[::3], y[::3], patience=1)
    clf = BackpropClassifier(**QUICK | {"max_iter": 60}, batch_size=1)
    clf.set_callbacks(stopping, Checkpoint(tmp_path / "net")).fit(X, y)
    expected = clf.predict_proba(X)
    for same in (pickle.loads(pickle.dumps(clf)), load(tmp_path / "net")):
        np.testing.assert_array_equal(same.predict_proba(X), expected)


def test_clones_that_train_side_by_side_do_not_mix(wheat):
    from joblib import Parallel, delayed

    X, y = wheat
    stopping = EarlyStopping(X[::3], y[::3], scoring="neg_log_loss", patience=2)
    recorder = WeightRecorder()
    base = BackpropClassifier(**QUICK | {"max_iter": 30}, batch_size=8)
    clones = [
        clone(base.set_callbacks(stopping, recorder)).set_params(random_state=seed)
        for seed in range(6)
    ]
    alone = [clone(one).set_callbacks(
        EarlyStopping(X[::3], y[::3], scoring="neg_log_loss", patience=2)
    ).fit(X, y) for one in clones]  # fmt: skip
    together = Parallel(n_jobs=3, prefer="threads")(delayed(one.fit)(X, y) for one in clones)
    for one, other in zip(alone, together, strict=True):
        np.testing.assert_array_equal(one.coefs_[0], other.coefs_[0])
    assert not stopping._running and not recorder._running


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_our_callbacks_inside_a_search(wheat, n_jobs):
    X, y = wheat
    stopping = EarlyStopping(patience=2, min_delta=0.05)
    clf = BackpropClassifier(**QUICK | {"max_iter": 200}).set_callbacks(stopping)
    search = GridSearchCV(
        make_pipeline(StandardScaler(), clf),
        {"backpropclassifier__hidden_layer_sizes": [(2,), (6,)]},
        cv=2,
        n_jobs=n_jobs,
    ).fit(X, y)
    assert search.best_estimator_[-1].n_iter_ < 200


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: EarlyStopping(X_val=[[1]]), "together"),
        (lambda: EarlyStopping(scoring="r2"), "'scoring' .* 'r2'|X_val"),
        (lambda: EarlyStopping(patience=0), "'patience' .* >= 1. Got 0"),
        (lambda: EarlyStopping(min_delta=-1), "'min_delta' .* Got -1"),
        (lambda: Checkpoint("net", every=True), "'every' .* Got True"),
        (lambda: WeightRecorder(every=1.5), "'every' .* Got 1.5"),
    ],
)
def test_what_is_not_allowed_is_said(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_other_estimators_are_refused(wheat):
    with pytest.raises(TypeError, match="Got LogisticRegression"):
        LogisticRegression().set_callbacks(WeightRecorder()).fit(*wheat)


# ---- Checkpoints ----

TRAINS = """
import sys
from pathlib import Path
from skbackprop import BackpropClassifier
from skbackprop.callbacks import Checkpoint
from skbackprop.datasets import load_wheat_seeds

X, y = load_wheat_seeds(return_X_y=True)
checkpoint = Checkpoint(sys.argv[1])
if Path(sys.argv[1]).exists():
    checkpoint.resume(X, y)
else:
    BackpropClassifier(**{params}).set_callbacks(checkpoint).fit(X, y)
"""
LONG = {
    "hidden_layer_sizes": (6,),
    "batch_size": 3,
    "learning_rate": "cosine",
    "dropout": 0.1,
    "max_iter": 1500,
    "tol": None,
    "random_state": 3,
}


def inode(path):
    try:
        return os.stat(path).st_ino
    except FileNotFoundError:
        return None


@pytest.mark.skipif(os.name != "posix", reason="kill -9 is POSIX")
def test_killed_training_resumes_to_the_same_bits(tmp_path, record_property):
    path = tmp_path / "net.skbp"
    X, y = load_wheat_seeds(return_X_y=True)
    script = TRAINS.replace("{params}", repr(LONG))
    seen = []
    for attempt in range(4):
        child = subprocess.Popen([sys.executable, "-c", script, str(path)])
        writes, last = random.Random(attempt).randrange(3, 60), inode(path)
        while writes and child.poll() is None:
            writes, last = writes - (inode(path) != last), inode(path)
        child.send_signal(signal.SIGKILL)
        assert child.wait() == -signal.SIGKILL
        seen.append(load(path).n_iter_)  # whole, whenever it was killed
    record_property("cases", len(seen))
    assert seen == sorted(set(seen)) and seen[-1] < LONG["max_iter"]
    resumed = Checkpoint(path, every=100).resume(X, y)
    whole = BackpropClassifier(**LONG).fit(X, y)
    assert resumed.get_params() == whole.get_params()
    assert attributes(resumed) == attributes(whole)
    assert attributes(load(path)) == attributes(whole)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_resumed_from_any_epoch(regression, tmp_path, solver, early_stopping):
    params = QUICK | {"solver": solver, "early_stopping": early_stopping, "alpha": 0.01}
    whole = BackpropRegressor(**params).fit(*regression)
    for stop in (1, 4):
        checkpoint = Checkpoint(tmp_path / "net", every=stop)
        reg = BackpropRegressor(**params).set_callbacks(checkpoint, Listener(stop_after=stop))
        reg.fit(*regression)
        resumed = checkpoint.resume(*regression)
        assert attributes(resumed) == attributes(whole)
        assert resumed.get_params() == whole.get_params()


def test_what_is_finished_is_not_trained_on(regression, tmp_path):
    checkpoint = Checkpoint(tmp_path / "net", every=4)
    reg = BackpropRegressor(**QUICK).set_callbacks(checkpoint).fit(*regression)
    listener = Listener()
    same = checkpoint.resume(*regression, callbacks=[listener])
    assert attributes(same) == attributes(reg) and not listener.heard


def test_resuming_without_a_file(regression, tmp_path):
    with pytest.raises(OSError, match="net"):
        Checkpoint(tmp_path / "net").resume(*regression)


# ---- Recording ----


def test_weight_recorder(regression):
    recorder = WeightRecorder(every=2)
    reg = BackpropRegressor(**QUICK).set_callbacks(recorder).fit(*regression)
    assert recorder.epochs_ == [0, 2, 4]
    for epoch, coefs, intercepts in zip(
        recorder.epochs_, recorder.coefs_, recorder.intercepts_, strict=True
    ):
        short = BackpropRegressor(**reg.get_params()).set_params(max_iter=epoch + 1)
        short.fit(*regression)
        for ours, theirs in zip(
            (*coefs, *intercepts), (*short.coefs_, *short.intercepts_), strict=True
        ):
            np.testing.assert_array_equal(ours, theirs)
