"""Files: they hold the whole estimator, and nothing that is not sound is read."""

import copy
import hashlib
import json
import math
import pickle
import random
import shutil
import tracemalloc
import warnings

import make_saved_models as saved
import numpy as np
import pandas as pd
import pytest
import scipy
import sklearn
from hypothesis import given, settings
from hypothesis import strategies as st
from packaging.version import Version
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LogisticRegression
from strategies import architectures, campaign

import skbackprop
from skbackprop import Activation, BackpropClassifier, BackpropRegressor
from skbackprop._engine.activations import ACTIVATIONS
from skbackprop.callbacks import Checkpoint
from skbackprop.persistence import load, save
from skbackprop.persistence._codec import Decoder, encode

QUICK = {"hidden_layer_sizes": (4,), "max_iter": 3, "tol": None, "random_state": 0}
NAMES = [row.name for row in ACTIVATIONS]


def data(kind="multiclass", n=40, dtype=np.float64):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 3)).astype(dtype)
    if kind == "regression":
        return X, X[:, 0] * 3 + 10
    if kind == "targets":
        return X, np.abs(X[:, :2]) + 1
    if kind == "multilabel":
        return X, (rng.random(size=(n, 3)) < 0.5).astype(int)
    if kind == "multioutput":
        return X, np.column_stack([np.arange(n) % 3, np.arange(n) % 2])
    if kind == "strings":
        return X, np.array(["oats", "rye", "wheat"])[np.arange(n) % 3]
    if kind == "objects":
        return X, np.array(["oats", "rye"], dtype=object)[np.arange(n) % 2]
    return X, np.arange(n) % (2 if kind == "binary" else 3)


REGRESSIONS = ("regression", "targets")
KINDS = [
    *REGRESSIONS,
    "binary",
    "multiclass",
    "multilabel",
    "multioutput",
    "strings",
    "objects",
]


def fit(kind="multiclass", dtype=np.float64, **parameters):
    estimator = BackpropRegressor if kind in REGRESSIONS else BackpropClassifier
    return estimator(**{**QUICK, **parameters}).fit(*data(kind, dtype=dtype))


def same_value(a, b):
    """Equal to the last bit, and of the same type, but that NumPy's float64 is a float."""
    if isinstance(a, float):
        a, b = float(a), float(b)
    assert type(a) is type(b)
    if isinstance(a, np.ndarray):
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(a, b)
    elif isinstance(a, np.random.RandomState):
        same_value(a.get_state(legacy=False), b.get_state(legacy=False))
    elif isinstance(a, dict):
        assert list(a) == list(b)
        same_value(list(a.values()), list(b.values()))
    elif isinstance(a, (list, tuple)):
        assert len(a) == len(b)
        for x, y in zip(a, b, strict=True):
            same_value(x, y)
    elif hasattr(a, "__dataclass_fields__"):
        for name in a.__dataclass_fields__:
            same_value(getattr(a, name), getattr(b, name))
    else:
        assert a == b or a != a


def round_trip(estimator, path):
    save(estimator, path)
    found = load(path)
    assert type(found) is type(estimator)
    state, back = estimator.__getstate__(), found.__getstate__()
    assert set(state) == set(back)
    for name in state:
        same_value(back[name], state[name])
    return found


# ---- Round trips ----


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_target(tmp_path, kind, dtype):
    model = fit(kind, dtype)
    found = round_trip(model, tmp_path / "model")
    X, _ = data(kind, dtype=dtype)
    same_value(found.predict(X), model.predict(X))


@pytest.mark.filterwarnings("ignore:Training stopped")
@pytest.mark.parametrize(
    "parameters",
    [
        {"solver": "adam"},
        {"solver": "sgd", "batch_size": 1},
        {"solver": "sgd", "momentum": 0.9},
        {"solver": "sgd", "momentum": 0.9, "nesterovs_momentum": False},
        {"solver": "sgd", "learning_rate": "adaptive", "tol": 10.0, "n_iter_no_change": 1},
        {"solver": "rmsprop", "dropout": 0.3},
        {"solver": "rprop"},
        {"solver": "lbfgs"},
        {"solver": "lm", "loss": "squared_error"},
        {"early_stopping": True, "n_iter_no_change": np.inf},
        {"early_stopping": True, "tol": 1e-4, "scoring": "accuracy"},
    ],
    ids=str,
)
def test_training_goes_on_bitwise(tmp_path, parameters):
    model = fit("multiclass", **{"warm_start": True, **parameters})
    found = round_trip(model, tmp_path / "model")
    X, y = data()
    for _ in range(2):
        model.fit(X, y), found.fit(X, y)
        for name in model.history_.keys() - {"seconds"}:
            same_value(found.history_[name], model.history_[name])
        same_value(found._train_state.params, model._train_state.params)
        same_value(found._train_state.solver_state, model._train_state.solver_state)
    same_value(found.coefs_, model.coefs_)


