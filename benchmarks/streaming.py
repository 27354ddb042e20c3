"""A stream: microseconds per call that learns from one row.

    python -m benchmarks.streaming

Every row arrives from Python by itself. Ours and scikit-learn's are called through
`partial_fit`, with all of its checks; plain gradient descent, and once ours with the
defaults. torch and FANN check nothing.
"""

import numpy as np

from skbackprop import BackpropClassifier, BackpropRegressor

from . import _ours
from ._measure import repeated, run, take_turns
from ._problems import Problem, name_of
from ._report import Target
from .peers import fann, pytorch

SHAPES = ((7, 5, 3), (64, 100, 10))
DTYPES = (np.float64, np.float32)
OURS, MLP = "ours", "MLPClassifier"


def benchmark(report):
    report.title("A stream of rows, us per partial_fit")
    times = {
        (sizes, dtype): rows_of(sizes, dtype, report.effort)
        for sizes in SHAPES
        for dtype in DTYPES
    }
    names = [*offers_of(None)]
    rows = []
    for name in names:
        seconds = [one.seconds(name) for one in times.values()]
        rows.append([name, *(None if one is None else 1e6 * one for one in seconds)])
    head = ["", *(name_of(*key) for key in times)]
    report.table("us per row", head, rows, times.values())
    first = times[SHAPES[0], np.float64]
    what = "MLPClassifier.partial_fit of one row / ours, 7-5-3"
    report.check([Target(what, first.ratio(MLP, OURS), at_least=200)])


def rows_of(sizes, dtype, effort):
    return take_turns(offers_of(Problem.drawn(sizes, dtype, 100)), effort)


def offers_of(problem):
    return {
        OURS: lambda: _ours.one_row(_ours.online(problem), problem),
        "ours, squared error": lambda: _ours.one_row(_ours.textbook(problem), problem),
        "ours, the defaults": lambda: _ours.one_row(
            BackpropClassifier(problem.hidden, random_state=0), problem
        ),
        "ours, a regressor": lambda: regressor(problem),
        MLP: lambda: _ours.one_row(_ours.mlp_online(problem), problem),
        "torch, eager SGD": lambda: pytorch.one_row(problem, _ours.RATE),
        "FANN, fann_train": lambda: fann.one_row(problem, _ours.RATE),
    }


def regressor(problem):
    """The same network, with an output for each class, as a regressor."""
    ours = BackpropRegressor(
        problem.hidden, activation="logistic", solver="sgd", batch_size=1, random_state=0
    )
    x, Y = problem.X[:1], problem.one_hot()[:1]
    return repeated(lambda: ours.partial_fit(x, Y))


if __name__ == "__main__":
    run(benchmark, __doc__)
