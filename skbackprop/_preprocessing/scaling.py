"""Scaling of inputs and targets inside the estimators, and how it is folded into the weights.

Everything that is measured of the rows can be measured in parts and merged, so that the same
steps serve rows in memory and rows on a cluster.
"""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from scipy import sparse

from .._engine.hashing import hash_data
from .quantiles import weighted_quantiles
from .row_sample import RowSample

# Rows per pass: few enough for the temporary to stay small, and one pass after another,
# so that the sums do not depend on how much memory there is.
_CHUNK = 4096
# A column whose values lie within so many rounding errors of each other is constant.
_ROUNDING = 32
# Numbers of these binary exponents can be squared and summed as they are.
_SAFE_EXPONENT = 300
# The largest and smallest scale for which the weights on raw inputs are finite, too.
_LARGEST_SCALE = {np.dtype(np.float64): 2.0**1000, np.dtype(np.float32): 2.0**100}
# A row of next to no weight must not make the scale of a column next to nothing.
_SMALLEST_DEVIATION = 1e-6
# Half a column's values lie within this many standard deviations, if they are normal.
_QUARTILES_OF_NORMAL = 1.349
_MEAN_DEVIATION_OF_NORMAL = 0.798


@dataclass(frozen=True)
class Standardizer:
    """``(values - mean) / scale``, column by column.

    Parameters
    ----------
    mean, scale : ndarray of shape (n_columns,), float64
    limits : ndarray of shape (2, n_columns), float64, or None
        The smallest and the largest value of each column: what lies beyond is clipped to
        them first. None clips nothing.
    """

    mean: np.ndarray
    scale: np.ndarray
    limits: np.ndarray | None = None

    def transform(self, values):
        """Return a standardized copy of the same dtype, dense where zeros do not stay zeros."""
        if sparse.issparse(values):
            if self._keeps_zeros(values):
                return self._transform_stored(values)
            values = values.toarray()
        scaled = np.empty(values.shape, dtype=values.dtype)
        for start in range(0, len(values), _CHUNK):
            chunk = slice(start, start + _CHUNK)
            # In float64, so that float32 values far from zero keep their digits.
            scaled[chunk] = (self.clip(values[chunk]) - self.mean) / self.scale
        return scaled

    def _keeps_zeros(self, values):
        """Return whether no zero that a sparse matrix does not store would change."""
        if self.limits is None and not self.mean.any():
            return True
        changes = self.mean != 0
        if self.limits is not None:
            changes |= (self.limits[0] > 0) | (self.limits[1] < 0)
        n_stored = np.bincount(values.indices, minlength=len(changes))
        return bool((n_stored[changes] == values.shape[0]).all())

    def _transform_stored(self, values):
        scaled, columns = values.copy(), values.indices
        stored = values.data
        if self.limits is not None:
            stored = np.clip(stored, *self.limits[:, columns])
        scaled.data = ((stored - self.mean[columns]) / self.scale[columns]).astype(values.dtype)
        return scaled

    def extended(self, n_columns):
        """Return the same for so many columns, the others of which stay as they are."""
        n_more = n_columns - len(self.mean)
        if not n_more:
            return self
        limits = self.limits
        if limits is not None:
            limits = np.hstack([limits, np.tile([[-np.inf], [np.inf]], n_more)])
        mean, scale = np.zeros(n_more), np.ones(n_more)
        return Standardizer(np.append(self.mean, mean), np.append(self.scale, scale), limits)

    def clip(self, values):
        """Return the values with those beyond the limits moved to them."""
        return values if self.limits is None else np.clip(values, *self.limits)

    def inverse_transform(self, values):
        """Return values in the original units, of the same dtype."""
        return (values * self.scale + self.mean).astype(values.dtype)


# ---- Measuring rows, in parts ----


