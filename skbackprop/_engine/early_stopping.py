"""When training ends early: what is monitored, what counts as progress, how long to wait."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .schedules import ADAPTIVE, ADAPTIVE_FLOOR

if TYPE_CHECKING:
    from .schedules import Schedule, TrainCounters
    from .training import ValidationResult

#: What can decide when to stop, as a column of the history; nothing before the first epoch.
MONITORS = ("", "loss", "validation_loss", "validation_score")


@dataclass(frozen=True)
class EarlyStopping:
    """The rule that ends training before its last epoch; what it counts is in `TrainCounters`.

    Parameters
    ----------
    monitor : {"loss", "validation_loss", "validation_score"}
        The column of the history that decides when to stop.
    tol : float or None
        Smaller improvements count as none; None never ends training.
    patience : float
        How many epochs in a row may bring no improvement.
    keeps_best : bool
        Whether the network of the best epoch is kept, and not that of the last.
    """

    monitor: str = "loss"
    tol: float | None = None
    patience: float = math.inf
    keeps_best: bool = False

    def begin(self, counters: TrainCounters) -> None:
        """Forget the best of what was monitored before, if that was something else."""
        if self.monitor != counters.monitor:
            counters.monitor, counters.n_no_improvement = self.monitor, 0
            counters.best = counters.best_loss = math.inf

    def update(
        self, counters: TrainCounters, loss: float, validation: ValidationResult | None = None
    ) -> bool:
        """Count the epochs in a row whose monitored value was not below the best by `tol`.

        NaN is worse than any number.

        Parameters
        ----------
        counters : TrainCounters
        loss : float
            Of the epoch.
        validation : ValidationResult or None

        Returns
        -------
        is_best : bool
            Whether the epoch is the best so far: the one with the smallest value and, among
            equal values, with the smallest loss.
        """
        value = loss
        if validation is not None and self.monitor != "loss":
            value = loss = validation.loss
            if validation.score is not None and self.monitor == "validation_score":
                value = -validation.score
        if value <= counters.best - (self.tol or 0.0):
            counters.n_no_improvement = 0
        else:
            counters.n_no_improvement += 1
        rank = _nan_last(value), _nan_last(loss)
        is_best = rank < (counters.best, counters.best_loss)
        if is_best:
            counters.best, counters.best_loss = rank
        return is_best

    def should_stop(
        self, counters: TrainCounters, schedule: Schedule, learning_rate: float
    ) -> bool:
        """Return whether training has stalled for longer than `patience` and has to end.

        The adaptive schedule answers a stall by cutting the rate, until there is nothing left
        to cut.
        """
        if self.tol is None or counters.n_no_improvement <= self.patience:
            return False
        if schedule is ADAPTIVE and learning_rate > ADAPTIVE_FLOOR:
            counters.n_rate_cuts += 1
            counters.n_no_improvement = 0
            return False
        return True


def _nan_last(value: float) -> float:
    return math.inf if math.isnan(value) else value
