"""Type information: it is there, whole, and says what is true."""

import importlib
import inspect
from importlib.resources import files
from pathlib import Path

import pytest
from mypy import api
from test_docs import LEAVES, public_names

import skbackprop
from skbackprop import _typing as types
from skbackprop._engine.solvers import SOLVERS

ROOT = Path(__file__).parent.parent


@pytest.mark.slow
def test_a_checker_finds_no_fault(tmp_path):
    """Of the package, and of a typed project that uses it (typing/usage.py)."""
    config = ["--config-file", str(ROOT / "pyproject.toml"), "--cache-dir", str(tmp_path)]
    folders = [str(ROOT / "skbackprop"), str(ROOT / "tests" / "typing")]
    report, errors, status = api.run([*config, *folders])
    assert status == 0, report + errors


def test_type_information_is_installed():
    assert files("skbackprop").joinpath("py.typed").is_file()


def public_functions():
    for leaf in ("", *LEAVES):
        module = importlib.import_module(f"skbackprop.{leaf}" if leaf else "skbackprop")
        for name in public_names(leaf) if leaf else skbackprop.__all__:
            value = getattr(module, name)
            if inspect.isfunction(value):
                yield value
            elif inspect.isclass(value):
                yield from public_methods(value)


def public_methods(cls):
    for parent in cls.__mro__:
        if parent.__module__.startswith("skbackprop"):
            for name, value in vars(parent).items():
                # A class method, a property, or what scikit-learn's available_if made.
                for inner in ("__func__", "fget", "fn"):
                    value = getattr(value, inner, value)
                if inspect.isfunction(value) and not name.startswith("_"):
                    yield value


@pytest.mark.parametrize("function", public_functions(), ids=lambda f: f.__qualname__)
def test_every_public_function_is_annotated(function):
    function = inspect.unwrap(function)
    signature = inspect.signature(function)
    bare = [
        name
        for name, parameter in signature.parameters.items()
        if parameter.annotation is parameter.empty and name not in ("self", "cls")
    ]
    assert not bare
    assert signature.return_annotation is not signature.empty


def test_choices_are_those_of_the_parameters():
    """The literals that a checker knows are the values that the estimators accept."""
    rules = skbackprop.BackpropClassifier._parameter_rules
    assert types.Schedule.__args__ == rules["learning_rate"].options
    auto, names, custom = types.Solver.__args__
    assert (auto, names.__args__) == (types.Auto, tuple(SOLVERS))
    assert custom is skbackprop.Solver
