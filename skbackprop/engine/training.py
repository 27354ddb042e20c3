"""An epoch, and the loop around it.

`run_epoch` is written to be read. `kernel.run_epoch` is the same function compiled: one
signature, one test that holds the two together.
"""

import math
import time
from dataclasses import dataclass

import numpy as np

from . import lbfgs, levenberg_marquardt, schedules
from .hashing import kernel
from .lbfgs import LBFGS
from .levenberg_marquardt import LevenbergMarquardt
from .updaters import Collect


def as_matrix(Y, rows, n_outputs, dtype):
    """The targets of some rows, one column per output; class numbers become one-hot."""
    if Y.ndim == 2:
        return Y[rows]
    one_hot = np.zeros((len(rows), n_outputs), dtype=dtype)
    one_hot[np.arange(len(rows)), Y[rows]] = 1
    return one_hot


def run_epoch(
    network,
    params,
    state,
    updater,
    regularization,
    X,
    Y,
    order,
    batch_size,
    rate,
    updates=0,
    weights=None,
    seed=0,
    presented=0,
):
    """Present rows in the given order and update the parameters after every batch.

    Parameters
    ----------
    network : Network
    params : ndarray of shape (n_params,)
        Changed in place.
    state : ndarray of shape (n_slots, n_params)
        What the updater remembers; changed in place.
    updater : a rule of `updaters`
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
    presented : int
        Rows presented before this epoch.

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
        numbers = presented + start + np.arange(len(rows))
        loss, gradient = network.loss_and_gradient(
            params,
            X[rows],
            targets,
            batch_weights,
            regularization.masks(network, seed, numbers, params.dtype),
        )
        total_weight = len(rows) if weights is None else batch_weights.sum()
        regularization.adjust(gradient, params, network.n_weights, total_weight)
        regularization.decay(params, network.n_weights, rate)
        updates += 1
        updater.step(params, gradient, state, rate, updates)
        regularization.confine(network, params)
        total += loss
    return total


def choose_engine(network, updater):
    """The fastest writing of `run_epoch` that can train this network, and its name."""
    codes = [row.code for row in network.hidden]
    codes += [network.loss_row.code, network.loss_row.output_code]
    if kernel is None or None in codes:
        return run_epoch, "numpy"
    # Levenberg-Marquardt is linear algebra, and has one writing.
    name = "numpy" if isinstance(updater, LevenbergMarquardt) else "compiled"
    return kernel.run_epoch, name


@dataclass(frozen=True)
class Task:
    """Everything that training needs and does not change.

    Parameters
    ----------
    network : Network
    updater : a rule of `updaters`, LBFGS or LevenbergMarquardt
    regularization : Regularization
    schedule : Schedule
    X, Y : the rows, as `run_epoch` takes them
    presentations : Presentations
    weights : ndarray or None
        Weights of the rows of `X` within their batch.
    batch_size : int
    rate_init : float
    power_t : float
    tol : float or None
        Smaller improvements count as none; None never ends training.
    patience : float
        How many epochs in a row may bring no improvement.
    horizon : int
        The number of epochs that the schedule plans for.
    examine : callable or None
        ``examine(params) -> Examination`` of rows that are held out.
    stops_on_held_out : bool
        Whether the examination decides when to stop, instead of the loss.
    """

    network: object
    updater: object
    regularization: object
    schedule: object
    X: object
    Y: np.ndarray
    presentations: object
    weights: np.ndarray | None
    batch_size: int
    rate_init: float
    power_t: float
    tol: float | None
    patience: float
    horizon: int
    examine: object = None
    stops_on_held_out: bool = False

    @property
    def total_weight(self):
        """The weight of all presentations of an epoch."""
        if self.weights is None:
            return self.presentations.size
        return float(self.weights[self.presentations.rows].sum())


@dataclass(frozen=True)
class Examination:
    """How the network does on rows that are held out."""

    loss: float
    score: float | None = None

    @property
    def watched(self):
        """The number that should fall."""
        return self.loss if self.score is None else -self.score


@dataclass(frozen=True)
class Record:
    """What one epoch did."""

    epoch: int
    loss: float
    data_loss_sum: float
    learning_rate: float
    seconds: float
    examination: Examination | None
    improved: bool
    stalled: bool


def train(task, params, state, progress, rng, observe):
    """Train an epoch at a time until `observe`, shown a `Record` of each, returns True.

    `params`, `state`, `progress` and `rng` are changed in place: they are all that has to
    be kept for training to be resumed as if it had never stopped. Returns whether a
    full-batch solver has nothing left to improve.
    """
    clock = _Clock()
    if isinstance(task.updater, LBFGS):

        def conclude(loss):
            penalty = _penalty(task, params, task.total_weight)
            loss_sum = (loss - penalty) * task.total_weight
            return observe(_conclude(task, params, progress, loss, loss_sum, math.nan, clock))

        return lbfgs.minimise(
            task.updater, _whole_objective(task), params, state, progress, conclude
        )
    least_squares = isinstance(task.updater, LevenbergMarquardt)
    run = _least_squares_epoch if least_squares else _epoch
    while True:
        rate = math.nan if least_squares else _rate(task, progress)
        loss, loss_sum, converged = run(task, params, state, progress, rng, rate)
        record = _conclude(task, params, progress, loss, loss_sum, rate, clock)
        if observe(record) or converged:
            return converged


class _Clock:
    """Seconds since it was last asked."""

    def __init__(self):
        self._before = time.perf_counter()

    def lap(self):
        before, self._before = self._before, time.perf_counter()
        return self._before - before


def _rate(task, progress):
    """The rate of the next epoch; each new start has halved it."""
    factor = task.schedule.factor(progress, task.horizon, task.power_t)
    return task.rate_init * factor * 0.5**progress.halvings


def _penalty(task, params, batch_weight):
    with np.errstate(over="ignore", invalid="ignore"):
        return task.regularization.penalty(params, task.network.n_weights, batch_weight)


def _epoch(task, params, state, progress, rng, rate):
    """One epoch of an update rule; its loss, the sum of its data losses, and False."""
    n_presented = task.presentations.size
    batch_weight = task.total_weight * task.batch_size / n_presented
    penalty = _penalty(task, params, batch_weight)
    run, _ = choose_engine(task.network, task.updater)
    # A diverging network is reported by its loss; NumPy's own warnings say less.
    with np.errstate(over="ignore", invalid="ignore"):
        loss_sum = run(
            task.network,
            params,
            state,
            task.updater,
            task.regularization,
            task.X,
            task.Y,
            task.presentations.draw(rng),
            task.batch_size,
            rate,
            progress.updates,
            task.weights,
            progress.seed,
            progress.samples,
        )
    progress.updates += -(-n_presented // task.batch_size)
    return loss_sum / task.total_weight + penalty, loss_sum, False


def _least_squares_epoch(task, params, state, progress, rng, rate):
    """One step of Levenberg-Marquardt."""
    rows = task.presentations.rows
    weights = np.ones(len(task.Y)) if task.weights is None else task.weights
    shares = np.zeros(len(weights))
    shares[rows] = weights[rows] / task.total_weight
    ridge = task.regularization.alpha / task.total_weight
    targets = as_matrix(
        task.Y, np.arange(len(task.Y)), task.network.layer_sizes[-1], params.dtype
    )
    penalty = _penalty(task, params, task.total_weight)
    with np.errstate(over="ignore", invalid="ignore"):
        loss, moved = levenberg_marquardt.step(
            task.updater, task.network, params, task.X, targets, shares, ridge, progress
        )
    progress.updates += 1
    return loss + penalty, loss * task.total_weight, not moved


def _whole_objective(task):
    """The objective of the whole data, and its gradient, as a function of the parameters."""
    network, collect = task.network, Collect()
    run, _ = choose_engine(network, collect)
    total_weight, rows = task.total_weight, task.presentations.rows

    def loss_and_gradient(params):
        gradient = np.zeros((collect.n_slots, network.n_params), dtype=params.dtype)
        with np.errstate(over="ignore", invalid="ignore"):
            loss_sum = run(
                network, params, gradient, collect, task.regularization, task.X, task.Y,
                rows, len(rows), 0.0, weights=task.weights,
            )  # fmt: skip
        penalty = _penalty(task, params, total_weight)
        return loss_sum / total_weight + penalty, gradient[0]

    return loss_and_gradient


def _conclude(task, params, progress, loss, loss_sum, rate, clock):
    """Count an epoch, and see whether it was worth it."""
    progress.epochs += 1
    progress.samples += task.presentations.size
    progress.loss = loss
    examination = None if task.examine is None else task.examine(params)
    watched = examination.watched if task.stops_on_held_out else loss
    improved = schedules.note(progress, watched, task.tol or 0.0)
    stalled = task.tol is not None and schedules.should_stop(
        progress, task.patience, task.schedule, rate
    )
    return Record(
        progress.epochs - 1, loss, loss_sum, rate, clock.lap(), examination, improved, stalled
    )
