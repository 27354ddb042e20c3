"""What a few microseconds are enough for: predicting, and learning from, a row at a time.

scikit-learn's validation takes a hundred microseconds and more, whatever the row. Where a
row is exactly what the network reads, an array of its dtype in C order with finite numbers
and no names of columns, nothing of that is needed. Everything else takes the long way, and
so does everything that has to be refused: the long way says why.
"""

from math import nan
from numbers import Real
from operator import itemgetter
from time import perf_counter

import numpy as np
from scipy import sparse

from . import history
from .engine.hashing import kernel
from .engine.schedules import CONSTANT, note, should_stop
from .engine.training import choose_engine, rate_of
from .engine.updaters import GradientDescent, Rprop

_DENSE = (np.ndarray,)
_SPARSE = (sparse.csr_matrix, sparse.csr_array)
#: Attributes of an estimator that are caches, and not part of its state.
MADE_READY = ("_predictor", "_stream")


def predictor_for(estimator, X):
    """What predicts from `X` the short way; None where `X` may need the long way."""
    made = vars(estimator)
    if type(X) is not np.ndarray or "feature_names_in_" in made or "_params" not in made:
        return None
    predictor = made.get("_predictor")
    if predictor is not None and predictor.params is made["_params"]:
        return predictor
    # One for this call: predicting leaves the estimator as it is.
    return make_predictor(estimator)


def make_predictor(estimator):
    """What predicts the short way, for networks that the kernel knows."""
    if choose_engine(estimator._network, GradientDescent()) != "compiled":
        return None
    if _clips(estimator):
        return None
    return kernel.Predictor(estimator._network, estimator._params, estimator._scaling.inputs)


def _clips(estimator):
    """Whether inputs are clipped, which the kernel does not do."""
    inputs = estimator._scaling.inputs
    return inputs is not None and inputs.limits is not None


class Stream:
    """An estimator that is about to learn row after row.

    It serves as long as nothing about the estimator changes but by its own rows.

    Parameters
    ----------
    estimator : BaseBackprop
        Fitted, by `partial_fit` on a single row.
    task : Task
        What that call trained.
    read : callable
        ``read(y)``: the target as the network takes it, or None where it is not that plain.
    by_class : bool
        Whether the network takes class numbers, and not columns of targets.
    is_sparse : bool
        Whether the row of that call was sparse.
    classes : object
        What that call was given as `classes`.
    """

    def __init__(self, estimator, task, read, by_class, is_sparse, classes):
        self.classes = classes
        self.task, self.read, self.is_sparse = task, read, is_sparse
        self.standing, self.params = estimator._standing, estimator._params
        progress = self.standing.progress
        self.before = progress.epochs, progress.samples, progress.updates
        self.read_settings = itemgetter(*estimator._parameter_rules)
        self.settings = self.read_settings(vars(estimator))
        # Of the columns in their order; the lists stay the same as long as the weights do.
        self.appends = [column.append for column in estimator.history_.values()]
        self.tol = task.tol or 0.0
        constant = task.schedule is CONSTANT
        self.rate = rate_of(task, self.standing.progress) if constant else None
        self.has_penalty = task.regularization.alpha > 0 or task.regularization.l1 > 0
        self.learner = kernel.Stream(
            task.network,
            self.standing.params,
            self.standing.slots,
            task.updater,
            task.regularization,
            self.standing.progress.seed,
            estimator._scaling.inputs,
            estimator._scaling.targets,
            by_class,
            is_sparse,
        )

    def serves(self, estimator, X, classes):
        """Whether the estimator, and the kind of its rows, is as it was."""
        if type(X) not in (_SPARSE if self.is_sparse else _DENSE):
            return False
        if classes is not None and classes is not self.classes:
            return False
        made = vars(estimator)
        try:
            return made["_params"] is self.params and self.read_settings(made) == self.settings
        except ValueError:  # arrays, which are not equal as a whole
            return False

    def learn(self, estimator, X, y):
        """One step; False where the long way has to be taken, and nothing was learnt."""
        target = self.read(y)
        if target is None:
            return False
        began = perf_counter()
        task, progress = self.task, self.standing.progress
        rate = self.rate or rate_of(task, progress)
        penalty = 0.0
        if self.has_penalty:
            n_weights = task.network.n_weights
            penalty = task.regularization.penalty(self.params, n_weights, 1)
        try:
            loss = self.learner.learn(X, target, rate, progress.updates, progress.samples)
            if loss - loss != 0:  # NaN or infinite
                return False
            self._note(estimator, loss, penalty, rate, perf_counter() - began)
        except BaseException:  # Ctrl-C may come at any moment
            self._make_up(estimator)
            raise
        return True

    def _make_up(self, estimator):
        """Count every row that was learnt, and forget what was noted by halves."""
        progress, n_learnt = self.standing.progress, self.learner.n_learnt
        epochs, progress.samples, progress.updates = (n + n_learnt for n in self.before)
        progress.epochs = progress.planned = epochs
        history.mend(estimator.history_)

    def _note(self, estimator, loss, penalty, rate, seconds):
        task, progress = self.task, self.standing.progress
        measured = loss + penalty
        row = (progress.epochs, measured, rate, seconds, nan, nan, 2 * loss)
        for append, value in zip(self.appends, row, strict=False):
            append(value)
        history.shorten(estimator.history_)
        progress.epochs += 1
        progress.planned = progress.epochs
        progress.samples += 1
        progress.updates += 1
        progress.loss = measured
        note(progress, measured, measured, self.tol)
        estimator.converged_ = task.tol is not None and should_stop(
            progress, task.patience, task.schedule, rate
        )


