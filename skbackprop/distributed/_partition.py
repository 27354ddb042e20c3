"""What a worker does with one partition. Everything here is sent to it by name."""

import warnings
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
from scipy import sparse
from sklearn.utils.multiclass import check_classification_targets

from .._engine.blas_threads import limit_blas_threads, limit_for
from .._engine.hashing import hash_data
from .._engine.regularization import Regularization
from .._engine.sampling import make_sampler
from .._engine.solvers import AccumulateGradient
from .._engine.training import make_least_squares, make_runner
from .._preprocessing.input_validation import validate_inputs_and_targets
from .._preprocessing.label_types import union
from .._preprocessing.row_sample import RowSample
from .._preprocessing.sample_weight import (
    Total,
    accumulate_totals,
    check_weights,
    class_weight_factors,
    in_units,
)
from .._preprocessing.target_encoding import distinct
from .._training.data import Samples


@contextmanager
def _annotate_errors(number):
    """Say in which partition the rows are that are refused."""
    try:
        yield
    except ValueError as error:
        raise ValueError(f"In partition {number}: {error}") from error


# ---- As they come ----


@dataclass
class Partition:
    """The validated rows of a partition, as the user gave them.

    Parameters
    ----------
    number : int
    X : {ndarray, CSR} of shape (n, n_features)
    y : ndarray of shape (n,) or (n, n_columns)
    weights : ndarray of shape (n,) or None
    """

    number: int
    X: object
    y: np.ndarray
    weights: np.ndarray | None


def load(source, learner):
    """Validate the ``(number, X, y, weights)`` of a partition; None where it is empty."""
    number, X, y, weights = source
    if X.shape[0] == 0:
        return None
    with _annotate_errors(number):
        X, y = validate_inputs_and_targets(learner, X, y, reset=False, allows_missing=False)
        # All zero is an error of the whole only.
        weights = check_weights(weights, X.shape[0], needs_some=False)
        one_column = y.ndim == 2 and y.shape[1] == 1
        return Partition(number, X, y[:, 0] if one_column else y, weights)


@dataclass
class PartitionSummary:
    """What has to be known of all rows before there is a network.

    Parameters
    ----------
    n_rows : int
    n_columns : int
        Of the targets.
    total : Total
        Of the sample weights.
    dtype : dtype
    classes : list of ndarray
        Those of each column of a classifier's targets; else empty.
    is_sparse : bool
        Whether inputs are sparse in any partition.
    """

    n_rows: int
    n_columns: int
    total: Total
    dtype: np.dtype
    classes: list
    is_sparse: bool

    def merged(self, other):
        """Of these rows and others."""
        return PartitionSummary(
            self.n_rows + other.n_rows,
            self.n_columns,
            self.total.merged(other.total),
            np.result_type(self.dtype, other.dtype),
            [union(*pair) for pair in zip(self.classes, other.classes, strict=True)],
            self.is_sparse or other.is_sparse,
        )


def summarize(rows, classifies):
    """A `PartitionSummary` of a partition."""
    y = rows.y
    columns = y.reshape(len(y), -1).T
    classes = []
    if classifies:
        with _annotate_errors(rows.number), warnings.catch_warnings():
            # Few rows of many classes are no sign of a regression.
            warnings.simplefilter("ignore", UserWarning)
            check_classification_targets(y)
            classes = [distinct(column) for column in columns]
    total = Total(len(y), Fraction(len(y))) if rows.weights is None else Total.of(rows.weights)
    is_sparse = sparse.issparse(rows.X)
    return PartitionSummary(len(y), len(columns), total, rows.X.dtype, classes, is_sparse)


@dataclass(frozen=True)
class ClassTotals:
    """The weight of each class of each column, in a list of dict."""

    by_column: list

    def merged(self, other):
        """Of these rows and others."""
        pairs = zip(self.by_column, other.by_column, strict=True)
        return ClassTotals(
            [
                {label: a.get(label, 0.0) + b.get(label, 0.0) for label in a | b}
                for a, b in pairs
            ]
        )


def class_totals(rows, worker_config):
    """The `ClassTotals` of a partition, without rows of weight zero."""
    weights = weigh(rows, worker_config)
    if weights is None:
        return ClassTotals(accumulate_totals(None, None, rows.y))
    counted = weights > 0
    return ClassTotals(accumulate_totals(None, weights[counted], rows.y[counted]))


