"""The problems: tables of users, and what scikit-learn bundles or makes."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.io import arff
from sklearn import datasets
from sklearn.model_selection import KFold, StratifiedKFold, train_test_split

from skbackprop.datasets import load_wheat_seeds

CLASSIFICATION, REGRESSION = "classification", "regression"
FOLDS = 5
MOST_CLASSES = 20
# Every so many-th table of a task, by its name, is set aside.
ASIDE = 3
SUFFIXES = (".csv", ".csv.gz", ".arff")


@dataclass(frozen=True)
class Problem:
    """Rows, targets, and what kind of targets they are."""

    name: str
    task: str
    X: np.ndarray
    y: np.ndarray
    #: The columns of a table as they come; None where they are numbers from the start.
    frame: object = None

    def at_most(self, n_rows):
        """The same problem on a share of its rows."""
        if n_rows is None or len(self.y) <= n_rows:
            return self
        strata = self.y if self.task == CLASSIFICATION else None
        if strata is not None and np.unique(strata, return_counts=True)[1].min() < 2:
            strata = None
        rows, _ = train_test_split(
            np.arange(len(self.y)), train_size=n_rows, stratify=strata, random_state=0
        )
        frame = None if self.frame is None else self.frame.iloc[rows]
        return replace(self, X=self.X[rows], y=self.y[rows], frame=frame)

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
    """A problem for every CSV and ARFF file in a folder and below it, by their names.

    Where there are folders called "classification" or "regression", what is not below one of
    them is no table. Elsewhere, numbers with more than 20 different values are a regression.
    """
    paths = sorted(path for path in Path(folder).rglob("*") if path.name.endswith(SUFFIXES))
    if not paths:
        raise FileNotFoundError(f"There is no CSV or ARFF file in {folder}.")
    told = [path for path in paths if _task_of_folder(path)]
    return [_read(path) for path in told or paths]


def _task_of_folder(path):
    return next((p.name for p in path.parents if p.name in (CLASSIFICATION, REGRESSION)), None)


def set_aside(problems):
    """The names of the problems that are set aside: every third of a task, by its name."""
    names = set()
    for task in (CLASSIFICATION, REGRESSION):
        of_task = sorted(problem.name for problem in problems if problem.task == task)
        names.update(of_task[ASIDE - 1 :: ASIDE])
    return names


def _read(path):
    import pandas as pd

    if path.suffix.lower() == ".arff":
        table = pd.DataFrame(arff.loadarff(path)[0])
        # Nominal values come as bytes, and "?" is a missing one.
        for name in filter(lambda name: pd.api.types.is_object_dtype(table[name]), table):
            table[name] = table[name].str.decode("utf-8").replace("?", np.nan)
    else:
        table = pd.read_csv(path)
    table = table[table.iloc[:, -1].notna()]
    target = table.iloc[:, -1]
    frame = table.iloc[:, :-1]
    X = pd.get_dummies(frame, dtype=float).to_numpy(dtype=np.float64)
    name = path.name.partition(".csv")[0].removesuffix(".arff")
    is_number = pd.api.types.is_numeric_dtype(target) and target.nunique() > MOST_CLASSES
    if (_task_of_folder(path) or (REGRESSION if is_number else CLASSIFICATION)) == REGRESSION:
        return Problem(name, REGRESSION, X, target.to_numpy(dtype=np.float64), frame)
    # A class that cannot be in every fold is left out.
    is_frequent = (target.map(target.value_counts()) >= FOLDS).to_numpy()
    classes = np.unique(target[is_frequent], return_inverse=True)[1]
    return Problem(name, CLASSIFICATION, X[is_frequent], classes, frame[is_frequent])
