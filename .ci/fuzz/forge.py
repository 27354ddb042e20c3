"""Mutations of files, skops files and plain states that know how these are built."""

import copy
import hashlib
import io
import json
import math
import sys
import zipfile
from pathlib import Path

import numpy as np
import skops.io
from scipy import sparse
from sklearn.linear_model import LinearRegression

from skbackprop import Activation, BackpropClassifier, BackpropRegressor
from skbackprop.persistence import save

sys.path.insert(0, str(Path(__file__).parents[2] / "tests"))
import make_saved_models as saved

MAGIC, DIGEST = b"SKBPROP\n", 32
NUMBERS = [
    0, 1, -1, 2, 3, 7, 255, 2**31 - 1, 2**31, 2**32, 2**53, 2**53 + 1, 2**62, 2**63 - 1, 2**63,
    2**64 - 1, 2**64, -(2**63), -(2**63) - 1, 10**30, 0.0, -0.0, 0.5, 1.0, -1.0, 3.0, 1e-320,
    1e-300, 1e300, 1.7976931348623157e308,
]  # fmt: skip
JSON_VALUES = [
    *NUMBERS, None, True, False, "", "nan", "auto", "softmax", "relu", "log_loss", "LBFGS",
    "\0", "\ud800", "\N{GRINNING FACE}", "x" * 1000, [], {}, [[]], [0], ["a"], {"array": 0},
    {"array": -1}, {"array": 10**9}, {"scalar": 0}, {"float": "nan"}, {"float": "inf"},
    {"float": "-inf"}, {"float": "1"}, {"tuple": []}, {"tuple": [1, 2]}, {"object": {}},
    {"dict": [[], []]}, {"dict": [[0, 1], [1.0, 2.0]]}, {"dict": [["a"], [1]]},
    {"objects": ["a", "b"]}, {"strings": [0, 1]}, {"floats": 0}, {"integers": 0},
    {"random_state": {"object": {}}}, {"object": {"a": {"object": {}}}},
]  # fmt: skip
PYTHON_VALUES = [
    *NUMBERS, math.nan, math.inf, -math.inf, None, True, False, "", "auto", "relu", "\ud800",
    [], {}, (), [[]], (0,), ("a",), {"a": 1}, set(), {1, 2}, b"ab", 1j, slice(2), len, int,
    np.int8(3), np.uint64(2**63), np.float32(0.1), np.float16("nan"), np.bool_(True),
    np.str_("relu"), np.datetime64("2020"), np.zeros(0), np.zeros((0, 3)), np.array(1.0),
    np.array([None, 1], dtype=object), np.array(["a", "b"], dtype=object), np.array(["a", "b"]),
    np.array([b"a"]), np.zeros(2, dtype="i4,f8"), np.ma.masked_array([1.0, 2.0], [0, 1]),
    np.array([1.0, np.nan]), np.arange(3), np.zeros(3, dtype=complex), np.random.RandomState(1),
    sparse.csr_array(np.eye(2)), LinearRegression(),
]  # fmt: skip
DTYPES = ["?", "i1", "u1", "i2", "i4", "i8", "u8", "f2", "f4", "f8", ">f8", ">i4", "U3", "O"]
SPECIAL = [math.nan, math.inf, -math.inf, 0.0, -0.0, 1e-320, 1e300, -1e300, 1e19, -1.0, 0.5]


def own():
    """A fitted estimator with an activation that is not built in; no file can hold it."""
    activation = Activation("sine", np.sin, np.cos, of="input")
    reg = BackpropRegressor((2,), activation=activation, max_iter=2, tol=None)
    return reg.fit(*next(saved.cases())[2:])


