"""Backpropagation networks as first-class scikit-learn estimators."""

from importlib.metadata import PackageNotFoundError, version

from . import presets
from .classifier import BackpropClassifier
from .regressor import BackpropRegressor
from .versions import show_versions

try:
    __version__ = version("skbackprop")
except PackageNotFoundError:  # run from a checkout that was never installed
    __version__ = "unknown"

__all__ = ["BackpropClassifier", "BackpropRegressor", "__version__", "presets", "show_versions"]
