"""RMSprop: steps scaled by a running mean of the squared gradient."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .solver import Solver

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from .._typing import Array, DType


@dataclass(frozen=True)
class RMSprop(Solver):
    """Steps scaled by a running mean of the squared gradient (Tieleman & Hinton, 2012).

    The mean is corrected for its start at zero, so that the first steps are no larger than
    the others.
    """

    decay: float = 0.9
    epsilon: float = 1e-8
    name = "rmsprop"
    n_slots = 1  # a running mean of the squared gradient
    scales_steps = True
    parameters = ("beta_2", "epsilon")

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> Solver:
        """Return the solver that an estimator's parameters describe."""
        return cls(float(params["beta_2"]), float(params["epsilon"]))

    def bounds_steps(self, dtype: DType) -> bool:
        """Return whether the size of a step is bounded in this dtype."""
        return dtype.type(self.epsilon) != 0

    def step(
        self, params: Array, gradient: Array, state: Array, learning_rate: float, count: int
    ) -> None:
        """Move against the gradient, in units of its root mean square."""
        mean = state[0]
        mean *= self.decay
        mean += (1 - self.decay) * gradient**2
        rate = learning_rate * math.sqrt(1 - self.decay**count)
        params -= rate * gradient / (mean**0.5 + self.epsilon)

    @property
    def hyperparams(self) -> tuple[float, ...]:
        """The hyperparameters in the order in which the kernel takes them."""
        return (self.decay, self.epsilon)
