"""Values as JSON and back; the arrays stand beside it.

JSON has no tuples, arrays or infinities. Such values are objects with a single key that says
what they are:

===============================  ==========================================================
``{"float": "nan"}``             a number that is not finite
``{"array": 0}``                 the first array; ``{"scalar": 0}`` its only number
``{"tuple": LIST}``              a tuple
``{"dict": [LIST, LIST]}``       keys and values
``{"object": {name: value}}``    a dictionary of a few values with strings as keys
``{"objects": LIST}``            an array of strings with the dtype object
``{"random_state": value}``      the state of a RandomState
===============================  ==========================================================

A ``LIST`` is a list of JSON. Long lists of one type are in the arrays: ``{"floats": 0}``,
``{"integers": 0}``, and ``{"strings": [0, 1]}``, which are UTF-8 and how many bytes each has.
So the JSON stays short, and what is read has not many times the size of the file.
"""

import math
from typing import ClassVar

import numpy as np

from .._serialization import (
    InvalidStateError,
    random_state_from_plain,
    random_state_to_plain,
    require,
)

DTYPES = ("|b1", "|i1", "<i2", "<i4", "<i8", "|u1", "<u2", "<u4", "<u8", "<f2", "<f4", "<f8")
#: Lists of this many entries are in the arrays, where all are of one type.
LONG = 16
_DEEPEST = 32
_KEYS = (str, int, float, bool, type(None), np.generic)
# Numbers can be chosen so that a dictionary of them takes time in proportion to the square of
# their number. Strings cannot: each process hashes them in another way.
_MOST_NUMBERS = 4096
_INT64 = range(-(2**63), 2**63)
_UINT64 = range(2**64)


# ---- To JSON ----


def encode(value, arrays):
    """A value as JSON; arrays are put aside.

    Raises
    ------
    TypeError
        If a file cannot hold it.
    """
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return _encode_int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {"float": str(float(value))}
    if isinstance(value, list):
        return _encode_items(value, arrays)
    if isinstance(value, tuple):
        return {"tuple": _encode_items(value, arrays)}
    if isinstance(value, dict):
        return _encode_dict(value, arrays)
    if isinstance(value, np.ndarray) and value.dtype.kind == "O":
        return _encode_objects(value, arrays)
    if isinstance(value, (np.ndarray, np.generic)):
        kind = "array" if isinstance(value, np.ndarray) else "scalar"
        return {kind: _put_aside(value, arrays)}
    if isinstance(value, np.random.RandomState):
        return {"random_state": encode(random_state_to_plain(value), arrays)}
    raise TypeError(f"A file cannot hold an object of {type(value)}: {value!r}.")


def _encode_int(value):
    number = int(value)  # a range looks for an int of a subclass one by one
    if number not in _INT64 and number not in _UINT64:
        raise TypeError(f"A file cannot hold integers of more than 64 bits. Got {value!r}.")
    return number


def _encode_items(items, arrays):
    kinds = set(map(type, items)) if len(items) >= LONG else set()
    if kinds == {float}:
        return {"floats": _put_aside(np.array(items), arrays)}
    if kinds == {int} and min(items) in _INT64 and max(items) in _INT64:
        return {"integers": _put_aside(np.array(items, dtype=np.int64), arrays)}
    if kinds == {str}:
        parts = [item.encode("utf-8", "surrogatepass") for item in items]
        text = np.frombuffer(b"".join(parts), dtype=np.uint8)
        lengths = np.array([len(part) for part in parts], dtype=np.int64)
        return {"strings": [_put_aside(text, arrays), _put_aside(lengths, arrays)]}
    return [encode(item, arrays) for item in items]


def _encode_dict(value, arrays):
    if len(value) < LONG and all(isinstance(key, str) for key in value):
        return {"object": {str(key): encode(item, arrays) for key, item in value.items()}}
    for key in value:
        if not isinstance(key, _KEYS):
            raise TypeError(f"A file cannot hold a dictionary with the key {key!r}.")
    if _n_numbers(value) > _MOST_NUMBERS:
        raise TypeError(
            f"A file cannot hold a dictionary with more than {_MOST_NUMBERS} numbers as keys. "
            f"Got {_n_numbers(value)}."
        )
    return {"dict": [_encode_items(list(part), arrays) for part in (value, value.values())]}


def _n_numbers(keys):
    return sum(not isinstance(key, str) for key in keys)


def _encode_objects(array, arrays):
    strings = array.tolist()
    if array.ndim != 1 or not all(isinstance(item, str) for item in strings):
        raise TypeError(f"Of arrays of objects, a file can hold strings alone. Got {array!r}.")
    return {"objects": _encode_items([str(item) for item in strings], arrays)}


