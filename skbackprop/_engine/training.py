"""An epoch, and the loop around it.

`run_epoch` is written to be read. `kernel.run_epoch` is the same function compiled: one
signature, one test that holds the two together.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from .hashing import kernel
from .saturation import has_constant_output, saturated_layer
from .solvers.levenberg_marquardt import LeastSquares

if TYPE_CHECKING:
    from ._typing import Array, DType, Generator, Matrix, Runner
    from .early_stopping import EarlyStopping
    from .network import Network
    from .regularization import Regularization
    from .sampling import EpochSampler
    from .saturation import SaturatedLayer
    from .schedules import Schedule, TrainCounters
    from .solvers import Solver

# Samples that are taken through the network at a time, where it is only evaluated.
_CHUNK_ROWS = 4096


def as_matrix(Y: Array, rows: Array, n_outputs: int, dtype: DType) -> Array:
    """The targets of some rows, one column per output; class numbers become one-hot."""
    if Y.ndim == 2:
        return Y[rows]
    one_hot = np.zeros((len(rows), n_outputs), dtype=dtype)
    one_hot[np.arange(len(rows)), Y[rows]] = 1
    return one_hot


def mean_loss(network: Network, params: Array, X: Matrix, Y: Array, weights: Array) -> float:
    """The weighted mean loss of samples; not finite where the network's sums overflow."""
    n_rows, n_outputs = X.shape[0], network.layer_sizes[-1]
    total = 0.0
    for start in range(0, n_rows, _CHUNK_ROWS):
        few = slice(start, min(start + _CHUNK_ROWS, n_rows))
        targets = as_matrix(Y, np.arange(n_rows)[few], n_outputs, params.dtype)
        with np.errstate(over="ignore", invalid="ignore"):
            sums, outputs = network.forward(params, X[few])
            losses = network.loss_function.value(sums[-1], outputs[-1], targets)
            total += float(weights[few] @ losses)
    return total / float(weights.sum())


def run_epoch(
    network: Network,
    params: Array,
    state: Array,
    solver: Solver,
    regularization: Regularization,
    X: Matrix,
    Y: Array,
    order: Array,
    batch_size: int,
    rate: float,
    updates: int = 0,
    weights: Array | None = None,
    seed: int = 0,
    samples_seen: int = 0,
) -> float:
    """Present rows in the given order and update the parameters after every batch.

    Parameters
    ----------
    network : Network
    params : ndarray of shape (n_params,)
        Changed in place.
    state : ndarray of shape (n_slots, n_params)
        The state of the solver; changed in place.
    solver : Solver
    regularization : Regularization
    X : {ndarray, CSR} of shape (n, n_inputs)
    Y : ndarray of shape (n, n_outputs), or class numbers of shape (n,)
    order : ndarray of int64
        The rows to present.
    batch_size : int
    rate : float
    updates : int
        Updates made before this epoch.
    weights : ndarray of shape (n,) or None
        Weights of the rows of `X` within their batch.
    seed : int
        Of the dropout.
    samples_seen : int
        Of the epochs before this one.

    Returns
    -------
    loss : float
        The summed loss of all presentations, each taken before its own batch's update.
    """
    n_outputs = network.layer_sizes[-1]
    total = 0.0
    for start in range(0, len(order), batch_size):
        rows = order[start : start + batch_size]
        targets = as_matrix(Y, rows, n_outputs, params.dtype)
        batch_weights = None if weights is None else weights[rows]
        numbers = samples_seen + start + np.arange(len(rows))
        loss, gradient = network.loss_and_gradient(
            params,
            X[rows],
            targets,
            batch_weights,
            regularization.masks(network, seed, numbers, params.dtype),
        )
        total_weight = len(rows) if batch_weights is None else batch_weights.sum()
        updates += 1
        update(
            network, params, state, solver, regularization, gradient, total_weight, rate,
            updates,
        )  # fmt: skip
        total += loss
    return total


