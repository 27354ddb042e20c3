"""What the tests share: both implementations of the engine, and a small data set."""

import signal

import hypothesis
import numpy as np
import pytest
import sklearn
import strategies

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


hypothesis.settings.load_profile(strategies.PROFILE)


# What takes long as a whole. The examples in docstrings and pages use the same functions.
SLOW_MODULES = {
    "test_benchmarks", "test_callbacks", "test_combinations", "test_command_line",
    "test_conformance", "test_distributed", "test_export_c", "test_export_onnx",
    "test_export_torch", "test_faults", "test_notebooks", "test_persistence",
    "test_sklearn_mlp", "test_tables", "test_targets",
}  # fmt: skip
# All cases of one of these take half a second and more, and those of its neighbors do not.
SLOW_TESTS = {
    "test_log_loss_is_logistic_regression", "test_poisson_is_poisson_regression",
    "test_quantile_loss_is_quantile_regression", "test_l1_is_lasso",
    "test_every_solver_resumes_ten_epochs_and_ten_more_as_twenty",
    "test_labels_in_c_are_those_of_the_classifier", "test_feature_names_in_c_are_a_comment",
    "test_every_name_in_c_begins_with_the_prefix",
    "test_to_onnx_of_a_composition_equals_scikit_learn",
    "test_learning_rate_on_the_second_axis",
    "test_panels", "test_heat_maps_are_readable", "test_names_are_drawn_as_they_are",
    "test_the_default_network_is_readable_in_all_pictures",
    "test_a_name_in_a_title_or_a_legend_is_drawn_as_it_is",
    "test_learning_is_the_same_both_ways", "test_rows_in_any_form_take_the_short_way",
    "test_weights_are_the_same_both_ways", "test_predictions_are_the_same_both_ways",
    "test_the_form_of_an_array_changes_no_bit", "test_sparse_is_dense",
    "test_float32_learns_as_well_as_float64_where_roundings_grow", "test_ten_thousand_classes",
}  # fmt: skip


def pytest_collection_modifyitems(items):
    """Mark what ``-m "not slow"`` leaves out: what takes long, and training on NumPy."""
    for item in items:
        params = item.callspec.params if hasattr(item, "callspec") else {}
        is_slow = item.path.stem in SLOW_MODULES or item.name.partition("[")[0] in SLOW_TESTS
        if is_slow or params.get("engine") == "numpy":
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
