"""What a bug report should say about this installation."""

from __future__ import annotations

import platform
import sys
from importlib.metadata import PackageNotFoundError, version

from ._engine.hashing import kernel

_PACKAGES = ("skbackprop", "scikit-learn", "numpy", "scipy", "pandas", "matplotlib")


def show_versions() -> None:
    """Print the versions of Python and the packages, and which engine trains.

    Examples
    --------
    >>> import skbackprop
    >>> skbackprop.show_versions()  # doctest: +ELLIPSIS, +NORMALIZE_WHITESPACE
        skbackprop: ...
      scikit-learn: ...
    """
    for name in _PACKAGES:
        try:
            found = version(name)
        except PackageNotFoundError:
            found = "not installed"
        print(f"{name:>14}: {found}")
    print(f"{'python':>14}: {sys.version.split()[0]}")
    print(f"{'platform':>14}: {platform.platform()}")
    engine = "numpy (the compiled kernel is missing)" if kernel is None else "compiled"
    print(f"{'engine':>14}: {engine}")