# ---- As the network takes them ----


@dataclass(frozen=True)
class WorkerConfig:
    """What the workers have to know, and what does not change from round to round.

    Parameters
    ----------
    learner : BaseBackprop
        Knows the targets; it is asked for nothing that needs all rows.
    kind : object
        Of the targets, as the learner names it.
    network : Network
    solver : an entry of `solvers.UPDATE_RULES`
    dtype : dtype
    sums_up : bool
        Whether gradients are summed, or networks averaged.
    unit : Fraction
        What sample weights are divided by.
    class_weight : list of dict or None
        The factor of each class of each column.
    weight_factor : float
        A factor of all weights beside those of classes.
    batch_size : int
    seed : int
    total_weight : float
        Of all samples of an epoch, on all workers.
    regularization : Regularization or None
    scaling : Scaling or None
    """

    learner: object
    kind: object
    network: object
    solver: object
    dtype: np.dtype
    sums_up: bool
    unit: Fraction
    class_weight: list | None = None
    weight_factor: float = 1.0
    batch_size: int = 1
    seed: int = 0
    total_weight: float = 1.0
    regularization: object = None
    scaling: object = None


def weigh(rows, worker_config):
    """The weights of rows, class weights included, or None."""
    weights = None if rows.weights is None else in_units(rows.weights, worker_config.unit)
    if worker_config.class_weight is None:
        return weights
    with _annotate_errors(rows.number):
        by_class = (
            class_weight_factors(worker_config.class_weight, rows.y)
            * worker_config.weight_factor
        )
    return by_class if weights is None else weights * by_class


def total_weight(rows, worker_config):
    """The sum of the weights, in a tuple."""
    return (float(weigh(rows, worker_config).sum()),)


def _order_and_split(rows, worker_config):
    """Inputs, targets as encoded and as the network takes them, numbers, and weights.

    The numbers are those of the rows to present, the weights those of all rows.
    """
    learner = worker_config.learner
    X = rows.X.astype(worker_config.dtype, copy=False)
    with _annotate_errors(rows.number):
        Y = learner._target_encoder.encode(rows.y, worker_config.kind)
        targets = learner._target_encoder.to_network(
            Y, worker_config.network, worker_config.dtype
        )
    weights = weigh(rows, worker_config)
    if worker_config.sums_up:
        numbers = np.arange(len(Y)) if weights is None else np.flatnonzero(weights > 0)
    else:
        samples = Samples(X, rows.y, Y, weights)
        numbers, weights, *_ = learner._order_and_split(samples, None, None, is_stream=False)
    return X, Y, targets, numbers, weights


def _present(numbers, weights, worker_config):
    """What an epoch presents of a partition; gradients that are summed are weighed instead."""
    if worker_config.sums_up:
        return make_sampler(numbers, None, shuffle=False)
    return make_sampler(
        numbers, None if weights is None else weights[numbers], worker_config.learner.shuffle
    )


@dataclass
class PartitionStats:
    """What has to be known of all rows before training.

    Parameters
    ----------
    weight : float
        Of all samples of an epoch.
    sizes : dict
        How many samples an epoch of each partition has.
    """

    weight: float
    sizes: dict

    def merged(self, other):
        """Of these rows and others."""
        return PartitionStats(self.weight + other.weight, self.sizes | other.sizes)


def measure(rows, worker_config):
    """The `PartitionStats` of a partition; None where nothing in it counts."""
    *_, numbers, weights = _order_and_split(rows, worker_config)
    if not len(numbers):
        return None
    size = _present(numbers, weights, worker_config).size
    weighs = worker_config.sums_up and weights is not None
    return PartitionStats(
        float(weights[numbers].sum()) if weighs else size, {rows.number: size}
    )


def measure_inputs(rows, worker_config, measure, arguments):
    """Return what `measure` finds in the inputs of a partition; None where nothing counts."""
    X, *_, numbers, weights = _order_and_split(rows, worker_config)
    return measure(X, numbers, weights, *arguments) if len(numbers) else None


def measure_targets(rows, worker_config, measure, arguments):
    """Return what `measure` finds in the targets of a partition; None where nothing counts."""
    _, _, Y, numbers, weights = _order_and_split(rows, worker_config)
    return measure(Y, numbers, weights, *arguments) if len(numbers) else None


