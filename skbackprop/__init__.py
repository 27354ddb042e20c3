"""Backpropagation networks as first-class scikit-learn estimators."""

from importlib.metadata import PackageNotFoundError, version

from . import presets
from ._classifier import BackpropClassifier
from ._engine.activations import Activation
from ._engine.gradcheck import check_derivative
from ._engine.losses import Loss
from ._engine.solvers import Solver
from ._engine.solvers.check import check_solver
from ._regressor import BackpropRegressor
from ._show_versions import show_versions

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
