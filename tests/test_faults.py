"""Faults: no estimator is half fitted, and no file is damaged, whatever breaks and when."""

import copy
import dis
import linecache
import os
import signal
import subprocess
import sys
import threading
import warnings

import numpy as np
import pytest
from scipy import sparse
from sklearn.metrics import log_loss

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop._training import loop
from skbackprop._training.history import truncate_to_common_length
from skbackprop.persistence import load, save
from skbackprop.persistence._estimators import encode_fitted

QUICK = {
    "hidden_layer_sizes": (4,), "learning_rate": "constant", "max_iter": 3, "tol": None,
    "random_state": 0,
}  # fmt: skip


def data(n=24, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 3))
    return X, np.arange(n) % 3


def state(estimator):
    """All that fitting left, bit by bit; the seconds, and when it was to end, aside."""
    arrays = []
    found = encode_fitted(estimator, arrays)
    del found["object"]["_train_state"]["object"]["counters"]["object"]["target_epoch"]
    seconds = found["object"]["history_"]["object"]["seconds"]["array"]
    return found, [array.tobytes() for k, array in enumerate(arrays) if k != seconds]


def assert_whole(estimator, X, y, path):
    """A fitted estimator that agrees with itself, is saved, predicts, and learns on."""
    history = estimator.history_
    assert len({len(column) for column in history.values()}) == 1
    save(estimator, path)
    again = load(path)
    np.testing.assert_array_equal(again.predict(X), estimator.predict(X))
    assert state(again) == state(estimator)
    if hasattr(estimator, "partial_fit") and not estimator.early_stopping:
        estimator.partial_fit(X, y)
        again.partial_fit(X, y)
        np.testing.assert_array_equal(again.predict(X), estimator.predict(X))
        assert again.t_ == estimator.t_


# ---- An exception at any line ----


def leaves_context(frame):
    """Return whether a context manager is about to be left, at the line of its `with`.

    Python runs no signal handler between that and the release of a lock.
    """
    line = linecache.getline(frame.f_code.co_filename, frame.f_lineno).lstrip()
    name = dis.opname[frame.f_code.co_code[frame.f_lasti]]
    return line.startswith("with ") and name.startswith("LOAD_CONST")


class Fault:
    """Raises an exception in place of the n-th line of the package that is run."""

    def __init__(self, exception, at):
        self.exception, self.at, self.lines = exception, at, 0

    def __call__(self, frame, event, _):
        return self._line if "skbackprop" in frame.f_code.co_filename else None

    def _line(self, frame, event, _):
        if event == "line" and not leaves_context(frame):
            self.lines += 1
            if self.lines == self.at:
                raise self.exception
        return self._line

    def during(self, call):
        """Whether the exception came out of the call."""
        before = sys.gettrace()
        sys.settrace(self)
        try:
            call()
        except self.exception:
            return True
        except AttributeError as error:
            # scikit-learn asks whether there is a method, and takes any failure for a no.
            assert isinstance(error.__cause__, self.exception)
            return True
        finally:
            sys.settrace(before)
        return False


CALLS = {
    "sgd": lambda e, X, y: e.fit(X, y),
    "adam": lambda e, X, y: e.fit(X, y),
    "lbfgs": lambda e, X, y: e.fit(X, y),
    "warm": lambda e, X, y: e.set_params(warm_start=True).fit(X, y),
    "early": lambda e, X, y: e.fit(X, y),
    "sparse": lambda e, X, y: e.fit(sparse.csr_array(X), y),
    "partial": lambda e, X, y: e.partial_fit(X, y),
    "grow": lambda e, X, y: e.partial_fit(X, y + 1),
    "first row": lambda e, X, y: e.partial_fit(X[:1], y[:1]),
    "next row": lambda e, X, y: e.partial_fit(X[:1], y[:1]),
}
PARAMETERS = {
    "adam": {"solver": "adam"}, "lbfgs": {"solver": "lbfgs"},
    "early": {"early_stopping": True, "validation_fraction": 0.3},
    "grow": {"grow_classes": True},
}  # fmt: skip


