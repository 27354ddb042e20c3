"""ONNX models, run by onnxruntime, give what the estimators give."""

import sys

import numpy as np
import onnxruntime
import pandas as pd
import pytest
import skl2onnx
from hypothesis import given, settings
from hypothesis import strategies as st
from literals import LABELS
from scipy.special import ndtr
from sklearn.compose import make_column_transformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler
from strategies import FLOATS, architectures

from skbackprop import Activation, BackpropClassifier, BackpropRegressor
from skbackprop._engine.activations import ACTIVATIONS, OUTPUT_ACTIVATIONS
from skbackprop._preprocessing.target_encoding import ClassEncoder
from skbackprop.export import _onnx_graph, register_onnx_converters, to_onnx

NAMES = [row.name for row in ACTIVATIONS]
OUTPUTS = [row.name for row in OUTPUT_ACTIVATIONS]
KINDS = ["regression", "targets", "binary", "multiclass", "multilabel", "multioutput"]
# What takes the inputs to a size of about one.
SIZES = np.array([1, 50, 0.1, 20])
QUICK = {"hidden_layer_sizes": (5, 3), "max_iter": 2, "tol": None, "random_state": 0}


def data(kind, dtype=np.float64):
    rng = np.random.default_rng(0)
    X = (rng.normal(size=(60, 4)) * [1, 10, 0.1, 3] + [0, 50, 0, -20]).astype(dtype)
    y = {
        "regression": X[:, 0] * 3,
        "targets": X[:, :2] / 10,
        "binary": np.array(["no", "yes"])[np.arange(60) % 2],
        "multiclass": np.arange(60) % 3 + 5,
        "multilabel": (rng.random((60, 3)) < 0.5).astype(int),
        "multioutput": np.column_stack([np.arange(60) % 3, np.arange(60) % 2]),
    }[kind]
    return X, y


def fit(kind, dtype=np.float64, divided_by=1, **parameters):
    estimator = BackpropRegressor if kind in KINDS[:2] else BackpropClassifier
    X, y = data(kind, dtype)
    return estimator(**{**QUICK, **parameters}).fit(X / np.asarray(divided_by, dtype), y)


def run(model, X):
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    if isinstance(X, pd.DataFrame):
        inputs = {name: X[[name]].to_numpy() for name in X}
    else:
        inputs = {session.get_inputs()[0].name: X}
    return session.run(None, inputs)


def same_answers(estimator, X, tolerance=1e-6, model=None):
    answers = run(model or to_onnx(estimator, X), X)
    predicted = estimator.predict(X)
    if not hasattr(estimator, "predict_proba"):
        (found,) = answers
        size = max(1.0, np.abs(predicted).max())
        np.testing.assert_allclose(
            found.reshape(predicted.shape), predicted, rtol=0, atol=tolerance * size
        )
        return
    labels, found = answers
    p = estimator.predict_proba(X)
    p = np.hstack(p) if isinstance(p, list) else p
    np.testing.assert_array_equal(labels, predicted)
    np.testing.assert_allclose(found, p, rtol=0, atol=tolerance)


@pytest.mark.parametrize("activation", NAMES)
@pytest.mark.parametrize("kind", KINDS)
def test_onnx_every_activation_and_target(kind, activation):
    X, _ = data(kind)
    same_answers(fit(kind, activation=activation), X, tolerance=1e-12)
    X, _ = data(kind, np.float32)
    same_answers(fit(kind, np.float32, activation=activation), X)


