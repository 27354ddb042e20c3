"""To scikit-learn's MLP, and from it."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils.validation import check_is_fitted

from .. import presets
from .._classifier import BackpropClassifier
from .._parameters import check_parameters
from .._preprocessing.target_encoding import (
    MULTILABEL,
    MULTIOUTPUT,
    SINGLE,
    ClassEncoder,
    NumericEncoder,
)
from .._regressor import BackpropRegressor
from .._training.configuration import (
    make_solver,
    resolve_batch_size,
    resolve_learning_rate,
    resolve_tol,
)
from ._fitted_view import REGRESSION, build, check_columns_are_inputs, check_folding, read

if TYPE_CHECKING:
    from .._base import BaseBackprop
    from .._preprocessing.target_encoding import TargetEncoder

_ACTIVATIONS = ("identity", "logistic", "tanh", "relu")
_SOLVERS = ("sgd", "adam", "lbfgs")
_SCHEDULES = ("constant", "invscaling", "adaptive")


def from_sklearn(mlp: MLPClassifier | MLPRegressor) -> BackpropClassifier | BackpropRegressor:
    """Return a fitted MLP of scikit-learn as a skbackprop estimator, which predicts the same.

    Parameters
    ----------
    mlp : MLPClassifier or MLPRegressor
        A fitted estimator.

    Returns
    -------
    estimator : BackpropClassifier or BackpropRegressor
        Fitted, with the same parameters and weights. Its record of training is empty, and
        its update rule starts again where training goes on.

    Raises
    ------
    TypeError
        If `mlp` is of another class.
    sklearn.exceptions.NotFittedError
        If it is not fitted.

    See Also
    --------
    to_sklearn : The other way.

    Examples
    --------
    >>> from sklearn.neural_network import MLPClassifier
    >>> from skbackprop.datasets import load_wheat_seeds
    >>> from skbackprop.export import from_sklearn
    >>> X, y = load_wheat_seeds(return_X_y=True)
    >>> mlp = MLPClassifier((5,), solver="lbfgs", max_iter=2000, random_state=0).fit(X, y)
    >>> clf = from_sklearn(mlp)
    >>> bool((clf.predict(X) == mlp.predict(X)).all())
    True
    >>> clf.set_params(solver="sgd", learning_rate_init=1e-3).partial_fit(X, y)
    BackpropClassifier(...)
    """
    if not isinstance(mlp, (MLPClassifier, MLPRegressor)):
        raise TypeError(
            f"mlp must be an MLPClassifier or an MLPRegressor. Got {type(mlp).__name__}."
        )
    check_is_fitted(mlp)
    sizes = tuple(len(intercept) for intercept in mlp.intercepts_[:-1])
    given = mlp.get_params() | {"hidden_layer_sizes": sizes}
    kind: type[BaseBackprop]
    encoder: TargetEncoder
    if isinstance(mlp, MLPRegressor):
        kind, encoder = BackpropRegressor, NumericEncoder(mlp.n_outputs_, mlp.n_outputs_ == 1)
    else:
        kind, encoder = BackpropClassifier, _class_encoder(mlp)
        given.pop("loss", None)
    known = kind().get_params()
    settings = presets.MLP | {name: value for name, value in given.items() if name in known}
    if settings["batch_size"] == "auto":
        settings["batch_size"] = presets.MLP["batch_size"]
    return build(
        kind(**settings),
        encoder,
        mlp.coefs_,
        mlp.intercepts_,
        mlp.coefs_[0].dtype,
        getattr(mlp, "feature_names_in_", None),
    )


def _class_encoder(mlp):
    classes = np.asarray(mlp.classes_)
    several = mlp.out_activation_ == "logistic" and mlp.n_outputs_ == len(classes) > 1
    return ClassEncoder(MULTILABEL if several else SINGLE, classes)


def to_sklearn(estimator: BaseBackprop) -> MLPClassifier | MLPRegressor:
    """A fitted network as scikit-learn's MLP, which predicts the same.

    Parameters
    ----------
    estimator : BackpropClassifier or BackpropRegressor
        A fitted estimator whose network an MLP can be: one of "identity", "logistic",
        "tanh" and "relu" in all hidden layers, and the output and the loss that an MLP has.

    Returns
    -------
    mlp : MLPClassifier or MLPRegressor
        Fitted, with the parameters that both have, and the weights that our
        `coefs_` and `intercepts_` show: any standardization inside is folded in.

    Raises
    ------
    TypeError
        If `estimator` is of another class.
    ValueError
        If no MLP is such a network, or has such labels; or if float32 cannot hold weights on
        inputs as they are, which lie far from zero beside their spread.
    sklearn.exceptions.NotFittedError
        If it is not fitted.

    See Also
    --------
    from_sklearn : The other way.

    Examples
    --------
    >>> from skbackprop import BackpropClassifier
    >>> from skbackprop.datasets import load_wheat_seeds
    >>> from skbackprop.export import to_sklearn
    >>> X, y = load_wheat_seeds(return_X_y=True)
    >>> clf = BackpropClassifier((5,), max_iter=20, random_state=0).fit(X, y)
    >>> mlp = to_sklearn(clf)
    >>> bool((mlp.predict(X) == clf.predict(X)).all())
    True
    """
    fitted = read(estimator)
    check_parameters(estimator)  # which may have been set since `fit`
    check_columns_are_inputs(fitted.encoder)
    _refuse_clipped_inputs(fitted)
    check_folding(estimator)
    network = fitted.network
    kind = MLPRegressor if fitted.kind == REGRESSION else MLPClassifier
    known = kind().get_params()
    settings = {k: v for k, v in estimator.get_params().items() if k in known}
    settings["hidden_layer_sizes"] = network.layer_sizes[1:-1]
    settings["activation"] = _one_activation(network)
    # MLP has no word for all rows; its "auto" is all where they are few.
    if estimator.solver == "auto":
        solver = estimator._train_state.solver
        settings["solver"] = solver.name
    else:
        solver = make_solver(estimator)
    size = resolve_batch_size(estimator, solver, math.inf)
    settings["batch_size"] = "auto" if size == math.inf else size
    settings["verbose"] = bool(settings["verbose"])
    settings["tol"] = resolve_tol(estimator, solver) or 0.0
    settings["learning_rate_init"] = resolve_learning_rate(estimator, solver)
    if settings["alpha"] == "auto":
        settings["alpha"] = estimator.alpha_
    if settings["max_iter"] == "auto":  # which depends on the data to come
        del settings["max_iter"]
    for name, allowed in (("solver", _SOLVERS), ("learning_rate", _SCHEDULES)):
        if settings[name] not in allowed:
            del settings[name]
    settings.pop("loss", None)
    if network.loss == "poisson" and "loss" in known:
        settings["loss"] = "poisson"
    _refuse_other_outputs(fitted, estimator, known)
    mlp = _init_mlp(kind(**settings), fitted)
    if fitted.classes and mlp.classes_.tolist() != fitted.classes[0].tolist():
        raise ValueError(
            "Class labels must be those that MLPClassifier has for them. Got "
            f"{fitted.classes[0].tolist()}, which become {mlp.classes_.tolist()}."
        )
    # Copies in scikit-learn's order: without scaling the attributes are views.
    mlp.coefs_ = [np.array(coef, order="C") for coef in estimator.coefs_]
    mlp.intercepts_ = [np.array(intercept) for intercept in estimator.intercepts_]
    mlp.n_iter_, mlp.t_ = estimator.n_iter_, estimator.t_
    mlp.loss_curve_ = list(estimator.loss_curve_)
    mlp.loss_, mlp.best_loss_ = estimator.loss_, min(mlp.loss_curve_, default=np.inf)
    names = getattr(estimator, "feature_names_in_", None)
    if names is not None:
        mlp.feature_names_in_ = names
    return mlp


def _refuse_clipped_inputs(fitted):
    if fitted.limits is not None:
        columns = np.flatnonzero(np.isfinite(fitted.limits[0])).tolist()
        raise ValueError(
            f"An MLP of scikit-learn cannot clip its inputs, as the estimator does with the "
            f"columns {columns}, in which the training data had wild values. Train on data "
            "without them, or with standardize=False."
        )


def _one_activation(network):
    names = set(network.activations) or {"relu"}
    if len(names) > 1 or not names <= set(_ACTIVATIONS):
        raise ValueError(
            f"The hidden layers of an MLP share one of the activations {_ACTIVATIONS}. Got "
            f"{network.activations}."
        )
    return names.pop()


def _refuse_other_outputs(fitted, estimator, known):
    """Refuse outputs, or losses in training, that an MLP does not have."""
    network, kind = fitted.network, fitted.kind
    pair = (network.loss, network.output_activation)
    if kind == REGRESSION:
        allowed = [("squared_error", "identity")]
        if "loss" in known:
            allowed.append(("poisson", "exp"))
    else:
        allowed = [("log_loss", "logistic"), ("log_loss", "softmax")]
    if pair not in allowed or kind == MULTIOUTPUT:
        raise ValueError(
            f"An MLP of this version of scikit-learn has a loss and an output activation "
            f"among {allowed}, and one column of classes. Got {pair} of a network for {kind} "
            "targets."
        )


def _init_mlp(mlp, fitted):
    """Let scikit-learn set up its own state, on next to no data."""
    n_inputs, *_, n_outputs = fitted.network.layer_sizes
    if fitted.kind == REGRESSION:
        y = np.ones((2, n_outputs)) if n_outputs > 1 else np.ones(2)
    elif fitted.kind == MULTILABEL:
        y = np.array([[0] * n_outputs, [1] * n_outputs])
    else:
        y = fitted.classes[0]
    wanted = mlp.get_params()
    # L-BFGS leaves no memory behind that later training would start from.
    mlp.set_params(solver="lbfgs", max_iter=1, early_stopping=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        mlp.fit(np.zeros((len(y), n_inputs), dtype=fitted.dtype), y)
    return mlp.set_params(**wanted)
