"""The C file: compiled without a warning, called from here, and compared number by number."""

import ctypes
import re
import shutil
import subprocess

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    MaxAbsScaler,
    MinMaxScaler,
    PolynomialFeatures,
    RobustScaler,
    StandardScaler,
)
from strategies import architectures

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop._engine.activations import ACTIVATIONS, OUTPUT_ACTIVATIONS, Activation
from skbackprop._preprocessing.categories import as_numbers
from skbackprop.export import _c_functions, _fixed_point, to_c
from skbackprop.export._fitted_view import read

HIDDEN = [row.name for row in ACTIVATIONS]
OUTPUTS = [row.name for row in OUTPUT_ACTIVATIONS]
TARGETS = ["binary", "multiclass", "multilabel", "multioutput", "regression"]
# Every activation, twice, with kinds of targets that change from one to the next.
PAIRS = [(HIDDEN[i % len(HIDDEN)], TARGETS[i % len(TARGETS)]) for i in range(2 * len(HIDDEN))]
C99 = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic", "-O1"]
QUICK = {"max_iter": 3, "tol": None, "random_state": 0}
ONLINE = {
    "solver": "sgd", "momentum": 0.0, "batch_size": 1, "shuffle": False, "alpha": 0.0,
    "standardize": False, "clip_norm": None, "learning_rate_init": 0.05,
}  # fmt: skip


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """Compile a file, and load it."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    assert compiler, "these tests need a C compiler"
    folder, count = tmp_path_factory.mktemp("c"), iter(range(10_000))

    def load(source):
        stem = folder / f"net{next(count)}"
        stem.with_suffix(".c").write_text(source, encoding="ascii")
        library = stem.with_suffix(".so")
        command = [compiler, *C99, "-shared", "-fPIC", f"{stem}.c", "-o", str(library), "-lm"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return Compiled(ctypes.CDLL(str(library)), "const double *x" in source)

    return load


class Compiled:
    """The functions of a compiled file, for arrays of rows."""

    def __init__(self, library, double):
        self.library = library
        self.dtype = np.float64 if double else np.float32
        self.real = ctypes.c_double if double else ctypes.c_float

    def rows(self, X):
        return np.ascontiguousarray(X, dtype=self.dtype)

    def predict(self, X):
        """The place of the class of each row."""
        return [self.library.net_predict(row.ctypes) for row in self.rows(X)]

    def fill(self, name, X, n_outputs, dtype=None):
        """What a function writes for each row."""
        out = np.full((len(X), n_outputs), 77, dtype=dtype or self.dtype)
        for row, answer in zip(self.rows(X), out, strict=True):
            getattr(self.library, name)(row.ctypes, answer.ctypes)
        return out

    def learn(self, X, y, rate):
        y = np.ascontiguousarray(y, dtype=self.dtype if y.dtype.kind == "f" else np.int32)
        for row, target in zip(self.rows(X), y, strict=True):
            target = int(target) if y.ndim == 1 and y.dtype == np.int32 else target.ctypes
            self.library.net_learn_one(row.ctypes, target, self.real(rate))


def data(kind, n=60, seed=0):
    """Inputs of unlike sizes, and targets of a kind."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, 4)) * [1, 10, 0.1, 3] + [0, 5, 0, -2]
    if kind == "regression":
        return X, np.column_stack([X[:, 0] * 3 + 100, np.abs(X[:, 1])])
    if kind == "multilabel":
        return X, (rng.random(size=(n, 3)) < 0.4).astype(int)
    if kind == "multioutput":
        return X, np.column_stack([rng.permutation(np.arange(n) % k) for k in (3, 2, 4)])
    return X, rng.permutation(np.arange(n) % (2 if kind == "binary" else 3)) + 5


def fit(kind, X, y, **parameters):
    estimator = BackpropRegressor if kind == "regression" else BackpropClassifier
    return estimator(**{**QUICK, **parameters}).fit(X, y)


