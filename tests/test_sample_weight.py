"""Sample weights and class weights, against scikit-learn's and against counts."""

import pickle
from collections import Counter
from copy import deepcopy
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.ensemble import AdaBoostClassifier
from sklearn.model_selection import cross_val_score
from sklearn.utils.class_weight import compute_sample_weight

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop._preprocessing.sample_weight import (
    Total,
    accumulate_totals,
    check_weights,
    class_weight_factors,
    draw_batch,
    draw_counts,
    weigh_classes,
    weigh_stream,
    weights_of_fit,
    weights_of_stream,
)

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


def test_balanced_classes_of_hardly_any_weight_count_like_others():
    """A class may weigh 5e-324, the smallest float, whose inverse is infinite."""
    y = np.array([0, 0, 1, 2])
    weighed = weigh_classes(np.array([0.5, 0.5, 5e-324, 5e-324]), "balanced", y)
    np.testing.assert_allclose(weighed, np.array([1, 1, 2, 2]) / 6)
    both = weigh_classes(
        np.array([1.0, 5e-324, 1e300]), "balanced", np.array([[0, 5], [1, 5], [1, 6]])
    )
    assert np.isfinite(both).all() and (both > 0).any()
    X = np.arange(8.0).reshape(4, 2)
    clf = BackpropClassifier(
        (3,), class_weight="balanced", max_iter=2, tol=None, random_state=0
    )
    clf.fit(X, y, sample_weight=[1.0, 1.0, 5e-324, 5e-324])
    assert np.isfinite(clf.predict_proba(X)).all()


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
    np.testing.assert_allclose(class_weight_factors(class_weight, y), theirs)
    weights = np.array([1.0, 2.0, 3.0, 0.5, 0.0, 4.0])
    expected = weights * theirs
    expected *= weights.sum() / expected.sum()
    np.testing.assert_allclose(weigh_classes(weights, class_weight, y), expected, rtol=1e-14)


def test_class_weights_that_leave_nothing():
    with pytest.raises(ValueError, match="every row of y the weight zero. Got {5: 0}"):
        weigh_classes(None, {5: 0}, np.array([5, 5]))
    with pytest.raises(ValueError, match="dictionary for each of the 2 columns of y"):
        class_weight_factors({0: 1.0}, COLUMNS)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 5)), min_size=1, max_size=30))
def test_totals_are_counts(rows):
    y = np.array([label for label, _ in rows])
    weights = np.array([float(weight) for _, weight in rows])
    (totals,) = accumulate_totals(None, weights, y)
    expected = Counter()
    for label, weight in rows:
        expected[label] += weight
    assert totals == dict(expected)
    (counts,) = accumulate_totals([], None, y)
    assert counts == Counter(y.tolist())
    (twice,) = accumulate_totals([totals], weights, y)
    assert twice == {label: 2 * total for label, total in totals.items()}
    assert totals == dict(expected)


def test_totals_of_columns():
    assert accumulate_totals(None, None, COLUMNS) == [{0: 1, 1: 2, 2: 3}, {5: 5, 6: 1}]


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
        ({"a": 5.0, "b": 2.0}, [5, 2, 1]),
        ({"a": 5.0, "b": 0.5}, [5, 0.5, 1]),
        ({"a": 1e300, "d": 7.0}, [1e300, 1, 1]),
        ({"a": 0.0}, [0, 1, 1]),
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
    np.testing.assert_allclose(found, [2, 1])
    # The largest number stands for what is larger.
    huge = weigh_stream(np.array([1e10, 1.0]), {0: 1e308, 1: 1e300}, np.array([0, 1]), None)
    np.testing.assert_array_equal(huge, [np.finfo(float).max, 1e300])


# ---- Sums that are far from the number of rows ----


def test_total_is_exact():
    weights = np.array([1e308, 1e308, 5e-324, 0.0])
    total = Total.of(weights)
    assert total.n_rows == 3
    assert abs(total.weight / (2 * Fraction(1e308)) - 1) < 1e-15
    assert Total.of(np.full(3, 5e-324)).weight == 3 * Fraction(5e-324)
    both = total.merged(Total.of(np.array([2.0**1000])))
    assert both == Total(4, total.weight + 2**1000)
    tenths = np.array([0.1, 1e10, 0.3, 1e-10])
    assert Total.of(tenths) == Total.of(tenths[::-1])


