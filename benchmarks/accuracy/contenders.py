"""Who is compared: our estimators and others, each out of the box.

All get the same matrix: categories one-hot, missing numbers the median. Scaled are the inputs
of those that need it.
"""

import importlib
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatch
from importlib.util import find_spec

from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, SVR

from skbackprop import BackpropClassifier, BackpropRegressor, presets

from .problems import CLASSIFICATION


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


def _of_package(name, module, classifier, regressor, **parameters):
    """A contender of a package that need not be installed."""

    def maker(kind):
        return lambda seed: getattr(importlib.import_module(module), kind)(
            random_state=seed, **parameters
        )

    return Contender(name, maker(classifier), maker(regressor))


_ONE_NETWORK = {"n_cv": 1, "n_refit": 0, "device": "cpu"}
BOOSTING = (
    _of_package(
        "LightGBM", "lightgbm", "LGBMClassifier", "LGBMRegressor", n_jobs=1, verbose=-1
    ),
    _of_package(
        "CatBoost", "catboost", "CatBoostClassifier", "CatBoostRegressor",
        thread_count=1, verbose=False, allow_writing_files=False,
    ),
)  # fmt: skip
# Minutes a fit: they take part where they are named.
NETWORKS = tuple(
    _of_package(
        name, "pytabkit", f"{kind}_Classifier", f"{kind}_Regressor", n_threads=1, **_ONE_NETWORK
    )
    for name, kind in (
        ("RealMLP-TD-S", "RealMLP_TD_S"), ("RealMLP-TD", "RealMLP_TD"), ("TabM", "TabM_D"),
    )
)  # fmt: skip


def chosen(patterns):
    """The contenders whose names match a pattern, less those that are not installed.

    None are "*", which is all but those that have to be named.
    """
    installed = [c for c in BOOSTING if find_spec(c.name.lower())]
    if find_spec("pytabkit") and patterns:
        installed += NETWORKS
    several = ours("skbackprop, ACCURATE", **presets.ACCURATE)
    everybody = (several, *PEERS, *installed)
    return [c for c in everybody if any(fnmatch(c.name, p) for p in patterns or ["*"])]
