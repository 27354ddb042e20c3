"""Learning-rate schedules, the stopping rule, and the progress that both read.

A schedule is a function of the progress alone, so that training which is interrupted and
resumed runs at the rates of training which was not.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

#: What can decide when to stop, as a column of the history; nothing before the first epoch.
MONITORS = ("", "loss", "validation_loss", "validation_score")


@dataclass
class TrainCounters:
    """How far training has come: plain numbers, carried from call to call.

    Attributes
    ----------
    seed : int
        Of the dropout, and of the choice of the rows that are held out.
    epochs : int
        Epochs finished.
    planned : int
        The epochs at which the last call was to end.
    samples : int
        Rows presented so far.
    updates : int
        Steps of the update rule so far; for lbfgs, gradients computed.
    loss : float
        That of the last epoch.
    monitor : str
        What decides when to stop, one of `MONITORS`; of a score its negative has to fall.
    best : float
        Its smallest value so far.
    best_loss : float
        The loss of that epoch, on the same rows.
    stalled : int
        Epochs in a row in which it failed to fall by `tol`.
    drops : int
        How often the adaptive schedule has cut the rate.
    halvings : int
        How often training has started again with half the rate.
    damping : float
        Of Levenberg-Marquardt.
    origin : int
        The number of epochs at which lbfgs began its present problem.
    """

    seed: int = 0
    epochs: int = 0
    planned: int = 0
    samples: int = 0
    updates: int = 0
    loss: float = math.nan
    monitor: str = ""
    best: float = math.inf
    best_loss: float = math.inf
    stalled: int = 0
    drops: int = 0
    halvings: int = 0
    damping: float = 0.0
    origin: int = 0


@dataclass(frozen=True)
class Schedule:
    """A learning rate that depends on the progress.

    Parameters
    ----------
    name : str
        The name that users give.
    factor : callable
        ``factor(progress, horizon, power_t) -> multiple of the initial rate``, where
        `horizon` is the planned number of epochs.
    """

    name: str
    factor: Callable


ADAPTIVE_CUT = 5.0
ADAPTIVE_FLOOR = 1e-6


def _remaining(progress, horizon):
    return max(0.0, 1.0 - progress.epochs / horizon)


CONSTANT = Schedule("constant", lambda progress, horizon, power_t: 1.0)
INVSCALING = Schedule(
    "invscaling", lambda progress, horizon, power_t: (progress.samples + 1) ** -power_t
)
ADAPTIVE = Schedule(
    "adaptive", lambda progress, horizon, power_t: ADAPTIVE_CUT**-progress.drops
)
LINEAR = Schedule("linear", lambda progress, horizon, power_t: _remaining(progress, horizon))
COSINE = Schedule(
    "cosine",
    lambda progress, horizon, power_t: (
        0.5 - 0.5 * math.cos(math.pi * _remaining(progress, horizon))
    ),
)

SCHEDULES = (CONSTANT, INVSCALING, ADAPTIVE, LINEAR, COSINE)

_BY_NAME = {row.name: row for row in SCHEDULES}


def get_schedule(name):
    """The schedule called `name`."""
    return _BY_NAME[name]


def update_best(progress, value, loss, tol):
    """Count the epochs in a row whose monitored value was not below the best by `tol`.

    NaN is worse than any number. Returns whether the epoch is the best so far: the one with
    the smallest value and, among equal values, with the smallest loss.
    """
    if value <= progress.best - tol:
        progress.stalled = 0
    else:
        progress.stalled += 1
    rank = _nan_last(value), _nan_last(loss)
    is_best = rank < (progress.best, progress.best_loss)
    if is_best:
        progress.best, progress.best_loss = rank
    return is_best


def _nan_last(value):
    return math.inf if math.isnan(value) else value


def should_stop(progress, patience, schedule, rate):
    """Whether training has stalled for more than `patience` epochs and has to end.

    The adaptive schedule answers a stall by cutting the rate, until there is nothing
    left to cut.
    """
    if progress.stalled <= patience:
        return False
    if schedule is ADAPTIVE and rate > ADAPTIVE_FLOOR:
        progress.drops += 1
        progress.stalled = 0
        return False
    return True
