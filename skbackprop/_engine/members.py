"""Several networks of one shape as one, which averages the weighted sums of their outputs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from scipy.linalg import block_diag

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ._typing import Array
    from .network import Network


def joined_network(network: Network, n_members: int) -> Network:
    """Return the network that holds so many of this shape side by side."""
    n_inputs, *hidden, n_outputs = network.layer_sizes
    if not hidden:
        return network
    wide = (n_inputs, *(n_members * size for size in hidden), n_outputs)
    return replace(network, layer_sizes=wide)


def joined_params(network: Network, members: Sequence[Array]) -> Array:
    """Return the parameters with which `joined_network` averages the members.

    What is averaged are the weighted sums of the output layer. Numbers are then the mean of the
    members' predictions, and probabilities the geometric mean of theirs, normalized.

    Parameters
    ----------
    network : Network
        Of each member.
    members : sequence of ndarray of shape (n_params,)
    """
    n = len(members)
    weights = list(zip(*map(network.weights, members), strict=True))
    biases = list(zip(*map(network.biases, members), strict=True))
    if len(weights) == 1:
        joined = [sum(weights[0]) / n]
    else:
        first, *between, last = weights
        joined = [np.hstack(first), *(block_diag(*layer) for layer in between)]
        joined.append(np.vstack(last) / n)
    shifts = [np.concatenate(layer) for layer in biases[:-1]] + [sum(biases[-1]) / n]
    return joined_network(network, n).pack(joined, shifts, members[0].dtype)
