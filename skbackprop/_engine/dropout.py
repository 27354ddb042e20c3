"""Dropout: which hidden neurons are set to zero for a sample (Srivastava et al., 2014).

Whether a neuron is kept is a hash of the seed, of the number of the sample's use and of its own
number, and so needs no generator: both implementations of an epoch drop the same neurons, and
resumed training drops those that uninterrupted training would have dropped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from .hashing import GOLDEN, mix, mix_32

if TYPE_CHECKING:
    from ._typing import Array, DType

_GOLDEN_32 = np.uint32(0x9E3779B9)


def dropout_mask(
    seed: int, presentations: Array, layer: int, n_neurons: int, rate: float, dtype: DType
) -> Array:
    """Factors for the outputs of a layer: 0 for dropped neurons, 1 / (1 - rate) for others.

    Parameters
    ----------
    seed : int
    presentations : ndarray of shape (n,)
        The number of each row's presentation since training began.
    layer : int
        0 is the first hidden layer.
    n_neurons : int
    rate : float in [0, 1)
        The share of neurons to drop.
    dtype : dtype

    Returns
    -------
    mask : ndarray of shape (n, n_neurons)
    """
    keys = np.asarray(presentations, dtype=np.uint64) * np.uint64(64) + np.uint64(layer + 1)
    keys = mix(keys * GOLDEN + np.uint64(seed)).astype(np.uint32)  # the low half
    numbers = np.arange(1, n_neurons + 1, dtype=np.uint32) * _GOLDEN_32
    kept = mix_32(keys[:, None] + numbers) >= np.uint32(rate * 2.0**32)
    return kept * dtype.type(1 / (1 - rate))
