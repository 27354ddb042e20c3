"""Runs what docs/promises.md promises, and writes there how many cases ran and what came of it.

    python .ci/promises.py

The page says the promises and names the tests; the columns behind are written here. A case is
an example that hypothesis drew, one that the test itself counted
(``record_property("cases", n)``), or else one run of the test. Rows that name no test are left
as they are. Ends with 1 if a promise is broken or names no test that ran.
"""

import base64
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from datetime import date
from importlib.metadata import version
from pathlib import Path
from platform import machine, python_version
from xml.etree import ElementTree

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "promises.md"
TEST = re.compile(r"`(test_\w+)\.py(?:::(\w+))?`")
HEADER = "| promise | test | cases | outcome |"
STAMP = re.compile(r"^Last run .*?\n\n", flags=re.S | re.M)


def run(tests):
    """The report of pytest, in the form of JUnit."""
    names = [f"tests/{file}.py" + (f"::{name}" if name else "") for file, name in tests]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.xml"
        # The first family of reports alone holds what tests say of themselves.
        report = ["-o", "junit_family=xunit1", f"--junitxml={path}"]
        options = ["--quiet", "--hypothesis-profile=campaign", *report]
        command = [sys.executable, "-m", "pytest", *options, *names]
        subprocess.run(command, cwd=ROOT, check=False)
        return ElementTree.parse(path)


def examples(report):
    """How many examples hypothesis drew, by the id of the test."""
    drawn = {}
    for said in report.iter("property"):
        _, is_statistics, test = said.get("name").partition("hypothesis-statistics-")
        if is_statistics:
            text = base64.b64decode(said.get("value")).decode()
            drawn[test] = sum(map(int, re.findall(r"(\d+) (?:pass|fail)ing", text)))
            assert drawn[test], text
    return drawn


def results(report):
    """By file and function: how many cases there were, and the outcomes of its runs."""
    drawn = examples(report)
    cases, outcomes = defaultdict(int), defaultdict(list)
    for case in report.iter("testcase"):
        file = case.get("classname").split(".")[1]
        function = case.get("name").partition("[")[0]
        counted = [p.get("value") for p in case.iter("property") if p.get("name") == "cases"]
        skipped, passed = case.find("skipped") is not None, len(case) == bool(counted)
        n = 0 if skipped else drawn.get(f"tests/{file}.py::{case.get('name')}", 1)
        for key in ((file, function), (file, "")):
            cases[key] += sum(map(int, counted)) or n
            outcomes[key].append("skipped" if skipped else "passed" if passed else "failed")
    return cases, outcomes


def row(line, cases, outcomes):
    """A row of a table, filled in."""
    promise, named, *rest = (cell.strip() for cell in line.strip().strip("|").split(" | "))
    tests = TEST.findall(named)
    if tests:
        result = [outcome for test in tests for outcome in outcomes[test]]
        numbers = ", ".join(f"{cases[test]:,}" for test in tests)
        counts = {kind: result.count(kind) for kind in ("failed", "passed", "skipped")}
        rest = [numbers, ", ".join(kind for kind, n in counts.items() if n) or "not there"]
    return "| " + " | ".join([promise, named, *rest]) + " |"


def main():
    """Fill in the page; 1 if a promise is broken."""
    text = PAGE.read_text("utf-8")
    tests = list(dict.fromkeys(TEST.findall(text)))
    cases, outcomes = results(run(tests))
    lines, inside = [], False
    for line in text.splitlines():
        inside = line == HEADER or (inside and line.startswith("|"))
        fill = inside and line != HEADER and not line.startswith("|---")
        lines.append(row(line, cases, outcomes) if fill else line)
    packages = ("numpy", "scipy", "scikit-learn", "hypothesis")
    versions = ", ".join(f"{package} {version(package)}" for package in packages)
    stamp = f"Last run {date.today()} on {machine()}, Python {python_version()},\n{versions}."
    PAGE.write_text(STAMP.sub(stamp + "\n\n", "\n".join(lines) + "\n"), "utf-8")
    broken = [test for test in tests if {"passed"} != set(outcomes[test]) - {"skipped"}]
    print("\n".join("broken: " + "::".join(filter(None, test)) for test in broken))
    return bool(broken)


if __name__ == "__main__":
    sys.exit(main())
