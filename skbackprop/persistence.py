"""Fitted estimators in files that hold numbers and names, and nothing that runs.

A file is, from front to back:

====================  ============================================================
8 bytes               ``SKBPROP`` and a newline
8 bytes               the length of the header, little-endian
the header            JSON in UTF-8: the version of the format, the versions of the
                      packages, the class of the estimator, its parameters, its fitted
                      state, and dtype and shape of each array
the arrays            one after another, little-endian, in C order
32 bytes              the SHA-256 of everything before
====================  ============================================================

JSON has no tuples, arrays or infinities. Such values are objects with a single key that says
what they are, as in ``{"tuple": [5, 3]}`` or ``{"array": 0}``, which is the first array.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import secrets
import sys
from contextlib import suppress
from dataclasses import fields
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from sklearn.utils.validation import check_is_fitted

from .classifier import BackpropClassifier
from .engine.activations import ACTIVATIONS
from .engine.lbfgs import LBFGS
from .engine.levenberg_marquardt import LevenbergMarquardt
from .engine.losses import LOSSES
from .engine.network import Network
from .engine.schedules import Progress
from .engine.updaters import UPDATERS
from .labels import MULTILABEL, MULTIOUTPUT, SINGLE, Labels
from .parameters import check_parameters
from .regressor import BackpropRegressor
from .scaling import Scaling, Standardizer
from .session import Standing

if TYPE_CHECKING:
    from os import PathLike

    from .base import BaseBackprop

FORMAT_VERSION = 1
_MAGIC = b"SKBPROP\n"
_DIGEST = hashlib.sha256().digest_size
_FRAME = len(_MAGIC) + 8 + _DIGEST
_DTYPES = ("|b1", "|i1", "<i2", "<i4", "<i8", "|u1", "<u2", "<u4", "<u8", "<f2", "<f4", "<f8")
_ESTIMATORS = {kind.__name__: kind for kind in (BackpropClassifier, BackpropRegressor)}
_RECORDS = {
    kind.__name__: kind
    for kind in (
        Network, Standardizer, Scaling, Progress, Labels, LBFGS, LevenbergMarquardt, *UPDATERS,
    )
}  # fmt: skip
# NumPy gives every string the room of the longest.
_MOST_CHARACTERS = 2**24
# The fitted attributes that are kept as they are.
_PLAIN = ("_network", "_scaling", "_examined", "n_iter_", "converged_", "engine_",
          "n_features_in_", "history_")  # fmt: skip
_OF_TARGETS = {"BackpropClassifier": ("_labels",), "BackpropRegressor": ("_flat", "_n_targets")}
_OPTIONAL = ("feature_names_in_", "_class_totals")


def save(estimator: BaseBackprop, path: str | PathLike[str]) -> None:
    """Write a fitted estimator to a file.

    All that is needed to predict and to go on training is kept, bit by bit: parameters,
    weights, labels, names of inputs, what the update rule remembers, the random generator
    and the record of training. The file replaces an earlier one in one step, so that it is
    never there by halves.

    Parameters
    ----------
    estimator : BackpropClassifier or BackpropRegressor
        A fitted estimator. Pipelines and other estimators are for skops or joblib.
    path : str or path-like
        Where to write.

    Raises
    ------
    TypeError
        If `estimator` is of another class, or if a parameter is a function or another
        object that a file cannot hold.
    sklearn.exceptions.NotFittedError
        If it is not fitted.

    See Also
    --------
    load : Reads such a file.

    Notes
    -----
    What was set by `set_output`, by `set_fit_request` and its kin, and callbacks are not
    kept.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from skbackprop import BackpropRegressor
    >>> from skbackprop.persistence import load, save
    >>> reg = BackpropRegressor((3,), max_iter=5, random_state=0)
    >>> _ = reg.fit([[0.0], [1.0]], [0.0, 1.0])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save(reg, Path(folder) / "reg.skbp")
    ...     same = load(Path(folder) / "reg.skbp")
    >>> bool((same.predict([[0.5]]) == reg.predict([[0.5]])).all())
    True
    """
    name = type(estimator).__name__
    if _ESTIMATORS.get(name) is not type(estimator):
        raise TypeError(
            f"estimator must be one of {', '.join(_ESTIMATORS)}. Got {type(estimator)}."
        )
    check_is_fitted(estimator)
    arrays: list[np.ndarray] = []
    header = {
        "format_version": FORMAT_VERSION,
        "versions": {
            **{
                package: version(package) for package in ("skbackprop", "scikit-learn", "numpy")
            },
            "python": sys.version.split()[0],
        },
        "estimator": name,
        "parameters": _encode_parameters(estimator, arrays),
        "fitted": _encode_fitted(estimator, arrays),
    }
    header["arrays"] = [{"dtype": array.dtype.str, "shape": array.shape} for array in arrays]
    text = json.dumps(header, allow_nan=False, separators=(",", ":")).encode()
    body = b"".join(
        [_MAGIC, len(text).to_bytes(8, "little"), text, *(array.tobytes() for array in arrays)]
    )
    _write_at_once(Path(path), body + hashlib.sha256(body).digest())


def load(
    path: str | PathLike[str], *, max_bytes: int = 2**31
) -> BackpropClassifier | BackpropRegressor:
    """Read a fitted estimator from a file that `save` has written.

    Nothing in the file is run, whoever wrote it. A file that is damaged, cut short, of a
    later format or not consistent in itself is refused.

    Parameters
    ----------
    path : str or path-like
        The file.
    max_bytes : int, default=2**31
        The largest size of a file that is read at all. Reading takes a small multiple of
        the file's size in memory, whatever it says inside.

    Returns
    -------
    estimator : BackpropClassifier or BackpropRegressor
        It predicts, and goes on training with `partial_fit` or `warm_start`, as the one
        that was saved.

    Raises
    ------
    OSError
        If the file cannot be read.
    ValueError
        If it is refused.

    See Also
    --------
    save : Writes such a file, with an example.
    """
    path = Path(path)
    try:
        return _assemble(*_take_apart(_read(path, max_bytes)))
    except _Refused as error:
        raise ValueError(f"{path} cannot be loaded: {error}") from error
    except _WRONG_CONTENT as error:
        raise ValueError(
            f"{path} cannot be loaded: its content is not what the format says ({error})."
        ) from error


# What reading a header that is not as described can end in.
_WRONG_CONTENT = (
    ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError,
)  # fmt: skip


class _Refused(ValueError):
    """A file that is not as it should be."""


def _require(condition, what):
    if not condition:
        raise _Refused(f"{what}.")


# ---- Bytes ----


def _write_at_once(path, content):
    """Write a file beside its place, and move it there when it is safe on the disk."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}.tmp")
    try:
        with open(beside, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise
    if os.name == "posix":  # elsewhere a folder cannot be opened
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _read(path, max_bytes):
    """The content of a file, less its frame."""
    with open(path, "rb") as file:
        size = os.fstat(file.fileno()).st_size
        _require(size <= max_bytes, f"it has {size} bytes, max_bytes allows {max_bytes}")
        content = file.read(size)
    _require(content[: len(_MAGIC)] == _MAGIC, "it is not a file of skbackprop.persistence")
    _require(len(content) > _FRAME, "it is cut short")
    whole = hashlib.sha256(content[:-_DIGEST]).digest() == content[-_DIGEST:]
    _require(whole, "it is damaged: its checksum is wrong")
    return memoryview(content)[len(_MAGIC) : -_DIGEST]


def _take_apart(content):
    """The header, and the arrays."""
    length = int.from_bytes(content[:8], "little")
    _require(length <= len(content) - 8, "its header is longer than the file")
    header = json.loads(
        bytes(content[8 : 8 + length]).decode(),
        object_pairs_hook=_without_repeats,
        parse_constant=_no_constant,
    )
    _require(isinstance(header, dict), "its header is no object")
    _check_format(header)
    return header, _take_arrays(content[8 + length :], header["arrays"])


def _check_format(header):
    """Before all else: of a later format nothing else is known."""
    found = header.get("format_version")
    _require(_is(int, found) and found >= 1, f"its format {found!r} is none")
    _require(
        found <= FORMAT_VERSION,
        f"its format {found}, of skbackprop {header['versions']['skbackprop']}, is later than "
        f"{FORMAT_VERSION}, which this version of it reads",
    )


def _without_repeats(pairs):
    found = dict(pairs)
    _require(len(found) == len(pairs), "its header repeats a name")
    return found


def _no_constant(name):
    raise _Refused(f"its header holds the number {name}, which is not JSON.")


def _take_arrays(content, described):
    arrays, at = [], 0
    for entry in described:
        _require(set(entry) == {"dtype", "shape"}, "an array is not described")
        _require(entry["dtype"] in _DTYPES, f"an array has the dtype {entry['dtype']!r}")
        dtype, shape = np.dtype(entry["dtype"]), entry["shape"]
        _require(all(_is(int, n) and n >= 0 for n in shape), f"an array has the shape {shape}")
        size = math.prod(shape) * dtype.itemsize
        _require(size <= len(content) - at, "its arrays are longer than the file")
        array = np.frombuffer(content[at : at + size], dtype=dtype).reshape(shape)
        if dtype.kind == "b":
            _require((array.view(np.uint8) <= 1).all(), "a boolean is neither 0 nor 1")
        arrays.append(array.astype(dtype.newbyteorder("="), copy=True))
        at += size
    _require(at == len(content), "its arrays are shorter than the file")
    return arrays


# ---- Values ----


def _is(kind, value):
    """isinstance, where True is no number."""
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


def _encode(value, arrays):
    """A value as JSON; arrays are put aside."""
    if value is None or isinstance(value, (bool, str)) or type(value) is int:
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {"float": str(value)}
    if isinstance(value, (list, tuple)):
        items = [_encode(item, arrays) for item in value]
        return items if isinstance(value, list) else {"tuple": items}
    if isinstance(value, dict):
        return {"dict": [[_encode(k, arrays), _encode(v, arrays)] for k, v in value.items()]}
    if isinstance(value, np.ndarray) and value.dtype.kind in "OU":
        return _encode_strings(value)
    if isinstance(value, (np.ndarray, np.generic)):
        return _encode_array(value, arrays)
    if isinstance(value, np.random.RandomState):
        return {"random_state": _encode(value.get_state(legacy=False), arrays)}
    if type(value).__name__ in _RECORDS:
        content = {
            field.name: _encode(getattr(value, field.name), arrays) for field in fields(value)
        }
        return {"record": type(value).__name__, "fields": content}
    raise TypeError(f"A file cannot hold an object of {type(value)}: {value!r}.")


def _encode_strings(array):
    strings = array.tolist()
    if array.ndim != 1 or not all(isinstance(item, str) for item in strings):
        raise TypeError(f"Of arrays of objects, a file can hold strings alone. Got {array!r}.")
    return {"strings": strings, "dtype": "object" if array.dtype.kind == "O" else "str"}


def _encode_array(value, arrays):
    array = np.asarray(value)
    array = np.ascontiguousarray(array.astype(array.dtype.newbyteorder("<"))).reshape(
        array.shape
    )
    if array.dtype.str not in _DTYPES:
        raise TypeError(f"A file cannot hold an array of dtype {array.dtype}.")
    arrays.append(array)
    return {"array" if isinstance(value, np.ndarray) else "scalar": len(arrays) - 1}


def _decode(value, arrays):
    """The value that `_encode` was given."""
    if isinstance(value, list):
        return [_decode(item, arrays) for item in value]
    if not isinstance(value, dict):
        return value
    names = set(value)
    if names == {"float"}:
        _require(value["float"] in ("nan", "inf", "-inf"), "a number is no number")
        return float(value["float"])
    if names == {"tuple"}:
        _require(isinstance(value["tuple"], list), "a tuple is no list")
        return tuple(_decode(value["tuple"], arrays))
    if names == {"dict"}:
        return {_decode(k, arrays): _decode(v, arrays) for k, v in value["dict"]}
    if names == {"strings", "dtype"}:
        _require(
            all(isinstance(item, str) for item in value["strings"]), "a label is no string"
        )
        _require(value["dtype"] in ("object", "str"), "strings have another dtype")
        longest = max(map(len, value["strings"]), default=0)
        _require(
            len(value["strings"]) * longest <= _MOST_CHARACTERS, "its strings are too long"
        )
        return np.array(value["strings"], dtype=value["dtype"])
    if names in ({"array"}, {"scalar"}):
        ((name, index),) = value.items()
        _require(_is(int, index) and 0 <= index < len(arrays), "an array is missing")
        # Each is handed out once: many copies of one would be a small file in much memory.
        array, arrays[index] = arrays[index], None
        _require(array is not None, "an array is used twice")
        return array if name == "array" else array[()]
    if names == {"random_state"}:
        return _decode_generator(_decode(value["random_state"], arrays))
    _require(names == {"record", "fields"}, f"it holds a value of an unknown kind, {names}")
    kind = _RECORDS[value["record"]]
    expected = {field.name for field in fields(kind)}
    other = set(value["fields"]) ^ expected
    _require(not other, f"its {kind.__name__} lacks or adds {sorted(other)}")
    return kind(**{name: _decode(v, arrays) for name, v in value["fields"].items()})


def _decode_generator(state):
    inner = state["state"]
    key, position = inner["key"], inner["pos"]
    sound = (
        set(state) == {"bit_generator", "state", "has_gauss", "gauss"}
        and state["bit_generator"] == "MT19937"
        and isinstance(key, np.ndarray)
        and key.dtype == np.uint32
        and key.shape == (624,)
        and _is(int, position)
        and 0 <= position <= 624
        and state["has_gauss"] in (0, 1)
        and _is(float, state["gauss"])
    )
    _require(sound, "the state of a random generator is not sound")
    generator = np.random.RandomState()
    generator.set_state(state)
    return generator


# ---- Estimators ----


def _encode_parameters(estimator, arrays):
    encoded = {}
    for name, value in estimator.get_params(deep=False).items():
        try:
            encoded[name] = _encode(value, arrays)
        except TypeError as error:
            raise TypeError(f"The {name!r} parameter cannot be saved. {error}") from None
    return encoded


def _encode_fitted(estimator, arrays):
    """The fitted state; arrays that are one and the same are written once."""
    state, standing = vars(estimator), estimator._standing
    names = (*_PLAIN, *_OF_TARGETS[type(estimator).__name__], *_OPTIONAL)
    encoded = {name: _encode(state[name], arrays) for name in names if name in state}
    for field in fields(Standing):
        value = getattr(standing, field.name)
        if field.name == "best" and value is standing.params:
            value = None
        encoded[field.name] = _encode(value, arrays)
    return encoded


def _assemble(header, arrays):
    """An estimator from the content of a file."""
    wanted = {"format_version", "versions", "estimator", "parameters", "fitted", "arrays"}
    _require(set(header) == wanted, f"its header lacks or adds {sorted(set(header) ^ wanted)}")
    kind = _ESTIMATORS[header["estimator"]]
    parameters = {k: _decode(v, arrays) for k, v in header["parameters"].items()}
    unknown = set(parameters) - set(kind().get_params())
    _require(not unknown, f"it has parameters that are unknown here: {sorted(unknown)}")
    estimator = kind(**parameters)
    check_parameters(estimator)
    fitted = {k: _decode(v, arrays) for k, v in header["fitted"].items()}
    plain = {*_PLAIN, *_OF_TARGETS[kind.__name__]}
    names = plain | {field.name for field in fields(Standing)}
    _require(all(array is None for array in arrays), "an array is not used")
    found = set(fitted) - set(_OPTIONAL)
    _require(found == names, f"its fitted state lacks or adds {sorted(found ^ names)}")
    standing = Standing(**{field.name: fitted.pop(field.name) for field in fields(Standing)})
    if standing.best is None:
        standing.best = standing.params
    _check_network(fitted["_network"])
    _check_standing(standing, fitted["_network"])
    _check_scaling(fitted["_scaling"], fitted["_network"])
    _check_attributes(fitted, fitted["_network"])
    if kind is BackpropClassifier:
        _check_labels(fitted["_labels"], fitted["_network"])
    else:
        _check_targets(fitted["_flat"], fitted["_n_targets"], fitted["_network"])
    estimator._become(fitted | {"_standing": standing, "_params": standing.best})
    return estimator


# ---- Whether a file is consistent in itself ----


def _check_network(network):
    _require(isinstance(network, Network), "its network is none")
    sizes = network.layer_sizes
    sound = (
        isinstance(sizes, tuple)
        and len(sizes) >= 2
        and all(_is(int, size) and size >= 1 for size in sizes)
    )
    _require(sound, f"its network has the layer sizes {sizes}")
    known = [row.name for row in ACTIVATIONS]
    sound = (
        isinstance(network.activations, tuple)
        and len(network.activations) == len(sizes) - 2
        and all(name in known for name in network.activations)
    )
    _require(sound, f"its network has the activations {network.activations}")
    loss = (network.loss, network.output_activation)
    known = [(row.name, row.output_activation) for row in LOSSES]
    _require(loss in known, f"it has the loss {loss}")
    options = network.loss_options
    if loss == ("log_loss", "softmax"):
        sound = not options or sum(options) == sizes[-1]
        sound = sound and all(_is(int, size) and size >= 1 for size in options)
    elif network.loss == "pinball":
        sound = len(options) == sizes[-1] and all(0 < quantile < 1 for quantile in options)
    else:
        sound = options == ()
    _require(sound and isinstance(options, tuple), f"its loss has the options {options}")


def _n_params(network):
    """In Python's integers, which do not overflow."""
    return sum((n_in + 1) * n_out for n_in, n_out in network.shapes)


def _is_array(value, dtype, shape):
    return isinstance(value, np.ndarray) and value.dtype == dtype and value.shape == shape


def _check_standing(standing, network):
    params, n = standing.params, _n_params(network)
    _require(isinstance(params, np.ndarray), "it has no weights")
    dtype = params.dtype
    _require(dtype in (np.float32, np.float64), f"its weights have the dtype {dtype}")
    for values in (params, standing.best):
        sound = _is_array(values, dtype, (n,)) and np.isfinite(values).all()
        _require(sound, f"its weights are not {n} finite numbers")
    updater = standing.updater
    _require(
        isinstance(updater, (LBFGS, LevenbergMarquardt, *UPDATERS)), "it has no update rule"
    )
    for field in fields(updater):
        value = getattr(updater, field.name)
        sound = _is((int, float), value) and value >= 0
        _require(sound, f"its update rule has {field.name}={value!r}")
    sound = _is_array(standing.slots, dtype, (updater.n_slots, n))
    _require(sound, "what its update rule remembers has another shape")
    _require(isinstance(standing.rng, np.random.RandomState), "it has no random generator")
    _check_progress(standing.progress)


def _check_progress(progress):
    _require(isinstance(progress, Progress), "it has no progress")
    for field in fields(Progress):
        value = getattr(progress, field.name)
        if field.type is int:
            sound = _is(int, value) and 0 <= value < 2**63
        else:
            sound = _is((float, np.floating), value)
        _require(sound, f"its progress has {field.name}={value!r}")
    _require(progress.seed < 2**31, f"its seed is {progress.seed}")


def _check_history(history):
    sound = (
        isinstance(history, dict)
        and "loss" in history
        and all(
            isinstance(name, str)
            and isinstance(column, list)
            and all(_is((int, float, np.floating), value) for value in column)
            for name, column in history.items()
        )
    )
    _require(sound, "its history does not hold columns of numbers")
    _require(len({len(column) for column in history.values()}) == 1, "its history is ragged")


def _check_scaling(scaling, network):
    _require(isinstance(scaling, Scaling), "its scaling is none")
    _require(isinstance(scaling.through_exp, bool), "its scaling is not sound")
    ends = (
        (scaling.inputs, network.layer_sizes[0]),
        (scaling.targets, network.layer_sizes[-1]),
    )
    for standardizer, n in ends:
        if standardizer is None:
            continue
        sound = isinstance(standardizer, Standardizer) and all(
            _is_array(values, np.float64, (n,)) and np.isfinite(values).all()
            for values in (standardizer.mean, standardizer.scale)
        )
        _require(sound and (standardizer.scale > 0).all(), "its scaling is not sound")


def _check_attributes(fitted, network):
    _check_history(fitted["history_"])
    n_features, names = fitted["n_features_in_"], fitted.get("feature_names_in_")
    _require(n_features == network.layer_sizes[0], f"it is for {n_features} inputs")
    if names is not None:
        _require(_is_array(names, object, (n_features,)), "its inputs' names are not sound")
    _require(_is(int, fitted["n_iter_"]) and fitted["n_iter_"] >= 0, "n_iter_ is not sound")
    _require(isinstance(fitted["converged_"], bool), "converged_ is neither true nor false")
    _require(fitted["engine_"] in ("compiled", "numpy"), "engine_ is not sound")
    examined = fitted["_examined"]
    sound = isinstance(examined, tuple) and [type(value) for value in examined] == [bool, bool]
    _require(sound, "what was examined is not sound")
    totals = fitted.get("_class_totals", [])
    sound = isinstance(totals, list) and all(
        isinstance(column, dict) and all(_is((int, float), total) for total in column.values())
        for column in totals
    )
    _require(sound, "the totals of its classes are not sound")


def _check_labels(labels, network):
    _require(isinstance(labels, Labels), "it has no labels")
    _require(
        labels.kind in (SINGLE, MULTILABEL, MULTIOUTPUT), "its labels are of no known kind"
    )
    several = labels.kind == MULTIOUTPUT
    _require(isinstance(labels.classes, list if several else np.ndarray), "it has no classes")
    for classes in labels.per_column:
        sound = isinstance(classes, np.ndarray) and classes.ndim == 1 and classes.size >= 1
        _require(sound and (classes[:-1] < classes[1:]).all(), "its classes are not in order")
    n_outputs = network.layer_sizes[-1]
    sound = labels.share_one_output(n_outputs) or sum(labels.blocks) == n_outputs
    _require(sound, "its classes are not its outputs")


def _check_targets(flat, n_targets, network):
    sound = _is(int, n_targets) and n_targets >= 1 and isinstance(flat, bool)
    _require(sound and (n_targets == 1 or not flat), "its targets are not sound")
    n_outputs, quantiles = network.layer_sizes[-1], 1
    if network.loss == "pinball":
        quantiles = n_outputs // n_targets
        same = network.loss_options == network.loss_options[:quantiles] * n_targets
        _require(same, "its quantiles differ between targets")
    _require(n_outputs == n_targets * quantiles, "its targets are not its outputs")
