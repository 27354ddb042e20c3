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
    order = np.argsort(values, axis=0, kind="stable")
    cumulated = np.cumsum(weights[order], axis=0)
    ordered = np.take_along_axis(values, order, axis=0)
    at = [(cumulated < share * cumulated[-1]).sum(axis=0) for share in shares]
    return [np.take_along_axis(ordered, np.minimum(i, last)[None], 0)[0] for i in at]