def test_partial_fit_goes_on_bitwise(tmp_path):
    X, y = data("strings")
    model = BackpropClassifier(**QUICK).partial_fit(X, y, classes=np.unique(y))
    found = round_trip(model, tmp_path / "model")
    same_value(found.partial_fit(X, y).coefs_, model.partial_fit(X, y).coefs_)


@pytest.mark.parametrize(
    ("kind", "parameters"),
    [
        ("regression", {"loss": "quantile", "quantile": [0.1, 0.5, 0.9]}),
        ("targets", {"loss": "quantile", "quantile": (0.2, 0.8)}),
        ("targets", {"loss": "poisson"}),
        ("regression", {"loss": "huber", "output_activation": "softplus"}),
        ("multiclass", {"class_weight": {0: 2.0, 1: 1, 2: 0.5}}),
        ("multiclass", {"random_state": np.random.RandomState(3)}),
        (
            "multiclass",
            {"hidden_layer_sizes": np.array([3, 2]), "activation": ["tanh", "mish"]},
        ),
        ("multiclass", {"hidden_layer_sizes": np.int64(3), "alpha": np.float32(0.1)}),
        ("multiclass", {"hidden_layer_sizes": ()}),
        (
            "multiclass",
            {
                "hidden_layer_sizes": (2,),
                "weight_init": ([np.ones((3, 2)), np.ones((2, 3))], [np.ones(2), np.ones(3)]),
            },
        ),
    ],
    ids=lambda parameters: ", ".join(parameters),
)
def test_every_kind_of_parameter(tmp_path, kind, parameters):
    round_trip(fit(kind, **parameters), tmp_path / "model")


def test_file_class_weights_of_a_stream(tmp_path):
    X, y = data("strings")
    model = BackpropClassifier(**QUICK, class_weight="balanced")
    model.partial_fit(X[:20], y[:20], classes=np.unique(y))
    found = round_trip(model, tmp_path / "model")
    same_value(found.partial_fit(X, y).coefs_, model.partial_fit(X, y).coefs_)


def test_names_of_inputs(tmp_path):
    X, y = data()
    frame = pd.DataFrame(X, columns=["length", "Breite", "largeur \N{SNOWMAN}"])
    found = round_trip(BackpropClassifier(**QUICK).fit(frame, y), tmp_path / "model")
    assert found.feature_names_in_.tolist() == frame.columns.tolist()
    found.predict(frame)


@settings(max_examples=30)
@given(
    network=architectures(NAMES),
    kind=st.sampled_from(KINDS),
    solver=st.sampled_from(["sgd", "adam", "amsgrad", "rmsprop", "rprop", "lbfgs"]),
)
def test_file_holds_any_architecture(tmp_path_factory, network, kind, solver):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # a neuron or two may be saturated
        model = fit(kind, solver=solver, max_iter=1, **network)
    round_trip(model, tmp_path_factory.getbasetemp() / "any")


def test_a_parameter_that_an_older_file_lacks(tmp_path):
    path = tmp_path / "model"
    save(fit(), path)
    rewrite(path, lambda header: header["parameters"].pop("class_weight"))
    assert load(path).class_weight is None


# ---- Files of earlier versions ----

FILES = sorted(saved.FOLDER.glob("*/*.skbp"))


def beside(path):
    """The data of a file, what it predicted, and what after more training."""
    with np.load(path.with_suffix(".npz")) as stored:
        return stored["X"], stored["y"], stored["predicted"], stored["after"]


def nearly(found, expected):
    """Equal but for the rounding of other processors and libraries."""
    tolerance = 1e-9 if expected.dtype == np.float64 else 1e-4
    np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}-{path.stem}")
