"""Adam and AMSGrad: steps scaled by running moments of the gradient."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .solver import Solver

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from .._typing import Array, DType


@dataclass(frozen=True)
class Adam(Solver):
    """Steps scaled by running moments of the gradient (Kingma & Ba, 2015)."""

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    name = "adam"
    n_slots = 2  # running means of the gradient and of its square
    scales_steps = True
    parameters = ("beta_1", "beta_2", "epsilon")

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> Solver:
        """Return the solver that an estimator's parameters describe."""
        return cls(*(float(params[name]) for name in cls.parameters))

    def bounds_steps(self, dtype: DType) -> bool:
        """Return whether the size of a step is bounded in this dtype."""
        return self.beta_1**2 < self.beta_2 and dtype.type(self.epsilon) != 0

    def step(
        self, params: Array, gradient: Array, state: Array, learning_rate: float, count: int
    ) -> None:
        """Move against the mean gradient, in units of its root mean square."""
        first, second = state
        first *= self.beta_1
        first += (1 - self.beta_1) * gradient
        second *= self.beta_2
        second += (1 - self.beta_2) * gradient**2
        # Both bias corrections at once, folded into the rate.
        rate = learning_rate * math.sqrt(1 - self.beta_2**count) / (1 - self.beta_1**count)
        params -= rate * first / (second**0.5 + self.epsilon)

    @property
    def hyperparams(self) -> tuple[float, ...]:
        """The hyperparameters in the order in which the kernel takes them."""
        return (self.beta_1, self.beta_2, self.epsilon)


@dataclass(frozen=True)
class AMSGrad(Adam):
    """Adam whose step sizes never grow again: by the largest mean square so far.

    Reddi, Kale & Kumar, 2018.
    """

    name = "amsgrad"
    n_slots = 3  # running means of the gradient and of its square, and the largest of these

    def step(
        self, params: Array, gradient: Array, state: Array, learning_rate: float, count: int
    ) -> None:
        """Move against the mean gradient, in units of the largest root mean square."""
        first, second, largest = state
        first *= self.beta_1
        first += (1 - self.beta_1) * gradient
        second *= self.beta_2
        second += (1 - self.beta_2) * gradient**2
        largest[:] = np.maximum(largest, second)
        rate = learning_rate * math.sqrt(1 - self.beta_2**count) / (1 - self.beta_1**count)
        params -= rate * first / (largest**0.5 + self.epsilon)