@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("kind", KINDS)
def test_squared_error_through_every_output(kind, output):
    X, _ = data(kind)
    settings = {"loss": "squared_error", "activation": "tanh", "standardize": False}
    model = fit(kind, divided_by=SIZES, **settings, output_activation=output)
    same_answers(model, X / SIZES, tolerance=1e-12)


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize(
    "parameters",
    [
        {"loss": "poisson"},
        {"loss": "huber"},
        {"loss": "quantile", "quantile": [0.1, 0.5, 0.9]},
        {"loss": "quantile", "quantile": [0.9, 0.1, 0.5]},
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", ["regression", "targets"])
def test_onnx_losses_of_a_regression(kind, parameters, standardize):
    X, y = data(kind)
    X = X / SIZES
    model = BackpropRegressor(**QUICK, **parameters, standardize=standardize, activation="tanh")
    model.fit(X, np.abs(y))
    same_answers(model, X, tolerance=1e-12)
    assert run(to_onnx(model, X), X)[0].shape[1:] == (model.predict(X).shape[1:] or (1,))


@pytest.mark.parametrize("kind", ["multiclass", "regression"])
def test_onnx_inputs_are_clipped(kind):
    X, y = data(kind)
    X[[3, 14, 15], [0, 1, 1]] = -999
    estimator = BackpropRegressor if kind == "regression" else BackpropClassifier
    model = estimator(**QUICK).fit(X, y)
    assert model._scaling.inputs.limits is not None
    same_answers(model, np.vstack([X, X[:3] * 1e6]))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_tiny_outputs_of_softplus_keep_their_ratios(dtype):
    weights = [np.array([[1.0, 1.1]])], [np.zeros(2)]
    model = BackpropClassifier(
        (), loss="squared_error", output_activation="softplus", standardize=False,
        weight_init=weights, learning_rate_init=1e-30, max_iter=1, tol=None,
    )  # fmt: skip
    X = np.linspace(-60, 60, 97, dtype=dtype)[:, None]
    model.fit(X / 60, np.arange(97) % 2)
    _, found = run(to_onnx(model, X), X)
    exact = np.logaddexp(0, X.astype(float) * [1, 1.1])
    exact /= exact.sum(axis=1, keepdims=True)
    np.testing.assert_allclose(model.predict_proba(X), exact, rtol=1e-5)
    np.testing.assert_allclose(found, exact, rtol=1e-5 if dtype == np.float32 else 1e-13)


def test_onnx_far_inputs_stay_finite():
    X, _ = data("multiclass")
    for loss in ("log_loss", "squared_error"):
        same_answers(fit("multiclass", loss=loss), np.vstack([X * 1e3, -X * 1e3]))


@settings(max_examples=30)
@given(
    network=architectures(NAMES),
    kind=st.sampled_from(KINDS),
    dtype=FLOATS,
)
def test_onnx_of_any_architecture(network, kind, dtype):
    X, y = data(kind)
    X = StandardScaler().fit_transform(X).astype(dtype)
    estimator = BackpropRegressor if kind in KINDS[:2] else BackpropClassifier
    model = estimator(
        **network, max_iter=1, tol=None,
    ).fit(X, y)  # fmt: skip
    same_answers(model, X)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", KINDS)
def test_pipelines(kind, dtype):
    X, y = data(kind, dtype)
    network = (BackpropRegressor if kind in KINDS[:2] else BackpropClassifier)(**QUICK)
    for scaler in (MinMaxScaler(), StandardScaler()):
        same_answers(make_pipeline(scaler, network).fit(X, y), X)


def test_columns_of_a_frame():
    X, y = data("binary", np.float32)
    frame = pd.DataFrame(X, columns=list("abcd"))
    frame["kind"] = np.array(["oats", "rye", "wheat"])[np.arange(60) % 3]
    network = BackpropClassifier(**QUICK)
    columns = make_column_transformer(
        (MinMaxScaler(), ["a", "b"]),
        (StandardScaler(), ["c", "d"]),
        (OneHotEncoder(), ["kind"]),
    )
    same_answers(make_pipeline(columns, network).fit(frame, y), frame)
    numbers = frame[list("abcd")]
    same_answers(BackpropClassifier(**QUICK).fit(numbers, y), numbers)


@pytest.mark.parametrize("labels", [[True, False], [-7, 2**40], ["ä", "b c"], [0.0, 2.0]])
@pytest.mark.parametrize("outputs", ["log_loss", "squared_error"])
def test_labels(labels, outputs):
    X, _ = data("binary")
    y = np.array(labels)[np.arange(60) % 2]
    same_answers(BackpropClassifier(**QUICK, loss=outputs).fit(X, y), X, tolerance=1e-12)
    y = y.astype(object) if y.dtype.kind == "U" else y
    same_answers(BackpropClassifier(**QUICK, loss=outputs).fit(X, y), X, tolerance=1e-12)


@pytest.mark.parametrize("name", [name for name in LABELS if name != "uint64"])
def test_labels_in_onnx_are_those_of_the_classifier(name):
    labels = LABELS[name]
    labels = np.array(labels, dtype=object) if isinstance(labels[0], str) else np.array(labels)
    X, _ = data("binary")
    model = BackpropClassifier(**QUICK).fit(X, labels[np.arange(60) % len(labels)])
    same_answers(model, X)
    outputs = to_onnx(model, X, options={"zipmap": "columns"}).graph.output
    assert len({each.name for each in outputs}) == len(model.classes_) + 1


@pytest.mark.parametrize("label", ["a\0", "\ud800", np.datetime64("2020-01-01")])
def test_labels_that_onnx_does_not_have_are_refused(label):
    X, _ = data("binary")
    model = BackpropClassifier(**QUICK).fit(X, np.arange(60) % 2)
    kind = object if isinstance(label, str) else None
    model._target_encoder = ClassEncoder("single", np.array([label, label], dtype=kind))
    with pytest.raises(ValueError, match="Class labels must be integers of 64 bits"):
        to_onnx(model, X)
    _, p = run(to_onnx(model, X, options={"zipmap": False, "nocl": True}), X)
    assert p.shape == (60, 2)


def test_weights_beyond_single_precision_are_refused_in_onnx():
    X, _ = data("binary")
    model = fit("binary")
    model._params[0] = 1e300
    assert to_onnx(model, X, options={"zipmap": False})
    with pytest.raises(ValueError, match=r"numbers up to 1e\+300, .* pass X in float64"):
        to_onnx(model, X.astype(np.float32))


def test_by_skl2onnx_itself():
    register_onnx_converters()
    X, _ = data("multiclass", np.float32)
    model = fit("multiclass", np.float32)
    converted = skl2onnx.to_onnx(model, X[:1])
    _, maps = run(converted, X)
    p = [[row[label] for label in model.classes_] for row in maps]
    np.testing.assert_allclose(p, model.predict_proba(X), atol=1e-6)
    older = to_onnx(model, X, target_opset=13)
    same_answers(model, X, model=older)
    (scaled,) = run(to_onnx(MinMaxScaler().fit(X), X), X)
    np.testing.assert_allclose(scaled, MinMaxScaler().fit_transform(X), atol=1e-5)


def test_the_normal_distribution_in_double():
    z = np.linspace(-30, 30, 60_001)
    u = np.abs(z) * np.sqrt(0.5)
    s = (2 - u) / (2 + u)
    value = np.polynomial.polynomial.polyval(s, _onnx_graph._erfcx_coefficients())
    tail = 0.5 * value * np.exp(-u * u)
    np.testing.assert_allclose(np.where(z > 0, 1 - tail, tail), ndtr(z), rtol=1e-12, atol=1e-15)


def own(z):
    return z


def test_onnx_refuses_what_it_cannot_hold(monkeypatch):
    X, _ = data("binary")
    with pytest.raises(ValueError, match="must be built in"):
        to_onnx(fit("binary", activation=Activation("mine", own, np.ones_like)), X)
    large = np.where(X[:, 0] > 0, np.uint64(2**63 + 1), np.uint64(1))
    with pytest.raises(
        ValueError, match=r"integers of 64 bits, .* Got \[1, 9223372036854775809\]"
    ):
        to_onnx(BackpropClassifier(**QUICK).fit(X, large), X)
    monkeypatch.setitem(sys.modules, "skl2onnx", None)
    with pytest.raises(ImportError, match=r"skbackprop\[onnx\]"):
        to_onnx(fit("binary"), X)


def test_every_row_of_the_engine_has_its_nodes():
    assert set(_onnx_graph.FUNCTIONS) == set(OUTPUTS)
