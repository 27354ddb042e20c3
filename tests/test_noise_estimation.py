"""How noisy the targets are, against cases that can be counted by hand, and other code."""

from itertools import product

import numpy as np
import pytest
from scipy import sparse
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop._engine.hashing import hash_data
from skbackprop._preprocessing.noise_estimation import noise_share, sample_noise
from skbackprop._preprocessing.row_sample import RowSample
from skbackprop._preprocessing.scaling import Scaling
from skbackprop._training.configuration import l2_strength


def share(X, Y, weights=None):
    X, Y = np.asarray(X, dtype=float), np.asarray(Y)
    X = X[:, None] if X.ndim == 1 else X
    return noise_share(X, Y, np.ones(len(Y)) if weights is None else np.array(weights, float))


def draw(X, Y, weights=None):
    return RowSample.draw(hash_data(X, Y), X, Y, np.arange(len(Y)), weights)


def found_noise(sample):
    return sample_noise(sample, Scaling(), "log_loss")


def test_counted_by_hand():
    # The nearest are 1, 0, 3, 2; of six pairs, four differ.
    assert share([0, 1, 3, 4], [0, 0, 1, 1]) == 0
    # The same rows with two classes that alternate: all neighbors differ.
    assert share([0, 1, 3, 4], [0, 1, 0, 1]) == pytest.approx(1 / (4 / 6))
    # Squared differences: 1, 1, 1, 1 of neighbors; (1 + 9 + 16 + 4 + 9 + 1) / 6 of pairs.
    numbers = np.array([[0.0], [1.0], [3.0], [4.0]])
    assert share([0, 1, 3, 4], numbers) == pytest.approx(1 / (40 / 6))


def test_all_that_are_equally_near_count():
    # The middle one has two neighbors, one of them of its own class.
    X, Y = [0, 1, 2], [0, 0, 1]
    assert share(X, Y) == pytest.approx((0 + 0.5 + 1) / 3 / (2 / 3))
    # Rounding breaks no tie.
    assert share(np.array([0, 1, 2]) * 0.1 + 0.7, Y) == share(X, Y)


def test_a_weight_below_one_has_no_copy():
    X, Y = [0, 1, 3, 4], [0, 0, 1, 0]
    assert share(X, Y, [1, 1, 1, 1]) == pytest.approx(0.5 / 0.5)
    assert share(X, Y, [0.5, 0.5, 0.5, 0.5]) == pytest.approx(share(X, Y))


def test_sparse_rows_that_are_almost_equal_are_nearest():
    """Their distance comes from products, whose rounding would even make it negative."""
    rng = np.random.default_rng(0)
    rows, y = rng.normal(size=(30, 20)), rng.normal(size=(30, 1))
    X, Y = np.vstack([rows, rows * (1 + 1e-9)]), np.vstack([y, y])
    assert noise_share(X, Y, np.ones(60)) == 0
    assert noise_share(sparse.csr_array(X), Y, np.ones(60)) == 0


def test_a_weight_is_so_many_copies():
    rng = np.random.default_rng(0)
    X, Y, weights = rng.normal(size=(20, 2)), rng.integers(3, size=20), rng.integers(1, 4, 20)
    copies = share(np.repeat(X, weights, axis=0), np.repeat(Y, weights))
    assert share(X, Y, weights) == pytest.approx(copies, rel=1e-12)
    sample = draw(np.repeat(X, weights, axis=0), np.repeat(Y, weights))
    assert sample.X.shape == X.shape
    assert found_noise(sample) == found_noise(draw(X, Y, weights))


def test_agrees_with_nearest_neighbours_of_scikit_learn():
    rng = np.random.default_rng(1)
    X, n = rng.normal(size=(60, 3)), 60
    classes, numbers = rng.integers(3, size=n), rng.normal(size=(n, 2))
    others = [np.delete(np.arange(n), i) for i in range(n)]
    predicted = [
        KNeighborsClassifier(1).fit(X[o], classes[o]).predict(X[i : i + 1])[0]
        for i, o in enumerate(others)
    ]
    chance = 1 - ((np.bincount(classes) / n) ** 2).sum()
    error = np.mean(predicted != classes) / (chance * n / (n - 1))
    assert share(X, classes) == pytest.approx(error, rel=1e-12)
    predicted = np.array(
        [
            KNeighborsRegressor(1).fit(X[o], numbers[o]).predict(X[i : i + 1])[0]
            for i, o in enumerate(others)
        ]
    )
    variance = numbers.var(axis=0, ddof=1).sum()
    error = ((predicted - numbers) ** 2).sum(axis=1).mean() / (2 * variance)
    assert share(X, numbers) == pytest.approx(error, rel=1e-12)


