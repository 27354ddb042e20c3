"""Tables as they come, with categories and missing values: a data frame and nothing else.

    python -m benchmarks.mixed_tables FOLDER

FOLDER holds tables as `benchmarks.accuracy` reads them. Those with text or missing cells are
used. The estimator is given the frame; beside it stand the same estimator behind
scikit-learn's transformers, and behind those that skrub chooses, if it is installed;
HistGradientBoosting with its categories by type; and CatBoost, if it is installed. The
differences are from the first, with their standard errors over the tables.
"""

import argparse
import time
import warnings
from fnmatch import fnmatch
from importlib.util import find_spec

import numpy as np
import pandas as pd
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.metrics import accuracy_score, log_loss, r2_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from skbackprop import BackpropClassifier, BackpropRegressor

from .accuracy.problems import CLASSIFICATION, read_folder, set_aside


def contenders(task, seed):
    """Yield the name of each contender, and an estimator."""
    is_classification = task == CLASSIFICATION

    def network(**parameters):
        kind = BackpropClassifier if is_classification else BackpropRegressor
        return kind(random_state=seed, **parameters)

    yield "skbackprop", network()
    yield "skbackprop, piecewise linear", network(numeric_encoding="piecewise_linear")
    numbers = make_column_selector(dtype_include="number")
    others = make_column_selector(dtype_exclude="number")
    one_hot = OneHotEncoder(
        min_frequency=2, handle_unknown="infrequent_if_exist", sparse_output=False
    )
    imputer = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
    transformers = make_column_transformer((imputer, numbers), (one_hot, others))
    yield "ColumnTransformer", make_pipeline(transformers, network())
    if find_spec("skrub"):
        from skrub import tabular_pipeline

        yield "skrub.tabular_pipeline", tabular_pipeline(network())
    boosting = (
        HistGradientBoostingClassifier if is_classification else HistGradientBoostingRegressor
    )
    yield "HistGradientBoosting", boosting(random_state=seed)
    if find_spec("catboost"):
        yield "CatBoost", _CatBoost(is_classification, seed)


class _CatBoost:
    """CatBoost, which wants the names of its categories, and text in all their cells."""

    def __init__(self, is_classification, seed):
        import catboost

        kind = catboost.CatBoostClassifier if is_classification else catboost.CatBoostRegressor
        self.model = kind(
            random_state=seed, thread_count=1, verbose=False, allow_writing_files=False
        )

    def _prepared(self, X):
        self.categories = X.select_dtypes(exclude="number").columns.tolist()
        return X.assign(**{name: X[name].astype(object).map(str) for name in self.categories})

    def fit(self, X, y):
        X = self._prepared(X)
        self.model.fit(X, y, cat_features=self.categories)
        return self

    def predict(self, X):
        return np.ravel(self.model.predict(self._prepared(X)))

    def predict_proba(self, X):
        return self.model.predict_proba(self._prepared(X))


def tables(folder, part):
    """Yield the name, the task, the columns and the target of each table that is mixed."""
    problems = read_folder(folder)
    aside = set_aside(problems)
    for problem in problems:
        X, y = problem.frame, problem.y
        is_mixed = X.select_dtypes(exclude="number").shape[1] or X.isna().to_numpy().any()
        wanted = part == "all" or (problem.name in aside) == (part == "aside")
        if is_mixed and wanted:
            yield problem.name, problem.task, X, y


def measure(folder, part, repeats, patterns):
    """Yield a dict for each fit of the contenders whose names match a pattern."""
    for name, task, X, y in tables(folder, part):
        for seed in range(repeats):
            strata = y if task == CLASSIFICATION else None
            X_train, X_test, y_train, y_test = train_test_split(
                X, y, test_size=0.25, random_state=seed, stratify=strata
            )
            for contender, estimator in contenders(task, seed):
                if not any(
                    fnmatch(contender, pattern) for pattern in ("skbackprop", *patterns)
                ):
                    continue
                began = time.process_time()
                estimator.fit(_prepared(contender, X_train, X_train), y_train)
                test = _prepared(contender, X_test, X_train)
                found = {"table": name, "task": task, "contender": contender}
                if task == CLASSIFICATION:
                    p = estimator.predict_proba(test)
                    found["seconds"] = time.process_time() - began
                    classes = np.unique(y_train)
                    found["accuracy"] = accuracy_score(y_test, classes[p.argmax(axis=1)])
                    found["log_loss"] = log_loss(y_test, p, labels=classes)
                else:
                    predicted = estimator.predict(test)
                    found["seconds"] = time.process_time() - began
                    found["r2"] = max(r2_score(y_test, predicted), -1.0)
                yield found


def _prepared(contender, X, X_train):
    """Return the rows, for HistGradientBoosting as it needs them.

    That is, with text as categories, at most 250 a column, and without columns that have no
    cells.
    """
    if contender != "HistGradientBoosting":
        return X
    X = X[X_train.columns[X_train.notna().any()]]
    names = X.select_dtypes(exclude="number").columns
    levels = {name: X_train[name].value_counts().index[:250] for name in names}
    return X.astype({name: pd.CategoricalDtype(sorted(levels[name])) for name in names})


def report(results):
    """Print the means over the tables, and the differences from the first contender."""
    frame = pd.DataFrame(results)
    for task, of_task in frame.groupby("task"):
        means = of_task.groupby(["table", "contender"]).mean(numeric_only=True)
        print(f"\n{task}, {of_task['table'].nunique()} tables")
        for measure_ in ("accuracy", "log_loss", "r2", "seconds"):
            by_contender = means[measure_].unstack()
            if by_contender.isna().to_numpy().all():
                continue
            for name in of_task["contender"].unique():
                difference = by_contender[name] - by_contender["skbackprop"]
                error = difference.std() / len(difference) ** 0.5
                print(
                    f"  {measure_:9} {name:29} {by_contender[name].mean():8.4f}"
                    f"  {difference.mean():+8.4f} +- {error:.4f}"
                )
            if measure_ in ("log_loss", "r2"):
                print(by_contender.round(4).to_string())


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder")
    parser.add_argument(
        "contenders", nargs="*", default=["*"], help="names beside skbackprop, such as 'Hist*'"
    )
    parser.add_argument("--part", choices=["tune", "aside", "all"], default="all")
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        found = measure(
            arguments.folder, arguments.part, arguments.repeats, arguments.contenders
        )
        report(found)


if __name__ == "__main__":
    main()