def test_a_file_of_an_earlier_version(path, tmp_path):
    X, y, predicted, after = beside(path)
    found = load(path)
    nearly(saved.predictions(found, X), predicted)
    if path.stem != "checkpoint":
        again = saved.go_on(round_trip(found, tmp_path / "again"), X, y)
        if path.stem != "lbfgs" or Version(scipy.__version__) >= Version("1.17"):
            nearly(saved.predictions(again, X), after)
        else:  # steps as another SciPy takes them
            assert again.score(X, y) > found.score(X, y)
        assert np.abs(after - predicted).max() > 1e-3


@pytest.mark.skipif(sklearn.__version__ < "1.9", reason="callbacks came with scikit-learn 1.9")
@pytest.mark.parametrize(
    "path", [path for path in FILES if path.stem == "checkpoint"], ids=lambda p: p.parent.name
)
def test_a_checkpoint_of_an_earlier_version(path, tmp_path):
    X, y, _, after = beside(path)
    copied = shutil.copy(path, tmp_path)
    nearly(saved.predictions(Checkpoint(copied).resume(X, y), X), after)


def test_this_version_left_its_files():
    written = {path.stem for path in FILES if path.parent.name == skbackprop.__version__}
    assert written == {name for name, *_ in saved.cases()} | {"checkpoint"}
    assert sum(path.stat().st_size for path in FILES[0].parent.iterdir()) < 100_000


# ---- Writing ----


def own(z):
    return z


@pytest.mark.parametrize(
    "parameters",
    [
        {"weight_init": lambda fan_in, fan_out, rng: rng.normal(size=(fan_in + 1, fan_out))},
        {"activation": Activation("mine", own, np.ones_like)},
    ],
)
def test_functions_are_not_saved(tmp_path, parameters):
    (name,) = parameters
    with pytest.raises(TypeError, match=f"The '{name}' parameter cannot be saved"):
        save(fit(**parameters), tmp_path / "model")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"hidden_layer_sizes": np.array([4], dtype=object)}, "can hold strings alone"),
        pytest.param(
            {"learning_rate_init": np.longdouble("0.1")}, "hold an array of dtype float",
            marks=pytest.mark.skipif(np.longdouble(0).itemsize == 8, reason="float64 here"),
        ),
    ],
)  # fmt: skip
def test_numbers_that_other_machines_do_not_have_are_not_saved(tmp_path, parameters, message):
    with pytest.raises(TypeError, match=message):
        save(fit(**parameters), tmp_path / "model")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"class_weight": dict.fromkeys(range(4097), 1.0)}, "more than 4096 numbers as keys"),
        ({"class_weight": {(1, 2): 1.0}}, r"a dictionary with the key \(1, 2\)"),
        ({"max_iter": 2**64}, "integers of more than 64 bits"),
        ({"random_state": np.random.RandomState(np.random.PCG64(0))}, "MT19937 is kept"),
    ],
    ids=["many numbers", "a tuple as key", "large integer", "other generator"],
)
def test_save_refuses_what_load_would(tmp_path, parameters, message):
    model = fit().set_params(**parameters)
    with pytest.raises(TypeError, match=message):
        save(model, tmp_path / "model")
    model = fit(standardize=False)
    model.coefs_[0][0, 0] = np.nan
    with pytest.raises(ValueError, match="cannot be saved: train_state.params must be finite"):
        save(model, tmp_path / "model")
    assert not list(tmp_path.iterdir())


def test_save_takes_fitted_estimators_of_the_package_only(tmp_path):
    with pytest.raises(TypeError, match="LogisticRegression"):
        save(LogisticRegression(), tmp_path / "model")
    with pytest.raises(NotFittedError):
        save(BackpropClassifier(), tmp_path / "model")


# ---- Reading what is not sound ----


def sign(body):
    return body + hashlib.sha256(body).digest()


def rewrite(path, change):
    """Change the header of a file, and give it a right length and a right checksum."""
    content = path.read_bytes()
    length = int.from_bytes(content[8:16], "little")
    header = json.loads(content[16 : 16 + length])
    change(header)
    text = json.dumps(header).encode()
    body = content[:8] + len(text).to_bytes(8, "little") + text + content[16 + length : -32]
    path.write_bytes(sign(body))


