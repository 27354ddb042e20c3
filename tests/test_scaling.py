"""Standardisation, and its way into the weights and out of them."""

from itertools import pairwise

import numpy as np
import pytest
from scipy import sparse

from skbackprop.scaling import Magnitude, Moments, Scaling, Standardizer

# More than are summed at once.
N = 4096 + 4096 + 7


@pytest.fixture(scope="module")
def data():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(N, 3)) * [1, 1e-3, 1e5] + [0, 7, 1e6]
    return values, rng.uniform(0.5, 2, size=N)


@pytest.mark.parametrize("weighed", [False, True])
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_moments_are_averages(data, form, weighed):
    values, weights = data
    rows = np.arange(3, N)
    chosen = weights if weighed else None
    moments = Moments.measure(form(values), rows, chosen)
    total = weights[3:] if weighed else np.ones(N - 3)
    mean = np.average(values[3:], axis=0, weights=total)
    squares = total @ (values[3:] - mean) ** 2
    np.testing.assert_allclose(moments.total, total.sum(), rtol=1e-13)
    np.testing.assert_allclose(moments.mean, mean, rtol=1e-13)
    np.testing.assert_allclose(moments.squares, squares, rtol=1e-11)
    assert moments.epsilon == np.finfo(float).eps
    found = moments.standardizer()
    np.testing.assert_allclose(found.scale, np.sqrt(squares / total.sum()), rtol=1e-11)
    # A sparse zero stays zero.
    np.testing.assert_array_equal(found.mean, moments.mean if form is np.asarray else [0] * 3)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_what_varies_by_rounding_alone_is_constant(dtype):
    epsilon = float(np.finfo(dtype).eps)
    for factor, constant in ((15.9, True), (16.1, False)):
        deviation = factor * epsilon * 1000
        moments = Moments(4.0, np.array([-1000.0]), np.array([4 * deviation**2]), epsilon, True)
        scale = moments.standardizer().scale
        np.testing.assert_allclose(scale, 1 if constant else deviation, rtol=1e-12)
    column = np.full((5, 1), 0.1, dtype=dtype)
    assert Moments.measure(column, np.arange(5)).standardizer().scale == 1


def test_a_size_and_no_place(data):
    values, weights = data
    values = values * [1, 1, 0]
    moments = Magnitude.measure(values, np.arange(N), weights)
    expected = np.average(np.abs(values), axis=0, weights=weights)
    found = moments.standardizer()
    np.testing.assert_array_equal(found.mean, [0, 0, 0])
    np.testing.assert_allclose(found.scale, [*expected[:2], 1], rtol=1e-12)


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
    Scaling(INPUTS, SIZES, through_exp=True),
]  # fmt: skip


@pytest.mark.parametrize("n_layers", [1, 2])
@pytest.mark.parametrize("scaling", SCALINGS, ids=range(len(SCALINGS)))
def test_folded_weights_are_the_network(scaling, n_layers):
    rng = np.random.default_rng(0)
    sizes = [3, 4, 2] if n_layers == 2 else [3, 2]
    weights = [rng.normal(size=shape) for shape in pairwise(sizes)]
    biases = [rng.normal(size=n) for n in sizes[1:]]
    X, Y = rng.normal(size=(9, 3)), rng.normal(size=(9, 2))

    def run(weights, biases, signal):
        for w, b in zip(weights[:-1], biases[:-1], strict=True):
            signal = np.tanh(signal @ w + b)
        raw = signal @ weights[-1] + biases[-1]
        return np.exp(raw) if scaling.through_exp else raw

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


@pytest.mark.parametrize("kind", [Moments, Magnitude])
@pytest.mark.parametrize("both", [False, True])
def test_parts_make_the_whole(data, kind, both):
    values, weights = data
    rows = np.arange(N)

    def measured(rows):
        targets = kind.measure(values[:, :2], rows, weights) if both else None
        return Scaling(Moments.measure(values, rows, weights), targets, through_exp=both)

    whole = measured(rows).settled()
    parts = measured(rows[:100]).merged(measured(rows[100:])).settled()
    assert parts.through_exp == both
    assert (parts.targets is None) == (not both)
    for one, other in ((parts.inputs, whole.inputs), (parts.targets, whole.targets)):
        if one is not None:
            np.testing.assert_allclose(one.mean, other.mean, rtol=1e-12)
            np.testing.assert_allclose(one.scale, other.scale, rtol=1e-10)
