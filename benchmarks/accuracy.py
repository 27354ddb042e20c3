"""How well the default networks do against scikit-learn's estimators, each out of the box.

    python -m benchmarks.accuracy
    python -m benchmarks.accuracy --data FOLDER --csv results.csv --plot results.png

Repeated 5-fold cross-validation, stratified where there are classes, with the same splits
for all. The problems are what scikit-learn bundles or makes, and the wheat seeds; `--data`
adds every CSV and ARFF file of a folder. There, the last column is the target: numbers with
more than 20 different values make a regression, all else classes. Columns that are not
numbers become one-hot; missing numbers become the median of the training rows. `--ours` adds
our estimators with other parameters, as in ``--ours '{"hidden_layer_sizes": [20]}'``.

Printed are means over problems, and the difference to the first contender with its standard
error over problems: one or two points on one problem are noise.
"""

import os

os.environ.update({"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"})

import argparse
import csv
import fnmatch
import json
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
from scipy.io import arff
from sklearn import datasets
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    BaggingClassifier,
    BaggingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import accuracy_score, log_loss, r2_score
from sklearn.model_selection import KFold, StratifiedKFold, train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.datasets import load_wheat_seeds

CLASSIFICATION, REGRESSION = "classification", "regression"
FOLDS = 5
MOST_CLASSES = 20

# ---- Problems ----


@dataclass(frozen=True)
class Problem:
    """Rows, targets, and what kind of targets they are."""

    name: str
    task: str
    X: np.ndarray
    y: np.ndarray

    def at_most(self, n_rows):
        """The same problem on a share of its rows."""
        if n_rows is None or len(self.y) <= n_rows:
            return self
        strata = self.y if self.task == CLASSIFICATION else None
        rows, _ = train_test_split(
            np.arange(len(self.y)), train_size=n_rows, stratify=strata, random_state=0
        )
        return Problem(self.name, self.task, self.X[rows], self.y[rows])

    def splits(self, repeat):
        folds = StratifiedKFold if self.task == CLASSIFICATION else KFold
        return folds(FOLDS, shuffle=True, random_state=repeat).split(self.X, self.y)


def bundled():
    """Problems that need no download."""
    for name, load in (
        ("iris", datasets.load_iris),
        ("wine", datasets.load_wine),
        ("breast cancer", datasets.load_breast_cancer),
        ("digits", datasets.load_digits),
        ("wheat seeds", load_wheat_seeds),
    ):
        yield Problem(name, CLASSIFICATION, *load(return_X_y=True))
    yield from _made_classes()
    yield Problem("diabetes", REGRESSION, *datasets.load_diabetes(return_X_y=True))
    yield from _columns_as_targets()
    yield from _made_numbers()


def _made_classes():
    def made(name, make, *args, **options):
        return Problem(f"made: {name}", CLASSIFICATION, *make(*args, random_state=0, **options))

    yield made("moons", datasets.make_moons, 300, noise=0.3)
    yield made("circles", datasets.make_circles, 300, noise=0.15, factor=0.5)
    yield made("blobs", datasets.make_blobs, 400, centers=8, cluster_std=2.5, n_features=4)
    yield made(
        "gaussian quantiles", datasets.make_gaussian_quantiles,
        n_samples=600, n_features=6, n_classes=3,
    )  # fmt: skip
    yield made("hastie", datasets.make_hastie_10_2, 2000)
    make = datasets.make_classification
    yield made("wrong labels", make, 500, n_informative=6, flip_y=0.2)
    yield made("wide and few", make, 120, n_features=100, n_informative=8, class_sep=1.5)
    yield made("rare class", make, 800, n_informative=6, weights=[0.93], class_sep=0.8)
    yield made(
        "many clusters", make, 5000,
        n_features=10, n_informative=6, n_clusters_per_class=8, flip_y=0.02,
    )  # fmt: skip
    yield made(
        "ten classes", make, 3000, n_features=30, n_informative=10, n_classes=10, class_sep=1.5
    )
    yield _spirals()


def _spirals():
    """Two spirals, one class each."""
    rng = np.random.RandomState(0)
    y = np.arange(3000) % 2
    turn = np.sqrt(rng.uniform(0.05, 1, y.size)) * 9
    angle = turn + np.pi * y
    X = np.column_stack([turn * np.cos(angle), turn * np.sin(angle)])
    return Problem("made: spirals", CLASSIFICATION, X + 0.4 * rng.normal(size=X.shape), y)


def _columns_as_targets():
    """A measured column from the others of its table."""
    for name, load, column in (
        ("iris, petal width", datasets.load_iris, 3),
        ("wine, alcohol", datasets.load_wine, 0),
        ("wheat seeds, groove", load_wheat_seeds, 6),
        ("breast cancer, smoothness", datasets.load_breast_cancer, 4),
    ):
        X, _ = load(return_X_y=True)
        yield Problem(name, REGRESSION, np.delete(X, column, axis=1), X[:, column])


