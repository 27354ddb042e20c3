"""The Fast Artificial Neural Network library (Nissen, 2003), through ctypes."""

import ctypes
import math
from ctypes.util import find_library
from functools import cache

import numpy as np

from .._measure import Contender, MissingPeer, repeated

# From fann_data.h.
_SIGMOID, _INCREMENTAL, _LINEAR_ERROR = 3, 0, 0
# A library for each type of number.
_LIBRARIES = {"d": ("doublefann", ctypes.c_double), "f": ("floatfann", ctypes.c_float)}


class _Rows(ctypes.Structure):
    """A struct fann_train_data."""

    _fields_ = (
        ("error", ctypes.c_int), ("log", ctypes.c_void_p), ("text", ctypes.c_void_p),
        ("n_rows", ctypes.c_uint), ("n_in", ctypes.c_uint), ("n_out", ctypes.c_uint),
        ("inputs", ctypes.POINTER(ctypes.c_void_p)),
        ("targets", ctypes.POINTER(ctypes.c_void_p)),
    )  # fmt: skip


@cache
def _library(dtype):
    name, real = _LIBRARIES[dtype]
    found = find_library(name)
    if found is None:
        raise MissingPeer(f"FANN's lib{name} (on Debian: apt-get install libfann-dev)")
    library = ctypes.CDLL(found)
    network, unsigned = ctypes.c_void_p, ctypes.c_uint
    for name, result, *arguments in (
        ("create_standard_array", network, unsigned, ctypes.c_void_p),
        ("create_train", ctypes.POINTER(_Rows), unsigned, unsigned, unsigned),
        ("destroy", None, network),
        ("destroy_train", None, ctypes.POINTER(_Rows)),
        ("set_activation_function_hidden", None, network, ctypes.c_int),
        ("set_activation_function_output", None, network, ctypes.c_int),
        ("set_training_algorithm", None, network, ctypes.c_int),
        ("set_train_error_function", None, network, ctypes.c_int),
        ("set_learning_rate", None, network, ctypes.c_float),
        ("randomize_weights", None, network, real, real),
        ("set_weight", None, network, unsigned, unsigned, real),
        ("train_epoch", ctypes.c_float, network, ctypes.POINTER(_Rows)),
        ("train", None, network, ctypes.c_void_p, ctypes.c_void_p),
        ("run", ctypes.POINTER(real), network, ctypes.c_void_p),
    ):
        function = getattr(library, f"fann_{name}")
        function.restype, function.argtypes = result, arguments
    return library


class Fann:
    """One hidden layer, squared error, an update after every row."""

    def __init__(self, problem, rate):
        self.library = library = _library(problem.dtype.char)
        sizes = (ctypes.c_uint * len(problem.sizes))(*problem.sizes)
        self.network = library.fann_create_standard_array(len(sizes), sizes)
        # FANN's steepness of 1/2, its default, makes its sigmoid the logistic function.
        library.fann_set_activation_function_hidden(self.network, _SIGMOID)
        library.fann_set_activation_function_output(self.network, _SIGMOID)
        library.fann_set_training_algorithm(self.network, _INCREMENTAL)
        library.fann_set_train_error_function(self.network, _LINEAR_ERROR)
        library.fann_set_learning_rate(self.network, rate)
        # As large as everybody's; giving it theirs, one by one, would take minutes.
        bound = math.sqrt(6 / sum(problem.sizes[:2]))
        library.fann_randomize_weights(self.network, -bound, bound)
        self.X = np.ascontiguousarray(problem.X)
        self.targets = problem.one_hot()
        self._n_out = problem.sizes[-1]
        self.rows = library.fann_create_train(*self.X.shape, self._n_out)
        for there, here in (("inputs", self.X), ("targets", self.targets)):
            for row, at in zip(here, getattr(self.rows.contents, there), strict=False):
                ctypes.memmove(at, row.ctypes.data, row.nbytes)

    def train(self, epochs):
        for _ in range(epochs):
            self.library.fann_train_epoch(self.network, self.rows)

    def learn(self, x, target):
        self.library.fann_train(self.network, x.ctypes.data, target.ctypes.data)

    def predict(self, x):
        outputs = self.library.fann_run(self.network, x.ctypes.data)
        return np.ctypeslib.as_array(outputs, (self._n_out,)).copy()

    def __del__(self):
        if hasattr(self, "rows"):
            self.library.fann_destroy_train(self.rows)
            self.library.fann_destroy(self.network)


def online(problem, rate):
    return Contender(Fann(problem, rate).train, len(problem.y))


def one_row(problem, rate):
    """An update by one row that arrives from Python."""
    fann = Fann(problem.head(1), rate)
    x, target = fann.X[0], fann.targets[0]
    return repeated(lambda: fann.learn(x, target))


def predict_one(problem):
    fann = Fann(problem.head(1), 0.1)
    return repeated(lambda: fann.predict(fann.X[0]))
