"""One step explained, against the textbook, the kernel and derivatives by definition."""

import sys

import numpy as np
import oracle
import pandas as pd
import pytest
from literals import NAMES
from scipy import sparse

from skbackprop import BackpropClassifier, BackpropRegressor, presets
from skbackprop._engine.hashing import kernel
from skbackprop._engine.regularization import Regularization
from skbackprop._engine.solvers import GradientDescent
from skbackprop._engine.training import run_epoch
from skbackprop.inspection import explain_step

PLAIN = {"solver": "sgd", "batch_size": 1, "alpha": 0.0, "clip_norm": None, "tol": None}
RNG = np.random.default_rng(0)
X = RNG.normal([1, -50, 0.1], [1, 9, 0.1], size=(60, 3))
SCORE = (X - X.mean(axis=0)) @ [1.0, -0.1, 5.0]

# Each kind of target, by the targets of all rows and the settings.
KINDS = {
    "two classes": (BackpropClassifier, np.where(SCORE > 0, "yes", "no"), {}),
    "three classes": (BackpropClassifier, np.digitize(SCORE, [-0.6, 0.6]) * 10, {}),
    "labels": (BackpropClassifier, np.column_stack([SCORE > 0, X[:, 0] > 1]).astype(int), {}),
    "squared error": (
        BackpropClassifier,
        np.digitize(SCORE, [-0.6, 0.6]),
        {"loss": "squared_error"},
    ),
    "one target": (BackpropRegressor, 1000 + 200 * SCORE, {}),
    "two targets": (BackpropRegressor, np.column_stack([SCORE, 50 * X[:, 0]]), {}),
    "raw targets": (BackpropRegressor, SCORE, {"standardize": False}),
    "two variables": (
        BackpropClassifier,
        np.column_stack([np.digitize(SCORE, [-0.6, 0.6]), X[:, 0] > 1]),
        {},
    ),
    "two quantiles": (
        BackpropRegressor,
        1000 + 200 * SCORE,
        {"loss": "quantile", "quantile": [0.1, 0.9]},
    ),
    "counts": (BackpropRegressor, np.exp(SCORE).round(), {"loss": "poisson"}),
    "logistic output": (
        BackpropRegressor,
        1 / (1 + np.exp(-SCORE)),
        {"output_activation": "logistic"},
    ),
}
BY_KIND = pytest.mark.parametrize("kind", KINDS)


def trained(kind, dtype=np.float64, **more):
    make, y, settings = KINDS[kind]
    settings = PLAIN | {"activation": ["tanh", "logistic"], **settings, **more}
    estimator = make((4, 3), **settings, learning_rate_init=1e-3, max_iter=5, random_state=0)
    return estimator.fit(X.astype(dtype), y), y


def packed(estimator, step):
    weights = [layer.weights_after for layer in step.layers]
    biases = [layer.biases_after for layer in step.layers]
    return estimator._network.pack(weights, biases, estimator._params.dtype)


# ---- The textbook ----


def textbook_network(output_biases):
    hidden = [[0.13436424411240122], [0.8474337369372327]]
    output = [[0.2550690257394217, 0.4494910647887381]]
    start = [hidden, output], [[0.763774618976614], output_biases]
    settings = presets.TEXTBOOK | {"weight_init": start, "learning_rate_init": 1e-300}
    clf = BackpropClassifier((1,), **settings)
    return clf.partial_fit([[1.0, 0.0]], [0], classes=[0, 1])


def test_published_outputs():
    step = explain_step(textbook_network([0.49543508709194095, 0.651592972722763]), [1, 0], 1)
    assert step.layers[0].outputs == pytest.approx([0.7105668883115941], abs=1e-15)
    assert step.layers[1].outputs == pytest.approx(
        [0.6629970129852887, 0.7253160725279748], abs=1e-15
    )


def test_published_deltas():
    """The textbook writes outputs into the neurons that this input does not give.

    It propagates back from outputs 0.621... and 0.657.... Deltas do not depend on the output
    biases, so we choose them such that the outputs are those.
    """
    hidden, stored = 0.7105668883115941, np.array([0.6213859615555266, 0.6573693455986976])
    weights = np.array([0.2550690257394217, 0.4494910647887381])
    biases = np.log(stored / (1 - stored)) - weights * hidden
    step = explain_step(textbook_network(biases), [1, 0], 1)
    first, last = step.layers
    np.testing.assert_allclose(first.outputs, [hidden], rtol=0, atol=1e-15)
    np.testing.assert_allclose(last.outputs, stored, rtol=0, atol=1e-15)
    np.testing.assert_allclose(
        last.deltas, [0.14619064683582808, -0.0771723774346327], rtol=0, atol=1e-15
    )
    np.testing.assert_allclose(first.deltas, [0.0005348048046610517], rtol=0, atol=1e-15)