@pytest.mark.parametrize(
    "weights", [[1, 2, 3], [0.5, 0.5], [0.4, 0.7], [10, 10], [9999, 1], [0.3, 0, 2000.0]]
)
def test_weights_within_bounds_stay(weights):
    weights = np.array(weights, dtype=float)
    assert weights_of_fit(weights, in_gradient=False) is weights
    assert weights_of_fit(weights, in_gradient=True) is weights
    assert weights_of_fit(None, in_gradient=False) is None


@pytest.mark.parametrize("largest", [0.49, 1e-3, 5e-324, 1e4, 2.0**62, 1e308])
def test_weights_out_of_bounds_are_relative(largest):
    weights = largest * np.array([0, 0.5, 0.5, 1]) if largest > 1e-300 else np.full(4, largest)
    found = weights_of_fit(weights, in_gradient=False)
    expected = [0, 0.75, 0.75, 1.5] if largest > 1e-300 else [1, 1, 1, 1]
    np.testing.assert_allclose(found, expected, rtol=1e-15)


def test_ten_times_as_many_rows_are_the_most():
    weights = np.full(2000, 10.0)
    assert weights_of_fit(weights, in_gradient=False) is weights
    weights[0] += 1
    np.testing.assert_allclose(weights_of_fit(weights, in_gradient=False)[1:], 1, rtol=1e-3)
    assert weights_of_fit(weights, in_gradient=True) is weights


def test_weights_of_a_stream_are_absolute_and_bounded():
    small = np.array([1e-9, 0.0])
    assert weights_of_stream(small, in_gradient=False) is small
    assert weights_of_stream(None, in_gradient=False) is None
    np.testing.assert_allclose(weights_of_stream(np.array([1e308]), False), [10_000])
    np.testing.assert_allclose(weights_of_stream(np.array([3e300, 1e300]), False), [7500, 2500])
    np.testing.assert_allclose(weights_of_stream(np.full(2000, 12.0), False), 10)


@given(
    st.lists(st.one_of(st.floats(0, 3), st.integers(0, 3)), min_size=1, max_size=20),
    st.integers(0, 2**31),
)
def test_draw_counts_rounds_up_or_down(weights, seed):
    weights = np.array(weights, dtype=float)
    rng = np.random.RandomState(seed)
    counts = draw_counts(weights, rng)
    assert ((counts == np.floor(weights)) | (counts == np.floor(weights) + 1)).all()
    assert (counts[weights % 1 == 0] == weights[weights % 1 == 0]).all()
    assert abs(counts.sum() - weights.sum()) < 1 + 1e-9
    if not (weights % 1).any():  # nothing was drawn
        assert rng.randint(2**31) == np.random.RandomState(seed).randint(2**31)


def test_draw_counts_is_the_weight_on_average():
    rng = np.random.RandomState(0)
    weights = np.array([0.001, 1.6, 0.5, 2.0, 0.0])
    mean = np.mean([draw_counts(weights, rng) for _ in range(20_000)], axis=0)
    np.testing.assert_allclose(mean, weights, atol=0.015)


def test_draw_batch_takes_a_light_batch_as_often_as_it_weighs():
    rng = np.random.RandomState(0)
    light, heavy = np.array([0.1, 0.2]), np.array([0.4, 0.7])
    drawn = np.array([draw_batch(light, rng) for _ in range(10_000)])
    used = drawn.any(axis=1)
    np.testing.assert_allclose(used.mean(), 0.3, atol=0.02)
    np.testing.assert_allclose(drawn[used], [[1 / 3, 2 / 3]] * used.sum())
    assert draw_batch(heavy, rng) is heavy
    nothing = np.zeros(2)
    assert draw_batch(nothing, rng) is nothing


# ---- In the estimators ----

QUICK = {"hidden_layer_sizes": (4,), "max_iter": 4, "tol": None, "random_state": 0}
SOLVERS = [
    {"solver": "sgd"}, {"solver": "adam"}, {"batch_size": "full"}, {"solver": "rprop"},
    {"solver": "lbfgs"}, {"solver": "lm"},
]  # fmt: skip


def same_bits(a, b):
    return all(map(np.array_equal, a.coefs_ + a.intercepts_, b.coefs_ + b.intercepts_))


