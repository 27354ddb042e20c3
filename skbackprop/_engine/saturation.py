"""Networks that cannot learn: saturated layers, outputs that ignore the inputs."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from ._typing import Array, Matrix
    from .activations import Activation
    from .network import Network

# A slope below which a neuron passes next to nothing of an error on.
_FLAT = 1e-3
# Outputs that are this close to each other are the same.
_SAME = 1e-6


class SaturatedLayer(NamedTuple):
    """A hidden layer whose neurons pass nothing on.

    Parameters
    ----------
    number : int
    largest_sum : float
        The largest size of its weighted sums.
    on_both_sides : bool
        Whether sums of this size saturate the activation whatever their sign.
    """

    number: int
    largest_sum: float
    on_both_sides: bool


def saturated_layer(network: Network, params: Array, X: Matrix) -> SaturatedLayer | None:
    """Return the first hidden layer that is flat on all rows, or None.

    The derivative of the activation of each of its neurons is next to zero on each row, so
    that neither its own weights nor those of earlier layers change.

    Parameters
    ----------
    network : Network
    params : ndarray of shape (n_params,)
    X : {ndarray, CSR} of shape (n, n_inputs)
        As the network takes them.
    """
    if not _varies(X):
        return None
    with np.errstate(all="ignore"):
        sums, outputs = network.forward(params, X)
        for layer, activation in enumerate(network.hidden):
            if _is_flat(activation, sums[layer], outputs[layer]):
                largest = np.abs(sums[layer]).max()
                ends = np.array([-largest, largest])
                both = _is_flat(activation, ends, activation.value(ends))
                return SaturatedLayer(layer, float(largest), both)
    return None


def _is_flat(activation: Activation, z: Array, a: Array) -> bool:
    return bool((np.abs(activation.slope(z, a)) < _FLAT).all())


def has_constant_output(network: Network, params: Array, X: Matrix) -> bool:
    """Return whether the network gives the same output for different rows."""
    with np.errstate(all="ignore"):
        raw = network.forward(params, X)[0][-1]
        return _varies(X) and bool((np.ptp(raw, axis=0) <= _SAME * np.abs(raw).max()).all())


def _varies(X: Matrix) -> bool:
    return (X[[0] * X.shape[0]] != X).sum() > 0