def refused(path, message="cannot be loaded"):
    with pytest.raises(ValueError, match=message):
        load(path)


def test_any_changed_byte_is_noticed(tmp_path, record_property):
    path, random_ = tmp_path / "model", random.Random(0)
    save(fit(), path)
    good = path.read_bytes()
    changed = random_.sample(range(len(good)), 1500)
    cut = [*range(60), *random_.sample(range(60, len(good)), 200)]
    record_property("cases", len(changed) + len(cut) + 1)
    for at in changed:
        bad = bytearray(good)
        bad[at] ^= random_.randrange(1, 256)
        path.write_bytes(bad)
        refused(path)
    for length in cut:
        path.write_bytes(good[:length])
        refused(path)
    path.write_bytes(good + b"\0")
    refused(path, "checksum")


def still_an_estimator(path):
    """A file that is refused, or an estimator that works."""
    try:
        found = load(path)
    except ValueError as error:
        assert "cannot be loaded" in str(error)
        return False
    assert type(found) in (BackpropClassifier, BackpropRegressor)
    with np.errstate(all="ignore"):
        found.get_activations(np.zeros((2, found.n_features_in_)))
    return True


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_changed_bytes_with_a_right_checksum(tmp_path, record_property):
    """An author who signs what he forges: no crash, and nothing but our two classes."""
    path, random_ = tmp_path / "model", random.Random(0)
    record_property("cases", 2 * 1500)
    for kind in ("objects", "targets"):
        save(fit(kind), path)
        body = path.read_bytes()[:-32]
        length = int.from_bytes(body[8:16], "little")
        outcomes = []
        for _ in range(1500):
            bad = bytearray(body)
            for _ in range(random_.choice([1, 1, 2, 8])):
                bad[random_.randrange(8, 16 + length)] = random_.randrange(256)
            path.write_bytes(sign(bytes(bad)))
            outcomes.append(still_an_estimator(path))
        assert 0 < sum(outcomes) < len(outcomes)


HOSTILE = [
    None, True, -1, 0, 2**31, 2**63, 2**200, 1.5, 1e308, "", "os.system", [], {}, [[]],
    {"array": 10**9}, {"array": -1}, {"array": 0}, {"scalar": 0}, {"float": "1e5"},
    {"tuple": 5}, {"dict": [[{"dict": []}, 1]]}, {"record": "Popen", "fields": {}},
    {"record": "Adam", "fields": {}}, {"strings": [1], "dtype": "object"}, {"__reduce__": "os"},
    {"record": "LBFGS", "fields": {"tol": 1.0, "max_gradients": 1}},
]  # fmt: skip


def places(tree, place=()):
    """Every place in a JSON tree."""
    yield place
    items = tree.items() if isinstance(tree, dict) else enumerate(tree)
    for name, value in items:
        if isinstance(value, (dict, list)):
            yield from places(value, (*place, name))
        else:
            yield (*place, name)


def put(tree, place, value):
    *path, last = place
    for name in path:
        tree = tree[name]
    tree[last] = value


def test_forged_headers(tmp_path, record_property):
    """Each value of the header, in turn, replaced by what it should not be."""
    path, random_ = tmp_path / "model", random.Random(0)
    save(fit("objects"), path)
    content = path.read_bytes()
    length = int.from_bytes(content[8:16], "little")
    header = json.loads(content[16 : 16 + length])
    outcomes = []
    for place in list(places(header))[1:]:
        for value in random_.sample(HOSTILE, 14):
            forged = copy.deepcopy(header)
            put(forged, place, value)
            path.write_bytes(content)
            rewrite(path, lambda target, forged=forged: target.update(forged))
            outcomes.append(still_an_estimator(path))
    assert 0 < sum(outcomes) < len(outcomes) / 2
    record_property("cases", len(outcomes))


def fitted(header, *records):
    """What a header says of the fitted state, or of a record in it."""
    found = header["fitted"]["object"]
    for name in records:
        found = found[name]["object"]
    return found


def later(header):
    header.update(format_version=2, more=1)
    header["versions"]["skbackprop"] = "9.0"


