"""What a few microseconds are enough for: predicting, and learning from, a row at a time.

scikit-learn's validation takes a hundred microseconds and more, whatever the row. Where a
few rows are plain numbers, in an array, a list, a tuple or a data frame with the known
columns, they only have to be converted: the kernel looks at their shape and at every number.
Everything else takes the long way, and so does everything that has to be refused: the long
way says why.
"""

import sys
from math import floor, inf, isfinite, log, nan
from numbers import Real
from operator import itemgetter
from time import perf_counter

import numpy as np
from scipy import sparse

from .._engine.hashing import kernel
from .._engine.schedules import CONSTANT
from .._engine.solvers import GradientDescent
from .._engine.training import choose_engine
from .._preprocessing.target_encoding import MULTILABEL, NUMERIC, SINGLE
from .._training.configuration import is_full_batch, resolve_batch_size
from .._training.history import trim_history, truncate_to_common_length

_LISTS = (list, tuple, np.ndarray)
_SPARSE = (sparse.csr_matrix, sparse.csr_array)
# More rows are converted where they are validated, which then takes hardly longer.
_MOST_ROWS = 256
# Of a dtype: what is a number to the validation, too.
_NUMBERS = "fiub"
# A heavier row takes the long way, which limits the work.
_LARGEST_WEIGHT = 10_000
# So far a weight may move in one update: from finite weights it takes ages to infinite ones.
_LARGEST_STEP = 1e6
#: Attributes of an estimator that are caches, and not part of its state.
MADE_READY = ("_predictor", "_stream")


# ---- Rows and targets, as they come ----


def as_rows(X, dtype, names):
    """A few dense rows as the network reads them; None where the long way has to see them.

    Parameters
    ----------
    X : object
        As the user gave it.
    dtype : dtype
        That of the network.
    names : ndarray or None
        The names that the columns of a data frame are to have, in this order.
    """
    if names is not None:
        X = _numbers_of_frame(X, names)
    elif type(X) is list or type(X) is tuple:
        X = _array_of_lists(X)
    elif type(X) is not np.ndarray:
        return None
    if X is None or (X.dtype == dtype and X.flags.c_contiguous):
        return X
    if X.ndim != 2 or len(X) > _MOST_ROWS or X.dtype.kind not in _NUMBERS:
        return None
    with np.errstate(over="ignore"):  # what becomes infinite takes the long way
        return np.ascontiguousarray(X, dtype)


def _array_of_lists(rows):
    if len(rows) > _MOST_ROWS:
        return None
    try:
        return np.asarray(rows)
    except (OverflowError, TypeError, ValueError):  # ragged, or no numbers
        return None


def _numbers_of_frame(X, names):
    if not _is_pandas(X, "DataFrame") or len(X) > _MOST_ROWS:
        return None
    return X.to_numpy() if X.columns.tolist() == names.tolist() else None


def _is_pandas(value, name):
    pandas = sys.modules.get("pandas")
    return pandas is not None and type(value) is getattr(pandas, name)


def _only(values):
    """The only one of some values, or None."""
    kind = type(values)
    if kind is np.ndarray:
        return values[0] if values.shape == (1,) else None
    if kind is list or kind is tuple:
        return values[0] if len(values) == 1 else None
    return _only(values.to_numpy()) if _is_pandas(values, "Series") else None


def _weight_of(sample_weight):
    """The weight of one row, or None where the long way has to see it."""
    weight = sample_weight if isinstance(sample_weight, Real) else _only(sample_weight)
    is_plain = isinstance(weight, Real) and 0 <= weight <= _LARGEST_WEIGHT
    return float(weight) if is_plain else None


def _frozen(value):
    """What a value holds now, whatever it may come to hold."""
    if isinstance(value, (list, tuple)):
        return (type(value), *map(_frozen, value))
    if isinstance(value, dict):
        return (dict, *value.items())
    if isinstance(value, np.ndarray):
        content = tuple(value.ravel().tolist()) if value.dtype.hasobject else value.tobytes()
        return value.dtype, value.shape, content
    return value