def _made_numbers():
    def made(name, make, *args, change=None, **options):
        X, y = make(*args, random_state=0, **options)
        return Problem(f"made: {name}", REGRESSION, X, y if change is None else change(y))

    yield made("friedman1", datasets.make_friedman1, 400, noise=1.0)
    yield made("friedman1, more rows", datasets.make_friedman1, 4000, noise=1.0)
    yield made("friedman2", datasets.make_friedman2, 400, noise=100.0)
    yield made("friedman3", datasets.make_friedman3, 400, noise=0.1)
    yield made("few inputs count", datasets.make_sparse_uncorrelated, 400, n_features=30)
    make = datasets.make_regression
    yield made("linear", make, 200, n_features=20, n_informative=10, noise=80.0)
    yield made("low rank", make, 150, n_features=60, effective_rank=8, noise=1.0)
    yield made(
        "wave", make, 800, n_features=8, n_informative=3, change=lambda y: np.sin(y / 60)
    )
    yield made(
        "exponential", make, 600,
        n_features=10, n_informative=5, noise=20.0, change=lambda y: np.exp(y / 120),
    )  # fmt: skip
    yield made("swiss roll", datasets.make_swiss_roll, 2000, noise=0.5)


def read_folder(folder):
    """A problem for every CSV and ARFF file."""
    paths = sorted(
        path for path in Path(folder).iterdir() if path.suffix.lower() in (".csv", ".arff")
    )
    if not paths:
        raise FileNotFoundError(f"There is no CSV or ARFF file in {folder}.")
    return [_read(path) for path in paths]


def _read(path):
    import pandas as pd

    if path.suffix.lower() == ".csv":
        table = pd.read_csv(path)
    else:
        table = pd.DataFrame(arff.loadarff(path)[0])
        # Nominal values come as bytes, and "?" is a missing one.
        for name in filter(lambda name: pd.api.types.is_object_dtype(table[name]), table):
            table[name] = table[name].str.decode("utf-8").replace("?", np.nan)
    table = table[table.iloc[:, -1].notna()]
    target = table.iloc[:, -1]
    X = pd.get_dummies(table.iloc[:, :-1], dtype=float).to_numpy(dtype=np.float64)
    numeric = pd.api.types.is_numeric_dtype(target)
    if numeric and target.nunique() > MOST_CLASSES:
        return Problem(path.stem, REGRESSION, X, target.to_numpy(dtype=np.float64))
    return Problem(path.stem, CLASSIFICATION, X, np.unique(target, return_inverse=True)[1])


# ---- Contenders ----


@dataclass(frozen=True)
class Contender:
    """An estimator for each kind of problem, made again for each fit; None for neither."""

    name: str
    classifier: Callable | None
    regressor: Callable | None

    def make(self, task, seed):
        make = self.classifier if task == CLASSIFICATION else self.regressor
        return None if make is None else make(seed)


def ours(name="skbackprop", **parameters):
    """Our estimators with some parameters."""
    return Contender(
        name,
        lambda seed: BackpropClassifier(**parameters, random_state=seed),
        lambda seed: BackpropRegressor(**parameters, random_state=seed),
    )


def average(n=8):
    """So many of our networks, each from other initial weights, averaged by scikit-learn."""
    several = {"n_estimators": n, "bootstrap": False}
    return Contender(
        f"skbackprop, {n} averaged",
        lambda seed: BaggingClassifier(BackpropClassifier(), **several, random_state=seed),
        lambda seed: BaggingRegressor(BackpropRegressor(), **several, random_state=seed),
    )


def _scaled(estimator):
    return make_pipeline(StandardScaler(), estimator)


def _scaled_both(estimator):
    return TransformedTargetRegressor(_scaled(estimator), transformer=StandardScaler())


PEERS = (
    Contender(
        "MLP, inputs and target scaled",
        lambda seed: _scaled(MLPClassifier(random_state=seed)),
        lambda seed: _scaled_both(MLPRegressor(random_state=seed)),
    ),
    Contender(
        "MLP, inputs scaled", None, lambda seed: _scaled(MLPRegressor(random_state=seed))
    ),
    Contender(
        "MLP, raw",
        lambda seed: MLPClassifier(random_state=seed),
        lambda seed: MLPRegressor(random_state=seed),
    ),
    Contender(
        "linear", lambda seed: _scaled(LogisticRegression()), lambda seed: _scaled(Ridge())
    ),
    Contender(
        "RandomForest",
        lambda seed: RandomForestClassifier(random_state=seed),
        lambda seed: RandomForestRegressor(random_state=seed),
    ),
    Contender(
        "HistGradientBoosting",
        lambda seed: HistGradientBoostingClassifier(random_state=seed),
        lambda seed: HistGradientBoostingRegressor(random_state=seed),
    ),
    Contender("SVM", lambda seed: _scaled(SVC()), lambda seed: _scaled_both(SVR())),
)

