"""Fitted estimators in files that hold numbers and names, and nothing that runs."""

from .._classifier import BackpropClassifier
from .._engine.activations import Activation
from .._engine.losses import Loss
from .._regressor import BackpropRegressor
from ._file import load, save

__all__ = ["TRUSTED_TYPES", "load", "save"]

#: The types of this package that a file of skops can name, for ``skops.io.load`` and MLflow:
#: the two estimators, and what holds your own functions where you gave such. Your functions
#: have to be trusted besides.
TRUSTED_TYPES: list[str] = [
    f"{kind.__module__}.{kind.__qualname__}"
    for kind in (BackpropClassifier, BackpropRegressor, Activation, Loss)
]
