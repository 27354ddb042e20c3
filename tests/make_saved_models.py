"""Files as each version of the package wrote them, which every later one has to read.

    python tests/make_saved_models.py

writes those of the installed version into a folder of its name, each with its data, what it
predicts, and what it predicts after more training. The files of a version that is out are never
written again: such are on the disks of users. The checkpoint takes scikit-learn 1.9.
"""

from pathlib import Path

import numpy as np
import pandas as pd

import skbackprop
from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.callbacks import Checkpoint
from skbackprop.persistence import load, save

FOLDER = Path(__file__).parent / "saved"


def cases():
    """Names of files, estimators, and what they are fitted to."""
    rng = np.random.RandomState(0)
    X = rng.normal(size=(24, 3))
    line, rows = X @ [3.0, -1.0, 0.5], np.arange(24)
    # Nothing is left to "auto", whose meaning may change from version to version.
    common = {
        "hidden_layer_sizes": (4,), "alpha": 0.05, "batch_size": 1, "learning_rate": "constant",
        "learning_rate_init": 0.02, "max_iter": 6, "tol": None, "random_state": 3,
    }  # fmt: skip
    classifier = BackpropClassifier(**common)
    regressor = BackpropRegressor(**common)

    def changed(estimator, **parameters):
        return type(estimator)(**{**estimator.get_params(), **parameters})

    yield "binary", classifier, X, (line > 0).astype(int)
    yield (
        "names",
        changed(classifier, solver="sgd", momentum=0.9, dropout=0.2, class_weight="balanced"),
        pd.DataFrame(1e3 + X, columns=["length", "width", "größe"]),
        np.array(["oats", "rye", "wheat"])[rows % 3],
    )
    yield (
        "labels",
        changed(classifier, solver="rmsprop", activation="gelu"),
        X,
        np.column_stack([line > 0, X[:, 0] > X[:, 1], X[:, 2] > 0.3]).astype(int),
    )
    yield (
        "columns",
        changed(classifier, solver="adam", batch_size=5),
        X.astype(np.float32),
        np.column_stack([rows % 3, rows % 2]),
    )
    early = {"early_stopping": True, "n_iter_no_change": 50, "validation_fraction": 0.25}
    yield "regression", changed(regressor, **early, alpha=0.1), X, 1e5 * line + 1e6
    quantiles = {"loss": "quantile", "quantile": [0.1, 0.5, 0.9]}
    yield "quantiles", changed(regressor, **quantiles, solver="adam"), X, line
    counts = np.abs(np.column_stack([line, X[:, 0]]))
    yield "targets", changed(regressor, loss="poisson", solver="rprop"), X, counts
    yield "lbfgs", changed(regressor, solver="lbfgs"), X, line
    yield "lm", changed(regressor, solver="lm"), X, line


class Interrupted(Checkpoint):
    """A checkpoint of training that gets no further than four epochs."""

    def _epoch_ends(self, memory, fitted):
        super()._epoch_ends(memory, fitted)
        return fitted.n_iter_ == 4


def shown(estimator, X):
    """Inputs as it met them: with names, if they had any."""
    names = getattr(estimator, "feature_names_in_", None)
    return X if names is None else pd.DataFrame(X, columns=names)


def predictions(estimator, X):
    """What it predicts: of a classifier, all probabilities."""
    if not hasattr(estimator, "predict_proba"):
        return estimator.predict(X)
    proba = estimator.predict_proba(shown(estimator, X))
    return np.hstack(proba) if isinstance(proba, list) else proba


def go_on(estimator, X, y):
    """More training from where it stood."""
    X = shown(estimator, X)
    if estimator.early_stopping or estimator.solver in ("lbfgs", "lm"):
        return estimator.set_params(warm_start=True).fit(X, y)
    return estimator.partial_fit(X, y).partial_fit(X, y)


def write(path, X, y, after):
    """What belongs to a file, beside it."""
    predicted = predictions(load(path), X)
    np.savez_compressed(path.with_suffix(".npz"), X=X, y=y, predicted=predicted, after=after)


def main():
    folder = FOLDER / skbackprop.__version__
    folder.mkdir(parents=True)
    for name, estimator, X, y in cases():
        path = folder / f"{name}.skbp"
        save(estimator.fit(X, y), path)
        X = np.asarray(X)
        write(path, X, y, predictions(go_on(load(path), X, y), X))
    path = folder / "checkpoint.skbp"
    _, estimator, X, y = next(cases())
    estimator.set_callbacks(Interrupted(path)).fit(X, y)
    whole = type(estimator)(**estimator.get_params()).fit(X, y)
    write(path, X, y, predictions(whole, X))


if __name__ == "__main__":
    main()
