"""What the contenders learn: numbers drawn at random, in the shapes that are compared."""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from scipy import sparse


@dataclass(frozen=True)
class Problem:
    """Rows to learn from, and the network that is to learn them.

    Parameters
    ----------
    sizes : tuple of int
        The numbers of inputs, of neurons of each hidden layer, and of classes.
    X : {ndarray, CSR} of shape (n_rows, sizes[0])
    y : ndarray of shape (n_rows,)
        Class numbers; each class occurs among the first ``sizes[-1]`` rows.
    """

    sizes: tuple
    X: object
    y: np.ndarray

    @classmethod
    def drawn(cls, sizes, dtype, n_rows):
        X = np.random.default_rng(0).standard_normal((n_rows, sizes[0]), dtype=dtype)
        return cls(sizes, X, np.arange(n_rows) % sizes[-1])

    @classmethod
    def drawn_sparse(cls, sizes, dtype, n_rows, density):
        X = sparse.random(
            n_rows, sizes[0], density=density, format="csr", dtype=dtype, random_state=0
        )
        return cls(sizes, X, np.arange(n_rows) % sizes[-1])

    @property
    def dtype(self):
        return self.X.dtype

    @property
    def hidden(self):
        return self.sizes[1:-1]

    def head(self, n_rows):
        """The same with the first rows only; never fewer than there are classes."""
        n_rows = max(n_rows, self.sizes[-1])
        return replace(self, X=self.X[:n_rows], y=self.y[:n_rows])

    def one_hot(self):
        return np.eye(self.sizes[-1], dtype=self.dtype)[self.y]

    def first_weights(self):
        """Small random weights, as ``(coefs, intercepts)``."""
        rng = np.random.default_rng(1)
        coefs, intercepts = [], []
        for n_in, n_out in pairwise(self.sizes):
            bound = np.sqrt(6 / (n_in + n_out))
            coefs.append(rng.uniform(-bound, bound, (n_in, n_out)).astype(self.dtype))
            intercepts.append(rng.uniform(-bound, bound, n_out).astype(self.dtype))
        return coefs, intercepts


def name_of(sizes, dtype=None):
    """For example "7-5-3 f64"."""
    shape = "-".join(map(str, sizes))
    return shape if dtype is None else f"{shape} f{8 * np.dtype(dtype).itemsize}"