def fitted(call):
    """An estimator, and what is about to be done to it."""
    clf = BackpropClassifier(**QUICK, **PARAMETERS.get(call, {})).fit(*data())
    X, y = data(seed=1)
    if call == "next row":
        clf.partial_fit(X[1:2], y[1:2])
    return clf, lambda: CALLS[call](clf, X, y)


def states_on_the_way(call):
    """What the call leaves when it trains for one epoch, for two, ..., and as a whole."""
    states = []
    for max_iter in range(1, QUICK["max_iter"] + 1):
        clf, use = fitted(call)
        clf.set_params(max_iter=max_iter)
        use()
        states.append(state(clf))
    return states


@pytest.mark.parametrize("exception", [KeyboardInterrupt, MemoryError])
@pytest.mark.parametrize("call", CALLS)
def test_an_exception_at_any_line(call, exception, tmp_path, record_property, monkeypatch):
    """The call changes nothing, or leaves a network that is whole.

    After Ctrl-C that is the network after an epoch, and training goes on from there as if
    it had been all.
    """
    monkeypatch.setattr("skbackprop._training.loop._BETWEEN_COPIES", 0)
    *on_the_way, after = states_on_the_way(call)
    if exception is MemoryError:
        on_the_way = []
    whole = Fault(exception, at=None)
    clf, use = fitted(call)
    assert not whole.during(use)
    assert state(clf) == after
    assert whole.lines > 20
    step = max(1, whole.lines // 40)
    came_out, lines, seen = 0, range(1, whole.lines + 1, step), []
    record_property("cases", len(lines))
    for at in lines:
        clf, use = fitted(call)
        before, n_rows = state(clf), clf.t_
        if Fault(exception, at).during(use):
            came_out += 1
            # A row that has been learned cannot be unlearned: it then counts.
            if call != "next row" or clf.t_ == n_rows:
                seen.append(state(clf))
                assert seen[-1] in (before, *on_the_way, after), f"line {at}/{whole.lines}"
        assert_whole(clf, *data(seed=2), tmp_path / "model")
    assert came_out > 0
    if on_the_way and on_the_way[0] != after:
        assert any(one in seen for one in on_the_way)


def test_an_exception_before_anything_is_fitted():
    X, y = data()
    empty = set(vars(BackpropClassifier()))
    for at in range(1, 400, 13):
        clf = BackpropClassifier(**QUICK)
        assert Fault(MemoryError, at).during(lambda clf=clf: clf.fit(X, y))
        assert set(vars(clf)) == empty


def test_a_record_noted_or_shortened_by_halves():
    noted = {"epoch": [0, 1, 2], "loss": [0.5, 0.4], "seconds": [0.1, 0.1]}
    truncate_to_common_length(noted)
    assert noted == {"epoch": [0, 1], "loss": [0.5, 0.4], "seconds": [0.1, 0.1]}
    shortened = {"epoch": [8, 9], "loss": list(range(10)), "seconds": list(range(10))}
    truncate_to_common_length(shortened)
    assert shortened == {"epoch": [8, 9], "loss": [8, 9], "seconds": [8, 9]}


# ---- Ctrl-C, from outside ----


INTERRUPTED = """
import signal, sys, warnings
import numpy as np
from skbackprop import BackpropRegressor
warnings.simplefilter("ignore")
rng = np.random.default_rng(0)
X = rng.normal(size=(300, 5)); y = X[:, 0]
reg = BackpropRegressor((8,), solver=sys.argv[1], max_iter=15, tol=None, random_state=0)
reg.fit(X, y)
stop, heard = [], 0
signal.signal(signal.SIGTERM, lambda *_: stop.append(1))
print("ready", flush=True)
while not stop:
    try:
        while not stop:
            reg.fit(X, y)
            for row in range(20):
                reg.partial_fit(X[row:row + 1], y[row:row + 1])
    except KeyboardInterrupt:
        heard += 1
    try:
        assert np.isfinite(reg.predict(X)).all()
        assert len({len(column) for column in reg.history_.values()}) == 1
        print("whole", flush=True)
    except KeyboardInterrupt:
        pass
print("done", heard)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX has them")
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_ctrl_c_again_and_again(solver, record_property):
    """Signals reach the compiled loops too, whenever they come."""
    process = subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED, solver], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "ready\n"
    rng = np.random.default_rng(0)
    pause = threading.Event()
    signals = 60
    record_property("cases", signals)
    for _ in range(signals):
        pause.wait(rng.uniform(0, 0.02))
        process.send_signal(signal.SIGINT)
    pause.wait(0.2)
    process.send_signal(signal.SIGTERM)
    output, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert "whole" in output
    heard = int(output.split("done ")[1])
    assert heard > 0


class Interruption:
    """A callback that acts like Ctrl-C after some epochs, and writes down what it is told."""

    def __init__(self, n_epochs):
        self.n_epochs, self.told = n_epochs, []

    def setup(self, estimator, context):
        self.told.append("setup")

    def on_fit_task_begin(self, estimator, context):
        if context.task_name == "epoch" and context.task_id == self.n_epochs:
            raise KeyboardInterrupt

    def on_fit_task_end(self, estimator, context):
        self.told.append(f"end {context.task_name}")

    def teardown(self, estimator, context):
        self.told.append("teardown")


@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs", "lm"])
def test_interrupt_then_warm_start_equals_training_at_once(solver, monkeypatch):
    monkeypatch.setattr("skbackprop._training.loop._BETWEEN_COPIES", 0)
    X, y = data()
    settings = QUICK | {"solver": solver, "max_iter": 12, "loss": "squared_error"}
    whole, clf = BackpropClassifier(**settings).fit(X, y), BackpropClassifier(**settings)
    clf.set_params(warm_start=True)
    calls = []

    def interrupt(self, n_epochs, keep=loop._FinishedEpoch.keep):
        keep(self, n_epochs)
        calls.append(1)
        if len(calls) == 5:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched, pytest.raises(KeyboardInterrupt):
        patched.setattr("skbackprop._training.loop._FinishedEpoch.keep", interrupt)
        clf.fit(X, y)
    assert clf.n_iter_ == 5
    clf.set_params(max_iter=7).fit(X, y)
    for ours, theirs in zip(clf.coefs_, whole.coefs_, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert clf.loss_curve_ == whole.loss_curve_


def test_interrupt_with_early_stopping_keeps_the_best_network(monkeypatch):
    pytest.importorskip("sklearn.callback", reason="callbacks came with scikit-learn 1.9")
    X, y = data(60)
    clf = BackpropClassifier(**QUICK | {"early_stopping": True, "max_iter": 50})
    clf.set_params(hidden_layer_sizes=(30,), learning_rate_init=0.3)
    with pytest.raises(KeyboardInterrupt, match="after 5 epochs"):
        clf.set_callbacks(Interruption(5)).fit(X, y, X_val=X[:20], y_val=y[:20])
    curve = clf.validation_loss_curve_
    assert len(curve) == 5 and min(curve) < curve[-1]
    found = log_loss(y[:20], clf.predict_proba(X[:20]))
    np.testing.assert_allclose(found, min(curve), rtol=1e-9)


def test_interrupt_is_told_to_callbacks_as_the_end_of_fit(tmp_path):
    pytest.importorskip("sklearn.callback", reason="callbacks came with scikit-learn 1.9")
    from skbackprop.callbacks import Checkpoint, EarlyStopping

    X, y = data()
    settings = QUICK | {"max_iter": 9}
    interruption = Interruption(4)
    checkpoint, stopping = Checkpoint(tmp_path / "net", every=100), EarlyStopping()
    clf = BackpropClassifier(**settings)
    with pytest.raises(KeyboardInterrupt):
        clf.set_callbacks(interruption, checkpoint, stopping).fit(X, y)
    assert interruption.told == ["setup", *["end epoch"] * 4, "end fit", "teardown"]
    assert clf.n_iter_ == 4
    assert stopping.best_ == min(clf.loss_curve_)
    resumed = checkpoint.resume(X, y)
    assert state(resumed) == state(BackpropClassifier(**settings).fit(X, y))


def test_interrupt_before_the_first_epoch_ends_changes_nothing():
    pytest.importorskip("sklearn.callback", reason="callbacks came with scikit-learn 1.9")
    clf = BackpropClassifier(**QUICK).fit(*data())
    before, interruption = state(clf), Interruption(0)
    with pytest.raises(KeyboardInterrupt):
        clf.set_callbacks(interruption).fit(*data(seed=1))
    assert state(clf) == before
    assert interruption.told == ["setup", "teardown"]


ENDLESS_SEARCH = """
import sys
import numpy as np
from sklearn.model_selection import GridSearchCV
from skbackprop import BackpropClassifier

def draw(fan_in, fan_out, rng):
    print("fit begins", flush=True)
    return rng.normal(size=(fan_in + 1, fan_out))

X, y = np.random.default_rng(0).normal(size=(300, 4)), np.arange(300) % 3
clf = BackpropClassifier((), weight_init=draw, max_iter=10**8, tol=None)
search = GridSearchCV(clf, {"alpha": [0.1, 1.0]}, cv=2, n_jobs=int(sys.argv[1]))
try:
    search.fit(X, y)
finally:
    print("search over", flush=True)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="signals as POSIX has them")