# ---- Measuring ----


@dataclass(frozen=True)
class Result:
    """One fit."""

    problem: str
    task: str
    n_rows: int
    n_inputs: int
    contender: str
    repeat: int
    fold: int
    accuracy: float = np.nan
    log_loss: float = np.nan
    r2: float = np.nan
    seconds: float = np.nan
    error: str = ""


def measure(problems, contenders, repeats, advance=lambda text: None):
    """Yield a `Result` for each fit; a fit that fails is one, with its error."""
    for problem in problems:
        for repeat in range(repeats):
            for fold, (train, test) in enumerate(problem.splits(repeat)):
                for contender in contenders:
                    estimator = contender.make(problem.task, repeat)
                    advance(f"{problem.name}: {contender.name}")
                    if estimator is not None:
                        yield Result(
                            problem.name, problem.task, *problem.X.shape,
                            contender.name, repeat, fold,
                            **_fit_and_judge(estimator, problem, train, test),
                        )  # fmt: skip


def _fit_and_judge(estimator, problem, train, test):
    X, X_test = problem.X[train], problem.X[test]
    if np.isnan(problem.X).any():
        imputer = SimpleImputer(strategy="median", keep_empty_features=True).fit(X)
        X, X_test = imputer.transform(X), imputer.transform(X_test)
    y, y_test = problem.y[train], problem.y[test]
    began = time.perf_counter()
    try:
        predicted = estimator.fit(X, y).predict(X_test)
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}
    seconds = time.perf_counter() - began
    if problem.task == REGRESSION:
        return {"r2": r2_score(y_test, predicted), "seconds": seconds}
    judged = {"accuracy": accuracy_score(y_test, predicted), "seconds": seconds}
    if hasattr(estimator, "predict_proba"):
        probabilities = estimator.predict_proba(X_test)
        judged["log_loss"] = log_loss(y_test, probabilities, labels=estimator.classes_)
    return judged


class Bar:
    """A progress bar, where standard error is a terminal."""

    WIDTH = 30

    def __init__(self, total):
        self.done, self.total, self.shown = 0, total, sys.stderr.isatty()

    def __call__(self, text):
        if self.shown:
            filled = self.WIDTH * self.done // self.total
            bar = "#" * filled + "." * (self.WIDTH - filled)
            line = f"[{bar}] {self.done}/{self.total} {text}"
            print(f"\r{line[:100]:<100}", end="", file=sys.stderr, flush=True)
        self.done += 1

    def close(self):
        if self.shown:
            print(f"\r{'':100}\r", end="", file=sys.stderr, flush=True)


# ---- Reporting ----

MEASURES = {
    CLASSIFICATION: (("accuracy", 100.0, 1), ("log_loss", 1.0, -1)),
    REGRESSION: (("r2", 1.0, 1),),
}


def table_of(results, task, measure):
    """Means of a measure, of shape (n_problems, n_contenders), and the names of both.

    NaN where a contender has no such measure, or failed in any of its fits.
    """
    cells = {}
    for result in results:
        if result.task == task:
            key = result.problem, result.contender
            cells.setdefault(key, []).append(getattr(result, measure))
    problems = list(dict.fromkeys(problem for problem, _ in cells))
    contenders = list(dict.fromkeys(contender for _, contender in cells))
    table = np.array(
        [
            [np.mean(cells.get((problem, contender), np.nan)) for contender in contenders]
            for problem in problems
        ]
    )
    return table, problems, contenders


def paired(table, column):
    """Mean of a column's difference to the first, its standard error, and the number."""
    differences = table[:, column] - table[:, 0]
    differences = differences[np.isfinite(differences)]
    n = differences.size
    error = differences.std(ddof=1) / np.sqrt(n) if n > 1 else np.nan
    return differences.mean() if n else np.nan, error, n


def ranks(table, sign):
    """The mean rank of each column, 1 being best, on rows where all have a number."""
    whole = sign * table[np.isfinite(table).all(axis=1)]
    if not len(whole):
        return np.full(table.shape[1], np.nan)
    better = (whole[:, None, :] > whole[:, :, None]).sum(axis=2)
    ties = (whole[:, None, :] == whole[:, :, None]).sum(axis=2) - 1
    return (1 + better + ties / 2).mean(axis=0)


