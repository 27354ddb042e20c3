"""Prediction: microseconds for one row, milliseconds for 100,000.

    python -m benchmarks.inference

From an array to an array, with whatever checks the peer makes. FANN gives the outputs of one
row at a time.
"""

import numpy as np

from . import _ours
from ._measure import repeated, run, take_turns
from ._problems import Problem, name_of
from ._report import Target
from .peers import fann, pytorch

SHAPES = ((7, 5, 3), (64, 100, 10))
DTYPES = (np.float64, np.float32)
ESTIMATORS = {"ours": _ours.online, "MLPClassifier": _ours.mlp_online}


def benchmark(report):
    report.title("Prediction")
    one_row(report)
    many_rows(report)


def one_row(report):
    times = {(sizes, dtype): of(sizes, dtype, 1, report.effort)
             for sizes in SHAPES for dtype in DTYPES}  # fmt: skip
    show(report, "One row, us", times, 1e6)
    report.check(
        Target(f"MLPClassifier.predict_proba of one row / ours, {name_of(*key)}",
               one.ratio("MLPClassifier.predict_proba", "ours.predict_proba"), at_least=20)
        for key, one in times.items() if key == ((7, 5, 3), np.float64)
    )  # fmt: skip


def many_rows(report):
    n_rows = report.effort.of(100_000)
    times = {(sizes, dtype): of(sizes, dtype, n_rows, report.effort)
             for sizes in SHAPES for dtype in DTYPES}  # fmt: skip
    show(report, f"{n_rows:,} rows, ms", times, 1e3)


def show(report, title, times, units):
    names = dict.fromkeys(
        name for one in times.values() for name in (*one.rounds, *one.missing)
    )
    rows = []
    for name in names:
        seconds = [one.seconds(name) for one in times.values()]
        rows.append([name, *(None if one is None else units * one for one in seconds)])
    head = ["", *(name_of(*key) for key in times)]
    report.table(title, head, rows, times.values())


def of(sizes, dtype, n_rows, effort):
    """Seconds of a prediction of `n_rows` by everybody."""
    problem = Problem.drawn(sizes, dtype, max(n_rows, 100))
    X = problem.X[:n_rows]
    offers = {
        f"{name}.{method}": lambda make=make, method=method: predictor(make, problem, method, X)
        for name, make in ESTIMATORS.items()
        for method in ("predict", "predict_proba")
    }
    offers["torch, softmax"] = lambda: pytorch.predict(problem, X)
    if n_rows == 1:
        offers["FANN, fann_run"] = lambda: fann.predict_one(problem)
    return take_turns(offers, effort)


def predictor(make, problem, method, X):
    some = problem.head(100)
    fitted = make(some).set_params(max_iter=1).fit(some.X, some.y)
    predict = getattr(fitted, method)
    return repeated(lambda: predict(X))


if __name__ == "__main__":
    run(benchmark, __doc__)
