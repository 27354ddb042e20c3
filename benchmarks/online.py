"""Online learning: nanoseconds per update by one row.

    python -m benchmarks.online

Plain gradient descent with one hidden layer of logistic neurons. Those who can, learn the
squared error of logistic outputs; scikit-learn's MLP and torch learn the log loss of a
softmax. Each is compared with ours at the same loss.
"""

import statistics
import subprocess
import sys
import textwrap

import numpy as np

from . import _ours
from ._measure import repeated, run, take_turns
from ._problems import Problem, name_of
from ._report import Target
from .peers import fann, plain_c, pytorch, textbook

SHAPES = {(7, 5, 3): 10_000, (30, 16, 2): 10_000, (64, 100, 10): 2_000, (784, 256, 10): 300}
# MLPClassifier / ours, FANN / ours, and ours / plain C.
WANTED = {
    (7, 5, 3): (500, 1.5, 1.2), (30, 16, 2): (500, 1.5, 1.2),
    (64, 100, 10): (100, 5, 0.7), (784, 256, 10): (35, 5, 0.7),
}  # fmt: skip
DTYPES = (np.float64, np.float32)
OURS, OURS_LOG = "ours, squared error", "ours, log loss"
PLAIN_C, FANN, TEXTBOOK = "plain C, native, fast-math", "FANN, incremental", "plain Python"
MLP_FIT, MLP_PARTIAL = "MLPClassifier.fit(batch_size=1)", "MLPClassifier.partial_fit"
TORCH = "torch, eager SGD"
AT_THE_SAME_LOSS = {
    PLAIN_C: OURS, FANN: OURS, TEXTBOOK: OURS, MLP_FIT: OURS_LOG, MLP_PARTIAL: OURS_LOG,
    TORCH: OURS_LOG,
}  # fmt: skip


def benchmark(report):
    report.title("Online learning, ns per update")
    times = {
        (sizes, dtype): updates(sizes, dtype, n_rows, report.effort)
        for sizes, n_rows in report.effort.some(SHAPES.items())
        for dtype in DTYPES
    }
    names = ["", *(name_of(*key) for key in times)]
    rows = [
        [name, *(in_units(one.seconds(name), 1e-9) for one in times.values())]
        for name in (OURS, OURS_LOG, *AT_THE_SAME_LOSS)
    ]
    report.table("ns per update", names, rows, times.values())
    rows = [
        [name, *(one.ratio(name, ours) for one in times.values())]
        for name, ours in AT_THE_SAME_LOSS.items()
    ]
    report.table("as multiples of skbackprop's at the same loss", names, rows)
    report.check(targets(times))
    wide_and_sparse(report)
    around_the_kernel(report)


def in_units(seconds, unit):
    return None if seconds is None else seconds / unit


def updates(sizes, dtype, n_rows, effort):
    """Seconds per update of everybody, for one network."""
    problem = Problem.drawn(sizes, dtype, effort.of(n_rows, least=40))
    # Who takes long gets few rows; an update costs the same whichever row it is.
    some, few = problem.head(100), problem.head(effort.of(20, least=4))
    rate = _ours.RATE
    offers = {
        OURS: lambda: _ours.epochs_of(_ours.textbook(problem), problem),
        OURS_LOG: lambda: _ours.epochs_of(_ours.online(problem), problem),
        PLAIN_C: lambda: plain_c.online(problem, rate),
        FANN: lambda: fann.online(problem, rate),
        TEXTBOOK: lambda: textbook.online(few, rate),
        MLP_FIT: lambda: _ours.epochs_of(_ours.mlp_online(some), some),
        MLP_PARTIAL: lambda: _ours.one_row(_ours.mlp_online(some), some),
        TORCH: lambda: pytorch.online(some, rate),
    }
    return take_turns(offers, effort)


def targets(times):
    """What is to be reached in float64."""
    for (sizes, dtype), one in times.items():
        if dtype is not np.float64:
            continue
        by_mlp, by_fann, by_c = WANTED[sizes]
        name = name_of(sizes, dtype)
        yield Target(f"{MLP_FIT} / ours, {name}", one.ratio(MLP_FIT, OURS_LOG), at_least=by_mlp)
        yield Target(f"FANN / ours, {name}", one.ratio(FANN, OURS), at_least=by_fann)
        yield Target(f"ours / plain C, {name}", one.ratio(OURS, PLAIN_C), at_most=by_c)


# ---- Sparse input ----