@pytest.fixture(scope="module")
def iris():
    return load_iris(return_X_y=True)


@pytest.mark.parametrize("solver", SOLVERS, ids=lambda solver: next(iter(solver.values())))
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("weight", [5e-324, 1e-3, 2.0**62, 1e308])
def test_weights_of_any_size_that_are_all_alike_are_none(iris, solver, dtype, weight):
    X, y = iris[0].astype(dtype), iris[0][:, 0] - iris[0][:, 3]
    reg = BackpropRegressor(**QUICK, **solver)
    plain = clone(reg).fit(X, y)
    weighted = clone(reg).fit(X, y, sample_weight=np.full(len(y), weight))
    assert weighted.t_ == plain.t_
    for a, b in zip(weighted.coefs_, plain.coefs_, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5 if dtype is np.float32 else 1e-9)


@pytest.mark.parametrize("solver", SOLVERS[:2], ids=["sgd", "adam"])
def test_survey_weights_take_as_long_as_none(iris, solver):
    X, y = iris
    weights = np.random.default_rng(0).uniform(1e5, 3e5, size=len(y))
    clf = BackpropClassifier(**QUICK, **solver)
    weighted = clone(clf).fit(X, y, sample_weight=weights)
    assert weighted.t_ == clone(clf).fit(X, y).t_ == 4 * 150
    assert not same_bits(weighted, clone(clf).fit(X, y))
    for factor in (4.0, 2.0**900, 2.0**-60):
        assert same_bits(clone(clf).fit(X, y, sample_weight=factor * weights), weighted)
    for factor in (3.0, 1e-9, 1e300):
        scaled = clone(clf).fit(X, y, sample_weight=factor * weights)
        np.testing.assert_allclose(scaled.coefs_[0], weighted.coefs_[0], rtol=1e-9)


@pytest.mark.parametrize("count", [7, 66])
def test_integer_weights_are_copies_up_to_ten_thousand_rows(iris, count):
    X, y = iris[0][::10], iris[1][::10]
    weights = np.arange(len(y)) % 5 * count
    copies = np.repeat(np.arange(len(y)), weights)
    clf = BackpropClassifier(**QUICK)
    weighted = clone(clf).fit(X, y, sample_weight=weights)
    assert same_bits(weighted, clone(clf).fit(X[copies], y[copies]))
    assert weighted.t_ == 4 * 30 * count


@pytest.mark.parametrize("solver", ["lbfgs", "rprop"])
def test_integer_weights_are_copies_in_a_gradient_whatever_their_sum(iris, solver):
    X, y = iris[0][::30], iris[0][::30, 3]
    weights = np.array([3000, 1, 0, 9000, 20])
    copies = np.repeat(np.arange(5), weights)
    reg = BackpropRegressor(**QUICK, solver=solver, alpha=1.0)
    weighted = clone(reg).fit(X, y, sample_weight=weights)
    np.testing.assert_allclose(
        weighted.coefs_[0], clone(reg).fit(X[copies], y[copies]).coefs_[0], rtol=1e-9
    )


def test_order_of_rows_with_relative_weights_changes_no_bit(iris):
    X, y = iris
    weights = np.random.default_rng(0).lognormal(12, 2, size=len(y))
    order = np.random.default_rng(1).permutation(len(y))
    clf = BackpropClassifier(**QUICK)
    assert same_bits(
        clone(clf).fit(X, y, sample_weight=weights),
        clone(clf).fit(X[order], y[order], sample_weight=weights[order]),
    )


@pytest.mark.parametrize("weight", [5e-324, 1 / 150, 0.5, 3e5, 1e308])
def test_held_out_rows_are_counted_and_not_weighed(iris, weight):
    X, y = iris
    clf = BackpropClassifier(**QUICK, early_stopping=True)
    few = np.r_[0:8, 50:58, 100:108]
    plain = clone(clf).fit(X[few], y[few])
    weighted = clone(clf).fit(X[few], y[few], sample_weight=np.full(24, weight))
    np.testing.assert_allclose(
        weighted.validation_loss_curve_, plain.validation_loss_curve_, rtol=1e-9
    )


