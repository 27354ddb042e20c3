"""Values as JSON and back; arrays stand beside it."""

import math
from dataclasses import fields

import numpy as np

from ..engine.lbfgs import LBFGS
from ..engine.levenberg_marquardt import LevenbergMarquardt
from ..engine.network import Network
from ..engine.schedules import Progress
from ..engine.updaters import UPDATERS
from ..labels import Labels
from ..scaling import Scaling, Standardizer

DTYPES = ("|b1", "|i1", "<i2", "<i4", "<i8", "|u1", "<u2", "<u4", "<u8", "<f2", "<f4", "<f8")
_RECORDS = {
    kind.__name__: kind
    for kind in (
        Network, Standardizer, Scaling, Progress, Labels, LBFGS, LevenbergMarquardt, *UPDATERS,
    )
}  # fmt: skip
# NumPy gives every string the room of the longest.
_MOST_CHARACTERS = 2**24


class Refused(ValueError):
    """A file that is not as it should be."""


def require(condition, what):
    if not condition:
        raise Refused(f"{what}.")


def is_a(kind, value):
    """isinstance, where True is no number."""
    return isinstance(value, kind) and (kind is bool or not isinstance(value, bool))


def encode(value, arrays):
    """A value as JSON; arrays are put aside."""
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {"float": str(value)}
    if isinstance(value, (list, tuple)):
        items = [encode(item, arrays) for item in value]
        return items if isinstance(value, list) else {"tuple": items}
    if isinstance(value, dict):
        return {"dict": [[encode(k, arrays), encode(v, arrays)] for k, v in value.items()]}
    if isinstance(value, np.ndarray) and value.dtype.kind in "OU":
        return _encode_strings(value)
    if isinstance(value, (np.ndarray, np.generic)):
        return _encode_array(value, arrays)
    if isinstance(value, np.random.RandomState):
        return {"random_state": encode(value.get_state(legacy=False), arrays)}
    if type(value).__name__ in _RECORDS:
        content = {
            field.name: encode(getattr(value, field.name), arrays) for field in fields(value)
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
    if array.dtype.str not in DTYPES:
        raise TypeError(f"A file cannot hold an array of dtype {array.dtype}.")
    arrays.append(array)
    return {"array" if isinstance(value, np.ndarray) else "scalar": len(arrays) - 1}


def decode(value, arrays):
    """The value that `encode` was given."""
    if isinstance(value, list):
        return [decode(item, arrays) for item in value]
    if not isinstance(value, dict):
        return value
    names = set(value)
    if names == {"float"}:
        require(value["float"] in ("nan", "inf", "-inf"), "a number is no number")
        return float(value["float"])
    if names == {"tuple"}:
        require(isinstance(value["tuple"], list), "a tuple is no list")
        return tuple(decode(value["tuple"], arrays))
    if names == {"dict"}:
        return {decode(k, arrays): decode(v, arrays) for k, v in value["dict"]}
    if names == {"strings", "dtype"}:
        require(all(isinstance(item, str) for item in value["strings"]), "a label is no string")
        require(value["dtype"] in ("object", "str"), "strings have another dtype")
        longest = max(map(len, value["strings"]), default=0)
        require(len(value["strings"]) * longest <= _MOST_CHARACTERS, "its strings are too long")
        return np.array(value["strings"], dtype=value["dtype"])
    if names in ({"array"}, {"scalar"}):
        ((name, index),) = value.items()
        require(is_a(int, index) and 0 <= index < len(arrays), "an array is missing")
        # Each is handed out once: many copies of one would be a small file in much memory.
        array, arrays[index] = arrays[index], None
        require(array is not None, "an array is used twice")
        return array if name == "array" else array[()]
    if names == {"random_state"}:
        return _decode_generator(decode(value["random_state"], arrays))
    require(names == {"record", "fields"}, f"it holds a value of an unknown kind, {names}")
    kind = _RECORDS[value["record"]]
    expected = {field.name for field in fields(kind)}
    other = set(value["fields"]) ^ expected
    require(not other, f"its {kind.__name__} lacks or adds {sorted(other)}")
    return kind(**{name: decode(v, arrays) for name, v in value["fields"].items()})


def _decode_generator(state):
    inner = state["state"]
    key, position = inner["key"], inner["pos"]
    sound = (
        set(state) == {"bit_generator", "state", "has_gauss", "gauss"}
        and state["bit_generator"] == "MT19937"
        and isinstance(key, np.ndarray)
        and key.dtype == np.uint32
        and key.shape == (624,)
        and is_a(int, position)
        and 0 <= position <= 624
        and state["has_gauss"] in (0, 1)
        and is_a(float, state["gauss"])
    )
    require(sound, "the state of a random generator is not sound")
    generator = np.random.RandomState()
    generator.set_state(state)
    return generator