def deep(header):
    header["parameters"]["tol"] = json.loads("[" * 900 + "]" * 900)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (later, "format 2, of skbackprop 9.0, is later than 1, which this version of it reads"),
        (lambda h: h.update(format_version="1"), "must be an integer >= 1. Got .1."),
        (lambda h: h.update(format_version=True), "must be an integer >= 1. Got True"),
        (lambda h: h.update(format_version=0), "must be an integer >= 1. Got 0"),
        (lambda h: h.update(estimator="Popen"), "must be one of .*BackpropClassifier.* Got"),
        (lambda h: h.update(estimator=["Popen"]), "must be one of .*BackpropClassifier.* Got"),
        (lambda h: h["parameters"].update(colour=1), r"unknown here: \['colour'\]"),
        (lambda h: h["parameters"].update(alpha=-1.0), "'alpha' parameter"),
        (lambda h: fitted(h).pop("n_iter_"), r"fitted state lacks or adds \['n_iter_'\]"),
        (lambda h: fitted(h).update(_more=1), r"fitted state lacks or adds \['_more'\]"),
        (
            lambda h: fitted(h, "_train_state", "counters").update(_more=1),
            r"counters lacks or adds \['_more'\]",
        ),
        (lambda h: h["arrays"][3].update(shape=[2**62]), "arrays are longer than the file"),
        (lambda h: h["arrays"][3].update(shape=[-1]), r"array 3 has the shape \[-1\]"),
        (lambda h: h["arrays"][3].update(dtype="|O8"), "array 3 has the dtype '|O8'"),
        (lambda h: h["arrays"].pop(), "arrays are shorter than the file|missing"),
        (lambda h: h.update(more=1), r"its header lacks or adds \['more'\]"),
        (deep, "its parameter 'tol' is not sound: a value is nested too deeply"),
        (
            lambda h: fitted(h, "_train_state").update(solver_state={"array": 0}),
            "an array is used twice",
        ),
        (lambda h: h["arrays"].append({"dtype": "<f8", "shape": [0]}), "an array is not used"),
    ],
)
def test_load_names_what_is_wrong(tmp_path, change, message):
    path = tmp_path / "model"
    save(fit(), path)
    rewrite(path, change)
    refused(path, message)


def test_forged_counters_and_history_are_refused(tmp_path):
    """As in states of pickles, all of which tests/test_serialization.py forges."""
    path = tmp_path / "model"
    save(fit(), path)
    content = path.read_bytes()
    for change, message in (
        (lambda h: fitted(h, "history_").pop("loss"), "history_ must have the columns"),
        (lambda h: fitted(h).update(n_features_in_=3.0), "n_features_in_ must be an integer"),
        (
            lambda h: fitted(h, "_train_state", "counters").update(samples=2**63 - 1),
            "train_state.counters.samples must be an integer >= 0 and <= ",
        ),
        (lambda h: h["parameters"].update(random_state=-1), "Seed must be between 0 and"),
        (lambda h: h["parameters"].update(random_state="x"), "cannot be used to seed"),
    ):
        path.write_bytes(content)
        rewrite(path, change)
        refused(path, message)


# ---- Reading in memory and time that are bounded ----


def forge(path, value, arrays=()):
    """A file whose parameter `tol` is this JSON, with more arrays, and the size of the file."""
    save(fit(), path)
    content = path.read_bytes()
    length = int.from_bytes(content[8:16], "little")
    header = json.loads(content[16 : 16 + length])
    first = len(header["arrays"])
    header["arrays"] += [{"dtype": a.dtype.str, "shape": a.shape} for a in arrays]
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False)
    text = text.replace('"tol":null', f'"tol":{value}')
    for k in range(len(arrays)):
        text = text.replace(f'"ARRAY{k}"', str(first + k))
    text = text.encode()
    parts = [content[:8], len(text).to_bytes(8, "little"), text, content[16 + length : -32]]
    path.write_bytes(sign(b"".join([*parts, *(array.tobytes() for array in arrays)])))
    return path.stat().st_size


def many(value, n=100_000):
    return f"[{','.join([value] * n)}]"