def _put_aside(value, arrays):
    """Append an array, little-endian and in C order, and return its number."""
    array = np.asarray(value)
    array = np.asarray(array, dtype=array.dtype.newbyteorder("<"), order="C")
    if array.dtype.kind != "U" and array.dtype.str not in DTYPES:
        raise TypeError(f"A file cannot hold an array of dtype {array.dtype}.")
    arrays.append(array)
    return len(arrays) - 1


# ---- From JSON ----


class Decoder:
    """The values that `encode` was given.

    Parameters
    ----------
    arrays : list of ndarray
        Each is handed out once: many copies of one would be a small file in much memory.
    """

    def __init__(self, arrays):
        self._arrays = arrays

    @property
    def unused(self):
        """Whether an array was not handed out."""
        return any(array is not None for array in self._arrays)

    def __call__(self, value, depth=0):
        require(depth < _DEEPEST, "a value is nested too deeply.")
        if isinstance(value, list):
            return [self(item, depth + 1) for item in value]
        if not isinstance(value, dict):
            return value
        require(len(value) == 1, f"a value must have one kind. Got {len(value)}.")
        ((kind, content),) = value.items()
        require(kind in self._KINDS, f"a value is of an unknown kind, {kind[:80]!r}.")
        return self._KINDS[kind](self, content, depth + 1)

    def _float(self, content, depth):
        sound = isinstance(content, str) and content in ("nan", "inf", "-inf")
        require(sound, "a number must be 'nan', 'inf' or '-inf'.")
        return float(content)

    def _array(self, content, depth):
        sound = type(content) is int and 0 <= content < len(self._arrays)
        require(sound, "an array is missing.")
        array, self._arrays[content] = self._arrays[content], None
        require(array is not None, "an array is used twice.")
        return array

    def _scalar(self, content, depth):
        array = self._array(content, depth)
        require(array.shape == (), f"a scalar must have the shape (). Got {array.shape}.")
        return array[()]

    def _plain_column(self, content, depth, dtype):
        array = self._array(content, depth)
        sound = array.dtype == dtype and array.ndim == 1
        require(sound, f"a list must be of {np.dtype(dtype)} with ndim=1. Got {array.dtype}.")
        return array

    def _floats(self, content, depth):
        return self._plain_column(content, depth, np.float64).tolist()

    def _integers(self, content, depth):
        return self._plain_column(content, depth, np.int64).tolist()

    def _strings(self, content, depth):
        require(isinstance(content, list) and len(content) == 2, "strings need two arrays.")
        text = self._plain_column(content[0], depth, np.uint8).tobytes()
        lengths = self._plain_column(content[1], depth, np.int64)
        sound = ((lengths >= 0) & (lengths <= len(text))).all()
        ends = np.cumsum(lengths).tolist()
        sound = sound and (ends[-1] if ends else 0) == len(text)
        require(sound, "the lengths of strings do not add up.")
        starts = [0, *ends[:-1]]
        try:
            return [
                text[start:end].decode("utf-8", "surrogatepass")
                for start, end in zip(starts, ends, strict=True)
            ]
        except UnicodeDecodeError as error:
            raise InvalidStateError(f"a string is not UTF-8 ({error}).") from error

    def _list(self, content, depth):
        items = self(content, depth)
        require(isinstance(items, list), "a list must be a list.")
        return items

    def _tuple(self, content, depth):
        return tuple(self._list(content, depth))

    def _object(self, content, depth):
        require(isinstance(content, dict), "an object must be an object.")
        return {name: self(item, depth) for name, item in content.items()}

    def _dict(self, content, depth):
        require(isinstance(content, list) and len(content) == 2, "a dict needs two lists.")
        keys, values = (self._list(part, depth) for part in content)
        require(len(keys) == len(values), "a dict needs a value for each key.")
        sound = all(isinstance(key, _KEYS) for key in keys)
        require(sound, "the keys of a dict must be strings or numbers.")
        require(
            _n_numbers(keys) <= _MOST_NUMBERS,
            f"a dict must have at most {_MOST_NUMBERS} numbers as keys.",
        )
        found = dict(zip(keys, values, strict=True))
        require(len(found) == len(keys), "a dict repeats a key.")
        return found

    def _objects(self, content, depth):
        strings = self._list(content, depth)
        require(all(isinstance(item, str) for item in strings), "a label must be a string.")
        return np.array(strings, dtype=object)

    def _random_state(self, content, depth):
        return random_state_from_plain("a random generator", self(content, depth))

    _KINDS: ClassVar = {
        "float": _float, "array": _array, "scalar": _scalar, "floats": _floats,
        "integers": _integers, "strings": _strings, "tuple": _tuple, "object": _object,
        "dict": _dict, "objects": _objects, "random_state": _random_state,
    }  # fmt: skip
