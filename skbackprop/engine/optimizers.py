"""Update rules: how a gradient changes the parameters.

A rule holds its hyperparameters and nothing else. What it has to remember lives outside,
in an array ``state`` of shape ``(n_slots, n_params)``, so that it can be saved, copied and
handed to the kernel. In order of growing complexity.
"""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np


@dataclass(frozen=True)
class GradientDescent:
    """``w <- w - rate * g``."""

    n_slots: ClassVar[int] = 0

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


@dataclass(frozen=True)
class RMSprop:
    """Steps scaled by a running mean of the squared gradient (Tieleman & Hinton, 2012).

    The mean is corrected for its start at zero, so that the first steps are no larger than
    the others.
    """

    decay: float = 0.9
    epsilon: float = 1e-8
    n_slots: ClassVar[int] = 1

    def step(self, params, gradient, state, rate, count):
        mean = state[0]
        mean *= self.decay
        mean += (1 - self.decay) * gradient**2
        rate = rate * math.sqrt(1 - self.decay**count)
        params -= rate * gradient / (mean**0.5 + self.epsilon)

    @property
    def constants(self):
        return (self.decay, self.epsilon, 0.0)


@dataclass(frozen=True)
class Rprop:
    """A step of its own for each weight, by the gradient's sign alone (Riedmiller, 1993).

    In the form iRprop- of Igel & Huesken (2003): where the sign has changed, the step is
    shortened and the weight rests. For gradients of the whole data only. The rate is the
    first step of every weight.
    """

    growth: float = 1.2
    cut: float = 0.5
    largest: float = 50.0
    n_slots: ClassVar[int] = 2  # the gradient before, and the steps
    smallest: ClassVar[float] = 1e-6

    def step(self, params, gradient, state, rate, count):
        before, steps = state
        steps[steps == 0] = rate
        agreement = before * gradient
        grown = np.minimum(steps * self.growth, self.largest)
        shrunk = np.maximum(steps * self.cut, self.smallest)
        steps[:] = np.where(agreement > 0, grown, np.where(agreement < 0, shrunk, steps))
        before[:] = np.where(agreement < 0, 0 * gradient, gradient)  # NaN stays NaN
        params -= np.sign(before) * steps

    @property
    def constants(self):
        return (self.growth, self.cut, self.largest)


@dataclass(frozen=True)
class AccumulateGradient:
    """No update: the gradient is kept, for solvers that use it in their own way."""

    n_slots: ClassVar[int] = 1

    def step(self, params, gradient, state, rate, count):
        state[0] = gradient

    @property
    def constants(self):
        return (0.0, 0.0, 0.0)


UPDATERS = (GradientDescent, Momentum, Nesterov, Adam, RMSprop, Rprop, AccumulateGradient)
