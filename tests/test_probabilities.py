"""From raw outputs to probabilities: what no training would show."""

import numpy as np
import pytest
from scipy.special import expit, softmax

from skbackprop._engine.network import Network
from skbackprop._prediction.probabilities import log_probabilities, probabilities
from skbackprop._preprocessing.target_encoding import MULTILABEL, SINGLE, ClassEncoder


def of_classes(raw, loss, output):
    raw = np.array([raw])
    labels = ClassEncoder(SINGLE, np.arange(raw.shape[1]))
    network = Network((1, raw.shape[1]), (), loss, output)
    (p,), (log_p,) = (f(network, labels, raw) for f in (probabilities, log_probabilities))
    assert p.sum() == pytest.approx(1)
    assert (p >= 0).all()
    return p, log_p


def test_classes_of_tiny_outputs_are_told_apart():
    """Each of these outputs is 0, or next to it; their shares are not."""
    p, log_p = of_classes([-800.0, -801.0, -900.0], "log_loss", "logistic")
    np.testing.assert_allclose(p[:2], [1 / (1 + np.exp(-1)), 1 / (1 + np.e)])
    np.testing.assert_allclose(log_p - log_p[0], [0, -1, -100])


def test_outputs_that_are_no_probabilities_become_some():
    p, log_p = of_classes([-0.5, 0.5, 1.5], "squared_error", "identity")
    np.testing.assert_allclose(p, [0, 0.25, 0.75])
    np.testing.assert_allclose(log_p[1:], np.log([0.25, 0.75]))
    assert -1000 < log_p[0] < -500
    np.testing.assert_allclose(of_classes([-1.0, -2.0], "squared_error", "identity")[0], 0.5)
    largest = np.finfo(float).max
    p, _ = of_classes([largest, largest, 0.0], "squared_error", "identity")
    np.testing.assert_allclose(p, [0.5, 0.5, 0])


def test_raw_outputs_further_apart_than_any_float_are_told_apart():
    largest = np.finfo(float).max
    p, log_p = of_classes([largest, -largest, 0.0], "log_loss", "softmax")
    np.testing.assert_array_equal(p, [1, 0, 0])
    np.testing.assert_array_equal(log_p, [0, -largest, -largest])


def test_labels_are_within_0_and_1():
    labels, raw = ClassEncoder(MULTILABEL, np.arange(3)), np.array([[-0.5, 0.25, 1.5]])
    network = Network((1, 3), (), "squared_error", "identity")
    np.testing.assert_array_equal(probabilities(network, labels, raw), [[0, 0.25, 1]])
    found = log_probabilities(network, labels, raw)[0]
    np.testing.assert_allclose(found[1:], [np.log(0.25), 0])
    assert -1000 < found[0] < -500


def test_each_row_for_itself():
    labels, top = ClassEncoder(SINGLE, np.arange(3)), np.finfo(float).max
    raw = np.array([[0.1, 0.2, 0.3], [0.2, 0.1, 0.1], [top, top, -top], [-1.0, -2.0, -3.0]])
    found = probabilities(Network((1, 3), (), "squared_error", "identity"), labels, raw)
    expected = np.array([[1 / 6, 1 / 3, 1 / 2], [1 / 2, 1 / 4, 1 / 4], [1 / 2, 1 / 2, 0]])
    np.testing.assert_allclose(found, [*expected, [1 / 3, 1 / 3, 1 / 3]])
    raw = raw[:2]
    found = probabilities(Network((1, 3), (), "log_loss", "softmax"), labels, raw)
    np.testing.assert_allclose(found, softmax(raw, axis=1))


def test_one_output_for_two_classes():
    labels, raw = ClassEncoder(SINGLE, np.array(["no", "yes"])), np.array([[-1.0], [2.0]])
    network = Network((1, 1), (), "log_loss", "logistic")
    yes = expit(raw)
    expected = np.hstack([1 - yes, yes])
    np.testing.assert_allclose(probabilities(network, labels, raw), expected)
    np.testing.assert_allclose(log_probabilities(network, labels, raw), np.log(expected))