# ---- The same step, computed otherwise ----


@BY_KIND
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    "writing", [pytest.param("compiled", marks=pytest.mark.compiled), "numpy"]
)
def test_agrees_with_the_engine(kind, dtype, writing):
    estimator, y = trained(kind, dtype)
    step = explain_step(estimator, X[7].astype(dtype), y[7], learning_rate=0.5)
    params, network = estimator._params.copy(), estimator._network
    epoch = run_epoch if writing == "numpy" else kernel.run_epoch
    loss = epoch(
        network, params, np.zeros((0, params.size), dtype), GradientDescent(), Regularization(),
        step.inputs.reshape(1, -1), step.target.reshape(1, -1), np.array([0]), 1, 0.5, 0,
    )  # fmt: skip
    tolerance = 1e-13 if dtype == np.float64 else 2e-5
    np.testing.assert_allclose(packed(estimator, step), params, rtol=tolerance, atol=tolerance)
    assert step.loss == pytest.approx(loss, rel=tolerance)
    assert packed(estimator, step).dtype == dtype


# The oracle knows the median alone, and one softmax.
@pytest.mark.parametrize(
    "kind", [k for k in KINDS if k not in ("two variables", "two quantiles")]
)
def test_gradients_are_derivatives(kind):
    estimator, y = trained(kind)
    step = explain_step(estimator, X[3], y[3])
    network = estimator._network
    weights = [layer.weights_before for layer in step.layers]
    biases = [layer.biases_before for layer in step.layers]
    slopes = oracle.gradient(
        weights, biases, network.activations, network.loss, network.output_activation,
        step.inputs, step.target,
    )  # fmt: skip
    ours = [layer.weight_gradients for layer in step.layers]
    ours += [layer.bias_gradients for layer in step.layers]
    for got, expected in zip(ours, slopes, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-10, atol=1e-13)


@BY_KIND
def test_loss_falls_as_the_gradient_says(kind):
    estimator, y = trained(kind)
    step = explain_step(estimator, X[3], y[3], learning_rate=1e-6)
    slopes = [layer.weight_gradients for layer in step.layers]
    slopes += [layer.bias_gradients for layer in step.layers]
    steepness = sum((slope**2).sum() for slope in slopes)
    assert (step.loss - step.loss_after) / 1e-6 == pytest.approx(steepness, rel=1e-4)


@BY_KIND
def test_is_what_partial_fit_does(kind):
    estimator, y = trained(kind)
    step = explain_step(estimator, X[11], y[11], learning_rate=1e-3)
    before = [a.copy() for a in (*estimator.coefs_, *estimator.intercepts_)]
    answer = estimator.get_activations(X[[11]])[0]
    np.testing.assert_allclose(step.prediction, answer, rtol=1e-12)
    estimator.partial_fit(X[[11]], y[[11]])
    after = [*estimator.coefs_, *estimator.intercepts_]
    for got, expected in zip([*step.coefs_after, *step.intercepts_after], after, strict=True):
        np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-14)
    answer = estimator.get_activations(X[[11]])[0]
    np.testing.assert_allclose(step.prediction_after, answer, rtol=1e-12)
    assert step.loss_after < step.loss
    assert any((a != b).any() for a, b in zip(before, after, strict=True))


@BY_KIND
def test_explanation_parts_agree_with_each_other(kind):
    estimator, y = trained(kind)
    step = explain_step(estimator, X[5], y[5])
    assert step.learning_rate == 1e-3
    signals = step.inputs
    for k, layer in enumerate(step.layers):
        np.testing.assert_array_equal(layer.signals, signals)
        sums = signals @ layer.weights_before + layer.biases_before
        np.testing.assert_allclose(layer.weighted_sums, sums, rtol=1e-12)
        np.testing.assert_allclose(
            layer.weight_gradients, np.outer(signals, layer.deltas), rtol=1e-12, atol=1e-16
        )
        np.testing.assert_allclose(
            layer.weights_after, layer.weights_before - 1e-3 * layer.weight_gradients
        )
        expected = (
            layer.outputs - step.target
            if k == 2
            else step.layers[k + 1].weights_before @ step.layers[k + 1].deltas
        )
        np.testing.assert_allclose(layer.errors, expected, rtol=1e-12, atol=1e-16)
        signals = layer.outputs


def test_leaves_the_estimator_alone():
    estimator, y = trained("three classes")
    params = estimator._params.copy()
    step = explain_step(estimator, X[0], y[0], learning_rate=100.0)
    step.layers[0].weights_before[:] = 0
    np.testing.assert_array_equal(estimator._params, params)


# ---- Forms of the row ----


