"""A plain C program, compiled here for this machine, and BLAS called from C alone."""

import ctypes
import os
import shutil
import subprocess
import tempfile
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
from scipy.linalg import cython_blas

from .._measure import Contender, MissingPeer

_SOURCE = Path(__file__).with_name("plain.c")
_FLAGS = ("-O3", "-march=native", "-ffast-math", "-fPIC")
_REAL = {"d": ctypes.c_double, "f": ctypes.c_float}
# Keeps the libraries for as long as they are in use.
_folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)


@cache
def _library(dtype):
    compiler = shutil.which(os.environ.get("CC", "gcc"))
    if compiler is None:
        raise MissingPeer("a C compiler (gcc)")
    real = _REAL[dtype]
    built = Path(_folder.name, f"plain_{dtype}")
    define = f"-DREAL={'double' if real is ctypes.c_double else 'float'}"
    compiled, linked = built.with_suffix(".o"), built.with_suffix(".so")
    # Linked without -ffast-math: with it, loading the library would make every contender
    # of this process round the smallest numbers to zero.
    for command in (
        [compiler, *_FLAGS, define, "-c", _SOURCE, "-o", compiled],
        [compiler, "-shared", compiled, "-o", linked, "-lm"],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise MissingPeer(f"a C compiler that takes our flags ({done.stderr.strip()})")
    library = ctypes.CDLL(str(linked))
    pointer = ctypes.c_void_p
    library.train.argtypes = [
        pointer, ctypes.c_long, ctypes.c_long, *[pointer] * 6, real,
    ]  # fmt: skip
    library.train.restype = library.multiply.restype = None
    library.multiply.argtypes = [pointer, pointer, ctypes.c_int, ctypes.c_long]
    return library


class PlainC:
    """The network of plain.c; weights are ``w1, b1, w2, b2``, stored neuron by neuron."""

    def __init__(self, problem, rate):
        self._library = _library(problem.dtype.char)
        (w1, w2), (b1, b2) = problem.first_weights()
        self.weights = [np.ascontiguousarray(part) for part in (w1.T, b1, w2.T, b2)]
        self._rows = (
            np.array(problem.sizes, dtype=np.intc), np.ascontiguousarray(problem.X),
            problem.y.astype(ctypes.c_long),
        )  # fmt: skip
        self._rate = rate

    def train(self, epochs):
        sizes, X, labels = self._rows
        self._library.train(
            sizes.ctypes.data, len(X), epochs, X.ctypes.data, labels.ctypes.data,
            *(part.ctypes.data for part in self.weights), self._rate,
        )  # fmt: skip


def online(problem, rate):
    return Contender(PlainC(problem, rate).train, len(problem.y))


class _Product(ctypes.Structure):
    _fields_ = (
        ("transpose_a", ctypes.c_char), ("transpose_b", ctypes.c_char),
        *((name, ctypes.c_int) for name in ("m", "n", "k", "lda", "ldb", "ldc")),
        *((name, ctypes.c_void_p) for name in "abc"),
    )  # fmt: skip


def products(sizes, n_rows, dtype):
    """The matrix products of one update: forward, the weights' gradients, and backward.

    Arrays are stored row by row, which BLAS, that thinks in columns, reads as transposed.
    Returns the products and the arrays that they point to.
    """
    rng = np.random.default_rng(0)
    signals = [rng.standard_normal((n_rows, size)).astype(dtype) for size in sizes]
    deltas = [signal.copy() for signal in signals]
    weights = [rng.standard_normal(shape).astype(dtype) for shape in pairwise(sizes)]
    gradients = [weight.copy() for weight in weights]
    z, d, w, g = (
        [array.ctypes.data for array in arrays]
        for arrays in (signals, deltas, weights, gradients)
    )
    layers, listed = list(enumerate(pairwise(sizes))), []
    for k, (n_in, n_out) in layers:
        listed.append(
            _Product(b"N", b"N", n_out, n_rows, n_in, n_out, n_in, n_out, w[k], z[k], z[k + 1])
        )
    for k, (n_in, n_out) in reversed(layers):
        listed.append(
            _Product(b"N", b"T", n_out, n_in, n_rows, n_out, n_in, n_out, d[k + 1], z[k], g[k])
        )
        if k:  # nothing is to blame below the first layer
            listed.append(
                _Product(
                    b"T", b"N", n_in, n_rows, n_out, n_out, n_out, n_in, w[k], d[k + 1], d[k]
                )
            )
    return (_Product * len(listed))(*listed), (signals, deltas, weights, gradients)


def gemms(sizes, n_rows, batch_size, dtype):
    """The matrix products that an epoch cannot do without, by the BLAS that we call."""
    _library(np.dtype(dtype).char)
    listed, arrays = products(sizes, batch_size, dtype)
    n_batches = n_rows // batch_size

    def run(epochs, arrays=arrays):  # which have to live as long
        multiply(listed, dtype, epochs * n_batches)

    return Contender(run, n_batches * batch_size)


def multiply(listed, dtype, times):
    """Compute all products, one after the other, many times."""
    gemm = _blas("dgemm" if dtype == np.float64 else "sgemm")
    _library(np.dtype(dtype).char).multiply(gemm, listed, len(listed), times)


def _blas(name):
    """The address of a routine of the BLAS that scipy brings."""
    capsule = cython_blas.__pyx_capi__[name]
    api = ctypes.pythonapi
    api.PyCapsule_GetName.restype = ctypes.c_char_p
    api.PyCapsule_GetName.argtypes = [ctypes.py_object]
    api.PyCapsule_GetPointer.restype = ctypes.c_void_p
    api.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
    return api.PyCapsule_GetPointer(capsule, api.PyCapsule_GetName(capsule))
