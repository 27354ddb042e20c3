"""Standardization, and its way into the weights and out of them."""

from copy import deepcopy
from itertools import pairwise

import numpy as np
import pytest
from scipy import sparse

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop._preprocessing.scaling import (
    ColumnRange,
    LocalRows,
    Moments,
    Scaling,
    Standardizer,
    bulk_of_sample,
    fit_input_scaler,
    fit_target_scaler,
)

# More than are summed at once.
N = 4096 + 4096 + 7
ONES = np.ones(3)


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(N, 3)) * [1, 1e-3, 1e5] + [0, 7, 1e6]
    return values, rng.uniform(0.5, 2, size=N)


def local_rows(X, Y=None, weights=None, rows=None):
    Y = np.zeros((X.shape[0], 1)) if Y is None else Y
    rows = np.arange(X.shape[0]) if rows is None else rows
    return LocalRows(X, Y, Y, rows, weights)


def input_scaler(X, weights=None):
    return fit_input_scaler(local_rows(X, weights=weights))[0]


def target_scaler(Y, kind, weights=None):
    Y = np.asarray(Y, dtype=float)
    Y = Y[:, None] if Y.ndim == 1 else Y
    return fit_target_scaler(local_rows(np.zeros((len(Y), 1)), Y, weights), kind)[0]


# ---- What is measured ----


@pytest.mark.parametrize("weighed", [False, True])
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_moments_are_averages(data, form, weighed):
    values, weights = data
    rows = np.arange(3, N)
    chosen = weights if weighed else None
    moments = Moments.measure(form(values), rows, chosen, ONES)
    total = weights[3:] if weighed else np.ones(N - 3)
    mean = np.average(values[3:], axis=0, weights=total)
    squares = total @ (values[3:] - mean) ** 2
    np.testing.assert_allclose(moments.total, total.sum(), rtol=1e-13)
    np.testing.assert_allclose(moments.mean, mean, rtol=1e-13)
    np.testing.assert_allclose(moments.squares, squares, rtol=1e-11)
    found, _ = fit_input_scaler(local_rows(form(values), weights=chosen, rows=rows))
    np.testing.assert_allclose(found.scale, np.sqrt(squares / total.sum()), rtol=1e-11)
    # A sparse zero stays zero.
    np.testing.assert_array_equal(found.mean, moments.mean if form is np.asarray else [0] * 3)
    assert found.limits is None


def test_moments_are_of_clipped_or_absolute_values(data):
    values, _ = data
    limits = np.array([[-0.5, -np.inf, 9e5], [0.5, 7.0, np.inf]])
    clipped = Moments.measure(values, np.arange(N), None, ONES, limits)
    np.testing.assert_allclose(clipped.mean, np.clip(values, *limits).mean(axis=0))
    absolute = Moments.measure(values, np.arange(N), None, ONES, None, True)
    np.testing.assert_allclose(absolute.mean, np.abs(values).mean(axis=0))


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("rows", [np.arange(N), np.arange(5000)[::-1]])
def test_column_range_is_that_of_the_rows(data, form, rows):
    values = data[0] * (np.arange(N) % 3 > 0)[:, None]
    found = ColumnRange.measure(form(values), rows)
    np.testing.assert_array_equal(found.low, values[rows].min(axis=0))
    np.testing.assert_array_equal(found.high, values[rows].max(axis=0))


def test_column_range_within_another_is_of_the_values_in_it(data):
    values, _ = data
    within = ColumnRange(np.array([-1.0, 7.0, -np.inf]), np.array([1.0, 7.001, 1e6]))
    found = ColumnRange.measure(values, np.arange(N), None, within)
    for k in range(3):
        column = values[:, k]
        inside = column[(column >= within.low[k]) & (column <= within.high[k])]
        assert (found.low[k], found.high[k]) == (inside.min(), inside.max())


# ---- Constant columns, and numbers at the ends of what floats can hold ----


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_columns_that_vary_by_rounding_are_constant(dtype):
    epsilon = np.finfo(dtype).eps
    for factor, constant in ((30, True), (34, False)):
        column = np.full((5, 1), 1024, dtype=dtype)
        column[2] *= dtype(1 + factor * epsilon)
        scale = input_scaler(column).scale
        assert (scale == 1) == constant