def test_forms_of_a_row():
    estimator, y = trained("three classes")
    expected = str(explain_step(estimator, X[0], y[0]))
    for x in (X[[0]], list(X[0]), sparse.csr_matrix(X[[0]])):
        assert str(explain_step(estimator, x, y[0])) == expected
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    estimator.fit(frame, y)
    expected = str(explain_step(estimator, frame.iloc[[0]], y[0]))
    assert str(explain_step(estimator, frame.iloc[0], y[0])) == expected
    assert str(explain_step(estimator, X[0], y[0])) == expected
    with pytest.raises(ValueError, match=r"\['a', 'b', 'c'\], in this order. Got \['c', 'b'"):
        explain_step(estimator, frame.iloc[0][::-1], y[0])


# ---- What is shown ----


def test_frames():
    estimator, y = trained("three classes")
    step = explain_step(estimator, X[0], y[0])
    frame = step.to_frame()
    assert list(frame) == ["layer", "neuron", "source", "signal", "before", "gradient", "after"]
    assert len(frame) == 4 * 4 + 3 * 5 + 3 * 4
    np.testing.assert_allclose(
        frame.after, frame.before - step.learning_rate * frame.gradient, rtol=1e-14
    )
    chosen = frame.query("layer == 'hidden 2' and neuron == 'h1' and source == 'h3'")
    assert chosen.before.item() == step.layers[1].weights_before[3, 1]
    assert chosen.signal.item() == step.layers[0].outputs[3]
    chosen = frame.query("layer == 'output' and neuron == '20' and source == 'bias'")
    assert chosen.before.item() == step.layers[2].biases_before[2]
    assert chosen.signal.item() == 1
    neurons = step.to_frame(of="neurons")
    assert list(neurons) == ["layer", "neuron", "weighted_sum", "output", "error", "delta"]
    assert list(neurons.neuron) == ["h0", "h1", "h2", "h3", "h0", "h1", "h2", "0", "10", "20"]
    for name, column in (("output", "outputs"), ("delta", "deltas"), ("error", "errors")):
        values = np.concatenate([getattr(layer, column) for layer in step.layers])
        np.testing.assert_array_equal(neurons[name], values)


def test_printed_table():
    estimator, y = trained("three classes")
    lines = str(explain_step(estimator, X[0], y[0], learning_rate=0.25)).splitlines()
    assert lines[0] == "One step of gradient descent at learning rate 0.25"
    for title in ("hidden 1 layer, tanh", "hidden 2 layer, logistic", "output layer, softmax"):
        assert title in lines
    header = lines[lines.index("output layer, softmax") + 1].split()
    assert header == ["neuron", "weighted", "sum", "output", "error", "delta", "target"]
    row = next(line.split() for line in lines if line.split()[:1] == ["20"])
    step = explain_step(estimator, X[0], y[0])
    assert float(row[2]) == pytest.approx(step.layers[2].outputs[2], rel=1e-5)
    assert f"  ... and {4 * 4 - 12} more weights" in lines
    assert max(map(len, lines)) < 80


# ---- Refusals ----


@pytest.mark.parametrize(
    ("x", "y", "rate", "message"),
    [
        (X[:2], 0, None, "x must be one row. Got 2 rows"),
        (X[0, :2], 0, None, "x must have 3 entries, one per column. Got 2"),
        (X[0], 5, None, r"labels \[5\], which are not among the classes"),
        (X[0], 0, 0, "learning_rate must be None or a finite number > 0. Got 0"),
        (X[0], 0, True, "Got True"),
        ([1, np.inf, 2], 0, None, "Input x contains infinity"),
    ],
)
def test_explanation_refuses_bad_input(x, y, rate, message):
    estimator, _ = trained("three classes")
    with pytest.raises(ValueError, match=message):
        explain_step(estimator, x, y, learning_rate=rate)


def test_needs_pandas(monkeypatch):
    estimator, y = trained("three classes")
    step = explain_step(estimator, X[0], y[0])
    with pytest.raises(ValueError, match="of must be one of"):
        step.to_frame(of="layers")
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"skbackprop\[pandas\]"):
        step.to_frame()


def test_names_in_the_text_are_as_they_are():
    names = list(NAMES)
    inputs = pd.DataFrame(RNG.normal(size=(40, len(names))), columns=names)
    y = np.array(names, dtype=object)[np.arange(40) % len(names)]
    clf = BackpropClassifier((1,), max_iter=1, tol=None, random_state=0).fit(inputs, y)
    step = explain_step(clf, inputs.iloc[0], names[0])
    lines = str(step).splitlines()
    # A line for each neuron and each weight, a title and a heading for each table.
    assert len(lines) == 2 + 2 * 5 + (1 + len(names) + 1) + (len(names) + 12 + 1)
    columns = lines[7].index("source"), lines[7].index("signal")
    found = [line[slice(*columns)].strip() for line in lines[8 : 8 + len(names)]]
    assert [line.split("  ")[0] for line in found] == list(NAMES.values())
    assert set(step.to_frame()["source"]) >= set(names)
