"""The documentation says what is there: all of it, and nothing else."""

import importlib
import re
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest

import skbackprop
from skbackprop import _engine

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
# What the building of the site leaves there.
COPIES = {"_build", "notebooks", "changelog.md", "contributing.md", "security.md"}
PAGES = sorted(
    path for path in DOCS.rglob("*.md") if not COPIES & set(path.relative_to(DOCS).parts)
)
# Blocks that need what the tests have not: a cluster with rows in a store, MAPIE and MLflow.
NOT_RUN = {"distributed.md": 1, "other_packages.md": 4}
LEAVES = (
    "callbacks",
    "datasets",
    "distributed",
    "export",
    "inspection",
    "persistence",
    "presets",
)


def public_names(leaf):
    """What a module offers: its `__all__`, or else what it defines without an underscore."""
    module = importlib.import_module(f"skbackprop.{leaf}")
    if hasattr(module, "__all__"):
        return module.__all__
    return [
        name
        for name, value in vars(module).items()
        if not name.startswith("_") and getattr(value, "__module__", None) == module.__name__
    ]


@pytest.mark.parametrize("leaf", ["", *LEAVES])
def test_every_public_name_has_a_page(leaf):
    listed = re.findall(r"^   ([\w.]+)$", (DOCS / "api.rst").read_text("utf-8"), flags=re.M)
    names = public_names(leaf) if leaf else set(skbackprop.__all__) - {"__version__", "presets"}
    prefix = f"{leaf}." if leaf else ""
    assert names
    assert {f"{prefix}{name}" for name in names} <= set(listed)


def test_the_reference_lists_nothing_else():
    text = (DOCS / "api.rst").read_text("utf-8")
    for name in re.findall(r"^   ([\w.]+)$", text, flags=re.M):
        leaf, _, last = name.rpartition(".")
        module = importlib.import_module(f"skbackprop.{leaf}" if leaf else "skbackprop")
        assert hasattr(module, last), name


@pytest.mark.parametrize("path", PAGES, ids=lambda path: str(path.relative_to(DOCS)))
def test_python_on_a_page_is_run(path):
    """Doctests are run with the page; a block of another form would not be."""
    blocks = re.findall(r"^```python\n(.*?)^```$", path.read_text("utf-8"), flags=re.S | re.M)
    run = [block for block in blocks if block.startswith(">>>") and block.endswith("\n\n")]
    assert len(blocks) - len(run) == NOT_RUN.get(path.name, 0)


class Tracker:
    """What the page on other packages uses of MLflow, and what is logged by it."""

    def __init__(self):
        self.sklearn, self.params, self.losses = self, {}, []

    def autolog(self, **options):
        pass

    def start_run(self):
        self.params, self.losses = {}, []
        return nullcontext()

    def log_params(self, params):
        self.params = params

    def log_metric(self, name, value, step):
        assert name == "loss" and step == len(self.losses)
        self.losses.append(value)


@pytest.mark.parametrize("how", ["history_", "LossLogger"])
def test_other_packages_page_logs_every_epoch(how, monkeypatch, wheat):
    if how == "LossLogger":
        pytest.importorskip("sklearn.callback", reason="callbacks came with scikit-learn 1.9")
    tracker = Tracker()
    monkeypatch.setitem(sys.modules, "mlflow", tracker)
    page = (DOCS / "guide" / "other_packages.md").read_text("utf-8")
    _, section = page.split("## Experiment tracking: MLflow")
    blocks = re.findall(r"^```python\n(.*?)^```$", section, flags=re.S | re.M)
    (block,) = [block for block in blocks if how in block]
    names = {"X": wheat[0], "y": wheat[1]}
    for code in (blocks[0], block):
        exec(code, names)
    network = skbackprop.BackpropClassifier(random_state=0).fit(*wheat)
    assert tracker.losses == network.loss_curve_
    assert tracker.params["solver"] == "auto"


def test_contributing_shows_the_real_code():
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    shown = re.findall(r"^```python\n(.*?)^```$", text, flags=re.S | re.M)
    files = Path(_engine.__file__).parent.rglob("*.py")
    code = flush_left("\n".join(path.read_text("utf-8") for path in files))
    assert len(shown) == 5
    for block in shown:
        assert flush_left(block) in code


def flush_left(code):
    """Code as it compares: a method is shown without the indentation of its class."""
    return "\n".join(line.strip() for line in code.strip().splitlines())


