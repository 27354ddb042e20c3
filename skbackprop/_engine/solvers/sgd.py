"""Stochastic gradient descent, plain and with momentum."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .solver import Solver

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from .._typing import Array

_ONLINE_LEARNING_RATE = 0.03


@dataclass(frozen=True)
class GradientDescent(Solver):
    """``w <- w - rate * g``."""

    name = "sgd"
    default_batch_size = 1  # online
    parameters = ("momentum", "nesterovs_momentum")
    schedules = ("constant", "invscaling", "adaptive", "linear", "cosine")

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> Solver:
        """Return gradient descent, with momentum where the estimator has one."""
        momentum = float(params["momentum"])
        if momentum == 0:
            return GradientDescent()
        return Nesterov(momentum) if params["nesterovs_momentum"] else Momentum(momentum)

    # mypy has no property over an attribute of the class.
    @property
    def default_learning_rate(self) -> float:  # type: ignore[override]
        """What ``learning_rate_init="auto"`` comes to."""
        return _ONLINE_LEARNING_RATE

    def step(
        self, params: Array, gradient: Array, state: Array, learning_rate: float, count: int
    ) -> None:
        """Move against the gradient."""
        params -= learning_rate * gradient

    @property
    def hyperparams(self) -> tuple[float, ...]:
        """The hyperparameters in the order in which the kernel takes them."""
        return ()


@dataclass(frozen=True)
class Momentum(GradientDescent):
    """``v <- momentum * v - rate * g;  w <- w + v`` (Polyak, 1964)."""

    momentum: float = 0.9
    n_slots = 1  # the velocity

    # mypy has no property over an attribute of the class.
    @property
    def default_learning_rate(self) -> float:  # type: ignore[override]
        """What "auto" comes to: the steps of a gradient add up to 1 / (1 - momentum)."""
        return _ONLINE_LEARNING_RATE * max(1.0 - self.momentum, 0.01)

    def step(
        self, params: Array, gradient: Array, state: Array, learning_rate: float, count: int
    ) -> None:
        """Move by the velocity, which the gradient changes."""
        velocity = state[0]
        velocity *= self.momentum
        velocity -= learning_rate * gradient
        params += velocity

    @property
    def hyperparams(self) -> tuple[float, ...]:
        """The hyperparameters in the order in which the kernel takes them."""
        return (self.momentum,)


@dataclass(frozen=True)
class Nesterov(Momentum):
    """Momentum that looks ahead: ``w <- w + momentum * v - rate * g`` (Nesterov, 1983).

    In the form of Sutskever et al. (2013), which keeps the look-ahead point as the
    parameters.
    """

    def step(
        self, params: Array, gradient: Array, state: Array, learning_rate: float, count: int
    ) -> None:
        """Move by the velocity after the next step."""
        velocity = state[0]
        velocity *= self.momentum
        velocity -= learning_rate * gradient
        params += self.momentum * velocity - learning_rate * gradient
