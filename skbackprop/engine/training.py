"""An epoch, and the loop around it.

`run_epoch` is written to be read. `kernel.run_epoch` is the same function compiled: one
signature, one test that holds the two together.
"""

import time
from dataclasses import dataclass

import numpy as np

from . import schedules
from .sampling import kernel


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
    updates,
    weights=None,
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
        loss, gradient = network.loss_and_gradient(params, X[rows], targets, batch_weights)
        total_weight = len(rows) if weights is None else batch_weights.sum()
        regularization.adjust(gradient, params, network.n_weights, total_weight)
        updates += 1
        updater.step(params, gradient, state, rate, updates)
        total += loss
    return total


def choose_engine(network, updater):
    """The fastest writing of `run_epoch` that can train this network, and its name."""
    codes = [row.code for row in network.hidden]
    codes += [network.loss_row.code, network.loss_row.output_code, updater.code]
    if kernel is None or None in codes:
        return run_epoch, "numpy"
    return kernel.run_epoch, "compiled"


@dataclass(frozen=True)
class Task:
    """Everything that training needs and does not change."""

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


@dataclass(frozen=True)
class Record:
    """What one epoch did."""

    epoch: int
    loss: float
    data_loss_sum: float
    learning_rate: float
    seconds: float
    stalled: bool


def train(task, params, state, progress, rng):
    """Train for ever, an epoch per step, and yield a `Record` of each.

    `params`, `state`, `progress` and `rng` are changed in place: they are all that has to
    be kept for training to be resumed as if it had never stopped.
    """
    epoch_of, _ = choose_engine(task.network, task.updater)
    n_presented = task.presentations.size
    total_weight = n_presented
    if task.weights is not None:
        total_weight = float(task.weights[task.presentations.rows].sum())
    batch_weight = total_weight * task.batch_size / n_presented
    updates_per_epoch = -(-n_presented // task.batch_size)
    while True:
        began = time.perf_counter()
        rate = task.rate_init * task.schedule.factor(progress, task.horizon, task.power_t)
        penalty = task.regularization.penalty(params, task.network.n_weights, batch_weight)
        # A diverging network is reported by its loss; NumPy's own warnings say less.
        with np.errstate(over="ignore", invalid="ignore"):
            loss_sum = epoch_of(
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
            )
        loss = loss_sum / total_weight + penalty
        progress.epochs += 1
        progress.samples += n_presented
        progress.updates += updates_per_epoch
        schedules.note_loss(progress, loss, task.tol or 0.0)
        stalled = task.tol is not None and schedules.should_stop(
            progress, task.patience, task.schedule, rate
        )
        seconds = time.perf_counter() - began
        yield Record(progress.epochs - 1, loss, loss_sum, rate, seconds, stalled)
