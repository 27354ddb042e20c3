"""Learning-rate schedules, the stopping rule, and the progress that both read.

A schedule is a function of the progress alone, so that training which is interrupted and
resumed runs at the rates of training which was not.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class Progress:
    """How far training has come: plain numbers, carried from call to call.

    Attributes
    ----------
    epochs : int
        Epochs finished.
    samples : int
        Rows presented so far.
    updates : int
        Steps of the update rule so far.
    best_loss : float
        The smallest epoch loss so far.
    stalled : int
        Epochs in a row in which the loss failed to fall by `tol`.
    drops : int
        How often the adaptive schedule has cut the rate.
    """

    epochs: int = 0
    samples: int = 0
    updates: int = 0
    best_loss: float = math.inf
    stalled: int = 0
    drops: int = 0


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


def note_loss(progress, loss, tol):
    """Count the epochs in a row whose loss was not below the best by at least `tol`."""
    if loss > progress.best_loss - tol:
        progress.stalled += 1
    else:
        progress.stalled = 0
    if loss < progress.best_loss:  # which NaN never is
        progress.best_loss = loss


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