def test_boosting_with_early_stopping(iris):
    clf = BackpropClassifier((5,), early_stopping=True, random_state=0)
    boosted = AdaBoostClassifier(clf, n_estimators=3, random_state=0).fit(*iris)
    assert boosted.score(*iris) > 0.9


@pytest.mark.parametrize("size", [5e-324, 1e308])
def test_validation_weights_of_any_size(iris, size):
    X, y = iris
    settings = QUICK | {"scoring": "accuracy"}
    alike = np.full(len(y), size)
    plain = BackpropClassifier(**settings).fit(X, y, X_val=X, y_val=y)
    weighted = BackpropClassifier(**settings).fit(
        X, y, X_val=X, y_val=y, sample_weight_val=alike
    )
    assert weighted.validation_loss_curve_ == plain.validation_loss_curve_
    assert weighted.validation_scores_ == plain.validation_scores_


def test_validation_rows_that_take_all_weight_are_named(iris):
    X, y = iris
    clf = BackpropClassifier(**QUICK, early_stopping=True, shuffle=False)
    weights = np.full(len(y), 1e-10)
    held_out = []
    for row in range(len(y)):
        weights[:] = 1e-10
        weights[row] = 1e300
        try:
            clone(clf).fit(X, y, sample_weight=weights)
        except ValueError as error:
            assert "All entries of sample_weight are zero, beside" in str(error)
            held_out.append(row)
        if held_out:
            break
    assert held_out


def test_a_row_of_weight_zero_is_no_member_of_a_class(iris):
    X, y = iris
    y, weights = y.copy(), np.ones(len(y))
    y[0], weights[0] = 9, 0
    clf = BackpropClassifier(**QUICK, early_stopping=True)
    found = clone(clf).fit(X, y, sample_weight=weights)
    np.testing.assert_array_equal(found.classes_, [0, 1, 2, 9])
    with pytest.raises(ValueError, match=r"only 1 member.*\[9\]"):
        clone(clf).fit(X, y)
    with pytest.raises(ValueError, match=r"only 1 member.*\[9\]"):
        clone(clf).fit(X, y, sample_weight=weights + 0.5)
    clone(clf).fit(X, y, sample_weight=weights + 2)  # two copies, as two rows would be


def test_all_weights_zero_are_an_error_in_fit_alone(iris):
    X, y = iris
    zeros = np.zeros(len(y))
    clf = BackpropClassifier(**QUICK)
    with pytest.raises(ValueError, match="All entries of sample_weight are zero"):
        clf.fit(X, y, sample_weight=zeros)
    assert not hasattr(clf, "classes_")
    clf.partial_fit(X, y, classes=[0, 1, 2], sample_weight=zeros)
    assert (clf.t_, clf.n_iter_, clf.loss_curve_) == (0, 0, [])
    np.testing.assert_array_equal(clf.classes_, [0, 1, 2])
    same = BackpropClassifier(**QUICK).partial_fit(X, y, classes=[0, 1, 2])
    clf.partial_fit(X, y)  # the first that counts, from the same initial weights
    assert same_bits(clf, same)
    before = pickle.dumps(clf)
    assert pickle.dumps(clf.partial_fit(X, y, sample_weight=zeros)) == before
    assert pickle.dumps(clf.partial_fit(X[:1], y[:1], sample_weight=[0])) == before
    with pytest.raises(ValueError, match="infinity"):
        clf.partial_fit(X[:1] * np.inf, y[:1], sample_weight=[0])
    reg = BackpropRegressor(**QUICK).partial_fit(X, y, sample_weight=zeros)
    assert (reg.t_, reg.predict(X).shape) == (0, (150,))


