"""Cross-validate the default network on a table, beside other models."""

import time
import warnings
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.inspection import permutation_importance
from sklearn.metrics import (
    accuracy_score,
    confusion_matrix,
    log_loss,
    mean_absolute_error,
    r2_score,
    root_mean_squared_error,
)
from sklearn.model_selection import KFold, StratifiedKFold

from ._columns import (
    DROPPED,
    LARGEST,
    Column,
    as_text,
    as_typed,
    choose_task,
    describe_columns,
    is_numeric,
)
from ._differences import compare_scores
from ._errors import TableError, import_pandas, listed, suggestion
from ._frames import as_frame
from ._model import TableModel
from ._models import NETWORK, make_models
from ._report import render_report

TASKS = ("auto", "classification", "regression")
_N_IMPORTANCE_ROWS = 1000
_N_REPEATS = 3


@dataclass(frozen=True)
class Evaluation:
    """What `evaluate` has found out about a table.

    Attributes
    ----------
    target : str
        The name of the predicted column.
    task : {"classification", "regression"}
        What is predicted.
    task_rule : str
        Why.
    n_samples, n_folds : int
        The number of rows used, and of folds.
    columns : list of Column
        The other columns; each has a `name`, a `role` and, if it is dropped, a `reason`.
    notes : list of str
        What was left out, and warnings of the network.
    scores : pandas.DataFrame
        A row for each model and fold. The columns are "model", "fold", the scores and
        "seconds" of fitting and predicting. For classes, the scores are "accuracy" and
        "log_loss"; for numbers, "r2", and "mae" and "rmse" in the target's units.
    predictions : pandas.DataFrame
        For each row of the table, the "target" and the network's out-of-fold prediction,
        "predicted".
    importances : pandas.DataFrame
        The permutation importance of each column to the network on held-out rows, the
        largest first: the "mean" and "std" over folds and repeats of how much the accuracy
        or R2 falls if the column is shuffled.
    model : TableModel
        The network, fitted on all rows.
    """

    target: str
    task: str
    task_rule: str
    n_samples: int
    n_folds: int
    columns: list
    notes: list = field(repr=False)
    scores: object = field(repr=False)
    predictions: object = field(repr=False)
    importances: object = field(repr=False)
    model: TableModel = field(repr=False)

    @property
    def score_names(self):
        """The names of the scores; the first one decides."""
        return [name for name in self.scores if name not in ("model", "fold", "seconds")]

    def summary(self):
        """Return the mean and the standard deviation over the folds.

        Returns
        -------
        summary : pandas.DataFrame
            A row per model. The columns have two levels: a score or "seconds", and "mean"
            or "std".
        """
        grouped = self.scores.drop(columns="fold").groupby("model", sort=False)
        return grouped.agg(["mean", "std"])

    def differences(self):
        """Return how much better the network is than each other model, by the first score.

        Returns
        -------
        differences : dict of str to Difference
            For each model, the `mean` difference over the folds and its 95% interval from
            `low` to `high`; `is_noise` says whether the interval holds zero.
        """
        name = self.score_names[0]
        scores = {model: part[name] for model, part in self.scores.groupby("model", sort=False)}
        return {
            model: compare_scores(scores[NETWORK], other, self.n_folds)
            for model, other in scores.items()
            if model != NETWORK
        }

    def confusion(self):
        """Return how often each class was predicted as each, from out-of-fold predictions.

        Returns
        -------
        confusion : pandas.DataFrame
            A row per true class and a column per predicted class; None in regression.
        """
        if self.task != "classification":
            return None
        labels = list(self.model.pipeline.classes_)
        counts = confusion_matrix(
            self.predictions["target"], self.predictions["predicted"], labels=labels
        )
        return import_pandas().DataFrame(
            counts, _index(labels, "true"), _index(labels, "predicted")
        )

    def to_html(self):
        """Return one HTML page with tables and figures, which needs no other file.

        Returns
        -------
        html : str
            The page.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        return render_report(self)

    def _repr_html_(self):
        return self.summary().round(4).to_html()


def _index(labels, name):
    return import_pandas().Index(labels, name=name)


def evaluate(
    frame,
    target=None,
    *,
    drop=(),
    task="auto",
    cv=5,
    random_state=0,
    network=None,
    progress=None,
):
    """Cross-validate the default network on a table, beside other models, and fit it.

    The models see the same columns on the same folds: a baseline that predicts the most
    frequent class or the mean, a linear model (logistic regression, or ridge regression with a
    cross-validated penalty), scikit-learn's HistGradientBoosting, and the network. Columns are
    encoded by the training rows of each fold, by a ColumnTransformer or inside the network:
    missing numbers become the median with an indicator beside them, categories one input per
    level, and dates their parts. Columns that are constant, number the rows, or hold text that
    differs in nearly every row are left out, as are rows whose target is missing.

    Parameters
    ----------
    frame : DataFrame
        The table, of pandas, or of a library whose frames have ``to_pandas``. `read_table`
        reads one from a file.
    target : str, default=None
        The column to predict; None is the last one.
    drop : iterable of str, default=()
        Columns to leave out.
    task : {"auto", "classification", "regression"}, default="auto"
        What to predict. "auto" means classification if the target is text, or has at most 20
        different values, all of them whole numbers, with at least five rows for each on
        average.
    cv : int, default=5
        The number of folds, at least 2; for classes the folds are stratified.
    random_state : int, RandomState instance or None, default=0
        Seeds the folds, the models and the permutations.
    network : estimator, default=None
        The network; None is ``BackpropClassifier()`` or ``BackpropRegressor()``.
    progress : callable, default=None
        Called as ``progress(n_done, n_total, what)`` before each fit.

    Returns
    -------
    evaluation : Evaluation
        Scores, predictions, importances, and the network fitted on all rows.

    Raises
    ------
    TableError
        If the table cannot be used: a column does not exist, the target has one value, a class
        has fewer rows than there are folds, or no column is left.
    ImportError
        If pandas is not installed.

    Examples
    --------
    >>> from skbackprop.datasets import load_wheat_seeds
    >>> from skbackprop.tables import evaluate
    >>> evaluation = evaluate(load_wheat_seeds(as_frame=True).frame)
    >>> evaluation.summary()["accuracy"]["mean"].round(2).to_dict()
    {'baseline': 0.33, 'linear model': 0.94, 'boosted trees': 0.92, 'skbackprop': 0.94}
    >>> evaluation.importances.index[0]
    'groove_length'
    """
    if task not in TASKS:
        raise TableError(f"The task is one of {listed(TASKS)}. Got {task!r}.")
    if not isinstance(cv, (int, np.integer)) or isinstance(cv, bool) or cv < 2:
        raise TableError(f"The number of folds is a whole number of at least 2. Got {cv!r}.")
    progress = progress or (lambda n_done, n_total, what: None)
    data = _prepare(as_frame(frame).reset_index(drop=True), target, drop, task, cv)
    seed = np.random.RandomState(random_state) if random_state is not None else None
    seed = seed.randint(2**31 - 1) if seed is not None else np.random.randint(2**31 - 1)
    models = make_models(data.task, data.columns, network, seed)
    splits = list(_make_folds(data.task, cv, seed).split(data.X, data.y))
    results = _Results(data, _warned := Counter())
    n_total = len(splits) * len(models) + 1
    n_done = 0
    for fold, (train, test) in enumerate(splits):
        for name, model in models.items():
            progress(n_done, n_total, f"fold {fold + 1} of {cv}: {name}")
            results.add(name, model, fold, train, test, seed)
            n_done += 1
    progress(n_done, n_total, "the network on all rows")
    pipeline = models[NETWORK]
    with _record_warnings(_warned):
        pipeline.fit(data.X, data.y)
    progress(n_total, n_total, "")
    return results.to_evaluation(cv, TableModel(pipeline, data.target, data.task, data.columns))


@dataclass(frozen=True)
class _Data:
    """A table that is ready to be used."""

    X: object
    y: object
    target: str
    task: str
    task_rule: str
    columns: list
    notes: list


def _prepare(frame, target, drop, task, n_folds):
    if frame.shape[1] < 2 or not len(frame):
        raise TableError(
            f"The table needs a target, at least one other column, and rows. Got "
            f"{frame.shape[0]} rows and {frame.shape[1]} columns."
        )
    target = frame.columns[-1] if target is None else str(target)
    drop = [drop] if isinstance(drop, str) else [str(name) for name in drop]
    for name, parameter in [(target, "target"), *((name, "dropped column") for name in drop)]:
        if name not in frame.columns:
            raise TableError(
                f"The {parameter} {name!r} is not in the table. "
                f"{suggestion(name, frame.columns)}"
            )
    if target in drop:
        raise TableError(f"The target {target!r} cannot be dropped.")
    notes = []
    has_target = frame[target].notna()
    if not has_target.all():
        notes.append(f"{(~has_target).sum():,} rows without a target are left out")
        frame = frame[has_target].reset_index(drop=True)
    y, task, rule = _prepare_target(frame[target], task, n_folds)
    dropped = [Column(name, DROPPED, "you asked for it") for name in drop]
    described = {
        column.name: column
        for column in [*describe_columns(frame.drop(columns=[target, *drop])), *dropped]
    }
    columns = [described[name] for name in frame.columns if name != target]
    X = as_typed(frame, columns)
    return _Data(X, y, target, task, rule, columns, notes)


def _prepare_target(target, task, n_folds):
    if not len(target):
        raise TableError(f"The target {target.name!r} is missing in each row.")
    if target.nunique() < 2:
        raise TableError(
            f"The target {target.name!r} is {as_text(target.iloc[0])!r} in each row: there is "
            f"nothing to predict."
        )
    if task == "auto":
        task, rule = choose_task(target)
    else:
        choose_task(target)  # raises for dates
        rule = "you asked for it"
    if task == "regression":
        return _numeric_target(target, n_folds), task, rule
    counts = target.value_counts()
    if counts.min() < n_folds:
        rare, n_rare = as_text(counts.index[-1]), int(counts.iloc[-1])
        advice = f"take at most {n_rare} folds (--folds {n_rare}), or " if n_rare > 1 else ""
        asked = " For a numeric target there is also regression." if is_numeric(target) else ""
        raise TableError(
            f"Class {rare!r} of the target {target.name!r} has {n_rare} "
            f"row{'s' * (n_rare > 1)}, fewer than the {n_folds} folds: {advice}join rare "
            f"classes or remove their rows.{asked}"
        )
    values = target.to_numpy()
    if not is_numeric(target):
        return np.array([str(value) for value in values]), task, rule
    if np.array_equal(values, np.round(values.astype(float))) and values.dtype.kind != "b":
        values = values.astype(np.int64)
    return values, task, rule


def _numeric_target(target, n_folds):
    values = import_pandas().to_numeric(target, errors="coerce")
    if not is_numeric(target) and values.isna().any():
        wrong = as_text(target[values.isna()].iloc[0])
        raise TableError(f"Regression needs a numeric target. {target.name!r} holds {wrong!r}.")
    values = values.to_numpy(dtype=float)
    if not (np.abs(values) < LARGEST).all():
        raise TableError(
            f"The target {target.name!r} holds {values[np.abs(values).argmax()]:g}. Numbers "
            f"are smaller than {LARGEST:g}."
        )
    if len(values) < 2 * n_folds:
        raise TableError(
            f"The table has {len(values)} rows with a target, too few for {n_folds} folds."
        )
    return values


def _make_folds(task, cv, seed):
    folds = StratifiedKFold if task == "classification" else KFold
    return folds(cv, shuffle=True, random_state=seed)


class _record_warnings(warnings.catch_warnings):
    """Count the messages of warnings in place of showing them."""

    def __init__(self, counts):
        super().__init__(record=True)
        self._counts = counts

    def __enter__(self):
        self._recorded = super().__enter__()
        warnings.simplefilter("always")
        return self._recorded

    def __exit__(self, *details):
        super().__exit__(*details)
        self._counts.update(
            str(warning.message)
            for warning in self._recorded
            if issubclass(warning.category, (UserWarning, ConvergenceWarning))
        )


class _Results:
    """What the folds have given so far."""

    def __init__(self, data, warned):
        self.data = data
        self.warned = warned
        self.rows = []
        self.predicted = np.empty(len(data.y), dtype=data.y.dtype)
        self.importances = []

    def add(self, name, model, fold, train, test, seed):
        """Fit a model on the training rows of a fold, and score it on the others."""
        data = self.data
        X_train, X_test = data.X.iloc[train], data.X.iloc[test]
        began = time.perf_counter()
        with _record_warnings(self.warned if name == NETWORK else Counter()):
            model.fit(X_train, data.y[train])
            scores, predicted = _score(data.task, model, X_test, data.y[test])
        seconds = time.perf_counter() - began
        self.rows.append({"model": name, "fold": fold, **scores, "seconds": seconds})
        if name == NETWORK:
            self.predicted[test] = predicted
            rows = test[:_N_IMPORTANCE_ROWS]
            self.importances.append(_importances(model, data, rows, seed + fold))

    def to_evaluation(self, n_folds, model):
        pandas = import_pandas()
        data = self.data
        values = np.concatenate(self.importances, axis=1)
        importances = pandas.DataFrame(
            {"mean": values.mean(axis=1), "std": values.std(axis=1)}, index=list(data.X)
        )
        notes = data.notes + [
            f"{message}" + (f" ({count} times)" if count > 1 else "")
            for message, count in self.warned.items()
        ]
        return Evaluation(
            target=data.target,
            task=data.task,
            task_rule=data.task_rule,
            n_samples=len(data.y),
            n_folds=n_folds,
            columns=data.columns,
            notes=notes,
            scores=pandas.DataFrame(self.rows),
            predictions=pandas.DataFrame({"target": data.y, "predicted": self.predicted}),
            importances=importances.sort_values("mean", ascending=False, kind="stable"),
            model=model,
        )


def _score(task, model, X, y):
    """Return the scores of a fitted model by their names, and its predictions."""
    predicted = model.predict(X)
    if task == "classification":
        probabilities = model.predict_proba(X)
        loss = log_loss(y, probabilities, labels=model.classes_)
        return {"accuracy": accuracy_score(y, predicted), "log_loss": loss}, predicted
    scores = {
        "r2": r2_score(y, predicted),
        "mae": mean_absolute_error(y, predicted),
        "rmse": root_mean_squared_error(y, predicted),
    }
    return scores, predicted


def _importances(model, data, rows, seed):
    scoring = "accuracy" if data.task == "classification" else "r2"
    result = permutation_importance(
        model, data.X.iloc[rows], data.y[rows],
        scoring=scoring, n_repeats=_N_REPEATS, random_state=seed % 2**32,
    )  # fmt: skip
    return result.importances