def learn_row(estimator, X, y, classes):
    """Learn from one row the short way; False where it needs the long way."""
    stream = vars(estimator).get("_stream")
    if stream is None or not stream.serves(estimator, X, classes):
        return False
    return stream.learn(estimator, X, y)


def read_label(numbers):
    """A reader of one label, by a dictionary of their numbers."""

    def read(y):
        try:
            return numbers.get(y[0]) if _is_single(y) else None
        except TypeError:  # a list in a list
            return None

    return read


def read_number(network):
    """A reader of one target."""
    smallest = _smallest(network)

    def read(y):
        number = y[0] if _is_single(y) else None
        return number if isinstance(number, Real) and number >= smallest else None

    return read


def read_columns(network, dtype):
    """A reader of several targets."""
    smallest, n_columns = _smallest(network), network.layer_sizes[-1]

    def read(y):
        return y.astype(dtype) if _is_row(y, n_columns) and not y.min() < smallest else None

    return read


def read_indicators(n_labels, dtype):
    """A reader of a 0 or 1 for each label."""

    def read(y):
        sound = _is_row(y, n_labels) and ((y == 0) | (y == 1)).all()
        return y.astype(dtype) if sound else None

    return read


def _is_single(y):
    if type(y) is np.ndarray:
        return y.shape == (1,)
    return type(y) is list and len(y) == 1


def _is_row(y, n_columns):
    return type(y) is np.ndarray and y.shape == (1, n_columns) and y.dtype.kind in "fiu"


def _smallest(network):
    return 0.0 if network.loss == "poisson" else -np.inf


def prepare_stream(estimator, task, read, by_class, classes):
    """Make the estimator ready for single rows to come, if they can take the short way."""
    can_be = (
        estimator.engine_ == "compiled"
        and task.presentations.size == 1
        and task.examine is None
        and not _clips(estimator)
        and not isinstance(task.updater, Rprop)
        and not estimator.early_stopping
        and not estimator.verbose
        and not hasattr(estimator, "feature_names_in_")
        and estimator._params is estimator._standing.params
    )
    if can_be:
        is_sparse = sparse.issparse(task.X)
        estimator._stream = Stream(estimator, task, read, by_class, is_sparse, classes)
