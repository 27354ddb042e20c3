"""How the time and the memory of a fit grow.

    python -m benchmarks.scaling

Time against rows, columns, width, depth and epochs, one at a time; the growth exponent is
the slope of log time against log size, over all sizes and over the larger half. Memory is
that of a fit beyond the data it is given, in multiples of the size of X.
"""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np

from skbackprop import BackpropClassifier, presets

from ._measure import repeated, run, take_turns
from ._problems import Problem
from ._report import Target

ONLINE = {"activation": "logistic", "solver": "sgd", "momentum": 0.0, "batch_size": 1}
BATCHES = {"batch_size": 200}
KINDS = {"online": ONLINE, "Adam, batches of 200": BATCHES}
# What grows, its sizes, and what stands still meanwhile: rows, columns, width, depth, epochs.
USUAL = {"rows": 2_000, "columns": 20, "width": 20, "depth": 1, "epochs": 2}
SIZES = {
    "rows": (100, 1_000, 10_000, 100_000, 1_000_000),
    "columns": (10, 40, 160, 640, 2_560),
    "width": (8, 32, 128, 512, 2_048),
    "depth": (1, 2, 4, 8, 16, 32),
    "epochs": (1, 4, 16, 64, 256),
}
MEMORY_ROWS = (1_000, 10_000, 100_000, 1_000_000)
MEMORY = {
    "defaults, float64": ("f8", {}),
    "defaults, float32": ("f4", {}),
    "presets.MLP, float64": ("f8", presets.MLP),
    "presets.TEXTBOOK, float64": ("f8", presets.TEXTBOOK),
    "early_stopping, float64": ("f8", {"early_stopping": True}),
}


def benchmark(report):
    report.title("How a fit grows")
    exponents = {}
    for what, sizes in SIZES.items():
        exponents[what] = growth(report, what, report.effort.some(sizes))
    show_exponents(report, exponents)
    memory(report)


def growth(report, what, sizes):
    """Print the seconds of each size; returns the exponents of each kind of training."""
    seconds, measured = {}, []
    for kind, settings in KINDS.items():
        offers = {
            size: lambda size=size, settings=settings: fit(settings, **USUAL | {what: size})
            for size in sizes
        }
        times = take_turns(offers, report.effort)
        measured.append(times)
        seconds[kind] = [times.seconds(size) for size in offers]
    rows = [[kind, *(1e3 * one for one in column)] for kind, column in seconds.items()]
    head = [what, *(f"{size:,}" for size in sizes)]
    report.table(f"ms of a fit against {what}", head, rows, measured)
    return {kind: (slope(sizes, column), slope(sizes[-3:], column[-3:]))
            for kind, column in seconds.items()}  # fmt: skip


def slope(sizes, seconds):
    return float(np.polyfit(np.log(sizes), np.log(seconds), 1)[0])


def fit(settings, rows, columns, width, depth, epochs):
    problem = Problem.drawn((columns, *[width] * depth, 3), np.float64, max(rows, 3))
    changes = {"hidden_layer_sizes": problem.hidden, "max_iter": epochs, "tol": None}
    ours = BackpropClassifier(**presets.MLP | settings | changes, random_state=0)
    return repeated(lambda: ours.fit(problem.X, problem.y))


def show_exponents(report, exponents):
    rows = [
        [what, *(exponent for pair in of.values() for exponent in pair)]
        for what, of in exponents.items()
    ]
    head = ["growth exponent"]
    for kind in KINDS:
        head += [kind, "largest three"]
    report.table("Exponents: 1 is proportional", head, rows)
    report.check(
        Target(f"exponent of {what}, {kind}", largest, at_most=1.1)
        for what, of in exponents.items()
        for kind, (_, largest) in of.items()
    )


def memory(report):
    n_columns, effort = 20, report.effort
    n_rows = sorted({effort.of(rows, least=1_000) for rows in effort.some(MEMORY_ROWS)})
    for how in ("traced", "resident"):
        if how == "resident" and not Path("/proc/self/status").exists():
            report.say("missing: /proc, which tells how much memory a process has in use")
            continue
        rows = [
            [name, *(peak(size, n_columns, dtype, settings, how) for size in n_rows)]
            for name, (dtype, settings) in effort.some(MEMORY.items())
        ]
        report.table(
            f"Peak {how} memory of a fit, as multiples of X ({n_columns} columns)",
            ["rows", *(f"{size:,}" for size in n_rows)], rows,
        )  # fmt: skip


def peak(n_rows, n_columns, dtype, settings, how):
    arguments = [str(n_rows), str(n_columns), dtype, json.dumps(settings), how]
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks._memory", *arguments]
    done = subprocess.run(
        command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[1]
    )
    return float(done.stdout)


if __name__ == "__main__":
    run(benchmark, __doc__)