def _chunks(values, rows):
    for start in range(0, len(rows), _CHUNK):
        chosen = rows[start : start + _CHUNK]
        chunk = values[chosen]
        if sparse.issparse(chunk):
            chunk = chunk.toarray()
        yield chosen, chunk.astype(np.float64)


def _weighted_sum(w, rows):
    """Return ``w @ rows`` without BLAS, whose threads would share it and round as many are."""
    return np.einsum("i,ij->j", w, rows)


@dataclass(frozen=True)
class ColumnRange:
    """The smallest and the largest value of each column of some rows.

    Parameters
    ----------
    low, high : ndarray of shape (n_columns,), float64
    """

    low: np.ndarray
    high: np.ndarray

    @classmethod
    def measure(cls, values, rows, weights=None, within=None):
        """Return the range of some rows, or of those of their values that lie `within` one."""
        low = np.full(values.shape[1], np.inf)
        high = -low
        for start in range(0, len(rows), _CHUNK):
            # Their order does not matter, and rows that lie side by side are quicker to read.
            part = slice(start, start + _CHUNK)
            chunk = values[part if len(rows) == values.shape[0] else rows[part]]
            if within is None:
                lowest, highest = chunk.min(axis=0), chunk.max(axis=0)
            else:
                inside = (chunk >= within.low) & (chunk <= within.high)
                lowest = np.where(inside, chunk, np.inf).min(axis=0)
                highest = np.where(inside, chunk, -np.inf).max(axis=0)
            if sparse.issparse(lowest):
                lowest, highest = lowest.toarray().ravel(), highest.toarray().ravel()
            np.minimum(low, lowest, out=low)
            np.maximum(high, highest, out=high)
        return cls(low, high)

    def merged(self, other):
        """Return the range of these rows and others."""
        return ColumnRange(np.minimum(self.low, other.low), np.maximum(self.high, other.high))

    @property
    def magnitude(self):
        """The largest size of a value in each column."""
        return np.maximum(np.abs(self.low), np.abs(self.high))

    @property
    def middle(self):
        """The value halfway between the two."""
        return self.low / 2 + self.high / 2

    def is_constant(self, dtype):
        """Return for each column whether its values differ by rounding at most."""
        return self.high - self.low <= _ROUNDING * np.finfo(dtype).eps * self.magnitude

    @property
    def unit(self):
        """A power of two for each column, beside which its squares neither over- nor underflow.

        It is 1 where they do not anyway.
        """
        exponents = np.frexp(self.magnitude)[1]
        # 2 ** 1000 and its inverse are exact; further out they would not both be numbers.
        exponents = np.clip(exponents, -1000, 1000)
        return np.ldexp(1.0, np.where(np.abs(exponents) > _SAFE_EXPONENT, exponents, 0))


@dataclass(frozen=True)
class Moments:
    """The weighted mean and spread of the columns of some rows.

    Parameters
    ----------
    total : float
        The weight of the rows.
    mean : ndarray of shape (n_columns,), float64
        Divided by the unit of the column, see `ColumnRange.unit`.
    squares : ndarray of shape (n_columns,), float64
        The weighted sums of the squared deviations from the mean, in the same units.
    """

    total: float
    mean: np.ndarray
    squares: np.ndarray

    @classmethod
    def measure(cls, values, rows, weights, unit, limits=None, absolute=False):
        """Return the moments of some rows, summed in the order of `rows`.

        Parameters
        ----------
        values : {ndarray, CSR} of shape (n, n_columns)
        rows : ndarray of int64
        weights : ndarray of shape (n,) or None
        unit : ndarray of shape (n_columns,)
        limits : ndarray of shape (2, n_columns) or None
            As in `Standardizer`.
        absolute : bool
            Whether to take the sizes of the values.
        """
        is_one = (unit == 1).all()

        def chunks():
            for chosen, chunk in _chunks(values, rows):
                clipped = chunk if limits is None else np.clip(chunk, *limits)
                w = np.ones(len(chosen)) if weights is None else weights[chosen]
                sized = np.abs(clipped) if absolute else clipped
                yield w, sized if is_one else sized / unit

        total, sums = 0.0, np.zeros(values.shape[1])
        for w, chunk in chunks():
            total += w.sum()
            sums += _weighted_sum(w, chunk)
        mean = sums / total
        squares = np.zeros(values.shape[1])
        for w, chunk in chunks():
            squares += _weighted_sum(w, (chunk - mean) ** 2)
        return cls(total, mean, squares)

    def merged(self, other):
        """Return the moments of these rows and others (Chan, Golub & LeVeque, 1983)."""
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


