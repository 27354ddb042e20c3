"""A fit of many rows at the defaults, beside histogram gradient boosting and MLP.

    python -m benchmarks.many_rows

Made problems: they tell of time, and the scores on as many other rows only that each learned.
"""

import numpy as np
from sklearn.datasets import make_classification
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, BackpropRegressor

from ._measure import repeated, run, take_turns
from ._report import Target

N_COLUMNS = 20
ROWS = (2_000, 10_000, 100_000)
OURS, BOOSTING, MLP = "ours", "HistGradientBoosting", "MLP, scaled"
CONTENDERS = {
    "classification": {
        OURS: BackpropClassifier,
        BOOSTING: HistGradientBoostingClassifier,
        MLP: MLPClassifier,
    },
    "regression": {
        OURS: BackpropRegressor,
        BOOSTING: HistGradientBoostingRegressor,
        MLP: MLPRegressor,
    },
}


def benchmark(report):
    report.title("Many rows, at the defaults")
    for task, kinds in CONTENDERS.items():
        measure(report, task, kinds)


def measure(report, task, kinds):
    lines, measured, targets = [], [], []
    for full in report.effort.some(ROWS):
        n_rows = report.effort.of(full, least=100)
        X, y = drawn(task, 2 * n_rows)
        models = {name: made(name, kind) for name, kind in kinds.items()}
        offers = {
            name: lambda model=model, X=X, y=y, n=n_rows: repeated(
                lambda: model.fit(X[:n], y[:n])
            )
            for name, model in models.items()
        }
        times = take_turns(offers, report.effort)
        measured.append(times)
        scores = [models[name].score(X[n_rows:], y[n_rows:]) for name in models]
        lines.append([f"{n_rows:,}", *(1e3 * times.seconds(name) for name in models), *scores])
        what = f"{OURS} / {BOOSTING}, {task}, {n_rows:,} x {N_COLUMNS}"
        targets.append(Target(what, times.ratio(OURS, BOOSTING), at_most=1.0))
    head = ["rows", *(f"{name}, ms" for name in kinds), *(f"{name}, score" for name in kinds)]
    report.table(f"ms of a fit, {task}, and the score on other rows", head, lines, measured)
    report.check(targets)


def made(name, kind):
    model = kind(random_state=0)
    return make_pipeline(StandardScaler(), model) if name == MLP else model


def drawn(task, n_rows):
    """Return classes or smooth numbers, a tenth of which is noise."""
    X, y = make_classification(
        n_rows, N_COLUMNS, n_informative=10, n_clusters_per_class=4, flip_y=0.1, random_state=0
    )
    if task == "classification":
        return X, y
    rng = np.random.default_rng(0)
    smooth = X @ rng.normal(size=N_COLUMNS) / 3 + 3 * np.sin(X[:, 0]) * np.cos(X[:, 1])
    return X, smooth + np.sqrt(0.1) * smooth.std() * rng.normal(size=n_rows)


if __name__ == "__main__":
    run(benchmark, __doc__)