@pytest.mark.parametrize("noise", [0.0, 0.3, 1.0])
def test_finds_the_noise_that_was_put_in(noise):
    rng = np.random.default_rng(2)
    X = rng.uniform(-1, 1, size=(500, 1))
    signal = np.sin(3 * X) / np.sin(3 * X).std()
    Y = np.sqrt(1 - noise) * signal + np.sqrt(noise) * rng.normal(size=X.shape)
    assert share(X, Y) == pytest.approx(noise, abs=0.12)


@pytest.mark.parametrize("kind", [sparse.csr_matrix, sparse.csr_array])
def test_noise_of_sparse_is_that_of_dense(kind):
    rng = np.random.default_rng(3)
    X = np.round(rng.normal(size=(300, 4)) * 2) * (rng.random((300, 4)) < 0.5)
    Y = rng.normal(size=(300, 2))
    weights = np.ones(300)
    assert noise_share(kind(X), Y, weights) == pytest.approx(noise_share(X, Y, weights))
    hashes = hash_data(kind(X), Y)
    parts = np.split(np.arange(300), 2)
    halves = [RowSample.draw(hashes, kind(X), Y, rows) for rows in parts]
    whole = draw(kind(X), Y)
    assert found_noise(halves[0].merged(halves[1])) == found_noise(whole)


@pytest.mark.parametrize("n", [40, 2000])
def test_neither_order_nor_parts_matter(n):
    rng = np.random.default_rng(4)
    X, Y = np.round(rng.normal(size=(n, 2)), 1), rng.integers(3, size=n)
    order = rng.permutation(n)
    whole, again = draw(X, Y), draw(X[order], Y[order])
    parts = [RowSample.draw(hash_data(X, Y), X, Y, rows) for rows in np.array_split(order, 3)]
    merged = parts[0].merged(parts[1]).merged(parts[2])
    assert len(whole.hashes) <= 500
    np.testing.assert_array_equal(whole.X, again.X)
    np.testing.assert_array_equal(whole.X, merged.X)
    assert found_noise(whole) == found_noise(again)
    if len(whole.hashes) < 500:
        np.testing.assert_array_equal(whole.weights, merged.weights)


@pytest.mark.parametrize(
    ("X", "Y"),
    [
        ([1.0], [0]),
        ([1.0], [[3.0]]),
        ([1.0, 2.0, 3.0], [1, 1, 1]),
        ([1.0, 2.0, 3.0], [[1e200], [-1e200], [1e200]]),
    ],
)
def test_noise_is_one_where_nothing_can_be_told(X, Y):
    assert share(X, Y) == 1


def test_rows_too_far_for_numbers_are_all_equally_far():
    assert share([1e200, -1e200, 3e200, 0], [0, 1, 0, 1]) == pytest.approx(1)
    assert share([0, 0, 0], [0, 1, 0]) == pytest.approx(1)


TRUTH_TABLE = np.array(list(product([0.0, 1.0], repeat=3)))