def same_answers(net, model, kind, X, **tolerance):
    """Every answer of the compiled file against the model's."""
    if kind == "regression":
        expected = model.predict(X).reshape(len(X), -1)
        answers = net.fill("net_predict", X, expected.shape[1])
        np.testing.assert_allclose(answers, expected, **tolerance)
        return
    p = model.predict_proba(X)
    p = np.hstack(p) if kind == "multioutput" else p
    np.testing.assert_allclose(net.fill("net_predict_proba", X, p.shape[1]), p, **tolerance)
    if kind == "multilabel":
        labels = net.fill("net_predict", X, p.shape[1], np.int32)
        np.testing.assert_array_equal(labels, model.predict(X))
    elif kind == "multioutput":
        places = net.fill("net_predict", X, len(model.classes_), np.int32)
        labels = [classes[k] for classes, k in zip(model.classes_, places.T, strict=True)]
        np.testing.assert_array_equal(np.column_stack(labels), model.predict(X))
    else:
        np.testing.assert_array_equal(model.classes_[net.predict(X)], model.predict(X))


# ---- Inference ----


@pytest.mark.parametrize(("activation", "kind"), PAIRS)
def test_c_every_activation_and_target(build, kind, activation):
    X, y = data(kind)
    model = fit(kind, X, y, hidden_layer_sizes=(6, 5), activation=activation)
    same_answers(build(to_c(model, dtype="double")), model, kind, X, rtol=1e-12, atol=1e-14)
    single = fit(kind, X.astype(np.float32), y, hidden_layer_sizes=(6,), activation=activation)
    net = build(to_c(single))
    same_answers(net, single, kind, X.astype(np.float32), rtol=2e-5, atol=2e-6)


def test_c_far_inputs_stay_finite(build):
    X, y = data("multiclass")
    far = np.vstack([X * 1e4, -X * 1e4])
    for loss in ("log_loss", "squared_error"):
        model = fit("multiclass", X, y, loss=loss)
        same_answers(
            build(to_c(model, dtype="double")), model, "multiclass", far, rtol=1e-9, atol=1e-300
        )


@pytest.mark.parametrize("learn", [False, True])
@pytest.mark.parametrize(
    "scalers",
    [
        [MinMaxScaler((-1, 3))],
        [StandardScaler()],
        [StandardScaler(with_mean=False)],
        [StandardScaler(with_std=False), MaxAbsScaler()],
        [RobustScaler(), "passthrough", MinMaxScaler()],
        [RobustScaler(with_centering=False, with_scaling=False)],
    ],
    ids=str,
)
def test_scalers_are_absorbed(build, scalers, learn):
    X, y = data("multiclass")
    model = make_pipeline(*scalers, BackpropClassifier((5,), **QUICK)).fit(X, y)
    net = build(to_c(model, dtype="double", learn=learn))
    same_answers(net, model, "multiclass", X, rtol=1e-11, atol=1e-13)


@settings(max_examples=25)
@given(
    network=architectures(HIDDEN),
    kind=st.sampled_from(TARGETS),
    learn=st.booleans(),
)
def test_c_of_any_architecture(build, network, kind, learn):
    X, y = data(kind, seed=network["random_state"])
    model = fit(kind, X, y, max_iter=1, **network)
    net = build(to_c(model, dtype="double", learn=learn))
    same_answers(net, model, kind, X, rtol=1e-10, atol=1e-12)


def test_header_and_prefix(build, tmp_path):
    X, y = data("multiclass")
    model = fit("multiclass", X, y)
    (tmp_path / "seeds.c").write_text(to_c(model, prefix="seeds", learn=True))
    (tmp_path / "other.c").write_text(to_c(model, prefix="other", dtype="int8", X=X))
    (tmp_path / "main.c").write_text(
        '#define SEEDS_DECLARATIONS_ONLY\n#include "seeds.c"\n#include "other.c"\n'
        "#include <stdio.h>\n"
        "int main(void)\n{\n"
        "    float x[SEEDS_INPUTS] = {1, 2, 0, 3}, p[SEEDS_CLASSES];\n"
        "    seeds_predict_proba(x, p);\n    seeds_learn_one(x, 1, 0.1f);\n"
        '    printf("%ld %d", seeds_classes[seeds_predict(x)], other_predict(x));\n'
        '    printf(" %.6f\\n", p[0]);\n'
        "    return 0;\n}\n"
    )
    program = tmp_path / "program"
    files = [str(tmp_path / name) for name in ("main.c", "seeds.c")]
    subprocess.run(["gcc", *C99, *files, "-o", str(program), "-lm"], check=True)
    printed = subprocess.run([program], capture_output=True, text=True, check=True).stdout
    expected = model.predict_proba([[1, 2, 0, 3]])[0, 0]
    assert float(printed.split()[2]) == pytest.approx(expected, abs=2e-6)
    assert not re.search(r"\bnet_", to_c(model, prefix="seeds", learn=True))


