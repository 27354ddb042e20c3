"""A small sample of the rows, for what cannot be measured of all of them in parts."""

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from .._engine.sampling import sum_by_group

# The noise estimate takes time with the square of this.
_MOST_ROWS = 500


@dataclass(frozen=True)
class RowSample:
    """Some different rows, chosen by what they hold, and so the same in any order.

    Parameters
    ----------
    hashes : ndarray of shape (n,), uint64
        In ascending order.
    X : {ndarray, CSR} of shape (n, n_features)
    Y : ndarray of shape (n,) or (n, n_outputs)
        Class numbers, or columns of targets.
    weights : ndarray of shape (n,)
        How many copies of it each row stands for.
    """

    hashes: np.ndarray
    X: object
    Y: np.ndarray
    weights: np.ndarray

    @classmethod
    def draw(cls, hashes, X, Y, rows, weights=None):
        """Return a sample of some rows.

        Parameters
        ----------
        hashes : ndarray of shape (n,), uint64
            As `hash_data` makes them.
        X : {ndarray, CSR} of shape (n, n_features)
        Y : ndarray
            The targets as the network takes them, before standardization.
        rows : ndarray of int64
        weights : ndarray of shape (n,) or None
        """
        counts = np.ones(len(rows)) if weights is None else weights[rows]
        return _of_lowest_hashes(hashes[rows], X, Y, counts, rows)

    @property
    def n_different(self):
        """About how many different rows there are, those that were not drawn included.

        Hashes are spread evenly, so that the largest of the lowest ones tells [1]_.

        References
        ----------
        .. [1] Bar-Yossef, Z., Jayram, T. S., Kumar, R., Sivakumar, D. and Trevisan, L. (2002).
           Counting distinct elements in a data stream. RANDOM.
        """
        n = len(self.hashes)
        return n if n < _MOST_ROWS else (n - 1) * 2.0**64 / max(float(self.hashes[-1]), 1.0)

    def merged(self, other):
        """Return a sample of the rows that this and the other were drawn from."""
        parts = [self.X, other.X]
        if any(sparse.issparse(part) for part in parts):
            X = sparse.vstack(parts, format="csr")
        else:
            X = np.concatenate(parts)
        return _of_lowest_hashes(
            np.append(self.hashes, other.hashes),
            X,
            np.concatenate([self.Y, other.Y]),
            np.append(self.weights, other.weights),
            np.arange(X.shape[0]),
        )


def _of_lowest_hashes(hashes, X, Y, weights, rows):
    """Return the sample of `rows` of these hashes and weights; copies become one row."""
    different, firsts, which = np.unique(hashes, return_index=True, return_inverse=True)
    few = slice(_MOST_ROWS)
    chosen = rows[firsts[few]]
    return RowSample(different[few], X[chosen], Y[chosen], sum_by_group(which, weights)[few])