@pytest.mark.parametrize("weight", [0.001, 0.3, 1.6, 2.0])
@pytest.mark.parametrize("solver", SOLVERS[:2], ids=["sgd", "adam"])
def test_a_weight_in_a_stream_is_the_expected_number_of_uses(iris, solver, weight):
    X, y = iris[0], iris[0][:, 3]
    reg = BackpropRegressor(**QUICK, **solver, batch_size=1)
    n = 0
    for row in range(600):
        before = None if n == 0 else reg.coefs_[0].copy()
        X_row, y_row = X[[row % 150]], y[[row % 150]]
        reg.partial_fit(X_row, y_row, sample_weight=[weight])
        assert reg.t_ - n in (int(weight), -int(-weight // 1))
        assert before is None or (reg.t_ == n) == np.array_equal(reg.coefs_[0], before)
        n = reg.t_
    deviation = (600 * (weight % 1) * (1 - weight % 1)) ** 0.5
    assert abs(n - 600 * weight) <= 4 * deviation
    # A single use is the step of a row without a weight.
    plain = deepcopy(reg).partial_fit(X[:1], y[:1])
    assert same_bits(reg.partial_fit(X[:1], y[:1], sample_weight=[1]), plain)


def test_a_light_row_of_a_full_batch_is_used_in_proportion(iris):
    X, y = iris[0], iris[0][:, 3]
    reg = BackpropRegressor(**QUICK, batch_size="full")
    reg.partial_fit(X[:1], y[:1])
    for _ in range(1000):
        reg.partial_fit(X[:1], y[:1], sample_weight=0.1)
    assert 60 < reg.t_ < 140
    # Above one the batch is used for certain, and weighs the mean of its gradients.
    twice = deepcopy(reg).partial_fit(X[:2], y[:2], sample_weight=[2, 0])
    assert same_bits(twice, deepcopy(reg).partial_fit(X[:1], y[:1], sample_weight=[1.5]))


def test_integer_weights_in_a_stream_are_copies(iris):
    X, y = iris
    weights = np.arange(10) % 3
    copies = np.repeat(np.arange(10), weights)
    clf = BackpropClassifier(**QUICK).partial_fit(X[::15], y[::15], classes=[0, 1, 2])
    other = deepcopy(clf).partial_fit(X[copies], y[copies])
    assert same_bits(clf.partial_fit(X[:10], y[:10], sample_weight=weights), other)


def test_work_of_a_heavy_row_in_a_stream_is_bounded(iris):
    X, y = iris
    clf = BackpropClassifier(**QUICK, class_weight={0: 1e308})
    clf.partial_fit(X[:1], y[:1], classes=[0, 1, 2], sample_weight=[1e308])
    assert clf.t_ == 10_000


# ---- Weights of classes that do not occur ----


def test_class_weights_may_name_classes_that_a_fold_lacks(iris):
    X, y = iris
    # In the order of the rows each fold lacks a class.
    clf = BackpropClassifier(**QUICK, class_weight={0: 1, 1: 2, 2: 3})
    assert len(cross_val_score(clf, X, y, cv=3, error_score="raise")) == 3
    two = y > 0
    plain = BackpropClassifier(**QUICK, class_weight={1: 2, 2: 3}).fit(X[two], y[two])
    assert same_bits(clone(clf).fit(X[two], y[two]), plain)
    several = np.column_stack([y, y % 2])
    weights = [{0: 2, 7: 3}, {5: 1}]
    BackpropClassifier(**QUICK, class_weight=weights).fit(X, several)


def test_class_weights_may_name_classes_that_are_yet_to_come(iris):
    X, y = iris
    weights = {0: 1, 1: 3, 2: 2}
    clf = BackpropClassifier(**QUICK, batch_size=1, grow_classes=True, class_weight=weights)
    uses = []
    for row in (0, 70, 140, 1):
        clf.partial_fit(X[[row]], y[[row]])
        uses.append(clf.t_)
    assert uses == [1, 4, 6, 7]
    np.testing.assert_array_equal(clf.classes_, [0, 1, 2])


@pytest.mark.parametrize(("name", "y"), [("x", [0, 1]), (1, ["a", "b"]), (None, [0, 1])])
def test_class_weights_that_name_what_cannot_be_a_class(name, y):
    clf = BackpropClassifier(**QUICK, class_weight={name: 2})
    with pytest.raises(ValueError, match=f"names .{name!r}., and the classes are"):
        clf.fit([[0.0], [1.0]], y)


@pytest.mark.parametrize("size", [1e-300, 1e308])
def test_class_weights_of_any_size_are_relative_in_fit(iris, size):
    small = BackpropClassifier(**QUICK, class_weight={0: 1, 1: 0.5, 2: 0.25}).fit(*iris)
    scaled = {0: size, 1: 0.5 * size, 2: 0.25 * size}
    found = BackpropClassifier(**QUICK, class_weight=scaled).fit(*iris)
    np.testing.assert_allclose(found.coefs_[0], small.coefs_[0], rtol=1e-9)
