"""Looking into a fitted network: pictures, a step explained, and importances.

Everything here reads a fitted estimator and changes nothing. The pictures need matplotlib,
the extra ``skbackprop[plot]``; the tables need pandas, the extra ``skbackprop[pandas]``.

Names of inputs, classes and estimators are shown as they are, so ``$x$`` is no formula.
Characters that cannot be printed are shown as Python's escapes, and a name too long for its
place loses its middle.
"""

from ._explain_step import LayerStep, StepExplanation, explain_step
from ._importance import garson_importance, olden_importance
from ._importance_display import WeightImportanceDisplay
from ._lek_profile import LekProfile, lek_profile
from ._loss_curve_display import LossCurveDisplay
from ._network_display import NetworkDisplay
from ._weights_display import WeightsDisplay

__all__ = [
    "LayerStep",
    "LekProfile",
    "LossCurveDisplay",
    "NetworkDisplay",
    "StepExplanation",
    "WeightImportanceDisplay",
    "WeightsDisplay",
    "explain_step",
    "garson_importance",
    "lek_profile",
    "olden_importance",
]
