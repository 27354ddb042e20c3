"""From the columns of a table to the inputs of a network.

A numeric column is one input, its value. Beside it may stand an input for each bin of its
piecewise-linear encoding [1]_, and one that tells whether the cell is missing. A categorical
column is one input for each of its levels (one-hot encoding). What is learned depends on the
rows and on the copies that they stand for, and not on their order.

References
----------
.. [1] Gorishniy, Y., Rubachev, I. and Babenko, A. (2022). On embeddings for numerical features
   in tabular deep learning. Advances in Neural Information Processing Systems 35.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy import sparse

from .categories import Levels
from .quantiles import weighted_quantiles

# Levels of fewer samples share one input with each other and with unseen ones.
_FEWEST_OF_LEVEL = 2
# Rows with so many times as many inputs as can differ from zero are kept as sparse rows.
_SPARSE_FROM = 3


@dataclass(frozen=True)
class CategoryInputs:
    """The inputs of a categorical column.

    Parameters
    ----------
    levels : Levels
    inputs : ndarray of int64 of shape (n_levels + 2,)
        Which of its inputs is 1 for each level, for an unseen one, and for a missing cell; -1
        where none is.
    """

    levels: Levels
    inputs: np.ndarray

    @classmethod
    def learn(cls, levels, positions, counts, is_stream):
        """Return the inputs of a column, by how often each level occurs.

        Parameters
        ----------
        levels : Levels
        positions : ndarray of shape (n_samples,)
            Of the cells among the levels, NaN for missing ones.
        counts : ndarray of shape (n_samples,)
            How many samples each one stands for.
        is_stream : bool
            Whether more samples are to come, so that it is too early to call a level rare.
        """
        is_missing = np.isnan(positions)
        occurring = np.bincount(
            positions[~is_missing].astype(np.int64), counts[~is_missing], len(levels)
        )
        occurring = np.append(occurring, counts[is_missing].sum())
        has_own = occurring >= _FEWEST_OF_LEVEL
        if is_stream:
            has_own = np.append(np.ones(len(levels), dtype=bool), occurring[-1] > 0)
        has_shared = is_stream or (occurring > 0)[~has_own].any()
        n_own = int(has_own.sum())
        shared = n_own if has_shared else -1
        inputs = np.where(has_own, np.cumsum(has_own) - 1, shared)
        inputs = np.insert(inputs, len(levels), shared)
        if n_own + has_shared < 2:  # a constant, which tells nothing
            inputs[:] = -1
        return cls(levels, inputs.astype(np.int64))

    def as_constant(self):
        """Return one input that is always 1."""
        return CategoryInputs(self.levels, np.zeros_like(self.inputs))

    @property
    def n_inputs(self):
        return int(self.inputs.max()) + 1

    def input_of(self, positions):
        """Return which input is 1 for each cell, -1 where none is."""
        at = np.where(np.isnan(positions), len(self.levels) + 1, positions)
        return self.inputs[at.astype(np.int64)]

    @property
    def table(self):
        """The inputs for each level, an unseen one, and a missing cell, as rows of 0 and 1."""
        return (self.inputs[:, None] == np.arange(self.n_inputs)) * 1.0

    def names_of_inputs(self):
        """Return a name for each input: its level, "missing" or "infrequent"."""
        labels = [*map(str, self.levels.values()), "infrequent", "missing"]
        names = ["infrequent"] * self.n_inputs
        owners = np.bincount(self.inputs[self.inputs >= 0], minlength=self.n_inputs)
        for label, which in zip(labels, self.inputs.tolist(), strict=True):
            if which >= 0 and owners[which] == 1:
                names[which] = label
        return names


@dataclass(frozen=True)
class InputEncoder:
    """From a table of numbers, with NaN for missing cells, to the inputs of a network.

    The inputs are, in this order, the numeric columns, the bins of each of them, the
    indicators of missing cells, and the levels of each categorical column.

    Parameters
    ----------
    n_features : int
        The number of columns.
    medians : ndarray of float64 of shape (n_numeric,)
        What the missing cells of the numeric columns become; NaN where that is the mean by
        which they are standardized.
    has_indicator : ndarray of bool of shape (n_numeric,)
    bins : tuple of ndarrays of float64
        For each numeric column the ends of its bins, ascending; empty for no encoding.
    categories : tuple of CategoryInputs
        Of the categorical columns, in their order.
    """

    n_features: int
    medians: np.ndarray
    has_indicator: np.ndarray
    bins: tuple
    categories: tuple

    @classmethod
    def identity(cls, n_features):
        """Return the encoder of columns that are inputs as they are."""
        medians = np.full(n_features, np.nan)
        return cls(n_features, medians, np.zeros(n_features, dtype=bool),
                   (np.zeros(0),) * n_features, ())  # fmt: skip

    @classmethod
    def learn(cls, X, levels, weights=None, max_bins=0, is_stream=False, has_means=True):
        """Return the encoder for some rows.

        Parameters
        ----------
        X : {ndarray, CSR} of shape (n_samples, n_features)
            Numbers, NaN for missing cells, and positions of levels.
        levels : tuple of Levels
            Of the categorical columns.
        weights : ndarray of shape (n_samples,) or None
            A weight of several is as many copies, and one of zero leaves a row out.
        max_bins : int
            How many bins a numeric column has at most; 0 is none.
        is_stream : bool
            As in `CategoryInputs.learn`.
        has_means : bool
            Whether there will be means of the inputs, for cells that are missing in a column
            that has all of them now.
        """
        if sparse.issparse(X) and max_bins:
            raise ValueError(
                "The 'numeric_encoding' parameter must be 'auto' or 'none' for sparse X. Got "
                "'piecewise_linear': make X dense, or leave the encoding out."
            )
        learns = levels or max_bins or not has_means or has_missing(X)
        if sparse.issparse(X) or not learns:
            return cls.identity(X.shape[1])
        if weights is None:
            counts = np.ones(len(X))
        else:  # a row counts as one at least, and an integer weight is as many copies
            X, counts = X[weights > 0], np.maximum(weights[weights > 0], 1.0)
        categories = tuple(
            CategoryInputs.learn(category, X[:, category.column], counts, is_stream)
            for category in levels
        )
        if len(levels) == X.shape[1] and not any(category.n_inputs for category in categories):
            categories = (categories[0].as_constant(), *categories[1:])  # a network needs one
        categorical = [category.column for category in levels]
        numeric = np.delete(np.arange(X.shape[1]), categorical)
        medians, has_indicator, bins = [], [], []
        for column in numeric:
            is_missing = np.isnan(X[:, column])
            values, of_values = X[~is_missing, column, None], counts[~is_missing]
            needs_median = is_missing.any() or not has_means
            medians.append(_median(values, of_values) if needs_median else np.nan)
            has_indicator.append(is_missing.any() and len(values) > 0)
            bins.append(_ends_of_bins(values, of_values, max_bins))
        return cls(
            X.shape[1], np.array(medians, dtype=np.float64),
            np.array(has_indicator, dtype=bool), tuple(bins), categories,
        )  # fmt: skip

    @cached_property
    def numeric(self):
        """The numbers of the numeric columns."""
        categorical = [category.levels.column for category in self.categories]
        return np.delete(np.arange(self.n_features), categorical)

    @property
    def levels(self):
        """The `Levels` of the categorical columns."""
        return tuple(category.levels for category in self.categories)

    @cached_property
    def n_inputs_of_bins(self):
        """The number of inputs of the bins of each numeric column."""
        return [max(len(ends) - 1, 0) for ends in self.bins]

    @cached_property
    def bin_of_inputs(self):
        """Of each input that is a bin: the place of its numeric column, its start and width."""
        places = np.repeat(np.arange(self.n_values), self.n_inputs_of_bins)
        starts = [ends[:-1] for ends in self.bins]
        widths = [np.diff(ends) for ends in self.bins]
        return places, np.concatenate([[], *starts]), np.concatenate([[], *widths])

    @cached_property
    def is_identity(self):
        """Whether the columns are the inputs, but for missing cells."""
        return not (self.categories or self.n_bin_inputs or self.has_indicator.any())

    @cached_property
    def columns_of_inputs(self):
        """The number of the column of each input."""
        categorical = np.array(
            [category.levels.column for category in self.categories], dtype=np.int64
        )
        return np.concatenate([
            self.numeric,
            np.repeat(self.numeric, self.n_inputs_of_bins),
            self.numeric[self.has_indicator],
            np.repeat(categorical, [category.n_inputs for category in self.categories]),
        ])  # fmt: skip

    @property
    def n_inputs(self):
        """The number of inputs of the network."""
        return len(self.columns_of_inputs)

    @property
    def n_values(self):
        """The number of inputs that are values of numeric columns, the first ones."""
        return len(self.numeric)

    @property
    def n_bin_inputs(self):
        """The number of inputs that are bins of numeric columns, the next ones."""
        return sum(self.n_inputs_of_bins)

    def names_of_inputs(self, names):
        """Return a name for each input.

        Parameters
        ----------
        names : sequence of str
            Of all columns.
        """
        of_values = [names[column] for column in self.numeric]
        binned = zip(of_values, self.n_inputs_of_bins, strict=True)
        return _made_unique([
            *of_values,
            *(f"{name}_bin{k}" for name, n in binned for k in range(n)),
            *(f"missingindicator_{names[k]}" for k in self.numeric[self.has_indicator]),
            *(
                f"{names[category.levels.column]}_{name}"
                for category in self.categories
                for name in category.names_of_inputs()
            ),
        ])  # fmt: skip

    def sum_by_column(self, values):
        """Return the sums of some values of the inputs for each column."""
        return np.bincount(self.columns_of_inputs, values, minlength=self.n_features)

    def transform(self, X, means=None):
        """Return the inputs for some rows.

        Parameters
        ----------
        X : {ndarray, CSR} of shape (n_samples, n_features)
            As in `learn`.
        means : ndarray of shape (n_numeric,) or None
            For missing cells of columns that had none in training; None refuses them.

        Returns
        -------
        inputs : {ndarray, CSR} of shape (n_samples, n_inputs)
            Of the dtype of `X`. CSR if most inputs of a row are zero; numeric columns and their
            bins are stored in full all the same.

        Raises
        ------
        ValueError
            If a cell is missing for which there is no number, as after training on sparse rows.
        """
        if sparse.issparse(X):
            return X
        is_complete = not has_missing(X)
        if is_complete and self.is_identity:
            return X
        values = X[:, self.numeric]
        indicators = np.zeros((len(X), 0), dtype=X.dtype)
        if not is_complete:
            values = self._filled(values, means)
        if self.has_indicator.any():
            indicated = self.numeric[self.has_indicator]
            indicators = np.isnan(X[:, indicated]).astype(X.dtype)
        dense = np.hstack([values, self._bins_of(values), indicators])
        return self._with_categories(dense, X) if self.categories else dense

    def _filled(self, values, means):
        is_missing, had_none = np.isnan(values), np.isnan(self.medians)
        fill = self.medians if means is None else np.where(had_none, means, self.medians)
        if means is None:
            unknown = self.numeric[had_none & is_missing.any(axis=0)].tolist()
            if unknown:
                raise ValueError(
                    f"X has missing values (NaN) in the columns {unknown[:5]}, and nothing is "
                    "known to put in their place. Impute them, for example with SimpleImputer."
                )
        return np.where(is_missing, fill, values).astype(values.dtype)

    def _bins_of(self, values):
        """Return how much of each bin lies below a value, from 0 to 1."""
        places, starts, widths = self.bin_of_inputs
        with np.errstate(over="ignore"):
            shares = (values[:, places] - starts) / widths
        return np.clip(shares, 0, 1).astype(values.dtype)

    def _with_categories(self, dense, X):
        """Return the rows with the inputs of the categories behind those that are given."""
        n_rows, n_dense = dense.shape
        varying = [category for category in self.categories if category.n_inputs]
        if not varying:
            return dense
        firsts = n_dense + np.cumsum([0, *(category.n_inputs for category in varying)])[:-1]
        which = np.column_stack(
            [category.input_of(X[:, category.levels.column]) for category in varying]
        )
        ones = (which >= 0).astype(X.dtype)
        which = np.maximum(which, 0) + firsts
        if self.n_inputs < _SPARSE_FROM * (n_dense + len(varying)):
            rows = np.zeros((n_rows, self.n_inputs), dtype=X.dtype)
            rows[:, :n_dense] = dense
            rows[np.arange(n_rows)[:, None], which] = ones
            return rows
        stored = np.hstack([np.tile(np.arange(n_dense), (n_rows, 1)), which])
        ends = np.arange(n_rows + 1) * stored.shape[1]
        data = np.hstack([dense, ones]).ravel()
        shape = (n_rows, self.n_inputs)
        return sparse.csr_matrix((data, stored.ravel(), ends), shape=shape)


def _made_unique(names):
    """Return the names with "_" behind those that stood before."""
    unique = {}
    for name in names:
        while name in unique:
            name += "_"
        unique[name] = None
    return list(unique)


def has_missing(X):
    """Return whether there is a NaN, which is not in sparse rows."""
    if sparse.issparse(X):
        return False
    # The sum is quicker than a look at each number, and NaN if one of them is.
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isnan(X.sum())) and bool(np.isnan(X).any())


def _median(values, counts):
    return weighted_quantiles(values, counts, [0.5])[0][0] if len(values) else 0.0


def _ends_of_bins(values, counts, max_bins):
    """Return different quantiles of a column, if there are three or more, else nothing."""
    if not max_bins or not len(values):
        return np.zeros(0)
    shares = np.arange(max_bins + 1) / max_bins
    ends = np.unique(np.concatenate(weighted_quantiles(values, counts, shares)))
    return ends.astype(np.float64) if len(ends) > 2 else np.zeros(0)
