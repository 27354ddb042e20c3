"""How noisy the targets are, found before training: the rest of what alpha="auto" goes by.

Where rows that lie next to each other have targets that are alike, the inputs tell of the
targets; where such targets differ as much as those of any two rows, they tell of nothing
that so many rows could show. Neighbors that are no nearer than other rows tell of neither.
"""

import numpy as np
from scipy import sparse
from scipy.spatial.distance import cdist

from .._engine.losses import ROBUST_LOSSES

# Neighbors whose squared distances differ by no more than this are equally near: ties must
# not be broken by rounding.
_AS_NEAR = 1.001
_ROUNDING = 1e-12
# Targets of robust losses are moved to within so many robust deviations.
_FURTHEST_TARGET = 3.0


def sample_noise(sample, scaling, loss):
    """Return the share of noise in the targets of a sample.

    Parameters
    ----------
    sample : RowSample
    scaling : Scaling
    loss : str or Loss
        Outliers among the targets count no more than they do in it.
    """
    X, Y = scaling.transform(sample.X, sample.Y)
    if loss in ROBUST_LOSSES:
        Y = np.clip(Y, -_FURTHEST_TARGET, _FURTHEST_TARGET)
    return noise_share(X, Y, sample.weights, sample.n_different)


def noise_share(X, Y, weights, n_different=None):
    """The share of the targets' variance that the nearest neighbors leave unexplained.

    The mean squared difference between the targets of a row and of its nearest neighbors,
    over that of any two rows. For targets that change slowly from row to row this is the
    variance of the noise [1]_ over that of the targets; for classes it is the error of the
    nearest neighbor's class over that of guessing [2]_.

    Where no neighbor is nearer than other rows, only copies count: in a truth table, where
    any two rows differ by the whole range of a column, and where all rows lie equally far
    from each other. If there are none, nothing speaks for noise.

    Parameters
    ----------
    X : {ndarray, CSR} of shape (n, n_features)
    Y : ndarray of shape (n,) or (n, n_outputs)
        Class numbers, or columns of targets.
    weights : ndarray of shape (n,)
        A row of an integer weight w has w - 1 copies of itself beside it. Any other weight
        says how much a row counts, and nothing of copies.
    n_different : float or None
        How many different rows there are, of which these are a sample; None is these.

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
    is_copied = (weights > 1) & (np.abs(weights - np.rint(weights)) < _ROUNDING)
    np.fill_diagonal(counts, np.where(is_copied, weights - 1, 0))
    # What overflows is infinitely far; what then is no number tells nothing.
    with np.errstate(all="ignore"):
        distances, differences = _distances(X), _differences(Y)
        distances[counts == 0] = np.inf
        nearest = distances.min(axis=1, keepdims=True)
        near = counts * (distances <= _AS_NEAR * nearest)
        of_any = weights @ _mean_by_row(differences, counts) / weights.sum()
        if not 0 < of_any < np.inf:
            return 1.0
        only_copies = _is_truth_table(X, n_different or len(weights)) or _is_simplex(distances)
        are_near = weights * (nearest[:, 0] == 0) if only_copies else weights
        if not are_near.any():
            return 0.0
        share = are_near @ _mean_by_row(differences, near) / are_near.sum() / of_any
    return float(share) if np.isfinite(share) else 1.0


def _mean_by_row(values, counts):
    return (counts * values).sum(axis=1) / counts.sum(axis=1)


def _is_simplex(distances):
    """Return whether no two different rows are nearer to each other than others are."""
    apart = distances[distances > 0]
    of_pairs = apart[np.isfinite(apart)]
    n_pairs = len(distances) * (len(distances) - 1)
    return len(of_pairs) == n_pairs and of_pairs.max() <= _AS_NEAR * of_pairs.min()


def _is_truth_table(X, n_different):
    """Return whether the columns have two values each, and half of all combinations occur."""
    low, high = X.min(axis=0), X.max(axis=0)
    if sparse.issparse(low):
        low, high = low.toarray().ravel(), high.toarray().ravel()
    varying = np.flatnonzero(high > low)
    if len(varying) > np.log2(2 * n_different):
        return False
    columns = X[:, varying]
    columns = columns.toarray() if sparse.issparse(columns) else columns
    return bool(((columns == low[varying]) | (columns == high[varying])).all())


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
