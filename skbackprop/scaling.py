"""Standardisation inside the estimators, and how it is folded into the weights."""

from dataclasses import dataclass

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

    @classmethod
    def measure(cls, values, rows, weights=None):
        """Weighted mean and deviation of some rows, summed in the order of `rows`.

        Sparse columns keep their zero: they are scaled and not centred. The scale of a
        constant column is one.
        """
        n_columns = values.shape[1]
        total, sums = 0.0, np.zeros(n_columns)
        for _, w, chunk in _chunks(values, rows, weights):
            total += w.sum()
            sums += w @ chunk
        mean = sums / total
        squares = np.zeros(n_columns)
        for _, w, chunk in _chunks(values, rows, weights):
            squares += w @ (chunk - mean) ** 2
        scale = np.sqrt(squares / total)
        resolution = np.finfo(values.dtype).eps * np.abs(mean)
        scale[scale <= _CONSTANT * resolution] = 1.0
        if sparse.issparse(values):
            mean = np.zeros(n_columns)
        return cls(mean, scale)

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


def measure_magnitude(values, rows, weights=None):
    """Divide by the mean size, for outputs that are exponentials."""
    mean = Standardizer.measure(np.abs(values), rows, weights).mean
    return Standardizer(np.zeros(len(mean)), np.where(mean > 0, mean, 1.0))


@dataclass(frozen=True)
class Scaling:
    """The standardisation of a network's two ends; None where there is none.

    Parameters
    ----------
    inputs, targets : Standardizer or None
    through_exp : bool
        Whether outputs are exponentials, so that a factor is a summand before them.
    """

    inputs: Standardizer | None = None
    targets: Standardizer | None = None
    through_exp: bool = False

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
            biases[0] = (biases[0] - (mean / scale) @ weights[0]).astype(dtype)
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
            biases[0] = biases[0] + self.inputs.mean @ weights[0]
            weights[0] = weights[0] * self.inputs.scale[:, None]
        if self.targets is not None:
            if self.through_exp:
                biases[-1] = biases[-1] - np.log(self.targets.scale)
            else:
                biases[-1] = (biases[-1] - self.targets.mean) / self.targets.scale
                weights[-1] = weights[-1] / self.targets.scale
        return weights, biases
