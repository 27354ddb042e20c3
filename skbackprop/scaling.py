"""Standardisation inside the estimators, and how it is folded into the weights."""

from dataclasses import dataclass, replace

import numpy as np
from scipy import sparse

# Rows per pass: few enough for the temporary to stay small, and one pass after another,
# so that the sums do not depend on how much memory there is.
_CHUNK = 4096
# A column whose deviation is this small beside its mean varies by rounding alone.
_CONSTANT = 16


@dataclass(frozen=True)
class Standardizer:
    """``(values - mean) / scale``, column by column.

    Parameters
    ----------
    mean, scale : ndarray of shape (n_columns,), float64
    """

    mean: np.ndarray
    scale: np.ndarray

    def transform(self, values):
        """A standardised copy, of the same dtype."""
        if sparse.issparse(values):
            scaled = values.copy()
            scaled.data = (values.data / self.scale[values.indices]).astype(values.dtype)
            return scaled
        scaled = np.empty(values.shape, dtype=values.dtype)
        for start in range(0, len(values), _CHUNK):
            chunk = slice(start, start + _CHUNK)
            # In float64, so that float32 values far from zero keep their digits.
            scaled[chunk] = (values[chunk] - self.mean) / self.scale
        return scaled

    def inverse_transform(self, values):
        """Back to the original units, of the same dtype."""
        return (values * self.scale + self.mean).astype(values.dtype)


def _chunks(values, rows, weights):
    for start in range(0, len(rows), _CHUNK):
        chosen = rows[start : start + _CHUNK]
        chunk = values[chosen]
        if sparse.issparse(chunk):
            chunk = chunk.toarray()
        w = np.ones(len(chosen)) if weights is None else weights[chosen]
        yield chosen, w, chunk.astype(np.float64)


def _weighted_sum(w, rows):
    """``w @ rows`` without BLAS, whose threads would share it and round as many are."""
    return np.einsum("i,ij->j", w, rows)


@dataclass(frozen=True)
class Moments:
    """Where the columns of some rows lie and how far they spread.

    Parameters
    ----------
    total : float
        The weight of the rows.
    mean : ndarray of shape (n_columns,), float64
    squares : ndarray of shape (n_columns,), float64
        The weighted sums of the squared deviations from the mean.
    epsilon : float
        The resolution of the dtype of the rows.
    centres : bool
        Whether a mean is to be taken off.
    """

    total: float
    mean: np.ndarray
    squares: np.ndarray
    epsilon: float
    centres: bool

    @classmethod
    def measure(cls, values, rows, weights=None):
        """The weighted moments of some rows, summed in the order of `rows`.

        Sparse columns are to keep their zero: they are scaled and not centred.
        """
        n_columns = values.shape[1]
        total, sums = 0.0, np.zeros(n_columns)
        for _, w, chunk in _chunks(values, rows, weights):
            total += w.sum()
            sums += _weighted_sum(w, chunk)
        mean = sums / total
        squares = np.zeros(n_columns)
        for _, w, chunk in _chunks(values, rows, weights):
            squares += _weighted_sum(w, (chunk - mean) ** 2)
        epsilon = float(np.finfo(values.dtype).eps)
        return cls(total, mean, squares, epsilon, not sparse.issparse(values))

    def merged(self, other):
        """The moments of these rows and others together (Chan, Golub & LeVeque, 1983)."""
        total = self.total + other.total
        apart = other.mean - self.mean
        return replace(
            self,
            total=total,
            mean=self.mean + apart * (other.total / total),
            squares=self.squares
            + other.squares
            + apart**2 * (self.total * other.total / total),
        )

    def standardizer(self):
        """Deviations from the mean become one; the scale of a constant column is one."""
        scale = np.sqrt(self.squares / self.total)
        scale[scale <= _CONSTANT * self.epsilon * np.abs(self.mean)] = 1.0
        return Standardizer(self.mean if self.centres else np.zeros(len(scale)), scale)


class Magnitude(Moments):
    """The moments of sizes, for outputs that are exponentials: a size, and no place."""

    @classmethod
    def measure(cls, values, rows, weights=None):
        return super().measure(np.abs(values), rows, weights)

    def standardizer(self):
        """Divide by the mean size."""
        return Standardizer(np.zeros(len(self.mean)), np.where(self.mean > 0, self.mean, 1.0))


@dataclass(frozen=True)
class Scaling:
    """The standardisation of a network's two ends; None where there is none.

    Parameters
    ----------
    inputs, targets : Standardizer or None
        Or the `Moments` that they are to be made from.
    through_exp : bool
        Whether outputs are exponentials, so that a factor is a summand before them.
    """

    inputs: Standardizer | None = None
    targets: Standardizer | None = None
    through_exp: bool = False

    def merged(self, other):
        """What was measured on these rows and on others."""
        targets = None if self.targets is None else self.targets.merged(other.targets)
        return replace(self, inputs=self.inputs.merged(other.inputs), targets=targets)

    def settled(self):
        """The standardisation for what was measured."""
        targets = None if self.targets is None else self.targets.standardizer()
        return replace(self, inputs=self.inputs.standardizer(), targets=targets)

    def transform(self, X, Y):
        """Both ends as the network takes them."""
        X = X if self.inputs is None else self.inputs.transform(X)
        return X, Y if self.targets is None else self.targets.transform(Y)

    def fold(self, weights, biases):
        """The weights and biases of the same network on raw inputs and raw outputs."""
        weights, biases = list(weights), list(biases)
        if self.inputs is not None:
            dtype = weights[0].dtype
            mean, scale = self.inputs.mean, self.inputs.scale
            biases[0] = (biases[0] - _weighted_sum(mean / scale, weights[0])).astype(dtype)
            weights[0] = (weights[0] / scale[:, None]).astype(dtype)
        if self.targets is not None:
            dtype = weights[-1].dtype
            if self.through_exp:
                biases[-1] = (biases[-1] + np.log(self.targets.scale)).astype(dtype)
            else:
                biases[-1] = self.targets.inverse_transform(biases[-1])
                weights[-1] = (weights[-1] * self.targets.scale).astype(dtype)
        return weights, biases

    def unfold(self, weights, biases):
        """The inverse of `fold`."""
        weights, biases = list(weights), list(biases)
        if self.inputs is not None:
            biases[0] = biases[0] + _weighted_sum(self.inputs.mean, weights[0])
            weights[0] = weights[0] * self.inputs.scale[:, None]
        if self.targets is not None:
            if self.through_exp:
                biases[-1] = biases[-1] - np.log(self.targets.scale)
            else:
                biases[-1] = (biases[-1] - self.targets.mean) / self.targets.scale
                weights[-1] = weights[-1] / self.targets.scale
        return weights, biases
