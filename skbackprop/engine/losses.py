"""Losses: what training makes small.

A loss works on the *raw output* of the network, the weighted sums of the last layer, and
owns the output activation that turns it into what a user sees. So the softmax needs no
derivative of its own, and cross-entropy stays finite for any finite raw output.

To add a loss, add a row to `LOSSES`.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import expit, log_softmax, softmax

from .activations import ACTIVATIONS


@dataclass(frozen=True)
class Loss:
    """A loss on raw outputs.

    Parameters
    ----------
    name : str
        The name that users give.
    output_activation : str
        The name of the function from raw output to output.
    output : callable
        ``output(z) -> o``, row by row.
    value : callable
        ``value(z, o, y) -> loss of each row``, of shape (n,).
    gradient : callable
        ``gradient(o, y) -> derivative of value with respect to z``.
    code : int or None
        The case in the kernel's ``enum``; None when it has none.
    output_code : int or None
        The kernel's code of the output activation.
    """

    name: str
    output_activation: str
    output: Callable
    value: Callable
    gradient: Callable
    code: int | None = None
    output_code: int | None = None


def _difference(o, y):
    """Shared by both cross-entropies: the link cancels against the derivative."""
    return o - y


def _softmax(z):
    return softmax(z, axis=1)


def _multinomial_value(z, o, y):
    return -(y * log_softmax(z, axis=1)).sum(axis=1)


def _bernoulli_value(z, o, y):
    # log(1 + exp(z)) - y z, one term per output: several labels are independent events.
    return (np.logaddexp(0, z) - y * z).sum(axis=1)


def _half_squared_value(z, o, y):
    return 0.5 * ((o - y) ** 2).sum(axis=1)


def _squared_error_through(activation):
    """Half the squared error of ``activation(z)``: the textbook's loss."""
    return Loss(
        "squared_error",
        activation.name,
        output=activation.value,
        value=_half_squared_value,
        gradient=lambda o, y: (o - y) * activation.derivative(o),
        code=2,
        output_code=activation.code,
    )


SOFTMAX_CODE = 100

LOSSES = (
    Loss(
        "log_loss",
        "softmax",
        output=_softmax,
        value=_multinomial_value,
        gradient=_difference,
        code=0,
        output_code=SOFTMAX_CODE,
    ),
    Loss(
        "log_loss",
        "logistic",
        output=expit,
        value=_bernoulli_value,
        gradient=_difference,
        code=1,
        output_code=1,
    ),
    *(_squared_error_through(activation) for activation in ACTIVATIONS),
)

_BY_NAME = {(row.name, row.output_activation): row for row in LOSSES}


def get_loss(name, output_activation):
    """The row for this loss through this output activation."""
    return _BY_NAME[name, output_activation]
