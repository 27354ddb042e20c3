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
from sklearn.neural_network import MLPClassifier, MLPRegressor

import skbackprop
from skbackprop import datasets, presets
from skbackprop.datasets import load_wheat_seeds
from skbackprop.engine import hashing, training

ROOT = Path(skbackprop.__file__).parent

# Each module, and the modules that it may import.
ARROWS = {
    "engine.activations": set(),
    "engine.hashing": {"engine.kernel"},
    "engine.initializers": set(),
    "engine.solvers.__init__": {
        "engine.solvers.adam", "engine.solvers.lbfgs", "engine.solvers.levenberg_marquardt",
        "engine.solvers.rmsprop", "engine.solvers.rprop", "engine.solvers.sgd",
        "engine.solvers.solver",
    },
    "engine.solvers.adam": {"engine.solvers.solver"},
    "engine.solvers.check": {"engine.solvers.solver"},
    "engine.solvers.lbfgs": {"engine.blas_threads", "engine.solvers.solver"},
    "engine.solvers.levenberg_marquardt": {"engine.blas_threads", "engine.solvers.solver"},
    "engine.solvers.rmsprop": {"engine.solvers.solver"},
    "engine.solvers.rprop": {"engine.solvers.solver"},
    "engine.solvers.sgd": {"engine.solvers.solver"},
    "engine.solvers.solver": {"engine.blas_threads"},
    "engine.schedules": set(),
    "engine.dropout": {"engine.hashing"},
    "engine.output_expansion": set(),
    "engine.losses": {"engine.activations"},
    "engine.gradcheck": {"engine.activations", "engine.losses"},
    "engine.network": {"engine.activations", "engine.losses"},
    "engine.regularization": {"engine.dropout"},
    "engine.sampling": {"engine.hashing"},
    "engine.saturation": set(),
    "engine.training": {
        "engine.hashing", "engine.saturation", "engine.schedules",
        "engine.solvers.levenberg_marquardt",
    },
    "engine.blas_threads": set(),
    "_parameters": {
        "_parameter_hints", "engine.activations", "engine.initializers", "engine.losses",
        "engine.schedules", "engine.solvers",
    },
    "presets": set(),
    "_serialization": {
        "_history", "_parameters", "_scaling", "_target_encoding", "_training_loop",
        "engine.activations", "engine.losses", "engine.network", "engine.schedules",
        "engine.solvers",
    },
    "_scaling": {"_row_sample"},
    "_row_sample": {"engine.hashing", "engine.sampling"},
    "_noise_estimation": {"engine.losses"},
    "_training_lock": set(),
    "_sample_weight": set(),
    "_label_types": set(),
    "_target_encoding": {"_label_types"},
    "_probabilities": {"_target_encoding"},
    "_history": set(),
    "datasets": set(),
    "_typing": {"engine.activations", "engine.solvers"},
    "_show_versions": {"engine.hashing"},
    "_warnings": set(),
    "_cell_checks": set(),
    "_summary": set(),
    "_input_validation": {"_cell_checks"},
    "_parameter_hints": set(),
    "_validation_set": {"engine.hashing", "engine.sampling", "engine.training"},
    "_config": {
        "_auto_parameters", "_parameters", "engine.activations", "engine.initializers",
        "engine.network", "engine.regularization", "engine.sampling", "engine.training",
    },
    "_auto_parameters": {"engine.schedules", "engine.solvers"},
    "_callback_dispatch": {"_history", "engine.solvers"},
    "_training_loop": {
        "_auto_parameters", "_history", "_warnings", "engine.output_expansion",
        "engine.schedules", "engine.training",
    },
    "_single_row": {
        "_auto_parameters", "_history", "engine.hashing", "engine.solvers",
        "engine.schedules", "engine.training",
    },
    "_fitted_network": {
        "_history", "_input_validation", "_parameters", "_serialization", "_single_row",
        "_summary", "engine.network", "engine.training",
    },
    "_base": {
        "_auto_parameters", "_callback_dispatch", "_config", "_fitted_network", "_history",
        "_input_validation", "_noise_estimation", "_parameters", "_sample_weight",
        "_scaling", "_training_loop", "_validation_set", "_warnings", "engine.activations",
        "engine.hashing", "engine.losses", "engine.sampling", "engine.schedules",
        "engine.solvers",
    },
    "classifier": {
        "_base", "_config", "_input_validation", "_label_types", "_parameters",
        "_probabilities", "_sample_weight", "_single_row", "_target_encoding",
        "_training_lock", "engine.losses",
    },
    "regressor": {
        "_base", "_input_validation", "_parameters", "_scaling", "_single_row",
        "_training_lock", "engine.losses",
    },
    # Leaves: nothing above imports them.
    "callbacks": {"_base", "_parameters", "persistence"},
    "persistence.__init__": {
        "classifier", "engine.activations", "engine.losses", "persistence._file",
        "regressor",
    },
    "persistence._codec": {"_serialization"},
    "persistence._estimators": {
        "_parameters", "_serialization", "classifier", "persistence._codec", "regressor",
    },
    "persistence._file": {
        "__version__", "_parameters", "_serialization", "persistence._codec",
        "persistence._estimators", "persistence._replace",
    },
    "persistence._replace": set(),
    "distributed.__init__": {"distributed._fit"},
    "distributed._collections": {"_input_validation"},
    "distributed._partition": {
        "_input_validation", "_label_types", "_row_sample", "_sample_weight",
        "_target_encoding", "engine.blas_threads", "engine.solvers",
        "engine.regularization", "engine.sampling", "engine.training",
    },
    "distributed._rounds": {
        "distributed._collections", "distributed._partition",
        "engine.solvers.levenberg_marquardt", "engine.training",
    },
    "distributed._fit": {
        "_auto_parameters", "_base", "_config", "_history", "_noise_estimation",
        "_parameters", "_scaling", "_serialization", "_training_lock", "_training_loop",
        "_validation_set", "distributed._collections", "distributed._partition",
        "distributed._rounds", "engine.solvers",
    },
    "export.__init__": {
        "export._c_code", "export._onnx_graph", "export._sklearn_mlp", "export._torch",
    },
    "export._affine": set(),
    "export._c_answers": {"_target_encoding", "export._c_functions", "export._fitted"},
    "export._c_functions": set(),
    "export._c_learning": {
        "_auto_parameters", "_parameters", "_target_encoding", "engine.losses",
        "export._c_functions", "export._fitted",
    },
    "export._c_labels": {"_target_encoding", "export._c_text", "export._fitted"},
    "export._c_text": set(),
    "export._fitted": {
        "_config", "_fitted_network", "_history", "_scaling", "_target_encoding",
        "_training_loop", "classifier", "engine.network", "regressor",
    },
    "export._c_code": {
        "export._affine", "export._c_answers", "export._c_functions", "export._c_labels",
        "export._c_learning", "export._c_text", "export._fitted", "export._fixed_point",
    },
    "export._sklearn_mlp": {
        "_auto_parameters", "_parameters", "_target_encoding", "classifier",
        "export._fitted", "presets", "regressor",
    },
    "export._torch_modules": set(),
    "export._torch": {
        "_target_encoding", "classifier", "export._fitted", "export._torch_modules",
        "regressor",
    },
    "export._onnx_check": set(),
    "export._onnx_scores": set(),
    "export._onnx_graph": {
        "_target_encoding", "classifier", "engine.activations", "export._fitted",
        "export._onnx_check", "export._onnx_scores", "regressor",
    },
    "export._fixed_point": {"export._c_functions", "export._c_text"},
    "tables.__init__": {
        "tables._errors", "tables._evaluate", "tables._model", "tables._read",
    },
    "tables._columns": {"tables._errors"},
    "tables._differences": set(),
    "tables._errors": set(),
    "tables._evaluate": {
        "tables._columns", "tables._differences", "tables._errors", "tables._frames",
        "tables._model", "tables._models", "tables._report",
    },
    "tables._models": {"classifier", "regressor", "tables._columns"},
    "tables._frames": {"tables._errors"},
    "tables._model": {"persistence", "tables._columns", "tables._errors", "tables._frames"},
    "tables._read": {"tables._errors"},
    "tables._report": {
        "inspection", "inspection._utils", "tables._columns", "tables._models",
    },
    "_cli.__init__": set(),
    "_cli.case_study": {
        "BackpropClassifier", "_cli.console", "_parameters", "datasets", "presets",
        "tables._differences",
    },
    "_cli.console": set(),
    "_cli.fit_table": {
        "_cli.console", "export", "tables._columns", "tables._errors", "tables._evaluate",
        "tables._model", "tables._models", "tables._read", "tables._report",
    },
    "_cli.main": {
        "__version__", "_cli.case_study", "_cli.fit_table", "_cli.predict_table",
        "tables._errors",
    },
    "_cli.predict_table": {
        "_cli.fit_table", "tables._columns", "tables._errors", "tables._model",
        "tables._read",
    },
    "inspection.__init__": {
        "inspection._explain_step", "inspection._importance",
        "inspection._importance_display", "inspection._lek_profile",
        "inspection._loss_curve_display", "inspection._network_display",
        "inspection._weights_display",
    },
    "inspection._utils": {"_base", "_parameters"},
    "inspection._explain_step": {
        "_auto_parameters", "engine.training", "inspection._utils",
    },
    "inspection._importance": {"engine.network", "inspection._utils"},
    "inspection._importance_display": {
        "_parameters", "inspection._importance", "inspection._utils",
    },
    "inspection._loss_curve_display": {"_history", "inspection._utils"},
    "inspection._network_display": {"_parameters", "inspection._utils"},
    "inspection._lek_profile": {"_parameters", "inspection._utils"},
    "inspection._weights_display": {"_parameters", "inspection._utils"},
}  # fmt: skip