@pytest.mark.parametrize("n", [2, 2000, 100_000])
def test_scale_of_a_constant_column_is_one_for_any_number_of_rows(n):
    """The mean of many equal numbers is off by more than their own rounding."""
    rng = np.random.default_rng(0)
    X = np.column_stack(
        [rng.normal(size=n), np.full(n, 0.1), np.zeros(n), np.full(n, -1e9 / 3)]
    )
    scaler, is_constant = fit_input_scaler(local_rows(X))
    np.testing.assert_array_equal(scaler.scale[1:], 1)
    np.testing.assert_array_equal(is_constant, [False, True, True, True])


def test_sparse_constants_other_than_zero_are_inputs():
    X = sparse.csr_array(np.column_stack([np.full(9, 0.1), np.zeros(9), np.arange(9.0)]))
    scaler, is_constant = fit_input_scaler(local_rows(X))
    np.testing.assert_array_equal(scaler.scale[:2], 1)
    np.testing.assert_array_equal(is_constant, [False, True, False])


@pytest.mark.parametrize("exponent", [-290, -170, -150, 150, 170, 290])
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_scale_neither_overflows_nor_underflows(exponent, form):
    values = np.random.default_rng(0).normal(size=(50, 2)) + 3
    factor = 2.0 ** round(exponent / np.log10(2))
    one, other = input_scaler(form(values)), input_scaler(form(values * factor))
    np.testing.assert_allclose(other.mean, one.mean * factor, rtol=1e-13)
    np.testing.assert_allclose(other.scale, one.scale * factor, rtol=1e-13)
    np.testing.assert_allclose(
        target_scaler(values * factor, "size").scale,
        target_scaler(values, "size").scale * factor,
        rtol=1e-13,
    )


@pytest.mark.parametrize(
    ("dtype", "number"), [(np.float64, 1e305), (np.float64, 1e-305), (np.float32, 1e32)]
)
def test_numbers_that_cannot_be_scaled_raise_an_error_that_names_the_column(dtype, number):
    X = np.column_stack([np.arange(5), np.arange(5) * number]).astype(dtype)
    with pytest.raises(ValueError, match=r"X holds .* float\d\d: column 1 .* Multiply"):
        input_scaler(X)
    with pytest.raises(ValueError, match="column 'size' lies between 0 and"):
        fit_input_scaler(local_rows(X), np.array(["index", "size"], dtype=object))
    with pytest.raises(ValueError, match="y holds numbers that are too"):
        fit_target_scaler(local_rows(X, X), "moments")


def test_a_row_of_next_to_no_weight_leaves_a_scale():
    X, weights = np.array([[0.0], [0.0], [1.0]]), np.array([1.0, 1.0, 1e-300])
    assert 1e-7 < input_scaler(X, weights).scale[0] < 1e-6


# ---- Wild values ----


def test_bulk_leaves_out_what_is_far_from_the_others():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(200, 4))
    whole = X.min(axis=0), X.max(axis=0)
    X[:9, 0], X[5, 1], X[6, 1], X[7, 2] = -999, 1e4, -1e8, 40
    bulk = bulk_of_sample(local_rows(X).sample)
    keep = [np.arange(9, 200), np.delete(np.arange(200), [5, 6])]
    for column, rows in enumerate(keep):
        values = X[rows, column]
        assert (bulk.low[column], bulk.high[column]) == (values.min(), values.max())
    # Forty is not far from a range of six, and long tails are no slips.
    assert bulk.high[2] == 40
    assert (bulk.low[3], bulk.high[3]) == (whole[0][3], whole[1][3])
    assert bulk_of_sample(local_rows(sparse.csr_array(X)).sample) is None


@pytest.mark.parametrize("values", [[0, 0, 0, 0, 0, 1], [0] * 20 + [1, 5], [0] * 20 + [1e6]])
def test_bulk_of_mostly_one_value_has_the_rare_ones(values):
    X = np.array(values, dtype=float)[:, None]
    bulk = bulk_of_sample(local_rows(X).sample)
    assert (bulk.low[0], bulk.high[0]) == (0, max(values))
    assert input_scaler(np.tile(X, (200, 1))).limits is None


