"""What is printed: the machine, plain tables, and the targets with what was reached."""

import datetime
import math
import os
import platform
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from threadpoolctl import threadpool_info

from skbackprop import BackpropClassifier

PACKAGES = ("skbackprop", "scikit-learn", "numpy", "scipy", "torch", "skorch")


def quantity(value):
    """A number with three digits that count; "missing" where there is none."""
    if value is None:
        return "missing"
    if isinstance(value, str | int):
        return str(value)
    for limit, digits in ((99.95, 0), (9.995, 1), (0.9995, 2)):
        if abs(value) >= limit:
            return f"{value:.{digits}f}"
    return f"{value:.3g}"


@dataclass(frozen=True)
class Target:
    """A ratio, or a time, that is to be reached.

    Parameters
    ----------
    what : str
    measured : float or None
    at_least, at_most : float or None
        One of them is given.
    unit : str
    """

    what: str
    measured: float | None
    at_least: float | None = None
    at_most: float | None = None
    unit: str = ""

    @property
    def margin(self):
        """How much of the target is reached; 1 is all of it."""
        if self.measured is None:
            return None
        if self.at_least is not None:
            return self.measured / self.at_least
        # A difference of two times may be lost in their noise, and fall below zero.
        return self.at_most / self.measured if self.measured > 0 else math.inf

    def row(self):
        wanted = f">= {self.at_least:g}" if self.at_least else f"<= {self.at_most:g}"
        if self.margin is None:
            return self.what, wanted + self.unit, "missing", "", "not measured"
        verdict = "met" if self.margin >= 1 else f"short by {quantity(1 / self.margin)} times"
        reached = quantity(self.measured) + self.unit
        return self.what, wanted + self.unit, reached, quantity(self.margin), verdict


class Report:
    """Prints what is found as it is found, and keeps it to be written as Markdown."""

    def __init__(self, effort):
        self.effort = effort
        self._parts = []
        self._targets = []
        self._checks = 0

    def title(self, text):
        self._add(f"\n{text}\n{'=' * len(text)}", f"## {text}")

    def say(self, text):
        self._add(text, text)

    def table(self, title, head, rows, times=()):
        """A table of numbers or texts, whose first column names the row.

        `times` are the measurements that it shows: their spread is told, and who was
        missing.
        """
        cells = [[quantity(cell) for cell in row] for row in rows]
        self._add(f"\n{title}\n{plain(head, cells)}", f"**{title}**\n\n{marked(head, cells)}")
        for reason in sorted({why for one in times for why in one.missing.values()}):
            self.say(f"missing: {reason}")
        if spread := max((one.spread() for one in times), default=0):
            self.say(
                f"The middle half of anybody's rounds spans at most {100 * spread:.0f}% of its "
                "median."
            )

    def check(self, targets):
        """Show targets beside what was measured."""
        targets = list(targets)
        self._targets += targets
        self._checks += 1
        self._show(targets)

    def _show(self, targets):
        head = ("target", "wanted", "measured", "reached", "verdict")
        cells = [target.row() for target in targets]
        self._add(f"\n{plain(head, cells)}", marked(head, cells))

    def summary(self):
        """How many targets are met; those that are not once more, after several tables."""
        if not self._targets:
            return
        verdicts = [target.row()[-1] for target in self._targets]
        met, unknown = verdicts.count("met"), verdicts.count("not measured")
        self.say(
            f"\n{met} of {len(verdicts) - unknown} targets met"
            + (f", {unknown} not measured" if unknown else "")
        )
        short = [one for one in self._targets if one.margin is not None and one.margin < 1]
        if short and self._checks > 1:
            self._show(short)

    def machine(self):
        """What was measured with."""
        found = [f"Python {platform.python_version()}"]
        for name in PACKAGES:
            try:
                found.append(f"{name} {version(name)}")
            except PackageNotFoundError:
                found.append(f"no {name}")
        engine = BackpropClassifier((1,), max_iter=1, tol=None).fit([[0.0], [1.0]], [0, 1])
        load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
        self.say(f"{datetime.date.today()}, {_processor()}, {os.cpu_count()} cores{load}")
        self.say(", ".join(found) + f"; the engine is {engine.engine_}")
        for pool in threadpool_info():
            kernel = f", kernel {pool['architecture']}" if "architecture" in pool else ""
            library = " ".join(filter(None, (pool["internal_api"], pool["version"])))
            origin = Path(pool["filepath"]).parent.name
            self.say(f"{library} of {origin}: {pool['num_threads']} thread(s){kernel}")
        seconds = {"perf_counter": "elapsed time", "process_time": "processor time"}
        self.say(
            f"Medians of {self.effort.rounds} round(s), in which the contenders take turns; "
            f"{seconds[self.effort.clock]}."
        )

    def markdown(self):
        return "\n\n".join(part.strip() for part in self._parts) + "\n"

    def _add(self, printed, written):
        print(printed, flush=True)
        self._parts.append(written)


def plain(head, rows):
    """Columns of text, the first to the left and the others to the right."""
    lines = [list(head), *rows]
    widths = [max(len(str(line[i])) for line in lines) for i in range(len(head))]
    return "\n".join(
        "  ".join(
            str(cell).rjust(width) if i else str(cell).ljust(width)
            for i, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in lines
    )


def marked(head, rows):
    """The same as Markdown."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def _processor():
    info = Path("/proc/cpuinfo")
    if info.exists():
        for line in info.read_text("utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()
