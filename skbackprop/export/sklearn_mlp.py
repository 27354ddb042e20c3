"""To scikit-learn's MLP, and from it."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.utils.validation import check_is_fitted

from .. import presets
from ..classifier import BackpropClassifier
from ..labels import MULTILABEL, MULTIOUTPUT, SINGLE, Labels
from ..plan import rate_of_first_epoch, rows_per_update, tolerance
from ..regressor import BackpropRegressor
from ._fitted import REGRESSION, build, check_folding, read

if TYPE_CHECKING:
    from ..base import BaseBackprop

_ACTIVATIONS = ("identity", "logistic", "tanh", "relu")
_SOLVERS = ("sgd", "adam", "lbfgs")
_SCHEDULES = ("constant", "invscaling", "adaptive")


def from_sklearn(mlp: MLPClassifier | MLPRegressor) -> BackpropClassifier | BackpropRegressor:
    """A fitted MLP of scikit-learn as one of ours, which predicts the same.

    Parameters
    ----------
    mlp : MLPClassifier or MLPRegressor
        A fitted estimator.

    Returns
    -------
    estimator : BackpropClassifier or BackpropRegressor
        Fitted, with the same parameters and weights. Its record of training is empty, and
        its update rule starts anew where training goes on.

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
    targets: dict[str, Any] = {}
    kind: type[BaseBackprop]
    if isinstance(mlp, MLPRegressor):
        kind, targets["_flat"] = BackpropRegressor, mlp.n_outputs_ == 1
        targets["_n_targets"] = mlp.n_outputs_
    else:
        kind, targets["_labels"] = BackpropClassifier, _labels(mlp)
        given.pop("loss", None)
    known = kind().get_params()
    settings = presets.MLP | {name: value for name, value in given.items() if name in known}
    if settings["batch_size"] == "auto":
        settings["batch_size"] = presets.MLP["batch_size"]
    return build(
        kind(**settings),
        mlp.coefs_,
        mlp.intercepts_,
        mlp.coefs_[0].dtype,
        getattr(mlp, "feature_names_in_", None),
        **targets,
    )


def _labels(mlp):
    classes = np.asarray(mlp.classes_)
    several = mlp.out_activation_ == "logistic" and mlp.n_outputs_ == len(classes) > 1
    return Labels(MULTILABEL if several else SINGLE, classes)


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
        Fitted, with the parameters of ours that it has too, and the weights that our
        `coefs_` and `intercepts_` show: any standardisation inside is folded in.

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
    check_folding(estimator)