def seeds():
    """Fitted estimators of every kind."""
    X, y = next(saved.cases())[2:]
    more = {
        "deep": {"hidden_layer_sizes": (3, 2), "activation": ["mish", "elu"]},
        "none": {"hidden_layer_sizes": (), "loss": "squared_error", "standardize": False},
        "generator": {"random_state": np.random.RandomState(1), "shuffle": np.True_},
    }
    common = {"max_iter": 3, "tol": None}
    for name, estimator, inputs, targets in saved.cases():
        yield name, estimator.fit(inputs, targets)
    for name, parameters in more.items():
        yield name, BackpropClassifier(**common | parameters).fit(X, y)
    labels = np.array(["rye", "oats \N{SNOWMAN}"], dtype=object)[y]
    yield "objects", BackpropClassifier((2,), **common, early_stopping=True).fit(X, labels)
    stream = BackpropClassifier((2,), class_weight="balanced", grow_classes=True)
    for row in range(8):
        stream.partial_fit(X[row : row + 1], y[row : row + 1] * 10)
    yield "stream", stream


# ---- Trees ----


def places(tree, place=()):
    """Every place in a tree of dictionaries, lists and tuples."""
    yield place
    if isinstance(tree, dict):
        items = list(tree.items())
    else:
        items = list(enumerate(tree)) if isinstance(tree, (list, tuple)) else []
    for name, value in items:
        yield from places(value, (*place, name))


def get(tree, place):
    """The value at a place."""
    for name in place:
        tree = tree[name]
    return tree


def put(tree, place, value):
    """The tree with another value at a place; `DELETED` takes it away."""
    if not place:
        return tree if value is DELETED else value
    name, *rest = place
    if isinstance(tree, tuple):
        return tuple(put(list(tree), place, value))
    inner = value if not rest else put(tree[name], rest, value)
    changed = dict(tree) if isinstance(tree, dict) else list(tree)
    if inner is DELETED:
        del changed[name]
    else:
        changed[name] = inner
    return changed


DELETED = object()


def choose(rng, items):
    """One of the items."""
    return items[rng.integers(len(items))]


def change_number(rng, value):
    """A number near by, or of another kind."""
    return choose(
        rng,
        [value + 1, value - 1, -value, value * 2, float(value) if abs(value) < 2**60 else 0.5,
         bool(value), str(value), [value], choose(rng, NUMBERS)],
    )  # fmt: skip


def change_array(rng, array):
    """An array of other values, another shape, another dtype or another layout."""
    change = rng.integers(8)
    if change == 0 and array.size:
        changed = array.copy()
        with np.errstate(all="ignore"):
            try:
                changed.flat[rng.integers(array.size)] = choose(rng, SPECIAL)
            except (ValueError, OverflowError, TypeError):
                return array[::-1]
        return changed
    if change == 1 and array.size:
        raw = bytearray(np.ascontiguousarray(array).tobytes())
        for _ in range(rng.integers(1, 5)):
            raw[rng.integers(len(raw))] = rng.integers(256)
        if array.dtype.kind == "O":
            return array[::-1]
        return np.frombuffer(bytes(raw), dtype=array.dtype).reshape(array.shape)
    if change == 2:
        with np.errstate(all="ignore"):
            try:
                return array.astype(choose(rng, DTYPES))
            except (ValueError, TypeError, OverflowError):
                return array[:0]
    if change == 3 and array.ndim:
        return array[: rng.integers(array.shape[0] + 1)]
    if change == 4 and array.ndim:
        return np.concatenate([array, array])
    if change == 5:
        return choose(rng, [array[None], array.reshape(-1), array.reshape(-1)[:1].reshape(())]
                      if array.size else [array[None]])  # fmt: skip
    if change == 6 and array.ndim:
        return np.repeat(array, 2, axis=0)[::2]
    return np.sort(array, axis=None) if array.dtype.kind in "biuf" else array[..., ::-1]


def change_tree(rng, tree, values, others):
    """A tree with one change: a value, a name, a place, or a part of another tree."""
    place = choose(rng, list(places(tree))[1:] or [()])
    value = get(tree, place)
    change = rng.integers(10)
    if change < 4 and isinstance(value, (int, float)) and not isinstance(value, bool):
        return put(tree, place, change_number(rng, value))
    if change < 6 and isinstance(value, np.ndarray):
        return put(tree, place, change_array(rng, value))
    if change == 6:
        return put(tree, place, DELETED)
    if change == 7:  # a part of another seed, at the same place if there is one
        other = choose(rng, others)
        try:
            return put(tree, place, get(other, place))
        except (LookupError, TypeError):
            return put(tree, place, get(other, choose(rng, list(places(other)))))
    if change == 8:
        return put(tree, place, get(tree, choose(rng, list(places(tree)))))
    if change == 9 and isinstance(value, dict):
        name = choose(rng, ["a", "weight_offsets", "_params", "loss", "predict", "code", ""])
        return put(tree, place, value | {name: choose(rng, values)})
    if change == 9 and isinstance(value, (list, tuple)):
        return put(tree, place, type(value)([*value, *value[-1:]]))
    return put(tree, place, choose(rng, values))