def update(
    network: Network,
    params: Array,
    state: Array,
    solver: Solver,
    regularization: Regularization,
    gradient: Array,
    total_weight: float,
    rate: float,
    count: int,
) -> None:
    """Change the parameters by the gradient of a batch's mean loss, all in place.

    Parameters
    ----------
    total_weight : float
        Of the batch.
    count : int
        Updates made so far, this one included.

    The others are those of `run_epoch`.
    """
    regularization.clip_and_penalize(gradient, params, network.n_weights, total_weight)
    regularization.decay(params, network.n_weights, rate)
    step: Callable[..., object] = solver.step  # which a user may have written
    returned = step(params, gradient, state, rate, count)
    if returned is not None:
        raise TypeError(
            f"The step of {type(solver).__name__} must change params in place, as by "
            f"`params -= ...`, and return None. Got {type(returned).__name__}."
        )
    regularization.apply_max_norm(network, params)


def has_kernel() -> bool:
    """Return whether the package was installed with its compiled kernel."""
    return kernel is not None


def choose_engine(network: Network, solver: Solver) -> str:
    """The name of the fastest implementation for this network, "compiled" or "numpy"."""
    rule = solver.update_rule or solver
    is_compiled = kernel is not None and kernel.can_train(network, rule)
    return "compiled" if is_compiled else "numpy"


def make_runner(
    network: Network,
    params: Array,
    state: Array,
    solver: Solver,
    regularization: Regularization,
    X: Matrix,
    Y: Array,
    weights: Array | None,
    seed: int,
) -> Runner:
    """Return `run_epoch` for these: ``run(order, batch_size, rate, updates, samples_seen)``."""
    fixed = (network, params, state, solver, regularization, X, Y)
    if choose_engine(network, solver) == "compiled":
        return kernel.Runner(*fixed, weights, seed).run

    def run(
        order: Array, batch_size: int, rate: float, updates: int = 0, samples_seen: int = 0
    ) -> float:
        return run_epoch(*fixed, order, batch_size, rate, updates, weights, seed, samples_seen)

    return run


def make_least_squares(
    network: Network,
    X: Matrix,
    Y: Array,
    rows: Array,
    weights: Array | None,
    total_weight: float,
    dtype: DType,
) -> LeastSquares:
    """The share of some rows in a mean of squared errors, as Levenberg-Marquardt takes it."""
    rows = np.asarray(rows)
    weights = np.ones(len(rows)) if weights is None else weights[rows].astype(np.float64)
    targets = as_matrix(Y, np.arange(len(Y)), network.layer_sizes[-1], dtype)
    return LeastSquares(network, X, targets, rows, weights / total_weight)


@dataclass(frozen=True)
class TrainingConfig:
    """What the parameters of an estimator came to for one call of training.

    Parameters
    ----------
    network : Network
    solver : Solver
    regularization : Regularization
    schedule : Schedule
    batch_size : int
    learning_rate_init : float
        Of the first epoch, before the schedule changes it.
    power_t : float
    max_epochs : int
        The number of epochs to train at most.
    schedule_length : int
        The number of epochs, of all calls, at which the schedule ends.
    early_stopping : EarlyStopping
    expects_signal : bool
        Whether an output that does not depend on the inputs is a failure.
    """

    network: Network
    solver: Solver
    regularization: Regularization
    schedule: Schedule
    batch_size: int
    learning_rate_init: float
    power_t: float
    max_epochs: int
    schedule_length: int
    early_stopping: EarlyStopping
    expects_signal: bool = False

    def learning_rate_at(self, counters: TrainCounters) -> float:
        """Return the learning rate of the next epoch, which each restart has halved."""
        factor = self.schedule.factor(counters, self.schedule_length, self.power_t)
        return self.learning_rate_init * factor * 0.5**counters.n_restarts

    def penalty(self, params: Array, batch_weight: float) -> float:
        """Return what the penalties add to the mean loss of a batch of this weight."""
        return self.regularization.penalty(params, self.network.n_weights, batch_weight)


