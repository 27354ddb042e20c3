"""Learning-rate schedules, and the counters that they read.

A schedule is a function of the counters alone, so that training which is interrupted and
resumed runs at the rates of training which was not.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass


@dataclass
class TrainCounters:
    """How far training has come: plain numbers, carried from call to call.

    Attributes
    ----------
    seed : int
        Of the dropout, and of the choice of the rows that are held out.
    epochs : int
        Epochs finished.
    target_epoch : int
        The epochs at which the last call was to end.
    samples : int
        Samples seen so far.
    updates : int
        Steps of the update rule so far; for lbfgs, gradients computed.
    loss : float
        That of the last epoch.
    monitor : str
        What decides when to stop, one of `early_stopping.MONITORS`; of a score its negative
        has to fall.
    best : float
        Its smallest value so far.
    best_loss : float
        The loss of that epoch, on the same rows.
    n_no_improvement : int
        Epochs in a row in which it failed to fall by `tol`.
    n_rate_cuts : int
        How often the adaptive schedule has cut the rate.
    n_restarts : int
        How often training has started again with half the rate.
    step_control : float
        What the solver steers its steps by, such as the damping of Levenberg-Marquardt; 0
        before the first.
    solver_start_epoch : int
        The number of epochs at which the solver began its present problem.
    """

    seed: int = 0
    epochs: int = 0
    target_epoch: int = 0
    samples: int = 0
    updates: int = 0
    loss: float = math.nan
    monitor: str = ""
    best: float = math.inf
    best_loss: float = math.inf
    n_no_improvement: int = 0
    n_rate_cuts: int = 0
    n_restarts: int = 0
    step_control: float = 0.0
    solver_start_epoch: int = 0


@dataclass(frozen=True)
class Schedule:
    """A learning rate that depends on the counters.

    Parameters
    ----------
    name : str
        The name that users give.
    factor : callable
        ``factor(counters, length, power_t) -> multiple of the initial rate``, where
        `length` is the planned number of epochs.
    """

    name: str
    factor: Callable[[TrainCounters, int, float], float]


ADAPTIVE_CUT = 5.0
ADAPTIVE_FLOOR = 1e-6


def _remaining(counters: TrainCounters, length: int) -> float:
    return max(0.0, 1.0 - counters.epochs / length)


CONSTANT = Schedule("constant", lambda counters, length, power_t: 1.0)
INVSCALING = Schedule(
    "invscaling", lambda counters, length, power_t: (counters.samples + 1) ** -power_t
)
ADAPTIVE = Schedule(
    "adaptive", lambda counters, length, power_t: ADAPTIVE_CUT**-counters.n_rate_cuts
)
LINEAR = Schedule("linear", lambda counters, length, power_t: _remaining(counters, length))
COSINE = Schedule(
    "cosine",
    lambda counters, length, power_t: (
        0.5 - 0.5 * math.cos(math.pi * _remaining(counters, length))
    ),
)

SCHEDULES = (CONSTANT, INVSCALING, ADAPTIVE, LINEAR, COSINE)

_BY_NAME = {row.name: row for row in SCHEDULES}


def get_schedule(name: str) -> Schedule:
    """The schedule called `name`."""
    return _BY_NAME[name]
