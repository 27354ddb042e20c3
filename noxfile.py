"""Checks that need an environment of their own: ``nox -s docs``, ``nox --list``.

`.ci/run` is the test command as a user has it; what needs more than an environment is a script
in `.ci`. Arguments after ``--`` go to the tool that a session calls.
"""

import re
import shutil
from pathlib import Path

import nox

nox.needs_version = ">=2024.10.9"
nox.options.sessions = ["docs", "versions"]
nox.options.default_venv_backend = "venv"

PYPROJECT = Path("pyproject.toml").read_text(encoding="utf-8")
# The last of the classifiers that name a version.
NEWEST_PYTHON = re.findall(r'"Programming Language :: Python :: (3\.\d+)"', PYPROJECT)[-1]
OLDEST_PYTHON = re.search(r'^requires-python = ">=(.+)"$', PYPROJECT, flags=re.M)[1]
# PyPI's PyTorch for Linux brings several gigabytes of CUDA; this index has one for the CPU.
PYTORCH = ("torch", "--index-url", "https://download.pytorch.org/whl/cpu")
SKLEARN_VERSIONS = ("1.6.1", "1.7.2", "1.8.0", "1.9.1")


@nox.session
def docs(session):
    """The documentation site, into docs/_build; a warning is an error.

    ``nox -s docs -- linkcheck`` asks whether the links to other sites lead somewhere.
    """
    builder = session.posargs[0] if session.posargs else "html"
    session.install(".[docs]")
    options = ["-W", "--keep-going", "-n", "-E", "-q", "-b", builder]
    session.run("sphinx-build", *options, "docs", f"docs/_build/{builder}")
    session.log(f"{builder}: docs/_build/{builder}")


@nox.session
def torch(session):
    """The tests of the ways to PyTorch and back.

    ``nox -s torch -- torch==2.13.0`` installs that, and not the CPU build of PyTorch's index.
    """
    session.install(*(session.posargs or PYTORCH))
    session.install("-e", ".[test]")
    session.run("pytest", "-m", "torch", "tests/test_export_torch.py")


@nox.session
def campaigns(session):
    """The long random campaigns with all of their examples."""
    session.install("-e", ".[test]")
    session.run("pytest", "-n", "auto", "-m", "campaign", "--hypothesis-profile=campaign")


@nox.session
def coverage(session):
    """Which lines and branches no test runs; fails below the share in setup.cfg.

    PyTorch is installed as in the session torch. Where there is none, its exporters are left
    out and listed as not covered.
    """
    marked = ""
    try:
        session.install(*(session.posargs or PYTORCH))
    except nox.command.CommandFailed:
        session.warn("no PyTorch: its exporters are tested by what needs none")
        marked = "not torch"
    session.install("-e", ".[test,coverage]")
    session.env["COVERAGE_FILE"] = str(Path(session.create_tmp(), "data").resolve())
    # Signals that come again and again also reach what measures.
    again = "tests/test_faults.py::test_ctrl_c_again_and_again"
    tests = ["-m", "pytest", "--quiet", "-n", "0", "-m", marked, "--deselect", again]
    try:
        session.run("coverage", "run", *tests)
    finally:  # the report is of use also where tests failed
        # Some of the tests kill processes, or fill their disk: such data are left out.
        session.run("coverage", "combine", "--quiet")
        session.run("coverage", "report")


@nox.session
@nox.parametrize("sklearn", SKLEARN_VERSIONS)
def versions(session, sklearn):
    """The tests on each minor version of scikit-learn that is supported."""
    test_with(session, f"scikit-learn=={sklearn}")


@nox.session(python=OLDEST_PYTHON)
def oldest(session):
    """The tests on the least version of each dependency and pandas, on the oldest Python."""
    lines = re.findall(r"^(?:dependencies|pandas) = (.+)$", PYPROJECT, flags=re.M)
    floors = re.findall(r"([a-z-]+)>=([0-9.]+)", " ".join(lines))
    test_with(session, *(f"{name}=={version}" for name, version in floors))


@nox.session(python=NEWEST_PYTHON)
def newest(session):
    """The tests on the newest of everything, on the newest Python."""
    test_with(session)


@nox.session
def no_kernel(session):
    """The tests without a compiler: NumPy trains, and what is marked "compiled" is left out."""
    session.env["CC"] = "false"
    test_with(session, marked="not torch and not compiled")


@nox.session(python="3.14t")
def free_threaded(session):
    """The tests on a Python where no lock makes threads take turns."""
    session.env["PYTHON_GIL"] = "0"
    test_with(session)


def test_with(session, *requirements, marked="not torch"):
    """Run the tests on a copy of the source, so that its kernel stays as it is."""
    copy = Path(session.create_tmp(), "source").resolve()
    shutil.rmtree(copy, ignore_errors=True)
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listed = session.run(*command, external=True, silent=True)
    for name in listed.splitlines():
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(name, copy / name)
    session.chdir(copy)
    session.install("-e", ".[test]", *requirements)
    session.run("python", "-c", "import skbackprop; skbackprop.show_versions()")
    session.run("pytest", "--quiet", "-m", marked, *session.posargs)