@dataclass(frozen=True)
class TrainingProblem:
    """Everything that training needs and does not change.

    Parameters
    ----------
    config : TrainingConfig
    X, Y : the samples, as `run_epoch` takes them
    sampler : EpochSampler
        The samples of each epoch.
    weights : ndarray or None
        Weights of the rows of `X` within their batch.
    evaluate : callable or None
        ``evaluate(params) -> ValidationResult`` on the validation set.
    probe : {ndarray, CSR} of shape (n_probe, n_inputs) or None
        A few samples on which saturation is looked for; None looks for none.
    """

    config: TrainingConfig
    X: Any
    Y: np.ndarray
    sampler: EpochSampler
    weights: np.ndarray | None = None
    evaluate: Callable[[np.ndarray], ValidationResult] | None = None
    probe: Any = None

    def saturated_layer(self, params: Array) -> SaturatedLayer | None:
        """Return a `SaturatedLayer` that cannot learn from here, or None."""
        if self.probe is None:
            return None
        return saturated_layer(self.config.network, params, self.probe)

    def lost_signal(self, params: Array) -> bool:
        """Return whether the output should depend on the inputs, and does not."""
        config = self.config
        return config.expects_signal and has_constant_output(config.network, params, self.probe)

    @property
    def total_weight(self) -> float:
        """The weight of all samples of an epoch."""
        if self.weights is None:
            return self.sampler.size
        return float(self.weights[self.sampler.rows].sum())

    @property
    def updates_per_epoch(self) -> int:
        """The number of batches."""
        return -(-self.sampler.size // self.config.batch_size)

    def make_runner(self, params: Array, state: Array, solver: Solver, seed: int = 0) -> Runner:
        """`run_epoch` on the samples of this problem, as `make_runner` returns it."""
        config = self.config
        return make_runner(
            config.network, params, state, solver, config.regularization, self.X, self.Y,
            self.weights, seed,
        )  # fmt: skip

    def least_squares(self, dtype: DType) -> LeastSquares:
        """The samples of this problem as Levenberg-Marquardt takes them."""
        return make_least_squares(
            self.config.network, self.X, self.Y, self.sampler.rows, self.weights,
            self.total_weight, dtype,
        )  # fmt: skip


@dataclass(frozen=True)
class ValidationResult:
    """How the network does on the validation set."""

    loss: float
    score: float | None = None


@dataclass(frozen=True)
class EpochRecord:
    """What one epoch did."""

    epoch: int
    loss: float
    data_loss_sum: float
    learning_rate: float
    seconds: float
    validation: ValidationResult | None
    improved: bool
    should_stop: bool


def train(
    problem: TrainingProblem,
    params: Array,
    state: Array,
    counters: TrainCounters,
    rng: Generator,
    on_epoch_end: Callable[[EpochRecord], bool],
) -> str | None:
    """Train an epoch at a time until `on_epoch_end`, given an `EpochRecord`, returns True.

    `params`, `state`, `counters` and `rng` are changed in place: they are all that has to
    be kept for training to be resumed as if it had never stopped. Returns None, or how the
    solver ended by itself: see `Solver.train`.
    """
    last = time.perf_counter()

    def end_epoch(loss: float, loss_sum: float, learning_rate: float) -> bool:
        nonlocal last
        # The loss first: an interrupt between these lines must not look like a divergence.
        counters.loss = loss
        counters.epochs += 1
        counters.samples += problem.sampler.size
        validation = None if problem.evaluate is None else problem.evaluate(params)
        config = problem.config
        improved = config.early_stopping.update(counters, loss, validation)
        should_stop = config.early_stopping.should_stop(
            counters, config.schedule, learning_rate
        )
        began, last = last, time.perf_counter()
        return on_epoch_end(
            EpochRecord(
                epoch=counters.epochs - 1,
                loss=loss,
                data_loss_sum=loss_sum,
                learning_rate=learning_rate,
                seconds=last - began,
                validation=validation,
                improved=improved,
                should_stop=should_stop,
            )
        )

    return problem.config.solver.train(problem, params, state, counters, rng, end_epoch)