def some(rng):
    """How many changes to make."""
    return choose(rng, [1, 1, 1, 2, 3, 6])


# ---- Files ----


def parts_of(content):
    """The header and the arrays of a file."""
    length = int.from_bytes(content[8:16], "little")
    header, at, arrays = json.loads(content[16 : 16 + length]), 16 + length, []
    for entry in header["arrays"]:
        dtype = np.dtype(entry["dtype"])
        size = math.prod(entry["shape"]) * dtype.itemsize
        array = np.frombuffer(content[at : at + size], dtype=dtype)
        arrays.append(array.reshape(entry["shape"]))
        at += size
    return header, arrays


def assemble(header, arrays):
    """A file with a right checksum."""
    text = json.dumps(header, separators=(",", ":")).encode()
    body = [MAGIC, len(text).to_bytes(8, "little"), text, *(a.tobytes() for a in arrays)]
    return sign(b"".join(body))


def describe(header, k, array):
    """The header with the dtype and the shape of another array."""
    entry = {"dtype": array.dtype.str, "shape": list(array.shape)}
    try:
        return put(header, ("arrays", k), entry)
    except (LookupError, TypeError):  # the header has lost its arrays
        return header


def sign(body):
    """The body of a file with its checksum."""
    return body + hashlib.sha256(body).digest()


def file_of(estimator, folder):
    """The content of an estimator's file."""
    path = Path(folder) / "seed"
    save(estimator, path)
    return path.read_bytes()


def forge_file(rng, content, others):
    """A forged file.

    Parameters
    ----------
    rng : numpy Generator
    content : bytes
        That of a sound file.
    others : list of headers
        From which parts are taken.
    """
    header, arrays = parts_of(content)
    arrays = list(arrays)
    for _ in range(some(rng)):
        if rng.random() < 0.3:
            k = int(rng.integers(len(arrays)))
            changed = change_array(rng, arrays[k])
            if changed.dtype.kind != "O":
                arrays[k] = changed.astype(changed.dtype.newbyteorder("<"))
                header = describe(header, k, arrays[k])
        else:
            header = change_tree(rng, header, JSON_VALUES, others)
    forged = assemble(header, arrays)
    if rng.random() < 0.1:
        body = bytearray(forged[:-DIGEST])
        for _ in range(some(rng)):
            body[rng.integers(len(body))] = rng.integers(256)
        forged = sign(bytes(body))
    return forged


# ---- States of pickles, and files of skops ----


def forge_state(rng, state, others):
    """The state of a pickle, forged."""
    for _ in range(some(rng)):
        state = change_tree(rng, state, PYTHON_VALUES, others)
    return copy.deepcopy(state)


def forge_skops(rng, content, others):
    """A file of skops whose schema or arrays are forged."""
    target = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            inside = old.read(name)
            if name == "schema.json":
                schema = json.loads(inside)
                for _ in range(some(rng)):
                    if rng.random() < 0.8:
                        schema = change_tree(rng, schema, JSON_VALUES, others)
                inside = json.dumps(schema)
            elif rng.random() < 0.15:
                array = np.load(io.BytesIO(inside), allow_pickle=False)
                changed = change_array(rng, array)
                if changed.dtype.kind != "O":
                    buffer = io.BytesIO()
                    np.save(buffer, changed)
                    inside = buffer.getvalue()
            new.writestr(name, inside)
    return target.getvalue()


def schema_of(content):
    """The schema of a file of skops."""
    with zipfile.ZipFile(io.BytesIO(content)) as file:
        return json.loads(file.read("schema.json"))


def skops_of(estimator):
    """The content of an estimator's file of skops."""
    return skops.io.dumps(estimator)