def test_bulk_of_a_weight_is_that_of_as_many_copies():
    rng = np.random.default_rng(0)
    X, weights = (
        np.exp(2 * rng.standard_cauchy(size=(60, 5)).clip(-9, 9)),
        rng.integers(1, 4, 60),
    )
    weighed = bulk_of_sample(local_rows(X, weights=weights.astype(float)).sample)
    copies = bulk_of_sample(local_rows(np.repeat(X, weights, axis=0)).sample)
    np.testing.assert_array_equal(weighed.low, copies.low)
    np.testing.assert_array_equal(weighed.high, copies.high)


@pytest.mark.parametrize("n", [100, 3000])
def test_wild_values_are_clipped_to_the_range_of_the_others(n):
    """Also where they are not in the sample, and so is what is wild at prediction only."""
    X = np.random.default_rng(0).normal(size=(n, 2))
    clean = input_scaler(X[1:])
    X[0, 1] = 1e6
    found = input_scaler(X)
    others = X[1:, 1].min(), X[1:, 1].max()
    np.testing.assert_array_equal(found.limits.T, [(-np.inf, np.inf), others])
    np.testing.assert_allclose(found.scale, clean.scale, rtol=0.1)
    rows = np.array([[50.0, 1e6], [-50.0, -1e6]])
    clipped = np.array([[50.0, others[1]], [-50.0, others[0]]])
    np.testing.assert_array_equal(found.transform(rows), found.transform(clipped))
    assert np.abs(found.transform(rows)[:, 1]).max() < 5


# ---- Targets ----


def test_size_scaler_divides_by_the_mean_size(data):
    values, weights = data
    values = values * [1, 1, 0]
    found = target_scaler(values, "size", weights)
    expected = np.average(np.abs(values), axis=0, weights=weights)
    np.testing.assert_array_equal(found.mean, [0, 0, 0])
    np.testing.assert_allclose(found.scale, [*expected[:2], 1], rtol=1e-12)


def test_quartile_scaler_does_not_depend_on_outliers():
    values = np.random.default_rng(0).normal(3, 2, size=400)
    found = target_scaler(values, "quartiles")
    assert found.mean[0] == np.sort(values)[199]  # the lower median
    assert found.scale[0] == pytest.approx(2, rel=0.1)
    values[:8] = 1e6
    again = target_scaler(values, "quartiles")
    np.testing.assert_allclose([again.mean, again.scale], [found.mean, found.scale], rtol=0.1)


def test_quartile_scaler_of_mostly_equal_targets_is_of_their_deviations():
    assert target_scaler([0] * 9 + [8], "quartiles").scale[0] == pytest.approx(0.8 / 0.798)


@pytest.mark.parametrize("kind", ["moments", "quartiles"])
@pytest.mark.parametrize("constant", [1e-6, -3.0, 1e200])
def test_target_scaler_of_a_constant_is_as_large_as_it(constant, kind):
    found = target_scaler([constant] * 5, kind)
    assert found.mean[0] == pytest.approx(constant, rel=1e-15)
    assert found.scale[0] == abs(found.mean[0])
    assert target_scaler([0.0] * 5, kind).scale[0] == 1


