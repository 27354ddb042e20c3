"""What keeps the weights in bounds beside the loss. Biases go free everywhere."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .dropout import dropout_mask

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ._typing import Array, DType
    from .network import Network


@dataclass(frozen=True)
class Regularization:
    """Changes to the gradient of a batch, and to the weights after it.

    Parameters
    ----------
    alpha : float
        L2 penalty: ``alpha / 2 * sum(weights ** 2)`` is added to the summed loss of every
        batch, as scikit-learn's MLP does it.
    l1 : float
        L1 penalty: ``l1 * sum(abs(weights))``, added likewise.
    weight_decay : float
        Decoupled decay: every update shrinks the weights by ``rate * weight_decay``
        (Loshchilov & Hutter, 2019).
    clip_norm : float or None
        The largest norm that the gradient of a batch's mean loss may have; a longer one is
        shortened. Penalties are not counted.
    max_norm : float or None
        The largest norm that the incoming weights of a neuron may have after an update
        (Srebro & Shraibman, 2005).
    dropout : tuple of float
        The share of each hidden layer's neurons that sit out a presentation; empty for
        none.
    """

    alpha: float = 0.0
    l1: float = 0.0
    weight_decay: float = 0.0
    clip_norm: float | None = None
    max_norm: float | None = None
    dropout: tuple[float, ...] = ()

    def masks(
        self, network: Network, seed: int, presentations: Array, dtype: DType
    ) -> Sequence[Array | None] | None:
        """The dropout of some presentations, a mask or None per hidden layer."""
        if not any(self.dropout):
            return None
        return [
            dropout_mask(seed, presentations, layer, size, rate, dtype) if rate else None
            for layer, (size, rate) in enumerate(
                zip(network.layer_sizes[1:], self.dropout, strict=False)
            )
        ]

    def clip_and_penalize(
        self, gradient: Array, params: Array, n_weights: int, total_weight: float
    ) -> None:
        """Clip `gradient` in place, and add the penalties' share to it."""
        if self.clip_norm is not None:
            norm = math.sqrt(gradient @ gradient)
            if norm > self.clip_norm:
                gradient *= self.clip_norm / norm
        if self.alpha:
            gradient[:n_weights] += self.alpha / total_weight * params[:n_weights]
        if self.l1:
            gradient[:n_weights] += self.l1 / total_weight * np.sign(params[:n_weights])

    def decay(self, params: Array, n_weights: int, rate: float) -> None:
        """Shrink the weights in place, before an update."""
        if self.weight_decay:
            params[:n_weights] *= 1 - rate * self.weight_decay

    def apply_max_norm(self, network: Network, params: Array) -> None:
        """Scale the weights of neurons that are too long in place, after an update."""
        if self.max_norm is None:
            return
        for weights in network.weights(params):
            norms = np.sqrt((weights * weights).sum(axis=0))
            weights *= np.where(norms > self.max_norm, self.max_norm / norms, 1)

    def penalty(self, params: Array, n_weights: int, total_weight: float) -> float:
        """The penalties' part of a batch's mean objective."""
        weights = params[:n_weights]
        penalty = 0.0
        if self.alpha:
            penalty += 0.5 * self.alpha * float(weights @ weights)
        if self.l1:
            penalty += self.l1 * float(np.abs(weights).sum())
        return penalty / total_weight
