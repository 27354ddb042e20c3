"""How noisy the targets are, found before training: the rest of what alpha="auto" goes by.

Where rows that lie next to each other have targets that are alike, the inputs tell of the
targets; where such targets differ as much as those of any two rows, they tell of nothing
that so many rows could show.
"""

from dataclasses import dataclass

import numpy as np
from scipy import sparse
from scipy.spatial.distance import cdist

from .engine.hashing import hash_data
from .engine.sampling import sum_by_group

# The estimate takes time with the square of this.
_MOST_ROWS = 500
# Neighbours whose squared distances differ by no more than this are equally near: ties must
# not be broken by rounding.
_AS_NEAR = 1.001
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Sample:
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
    def draw(cls, X, y, Y, rows, weights=None):
        """A sample of some rows.

        Parameters
        ----------
        X : {ndarray, CSR} of shape (n, n_features)
        y : ndarray
            The targets as they are hashed.
        Y : ndarray
            The same as the network takes them, before standardisation.
        rows : ndarray of int64
        weights : ndarray of shape (n,) or None
        """
        counts = np.ones(len(rows)) if weights is None else weights[rows]
        return _of_lowest_hashes(hash_data(X, y)[rows], X, Y, counts, rows)

    def merged(self, other):
        """A sample of the rows that this and the other were drawn from."""
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

    def noise(self, scaling):
        """The share of noise in the targets, with both ends as the network takes them."""
        return noise_share(*scaling.transform(self.X, self.Y), self.weights)


def _of_lowest_hashes(hashes, X, Y, weights, rows):
    """The sample of `rows`, whose hashes and weights are given; copies become one row."""
    different, firsts, which = np.unique(hashes, return_index=True, return_inverse=True)
    few = slice(_MOST_ROWS)
    chosen = rows[firsts[few]]
    return Sample(different[few], X[chosen], Y[chosen], sum_by_group(which, weights)[few])


def noise_share(X, Y, weights):
    """The share of the targets' variance that the nearest neighbours leave unexplained.

    The mean squared difference between the targets of a row and of its nearest neighbours,
    over that of any two rows. For targets that change slowly from row to row this is the
    variance of the noise [1]_ over that of the targets; for classes it is the error of the
    nearest neighbour's class over that of guessing [2]_.

    Parameters
    ----------
    X : {ndarray, CSR} of shape (n, n_features)
    Y : ndarray of shape (n,) or (n, n_outputs)
        Class numbers, or columns of targets.
    weights : ndarray of shape (n,)
        A row of weight w has w - 1 copies of itself beside it.

    Returns
    -------
    share : float
        From 0 to about 1; 1 where nothing can be told, as of one row or equal targets.

    References
    ----------
    .. [1] Rice, J. (1984). Bandwidth choice for nonparametric regression. The Annals of
       Statistics 12, 1215-1230.
    .. [2] Cover, T. M. and Hart, P. E. (1967). Nearest neighbor pattern classification. IEEE
       Transactions on Information Theory 13, 21-27.
    """
    counts = np.tile(weights, (len(weights), 1))
    np.fill_diagonal(counts, np.maximum(weights - 1, 0))
    # What overflows is infinitely far; what then is no number tells nothing.
    with np.errstate(all="ignore"):
        distances, differences = _distances(X), _differences(Y)
        distances[counts == 0] = np.inf
        nearest = distances.min(axis=1, keepdims=True)
        near = counts * (distances <= _AS_NEAR * nearest)

        def mean_difference(counts):
            return weights @ ((counts * differences).sum(axis=1) / counts.sum(axis=1))

        share = mean_difference(near) / mean_difference(counts)
    return float(share) if np.isfinite(share) else 1.0


def _distances(X):
    """The squared distances between rows."""
    if not sparse.issparse(X):
        return cdist(X, X, "sqeuclidean")
    X = X.astype(np.float64)
    products = (X @ X.T).toarray()
    both = np.add.outer(products.diagonal(), products.diagonal())
    distances = both - 2 * products
    distances[distances <= _ROUNDING * both] = 0
    return distances


def _differences(Y):
    """The squared differences between targets; two classes are the same or not."""
    return np.not_equal.outer(Y, Y) * 1.0 if Y.ndim == 1 else cdist(Y, Y, "sqeuclidean")