# ---- Both ways ----


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_there_and_back(data, dtype):
    values = data[0].astype(dtype)
    by = Standardizer(np.array([0.5, 7.0, 1e6]), np.array([2.0, 1e-3, 1e5]))
    found = by.transform(values)
    assert found.dtype == dtype
    expected = (values.astype(np.float64) - by.mean) / by.scale
    np.testing.assert_array_equal(found, expected.astype(dtype))
    back = by.inverse_transform(found)
    assert back.dtype == dtype
    np.testing.assert_allclose(back, values, rtol=10 * np.finfo(dtype).eps, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_sparse_rows_are_scaled(dtype):
    values = sparse.random(20, 3, density=0.4, format="csr", random_state=0)
    values = values.astype(dtype)
    before = values.toarray()
    by = Standardizer(np.zeros(3), np.array([2.0, 0.5, 3.0]))
    found = by.transform(values)
    assert found.dtype == dtype
    np.testing.assert_array_equal(found.toarray(), (before / by.scale).astype(dtype))
    np.testing.assert_array_equal(values.toarray(), before)


INPUTS = Standardizer(np.array([1.0, -20.0, 0.3]), np.array([2.0, 5.0, 0.1]))
TARGETS = Standardizer(np.array([100.0, -3.0]), np.array([7.0, 0.5]))
SIZES = Standardizer(np.zeros(2), np.array([7.0, 0.5]))
SCALINGS = [
    Scaling(), Scaling(INPUTS), Scaling(None, TARGETS), Scaling(INPUTS, TARGETS),
    Scaling(INPUTS, SIZES, log_link=True),
]  # fmt: skip


@pytest.mark.parametrize("n_layers", [1, 2])
@pytest.mark.parametrize("scaling", SCALINGS, ids=range(len(SCALINGS)))
def test_scaling_folds_into_the_network(scaling, n_layers):
    rng = np.random.default_rng(0)
    sizes = [3, 4, 2] if n_layers == 2 else [3, 2]
    weights = [rng.normal(size=shape) for shape in pairwise(sizes)]
    biases = [rng.normal(size=n) for n in sizes[1:]]
    X, Y = rng.normal(size=(9, 3)), rng.normal(size=(9, 2))

    def run(weights, biases, signal):
        for w, b in zip(weights[:-1], biases[:-1], strict=True):
            signal = np.tanh(signal @ w + b)
        raw = signal @ weights[-1] + biases[-1]
        return np.exp(raw) if scaling.log_link else raw

    inside, Y_inside = scaling.transform(X, Y)
    if scaling.targets is not None:
        np.testing.assert_allclose(scaling.targets.inverse_transform(Y_inside), Y)
    else:
        assert Y_inside is Y
    expected = run(weights, biases, inside)
    if scaling.targets is not None:
        expected = expected * scaling.targets.scale + scaling.targets.mean
    before = [array.copy() for array in weights + biases]
    folded = scaling.fold(weights, biases)
    np.testing.assert_allclose(run(*folded, X), expected, rtol=1e-12, atol=1e-12)
    for layers, start in zip(scaling.unfold(*folded), (weights, biases), strict=True):
        for found, array in zip(layers, start, strict=True):
            np.testing.assert_allclose(found, array, rtol=1e-12, atol=1e-12)
    for found, array in zip(weights + biases, before, strict=True):
        np.testing.assert_array_equal(found, array)


@pytest.mark.parametrize("scaling", SCALINGS, ids=range(len(SCALINGS)))
def test_folding_keeps_the_dtype(scaling):
    weights = [np.ones((3, 2), dtype=np.float32)]
    folded = scaling.fold(weights, [np.ones(2, dtype=np.float32)])
    assert {array.dtype for layers in folded for array in layers} == {np.dtype(np.float32)}


@pytest.mark.parametrize("kind", ["moments", "size"])
def test_parts_make_the_whole(data, kind):
    values, weights = data
    parts = [np.arange(100), np.arange(100, N)]
    for measure in (ColumnRange.measure, Moments.measure):
        arguments = () if measure == ColumnRange.measure else (ONES, None, kind == "size")
        whole = measure(values, np.arange(N), weights, *arguments)
        one, other = (measure(values, rows, weights, *arguments) for rows in parts)
        for found, expected in zip(
            vars(one.merged(other)).values(), vars(whole).values(), strict=True
        ):
            np.testing.assert_allclose(found, expected, rtol=1e-10)


@pytest.mark.parametrize("make", [BackpropClassifier, BackpropRegressor])
def test_sparse_rows_meet_the_standardisation_of_dense_ones(make):
    """Their zeros do not stay zeros where means are taken off."""
    rng = np.random.default_rng(0)
    X = (5 + rng.normal(size=(60, 3))) * rng.integers(0, 2, size=(60, 3))
    y = (X[:, 0] > 3).astype(int)
    dense = make((5,), max_iter=5, tol=None, random_state=0).fit(X, y)
    rows = sparse.csr_array(X)
    np.testing.assert_allclose(dense.predict(rows), dense.predict(X), rtol=1e-12)
    np.testing.assert_allclose(dense.get_activations(rows), dense.get_activations(X))
    other = deepcopy(dense)
    for n in (20, 1, 1):
        dense.partial_fit(X[:n], y[:n])
        other.partial_fit(rows[:n], y[:n])
    np.testing.assert_allclose(other.coefs_[0], dense.coefs_[0], rtol=1e-12)