# ---- A sample of rows: what cannot be merged ----


#: Values that lie further from the others than this many times their whole range are wild.
_FAR = 10.0


def bulk_of_sample(sample):
    """Return where the values of a sample lie that have others near, column by column.

    The middle half of the values of a column is extended as long as the next value is no
    further away than `_FAR` times the range so far. Codes for missing values, such as -999,
    and slips of the decimal point are left out so; long tails are not.

    Parameters
    ----------
    sample : RowSample

    Returns
    -------
    bulk : ColumnRange or None
        None for sparse rows, whose zeros are most of them.
    """
    if sparse.issparse(sample.X):
        return None
    X = sample.X.astype(np.float64)
    low, high = X.min(axis=0), X.max(axis=0)
    first, third = weighted_quantiles(X, sample.weights, (0.25, 0.75))
    several = ((low != X) & (high != X)).any(axis=0)  # and not two values alone
    with np.errstate(over="ignore"):
        for column in np.flatnonzero(several & (high - low > _FAR * (third - first))):
            near = _extend(X[:, column], first[column], third[column])
            low[column], high[column] = near
    return ColumnRange(low, high)


def _extend(values, low, high):
    """Return the range from `low` to `high` with all that lies near it."""
    values = np.unique(values)
    first, last = np.searchsorted(values, [low, high])
    if first == last:  # one value has the whole middle half: the nearest other one is near
        gaps = np.diff(values)[max(first - 1, 0) : first + 1]
        nearest = max(first - 1, 0) + int(np.argmin(gaps))
        first, last = nearest, nearest + 1
    before = None
    while before != (first, last):
        before = first, last
        last += _steps(values[last:], values[first])
        first -= _steps(-values[: first + 1][::-1], -values[last])
    return values[first], values[last]


def _steps(ascending, other_end):
    """Return how many values after the first of `ascending` are near those before them."""
    far = np.diff(ascending) > _FAR * (ascending[:-1] - other_end)
    return int(np.argmax(far)) if far.any() else len(far)


def robust_moments_of_sample(sample):
    """Return medians of the targets of a sample, and robust scales beside them.

    The scale is that of the quartiles; where they are equal, that of the mean absolute
    deviation from the median. Both are the standard deviation of a normal distribution.
    """
    Y = sample.Y.astype(np.float64)
    low, median, high = weighted_quantiles(Y, sample.weights, (0.25, 0.5, 0.75))
    scale = (high - low) / _QUARTILES_OF_NORMAL
    shares = sample.weights / sample.weights.sum()
    deviation = _weighted_sum(shares, np.abs(Y - median)) / _MEAN_DEVIATION_OF_NORMAL
    return median, np.where(scale > 0, scale, deviation)


# ---- From what was measured to scalers ----


def _scaler_of_moments(values, moments, dtype, centers):
    """Return the `Standardizer` to zero mean and unit variance; a constant column has scale 1.

    Parameters
    ----------
    values : ColumnRange
    moments : Moments
    dtype : dtype
    centers : bool
        Whether the mean is subtracted.
    """
    unit, is_constant = values.unit, values.is_constant(dtype)
    scale = np.sqrt(moments.squares / moments.total) * unit
    scale = np.maximum(scale, _SMALLEST_DEVIATION * (values.high / 2 - values.low / 2))
    mean = np.where(is_constant, values.middle, moments.mean * unit)  # exact for constants
    mean = mean if centers else np.zeros(len(mean))
    return Standardizer(mean, np.where(is_constant, 1.0, scale))


