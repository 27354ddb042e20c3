"""Backpropagation networks as first-class scikit-learn estimators."""

from importlib.metadata import PackageNotFoundError, version

from . import presets
from ._show_versions import show_versions
from .classifier import BackpropClassifier
from .engine.activations import Activation
from .engine.gradcheck import check_derivative
from .engine.losses import Loss
from .engine.solvers import Solver
from .engine.solvers.check import check_solver
from .regressor import BackpropRegressor

try:
    __version__ = version("skbackprop")
except PackageNotFoundError:  # run from a checkout that was never installed
    __version__ = "unknown"

__all__ = [
    "Activation",
    "BackpropClassifier",
    "BackpropRegressor",
    "Loss",
    "Solver",
    "__version__",
    "check_derivative",
    "check_solver",
    "presets",
    "show_versions",
]