def _can_change(value):
    """Whether a value can be changed in place by whoever else holds it."""
    if isinstance(value, tuple):
        return any(map(_can_change, value))
    return isinstance(value, (list, dict, np.ndarray))


# ---- Predicting ----


def predictor_for(estimator, X):
    """What predicts the short way, and the rows of `X` for it; None where neither may do."""
    made = vars(estimator)
    if "_params" not in made:
        return None
    rows = as_rows(X, made["_params"].dtype, made.get("feature_names_in_"))
    if rows is None:
        return None
    predictor = made.get("_predictor")
    if predictor is None or predictor.params is not made["_params"]:
        # One for this call: predicting leaves the estimator as it is.
        predictor = make_predictor(estimator)
    return None if predictor is None else (predictor, rows)


def make_predictor(estimator):
    """What predicts the short way, for networks that the kernel knows."""
    if choose_engine(estimator._network, GradientDescent()) != "compiled":
        return None
    if _clips(estimator) or not estimator._input_encoder.is_identity:
        return None
    network, params, scaling = estimator._network, estimator._params, estimator._scaling
    largest = _largest_raw(network, scaling.targets, params.dtype)
    return kernel.Predictor(network, params, scaling.inputs, largest)


def _largest_raw(network, targets, dtype):
    """How large raw outputs may be for what is made of them to be finite."""
    # No activation more than doubles a number, but for the exponential function.
    largest = float(np.finfo(dtype).max) / 2
    if targets is not None:
        largest = float(min((largest - abs(targets.mean)) / np.maximum(targets.scale, 1)))
    return log(largest) if network.output_activation == "exp" else largest


def _clips(estimator):
    """Whether inputs are clipped, which the kernel does not do."""
    inputs = estimator._scaling.inputs
    return inputs is not None and inputs.limits is not None


# ---- Learning ----


def _may_overflow(problem, dtype):
    """Whether one update can make weights infinite, so that each has to be looked at."""
    config = problem.config
    rule, limits, rate = config.solver, config.regularization, config.learning_rate_init
    if limits.clip_norm is None or rate * (limits.clip_norm + limits.l1) > _LARGEST_STEP:
        return True
    if rule.scales_steps:  # penalties included
        return not rule.bounds_steps(dtype) or rate * limits.weight_decay > 2
    # Weights are multiplied by one minus this.
    return rate * (limits.alpha + limits.weight_decay) > 2


