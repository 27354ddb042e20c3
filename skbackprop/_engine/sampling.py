"""Which rows an epoch presents, and in what order: the meaning of a sample weight.

A sample weight is the expected number of times its row is used in an epoch. Each
presentation is a full training step, so weights mean the same in online, mini-batch and
batch learning, and an integer weight is exactly that many copies of the row. Weights come
here with a bounded sum (`_preprocessing.sample_weight`), for the work of an epoch grows with
it.

The rows are first brought into a canonical order that depends on what they hold and not
on where they stand, and shuffled from there. So a model depends on the data and the seed,
and not on how a file happened to be sorted.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

from .hashing import GOLDEN, mix

if TYPE_CHECKING:
    from ._typing import Array, Generator, Matrix

_NUMBERS_COMPARED = 2**17
# An expected number of uses that is this near to an integer is one.
_ROUNDING = 1e-9


def merge_copies(
    X: Matrix, y: Array, rows: Array, hashes: Array, weights: Array | None
) -> tuple[Array, Array | None]:
    """Let one row stand for all of its copies, with their weight.

    So a row of weight 2 and two copies of it are trained on alike, to the last bit.

    Parameters
    ----------
    X, y : the data
    rows : ndarray of int64
        Row numbers, sorted by their hash.
    hashes : ndarray of uint64
        Of every row of the data.
    weights : ndarray or None
        Of every row of the data.

    Returns
    -------
    rows : ndarray of int64
        Without copies.
    weights : ndarray or None
        Of every row of the data.
    """
    same_hash = np.flatnonzero(hashes[rows][1:] == hashes[rows][:-1]) + 1
    if not same_hash.size:
        return rows, weights
    copies = same_hash[_equal_rows(X, y, rows[same_hash], rows[same_hash - 1])]
    if not copies.size:
        return rows, weights
    is_first = np.ones(len(rows), dtype=bool)
    is_first[copies] = False
    merged = np.ones(len(hashes)) if weights is None else weights.copy()
    merged[rows[is_first]] = sum_by_group(np.cumsum(is_first) - 1, merged[rows])
    return rows[is_first], merged


def sum_by_group(groups: Array, weights: Array) -> Array:
    """The sum of the weights of each group, the same in any order.

    Parameters
    ----------
    groups : ndarray of shape (n,)
        Numbers from 0 on.
    weights : ndarray of shape (n,)

    Returns
    -------
    sums : ndarray of shape (n_groups,)
    """
    ascending = np.argsort(weights)
    return np.bincount(groups[ascending], weights[ascending])


def _equal_rows(X: Matrix, y: Array, first: Array, second: Array) -> Array:
    """Rows with the same hash are hardly ever different, but could be."""
    # Some at a time: of many copies, all would be the data once more.
    step = max(1, _NUMBERS_COMPARED * X.shape[0] // max(X.size, 1))
    starts = range(0, len(first), step)
    return np.concatenate(
        [_equal(X, y, first[at : at + step], second[at : at + step]) for at in starts]
    )


def _equal(X: Matrix, y: Array, first: Array, second: Array) -> Array:
    differences = X[first] != X[second]
    if sparse.issparse(differences):
        differ = np.diff(differences.indptr) > 0
    else:
        differ = differences.any(axis=1)
    of_targets = (y[first] != y[second]).reshape(len(first), -1).any(axis=1)
    return ~(differ | of_targets)


def hold_out(hashes: Array, strata: Array, counts: Array, fraction: float, seed: int) -> Array:
    """Choose rows to hold out, by what they contain: equal rows stay together.

    So a row of weight 2 and two copies of it are dealt with alike, no copy of a training
    row is held out, and the choice does not depend on the order of the rows.

    Parameters
    ----------
    hashes : ndarray of shape (n,), uint64
        Of the content of each row.
    strata : ndarray of shape (n,)
        Each stratum gives its share.
    counts : ndarray of shape (n,)
        How many copies each row stands for.
    fraction : float
        The share of all copies to hold out.
    seed : int

    Returns
    -------
    held_out : ndarray of shape (n,), bool
        Of each stratum with different rows, at least one row and not all.
    """
    keys = mix(hashes + mix(np.array([seed], dtype=np.uint64) + GOLDEN))
    held_out = np.zeros(len(hashes), dtype=bool)
    for stratum in np.unique(strata):
        rows = np.flatnonzero(strata == stratum)
        _, group = np.unique(keys[rows], return_inverse=True)
        group_counts = sum_by_group(group, counts[rows])
        cumulated = np.cumsum(group_counts)
        # The number of groups that together come nearest to the share.
        n_groups = np.searchsorted(
            cumulated - group_counts / 2, fraction * cumulated[-1], side="right"
        )
        n_groups = min(max(n_groups, 1), len(group_counts) - 1)
        held_out[rows] = group < n_groups
    return held_out


@dataclass(frozen=True)
class EpochSampler:
    """The rows to present, epoch after epoch.

    Parameters
    ----------
    rows : ndarray of int64
        Row numbers in their canonical (or given) order.
    shuffle : bool
        Whether each epoch permutes them again.
    weights : ndarray or None
        One weight per entry of `rows`, when they have to be resampled in each epoch.
    size : int
        Presentations in an epoch.
    """

    rows: np.ndarray
    shuffle: bool
    weights: np.ndarray | None
    size: int

    def draw(self, rng: Generator) -> Array:
        """The row numbers of one epoch, in order."""
        rows = self.rows if self.weights is None else self._resample(self.weights, rng)
        return rows[rng.permutation(len(rows))] if self.shuffle else rows

    def _resample(self, weights: Array, rng: Generator) -> Array:
        """Systematic resampling: every row floor(w) or ceil(w) times (Kitagawa, 1996)."""
        cumulated = np.cumsum(weights)
        points = (np.arange(self.size) + rng.uniform()) * (cumulated[-1] / self.size)
        chosen = np.searchsorted(cumulated, points, side="right")
        return self.rows[np.minimum(chosen, len(self.rows) - 1)]


def make_sampler(rows: Array, weights: Array | None, shuffle: bool) -> EpochSampler:
    """Turn positive sample weights into what an epoch presents.

    Parameters
    ----------
    rows : ndarray of int64
        Row numbers in the order to start from.
    weights : ndarray or None
        A positive weight per entry of `rows`. Where they add up to fewer than there are
        rows, they count relative to their mean.
    shuffle : bool
    """
    if weights is None:
        return EpochSampler(rows, shuffle, None, len(rows))
    total = float(weights.sum())
    size = max(round(total), len(rows))
    expected = weights * (size / total)
    whole = np.rint(expected)
    if (np.abs(expected - whole) < _ROUNDING).all():
        return EpochSampler(np.repeat(rows, whole.astype(np.int64)), shuffle, None, size)
    return EpochSampler(rows, shuffle, expected, size)