def test_contributing_lists_every_check():
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    scripts = {path.name for path in (ROOT / ".ci").iterdir() if not path.suffix}
    assert set(re.findall(r"^\| `\.ci/([\w-]+)`", text, flags=re.M)) == scripts


def test_contributing_names_every_module():
    text = (ROOT / "CONTRIBUTING.md").read_text("utf-8")
    named = set(re.findall(r"`(\w+/?)`", text.split("| folder |")[1].split("Imports run")[0]))
    package = ROOT / "skbackprop"
    folders = {f"{path.parent.name}/" for path in package.glob("*/**/__init__.py")}
    parts = ("", "_preprocessing", "_training", "_prediction")
    files = {path.stem for part in parts for path in (package / part).glob("*.py")} - {
        "__init__"
    }
    engine = {path.stem for path in (package / "_engine").glob("*.py")}
    assert files | folders <= named, "name it in CONTRIBUTING's table of the layout"
    known = files | folders | engine | {"skbackprop/", "fit", "partial_fit", "run_epoch"}
    assert named <= known, "CONTRIBUTING names what is not there"


def test_included_code_is_where_a_page_looks_for_it():
    text = (DOCS / "mathematics.md").read_text("utf-8")
    blocks = re.findall(r"^```\{literalinclude\} (\S+)\n(.*?)^```$", text, flags=re.S | re.M)
    assert len(blocks) > 10
    for path, options in blocks:
        code = (DOCS / path).read_text("utf-8")
        for pattern in re.findall(r"^:(?:start-at|end-before): (.+)$", options, flags=re.M):
            assert pattern in code, pattern
        for name in re.findall(r"^:pyobject: (?:\w+\.)*(\w+)$", options, flags=re.M):
            assert re.search(rf"\b(def|class) {name}\b", code), name


def test_the_mathematics_names_every_function():
    text = (DOCS / "mathematics.md").read_text("utf-8")
    rows = re.findall(r"^\| (\w+)", text, flags=re.M)
    for module, table in (
        ("activations", "OUTPUT_ACTIVATIONS"), ("losses", "LOSSES"), ("schedules", "SCHEDULES"),
    ):  # fmt: skip
        functions = getattr(importlib.import_module(f"skbackprop._engine.{module}"), table)
        assert {function.name for function in functions} <= set(rows)
    rules = importlib.import_module("skbackprop._engine.solvers").UPDATE_RULES
    shown = re.findall(r"^:pyobject: (\w+)\.step$", text, flags=re.M)
    # AccumulateGradient makes no update.
    assert {rule.__name__ for rule in rules} == {*shown, "AccumulateGradient"}


def test_promises_name_tests_that_are_there():
    named = re.findall(r"`(test_\w+\.py)::(\w+)`", (DOCS / "promises.md").read_text("utf-8"))
    assert named
    for file, function in named:
        assert f"def {function}(" in (ROOT / "tests" / file).read_text("utf-8"), function


def test_promises_have_an_outcome():
    """Each row names its test or command, with what came of it when it last ran."""
    page = (DOCS / "promises.md").read_text("utf-8")
    text, _ = page.split("## What the tests cover")
    assert text.count("\n| promise | test | cases | outcome |\n") == text.count("\n| promise ")
    rows = [line for line in text.splitlines() if line.startswith("| ")]
    for row in rows:
        _, promise, test, cases, outcome, _ = re.split(r" ?\| ?", row)
        assert promise and cases and ("`" in test or test == "test"), row
        assert outcome in ("passed", "passed, skipped", "outcome"), row


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_links_of_the_repositorys_pages_lead_to_a_file(name):
    """They are inline, as setup.py expects, which makes them absolute for a package index."""
    text = (ROOT / name).read_text("utf-8")
    links = re.findall(r"\]\(([^)]+)\)", text)
    assert links
    assert not re.search(r"^\[[^]]+\]: |<a |<img |href=", text, flags=re.M)
    for link in links:
        assert link.startswith(("https://", "#")) or (ROOT / link).exists(), link


def test_urls_of_the_project_share_one_base():
    text = (ROOT / "pyproject.toml").read_text("utf-8")
    section = text.split("[project.urls]\n")[1].split("\n\n")[0]
    urls = dict(re.findall(r'^(\w+) = "(https://.+)"$', section, flags=re.M))
    assert {"Homepage", "Documentation", "Repository", "Issues", "Changelog"} == set(urls)
    assert urls["Changelog"] == f"{urls['Repository']}/blob/main/CHANGELOG.md"
