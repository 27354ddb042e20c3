"""Sample weights and class weights, against scikit-learn's and against counts."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_sample_weight

from skbackprop.weights import add_totals, check_weights, look_up, weigh_classes, weigh_stream

LABELS = np.array(["oats", "rye", "rye", "wheat", "wheat", "wheat"])
COLUMNS = np.array([[0, 5], [1, 5], [1, 6], [2, 5], [2, 5], [2, 5]])


def test_weights_as_numbers():
    assert check_weights(None, 3) is check_weights(1, 3) is check_weights([1, 1, 1], 3) is None
    weights = check_weights([0, 1, 2], 3)
    assert weights.dtype == np.float64
    np.testing.assert_array_equal(weights, [0, 1, 2])
    np.testing.assert_array_equal(check_weights(2.5, 3), [2.5, 2.5, 2.5])


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1, 2], r"the shape \(3,\), one weight per row of X. Got \(2,\)"),
        ([[1], [2], [3]], r"Got \(3, 1\)"),
        ([1, -0.5, 2], "Negative mine: .* Got -0.5"),
        ([0, 0, 0], "All entries of mine are zero"),
        ([1, np.nan, 2], "mine contains NaN"),
    ],
)
def test_impossible_weights_are_named(weights, message):
    with pytest.raises(ValueError, match=message):
        check_weights(weights, 3, "mine")


@pytest.mark.parametrize("y", [LABELS, COLUMNS], ids=["labels", "columns"])
def test_balanced_is_scikit_learns_with_the_sum_kept(y):
    found = weigh_classes(None, "balanced", y)
    theirs = compute_sample_weight("balanced", y)
    np.testing.assert_allclose(found, theirs * (6 / theirs.sum()), rtol=1e-14)


@pytest.mark.parametrize("y", [LABELS, COLUMNS], ids=["labels", "columns"])
def test_balanced_counts_a_weight_as_that_many_rows(y):
    counts = np.array([1, 2, 1, 0, 3, 1])
    weighed = weigh_classes(counts.astype(float), "balanced", y)
    repeated = weigh_classes(None, "balanced", np.repeat(y, counts, axis=0))
    ends = np.cumsum(counts)[counts > 0] - 1
    np.testing.assert_allclose(
        weighed[counts > 0], counts[counts > 0] * repeated[ends], rtol=1e-14
    )
    np.testing.assert_allclose(weighed.sum(), counts.sum())


@pytest.mark.parametrize(
    ("class_weight", "y"),
    [
        ({"oats": 5.0, "wheat": 0.0}, LABELS),
        ([{0: 2.0, 2: 0.5}, {5: 3.0, 6: 7.0}], COLUMNS),
        (({1: 2.0}, {}), COLUMNS),
    ],
)
def test_given_class_weights_are_scikit_learns_with_the_sum_kept(class_weight, y):
    filled = [class_weight] if isinstance(class_weight, dict) else class_weight
    columns = y.reshape(len(y), -1).T
    # scikit-learn wants every class.
    filled = [
        dict.fromkeys(column.tolist(), 1.0) | given
        for column, given in zip(columns, filled, strict=True)
    ]
    theirs = compute_sample_weight(filled[0] if y.ndim == 1 else filled, y)
    np.testing.assert_allclose(look_up(class_weight, y), theirs)
    weights = np.array([1.0, 2.0, 3.0, 0.5, 0.0, 4.0])
    expected = weights * theirs
    expected *= weights.sum() / expected.sum()
    np.testing.assert_allclose(weigh_classes(weights, class_weight, y), expected, rtol=1e-14)


def test_class_weights_that_leave_nothing():
    with pytest.raises(ValueError, match="every row of y the weight zero. Got {5: 0}"):
        weigh_classes(None, {5: 0}, np.array([5, 5]))
    with pytest.raises(ValueError, match="dictionary for each of the 2 columns of y"):
        look_up({0: 1.0}, COLUMNS)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), min_size=1, max_size=30))
def test_totals_are_counts(rows):
    y = np.array([label for label, _ in rows])
    weights = np.array([float(weight) for _, weight in rows])
    (totals,) = add_totals(None, weights, y)
    expected = Counter()
    for label, weight in rows:
        expected[label] += weight
    assert totals == dict(expected)
    (counts,) = add_totals([], None, y)
    assert counts == Counter(y.tolist())
    (twice,) = add_totals([totals], weights, y)
    assert twice == {label: 2 * total for label, total in totals.items()}
    assert totals == dict(expected)


def test_totals_of_columns():
    assert add_totals(None, None, COLUMNS) == [{0: 1, 1: 2, 2: 3}, {5: 5, 6: 1}]


def test_a_stream_presents_the_most_frequent_class_once():
    y, totals = np.array(["a", "b", "c"]), [{"a": 50.0, "b": 5.0, "c": 0.001, "d": 20.0}]
    # No more than ten thousand times as often.
    np.testing.assert_array_equal(weigh_stream(None, "balanced", y, totals), [1, 10, 1e4])
    weights = np.array([1.0, 2.0, 0.5])
    np.testing.assert_array_equal(weigh_stream(weights, "balanced", y, totals), [1, 20, 5e3])
    both = weigh_stream(
        None, "balanced", np.array([[0, 5], [1, 6]]), [{0: 4, 1: 1}, {5: 2, 6: 6}]
    )
    np.testing.assert_array_equal(both, [3, 4])


@pytest.mark.parametrize(
    ("class_weight", "expected"),
    [
        # Relative to the smallest, which may be the 1 of a class that is not named.
        ({"a": 5.0, "b": 2.0}, [5, 2, 1]),
        ({"a": 5.0, "b": 0.5}, [10, 1, 2]),
        ({"a": 1e4}, [1e4, 1, 1]),
        ({"a": 1e-4}, [1, 1e4, 1e4]),
    ],
)
def test_class_weights_of_a_stream(class_weight, expected):
    y = np.array(["a", "b", "c"])
    np.testing.assert_allclose(weigh_stream(None, class_weight, y, None), expected, rtol=1e-15)
    weights = np.array([2.0, 1.0, 3.0])
    np.testing.assert_allclose(
        weigh_stream(weights, [class_weight], y, None), weights * expected, rtol=1e-15
    )


def test_class_weights_of_columns_in_a_stream():
    found = weigh_stream(None, [{0: 0.5}, {6: 4.0}], np.array([[0, 6], [1, 5]]), None)
    np.testing.assert_allclose(found, [4, 2])


@pytest.mark.parametrize(
    "class_weight", [{"a": 0.0}, {"a": -1.0}, {"a": 10_001.0}, {"a": 9e-5}]
)
def test_class_weights_that_a_stream_cannot_heed(class_weight):
    with pytest.raises(ValueError, match="In partial_fit .* none more than 10000 times"):
        weigh_stream(None, class_weight, np.array(["a"]), None)
