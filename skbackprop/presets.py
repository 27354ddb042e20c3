"""Ready-made settings: plain dictionaries of parameters.

Examples
--------
>>> from skbackprop import BackpropClassifier, presets
>>> BackpropClassifier((5,), **presets.TEXTBOOK).batch_size
1

A preset is changed by merging:

>>> BackpropClassifier((5,), **presets.TEXTBOOK | {"activation": "tanh"}).activation
'tanh'

So are the layers of `MLP`, which contains ``hidden_layer_sizes``:

>>> BackpropClassifier(**presets.MLP | {"hidden_layer_sizes": (20, 20)}).solver
'adam'
"""

from __future__ import annotations

from typing import Any

__all__ = ["ACCURATE", "MLP", "TEXTBOOK"]

#: Backpropagation as the tutorial writes it: online stochastic gradient descent on the
#: squared error, logistic neurons throughout, weights drawn uniformly from [0, 1), the rows
#: in their given order, and none of what came later.
TEXTBOOK: dict[str, Any] = {
    "activation": "logistic",
    "output_activation": "auto",
    "loss": "squared_error",
    "solver": "sgd",
    "batch_size": 1,
    "alpha": 0.0,
    "learning_rate": "constant",
    "momentum": 0.0,
    "nesterovs_momentum": False,
    "shuffle": False,
    "tol": None,
    "early_stopping": False,
    "weight_decay": 0.0,
    "l1": 0.0,
    "dropout": 0.0,
    "clip_norm": None,
    "max_norm": None,
    "weight_init": "uniform",
    "standardize": False,
    "categorical_features": None,
    "numeric_encoding": "none",
    "max_restarts": 0,
    "n_members": 1,
}

#: The defaults of scikit-learn's MLPClassifier and MLPRegressor, ``hidden_layer_sizes``
#: included: merge other layers into it.
MLP: dict[str, Any] = {
    "hidden_layer_sizes": (100,),
    "activation": "relu",
    "output_activation": "auto",
    "loss": "auto",
    "solver": "adam",
    "batch_size": 200,
    "alpha": 0.0001,
    "learning_rate": "constant",
    "learning_rate_init": 0.001,
    "power_t": 0.5,
    "max_iter": 200,
    "shuffle": True,
    "tol": 0.0001,
    "momentum": 0.9,
    "nesterovs_momentum": True,
    "beta_1": 0.9,
    "beta_2": 0.999,
    "epsilon": 1e-8,
    "n_iter_no_change": 10,
    "max_fun": 15000,
    "early_stopping": False,
    "validation_fraction": 0.1,
    "scoring": "score",
    "restore_best": True,
    "weight_decay": 0.0,
    "l1": 0.0,
    "dropout": 0.0,
    "clip_norm": None,
    "max_norm": None,
    "weight_init": "mlp",
    "standardize": False,
    "categorical_features": None,
    "numeric_encoding": "none",
    "max_restarts": 0,
    "n_members": 1,
}

#: Eight networks, averaged: a little better probabilities in about six times the training time.
ACCURATE: dict[str, Any] = {"n_members": 8}
