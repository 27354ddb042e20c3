"""Where training starts: the distributions of the initial weights.

An initializer is called as ``(fan_in, fan_out, rng)`` and returns an array of shape
``(fan_in + 1, fan_out)``: a column per neuron, its bias in the last row. A user's own
function has the same form.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from ._typing import Array, Generator, Initializer
    from .activations import Activation


def uniform(fan_in: int, fan_out: int, rng: Generator) -> Array:
    """Uniform on [0, 1), neuron by neuron with the bias last, as the tutorial draws."""
    return rng.uniform(size=(fan_out, fan_in + 1)).T


def _symmetric(bound: float, fan_in: int, fan_out: int, rng: Generator) -> Array:
    return rng.uniform(-bound, bound, (fan_in + 1, fan_out))


def _normal(deviation: float, fan_in: int, fan_out: int, rng: Generator) -> Array:
    weights = rng.normal(0.0, deviation, (fan_in + 1, fan_out))
    weights[-1] = 0.0
    return weights


def glorot_uniform(fan_in: int, fan_out: int, rng: Generator) -> Array:
    """Uniform with variance 2 / (fan_in + fan_out) (Glorot & Bengio, 2010)."""
    return _symmetric(math.sqrt(6.0 / (fan_in + fan_out)), fan_in, fan_out, rng)


def glorot_normal(fan_in: int, fan_out: int, rng: Generator) -> Array:
    """Normal with variance 2 / (fan_in + fan_out), zero biases (Glorot & Bengio, 2010)."""
    return _normal(math.sqrt(2.0 / (fan_in + fan_out)), fan_in, fan_out, rng)


def he_uniform(fan_in: int, fan_out: int, rng: Generator) -> Array:
    """Uniform with variance 2 / fan_in, zero biases (He et al., 2015)."""
    weights = _symmetric(math.sqrt(6.0 / fan_in), fan_in, fan_out, rng)
    weights[-1] = 0.0
    return weights


def he_normal(fan_in: int, fan_out: int, rng: Generator) -> Array:
    """Normal with variance 2 / fan_in, zero biases (He et al., 2015)."""
    return _normal(math.sqrt(2.0 / fan_in), fan_in, fan_out, rng)


def lecun_normal(fan_in: int, fan_out: int, rng: Generator) -> Array:
    """Normal with variance 1 / fan_in, zero biases (LeCun et al., 1998)."""
    return _normal(math.sqrt(1.0 / fan_in), fan_in, fan_out, rng)


def nguyen_widrow(fan_in: int, fan_out: int, rng: Generator) -> Array:
    """Weight vectors of length 0.7 * fan_out ** (1 / fan_in), biases spread as far.

    So that the neurons' active regions divide the input space between -1 and 1 among them
    (Nguyen & Widrow, 1990).
    """
    length = 0.7 * fan_out ** (1.0 / fan_in)
    weights = rng.uniform(-1.0, 1.0, (fan_in + 1, fan_out))
    weights[:-1] *= length / np.sqrt((weights[:-1] ** 2).sum(axis=0))
    weights[-1] *= length
    return weights


INITIALIZERS = (
    uniform, glorot_uniform, glorot_normal, he_uniform, he_normal, lecun_normal, nguyen_widrow,
)  # fmt: skip

_BY_NAME = {row.__name__: row for row in INITIALIZERS}
_RECTIFIERS = ("relu", "leaky_relu", "elu", "silu", "gelu", "mish")


def automatic(activation: str | Activation) -> Initializer:
    """What ``weight_init="auto"`` means for a layer that feeds `activation`."""
    if activation == "selu":
        return lecun_normal
    return he_uniform if activation in _RECTIFIERS else glorot_uniform


def mlp_uniform(fan_in: int, fan_out: int, rng: Generator) -> Array:
    """What scikit-learn's MLP draws for networks of logistic neurons: a third as varied."""
    return _symmetric(math.sqrt(2.0 / (fan_in + fan_out)), fan_in, fan_out, rng)


def get_initializer(name: str) -> Initializer:
    """The function called `name`."""
    return _BY_NAME[name]
