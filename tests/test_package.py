"""The package as a whole: its data, its layout, and how it does without what is optional."""

import ast
import hashlib
import importlib
import inspect
import re
import subprocess
import sys
from dataclasses import is_dataclass
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import hypothesis
import numpy as np
import pytest
from importlinter.cli import lint_imports
from sklearn.neural_network import MLPClassifier, MLPRegressor

import skbackprop
from skbackprop import _parameter_docs, datasets, presets
from skbackprop._engine import hashing, training
from skbackprop.datasets import load_wheat_seeds

ROOT = Path(skbackprop.__file__).parent

MODULES = {
    ".".join(path.relative_to(ROOT).with_suffix("").parts) for path in ROOT.rglob("*.py")
} - {"__init__", "__main__"}


def test_imports_run_one_way(monkeypatch):
    """The contracts of pyproject.toml; enter a new module in the line where it belongs."""
    monkeypatch.chdir(ROOT.parent)
    assert lint_imports(config_filename="pyproject.toml", no_cache=True) == 0


def test_settings_are_frozen():
    """What may change is named here; all other objects stay as they were made."""
    found = {
        name: value.__dataclass_params__.frozen
        for module in MODULES
        for name, value in vars(importlib.import_module(f"skbackprop.{module}")).items()
        if inspect.isclass(value) and is_dataclass(value)
    }
    changing = {name for name, frozen in found.items() if not frozen}
    # Where training stands, and what a worker holds of its partition.
    assert changing == {
        "TrainCounters",
        "TrainState",
        "TrainResult",
        "Partition",
        "PartitionSummary",
        "PartitionStats",
        "PreparedPartition",
    }
    assert len(found) > 30


def documented(estimator):
    """The text of each parameter in a class's docstring."""
    # Before Python 3.13 docstrings are indented as they stand in the code.
    section = inspect.getdoc(estimator).split("Parameters\n----------\n")[1]
    section = section.split("\n\nAttributes\n")[0]
    entries = re.split(r"^(?=\w[\w, ]* : )", section, flags=re.M)[1:]
    return {
        name: entry.split(" : ", 1)[1]
        for entry in entries
        for name in entry.split(" : ", 1)[0].split(", ")
    }


def test_every_parameter_is_documented_checked_and_compared():
    both = (skbackprop.BackpropClassifier, skbackprop.BackpropRegressor)
    page = (Path(__file__).parent.parent / "docs" / "parameters.md").read_text("utf-8")
    for estimator in both:
        signature = inspect.signature(estimator).parameters
        assert list(documented(estimator)) == list(signature)
        assert set(estimator._parameter_rules) == set(signature) - {"random_state"}
        for name, parameter in signature.items():
            assert f"`{name}`" in page
            text = documented(estimator)[name]
            said = re.search(r"default=(.+)", text)[1]
            if not name.startswith("beta"):  # two on one line
                assert ast.literal_eval(said) == parameter.default, name
    # What both have is said in the same words, but for what the targets make of it.
    ours, theirs = map(documented, both)
    differ = {name for name in set(ours) & set(theirs) if ours[name] != theirs[name]}
    assert differ == {"output_activation", "loss", "early_stopping", "standardize"}


@pytest.mark.parametrize("name", ["BackpropClassifier", "BackpropRegressor"])
def test_class_docstrings_are_filled_and_short(name):
    text = getattr(skbackprop, name).__doc__
    assert not re.findall(r"^ *\{\w+\}$", text, flags=re.M)
    assert text.count("\n") <= 200


def test_both_estimators_fill_every_shared_entry():
    used = {
        entry
        for name in ("_classifier.py", "_regressor.py")
        for entry in re.findall(r"^    \{(\w+)\}$", (ROOT / name).read_text("utf-8"), re.M)
    }
    assert used == set(_parameter_docs._parse(_parameter_docs._ENTRIES))


def test_a_missing_argument_is_reported_with_the_name_of_the_class():
    """Python names where a method is defined, which users have not written."""
    for kind in (skbackprop.BackpropClassifier, skbackprop.BackpropRegressor):
        estimator, called = kind(), []
        for name, method in inspect.getmembers(kind, callable):
            if name.startswith("_") or not inspect.signature(method).parameters:
                continue
            required = [
                parameter.name
                for parameter in list(inspect.signature(method).parameters.values())[1:]
                if parameter.default is parameter.empty
                and parameter.kind is parameter.POSITIONAL_OR_KEYWORD
            ]
            if required:
                called.append(name)
                with pytest.raises(TypeError, match=rf"^{kind.__name__}\.{name}\(\) missing "):
                    getattr(estimator, name)()
                assert inspect.getdoc(method)
        assert {"fit", "partial_fit", "predict", "score", "get_activations"} <= set(called)