@pytest.mark.parametrize("n_jobs", [1, 2])
@pytest.mark.parametrize("who", ["process", "group"])
def test_interrupt_ends_a_search_at_once(n_jobs, who):
    """No fit after the one in progress, whether the workers hear of it or not."""
    process = subprocess.Popen(
        [sys.executable, "-c", ENDLESS_SEARCH, str(n_jobs)],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    for _ in range(n_jobs):
        assert process.stdout.readline() == "fit begins\n"
    threading.Event().wait(0.3)  # some epochs end
    if who == "group":  # as a terminal does
        os.killpg(process.pid, signal.SIGINT)
    else:
        process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=100)
    assert output == "search over\n"
    assert process.returncode in (-signal.SIGINT, 1)
    assert "KeyboardInterrupt" in errors


# ---- Those who listen and judge ----


class Broken(Exception):
    pass


@pytest.mark.parametrize("good", [0, 1, 2])
def test_a_scorer_that_raises(good):
    calls = []

    def scorer(estimator, X, y):
        calls.append(1)
        if len(calls) > good:
            raise Broken
        return 0.5

    clf = BackpropClassifier(**QUICK).fit(*data())
    before = state(clf)
    clf.set_params(early_stopping=True, validation_fraction=0.3, scoring=scorer)
    with pytest.raises(Broken):
        clf.fit(*data(seed=1))
    clf.set_params(early_stopping=False, scoring=None)
    assert state(clf) == before