MANY_STRINGS = np.array(["x"] * 999 + ["x" * 500], dtype="U500")
EMOJI = np.frombuffer("\N{GRINNING FACE}".encode() * 100_000, np.uint8)
ONES, FOURS = np.ones(100_000, np.int64), np.full(100_000, 4)
KEYS = np.arange(100_000) * 7919
BOMBS = {
    "lists": (many("[]"), []),
    "lists in lists": (many("[[[[0]]]]"), []),
    "objects": (many("{}"), []),
    "tuples": (many('{"tuple":[]}'), []),
    "names": (many('{"object":{"a":1}}'), []),
    "other names": (f"{{{','.join(f'{chr(34)}{k}{chr(34)}:1' for k in range(100_000))}}}", []),
    "numbers": (many("1.5"), []),
    "text": (many('"ab"'), []),
    "long text": ('"' + "x" * 400_000 + "\N{GRINNING FACE}" + '"', []),
    "strings of one length": (many('{"array":"ARRAY0"}', 3), [MANY_STRINGS]),
    "letters": ('{"objects":{"strings":["ARRAY0","ARRAY1"]}}', [EMOJI, FOURS]),
    "no letters": ('{"objects":{"strings":["ARRAY0","ARRAY1"]}}', [EMOJI[:0], 0 * ONES]),
    "dict": ('{"dict":[{"integers":"ARRAY0"},{"floats":"ARRAY1"}]}', [KEYS, KEYS / 7.0]),
    "arrays": (many("0", 2), [np.zeros(0)] * 20_000),
}


@pytest.mark.parametrize("name", BOMBS)
def test_load_takes_a_small_multiple_of_the_size_of_a_file(tmp_path, name):
    """16 times, and 16 MiB, as the docstring says."""
    path = tmp_path / "model"
    size = forge(path, *BOMBS[name])
    tracemalloc.start()
    try:
        refused(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 16 * size + 2**24


def test_load_takes_no_string_for_longer_than_it_is(tmp_path):
    """Thousands of arrays of short strings, said to be long ones."""
    path = tmp_path / "model"
    forge(path, "null")
    rewrite(path, lambda header: header["arrays"][0].update(dtype="<U9999999"))
    refused(path, "its arrays are longer than the file")
    rewrite(path, lambda header: header["arrays"][0].update(dtype="<U" + "9" * 30))
    refused(path, "array 0 has the dtype '<U9999")


SAME_HASH = [k * (2**61 - 1) for k in range(1, 2000)]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        # What would be slow: a dictionary whose keys share a hash, and numbers of many digits.
        (json.dumps({"dict": [SAME_HASH, [0] * 1999]}), "which has not 64 bits"),
        ('{"dict":[[{"tuple":[1,2]}],[1]]}', "keys of a dict must be strings or numbers"),
        ('{"dict":[[[1]],[1]]}', "keys of a dict must be strings or numbers"),
        (json.dumps({"dict": [[*range(4097)], [0] * 4097]}), "at most 4096 numbers as keys"),
        ("1" + "0" * 100_000, "a number that is too long"),
        ("1." + "0" * 100_000, "a number that is too long"),
        ("1e999", "1e999, which is not finite"),
        ("[" * 50 + "]" * 50, "nested too deeply"),
        ("[" * 5_000 + "]" * 5_000, "nested too deeply"),
        ('{"tuple":' * 5_000 + "[]" + "}" * 5_000, "nested too deeply"),
        # What would be something else than was saved.
        ('{"dict":[[1,1],[1,2]]}', "a dict repeats a key"),
        ('{"dict":[[1],[1,2]]}', "a dict needs a value for each key"),
        ('{"dict":[1]}', "a dict needs two lists"),
        ('{"tuple":"ab"}', "a list must be a list"),
        ('{"object":[]}', "an object must be an object"),
        ('{"objects":[1]}', "a label must be a string"),
        ('{"float":"1"}', "must be 'nan', 'inf' or '-inf'"),
        ('{"popen":"ls"}', "a value is of an unknown kind, 'popen'"),
        ('{"array":0,"scalar":0}', "a value must have one kind. Got 2"),
        ('{"scalar":0}', r"a scalar must have the shape \(\)"),
        ('{"floats":"x"}', "an array is missing"),
        ('{"strings":[0]}', "strings need two arrays"),
        ('{"random_state":{"object":{}}}', "a random generator lacks or adds"),
    ],
    ids=str,
)  # fmt: skip
def test_load_refuses_values_that_save_does_not_write(tmp_path, value, message):
    path = tmp_path / "model"
    forge(path, value)
    refused(path, message)


