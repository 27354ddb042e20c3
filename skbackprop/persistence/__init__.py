"""Fitted estimators in files that hold numbers and names, and nothing that runs."""

from ._file import load, save

__all__ = ["load", "save"]
