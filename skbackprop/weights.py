"""Sample weights and class weights: how often each row counts."""

from numbers import Real

import numpy as np
from sklearn.utils import check_array

# Class weights that differ by more make a stream present a single row too often.
_LARGEST_RATIO = 1e4


def check_weights(weights, n_samples, name="sample_weight"):
    """Sample weights as float64, or None where every row counts once."""
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
    if not weights.any():
        raise ValueError(f"All entries of {name} are zero: a positive weight is needed.")
    return None if (weights == 1).all() else weights


def weigh_classes(weights, class_weight, y):
    """Multiply sample weights by class weights, and keep their sum.

    So class weights change what training attends to, and not how long it takes. "balanced"
    counts the rows of a class by their weights.
    """
    before = np.ones(len(y)) if weights is None else weights
    balanced = isinstance(class_weight, str)
    by_class = _balance(before, y) if balanced else look_up(class_weight, y)
    weighed = before * by_class
    if not weighed.any():
        raise ValueError(
            "The 'class_weight' parameter gives every row of y the weight zero. Got "
            f"{class_weight!r}."
        )
    return weighed * (before.sum() / weighed.sum())


def look_up(class_weight, y):
    """For each row the product of its classes' weights; 1 for a class without one."""
    given = class_weight if isinstance(class_weight, (list, tuple)) else [class_weight]
    columns = y.reshape(len(y), -1).T
    if len(given) != len(columns):
        raise ValueError(
            f"The 'class_weight' parameter must hold a dictionary for each of the "
            f"{len(columns)} columns of y. Got {class_weight!r}."
        )
    factors = np.ones(len(y))
    for column, of_column in zip(columns, given, strict=True):
        factors *= [of_column.get(label, 1.0) for label in column.tolist()]
    return factors


def _balance(weights, y):
    """For each row the inverse of its class's weight, over all columns of `y`."""
    factors = np.ones(len(y))
    for column in y.reshape(len(y), -1).T:
        _, numbers = np.unique(column, return_inverse=True)
        factors /= np.bincount(numbers, weights)[numbers]
    return factors


def weigh_stream(weights, class_weight, y, totals):
    """The same for rows of a stream, whose classes yet to come are unknown.

    A row is presented at least once, so class weights are taken relative to the smallest.

    Parameters
    ----------
    weights : ndarray or None
    class_weight : None, "balanced", dict or list of dict
    y : ndarray of shape (n,) or (n, n_columns)
    totals : list of dict
        For each column of `y` the weight of each class that was seen, these rows included.
    """
    if isinstance(class_weight, str):
        by_class = np.ones(len(y))
        for column, seen in zip(y.reshape(len(y), -1).T, totals, strict=True):
            most = max(seen.values())
            by_class *= [min(most / seen[label], _LARGEST_RATIO) for label in column.tolist()]
    else:
        listed = class_weight if isinstance(class_weight, (list, tuple)) else [class_weight]
        by_class = look_up(class_weight, y) / np.prod([_smallest(one) for one in listed])
    return by_class if weights is None else weights * by_class


def _smallest(class_weight):
    """The smallest of the weights, and of the 1 that classes without one have."""
    values = [1.0, *class_weight.values()]
    # Beside the 1, a number <= 0 is always too small.
    if max(values) > _LARGEST_RATIO * min(values):
        raise ValueError(
            "In partial_fit the 'class_weight' parameter must hold numbers > 0, none more than "
            f"{_LARGEST_RATIO:g} times another or 1. Got {class_weight!r}."
        )
    return min(values)


def add_totals(totals, weights, y):
    """Add the weight of each class in each column of `y` to what was seen before."""
    columns = y.reshape(len(y), -1).T
    totals = [dict(seen) for seen in totals] if totals else [{} for _ in columns]
    for column, seen in zip(columns, totals, strict=True):
        classes, numbers = np.unique(column, return_inverse=True)
        for label, total in zip(classes.tolist(), np.bincount(numbers, weights), strict=True):
            seen[label] = seen.get(label, 0.0) + float(total)
    return totals