@pytest.mark.parametrize("kind", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize(
    "X",
    [
        TRUTH_TABLE,
        TRUTH_TABLE[:4] * 5 - 1,  # with a constant column
        TRUTH_TABLE[[0, 1, 2, 4, 7]],  # half of the combinations and more
        np.eye(8),
        np.array([[0.0], [1.0]]),
    ],
)
def test_noise_share_of_equidistant_rows_is_zero(X, kind):
    """Neighbors that are no nearer than other rows say nothing about noise."""
    rng = np.random.default_rng(0)
    Y = rng.permutation(np.arange(len(X)) % 2)
    assert noise_share(kind(X), Y, np.ones(len(X))) == 0
    assert noise_share(kind(X), rng.normal(size=(len(X), 1)), np.ones(len(X))) == 0


def test_noise_share_of_a_truth_table_is_that_of_its_copies():
    X, Y = np.repeat(TRUTH_TABLE, 2, axis=0), np.arange(16) // 2 % 2
    assert share(X, Y) == 0
    Y[0] = 1 - Y[0]  # the first two copies now differ; half of all pairs do, less themselves
    by_hand = (2 / 16) / (sum((y != Y).sum() for y in Y) / 16 / 15)
    assert share(X, Y) == pytest.approx(by_hand)


def test_a_truth_table_that_is_larger_than_a_sample_is_one():
    """Of 1024 rows 500 are looked at, and all of them counted."""
    X = np.array(list(product([0.0, 1.0], repeat=10)))
    parity = X.sum(axis=1) % 2
    sample = draw(X, parity)
    assert len(sample.Y) == 500
    assert sample.n_different == pytest.approx(1024, rel=0.15)
    assert found_noise(sample) == 0
    few = np.random.default_rng(0).choice(1024, 400, replace=False)
    assert draw(X[few], parity[few]).n_different == 400
    assert found_noise(draw(X[few], parity[few])) > 0.5


@pytest.mark.parametrize("n", [600, 5000, 40_000])
def test_the_number_of_different_rows_is_told_by_their_hashes(n):
    X = np.random.default_rng(n).normal(size=(n, 2))
    Y = np.zeros(n)
    sample = draw(np.repeat(X, 2, axis=0), np.repeat(Y, 2))
    # The relative standard error is the root of 1 / 500.
    assert sample.n_different == pytest.approx(n, rel=4 / np.sqrt(500))


def test_noise_share_of_few_combinations_is_that_of_neighbors():
    """Three of eight combinations are no truth table, and a third value makes numbers."""
    X, Y = TRUTH_TABLE[[0, 1, 7]], [0, 0, 1]
    assert share(X, Y) == pytest.approx((0 + 0 + 1) / 3 / (2 / 3))
    assert share([0, 1, 2, 3], [0, 1, 0, 1]) > 1


@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
@pytest.mark.parametrize("learner", [BackpropClassifier, BackpropRegressor])
def test_the_estimators_use_it(learner, solver):
    rng = np.random.default_rng(5)
    X = rng.normal(size=(40, 2))
    y = (X > 0).sum(axis=1)
    settings = dict(solver=solver, batch_size=8, max_iter=3, tol=None, random_state=0)
    auto = learner((4,), **settings).fit(X, y)
    columns = y if learner is BackpropClassifier else y[:, None].astype(float)
    inputs, targets = auto._scaling.transform(X, columns)
    order = np.argsort(hash_data(X, y))
    strength = l2_strength(noise_share(inputs[order], targets[order], np.ones(40)))
    assert 0.5 < strength < 8
    batch = 40 if solver == "lbfgs" else 8
    given = learner((4,), alpha=strength * (batch / 40), **settings).fit(X, y)
    np.testing.assert_array_equal(auto.coefs_[0], given.coefs_[0])
    np.testing.assert_array_equal(auto.coefs_[1], given.coefs_[1])


def test_noise_share_of_more_columns_than_a_float_has_exponents():
    X = np.random.default_rng(0).normal(size=(20, 2000))
    assert 0 <= share(X, np.arange(20) % 2) < np.inf


@pytest.mark.parametrize("weigh", ["uniform", "survey", "balanced"])
def test_weights_that_are_no_counts_leave_the_noise(weigh):
    """A row of weight 1.3 has no copy of itself beside it, which would be its nearest."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 5))
    y = ((X[:, 0] > 0.5) ^ (rng.random(400) < 0.3)).astype(int)
    weights = {
        "uniform": rng.uniform(0.5, 1.5, size=400), "survey": 1e5 * rng.lognormal(size=400),
    }.get(weigh)  # fmt: skip
    settings = {"hidden_layer_sizes": (3,), "max_iter": 1, "random_state": 0}
    plain = BackpropClassifier(**settings).fit(X, y)
    class_weight = "balanced" if weigh == "balanced" else None
    weighted = BackpropClassifier(**settings, class_weight=class_weight)
    weighted.fit(X, y, sample_weight=weights)
    assert weighted.alpha_ == pytest.approx(plain.alpha_, rel=0.2)
