"""Whether a derivative is the derivative: a comparison with finite differences."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .activations import Activation
from .losses import Loss

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import ArrayLike

    from ._typing import Array

_STEP = 1e-6


def check_derivative(
    function: Activation | Loss,
    points: ArrayLike | None = None,
    targets: ArrayLike | None = None,
    tolerance: float = 1e-6,
) -> None:
    """Compare the derivative of an activation function or a loss with finite differences.

    Parameters
    ----------
    function : Activation or Loss
        What to check.
    points : array-like, default=None
        Where: inputs of the activation function, of any shape, or raw outputs of shape
        (n, n_outputs). None is a grid from -4 to 4, a little beside the corners that such
        functions tend to have at whole numbers. Keep away from other corners.
    targets : array-like of shape (n, n_outputs), default=None
        The targets of a loss. None is a 1 in each row, at each output by turns.
    tolerance : float > 0, default=1e-6
        The difference allowed, relative to the larger of one and the derivative.

    Raises
    ------
    ValueError
        If a derivative differs; the message says where and by how much.

    Examples
    --------
    >>> from skbackprop import Activation, check_derivative
    >>> wrong = Activation("square", lambda z: z * z, lambda z: z, of="input")
    >>> check_derivative(wrong, points=[2.0])
    Traceback (most recent call last):
        ...
    ValueError: The derivative of 'square' is 2 at 2, finite differences give 4 (1 of 1 differ).
    """
    if not isinstance(function, (Activation, Loss)):
        raise TypeError(f"function must be an Activation or a Loss. Got {function!r}.")
    if points is None:
        points = np.linspace(-4, 4, 24) + 0.0077
        points = points if isinstance(function, Activation) else points.reshape(-1, 3)
    points = np.asarray(points, dtype=np.float64)
    if isinstance(function, Activation):
        given = function.slope(points, function.value(points))
        numeric = (function.value(points + _STEP) - function.value(points - _STEP)) / (
            2 * _STEP
        )
    else:
        if targets is None:
            n, n_outputs = points.shape
            targets = np.eye(n_outputs)[np.arange(n) % n_outputs]
        targets = np.asarray(targets, dtype=np.float64)
        given = function.gradient(points, function.output(points), targets)
        numeric = _loss_differences(function, points, targets)
    _compare(function.name, points, given, numeric, tolerance)


def _loss_differences(function: Any, points: Array, targets: Array) -> Array:
    """The derivative of every row's loss by each of its raw outputs."""
    numeric = np.empty(points.shape)
    for output in range(points.shape[1]):
        step = np.zeros(points.shape[1])
        step[output] = _STEP
        above, below = points + step, points - step
        rise = function.value(above, function.output(above), targets) - function.value(
            below, function.output(below), targets
        )
        numeric[:, output] = rise / (2 * _STEP)
    return numeric


def _compare(name: str, points: Array, given: Array, numeric: Array, tolerance: float) -> None:
    if np.shape(given) != points.shape:
        raise ValueError(
            f"The derivative of {name!r} must have the shape {points.shape}. Got "
            f"{np.shape(given)}."
        )
    error = np.abs(given - numeric) / np.maximum(1, np.abs(numeric))
    wrong = ~(error <= tolerance)  # NaN is wrong, too
    if wrong.any():
        worst = np.unravel_index(np.argmax(np.where(wrong, error, -1)), error.shape)
        raise ValueError(
            f"The derivative of {name!r} is {given[worst]:.6g} at {points[worst]:.6g}, finite "
            f"differences give {numeric[worst]:.6g} ({wrong.sum()} of {wrong.size} differ)."
        )
