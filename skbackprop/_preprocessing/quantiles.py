"""Quantiles of values that stand for several copies of themselves."""

import math

import numpy as np


def weighted_quantiles(values, weights, shares):
    """Return values below and at which the `shares` of the weight lie, column by column.

    Parameters
    ----------
    values : ndarray of shape (n, n_columns)
    weights : ndarray of shape (n,)
    shares : sequence of float in [0, 1]

    Returns
    -------
    quantiles : list of ndarrays of shape (n_columns,)
        They are among the values, and the same for copies of a row as for its weight.
    """
    last = len(values) - 1
    if (weights == 1).all():
        at = [max(math.ceil(share * len(values)) - 1, 0) for share in shares]
        return list(np.partition(values, at, axis=0)[at])
    # Equal values by their weights, so that their sums are the same for any order of the rows.
    order = np.empty(values.shape, dtype=np.intp)
    for column in range(values.shape[1]):
        order[:, column] = np.lexsort((weights, values[:, column]))
    cumulated = np.cumsum(weights[order], axis=0)
    ordered = np.take_along_axis(values, order, axis=0)
    at = [(cumulated < share * cumulated[-1]).sum(axis=0) for share in shares]
    return [np.take_along_axis(ordered, np.minimum(i, last)[None], 0)[0] for i in at]
