"""Warnings that point to the user's own line."""

import sys
import warnings
from functools import cache

from sklearn.exceptions import EfficiencyWarning

# Whose frames lie between a warning and the line that called `fit`.
_INSIDE = (__name__.partition(".")[0], "sklearn.callback")


def warn_caller(message, category=UserWarning):
    """Warn from the line that called into this package, however deep inside we are."""
    level, frame = 1, sys._getframe(0)
    while frame is not None and _is_inside(frame.f_globals.get("__name__", "")):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)


@cache  # once per process, or each time where warnings are errors
def warn_of_missing_kernel():
    """Say that training is slow, and what makes it fast."""
    warn_caller(
        "skbackprop was installed without its compiled kernel, and trains with NumPy, some "
        "hundred times slower for small networks. Install a C compiler and the package again: "
        "python -m pip install --force-reinstall --no-deps --no-cache-dir skbackprop",
        EfficiencyWarning,
    )


def _is_inside(module):
    return any(module == name or module.startswith(f"{name}.") for name in _INSIDE)
