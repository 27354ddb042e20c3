"""Update rules: how a gradient changes the parameters.

A rule holds its hyperparameters and nothing else. What it has to remember lives outside,
in an array ``state`` of shape ``(n_slots, n_params)``, so that it can be saved, copied and
handed to the kernel. In order of growing complexity.
"""

import math
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True)
class GradientDescent:
    """``w <- w - rate * g``."""

    n_slots: ClassVar[int] = 0
    code: ClassVar[int | None] = 0

    def step(self, params, gradient, state, rate, count):
        params -= rate * gradient

    @property
    def constants(self):
        """The hyperparameters in the order in which the kernel takes them."""
        return (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Momentum:
    """``v <- momentum * v - rate * g;  w <- w + v`` (Polyak, 1964)."""

    momentum: float = 0.9
    n_slots: ClassVar[int] = 1
    code: ClassVar[int | None] = 1

    def step(self, params, gradient, state, rate, count):
        velocity = state[0]
        velocity *= self.momentum
        velocity -= rate * gradient
        params += velocity

    @property
    def constants(self):
        return (self.momentum, 0.0, 0.0)


@dataclass(frozen=True)
class Nesterov(Momentum):
    """Momentum that looks ahead: ``w <- w + momentum * v - rate * g`` (Nesterov, 1983).

    In the form of Sutskever et al. (2013), which keeps the look-ahead point as the
    parameters.
    """

    code: ClassVar[int | None] = 2

    def step(self, params, gradient, state, rate, count):
        velocity = state[0]
        velocity *= self.momentum
        velocity -= rate * gradient
        params += self.momentum * velocity - rate * gradient


@dataclass(frozen=True)
class Adam:
    """Steps scaled by running moments of the gradient (Kingma & Ba, 2015)."""

    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    n_slots: ClassVar[int] = 2
    code: ClassVar[int | None] = 3

    def step(self, params, gradient, state, rate, count):
        first, second = state
        first *= self.beta_1
        first += (1 - self.beta_1) * gradient
        second *= self.beta_2
        second += (1 - self.beta_2) * gradient**2
        # Both bias corrections at once, folded into the rate.
        rate = rate * math.sqrt(1 - self.beta_2**count) / (1 - self.beta_1**count)
        params -= rate * first / (second**0.5 + self.epsilon)

    @property
    def constants(self):
        return (self.beta_1, self.beta_2, self.epsilon)


UPDATERS = (GradientDescent, Momentum, Nesterov, Adam)
