"""What one call of `fit` or `partial_fit` trains on, as values that do not change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import fsum
from typing import TYPE_CHECKING, Any

import numpy as np

from .._engine.sampling import EpochSampler, make_sampler
from .configuration import is_full_batch

if TYPE_CHECKING:
    from .._preprocessing.scaling import Scaling
    from .._preprocessing.validation_set import ValidationSet


@dataclass(frozen=True)
class Samples:
    """Validated samples.

    Parameters
    ----------
    X : {ndarray, CSR} of shape (n, n_features)
    y : ndarray of shape (n,) or (n, n_outputs)
        The targets as the user gave them.
    Y : ndarray of shape (n,) or (n, n_columns)
        The same as numbers: class numbers, a 0/1 column per label, or a column per target.
    weights : ndarray of shape (n,) or None
    """

    X: Any
    y: np.ndarray
    Y: np.ndarray
    weights: np.ndarray | None

    @property
    def epoch_size(self):
        """How many samples an epoch uses, before class weights."""
        if self.weights is None:
            return len(self.Y)
        return max(round(fsum(self.weights)), np.count_nonzero(self.weights))

    def __getitem__(self, rows):
        """Some of the samples."""
        weights = None if self.weights is None else self.weights[rows]
        return Samples(self.X[rows], self.y[rows], self.Y[rows], weights)


@dataclass(frozen=True)
class AlphaSplit:
    """Samples that are held out to choose the L2 penalty, and how the others are trained on.

    Parameters
    ----------
    held_out : ndarray of int64
    weights : ndarray of shape (n_held_out,)
        Of the held-out samples.
    sampler : EpochSampler
        Which of the others an epoch uses.
    batch_weights : ndarray of shape (n,) or None
        As in `TrainingData`.
    """

    held_out: np.ndarray
    weights: np.ndarray
    sampler: EpochSampler
    batch_weights: np.ndarray | None


@dataclass(frozen=True)
class TrainingData:
    """The samples of one call of training, ready for the network.

    Parameters
    ----------
    X : {ndarray, CSR} of shape (n, n_features), or None
        The standardized inputs; None where they are on a cluster.
    Y : ndarray or None
        The targets as the network takes them, standardized.
    rows : sequence of int
        The samples to train on, in an order that depends on what they hold.
    sampler : EpochSampler or None
        Which of them an epoch uses; None where there are none.
    batch_weights : ndarray of shape (n,) or None
        Weights of the samples within their batch.
    validation : ValidationSet or None
    scaling : Scaling
    noise : float or None
        The share of noise in the targets, where it had to be estimated.
    is_stream : bool
        Whether this is a call of `partial_fit`.
    epochs_before : int
        The number of epochs of earlier calls.
    alpha_split : AlphaSplit or None
        By which the L2 penalty is to be chosen.
    """

    X: Any
    Y: np.ndarray | None
    rows: Sequence[int] | np.ndarray
    sampler: EpochSampler | None
    batch_weights: np.ndarray | None
    validation: ValidationSet | None
    scaling: Scaling
    noise: float | None = None
    is_stream: bool = False
    epochs_before: int = 0
    alpha_split: AlphaSplit | None = None


def sample_epochs(estimator, rows, weights, dtype):
    """Return the sampler of an epoch, and the weights of samples within their batch.

    Parameters
    ----------
    estimator : BaseBackprop
    rows : ndarray of int64
        The samples to train on, in the order to start from.
    weights : ndarray of shape (n,) or None
        Of all samples.
    dtype : dtype
        That of the network.
    """
    if not len(rows):
        return None, None
    if is_full_batch(estimator):
        # The whole epoch is one batch: weights weigh its mean, and the order is moot.
        batch_weights = None if weights is None else weights.astype(dtype)
        return make_sampler(rows, None, shuffle=False), batch_weights
    counts = None if weights is None else weights[rows]
    return make_sampler(rows, counts, estimator.shuffle), None