def wide_and_sparse(report):
    """20,000 columns of which a row has 100, with and without the penalty on the weights."""
    effort = report.effort
    sizes = (20_000, 20, 3)
    problem = Problem.drawn_sparse(sizes, np.float64, effort.of(500, least=10), 0.005)
    few = problem.head(effort.of(20, least=3))
    rows = []
    measured = []
    for alpha in (0.0001, 0.0):
        offers = {
            "ours, fit": lambda a=alpha: _ours.epochs_of(
                _ours.online(problem, alpha=a), problem
            ),
            "ours, partial_fit of one row": lambda a=alpha: _ours.one_row(
                _ours.online(problem, alpha=a), problem
            ),
            MLP_FIT: lambda a=alpha: _ours.epochs_of(_ours.mlp_online(few, alpha=a), few),
            "MLPClassifier.partial_fit of one row": lambda a=alpha: _ours.one_row(
                _ours.mlp_online(few, alpha=a), few
            ),
        }
        measured.append(take_turns(offers, effort))
    names = list(measured[0].rounds)
    rows = [[name, *(1e6 * one.seconds(name) for one in measured)] for name in names]
    rows.append([f"{MLP_FIT} / ours", *(one.ratio(names[2], names[0]) for one in measured)])
    rows.append(
        ["the same of partial_fit", *(one.ratio(names[3], names[1]) for one in measured)]
    )
    report.table(
        f"{name_of(sizes)}, sparse input with 0.5% non-zero, us per update",
        ["", "alpha=0.0001", "alpha=0"], rows, measured,
    )  # fmt: skip


# ---- What surrounds the kernel ----


def around_the_kernel(report):
    """The time of a fit that is no update, and the compiled engine's first call."""
    effort = report.effort
    many = effort.of(1000, least=3)
    small = Problem.drawn((7, 5, 3), np.float64, 168)
    large = Problem.drawn((7, 5, 3), np.float64, effort.of(20_000, least=200))
    rows, measured, reached = [], [], {}
    for name, shuffle in (("given order", False), ("shuffled", True)):
        offers = {
            "one epoch": lambda s=shuffle: fits(small, 1, s),
            "many epochs": lambda s=shuffle: fits(small, many, s),
            "large, one epoch": lambda s=shuffle: fits(large, 1, s),
            "large, six epochs": lambda s=shuffle: fits(large, 6, s),
        }
        times = take_turns(offers, effort)
        measured.append(times)
        one, more = times.seconds("one epoch"), times.seconds("many epochs")
        epoch = (more - one) / (many - 1)
        rise = times.seconds("large, six epochs") - times.seconds("large, one epoch")
        updates = rise / 5 * len(small.y) / len(large.y)
        reached[name] = 1e3 * (one - epoch), 1e6 * (epoch - updates)
        rows.append([name, *reached[name], 1e6 * updates])
    head = ["", "a fit, ms", "an epoch, us", "its updates, us"]
    report.table("Around the updates of 168 x 7 rows, 7-5-3", head, rows, measured)
    fit, epoch = reached["given order"]
    report.check(
        [
            Target("fit around its epochs, 168 x 7 rows", fit, at_most=1, unit=" ms"),
            Target("an epoch around its updates", epoch, at_most=20, unit=" us"),
            Target(
                "first call of the compiled engine", first_call(effort), at_most=1, unit=" ms"
            ),
        ]
    )


def fits(problem, epochs, shuffle):
    ours = _ours.textbook(problem, max_iter=epochs, shuffle=shuffle)
    return repeated(lambda: ours.fit(problem.X, problem.y))


def first_call(effort):
    """Milliseconds by which the first fit with the kernel takes longer than later ones.

    A new process first fits a network that only NumPy can train, so that all else has been
    called before.
    """
    script = """
        import statistics, time
        import numpy as np
        from skbackprop import Activation, BackpropClassifier

        X, y = np.random.default_rng(0).normal(size=(8, 4)), np.arange(8) % 2

        def seconds(activation):
            ours = BackpropClassifier((3,), activation=activation, max_iter=1, tol=None)
            began = time.perf_counter()
            ours.fit(X, y)
            return time.perf_counter() - began

        own = Activation("own", np.tanh, lambda a: 1 - a**2)
        for _ in range(20):
            seconds(own)
        first = seconds("tanh")
        print(1e3 * max(0, first - statistics.median(seconds("tanh") for _ in range(20))))
    """
    command = [sys.executable, "-c", textwrap.dedent(script)]
    return statistics.median(
        float(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
        for _ in range(effort.rounds)
    )


if __name__ == "__main__":
    run(benchmark, __doc__)
