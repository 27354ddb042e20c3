"""Accuracy out of the box: ``python -m benchmarks.accuracy``."""