def test_layers_are_given_once_and_all_else_by_name():
    """As docs/migrating.md says."""
    with pytest.raises(TypeError, match="multiple values for .*hidden_layer_sizes"):
        skbackprop.BackpropClassifier((20, 20), **presets.MLP)
    with pytest.raises(TypeError, match="positional argument"):
        skbackprop.BackpropClassifier((20, 20), "tanh")


def test_the_preset_is_scikit_learns():
    for peer in (MLPClassifier, MLPRegressor):
        for name, parameter in inspect.signature(peer).parameters.items():
            if name in ("loss", "random_state", "verbose", "warm_start"):
                continue  # "auto" is both of theirs; the others are no settings of training
            # Where an MLP is left to choose its batch size, it takes 200 rows.
            expected = 200 if name == "batch_size" else parameter.default
            assert presets.MLP[name] == expected, name


def test_property_based_tests_are_not_timed():
    assert hypothesis.settings().deadline is None
    assert hypothesis.HealthCheck.too_slow in hypothesis.settings().suppress_health_check
    for path in Path(__file__).parent.glob("test_*.py"):
        assert not re.search(r"settings\(.*deadline=", path.read_text("utf-8")), path.name


def test_wheat_seeds():
    bunch = load_wheat_seeds()
    assert bunch.data.shape == (210, 7)
    np.testing.assert_array_equal(np.bincount(bunch.target), [0, 70, 70, 70])
    frame = load_wheat_seeds(as_frame=True)
    assert list(frame.data.columns) == bunch.feature_names
    np.testing.assert_array_equal(frame.data, bunch.data)
    digest = hashlib.sha256(Path(bunch.filename).read_bytes()).hexdigest()
    read_me = Path(bunch.filename).with_name("README.md").read_text(encoding="utf-8")
    assert digest in read_me


def test_a_missing_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"skbackprop\[pandas\]"):
        load_wheat_seeds(as_frame=True)


def test_data_that_are_not_there(monkeypatch, tmp_path):
    monkeypatch.setattr(datasets, "_FOLDERS", (tmp_path,))
    with pytest.raises(FileNotFoundError, match=f"is in none of .*{tmp_path.name}"):
        load_wheat_seeds()


CHECKOUT = """
import importlib.metadata, sys

def missing(name):
    raise importlib.metadata.PackageNotFoundError(name)

importlib.metadata.version = missing
sys.modules["skbackprop._engine.kernel._kernel"] = None
import skbackprop
reg = skbackprop.BackpropRegressor((2,), max_iter=1).fit([[0.0], [1.0]], [0.0, 1.0])
print(skbackprop.__version__, reg.engine_)
"""


@pytest.mark.slow
def test_a_checkout_that_was_never_installed_nor_compiled():
    done = subprocess.run([sys.executable, "-c", CHECKOUT], capture_output=True, text=True)
    assert done.stdout == "unknown numpy\n", done.stderr


NO_KERNEL = """
import sys, warnings
sys.modules["skbackprop._engine.kernel._kernel"] = None
from sklearn.exceptions import EfficiencyWarning
from skbackprop import BackpropRegressor

rows = [[0.0], [1.0]], [0.0, 1.0]
reg = BackpropRegressor((2,), max_iter=1)
with warnings.catch_warnings():
    warnings.simplefilter("error")
    for attempt in range(2):
        try:
            reg.fit(*rows)
        except EfficiencyWarning as warning:
            print("error:", warning, hasattr(reg, "coefs_"))
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    reg.fit(*rows)
    reg.fit(*rows).partial_fit(*rows)
for warning in caught:
    print(warning.filename, warning.lineno, warning.message)
"""


@pytest.mark.slow
def test_missing_kernel_warns_at_the_first_fit_and_says_what_to_do(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(NO_KERNEL, "utf-8")
    done = subprocess.run([sys.executable, script], capture_output=True, text=True)
    first, second, once = done.stdout.splitlines()
    assert first == second and first.startswith("error: skbackprop was installed without its ")
    assert first.endswith("False")
    fit = NO_KERNEL.splitlines().index("    reg.fit(*rows)") + 1
    assert once.startswith(f"{script} {fit} skbackprop was installed without")
    assert "pip install --force-reinstall --no-deps --no-cache-dir skbackprop" in once


def test_versions_say_what_is_missing(monkeypatch, capsys):
    def version(name):
        if name == "pandas":
            raise PackageNotFoundError(name)
        return "1.2.3"

    monkeypatch.setattr("skbackprop._show_versions.version", version)
    skbackprop.show_versions()
    printed = capsys.readouterr().out
    assert "pandas: not installed\n" in printed
    assert "scipy: 1.2.3\n" in printed


def test_versions_name_the_engine(engine, monkeypatch, capsys):
    monkeypatch.setattr("skbackprop._show_versions.kernel", training.kernel)
    skbackprop.show_versions()
    printed = capsys.readouterr().out
    assert f"engine: {engine}" in printed
    assert (hashing.kernel is None) == (engine == "numpy")
    assert skbackprop.__version__ in printed
