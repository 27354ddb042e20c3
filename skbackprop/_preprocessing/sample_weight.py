"""Sample weights and class weights: how often each row counts."""

import math
from dataclasses import dataclass
from fractions import Fraction
from numbers import Real

import numpy as np
from sklearn.utils import check_array

# An epoch uses as many rows as the weights add up to, if that is at most this many times the
# number of rows, or this many rows.
_LARGEST_MEAN, _SMALL_TOTAL = 10, 10_000
# Weights with a smaller mean count relative to it.
_SMALLEST_MEAN = Fraction(1, 2)
# Gradients are weighted at no cost; larger integers have no exact float.
_LARGEST_IN_A_GRADIENT = 2**53
# Classes that are rarer than this against the most frequent one weigh no more in a stream.
_LARGEST_RATIO = 1e4


def check_weights(weights, n_samples, name="sample_weight", needs_some=True):
    """Sample weights as float64, or None where every row counts once.

    Raises
    ------
    ValueError
        If they are not `n_samples` finite numbers >= 0, or, where training `needs_some`, if
        all of them are zero.
    """
    if weights is None:
        return None
    if isinstance(weights, Real):
        weights = np.full(n_samples, weights)
    weights = check_array(weights, ensure_2d=False, dtype=np.float64, input_name=name)
    if weights.shape != (n_samples,):
        raise ValueError(
            f"{name} must have the shape ({n_samples},), one weight per row of X. "
            f"Got {weights.shape}."
        )
    if (weights < 0).any():
        raise ValueError(f"Negative {name}: they must be >= 0. Got {weights.min():g}.")
    if needs_some and not weights.any():
        raise ValueError(f"All entries of {name} are zero: a positive weight is needed.")
    return None if (weights == 1).all() else weights


def effective_sample_size(weights):
    """Return how many samples of equal weight tell as much as these (Kish, 1965).

    References
    ----------
    Kish, L. (1965). Survey Sampling. Wiley, New York.
    """
    shares = weights / weights.max()
    return shares.sum() ** 2 / (shares**2).sum()


# ---- Bounds of the work of an epoch ----


@dataclass(frozen=True)
class Total:
    """The number of rows that have a weight, and the exact sum of their weights.

    The sum may be larger than any float, and does not depend on the order of the rows.
    """

    n_rows: int
    weight: Fraction

    @classmethod
    def of(cls, weights):
        """The total of an array of weights, not all zero."""
        exponent = _exponent(weights)
        scaled = Fraction(math.fsum(np.ldexp(weights, -exponent)))
        return cls(int(np.count_nonzero(weights)), scaled * Fraction(2) ** exponent)

    def merged(self, other):
        """The total of these rows and others."""
        return Total(self.n_rows + other.n_rows, self.weight + other.weight)

    def unit_of_fit(self, in_gradient):
        """What the weights are to be divided by in `fit`.

        It is 1, so that integers are numbers of copies, unless the weights add up to far
        fewer rows than there are or to far more: then it is their mean.

        Parameters
        ----------
        in_gradient : bool
            Whether the weights are factors of gradients, and not numbers of updates.
        """
        mean = self.weight / self.n_rows
        is_exact = mean >= _SMALLEST_MEAN and self.weight <= self._largest(in_gradient)
        return Fraction(1) if is_exact else mean

    def unit_of_stream(self, in_gradient):
        """The same in `partial_fit`, where weights are absolute; what is too large is cut."""
        return max(Fraction(1), self.weight / self._largest(in_gradient))

    def _largest(self, in_gradient):
        if in_gradient:
            return _LARGEST_IN_A_GRADIENT
        return max(_LARGEST_MEAN * self.n_rows, _SMALL_TOTAL)


def in_units(weights, unit):
    """The weights, divided by a Fraction that may be smaller or larger than any float."""
    if unit == 1:
        return weights
    exponent = unit.numerator.bit_length() - unit.denominator.bit_length()
    return np.ldexp(weights, -exponent) / float(unit / Fraction(2) ** exponent)


def weights_of_fit(weights, in_gradient):
    """Sample weights as `fit` uses them; see `Total.unit_of_fit`."""
    if weights is None:
        return None
    return in_units(weights, Total.of(weights).unit_of_fit(in_gradient))


def weights_of_stream(weights, in_gradient):
    """Sample weights as `partial_fit` uses them; see `Total.unit_of_stream`."""
    if weights is None or not weights.any():
        return weights
    return in_units(weights, Total.of(weights).unit_of_stream(in_gradient))


