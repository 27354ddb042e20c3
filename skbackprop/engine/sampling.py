"""Which rows an epoch presents, and in what order: the meaning of a sample weight.

A sample weight is the expected number of times its row is presented in an epoch. Each
presentation is a full training step, so weights mean the same in online, mini-batch and
batch learning, and an integer weight is exactly that many copies of the row.

The rows are first brought into a canonical order that depends on what they hold and not
on where they stand, and shuffled from there. So a model depends on the data and the seed,
and not on how a file happened to be sorted.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

try:
    from . import kernel
except ImportError:  # installed without a compiler
    kernel = None

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def _mix(h):
    """Stafford's 64-bit finaliser (Mix13), in place; 0 stays 0."""
    h ^= h >> np.uint64(30)
    h *= np.uint64(0xBF58476D1CE4E5B9)
    h ^= h >> np.uint64(27)
    h *= np.uint64(0x94D049BB133111EB)
    h ^= h >> np.uint64(31)
    return h


def _column_keys(columns):
    """An odd number for each column, so that equal values in two columns differ."""
    return _mix((columns.astype(np.uint64) + np.uint64(1)) * _GOLDEN) | np.uint64(1)


def _hash_values(values, columns):
    # Adding zero turns -0.0 into 0.0; hashing float64 gives float32 data the same order.
    bits = (values.astype(np.float64) + 0.0).view(np.uint64)
    return _mix(bits) * _column_keys(columns)


def hash_rows(X, first_column=0):
    """A 64-bit hash of every row; zeros add nothing, so dense and sparse rows agree.

    Parameters
    ----------
    X : {ndarray, CSR} of shape (n, n_columns)
    first_column : int
        Where to start counting columns.

    Returns
    -------
    hashes : ndarray of shape (n,), uint64
    """
    if sparse.issparse(X):
        terms = np.append(_hash_values(X.data, X.indices + first_column), np.uint64(0))
        sums = np.add.reduceat(terms, X.indptr[:-1]) if X.shape[0] else terms[:0]
        return np.where(np.diff(X.indptr) > 0, sums, np.uint64(0))
    hashes = np.zeros(X.shape[0], dtype=np.uint64)
    for column in range(X.shape[1]):
        hashes += _hash_values(X[:, column], np.asarray([first_column + column]))
    return hashes


def canonical_order(X, y):
    """Row numbers, sorted by what the rows hold.

    Parameters
    ----------
    X : {ndarray, CSR} of shape (n, n_features)
    y : ndarray of shape (n,) or (n, n_outputs)
        The targets as they were given, before any scaling: a last bit changed by
        arithmetic would change the order.
    """
    if X.shape[0] == 1:
        return np.zeros(1, dtype=np.int64)
    rows_of = hash_rows if kernel is None else kernel.hash_rows
    columns = np.asarray(y, dtype=np.float64).reshape(len(y), -1)
    hashes = rows_of(X, 0) + rows_of(columns, X.shape[1])
    return np.argsort(hashes, kind="stable")


@dataclass(frozen=True)
class Presentations:
    """The rows to present, epoch after epoch.

    Parameters
    ----------
    rows : ndarray of int64
        Row numbers in their canonical (or given) order.
    shuffle : bool
        Whether each epoch permutes them anew.
    weights : ndarray or None
        One weight per entry of `rows`, when they have to be resampled in each epoch.
    size : int
        Presentations in an epoch.
    """

    rows: np.ndarray
    shuffle: bool
    weights: np.ndarray | None
    size: int

    def draw(self, rng):
        """The row numbers of one epoch, in order."""
        rows = self.rows if self.weights is None else self._resample(rng)
        return rows[rng.permutation(len(rows))] if self.shuffle else rows

    def _resample(self, rng):
        """Systematic resampling: every row floor(w) or ceil(w) times (Kitagawa, 1996)."""
        cumulated = np.cumsum(self.weights)
        points = (np.arange(self.size) + rng.uniform()) * (cumulated[-1] / self.size)
        chosen = np.searchsorted(cumulated, points, side="right")
        return self.rows[np.minimum(chosen, len(self.rows) - 1)]


def plan_presentations(rows, weights, shuffle):
    """Turn positive sample weights into what an epoch presents.

    Parameters
    ----------
    rows : ndarray of int64
        Row numbers in the order to start from.
    weights : ndarray or None
        A positive weight per entry of `rows`.
    shuffle : bool
    """
    if weights is None:
        return Presentations(rows, shuffle, None, len(rows))
    size = max(round(float(weights.sum())), len(rows))
    whole = np.rint(weights)
    if np.array_equal(whole, weights) and whole.sum() == size:
        return Presentations(np.repeat(rows, whole.astype(np.int64)), shuffle, None, size)
    return Presentations(rows, shuffle, weights, size)
