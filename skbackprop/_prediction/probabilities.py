"""From the raw outputs of a classifier's network to probabilities, and to their logarithms."""

import numpy as np
from scipy.special import expit, log_expit, log_softmax, softmax

from .._preprocessing.target_encoding import MULTILABEL, MULTIOUTPUT


def probabilities(network, labels, raw):
    """The probability of each class, or of each label.

    Parameters
    ----------
    network : Network
    labels : ClassEncoder
        What its outputs stand for.
    raw : ndarray of shape (n_samples, n_outputs)
        The weighted sums of its output layer.

    Returns
    -------
    p : ndarray of shape (n_samples, n_classes), or for "multioutput" a list of these
    """
    if labels.kind == MULTILABEL:
        return np.clip(network.loss_function.output(raw), 0, 1)
    if labels.has_single_output(network.layer_sizes[-1]):
        return np.hstack([expit(-raw), expit(raw)])
    return _each_column(_of_classes, network, labels, raw)


def log_probabilities(network, labels, raw):
    """The logarithms of the same, finite for any finite raw output."""
    if labels.kind == MULTILABEL:
        if network.output_activation == "logistic":
            return log_expit(raw)
        return _log(np.clip(network.loss_function.output(raw), 0, 1))
    if labels.has_single_output(network.layer_sizes[-1]):
        return np.hstack([log_expit(-raw), log_expit(raw)])
    return _each_column(_log_of_classes, network, labels, raw)


def _each_column(function, network, labels, raw):
    blocks = [function(network, block) for block in labels.split(raw)]
    return blocks if labels.kind == MULTIOUTPUT else blocks[0]


def _of_classes(network, raw):
    if network.output_activation == "softmax":
        with np.errstate(over="ignore"):  # of numbers that lie further apart than any float
            return softmax(raw, axis=1)
    if network.output_activation == "logistic":
        return softmax(log_expit(raw), axis=1)  # their shares, told apart however tiny
    return _normalized(network.loss_function.output(raw))


def _log_of_classes(network, raw):
    if network.output_activation == "softmax":
        with np.errstate(over="ignore"):
            log_p = log_softmax(raw, axis=1)
        return np.maximum(log_p, -np.finfo(log_p.dtype).max)
    if network.output_activation == "logistic":
        return log_softmax(log_expit(raw), axis=1)
    return _log(_normalized(network.loss_function.output(raw)))


def _normalized(outputs):
    """Outputs scaled to sum to one; negative ones count as zero, none at all as equal."""
    # No larger than their sum can be told.
    p = np.clip(outputs, 0, np.finfo(outputs.dtype).max / outputs.shape[1])
    total = p.sum(axis=1, keepdims=True)
    return np.where(total > 0, p / np.where(total > 0, total, 1), 1 / p.shape[1])


def _log(p):
    return np.log(np.maximum(p, np.finfo(p.dtype).tiny))
