"""Mini-batches: milliseconds per 10,000 rows.

    python -m benchmarks.minibatch

Rectified linear neurons, the log loss of a softmax, Adam, the rows shuffled each epoch. The
floor is what nobody can do without: the matrix products of the same epoch, called from C, by
the BLAS that our kernel calls. With two classes ours and scikit-learn's have one output,
torch and skorch two.
"""

import numpy as np

from . import _ours
from ._measure import run, take_turns
from ._problems import Problem, name_of
from ._report import Target
from .peers import plain_c, pytorch

# Batch size, and how many rows are enough.
SHAPES = (
    ((20, 100, 2), 32, 10_000),
    ((64, 100, 10), 32, 10_000),
    ((64, 100, 10), 200, 10_000),
    ((784, 256, 128, 10), 200, 4_000),
    ((784, 1024, 1024, 10), 32, 800),
    ((784, 1024, 1024, 10), 200, 1_600),
)
DTYPES = (np.float64, np.float32)
OURS, GEMMS, MLP = "ours", "the matrix products alone", "MLPClassifier"
TORCH, SKORCH = "torch, fused Adam", "skorch, fused Adam"
NAMES = (OURS, GEMMS, TORCH, SKORCH, MLP)


def benchmark(report):
    report.title("Mini-batches, ms per 10,000 rows")
    times = {
        (sizes, dtype, batch_size): epochs(sizes, dtype, batch_size, n_rows, report.effort)
        for sizes, batch_size, n_rows in report.effort.some(SHAPES)
        for dtype in DTYPES
    }
    head = ["", *NAMES]
    rows = [
        [title(key), *(in_ms(one.seconds(name)) for name in NAMES)]
        for key, one in times.items()
    ]
    report.table("ms per 10,000 rows", head, rows, times.values())
    rows = [
        [title(key), *(one.ratio(name, OURS) for name in NAMES[1:])]
        for key, one in times.items()
    ]
    report.table("as multiples of skbackprop's", ["", *NAMES[1:]], rows)
    report.check(targets(times))


def title(key):
    sizes, dtype, batch_size = key
    return f"{name_of(sizes, dtype)} b{batch_size}"


def in_ms(seconds):
    return None if seconds is None else 1e3 * 10_000 * seconds


def epochs(sizes, dtype, batch_size, n_rows, effort):
    """Seconds per row of everybody, for one network."""
    problem = Problem.drawn(sizes, dtype, effort.of(n_rows, least=10 * batch_size))
    # At least four epochs, so that drawing millions of initial weights does not count.
    offers = {
        OURS: lambda: _ours.epochs_of(_ours.minibatch(problem, batch_size), problem, least=4),
        GEMMS: lambda: plain_c.gemms(outputs_of(sizes), len(problem.y), batch_size, dtype),
        TORCH: lambda: pytorch.minibatch(problem, batch_size),
        SKORCH: lambda: pytorch.skorch(problem, batch_size),
        MLP: lambda: _ours.epochs_of(
            _ours.mlp_minibatch(problem, batch_size), problem, least=4
        ),
    }
    return take_turns(offers, effort)


def outputs_of(sizes):
    """The layers of our network: two classes are one output."""
    return (*sizes[:-1], 1) if sizes[-1] == 2 else sizes


def targets(times):
    for key, one in times.items():
        sizes, _, batch_size = key
        what, small, largest = title(key), sizes[1] <= 100, sizes[1] >= 1024
        if sizes[0] >= 64:
            limit = 1.4 if batch_size == 32 else 1.15
            yield Target(f"ours / {GEMMS}, {what}", one.ratio(OURS, GEMMS), at_most=limit)
        if small or largest:
            wanted = 3 if small else 1.4
            yield Target(f"MLPClassifier / ours, {what}", one.ratio(MLP, OURS), at_least=wanted)
        wanted = 3 if small else 1
        yield Target(f"torch fused / ours, {what}", one.ratio(TORCH, OURS), at_least=wanted)


if __name__ == "__main__":
    run(benchmark, __doc__)
