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
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from sklearn.utils.validation import check_is_fitted

from ..parameters import check_integer
from ._estimators import ESTIMATORS, assemble, encode_fitted, encode_parameters
from ._values import DTYPES, Refused, is_a, require

if TYPE_CHECKING:
    from os import PathLike

    from ..base import BaseBackprop
    from ..classifier import BackpropClassifier
    from ..regressor import BackpropRegressor

FORMAT_VERSION = 1
_MAGIC = b"SKBPROP\n"
_DIGEST = hashlib.sha256().digest_size
_FRAME = len(_MAGIC) + 8 + _DIGEST
# What reading a header that is not as described can end in.
_WRONG_CONTENT = (
    ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError,
)  # fmt: skip


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
    kept. Later versions of this package read the file, with any version of scikit-learn,
    NumPy, SciPy and Python that they support.

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
        "parameters": encode_parameters(estimator, arrays),
        "fitted": encode_fitted(estimator, arrays),
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
        If it is refused, or if `max_bytes` is no integer.

    See Also
    --------
    save : Writes such a file, with an example.
    """
    path, max_bytes = Path(path), check_integer("max_bytes", max_bytes, 0)
    try:
        return assemble(*_take_apart(_read(path, max_bytes)))
    except Refused as error:
        raise ValueError(f"{path} cannot be loaded: {error}") from error
    except _WRONG_CONTENT as error:
        raise ValueError(
            f"{path} cannot be loaded: its content is not what the format says ({error})."
        ) from error


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
        require(size <= max_bytes, f"it has {size} bytes, max_bytes allows {max_bytes}")
        content = file.read(size)
    require(content[: len(_MAGIC)] == _MAGIC, "it is not a file of skbackprop.persistence")
    require(len(content) > _FRAME, "it is cut short")
    whole = hashlib.sha256(content[:-_DIGEST]).digest() == content[-_DIGEST:]
    require(whole, "it is damaged: its checksum is wrong")
    return memoryview(content)[len(_MAGIC) : -_DIGEST]


def _take_apart(content):
    """The header, and the arrays."""
    length = int.from_bytes(content[:8], "little")
    require(length <= len(content) - 8, "its header is longer than the file")
    header = json.loads(
        bytes(content[8 : 8 + length]).decode(),
        object_pairs_hook=_without_repeats,
        parse_constant=_no_constant,
    )
    require(isinstance(header, dict), "its header is no object")
    _check_format(header)
    return header, _take_arrays(content[8 + length :], header["arrays"])


def _check_format(header):
    """Before all else: of a later format nothing else is known."""
    found = header.get("format_version")
    require(is_a(int, found) and found >= 1, f"its format {found!r} is none")
    require(
        found <= FORMAT_VERSION,
        f"its format {found}, of skbackprop {header['versions']['skbackprop']}, is later than "
        f"{FORMAT_VERSION}, which this version of it reads",
    )


def _without_repeats(pairs):
    found = dict(pairs)
    require(len(found) == len(pairs), "its header repeats a name")
    return found


def _no_constant(name):
    raise Refused(f"its header holds the number {name}, which is not JSON.")


def _take_arrays(content, described):
    arrays, at = [], 0
    for entry in described:
        require(set(entry) == {"dtype", "shape"}, "an array is not described")
        require(entry["dtype"] in DTYPES, f"an array has the dtype {entry['dtype']!r}")
        dtype, shape = np.dtype(entry["dtype"]), entry["shape"]
        require(all(is_a(int, n) and n >= 0 for n in shape), f"an array has the shape {shape}")
        size = math.prod(shape) * dtype.itemsize
        require(size <= len(content) - at, "its arrays are longer than the file")
        array = np.frombuffer(content[at : at + size], dtype=dtype).reshape(shape)
        if dtype.kind == "b":
            require((array.view(np.uint8) <= 1).all(), "a boolean is neither 0 nor 1")
        arrays.append(array.astype(dtype.newbyteorder("="), copy=True))
        at += size
    require(at == len(content), "its arrays are shorter than the file")
    return arrays
