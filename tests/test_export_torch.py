"""To PyTorch and back. `nox -s torch` runs these: PyTorch is too large for every test run."""

import doctest
import io
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import architectures

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop._engine.activations import ACTIVATIONS, OUTPUT_ACTIVATIONS
from skbackprop._preprocessing.categories import as_numbers
from skbackprop.export import from_torch, to_torch

NAMES = [row.name for row in ACTIVATIONS]
OUTPUTS = [row.name for row in OUTPUT_ACTIVATIONS]
QUICK = {"hidden_layer_sizes": (5, 3), "max_iter": 2, "tol": None, "random_state": 0}
KINDS = ["regression", "targets", "binary", "multiclass", "multilabel", "multioutput"]


def data(kind, dtype=np.float64):
    rng = np.random.default_rng(0)
    X = (rng.normal(size=(40, 4)) * [1, 10, 0.1, 3] + [0, 5, 0, -2]).astype(dtype)
    y = {
        "regression": X[:, 0] * 3 + 10,
        "targets": np.abs(X[:, :2]),
        "binary": np.array(["no", "yes"])[np.arange(40) % 2],
        "multiclass": np.arange(40) % 3,
        "multilabel": (rng.random((40, 3)) < 0.5).astype(int),
        "multioutput": np.column_stack([np.arange(40) % 3, np.arange(40) % 2]),
    }[kind]
    return X, y


def fit(kind, dtype=np.float64, **parameters):
    estimator = BackpropRegressor if kind in KINDS[:2] else BackpropClassifier
    return estimator(**{**QUICK, **parameters}).fit(*data(kind, dtype))


def outputs(model, X):
    """What the module should give."""
    if isinstance(model, BackpropRegressor):
        return model.predict(X).reshape(len(X), -1)
    if model._network.output_activation != "softmax":
        return model.get_activations(X)
    p = model.predict_proba(X)
    return np.hstack(p) if isinstance(p, list) else p


def run(module, X):
    import torch

    with torch.no_grad():
        return module(torch.from_numpy(X)).numpy()


def same_estimator(found, model, X, rtol=1e-10):
    assert type(found) is type(model)
    if isinstance(model, BackpropRegressor):
        np.testing.assert_allclose(found.predict(X), model.predict(X), rtol=rtol, atol=rtol)
    else:
        np.testing.assert_array_equal(found.predict(X), model.predict(X))
        np.testing.assert_allclose(
            found.predict_proba(X), model.predict_proba(X), rtol=rtol, atol=rtol
        )


def back(module, kind, model):
    if kind == "multilabel":
        return from_torch(module, multilabel=True)
    return from_torch(module, classes=getattr(model, "classes_", None))


@pytest.mark.torch
@pytest.mark.parametrize("activation", NAMES)
@pytest.mark.parametrize("kind", KINDS)
def test_torch_there_and_back(kind, activation):
    X, y = data(kind)
    model = fit(kind, activation=activation)
    module = to_torch(model)
    np.testing.assert_allclose(run(module, X), outputs(model, X), rtol=1e-10, atol=1e-12)
    if kind != "multioutput":
        for found in (
            back(module, kind, model),
            back(to_torch(model, raw_output=True), kind, model),
        ):
            same_estimator(found, model, X)
            found.set_params(max_iter=1).partial_fit(X, y)


@pytest.mark.torch
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_torch_inputs_are_clipped(dtype):
    X, y = data("targets", dtype)
    X[[3, 14, 15], [0, 1, 1]] = -999
    model = BackpropRegressor(**QUICK).fit(X, y)
    assert model._scaling.inputs.limits is not None
    X = np.vstack([X, X[:3] * 1e6]).astype(dtype)
    rtol = 1e-10 if dtype == np.float64 else 1e-4
    np.testing.assert_allclose(run(to_torch(model), X), outputs(model, X), rtol=rtol)


@pytest.mark.torch
@pytest.mark.parametrize("kind", KINDS)
def test_torch_float32(kind):
    import torch

    X, _ = data(kind, np.float32)
    model = fit(kind, np.float32)
    module = to_torch(model)
    assert module[0].weight.dtype == torch.float32
    np.testing.assert_allclose(run(module, X), outputs(model, X), rtol=1e-4, atol=1e-5)


@pytest.mark.torch
@pytest.mark.parametrize("output", OUTPUTS)
@pytest.mark.parametrize("kind", ["targets", "multiclass"])
def test_every_output(kind, output):
    X, _ = data(kind)
    model = fit(
        kind, loss="squared_error", output_activation=output, activation="tanh",
        standardize=kind == "targets",
    )  # fmt: skip
    module = to_torch(model)
    np.testing.assert_allclose(run(module, X), outputs(model, X), rtol=1e-10, atol=1e-12)
    if output not in ("identity", "exp"):
        same_estimator(back(module, kind, model), model, X)


@pytest.mark.torch
@pytest.mark.parametrize(
    "parameters",
    [
        {"loss": "poisson"},
        {"loss": "quantile", "quantile": [0.1, 0.5, 0.9]},
        {"loss": "quantile", "quantile": [0.9, 0.1, 0.5]},
    ],
)
def test_torch_losses_of_a_regression(parameters):
    import torch

    X, _ = data("targets")
    model = fit("targets", activation="tanh", **parameters)
    module = to_torch(model)
    np.testing.assert_allclose(run(module, X), outputs(model, X), rtol=1e-10)
    file = io.BytesIO()
    torch.save(module, file)
    file.seek(0)
    again = torch.load(file, weights_only=False)
    np.testing.assert_array_equal(run(again, X), run(module, X))


