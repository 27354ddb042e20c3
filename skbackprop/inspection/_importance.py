"""How much each input matters, read from the weights alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from .._engine.network import path_products
from ._utils import check_option, output_index, weights_and_biases

if TYPE_CHECKING:
    from .._base import BaseBackprop
    from .._typing import Array, Units

VARIANTS = ("garson", "goh")


def garson_importance(
    estimator: BaseBackprop,
    *,
    output: Any = None,
    variant: Literal["garson", "goh"] = "garson",
    units: Units = "training",
) -> Array:
    """The share of each input in what the hidden neurons hand on, by Garson's algorithm.

    An input's share of a hidden neuron is its absolute weight, divided by the sum of the
    absolute weights of all inputs into that neuron [1]_. The shares of all hidden neurons
    are added, each weighted by its absolute weight into the output, and scaled to a sum of
    one. Signs do not count, so that opposite paths do not cancel, as they do in
    `olden_importance`.

    Parameters
    ----------
    estimator : BackpropClassifier or BackpropRegressor
        A fitted network with exactly one hidden layer.
    output : label or int, default=None
        A class label of a classifier, or the number of a target of a regressor: the output
        that is looked at. None takes all of them.
    variant : {"garson", "goh"}, default="garson"
        "goh" is the partition as Goh [2]_ and Olden and Jackson [3]_ write it, and as the R
        package NeuralNetTools computes it: each product of input weight and output weight
        is divided by the sum of the products through the same hidden neuron, so that the
        output weight cancels and all hidden neurons count the same.
    units : {"training", "raw"}, default="training"
        "training" reads the weights that training changed, on standardized inputs where the
        estimator standardizes, so that they are comparable. "raw" reads `coefs_`, which
        depend on the units in which each input is measured.

    Returns
    -------
    importance : ndarray of shape (n_features,) or (n_outputs, n_features)
        Of the columns, for each the sum over its inputs. Shares >= 0 that sum to one for each
        output. One-dimensional for a network with one output, or if `output` is given.

    Raises
    ------
    ValueError
        If there is not exactly one hidden layer, for which alone the method is published,
        or if an argument is not one of the values above.

    See Also
    --------
    olden_importance : Signed, and for any number of hidden layers.
    WeightImportanceDisplay : A picture of either.

    References
    ----------
    .. [1] Garson, G. D. (1991). Interpreting neural-network connection weights. AI Expert
       6(4), 46-51.
    .. [2] Goh, A. T. C. (1995). Back-propagation neural networks for modeling complex
       systems. Artificial Intelligence in Engineering 9(3), 143-151.
    .. [3] Olden, J. D. and Jackson, D. A. (2002). Illuminating the "black box": a
       randomization approach for understanding variable contributions in artificial neural
       networks. Ecological Modelling 154, 135-150.

    Examples
    --------
    >>> from sklearn.feature_selection import SelectFromModel
    >>> from skbackprop import BackpropClassifier
    >>> from skbackprop.datasets import load_wheat_seeds
    >>> from skbackprop.inspection import garson_importance
    >>> X, y = load_wheat_seeds(return_X_y=True)
    >>> clf = BackpropClassifier((5,), max_iter=50, random_state=0).fit(X, y)
    >>> garson_importance(clf).shape
    (3, 7)

    It is a ready ``importance_getter``:

    >>> select = SelectFromModel(clf, importance_getter=garson_importance, max_features=3)
    >>> select.fit_transform(X, y).shape[1] <= 3
    True
    """
    check_option("variant", variant, VARIANTS)
    weights, _ = weights_and_biases(estimator, units)
    if len(weights) != 2:
        raise ValueError(
            "Garson's algorithm is for networks with exactly one hidden layer. Got "
            f"{len(weights) - 1} hidden layers: use olden_importance, which takes any number."
        )
    into, out = (np.abs(w) for w in weights)
    shares = into * _reciprocal(into.sum(axis=0))
    if variant == "goh":
        out = (out > 0).astype(out.dtype)
    summed = (shares @ out).T
    importance = summed * _reciprocal(summed.sum(axis=1))[:, None]
    return _of_columns(estimator, importance, output)


def olden_importance(
    estimator: BaseBackprop, *, output: Any = None, units: Units = "training"
) -> Array:
    """The importance of each input by the products of connection weights along all paths.

    For every path from an input to an output the weights along it are multiplied, and the
    products of all paths are added [1]_: the product of the weight matrices. The sign says
    whether the output rises or falls with the input; paths of opposite sign cancel.

    Parameters
    ----------
    estimator : BackpropClassifier or BackpropRegressor
        A fitted network with any number of hidden layers.
    output : label or int, default=None
        A class label of a classifier, or the number of a target of a regressor: the output
        that is looked at. None takes all of them.
    units : {"training", "raw"}, default="training"
        "training" reads the weights that training changed, on standardized inputs where the
        estimator standardizes, so that they are comparable. "raw" reads `coefs_`, which
        depend on the units in which each input is measured.

    Returns
    -------
    importance : ndarray of shape (n_features,) or (n_outputs, n_features)
        Of the columns, for each the sum over its inputs, which tells little of categories.
        Signed, and not normalized. One-dimensional for a network with one output, or if
        `output` is given.

    Raises
    ------
    ValueError
        If an argument is not one of the values above.

    See Also
    --------
    garson_importance : Shares that sum to one, for one hidden layer.
    WeightImportanceDisplay : A picture of either.

    References
    ----------
    .. [1] Olden, J. D., Joy, M. K. and Death, R. G. (2004). An accurate comparison of
       methods for quantifying variable importance in artificial neural networks using
       simulated data. Ecological Modelling 178, 389-397.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop import BackpropRegressor
    >>> from skbackprop.inspection import olden_importance
    >>> X = np.random.default_rng(0).normal(size=(200, 2))
    >>> y = 3 * X[:, 0] - X[:, 1]
    >>> reg = BackpropRegressor((), alpha=0, random_state=0).fit(X, y)
    >>> olden_importance(reg, units="raw").round(2)
    array([ 3., -1.])
    """
    weights, _ = weights_and_biases(estimator, units)
    return _of_columns(estimator, path_products(weights).T, output)


def _reciprocal(values):
    """One over each value; zero where there is nothing to share."""
    return np.divide(1, values, out=np.zeros_like(values), where=values > 0)


def _of_columns(estimator, importance, output):
    """The sums over the inputs of each column, of one output if it is asked for or alone."""
    encoder = estimator._input_encoder
    if not encoder.is_identity:
        importance = np.array([encoder.sum_by_column(row) for row in importance])
    if output is not None:
        return importance[output_index(estimator, output)]
    return importance[0] if len(importance) == 1 else importance