def report(results):
    """Print a table for each measure, and what failed."""
    for task, measures in MEASURES.items():
        if not any(result.task == task for result in results):
            continue
        seconds, problems, contenders = table_of(results, task, "seconds")
        for measure, factor, sign in measures:
            table, _, _ = table_of(results, task, measure)
            # Ranks among those who have the measure at all.
            having = np.isfinite(table).any(axis=0)
            place = np.full(len(contenders), np.nan)
            place[having] = ranks(table[:, having], sign)
            print(f"\n{task}, {len(problems)} problems: {measure}")
            print(f"{'':<32}{'mean':>9}{'median':>9}{'rank':>7}{'difference':>20}{'s/fit':>9}")
            for column, name in enumerate(contenders):
                if not having[column]:
                    continue
                values = factor * table[:, column]
                mean, error, _ = paired(factor * table, column)
                versus = f"{mean:+.3f} +- {error:.3f}" if column else ""
                print(
                    f"{name:<32}{np.nanmean(values):>9.3f}{np.nanmedian(values):>9.3f}"
                    f"{place[column]:>7.2f}{versus:>20}{np.nanmean(seconds[:, column]):>9.3f}"
                )
    failures = {f"{r.contender} on {r.problem}: {r.error}": None for r in results if r.error}
    for failure in failures:
        print("failed:", failure)


def write_csv(results, path):
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Result)])
        writer.writeheader()
        writer.writerows(asdict(result) for result in results)


def draw(results, path):
    """Each contender's difference to the first on every problem, and the mean."""
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise ImportError(
            "--plot needs matplotlib: python -m pip install 'skbackprop[plot]'"
        ) from error
    shown = [
        (task, *measures[0][:2])
        for task, measures in MEASURES.items()
        if any(result.task == task for result in results)
    ]
    figure = Figure(figsize=(6.5 * len(shown), 4.5), layout="constrained")
    for axes, (task, measure, factor) in zip(
        figure.subplots(1, len(shown), squeeze=False)[0], shown, strict=True
    ):
        table, problems, contenders = table_of(results, task, measure)
        table = factor * table
        for column in range(1, len(contenders)):
            mean, error, _ = paired(table, column)
            axes.plot(
                table[:, column] - table[:, 0], np.full(len(problems), column), "o",
                color="tab:gray", alpha=0.4, markersize=4,
            )  # fmt: skip
            axes.errorbar(mean, column, xerr=error, fmt="D", color="tab:blue", capsize=3)
        axes.axvline(0, color="black", linewidth=0.8)
        # Linear near zero: one hopeless contender would hide all others.
        axes.set_xscale("symlog", linthresh=5 if task == CLASSIFICATION else 0.1)
        axes.set_yticks(range(1, len(contenders)), contenders[1:])
        axes.invert_yaxis()
        axes.set_xlabel(f"{measure} less that of {contenders[0]}")
        axes.set_title(f"{task}, {len(problems)} problems")
    figure.savefig(path, dpi=150)


# ---- The command ----


def parse(arguments):
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", action="append", default=[], metavar="FOLDER")
    parser.add_argument("--no-bundled", action="store_true", help="the problems of --data only")
    parser.add_argument("--problems", default="*", metavar="PATTERN", help="such as 'w*'")
    parser.add_argument("--contenders", default="*", metavar="PATTERN", help="such as 'MLP*'")
    parser.add_argument("--ours", action="append", default=[], type=json.loads, metavar="JSON")
    parser.add_argument("--repeats", type=int, default=2)
    parser.add_argument("--rows", type=int, help="at most so many rows of a problem")
    parser.add_argument("--csv", metavar="FILE", help="write every fit to it")
    parser.add_argument("--plot", metavar="FILE", help="draw the differences into it")
    return parser.parse_args(arguments)


def main(arguments=None):
    options = parse(arguments)
    warnings.simplefilter("ignore")  # the peers', of having had too few iterations
    problems = [] if options.no_bundled else list(bundled())
    problems += [problem for folder in options.data for problem in read_folder(folder)]
    problems = [
        problem.at_most(options.rows)
        for problem in problems
        if fnmatch.fnmatch(problem.name, options.problems)
    ]
    # The first is what all others are compared with, and is always there.
    contenders = [ours(), *(ours(json.dumps(given), **given) for given in options.ours)]
    contenders += [
        other
        for other in (average(), *PEERS)
        if fnmatch.fnmatch(other.name, options.contenders)
    ]
    bar = Bar(len(problems) * len(contenders) * options.repeats * FOLDS)
    results = []
    try:
        for result in measure(problems, contenders, options.repeats, bar):
            results.append(result)
    finally:
        bar.close()
        # Also of a run that was interrupted.
        if options.csv:
            write_csv(results, options.csv)
    report(results)
    if options.plot:
        draw(results, options.plot)
    return results


if __name__ == "__main__":
    main()