def imports(path, module):
    """The package's own modules that a file imports when it runs, and the names of others."""
    own, others = set(), set()
    package = module.split(".")[:-1]
    tree = ast.parse(path.read_text(encoding="utf-8"))
    # What only a type checker imports is no arrow.
    tree.body = [node for node in tree.body if ast.unparse(node)[:16] != "if TYPE_CHECKING"]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            others |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            others.add(node.module.split(".")[0])
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1]
            if node.module:
                own.add(".".join([*base, node.module]))
            else:
                own |= {".".join([*base, alias.name]) for alias in node.names}
    return own, others


@pytest.mark.parametrize("module", ARROWS)
def test_imports_run_one_way(module):
    own, others = imports(ROOT.joinpath(*module.split(".")).with_suffix(".py"), module)
    assert own == ARROWS[module]
    if module.startswith("engine"):
        assert "sklearn" not in others


def test_every_room_has_its_arrows():
    files = {
        ".".join(path.relative_to(ROOT).with_suffix("").parts) for path in ROOT.rglob("*.py")
    }
    assert files - {"__init__", "__main__", "engine.__init__"} == set(ARROWS)


def test_settings_are_frozen():
    """What may change is named here; all other objects stay as they were made."""
    found = {
        name: value.__dataclass_params__.frozen
        for module in ARROWS
        for name, value in vars(importlib.import_module(f"skbackprop.{module}")).items()
        if inspect.isclass(value) and is_dataclass(value)
    }
    changing = {name for name, frozen in found.items() if not frozen}
    # Where training stands, and what a worker holds of its partition.
    assert changing == {
        "TrainCounters",
        "TrainState",
        "TrainResult",
        "Rows",
        "Survey",
        "Measured",
        "Block",
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
sys.modules["skbackprop.engine.kernel"] = None
import skbackprop
reg = skbackprop.BackpropRegressor((2,), max_iter=1).fit([[0.0], [1.0]], [0.0, 1.0])
print(skbackprop.__version__, reg.engine_)
"""


def test_a_checkout_that_was_never_installed_nor_compiled():
    done = subprocess.run([sys.executable, "-c", CHECKOUT], capture_output=True, text=True)
    assert done.stdout == "unknown numpy\n", done.stderr


NO_KERNEL = """
import sys, warnings
sys.modules["skbackprop.engine.kernel"] = None
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
