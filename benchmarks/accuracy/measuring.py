"""One fit of each contender on each split, and how well it predicts the rest."""

import time
from dataclasses import dataclass

import numpy as np
from sklearn.impute import SimpleImputer
from sklearn.metrics import (
    accuracy_score,
    balanced_accuracy_score,
    log_loss,
    r2_score,
    roc_auc_score,
)

from .problems import REGRESSION

_BINS = 15
# As far as a regression that went wrong counts.
_LOWEST_R2 = -1.0


@dataclass(frozen=True)
class Result:
    """One fit."""

    problem: str
    task: str
    n_train: int
    n_inputs: int
    contender: str
    repeat: int
    fold: int
    accuracy: float = np.nan
    balanced_accuracy: float = np.nan
    log_loss: float = np.nan
    brier_score: float = np.nan
    calibration_error: float = np.nan
    auc: float = np.nan
    r2: float = np.nan
    cpu_seconds: float = np.nan
    error: str = ""


def measure(problems, contenders, repeats, folds, advance=lambda text: None):
    """Yield a `Result` for each fit; a fit that fails is one, with its error."""
    for problem in problems:
        for repeat in range(repeats):
            for fold, (train, test) in enumerate(problem.splits(repeat)):
                if fold == folds:
                    break
                for contender in contenders:
                    estimator = contender.make(problem.task, repeat)
                    advance(f"{problem.name}: {contender.name}")
                    if estimator is not None:
                        yield Result(
                            problem.name, problem.task, len(train), problem.X.shape[1],
                            contender.name, repeat, fold,
                            **_fit_and_judge(estimator, problem, train, test),
                        )  # fmt: skip


def _fit_and_judge(estimator, problem, train, test):
    X, X_test = problem.X[train], problem.X[test]
    if np.isnan(problem.X).any():
        imputer = SimpleImputer(strategy="median", keep_empty_features=True).fit(X)
        X, X_test = imputer.transform(X), imputer.transform(X_test)
    y, y_test = problem.y[train], problem.y[test]
    began = time.process_time()
    try:
        predicted = np.ravel(estimator.fit(X, y).predict(X_test))
    except Exception as error:
        return {"error": f"{type(error).__name__}: {error}"}
    judged = {"cpu_seconds": time.process_time() - began}
    if problem.task == REGRESSION:
        finite = np.isfinite(predicted).all()
        r2 = r2_score(y_test, predicted) if finite else -np.inf
        return judged | {"r2": max(r2, _LOWEST_R2)}
    judged["accuracy"] = accuracy_score(y_test, predicted)
    judged["balanced_accuracy"] = balanced_accuracy_score(y_test, predicted)
    if hasattr(estimator, "predict_proba"):
        judged |= of_probabilities(estimator.predict_proba(X_test), y_test, estimator.classes_)
    return judged


def of_probabilities(probabilities, y, classes):
    """How good probabilities are, of shape (n, n_classes), where `y` are the true classes.

    The Brier score is the mean squared distance to the true class, from 0 to 2. The calibration
    error is the mean gap between confidence and accuracy in 15 bins of equal width [1]_.

    References
    ----------
    .. [1] Guo, C., Pleiss, G., Sun, Y. and Weinberger, K. Q. (2017). On calibration of modern
       neural networks. ICML.
    """
    truth = y[:, None] == classes
    confidence = probabilities.max(axis=1)
    is_right = truth[np.arange(len(y)), probabilities.argmax(axis=1)]
    bins = np.minimum((confidence * _BINS).astype(int), _BINS - 1)
    gaps = np.bincount(bins, is_right - confidence, minlength=_BINS)
    return {
        "log_loss": log_loss(y, probabilities, labels=classes),
        "brier_score": ((probabilities - truth) ** 2).sum(axis=1).mean(),
        "calibration_error": np.abs(gaps).sum() / len(y),
        "auc": _auc(probabilities, y, classes),
    }


def _auc(probabilities, y, classes):
    if len(np.unique(y)) < len(classes):
        return np.nan
    if len(classes) == 2:
        return roc_auc_score(y == classes[1], probabilities[:, 1])
    return roc_auc_score(y, probabilities, multi_class="ovr", labels=classes)