@pytest.mark.parametrize(
    ("value", "arrays", "message"),
    [
        ('{"integers":"ARRAY0"}', [np.ones(2)], "a list must be of int64"),
        ('{"floats":"ARRAY0"}', [np.ones((2, 2))], "a list must be of float64"),
        (
            '{"strings":["ARRAY0","ARRAY1"]}',
            [np.zeros(2, np.uint8), np.array([1, 2])],
            "the lengths of strings do not add up",
        ),
        (
            '{"strings":["ARRAY0","ARRAY1"]}',
            [np.zeros(2, np.uint8), np.array([3, -1])],
            "the lengths of strings do not add up",
        ),
        (
            '{"strings":["ARRAY0","ARRAY1"]}',
            [np.array([0xFF], np.uint8), np.array([1])],
            "a string is not UTF-8",
        ),
        (
            '{"array":"ARRAY0"}',
            [np.array([2**31], np.uint32).view("U1")],
            "holds a character that is not Unicode",
        ),
    ],
)
def test_load_refuses_arrays_that_save_does_not_write(tmp_path, value, arrays, message):
    path = tmp_path / "model"
    forge(path, value, arrays)
    refused(path, message)


@pytest.mark.parametrize("shape", [[1] * 65, [2**62] * 10_000, [1.0], "3", {"0": 1}])
def test_load_refuses_shapes_of_many_dimensions(tmp_path, shape):
    path = tmp_path / "model"
    forge(path, "null")
    rewrite(path, lambda header: header["arrays"][0].update(shape=shape))
    refused(path, "array 0 has the shape|would take up to .* bytes of memory")


plain_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=20)
        | st.lists(st.text(), min_size=14, max_size=40)
        | st.lists(st.integers(-(2**63), 2**63 - 1), min_size=14, max_size=40)
        | st.lists(st.floats(), min_size=14, max_size=40)
        | st.lists(inner, max_size=20).map(tuple)
        | st.dictionaries(st.text(), inner, max_size=20)
        | st.dictionaries(st.integers(-(2**63), 2**63 - 1) | st.booleans(), inner, max_size=20)
    ),
    max_leaves=20,
)


@campaign(300)
@given(plain_values)
def test_codec_returns_the_value_that_it_was_given(value):
    arrays = []
    encoded = json.loads(json.dumps(encode(value, arrays), allow_nan=False))
    decode = Decoder(arrays)
    same_value(decode(encoded), value)
    assert not decode.unused


def test_load_refuses_bytes_that_are_no_boolean(tmp_path):
    path = tmp_path / "model"
    save(fit(shuffle=np.True_), path)
    assert load(path).shuffle == np.True_
    content = path.read_bytes()
    length = int.from_bytes(content[8:16], "little")
    described = json.loads(content[16 : 16 + length])["arrays"]
    number = [entry["dtype"] for entry in described].index("|b1")
    sizes = [np.dtype(e["dtype"]).itemsize * math.prod(e["shape"]) for e in described[:number]]
    body = bytearray(content[:-32])
    body[16 + length + sum(sizes)] = 2
    path.write_bytes(sign(bytes(body)))
    refused(path, "array 0 holds a boolean that is neither 0 nor 1")


def test_other_files(tmp_path):
    path = tmp_path / "model"
    path.write_bytes(pickle.dumps(fit()))
    refused(path, "not a file of skbackprop")
    text = b'{"format_version": 1, "format_version": 1}'
    path.write_bytes(sign(b"SKBPROP\n" + len(text).to_bytes(8, "little") + text))
    refused(path, "repeats a name")
    text = b'{"format_version": NaN}'
    path.write_bytes(sign(b"SKBPROP\n" + len(text).to_bytes(8, "little") + text))
    refused(path, "not JSON")
    path.write_bytes(sign(b"SKBPROP\n" + (2**63).to_bytes(8, "little") + b"{}"))
    refused(path, "header is longer than the file")
    text = b"[" * 200_000
    path.write_bytes(sign(b"SKBPROP\n" + len(text).to_bytes(8, "little") + text))
    refused(path)
    save(fit(), path)
    with pytest.raises(ValueError, match="max_bytes allows 100"):
        load(path, max_bytes=100)
    with pytest.raises(FileNotFoundError):
        load(tmp_path / "none")