class SingleRowLearner:
    """An estimator that is about to learn row after row.

    It applies as long as nothing about the estimator changes but by its own rows.

    Parameters
    ----------
    estimator : BaseBackprop
        Fitted, by `partial_fit` on a single row.
    problem : TrainingProblem
        What that call trained.
    read : callable
        ``read(y)``: the target as the network takes it, or None where it is not that plain.
    classes : object
        What that call was given as `classes`.
    """

    def __init__(self, estimator, problem, read, classes):
        self.problem, self.read = problem, read
        self.is_sparse = sparse.issparse(problem.X)  # as the row of that call was
        self.train_state, self.params = estimator._train_state, estimator._params
        self.names = vars(estimator).get("feature_names_in_")
        counters = self.train_state.counters
        self.before = counters.epochs, counters.samples, counters.updates
        self._note_settings(estimator, classes)
        # Of the columns in their order; the lists stay the same as long as the weights do.
        self.appends = [column.append for column in estimator.history_.values()]
        constant = problem.config.schedule is CONSTANT
        counters, penalties = self.train_state.counters, problem.config.regularization
        self.rate = problem.config.learning_rate_at(counters) if constant else None
        self.has_penalty = penalties.alpha > 0 or penalties.l1 > 0
        self.is_one_batch = is_full_batch(estimator)
        solver = problem.config.solver
        self.batch_size = 1 if self.is_one_batch else resolve_batch_size(estimator, solver, inf)
        self.learner = kernel.OnlineStepper(
            problem.config.network,
            self.train_state.params,
            self.train_state.solver_state,
            problem.config.solver,
            problem.config.regularization,
            self.train_state.counters.seed,
            estimator._scaling.inputs,
            estimator._scaling.targets,
            problem.Y.ndim == 1,
            self.is_sparse,
            _may_overflow(problem, self.params.dtype),
        )

    def _note_settings(self, estimator, classes):
        made = vars(estimator)
        self.read_settings = itemgetter(*estimator._parameter_rules)
        self.settings = self.read_settings(made)
        # What the caller still holds may change in place. Initial weights are past.
        self.changeable = {
            name: _frozen(made[name])
            for name in estimator._parameter_rules
            if name != "weight_init" and _can_change(made[name])
        }
        self.classes = _frozen(classes)

    def is_applicable(self, estimator, classes):
        """Whether the estimator, and what its rows come with, is as it was."""
        if classes is not None and not self._are_known(classes):
            return False
        made = vars(estimator)
        try:
            is_as_it_was = (
                made["_params"] is self.params and self.read_settings(made) == self.settings
            )
        except ValueError:  # arrays, which are not equal as a whole
            return False
        if not self.changeable:
            return is_as_it_was
        changed = (_frozen(made[name]) != was for name, was in self.changeable.items())
        return is_as_it_was and not any(changed)

    def _are_known(self, classes):
        return type(classes) in _LISTS and _frozen(classes) == self.classes

    def rows(self, X):
        """What the kernel is to read, or None."""
        if self.is_sparse:
            return X if type(X) in _SPARSE else None
        return as_rows(X, self.params.dtype, self.names)

    def learn(self, estimator, X, y, sample_weight=None):
        """One epoch; False where the long way has to be taken, and nothing was learned."""
        rows, target = self.rows(X), self.read(y)
        if rows is None or target is None:
            return False
        began = perf_counter()
        problem, counters = self.problem, self.train_state.counters
        n_uses = 1 if sample_weight is None else self._n_uses(sample_weight, rows, target)
        if n_uses is None:
            return False
        rate = self.rate or problem.config.learning_rate_at(counters)
        penalty = 0.0
        if self.has_penalty:
            batch_size = min(n_uses, self.batch_size) or 1
            penalty = problem.config.regularization.penalty(
                self.params, problem.config.network.n_weights, batch_size
            )
            if not isfinite(penalty):
                return False
        try:
            loss = self.learner.learn(
                rows, target, rate, counters.updates, counters.samples, n_uses, self.batch_size
            )
            if loss - loss != 0:  # NaN or infinite
                return False
            if n_uses:
                self._note(estimator, loss, penalty, rate, n_uses, perf_counter() - began)
        except BaseException:  # Ctrl-C may come at any moment
            self._sync_counters(estimator)
            raise
        return True

    def _n_uses(self, sample_weight, rows, target):
        """How often to use a row, or None: as `weights.draw_counts` has it."""
        weight = _weight_of(sample_weight)
        if weight is None:
            return None
        n_uses = int(weight)
        fraction = weight - n_uses
        if self.is_one_batch and weight not in (0, 1):  # a factor of the gradient
            return None
        if fraction == 0:
            return n_uses
        if self.learner.learn(rows, target, 0.0, 0, 0, 0) != 0:
            return None  # before anything is drawn, for the long way will draw
        return n_uses + floor(fraction + self.train_state.rng.uniform())

    def _sync_counters(self, estimator):
        """Count every row that was learned, and forget what was noted by halves."""
        learner, counters = self.learner, self.train_state.counters
        learned = learner.n_learned, learner.n_used, learner.n_updates
        counted = map(sum, zip(self.before, learned, strict=True))
        counters.epochs, counters.samples, counters.updates = counted
        counters.target_epoch = counters.epochs
        truncate_to_common_length(estimator.history_)

    def _note(self, estimator, loss, penalty, rate, n_uses, seconds):
        problem, counters = self.problem, self.train_state.counters
        if n_uses > 1 and problem.sampler.shuffle:
            self.train_state.rng.permutation(n_uses)  # as the long way does
        measured = loss / n_uses + penalty
        row = (counters.epochs, measured, rate, seconds, nan, nan, 2 * loss)
        for append, value in zip(self.appends, row, strict=False):
            append(value)
        trim_history(estimator.history_)
        counters.epochs += 1
        counters.target_epoch = counters.epochs
        counters.samples += n_uses
        counters.updates += -(-n_uses // self.batch_size)
        counters.loss = measured
        rule = problem.config.early_stopping
        rule.update(counters, measured)
        estimator.converged_ = rule.should_stop(counters, problem.config.schedule, rate)


def try_learn_row(estimator, X, y, classes, sample_weight):
    """Learn from one row the short way; False where it needs the long way."""
    stream = vars(estimator).get("_stream")
    if stream is None or not stream.is_applicable(estimator, classes):
        return False
    return stream.learn(estimator, X, y, sample_weight)


def _read_label(labels):
    """A reader of one label, which gives its number."""
    numbers = {label: number for number, label in enumerate(labels)}
    are_booleans = any(isinstance(label, bool) for label in numbers)

    def read(y):
        label = _only(y)
        if isinstance(label, (bool, np.bool_)) != are_booleans:  # where True equals 1
            return None
        try:
            return numbers.get(label)
        except TypeError:  # a list in a list
            return None

    return read


def _read_number(network):
    """A reader of one target."""
    smallest = _smallest(network)

    def read(y):
        number = _only(y)
        return number if isinstance(number, Real) and number >= smallest else None

    return read


def _read_columns(network, dtype):
    """A reader of several targets."""
    smallest, n_columns = _smallest(network), network.layer_sizes[-1]

    def read(y):
        y = _as_row(y, n_columns)
        return None if y is None or y.min() < smallest else y.astype(dtype)

    return read


def _read_indicators(n_labels, dtype):
    """A reader of a 0 or 1 for each label."""

    def read(y):
        y = _as_row(y, n_labels)
        return y.astype(dtype) if y is not None and ((y == 0) | (y == 1)).all() else None

    return read


def _as_row(y, n_columns):
    """The numbers of one row as an array, or None."""
    if type(y) is list or type(y) is tuple:
        y = _array_of_lists(y)
    elif _is_pandas(y, "DataFrame"):
        y = y.to_numpy()
    is_row = type(y) is np.ndarray and y.shape == (1, n_columns) and y.dtype.kind in "fiu"
    return y if is_row else None


def _smallest(network):
    return 0.0 if network.loss == "poisson" else -np.inf


def make_target_reader(encoder, network, dtype):
    """Return what reads the target of one row, or None where rows take the long way.

    ``read(y)`` is the target as the network takes it, or None where it is not that plain.
    """
    n_outputs = network.layer_sizes[-1]
    if encoder.kind == SINGLE:
        return _read_label(encoder.classes.tolist())
    if encoder.kind == MULTILABEL:
        return _read_indicators(n_outputs, dtype)
    if encoder.kind == NUMERIC and n_outputs == encoder.n_targets:  # and not their quantiles
        return _read_columns(network, dtype) if n_outputs > 1 else _read_number(network)
    return None


def prepare_stream(estimator, problem, classes=None):
    """Make the estimator ready for single rows to come, if they can take the short way."""
    can_be = (
        estimator.engine_ == "compiled"
        and problem.evaluate is None
        and not _clips(estimator)
        and estimator._input_encoder.is_identity
        and not problem.config.solver.full_batch
        and not estimator.early_stopping
        and not estimator.verbose
        and getattr(estimator, "class_weight", None) is None
        and estimator._params is estimator._train_state.params
    )
    if not can_be:
        return
    network, encoder = problem.config.network, estimator._target_encoder
    read = make_target_reader(encoder, network, estimator._params.dtype)
    if read is not None:
        estimator._stream = SingleRowLearner(estimator, problem, read, classes)
