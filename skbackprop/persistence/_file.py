"""`save` and `load`, and the bytes of a file.

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

How values are written as JSON is described in ``_codec.py``.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import re
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import sklearn
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from .. import __version__
from .._parameters import check_integer
from .._serialization import InvalidStateError, check_memory, require
from ._codec import DTYPES
from ._estimators import ESTIMATORS, assemble, encode_fitted, encode_parameters
from ._replace import replace_file

if TYPE_CHECKING:
    from os import PathLike

    from .._base import BaseBackprop
    from .._classifier import BackpropClassifier
    from .._regressor import BackpropRegressor

FORMAT_VERSION = 1
_MAGIC = b"SKBPROP\n"
_DIGEST = hashlib.sha256().digest_size
_FRAME = len(_MAGIC) + 8 + _DIGEST
# What reading may take: this many times the size of the file, and a constant.
_TIMES, _CONSTANT = 16, 2**24
# An upper bound of what JSON becomes in memory, in bytes for each of these characters.
_JSON_COSTS = {",": 80, ":": 200, "[": 200, "{": 200}
_LONGEST_NUMBER = 40
_MOST_DIMENSIONS = 64
_STRINGS = re.compile("<U[1-9][0-9]{0,7}")
# What reading a header that is not as described can end in.
_WRONG_CONTENT = (ArithmeticError, AttributeError, LookupError, TypeError)


def save(estimator: BaseBackprop, path: str | PathLike[str]) -> None:
    """Write a fitted estimator to a file.

    All that is needed to predict and to go on training is kept, bit by bit: parameters,
    weights, labels, names of inputs, the optimizer state, the random generator and the
    record of training. The file replaces an earlier one in one step, so that it is never
    half written.

    Parameters
    ----------
    estimator : BackpropClassifier or BackpropRegressor
        A fitted estimator. Pipelines and other estimators are for skops or joblib.
    path : str or path-like
        Where to write. A symbolic link is followed.

    Raises
    ------
    TypeError
        If `estimator` is of another class, or if a parameter is a function or another
        object that a file cannot hold.
    ValueError
        If its fitted state could not be loaded again, for example because weights were set
        to NaN.
    OSError
        If the file cannot be written, is read-only, or is not a regular file but a folder,
        a pipe or a device.
    sklearn.exceptions.NotFittedError
        If it is not fitted.

    See Also
    --------
    load : Reads such a file.

    Notes
    -----
    What was set by `set_output`, by `set_fit_request` and its kin, and callbacks are not
    kept. Later versions of this package read the file, with any version of scikit-learn,
    NumPy, SciPy and Python that they support.

    The mode of an earlier file is kept, and its owner where that is allowed; other hard
    links to it keep the earlier content. The right to write to the folder is needed. What a
    killed process left behind is removed by the next call with the same path.

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
    if ESTIMATORS.get(name) is not type(estimator):
        raise TypeError(
            f"estimator must be one of {', '.join(ESTIMATORS)}. Got {type(estimator)}."
            + (_HOW_TO_SAVE_OTHERS if isinstance(estimator, BaseEstimator) else "")
        )
    check_is_fitted(estimator)
    arrays: list[np.ndarray] = []
    header = {
        "format_version": FORMAT_VERSION,
        "versions": {
            "skbackprop": __version__,
            "scikit-learn": sklearn.__version__,
            "numpy": np.__version__,
            "python": sys.version.split()[0],
        },
        "estimator": name,
        "parameters": encode_parameters(estimator, arrays),
        "fitted": encode_fitted(estimator, arrays),
    }
    header["arrays"] = [{"dtype": array.dtype.str, "shape": array.shape} for array in arrays]
    text = json.dumps(header, allow_nan=False, separators=(",", ":"))
    _check_expansion(text, _FRAME + len(text) + sum(array.nbytes for array in arrays))
    replace_file(path, _signed(_frame(text.encode(), arrays)))


