"""Outputs that join a network after it has learned."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ._typing import Array
    from .network import Network


def expand_output_layer(
    before: Network,
    after: Network,
    vector: Array,
    origins: Sequence[int | None],
    drawn: Array | None = None,
) -> Array:
    """The parameters of a network with other outputs; what was learned is not touched.

    Parameters
    ----------
    before, after : Network
        Alike but for their outputs.
    vector : ndarray of shape (before.n_params,)
        Parameters, or what an update rule remembers of each.
    origins : sequence of int or None
        For each output of `after`, the output of `before` that it was, or None.
    drawn : ndarray of shape (fan_in + 1, n_outputs) or None
        The weights of the new outputs, their biases in the last row; None for zeros.

    Returns
    -------
    grown : ndarray of shape (after.n_params,)
    """
    grown = np.zeros(after.n_params, dtype=vector.dtype)
    hidden = [
        *zip(after.weights(grown)[:-1], before.weights(vector)[:-1], strict=True),
        *zip(after.biases(grown)[:-1], before.biases(vector)[:-1], strict=True),
    ]
    for new, old in hidden:
        new[...] = old
    weights, bias = after.weights(grown)[-1], after.biases(grown)[-1]
    old_weights, old_bias = before.weights(vector)[-1], before.biases(vector)[-1]
    for output, origin in enumerate(origins):
        if origin is not None:
            weights[:, output], bias[output] = old_weights[:, origin], old_bias[origin]
        elif drawn is not None:
            weights[:, output], bias[output] = drawn[:-1, output], drawn[-1, output]
    return grown