@pytest.mark.torch
@settings(max_examples=50)
@given(
    network=architectures(NAMES),
    kind=st.sampled_from(KINDS[:-1]),
)
def test_torch_of_any_architecture(network, kind):
    X, _ = data(kind)
    model = fit(kind, **network)
    module = to_torch(model)
    np.testing.assert_allclose(run(module, X), outputs(model, X), rtol=1e-9, atol=1e-11)
    same_estimator(back(module, kind, model), model, X, rtol=1e-8)


@pytest.mark.torch
def test_modules_of_others():
    import torch

    nn = torch.nn
    torch.manual_seed(0)
    X = np.random.default_rng(0).normal(size=(20, 4)).astype(np.float32)
    inner = nn.Sequential(nn.Linear(4, 6, bias=False), nn.Dropout(0.3), nn.Softplus())
    two = nn.Sequential(nn.Flatten(), inner, nn.Linear(6, 5), nn.Linear(5, 2)).eval()
    clf = from_torch(two, classes=["no", "yes"])
    assert clf.n_outputs_ == 1
    expected = torch.softmax(two(torch.from_numpy(X)), 1).detach().numpy()
    np.testing.assert_allclose(clf.predict_proba(X), expected, rtol=1e-4, atol=1e-6)
    assert from_torch(two).predict(X).dtype == np.float32
    np.testing.assert_allclose(from_torch(two).predict(X), run(two, X), rtol=1e-4, atol=1e-6)
    # With what training goes on may be said.
    assert from_torch(two, loss="huber")._network.loss == "huber"
    clf = from_torch(two, classes=["no", "yes"], loss="squared_error")
    assert (clf.n_outputs_, clf._network.loss) == (2, "squared_error")


@pytest.mark.torch
def test_torch_refuses_what_it_cannot_hold():
    import torch

    nn = torch.nn
    linear = nn.Linear(3, 2)
    for parts, message in (
        ((linear, nn.Hardtanh()), "Hardtanh.* is not among"),
        ((linear, nn.LeakyReLU(0.2), linear), "LeakyReLU.* is not among"),
        ((linear, nn.GELU("tanh")), "GELU.* is not among"),
        ((nn.ReLU(), linear), "does not follow a linear layer"),
        ((linear, nn.ReLU(), nn.ReLU()), "does not follow a linear layer"),
        ((linear, nn.Softmax(1), nn.Linear(2, 2)), "for the output layer"),
        ((linear, nn.Softmax(1)), "classes must be given"),
        ((nn.Identity(),), "must have a linear layer"),
    ):
        with pytest.raises(ValueError, match=message):
            from_torch(nn.Sequential(*parts))
    with pytest.raises(ValueError, match="2 outputs, classes has 3"):
        from_torch(nn.Sequential(linear), classes=[1, 2, 3])
    with pytest.raises(ValueError, match="ascending"):
        from_torch(nn.Sequential(linear), classes=[2, 1])
    with pytest.raises(TypeError, match="Got Linear"):
        from_torch(linear)


@pytest.mark.torch
@pytest.mark.parametrize("function", [to_torch, from_torch])
def test_examples(function):
    """They are passed over where doctests run, which is without PyTorch."""
    text = function.__doc__.replace("# doctest: +SKIP", "")
    examples = doctest.DocTestParser().get_doctest(text, {}, function.__name__, None, 0)
    assert len(examples.examples) > 4
    assert doctest.DocTestRunner().run(examples).failed == 0


def test_a_missing_torch_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match=r"skbackprop\[torch\]"):
        to_torch(fit("regression"))
    with pytest.raises(ImportError, match=r"skbackprop\[torch\]"):
        from_torch(None)


@pytest.mark.torch
def test_torch_inputs_far_from_zero_are_refused_in_single_precision():
    X, y = data("binary", np.float32)
    far = X + np.float32([0, 0, 0, 1e6])
    model = BackpropClassifier(**QUICK).fit(far, y)
    with pytest.raises(ValueError, match="in column 3: fit on float64"):
        to_torch(model)
    model.fit(far.astype(np.float64), y)
    found = run(to_torch(model), far.astype(np.float64))
    np.testing.assert_allclose(found, outputs(model, far), rtol=1e-6)


@pytest.mark.torch
@pytest.mark.parametrize("encoding", ["none", "piecewise_linear"])
@pytest.mark.parametrize("kind", KINDS)
def test_torch_columns_are_encoded(kind, encoding):
    """Categories as codes, missing cells as NaN, and bins."""
    X, y = data(kind)
    X = np.column_stack([X, np.arange(40) % 7, np.arange(40) % 2])
    X[::8, 0] = X[1::9, 4] = np.nan
    estimator = BackpropRegressor if kind in KINDS[:2] else BackpropClassifier
    settings = QUICK | {"categorical_features": [4, 5], "numeric_encoding": encoding}
    model = estimator(**settings).fit(X, y)
    X = np.vstack([X, [[np.nan] * 4 + [0, 1], [1, 2, 3, 4, 99, -1], [1e6] * 4 + [3, 0.5]]])
    codes = as_numbers(X, model._input_encoder.levels)
    codes[-1, 5] = 0.5  # no code of a level
    np.testing.assert_allclose(run(to_torch(model), codes), outputs(model, X), rtol=1e-10)
