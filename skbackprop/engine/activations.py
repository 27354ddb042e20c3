"""Transfer functions: each a row with its derivative beside it.

To add one, write a row and put it into `ACTIVATIONS`; the choices that the estimators
accept, the numeric tests and the documentation follow from that tuple. A row with
``code=None`` is unknown to the compiled kernel, and networks that use it run on NumPy.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import expit


@dataclass(frozen=True)
class Activation:
    """An elementwise transfer function ``a = f(z)``.

    Parameters
    ----------
    name : str
        The name that users give.
    value : callable
        ``value(z) -> a``.
    derivative : callable
        ``derivative(a) -> f'(z)``. All functions here are invertible where it matters, so
        that the derivative is cheapest from the output.
    code : int or None
        The case in the kernel's ``enum``; None when it has none.
    """

    name: str
    value: Callable
    derivative: Callable
    code: int | None = None


def _relu(z):
    # np.maximum hands NaN on, so that a diverged network is noticed.
    return np.maximum(z, 0)


IDENTITY = Activation("identity", lambda z: z, np.ones_like, code=0)
LOGISTIC = Activation("logistic", expit, lambda a: a * (1 - a), code=1)
TANH = Activation("tanh", np.tanh, lambda a: 1 - a * a, code=2)
RELU = Activation("relu", _relu, lambda a: (a > 0).astype(a.dtype), code=3)

ACTIVATIONS = (IDENTITY, LOGISTIC, TANH, RELU)
ALIASES = {"sigmoid": "logistic"}

_BY_NAME = {row.name: row for row in ACTIVATIONS}


def get_activation(name):
    """The row called `name`, which may be an alias."""
    return _BY_NAME[ALIASES.get(name, name)]