def data_with_wild_values(kind):
    X, y = data(kind)
    X[[3, 14, 15], [0, 1, 1]] = -999
    return X, y


@pytest.mark.parametrize("scalers", [(), (MinMaxScaler((-2, 3)),)])
@pytest.mark.parametrize("kind", ["multiclass", "regression"])
def test_c_inputs_are_clipped(build, kind, scalers):
    X, y = data_with_wild_values(kind)
    model = make_pipeline(*scalers, fit(kind, X, y, hidden_layer_sizes=(5,))).fit(X, y)
    assert np.isfinite(model[-1]._scaling.inputs.limits[0]).sum() == 2
    further = np.vstack([X, X[:3] * 1e6])
    net = build(to_c(model, dtype="double"))
    same_answers(net, model, kind, further, rtol=1e-11, atol=1e-11)
    X, further = X.astype(np.float32), further.astype(np.float32)
    same_answers(build(to_c(model)), model, kind, further, rtol=1e-4, atol=1e-4)
    net = build(to_c(model, dtype="int16", X=X))
    same_answers(net, model, kind, X, rtol=0.02, atol=0.02)


# ---- Learning ----


def test_learning_clips_inputs(build):
    X, y = data_with_wild_values("multiclass")
    model = fit("multiclass", X, y, hidden_layer_sizes=(5,), **ONLINE | {"standardize": True})
    net = build(to_c(model, learn=True, dtype="double"))
    net.learn(X, model._target_encoder.encode(y), 0.05)
    for row, label in zip(X, y, strict=True):
        model.partial_fit([row], [label])
    same_answers(net, model, "multiclass", X, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(("activation", "kind"), PAIRS)
def test_learns_as_partial_fit_does(build, kind, activation):
    """1000 steps of online learning."""
    X, y = data(kind, n=50)
    X = StandardScaler().fit_transform(X)
    if kind == "regression":
        y = StandardScaler().fit_transform(y)
    learns_the_same(build, kind, X, y, steps=1000, activation=activation)


@pytest.mark.parametrize("encoding", ["none", "piecewise_linear"])
@pytest.mark.parametrize("kind", ["three classes", "regression"])
def test_columns_are_encoded(build, kind, encoding):
    """Categories, missing cells and bins, in predictions, in learning and in integers."""
    X, y = data(kind)
    X = np.column_stack([X, np.arange(60) % 7, np.arange(60) % 2])
    X[::8, 0] = X[1::9, 4] = np.nan
    settings = {"categorical_features": [4, 5], "numeric_encoding": encoding}
    model = fit(kind, X, y, **settings, solver="sgd", momentum=0, learning_rate_init=0.01)
    X_new = np.vstack([X, [[np.nan] * 4 + [0, 1], [1, 2, 3, 4, 99, -1], [1e6] * 4 + [3, 0.0]]])
    codes = as_numbers(X_new, model._input_encoder.levels)
    net = build(to_c(model, dtype="double", learn=True))
    expected = model.predict(X_new) if kind == "regression" else model.predict_proba(X_new)
    name = "net_predict" if kind == "regression" else "net_predict_proba"
    n = expected.shape[1]
    np.testing.assert_allclose(net.fill(name, codes, n), expected, rtol=1e-10)
    integers = build(to_c(model, dtype="int16", X=X))
    near = integers.fill(name, codes[:60], n)
    np.testing.assert_allclose(near, expected[:60], rtol=0.02, atol=0.02)
    places = y if kind == "regression" else np.searchsorted(model.classes_, y).astype(np.int32)
    for row in range(12):
        model.partial_fit(X[[row]], y[[row]])
    net.learn(codes[:12], places[:12], 0.01)
    expected = model.predict(X_new) if kind == "regression" else model.predict_proba(X_new)
    np.testing.assert_allclose(net.fill(name, codes, n), expected, rtol=1e-9)


def learns_the_same(build, kind, X, y, steps, rtol=1e-8, atol=1e-10, start=None, **parameters):
    model = start
    if model is None:
        model = fit(kind, X, y, **{**ONLINE, "hidden_layer_sizes": (5, 4), **parameters})
    net = build(to_c(model, dtype="double", learn=True))
    last = model[-1] if hasattr(model, "steps") else model
    inside = model[:-1].transform(X) if hasattr(model, "steps") else X
    places = np.searchsorted(last.classes_, y) if kind in ("binary", "multiclass") else y
    order = np.arange(steps) % len(X)
    # In one call: these are the same online steps.
    last.partial_fit(inside[order], y[order])
    net.learn(X[order], places[order], last.learning_rate_init)
    same_answers(net, model, kind, X, rtol=rtol, atol=atol)
    expected = [
        part.ravel()
        for W, b in zip(read(last).weights, read(last).biases, strict=True)
        for part in (W.T, b)
    ]
    expected = np.concatenate(expected)
    learned = np.array((ctypes.c_double * expected.size).in_dll(net.library, "net_parameters"))
    np.testing.assert_allclose(learned, expected, rtol=rtol, atol=atol)


@pytest.mark.parametrize(
    ("output", "kind"),
    [
        (output, kind)
        for i, output in enumerate(OUTPUTS)
        for kind in (TARGETS[i % 4], TARGETS[-1])
    ],
)
def test_learns_squared_error_through_every_output(build, kind, output):
    X, y = data(kind, n=50)
    X = StandardScaler().fit_transform(X)
    if kind == "regression":
        y = MinMaxScaler((0.1, 0.9)).fit_transform(y)
    learns_the_same(
        build, kind, X, y, steps=200, loss="squared_error", output_activation=output,
        activation="tanh", learning_rate_init=0.02,
    )  # fmt: skip


@pytest.mark.parametrize("output", ["identity", "logistic", "softplus"])
@pytest.mark.parametrize("loss", ["absolute_error", "huber", "quantile", "poisson"])
def test_learns_every_loss_of_a_regression(build, loss, output):
    X, y = data("regression", n=50)
    X = StandardScaler().fit_transform(X)
    y = MinMaxScaler((0.1, 3)).fit_transform(y)
    learns_the_same(
        build, "regression", X, y, steps=200, loss=loss, activation="tanh", quantile=0.3,
        output_activation="auto" if loss == "poisson" else output, learning_rate_init=0.02,
    )  # fmt: skip


@pytest.mark.parametrize("quantile", [[0.1, 0.5, 0.9], [0.5, 0.9, 0.05, 0.2]])
@pytest.mark.parametrize("standardize", [True, False])
def test_quantiles_never_cross(build, quantile, standardize):
    X, y = data("regression", n=50)
    X, y = StandardScaler().fit_transform(X), y / 10
    learns_the_same(
        build, "regression", X, y, steps=300, loss="quantile", quantile=quantile,
        standardize=standardize, activation="tanh",
    )  # fmt: skip


def test_poisson_with_standardized_counts(build):
    X, y = data("regression", n=50)
    learns_the_same(
        build, "regression", X, y, steps=200, loss="poisson", standardize=True,
        activation="tanh",
    )  # fmt: skip


@pytest.mark.parametrize("kind", TARGETS)
def test_learns_behind_scalers_with_penalty_and_clipping(build, kind):
    X, y = data(kind, n=50)
    network = BackpropRegressor if kind == "regression" else BackpropClassifier
    settings = {"standardize": True, "alpha": 0.01, "clip_norm": 0.5, "activation": "tanh"}
    model = make_pipeline(MinMaxScaler(), network((5,), **{**QUICK, **ONLINE, **settings})).fit(
        X, y
    )
    learns_the_same(build, kind, X, y, steps=200, start=model)


def test_learning_in_float_stays_near(build):
    """Row by row, as a stream comes."""
    X, y = data("multiclass", n=50)
    X = StandardScaler().fit_transform(X).astype(np.float32)
    model = fit("multiclass", X, y, **ONLINE, hidden_layer_sizes=(5,))
    net = build(to_c(model, learn=True))
    for row in range(len(X)):
        model.partial_fit(X[row : row + 1], y[row : row + 1])
    net.learn(X, np.searchsorted(model.classes_, y), model.learning_rate_init)
    same_answers(net, model, "multiclass", X, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("clip_norm", [1.0, 1e20, 1e30])
def test_learning_in_c_clips_gradients_whose_squares_overflow(build, clip_norm):
    start = [np.ones((2, 1))], [np.zeros(1)]
    X, y = np.array([[1e12, 2e12]], dtype=np.float32), np.array([-1e12], dtype=np.float32)
    settings = {**ONLINE, "clip_norm": clip_norm, "learning_rate_init": 0.1 / clip_norm}
    model = BackpropRegressor((), weight_init=start, max_iter=1, tol=None, **settings)
    model.fit(X * 0, y * 0)
    net = build(to_c(model, learn=True))
    net.learn(X, y[:, None], 0.1 / clip_norm)
    found = np.array((ctypes.c_float * 3).in_dll(net.library, "net_parameters"))
    expected = [1 - 0.1 / np.sqrt(5), 1 - 0.2 / np.sqrt(5), 0]
    if clip_norm < 1e25:  # the gradient is 5e24 long
        np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-12)
    model.partial_fit(X, y)
    np.testing.assert_allclose(found, model._params, rtol=1e-6, atol=1e-12)


# ---- Integers ----


def round_half_away(values):
    return (np.sign(values) * np.floor(np.abs(values) + 0.5)).astype(np.int64)


def integer_network(quantized, X):
    """The same arithmetic in NumPy; the weighted sums of the outputs."""
    width = quantized.width
    codes = (X.astype(np.float32) - quantized.center.astype(np.float32)) * (
        quantized.gain.astype(np.float32)
    )
    signal = round_half_away(np.clip(codes, -width.largest, width.largest))
    for layer in quantized.layers:
        sums = signal @ layer.weights.T + layer.biases
        if layer.multipliers is None:
            return sums.astype(np.float32) * layer.steps.astype(np.float32)
        products = sums * layer.multipliers
        half = 1 << (layer.shifts - 1)
        signal = np.sign(products) * ((np.abs(products) + half) >> layer.shifts)
        signal = np.clip(signal, layer.low, layer.high)
        if layer.table is not None:
            bits = 16 - width.segment_bits
            segment, part = np.divmod(signal + 32768, 2**bits)
            value = layer.table[segment] * (2**bits - part) + layer.table[segment + 1] * part
            shift = bits + width.fraction_bits
            value = np.sign(value) * ((np.abs(value) + (1 << (shift - 1))) >> shift)
            signal = np.clip(value, -width.largest, width.largest)


@pytest.mark.parametrize("dtype", ["int8", "int16"])
@pytest.mark.parametrize("activation", HIDDEN)
def test_integers_are_exact(build, activation, dtype):
    """Every bit as the arithmetic says, inside the range of X and beyond it."""
    X, y = data("regression", n=200)
    model = fit("regression", X, y, hidden_layer_sizes=(9, 4), activation=activation)
    net = build(to_c(model, dtype=dtype, X=X[:100]))
    scaling = read(model)
    center, gain = scaling.center, scaling.gain
    width = _fixed_point.WIDTHS[dtype]
    quantized = _fixed_point.quantize(scaling, center, gain, X[:100], width)
    beyond = np.vstack([X, 5 * X, -100 * X, np.full((1, 4), np.nan)])
    raw = integer_network(quantized, np.nan_to_num(beyond, nan=-1e30))
    expected = raw * scaling.target_scale.astype(np.float32) + (
        scaling.target_mean.astype(np.float32)
    )
    # The last step is in floats, where a compiler may join a product and a sum.
    np.testing.assert_allclose(net.fill("net_predict", beyond, 2), expected, rtol=1e-5)


@pytest.mark.parametrize(("activation", "kind"), PAIRS)
def test_integers_are_near(build, kind, activation):
    X, y = data(kind, n=300)
    model = make_pipeline(
        MinMaxScaler(),
        (BackpropRegressor if kind == "regression" else BackpropClassifier)(
            (8,), activation=activation, **QUICK
        ),
    ).fit(X, y)
    unit = np.std(y, axis=0) if kind == "regression" else 1.0
    expected = model.predict(X) if kind == "regression" else model.predict_proba(X)
    expected = np.hstack(expected) if kind == "multioutput" else expected
    name = "net_predict" if kind == "regression" else "net_predict_proba"
    for dtype, error in (("int16", 1e-3), ("int8", 0.1)):
        net = build(to_c(model, dtype=dtype, X=X))
        off = np.abs(net.fill(name, X, expected.shape[1]) - expected) / unit
        assert off.max() < error
        assert off.mean() < error / 4


def test_integers_classify_wheat(build, wheat):
    X, y = wheat
    model = BackpropClassifier((8,), activation="tanh", random_state=0, max_iter=200, tol=None)
    model.fit(X, y)
    for dtype, agreement in (("int16", 1.0), ("int8", 0.98)):
        net = build(to_c(model, dtype=dtype, X=X))
        assert np.mean(model.classes_[net.predict(X)] == model.predict(X)) >= agreement


def test_a_constant_input_in_integers(build):
    X, y = data("multiclass", n=100)
    X[:, 1] = 3.0
    model = fit("multiclass", X, y)
    same = build(to_c(model, dtype="int16", X=X)).fill("net_predict_proba", X, 3)
    np.testing.assert_allclose(same, model.predict_proba(X), atol=1e-3)


def test_integers_without_a_hidden_layer(build):
    X, y = data("binary", n=100)
    model = fit("binary", X, y, hidden_layer_sizes=())
    same = build(to_c(model, dtype="int16", X=X)).fill("net_predict_proba", X, 2)
    np.testing.assert_allclose(same, model.predict_proba(X), atol=1e-3)


# ---- What is refused ----


def test_every_row_of_the_engine_has_its_c():
    assert set(OUTPUTS) == set(_c_functions.VALUES) == set(_c_functions.SLOPES)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dtype": "int32"}, r"dtype must be one of .* Got 'int32'"),
        ({"dtype": "int8"}, "X must be given"),
        ({"X": [[0.0] * 4]}, "takes no X"),
        ({"dtype": "int8", "X": [[0.0] * 3]}, "X must have 4 columns, as in training. Got 3"),
        ({"dtype": "int8", "X": [[0.0] * 4], "learn": True}, "learn=True needs dtype"),
        ({"prefix": "1st"}, "prefix must begin with a letter .* Got '1st'"),
        ({"prefix": "a-b"}, "prefix must begin with a letter"),
    ],
)
def test_bad_options(options, message):
    X, y = data("binary")
    with pytest.raises(ValueError, match=message):
        to_c(fit("binary", X, y), **options)


