"""Losses: what training makes small.

A loss works on the *raw output* of the network, the weighted sums of the last layer, and
owns the output activation that turns it into what a user sees. So the softmax needs no
derivative of its own, and cross-entropy stays finite for any finite raw output.

Most losses of a regression look at nothing but the residual, output minus target, and go
with any output activation: to add one, enter it in `RESIDUALS`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from scipy.special import expit, log_softmax, softmax, xlogy

from .activations import EXP, OUTPUT_ACTIVATIONS, Array, check_function, get_activation

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from .activations import Activation


@dataclass(frozen=True)
class Loss:
    """A loss on raw outputs.

    An object of this class can be given as the `loss` of an estimator. A classifier hands
    it one output per class, and targets of 0 and 1; a regressor one output per target. For
    a fitted estimator to be pickled, its functions must be, so write them with ``def`` at
    the top of a module.

    Parameters
    ----------
    name : str
        The name that users give, and see.
    output_activation : str
        The name of the function from raw output to output. A regressor standardizes its
        targets inside where this is "identity".
    output : callable
        ``output(z) -> o``, for arrays of shape (n, n_outputs).
    value : callable
        ``value(z, o, y) -> loss of each row``, of shape (n,).
    gradient : callable
        ``gradient(z, o, y) -> derivative of value with respect to z``, of shape
        (n, n_outputs).

    Raises
    ------
    TypeError
        If a name is not a string, or if `output`, `value` or `gradient` is not callable.

    See Also
    --------
    skbackprop.check_derivative : Compares a gradient with finite differences.

    Examples
    --------
    The logarithm of the hyperbolic cosine, quadratic near zero and linear far away:

    >>> import numpy as np
    >>> from skbackprop import BackpropRegressor, Loss, check_derivative
    >>> def identity(z):
    ...     return z
    >>> def value(z, o, y):
    ...     return (np.logaddexp(o - y, y - o) - np.log(2)).sum(axis=1)
    >>> def gradient(z, o, y):
    ...     return np.tanh(o - y)
    >>> log_cosh = Loss("log_cosh", "identity", identity, value, gradient)
    >>> check_derivative(log_cosh)
    >>> reg = BackpropRegressor((), loss=log_cosh, max_iter=1)
    >>> reg.fit([[0.0], [1.0]], [0.0, 1.0]).engine_
    'numpy'
    """

    name: str
    output_activation: str
    output: Callable[[Array], Array]
    value: Callable[[Array, Array, Array], Array]
    gradient: Callable[[Array, Array, Array], Array]

    def __post_init__(self) -> None:
        check_function(self, ("name", "output_activation"), ("output", "value", "gradient"))

    def __reduce__(self) -> tuple[Any, ...]:
        # Through the constructor, which takes the declared fields and checks them.
        return type(self), tuple(getattr(self, field.name) for field in fields(self))


# ---- Cross-entropies: the link cancels against the derivative ----


def _output_minus_target(z: Array, o: Array, y: Array) -> Array:
    return o - y


def _blocks(sizes: Sequence[int]) -> list[slice]:
    ends = np.cumsum((0, *sizes))
    return [slice(start, stop) for start, stop in pairwise(ends)]


def multinomial(*sizes: int) -> Loss:
    """Cross-entropy of one class out of several, through a softmax.

    With `sizes`, the outputs are that many variables side by side, each with a softmax over
    its own classes; without, they are one variable.
    """
    blocks = _blocks(sizes) if sizes else [slice(None)]

    def output(z: Array) -> Array:
        return np.concatenate([softmax(z[:, block], axis=1) for block in blocks], axis=1)

    def value(z: Array, o: Array, y: Array) -> Array:
        return -sum((y[:, b] * log_softmax(z[:, b], axis=1)).sum(axis=1) for b in blocks)

    return Loss("log_loss", "softmax", output, value, _output_minus_target)


def _bernoulli_value(z: Array, o: Array, y: Array) -> Array:
    # log(1 + exp(z)) - y z, one term per output: several labels are independent events.
    return (np.logaddexp(0, z) - y * z).sum(axis=1)


BERNOULLI = Loss("log_loss", "logistic", expit, _bernoulli_value, _output_minus_target)


# ---- Counts ----


def _half_poisson_deviance(z: Array, o: Array, y: Array) -> Array:
    return (o - y * z + xlogy(y, y) - y).sum(axis=1)


POISSON = Loss("poisson", "exp", EXP.value, _half_poisson_deviance, _output_minus_target)


# ---- Functions of the residual ----


@dataclass(frozen=True)
class ResidualLoss:
    """A loss that is a sum over outputs of ``value(o - y)``.

    Parameters
    ----------
    name : str
        The name that users give.
    value, derivative : callable
        Functions of the residual and of the options.
    options : tuple of float
        What `value` and `derivative` take where nothing else is asked for.
    """

    name: str
    value: Callable[..., Array]
    derivative: Callable[..., Array]
    options: tuple[float, ...] = ()

    def with_output(self, activation: Activation, options: tuple[float, ...]) -> Loss:
        """The loss of networks whose outputs go through `activation`."""
        given = [np.asarray(options)] if options else []

        def value(z: Array, o: Array, y: Array) -> Array:
            return self.value(o - y, *given).sum(axis=1)

        def gradient(z: Array, o: Array, y: Array) -> Array:
            return (self.derivative(o - y, *given) * activation.slope(z, o)).astype(o.dtype)

        return Loss(self.name, activation.name, activation.value, value, gradient)


def _huber(r: Array, delta: Array) -> Array:
    size = np.abs(r)
    return np.where(size <= delta, 0.5 * r * r, delta * (size - 0.5 * delta))


def _quantile_derivative(r: Array, quantiles: Array) -> Array:
    return np.where(r > 0, 1 - quantiles, np.where(r < 0, -quantiles, 0 * r))


RESIDUALS = (
    ResidualLoss("squared_error", lambda r: 0.5 * r * r, lambda r: r),
    ResidualLoss("absolute_error", np.abs, np.sign),
    # Huber, 1964.
    ResidualLoss("huber", _huber, lambda r, d: np.clip(r, -d, d), options=(1.0,)),
    # Koenker & Bassett, 1978; the options are the quantile of each output.
    ResidualLoss(
        "quantile",
        lambda r, quantiles: r * _quantile_derivative(r, quantiles),
        _quantile_derivative,
        options=(0.5,),
    ),
)

#: The names of losses whose derivative is bounded: outliers among the targets do not rule them.
ROBUST_LOSSES = ("absolute_error", "huber", "quantile")

_RESIDUALS = {loss.name: loss for loss in RESIDUALS}
#: Other names that users may give.
ALIASES = {"pinball": "quantile"}
# Losses that go with one output activation alone.
_LINKED: dict[tuple[str, str], Callable[..., Loss]] = {
    ("log_loss", "softmax"): multinomial,
    ("log_loss", "logistic"): lambda: BERNOULLI,
    ("poisson", "exp"): lambda: POISSON,
}
#: Every loss through every output activation that it goes with.
LOSSES = (
    *(make() for make in _LINKED.values()),
    *(
        loss.with_output(activation, loss.options)
        for loss in RESIDUALS
        for activation in OUTPUT_ACTIVATIONS
    ),
)


_NAMES = {loss.name: loss.name for loss in LOSSES}


def loss_name(loss: str | Loss) -> str | Loss:
    """The name in the registry of the loss called `loss`; an object is returned as it is."""
    if isinstance(loss, Loss):
        return loss
    return _NAMES[ALIASES.get(loss, loss)]


def allowed_outputs(loss: str) -> tuple[str, ...]:
    """The output activations that the loss called `loss` goes with."""
    if loss in _RESIDUALS:
        return tuple(function.name for function in OUTPUT_ACTIVATIONS)
    return tuple(output for name, output in _LINKED if name == loss)


def options_of(loss: str, options: tuple[float, ...]) -> tuple[float, ...]:
    """The options of the loss called `loss`: those given, or else its own."""
    return options or (_RESIDUALS[loss].options if loss in _RESIDUALS else ())


def get_loss(loss: str | Loss, output_activation: str, options: tuple[float, ...] = ()) -> Loss:
    """Return the loss of this name through this output activation.

    `options` are a number per output for the quantile loss, the sizes of the variables for
    a softmax over several, and else nothing. An object instead of a name is returned as it is.
    """
    if isinstance(loss, Loss):
        return loss
    options = options_of(loss, options)
    if loss in _RESIDUALS:
        return _RESIDUALS[loss].with_output(get_activation(output_activation), options)
    return _LINKED[loss, output_activation](*options)