#: For pipelines and searches that hold a network.
_HOW_TO_SAVE_OTHERS = (
    " Save a pipeline, search or other estimator that holds a network with skops: "
    "skops.io.dump(estimator, 'model.skops'), and load it with skops.io.load('model.skops', "
    "trusted=skbackprop.persistence.TRUSTED_TYPES)."
)


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
        The largest size of a file that is read at all. Loading takes at most 16 times the
        file's size, and 16 MiB, of memory, whatever the file contains.

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
        If the file is refused, or is not a regular file but a folder, a pipe or a device, or
        if `max_bytes` is no integer. The message says what is wrong.

    See Also
    --------
    save : Writes such a file, with an example.
    """
    path, max_bytes = Path(path), check_integer("max_bytes", max_bytes, 0)
    try:
        return assemble(*_take_apart(_read(path, max_bytes)))
    except RecursionError as error:
        raise ValueError(f"{path} cannot be loaded: it is nested too deeply.") from error
    except ValueError as error:
        raise ValueError(f"{path} cannot be loaded: {error}") from error
    except _WRONG_CONTENT as error:
        raise ValueError(
            f"{path} cannot be loaded: its content is not what the format says ({error})."
        ) from error


# ---- Bytes ----


def _frame(text, arrays):
    yield _MAGIC
    yield len(text).to_bytes(8, "little")
    yield text
    for array in arrays:
        yield array.reshape(-1).view(np.uint8)


def _signed(chunks):
    digest = hashlib.sha256()
    for chunk in chunks:
        digest.update(chunk)
        yield chunk
    yield digest.digest()


def _read(path, max_bytes):
    """The content of a file, less its frame."""
    with open(path, "rb", opener=_open_regular) as file:
        size = os.fstat(file.fileno()).st_size
        require(size <= max_bytes, f"it has {size} bytes, max_bytes allows {max_bytes}.")
        found = file.read(len(_MAGIC))
        require(found == _MAGIC, "it is not a file of skbackprop.persistence.")
        require(size > _FRAME, "it is cut short.")
        content = memoryview(file.read(size - len(_MAGIC)))
    digest = hashlib.sha256(_MAGIC)
    digest.update(content[:-_DIGEST])
    whole = digest.digest() == content[-_DIGEST:]
    require(whole, "it is damaged: its checksum is wrong.")
    return content[:-_DIGEST]


def _open_regular(path, flags):
    """Open a file that is on a disk: a pipe might never answer."""
    require(stat.S_ISREG(os.stat(path).st_mode), "it is not a regular file.")
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0))


def _take_apart(content):
    """The header, and the arrays."""
    length = int.from_bytes(content[:8], "little")
    require(length <= len(content) - 8, "its header is longer than the file.")
    text = str(content[8 : 8 + length], "utf-8")
    _check_expansion(text, len(content))
    header = json.loads(
        text,
        object_pairs_hook=_without_repeats,
        parse_int=_parse_int,
        parse_float=_parse_float,
        parse_constant=_no_constant,
    )
    require(isinstance(header, dict), "its header is no object.")
    _check_format(header)
    return header, _take_arrays(content[8 + length :], header.get("arrays"))


def _check_expansion(text, size):
    """Refuse a header that would take far more memory than its file has bytes."""
    needed = 4 * len(text) + sum(text.count(c) * cost for c, cost in _JSON_COSTS.items())
    require(
        needed <= _TIMES * size + _CONSTANT,
        f"its header would take up to {needed} bytes of memory, too many for a file of {size}.",
    )


def _check_format(header):
    """Before all else: of a later format nothing else is known."""
    found, versions = header.get("format_version"), header.get("versions")
    sound = type(found) is int and found >= 1
    require(sound, f"its format_version must be an integer >= 1. Got {found!r:.80}.")
    require(isinstance(versions, dict), "its versions must be an object.")
    require(
        found <= FORMAT_VERSION,
        f"its format {found}, of skbackprop {versions.get('skbackprop')!s:.80}, is later than "
        f"{FORMAT_VERSION}, which this version of it reads.",
    )


def _without_repeats(pairs):
    found = dict(pairs)
    require(len(found) == len(pairs), "its header repeats a name.")
    return found


def _parse_int(text):
    require(len(text) <= _LONGEST_NUMBER, "its header holds a number that is too long.")
    number = int(text)
    require(-(2**63) <= number < 2**64, f"its header holds {text}, which has not 64 bits.")
    return number


def _parse_float(text):
    require(len(text) <= _LONGEST_NUMBER, "its header holds a number that is too long.")
    number = float(text)
    require(math.isfinite(number), f"its header holds {text}, which is not finite.")
    return number


def _no_constant(name):
    raise InvalidStateError(f"its header holds the number {name}, which is not JSON.")


def _take_arrays(content, described):
    require(isinstance(described, list), "its arrays must be a list.")
    arrays, at = [], 0
    for k, entry in enumerate(described):
        dtype, shape = _describe(f"array {k}", entry)
        size = math.prod(shape) * dtype.itemsize
        require(size <= len(content) - at, "its arrays are longer than the file.")
        array = np.frombuffer(content[at : at + size], dtype=dtype).reshape(shape)
        check_memory(f"array {k}", array)
        arrays.append(array.astype(dtype.newbyteorder("="), copy=True))
        at += size
    require(at == len(content), "its arrays are shorter than the file.")
    return arrays


def _describe(name, entry):
    """The dtype and the shape of an array."""
    sound = isinstance(entry, dict) and set(entry) == {"dtype", "shape"}
    require(sound, f"{name} must have a dtype and a shape.")
    dtype, shape = entry["dtype"], entry["shape"]
    sound = isinstance(dtype, str) and (dtype in DTYPES or _STRINGS.fullmatch(dtype))
    require(sound, f"{name} has the dtype {dtype!r:.80}.")
    sound = isinstance(shape, list) and len(shape) <= _MOST_DIMENSIONS
    sound = sound and all(type(n) is int and n >= 0 for n in shape)
    require(sound, f"{name} has the shape {shape!r:.80}.")
    return np.dtype(dtype), shape