def own_function(z):
    return z


def test_own_functions_stay_in_python():
    X, y = data("binary")
    own = Activation("mine", own_function, np.ones_like)
    with pytest.raises(ValueError, match="'activation' parameter must be built in .* 'mine'"):
        to_c(fit("binary", X, y, activation=own))


def test_integers_that_would_overflow():
    width = _fixed_point.WIDTHS["int8"]
    # 127 * 127 * 66572 and a bias of 30 bits are just below 2 ** 31.
    _fixed_point._integer_sums(np.zeros((66_572, 1)), np.zeros(1), width)
    with pytest.raises(ValueError, match="66573 inputs is too wide for int8"):
        _fixed_point._integer_sums(np.zeros((66_573, 1)), np.zeros(1), width)
    X, y = data("binary")
    X[:, 0] = 1.0
    model = fit("binary", X, y, hidden_layer_sizes=(2,), activation="relu")
    model._params[0] = 1e12  # of an input that does not vary in X, and so is no range
    with pytest.raises(ValueError, match="weights are too large, beside the range of X"):
        to_c(model, dtype="int8", X=X)


def test_bad_estimators():
    X, y = data("binary")
    with pytest.raises(TypeError, match="Got LogisticRegression"):
        to_c(LogisticRegression())
    with pytest.raises(NotFittedError):
        to_c(BackpropClassifier())
    with pytest.raises(ValueError, match="must be .* Got PolynomialFeatures"):
        to_c(make_pipeline(PolynomialFeatures(), BackpropClassifier(**QUICK)).fit(X, y))
    with pytest.raises(ValueError, match="'minmaxscaler' clips its output"):
        to_c(make_pipeline(MinMaxScaler(clip=True), BackpropClassifier(**QUICK)).fit(X, y))


def test_learning_checks_parameters_set_since_fit():
    clf = BackpropClassifier((2,), max_iter=1, tol=None).fit([[0.0], [1.0]], [0, 1])
    with pytest.raises(ValueError, match="The 'clip_norm' parameter"):
        to_c(clf.set_params(clip_norm=len), learn=True)