@pytest.mark.parametrize("moment", ["setup", "on_fit_task_begin", "on_fit_task_end"])
@pytest.mark.parametrize("good", [0, 1, 3])
def test_a_callback_that_raises(moment, good):
    pytest.importorskip("sklearn.callback", reason="callbacks came with scikit-learn 1.9")
    calls = []

    class Callback:
        def __init__(self):
            self.torn_down = 0

        def _at(self, name):
            if name == moment:
                calls.append(1)
                if len(calls) > good:
                    raise Broken

        def setup(self, estimator, context):
            self._at("setup")

        def on_fit_task_begin(self, estimator, context):
            self._at("on_fit_task_begin")

        def on_fit_task_end(self, estimator, context):
            self._at("on_fit_task_end")

        def teardown(self, estimator, context):
            self.torn_down += 1

    callback = Callback()
    clf = BackpropClassifier(**QUICK).fit(*data())
    before = state(clf)
    clf.set_callbacks(callback)
    if moment == "setup" and good:
        clf.fit(*data(seed=1))  # there is one setup a fit
        return
    with pytest.raises(Broken):
        clf.fit(*data(seed=1))
    assert state(clf) == before
    assert callback.torn_down <= 1


# ---- Memory ----


LITTLE_MEMORY = """
import resource
import numpy as np
from skbackprop import BackpropRegressor
X = np.random.default_rng(0).normal(size=(60, 50)); y = X[:, 0]
reg = BackpropRegressor((4,), max_iter=2, tol=None, random_state=0).fit(X, y)
expected = reg.predict(X)
used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (used + 2**20 * {megabytes}, -1))
refused = 0
for n_hidden in (30_000, 60_000, 120_000, 400_000, 2_000_000):
    for batch_size in (1, 60):
        reg.set_params(hidden_layer_sizes=(n_hidden,), batch_size=batch_size, max_iter=1)
        try:
            reg.fit(X, y)
        except MemoryError:
            refused += 1
            continue
        expected = reg.predict(X)
assert np.array_equal(reg.predict(X), expected)
reg.set_params(hidden_layer_sizes=(4,)).fit(X, y)
print("refused", refused)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="limits as Linux has them")
@pytest.mark.parametrize("megabytes", [90, 200])
def test_no_memory_is_said_and_survived(megabytes, record_property):
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", LITTLE_MEMORY.format(megabytes=megabytes)],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    refused = int(done.stdout.split()[1])
    assert refused >= 2
    record_property("cases", refused)


# ---- Files ----


FULL_DISK = """
import resource, signal, sys, warnings
import numpy as np
from skbackprop import BackpropRegressor, persistence
warnings.simplefilter("ignore")
path, how, limit = sys.argv[1], sys.argv[2], int(sys.argv[3])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
X = np.random.default_rng(0).normal(size=(40, 5)); y = X[:, 0]
reg = BackpropRegressor((50,), max_iter=3, tol=None, random_state=0).fit(X, y)
before = reg.predict(X)
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, -1))
try:
    if how == "save":
        persistence.save(reg, path)
    else:
        from skbackprop.callbacks import Checkpoint
        reg.set_callbacks(Checkpoint(path)).fit(X, -y)