def sample(rows, worker_config):
    """Return a `RowSample` of a partition; None where nothing in it counts."""
    X, encoded, Y, numbers, weights = _order_and_split(rows, worker_config)
    if not len(numbers):
        return None
    return RowSample.draw(hash_data(X, encoded), X, Y, numbers, weights)


@dataclass
class PreparedPartition:
    """A partition that is ready for training.

    Parameters
    ----------
    worker_config : WorkerConfig
    start : int
        The number of its first presentation in an epoch.
    X, Y : the rows, as `run_epoch` takes them
    sampler : EpochSampler
    weights : ndarray or None
        Within the gradient, where gradients are summed.
    """

    worker_config: WorkerConfig
    start: int
    X: object
    Y: np.ndarray
    sampler: object
    weights: np.ndarray | None

    @property
    def share(self):
        """The share of this partition in the weight of all."""
        if self.weights is None:
            return self.sampler.size / self.worker_config.total_weight
        return float(self.weights[self.sampler.rows].sum()) / self.worker_config.total_weight


def prepare(rows, worker_config, starts):
    """Make a partition ready for training; None where nothing in it counts.

    `starts` are the numbers of each partition's first presentation in an epoch.
    """
    X, _, Y, numbers, weights = _order_and_split(rows, worker_config)
    if not len(numbers):
        return None
    sampler = _present(numbers, weights, worker_config)
    within = (
        weights.astype(worker_config.dtype)
        if worker_config.sums_up and weights is not None
        else None
    )
    X, Y = worker_config.scaling.transform(X, Y)
    return PreparedPartition(worker_config, starts[rows.number], X, Y, sampler, within)


# ---- Rounds: each gives the partition's share of a mean, to be summed ----


@contextmanager
def _quietly(network, batch_size):
    """As the training loop computes: a diverging network is reported by its loss."""
    threads = limit_blas_threads(network.layer_sizes, batch_size)
    with threads(), np.errstate(over="ignore", invalid="ignore"):
        yield


def gradient(prepared, params, samples_seen):
    """The summed loss, and this partition's share of the gradient of the mean loss.

    `samples_seen` counts the samples before this epoch.
    """
    worker_config, found = (
        prepared.worker_config,
        np.zeros((AccumulateGradient.n_slots, len(params)), dtype=params.dtype),
    )
    # Penalties and limits are for the gradient of all rows.
    dropout = Regularization(dropout=worker_config.regularization.dropout)
    run = make_runner(
        worker_config.network, params.copy(), found, AccumulateGradient(), dropout,
        prepared.X, prepared.Y,
        prepared.weights, worker_config.seed,
    )  # fmt: skip
    order = prepared.sampler.rows
    with _quietly(worker_config.network, len(order)):
        loss = run(order, len(order), 0.0, 0, samples_seen + prepared.start)
        return loss, found[0] * params.dtype.type(prepared.share)


def epoch(prepared, params, slots, rate, updates, samples_seen):
    """The summed loss, and this partition's share of the mean of networks after an epoch.

    Also of what the update rule remembers. The order depends on the seed, the epoch and the
    partition, and on nothing that a worker did before.
    """
    worker_config, params, slots = prepared.worker_config, params.copy(), slots.copy()
    first = samples_seen + prepared.start
    run = make_runner(
        worker_config.network, params, slots, worker_config.solver,
        worker_config.regularization, prepared.X, prepared.Y,
        None, worker_config.seed,
    )  # fmt: skip
    rng = np.random.RandomState(np.random.MT19937([worker_config.seed, first]))
    order = prepared.sampler.draw(rng)
    share = params.dtype.type(prepared.share)
    batch_size = min(worker_config.batch_size, len(order))
    with _quietly(worker_config.network, batch_size):
        loss = run(order, batch_size, rate, updates, first)
        return loss, params * share, slots * share


def least_squares(prepared, params, derivatives):
    """The partition's share of the mean loss, and of the normal equations if asked for."""
    problem = make_least_squares(
        prepared.worker_config.network, prepared.X, prepared.Y, prepared.sampler.rows,
        prepared.weights,
        prepared.worker_config.total_weight, params.dtype,
    )  # fmt: skip
    threads = limit_for(problem.multiplications)
    with threads(), np.errstate(over="ignore", invalid="ignore"):
        if not derivatives:
            return (problem.loss(params),)
        return problem.loss(params), *problem.normal_equations(params)
