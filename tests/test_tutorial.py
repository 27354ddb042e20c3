"""The published figures of the textbook, to the digit."""

import random

import numpy as np
import pytest
import tutorial

from skbackprop import BackpropClassifier, presets
from skbackprop._engine.network import Network

ERRORS = (
    "6.350 5.531 5.221 4.951 4.519 4.173 3.835 3.506 3.192 2.898 "
    "2.626 2.377 2.153 1.953 1.774 1.614 1.472 1.346 1.233 1.132"
).split(" ")
OUTPUT_LAYER = [
    [2.515394649397849, -0.3391927502445986, -0.9671565426390273],
    [-2.5584149848484263, 1.00364221062092, 0.42383086467582737],
]
TEN = np.array(tutorial.TEN_ROWS)


def drawn_network(*sizes):
    random.seed(1)
    return tutorial.draw(*sizes)


def textbook_classifier(layers, **settings):
    n_hidden = len(layers[0])
    return BackpropClassifier(
        (n_hidden,), **presets.TEXTBOOK | {"weight_init": tutorial.as_arrays(layers)} | settings
    )


@pytest.fixture
def trained(engine):
    clf = textbook_classifier(drawn_network(2, 2, 2), learning_rate_init=0.5, max_iter=20)
    return clf.fit(TEN[:, :2], TEN[:, 2].astype(int))


def test_tutorial_first_weight_is_the_published_one():
    assert drawn_network(2, 2, 2)[0][0][0] == 0.13436424411240122


def test_forward_propagation():
    layers = drawn_network(2, 1, 2)
    network = Network((2, 1, 2), ("logistic",), "squared_error", "logistic")
    params = network.pack(*tutorial.as_arrays(layers), np.float64)
    _, outputs = network.forward(params, np.array([[1.0, 0.0]]))
    np.testing.assert_allclose(
        outputs[-1], [[0.6629970129852887, 0.7253160725279748]], rtol=0, atol=1e-15
    )


def test_published_errors(trained):
    assert [f"{error:.3f}" for error in trained.history_["sum_squared_error"]] == ERRORS


def test_published_weights(trained):
    learned = np.vstack([trained.coefs_[1], trained.intercepts_[1]]).T
    np.testing.assert_allclose(learned, OUTPUT_LAYER, rtol=1e-13)


def test_printed_in_the_textbook_form(engine, capsys):
    layers = drawn_network(2, 2, 2)
    clf = textbook_classifier(layers, learning_rate_init=0.5, max_iter=20, verbose=1)
    clf.fit(TEN[:, :2], TEN[:, 2].astype(int))
    lines = capsys.readouterr().out.splitlines()
    assert lines == [f">epoch={i}, lrate=0.500, error={e}" for i, e in enumerate(ERRORS)]


def test_predicts_every_row(trained):
    np.testing.assert_array_equal(trained.predict(TEN[:, :2]), TEN[:, 2])


def test_whole_wheat_seeds_protocol(wheat):
    """Folds and weights from one stream of random numbers, as the textbook draws them.

    The textbook numbers the classes by the arbitrary order of a set; the published folds
    come out with the first two exchanged.
    """
    X, y = wheat
    numbers = np.array([1, 0, 2])[y - 1]
    random.seed(1)
    folds = tutorial.split(len(X), 5)
    scores = []
    for held_out in folds:
        rows = [row for fold in folds if fold is not held_out for row in fold]
        clf = textbook_classifier(tutorial.draw(7, 5, 3), learning_rate_init=0.3, max_iter=500)
        clf.fit(X[rows], numbers[rows])
        scores.append(100 * clf.score(X[held_out], numbers[held_out]))
    np.testing.assert_allclose(scores, [92.857, 92.857, 97.619, 92.857, 90.476], atol=5e-4)
    assert f"{np.mean(scores):.3f}" == "93.333"


def test_plain_python_agrees(engine, wheat):
    X, y = wheat
    layers = drawn_network(7, 5, 3)
    clf = textbook_classifier(layers, learning_rate_init=0.3, max_iter=3).fit(X, y)
    rows = [(*x, label - 1) for x, label in zip(X.tolist(), y.tolist(), strict=True)]
    errors = [tutorial.train_epoch(layers, rows, 0.3) for _ in range(3)]
    np.testing.assert_allclose(clf.history_["sum_squared_error"], errors, rtol=1e-12)
    coefs, intercepts = tutorial.as_arrays(layers)
    for ours, theirs in zip(
        [*clf.coefs_, *clf.intercepts_], [*coefs, *intercepts], strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)
