"""Rprop: a step of its own for each weight, by the sign of its gradient."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from .solver import Solver

if TYPE_CHECKING:
    from .._typing import Array


@dataclass(frozen=True)
class Rprop(Solver):
    """A step of its own for each weight, by the gradient's sign alone (Riedmiller, 1993).

    In the form iRprop- of Igel & Huesken (2003): where the sign has changed, the step is
    shortened and the weight rests. For gradients of the whole data only. The rate is the
    first step of every weight.
    """

    growth: float = 1.2
    cut: float = 0.5
    largest: float = 50.0
    name = "rprop"
    n_slots = 2  # the gradient before, and the steps
    full_batch = True
    default_learning_rate = 0.01
    refused = ("dropout", "weight_decay")
    smallest: ClassVar[float] = 1e-6

    def step(
        self, params: Array, gradient: Array, state: Array, learning_rate: float, count: int
    ) -> None:
        """Move each weight by its own step, against the sign of its gradient."""
        before, steps = state
        steps[steps == 0] = learning_rate
        agreement = before * gradient
        grown = np.minimum(steps * self.growth, self.largest)
        shrunk = np.maximum(steps * self.cut, self.smallest)
        steps[:] = np.where(agreement > 0, grown, np.where(agreement < 0, shrunk, steps))
        before[:] = np.where(agreement < 0, 0 * gradient, gradient)  # NaN stays NaN
        params -= np.sign(before) * steps

    @property
    def hyperparams(self) -> tuple[float, ...]:
        """The hyperparameters in the order in which the kernel takes them."""
        return (self.growth, self.cut, self.largest, self.smallest)