def fit_input_scaler(rows, names=None, n_clipped=None):
    """Return the `Standardizer` of the inputs, and which columns are constant.

    Where a sample shows that a column has wild values, the column is clipped to the range of
    its other values.

    Parameters
    ----------
    rows : LocalRows or its like
    names : sequence of str or int, or None
        Of the columns, for errors.
    n_clipped : int or None
        How many columns may be clipped, the first ones; None is all.

    Returns
    -------
    scaler : Standardizer
    is_constant : ndarray of shape (n_columns,), bool
    """
    bulk, whole = rows.of_sample(bulk_of_sample), rows.of_inputs(ColumnRange.measure)
    limits = None
    with np.errstate(over="ignore"):
        if bulk is not None:
            width = _FAR * (bulk.high - bulk.low)
            width[width == 0] = np.inf  # what is rare is not wild
            fences = ColumnRange(bulk.low - width, bulk.high + width)
            wild = (whole.low < fences.low) | (whole.high > fences.high)
            if n_clipped is not None:
                wild[n_clipped:] = False
            if wild.any():
                inner = rows.of_inputs(ColumnRange.measure, fences)
                low, high = (
                    np.where(wild, inner.low, -np.inf),
                    np.where(wild, inner.high, np.inf),
                )
                limits = np.array([low, high])
                whole = ColumnRange(np.maximum(whole.low, low), np.minimum(whole.high, high))
        is_constant = whole.is_constant(rows.dtype)
    moments = rows.of_inputs(Moments.measure, whole.unit, limits)
    scaler = _scaler_of_moments(whole, moments, rows.dtype, centers=not rows.is_sparse)
    _check_scale(scaler.scale, whole, rows.dtype, "X", names)
    if rows.is_sparse:  # other constants are not centered, and serve as a bias
        is_constant &= whole.magnitude == 0
    return replace(scaler, limits=limits), is_constant


def fit_target_scaler(rows, kind):
    """Return the `Standardizer` of the targets, and which columns are constant.

    Parameters
    ----------
    rows : LocalRows or its like
    kind : {"moments", "size", "quartiles"}
        Mean and standard deviation; the mean size alone, for outputs that are exponentials;
        or median and quartiles of a sample, for losses that outliers should not rule.

    Returns
    -------
    scaler : Standardizer
    is_constant : ndarray of shape (n_columns,), bool
    """
    whole = rows.of_targets(ColumnRange.measure)
    if kind == "size":
        moments = rows.of_targets(Moments.measure, whole.unit, None, True)
        mean = moments.mean * whole.unit
        scaler = Standardizer(np.zeros(len(mean)), _size_or_one(mean))
    elif kind == "quartiles":
        scaler = Standardizer(*rows.of_sample(robust_moments_of_sample))
    else:
        moments = rows.of_targets(Moments.measure, whole.unit)
        scaler = _scaler_of_moments(whole, moments, rows.dtype, centers=True)
    is_constant = whole.is_constant(rows.dtype)
    if kind != "size":
        mean = np.where(is_constant, whole.middle, scaler.mean)
        varies = ~is_constant & (scaler.scale > 0)
        scaler = Standardizer(mean, np.where(varies, scaler.scale, _size_or_one(mean)))
    _check_scale(scaler.scale, whole, rows.dtype, "y", None)
    return scaler, is_constant


def _size_or_one(values):
    """Return the sizes of the values, and 1 for zeros."""
    return np.where(values != 0, np.abs(values), 1.0)


