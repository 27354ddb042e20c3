"""Where training starts: the distributions of the first weights.

An initialiser is called as ``(fan_in, fan_out, rng)`` and returns an array of shape
``(fan_in + 1, fan_out)``: a column per neuron, its bias in the last row. A user's own
function has the same form.
"""

import math


def uniform(fan_in, fan_out, rng):
    """Uniform on [0, 1), neuron by neuron with the bias last, as the textbook draws."""
    return rng.uniform(size=(fan_out, fan_in + 1)).T


def _symmetric(bound, fan_in, fan_out, rng):
    return rng.uniform(-bound, bound, (fan_in + 1, fan_out))


def _normal(deviation, fan_in, fan_out, rng):
    weights = rng.normal(0.0, deviation, (fan_in + 1, fan_out))
    weights[-1] = 0.0
    return weights


def glorot_uniform(fan_in, fan_out, rng):
    """Uniform with variance 2 / (fan_in + fan_out) (Glorot & Bengio, 2010)."""
    return _symmetric(math.sqrt(6.0 / (fan_in + fan_out)), fan_in, fan_out, rng)


def glorot_normal(fan_in, fan_out, rng):
    """Normal with variance 2 / (fan_in + fan_out), zero biases (Glorot & Bengio, 2010)."""
    return _normal(math.sqrt(2.0 / (fan_in + fan_out)), fan_in, fan_out, rng)


def he_uniform(fan_in, fan_out, rng):
    """Uniform with variance 2 / fan_in, zero biases (He et al., 2015)."""
    weights = _symmetric(math.sqrt(6.0 / fan_in), fan_in, fan_out, rng)
    weights[-1] = 0.0
    return weights


def he_normal(fan_in, fan_out, rng):
    """Normal with variance 2 / fan_in, zero biases (He et al., 2015)."""
    return _normal(math.sqrt(2.0 / fan_in), fan_in, fan_out, rng)


INITIALIZERS = (uniform, glorot_uniform, glorot_normal, he_uniform, he_normal)

_BY_NAME = {row.__name__: row for row in INITIALIZERS}


def automatic(activation):
    """What ``weight_init="auto"`` means for a layer that feeds `activation`."""
    return he_uniform if activation == "relu" else glorot_uniform


def get_initializer(name):
    """The function called `name`."""
    return _BY_NAME[name]
