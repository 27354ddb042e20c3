"""What the tests share: both implementations of the engine, and a small data set."""

import signal

import hypothesis
import numpy as np
import pytest
import sklearn
import strategies  # noqa: F401

from skbackprop._engine import hashing, training
from skbackprop.datasets import load_wheat_seeds

# What a type checker reads, and what is run with a wheel, are no tests.
collect_ignore = ["typing/usage.py", "smoke.py"]
if sklearn.__version__ < "1.9":
    # scikit-learn's tests of its MLP are those of 1.9, and there are no callbacks before it.
    collect_ignore += ["test_callbacks.py", "test_sklearn_mlp.py"]


# A background job of a shell ignores Ctrl-C, and so would the processes that tests interrupt.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


# Registered by `strategies`.
hypothesis.settings.load_profile("reproducible")


# What takes long as a whole. The examples in docstrings and pages use the same functions.
SLOW_MODULES = {
    "test_benchmarks", "test_callbacks", "test_combinations", "test_command_line",
    "test_conformance", "test_distributed", "test_export_c", "test_export_c_literals",
    "test_export_onnx", "test_export_onnx_compositions", "test_export_torch", "test_faults",
    "test_inspection_displays", "test_invariants", "test_notebooks", "test_persistence",
    "test_single_row", "test_sklearn_mlp", "test_solvers", "test_tables", "test_targets",
}  # fmt: skip


def pytest_collection_modifyitems(items):
    """Mark what ``-m "not slow"`` leaves out: slow modules, and training on NumPy."""
    for item in items:
        params = item.callspec.params if hasattr(item, "callspec") else {}
        if item.path.stem in SLOW_MODULES or params.get("engine") == "numpy":
            item.add_marker("slow")


@pytest.fixture(params=[pytest.param("compiled", marks=pytest.mark.compiled), "numpy"])
def engine(request, monkeypatch):
    """Train with either implementation; the compiled one has to be there."""
    if request.param == "numpy":
        monkeypatch.setattr(training, "kernel", None)
        monkeypatch.setattr(hashing, "kernel", None)
    else:
        assert training.kernel is not None, "the package was built without its kernel"
    return request.param


@pytest.fixture(scope="session")
def wheat():
    """The wheat seeds, each column scaled to 0..1."""
    X, y = load_wheat_seeds(return_X_y=True)
    return (X - X.min(axis=0)) / np.ptp(X, axis=0), y