except OSError:
    assert np.array_equal(reg.predict(X), before)
    print("refused")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="limits as POSIX has them")
@pytest.mark.parametrize("how", ["save", "checkpoint"])
@pytest.mark.parametrize("limit", [0, 1, 1000, 4096])
def test_a_full_disk(tmp_path, how, limit):
    """The earlier file stays as it was, and nothing is left beside it."""
    if how == "checkpoint":
        pytest.importorskip("sklearn.callback", reason="scikit-learn 1.9")
    path = tmp_path / "model"
    X, y = data()
    clf = BackpropClassifier(**QUICK).fit(X, y)
    save(clf, path)
    before = path.read_bytes()
    done = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path), how, str(limit)],
        capture_output=True,
        text=True,
    )
    assert done.stdout == "refused\n", done.stderr[-3000:]
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["model"]
    np.testing.assert_array_equal(load(path).predict(X), clf.predict(X))


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError):
        save(BackpropClassifier(**QUICK).fit(*data()), tmp_path / "no" / "model")
    assert not list(tmp_path.iterdir())


# ---- What stays behind ----


def test_failed_fit_leaves_no_thread():
    X, y = data()
    before = threading.active_count()
    reg = BackpropRegressor(**QUICK)
    for at in (None, 200, 500):
        Fault(MemoryError, at).during(lambda: reg.fit(X, y))
    assert threading.active_count() == before


def test_a_copy_of_a_stream_learns_for_itself():
    """What is made ready for speed points into an estimator's own memory."""
    X, y = data()
    clf = BackpropClassifier(**QUICK)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for row in range(6):
            clf.partial_fit(X[row : row + 1], y[row : row + 1], classes=[0, 1, 2])
    for copied in (copy.copy, copy.deepcopy):
        other, before = copied(clf), state(clf)
        if copied is copy.deepcopy:
            other.partial_fit(X[:1], y[:1])
            assert state(clf) == before
        del other
    clf.partial_fit(X[:1], y[:1])
    assert clf.t_ == 7
