"""The models that are compared on a table."""

import numpy as np
from sklearn.base import clone
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from .._classifier import BackpropClassifier
from .._regressor import BackpropRegressor
from ._columns import make_encoder, make_network_encoder

BASELINE, LINEAR, TREES, NETWORK = "baseline", "linear model", "boosted trees", "skbackprop"


def make_models(task, columns, network, seed):
    """Return the pipelines by their names: the baseline, the two others, and the network."""
    if task == "classification":
        models = {
            BASELINE: DummyClassifier(strategy="prior"),
            LINEAR: make_pipeline(StandardScaler(), LogisticRegression(max_iter=1000)),
            TREES: HistGradientBoostingClassifier(random_state=seed),
            NETWORK: network or BackpropClassifier(random_state=seed),
        }
    else:
        models = {
            BASELINE: DummyRegressor(),
            LINEAR: make_pipeline(StandardScaler(), RidgeCV(np.logspace(-3, 3, 13))),
            TREES: HistGradientBoostingRegressor(random_state=seed),
            NETWORK: network or BackpropRegressor(random_state=seed),
        }
    if getattr(models[NETWORK], "categorical_features", ()) is None:  # as in the presets
        models[NETWORK] = clone(models[NETWORK]).set_params(categorical_features="from_dtype")
    encoders = dict.fromkeys(models, make_encoder(columns))
    encoders[NETWORK] = make_network_encoder(columns)
    return {
        name: Pipeline([("encode", encoders[name]), ("network", model)])
        for name, model in models.items()
    }