def _check_scale(scale, values, dtype, name, names):
    """Raise a ValueError where numbers are too large or too small to be scaled and back."""
    largest = _LARGEST_SCALE[np.dtype(dtype)]
    outside = (values.magnitude > largest) | (scale < 1 / largest)
    for column in np.flatnonzero(outside):
        label = f"column {column}" if names is None else f"column {names[column]!r}"
        raise ValueError(
            f"{name} holds numbers that are too large or too small for {np.dtype(dtype)}: "
            f"{label} lies between {values.low[column]:g} and {values.high[column]:g}, and "
            f"sizes must lie between {1 / largest:.0e} and {largest:.0e}. Multiply the column "
            "by a power of ten before fitting."
        )


@dataclass(frozen=True)
class LocalRows:
    """Rows in memory, as `fit_input_scaler` and `fit_target_scaler` ask about them.

    Parameters
    ----------
    X : {ndarray, CSR} of shape (n, n_inputs)
    y : ndarray
        The targets as they are hashed.
    Y : ndarray of shape (n, n_outputs)
        The same as the network takes them.
    rows : ndarray of int64
    weights : ndarray of shape (n,) or None
    known_hashes : ndarray of shape (n,) or None
        Of all rows, where they have been computed already.
    """

    X: object
    y: np.ndarray
    Y: np.ndarray
    rows: np.ndarray
    weights: np.ndarray | None
    known_hashes: np.ndarray | None = None

    @cached_property
    def hashes(self):
        """The hash of each of all rows."""
        known = self.known_hashes
        return hash_data(self.X, self.y) if known is None else known

    @cached_property
    def sample(self):
        """A `RowSample` of the rows."""
        return RowSample.draw(self.hashes, self.X, self.Y, self.rows, self.weights)

    def of_first_inputs(self, n_inputs):
        """Return the same rows with their first inputs alone."""
        if n_inputs == self.X.shape[1]:
            return self
        X = self.X[:, :n_inputs]
        X = X.toarray() if sparse.issparse(X) else X
        return replace(self, X=X, known_hashes=self.hashes)

    @property
    def dtype(self):
        return self.X.dtype

    @property
    def is_sparse(self):
        return sparse.issparse(self.X)

    def of_sample(self, function):
        """Return what `function` makes of a sample of the rows."""
        return function(self.sample)

    def of_inputs(self, measure, *arguments):
        """Return what `measure` finds in the inputs of all rows."""
        return measure(self.X, self.rows, self.weights, *arguments)

    def of_targets(self, measure, *arguments):
        """Return what `measure` finds in the targets of all rows."""
        return measure(self.Y, self.rows, self.weights, *arguments)


# ---- Both ends of a network ----


def _scaled(scaler, values, name):
    if scaler is None:
        return values
    with np.errstate(over="ignore"):
        scaled = scaler.transform(values)
    if not np.isfinite(scaled.data if sparse.issparse(scaled) else scaled).all():
        raise ValueError(
            f"{name} and {name}_val must be finite in {values.dtype} when they are scaled as "
            f"the data of fit were. Got numbers as large as {abs(values).max():g}, too far "
            "from those: clip or leave them out, or fit to float64."
        )
    return scaled


@dataclass(frozen=True)
class Scaling:
    """The standardization of a network's two ends; None where there is none.

    Parameters
    ----------
    inputs, targets : Standardizer or None
    log_link : bool
        Whether outputs are exponentials, so that a factor is a summand before them.
    """

    inputs: Standardizer | None = None
    targets: Standardizer | None = None
    log_link: bool = False

    def transform(self, X, Y):
        """Return both ends as the network uses them.

        Raises
        ------
        ValueError
            If a number overflows their dtype. It cannot in the rows that were measured.
        """
        return _scaled(self.inputs, X, "X"), _scaled(self.targets, Y, "y")

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
            if self.log_link:
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
            if self.log_link:
                biases[-1] = biases[-1] - np.log(self.targets.scale)
            else:
                biases[-1] = (biases[-1] - self.targets.mean) / self.targets.scale
                weights[-1] = weights[-1] / self.targets.scale
        return weights, biases
