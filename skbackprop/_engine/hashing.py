"""Hashes: numbers that depend on content alone, the same wherever they are computed.

They give rows their canonical order, and hidden neurons their dropout, without any state
that would have to be carried along.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy import sparse

if TYPE_CHECKING:
    from ._typing import Array, Matrix

try:
    from .kernel import _kernel as kernel  # type: ignore[attr-defined]  # made by Cython
except ImportError:  # installed without a compiler
    kernel = None

GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def mix(h: Array) -> Array:
    """Stafford's 64-bit finaliser (Mix13), in place; 0 stays 0."""
    h ^= h >> np.uint64(30)
    h *= np.uint64(0xBF58476D1CE4E5B9)
    h ^= h >> np.uint64(27)
    h *= np.uint64(0x94D049BB133111EB)
    h ^= h >> np.uint64(31)
    return h


def mix_32(h: Array) -> Array:
    """A 32-bit finaliser of little bias (Wellons, 2018), in place."""
    h ^= h >> np.uint32(16)
    h *= np.uint32(0x7FEB352D)
    h ^= h >> np.uint32(15)
    h *= np.uint32(0x846CA68B)
    h ^= h >> np.uint32(16)
    return h


def _column_keys(columns: Array) -> Array:
    """An odd number for each column, so that equal values in two columns differ."""
    return mix((columns.astype(np.uint64) + np.uint64(1)) * GOLDEN) | np.uint64(1)


def _hash_values(values: Array, columns: Array) -> Array:
    # Adding zero turns -0.0 into 0.0; hashing float64 gives float32 data the same order.
    bits = (values.astype(np.float64) + 0.0).view(np.uint64)
    return mix(bits) * _column_keys(columns)


def hash_rows(X: Matrix, first_column: int = 0) -> Array:
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
        sums = np.add.reduceat(terms, X.indptr[:-1])
        return np.where(np.diff(X.indptr) > 0, sums, np.uint64(0))
    hashes = np.zeros(X.shape[0], dtype=np.uint64)
    for column in range(X.shape[1]):
        hashes += _hash_values(X[:, column], np.asarray([first_column + column]))
    return hashes


def hash_data(X: Matrix, y: Array) -> Array:
    """A hash of every row of the inputs together with its targets.

    Parameters
    ----------
    X : {ndarray, CSR} of shape (n, n_features)
    y : ndarray of shape (n,) or (n, n_outputs)
        The targets as they were given, before any scaling: a last bit changed by
        arithmetic would change the hash.
    """
    rows_of = hash_rows if kernel is None else kernel.hash_rows
    columns = np.asarray(y, dtype=np.float64).reshape(len(y), -1)
    return rows_of(X, 0) + rows_of(columns, X.shape[1])