def draw_counts(weights, rng):
    """How often each row of a stream is used: its weight, rounded up or down at random.

    The mean over all draws is the weight (systematic resampling). Nothing is drawn for
    integers.
    """
    counts = np.floor(weights)
    fractions = np.cumsum(weights - counts)
    if fractions.size and fractions[-1] > 0:
        counts += np.diff(np.floor(fractions + rng.uniform()), prepend=0.0)
    return counts


def draw_batch(weights, rng):
    """The weights of a batch of a stream, as factors of gradients, or zeros.

    A batch whose weights add up to less than one is used with that probability.
    """
    total = weights.sum()
    if not 0 < total < 1:
        return weights
    return weights / total if rng.uniform() < total else np.zeros_like(weights)


def _exponent(values):
    """The power of two that brings the largest value to between a half and one."""
    return int(np.frexp(values.max())[1])


# ---- Class weights ----


def weigh_classes(weights, class_weight, y):
    """Multiply sample weights by class weights, and keep their sum.

    So class weights change what training attends to, and not how long it takes. "balanced"
    counts the rows of a class by their weights.
    """
    before = np.ones(len(y)) if weights is None else weights
    if isinstance(class_weight, str):
        weighed = _balance(before, y)
    else:
        weighed = before * _near_one(class_weight_factors(class_weight, y))
    if not weighed.any():
        raise ValueError(
            "The 'class_weight' parameter gives every row of y the weight zero. Got "
            f"{class_weight!r}."
        )
    return weighed * (before.sum() / weighed.sum())


def class_weight_factors(class_weight, y):
    """For each row the product of its classes' weights; 1 for a class without one."""
    given = class_weight if isinstance(class_weight, (list, tuple)) else [class_weight]
    columns = y.reshape(len(y), -1).T
    if len(given) != len(columns):
        raise ValueError(
            f"The 'class_weight' parameter must hold a dictionary for each of the "
            f"{len(columns)} columns of y. Got {class_weight!r}."
        )
    factors = np.ones(len(y))
    with np.errstate(over="ignore"):
        for column, of_column in zip(columns, given, strict=True):
            factors *= [of_column.get(label, 1.0) for label in column.tolist()]
    return np.minimum(factors, np.finfo(np.float64).max)


def _near_one(values):
    """Values multiplied by a power of two, so that the largest is between a half and one."""
    return np.ldexp(values, -_exponent(values)) if values.any() else values


def _balance(weights, y):
    """For each row its share in the weight of its class, over all columns of `y`."""
    shares = weights
    for column in y.reshape(len(y), -1).T:
        _, numbers = np.unique(column, return_inverse=True)
        with np.errstate(over="ignore"):
            shares = shares / np.bincount(numbers, weights)[numbers]
        shares = _near_one(np.minimum(shares, np.finfo(np.float64).max))
    return shares


def weigh_stream(weights, class_weight, y, totals):
    """The same for rows of a stream, where the sum cannot be kept.

    A dictionary holds plain factors. For "balanced" the most frequent class has the factor
    1, so that all rows are used.

    Parameters
    ----------
    weights : ndarray or None
    class_weight : "balanced", dict or list of dict
    y : ndarray of shape (n,) or (n, n_columns)
    totals : list of dict
        For each column of `y` the weight of each class that was seen, these rows included.
    """
    if isinstance(class_weight, str):
        by_class = np.ones(len(y))
        for column, seen in zip(y.reshape(len(y), -1).T, totals, strict=True):
            most = max(seen.values(), default=0.0)
            by_class *= [min(most / seen[label], _LARGEST_RATIO) for label in column.tolist()]
    else:
        by_class = class_weight_factors(class_weight, y)
    if weights is None:
        return by_class
    with np.errstate(over="ignore"):
        return np.minimum(weights * by_class, np.finfo(np.float64).max)


def accumulate_totals(totals, weights, y):
    """Add the weight of each class in each column of `y` to what was seen before.

    `totals` are None, or a dictionary or pairs of labels and weights for each column; what is
    returned are dictionaries.
    """
    columns = y.reshape(len(y), -1).T
    totals = [dict(seen) for seen in totals] if totals else [{} for _ in columns]
    for column, seen in zip(columns, totals, strict=True):
        classes, numbers = np.unique(column, return_inverse=True)
        for label, total in zip(classes.tolist(), np.bincount(numbers, weights), strict=True):
            seen[label] = seen.get(label, 0.0) + float(total)
    return totals
