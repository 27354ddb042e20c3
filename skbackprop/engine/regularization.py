"""What keeps the weights in bounds beside the loss."""

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Regularization:
    """Changes to the gradient of a batch.

    Parameters
    ----------
    alpha : float
        L2 penalty: ``alpha / 2 * sum(weights ** 2)`` is added to the summed loss of every
        batch, as scikit-learn's MLP does it. Biases go free.
    clip_norm : float or None
        The largest norm that the gradient of a batch's mean loss may have; a longer one is
        shortened. The penalty is not counted.
    """

    alpha: float = 0.0
    clip_norm: float | None = None

    def adjust(self, gradient, params, n_weights, total_weight):
        """Clip `gradient` in place, and add the penalty's share to it."""
        if self.clip_norm is not None:
            norm = math.sqrt(gradient @ gradient)
            if norm > self.clip_norm:
                gradient *= self.clip_norm / norm
        if self.alpha:
            gradient[:n_weights] += self.alpha / total_weight * params[:n_weights]

    def penalty(self, params, n_weights, total_weight):
        """The penalty's part of a batch's mean objective."""
        if not self.alpha:
            return 0.0
        weights = params[:n_weights]
        return 0.5 * self.alpha * float(weights @ weights) / total_weight
