"""What the ways out read of a fitted estimator, and how the ways in make one.

The one module that knows the private fitted attributes of `_base`, `classifier` and
`regressor`; every exporter beside it works on what is said here.
"""

from dataclasses import dataclass

import numpy as np
from sklearn.utils.validation import check_is_fitted

from .._classifier import BackpropClassifier
from .._engine.network import Network
from .._prediction.fitted_network import FittedState
from .._preprocessing.input_encoding import InputEncoder
from .._preprocessing.scaling import Scaling
from .._preprocessing.target_encoding import MULTILABEL, MULTIOUTPUT
from .._regressor import BackpropRegressor
from .._training import configuration
from .._training.alpha_selection import empty_selection
from .._training.configuration import streaming_alpha
from .._training.history import empty_history
from .._training.loop import TrainResult

# How many standard deviations from zero the mean of an input of a float32 network may lie where
# the scaling is folded into the weights: rounding moves it by a thousandth of one.
_FARTHEST = 1e4
REGRESSION = "regression"
BINARY = "binary"
MULTICLASS = "multiclass"


@dataclass(frozen=True)
class FittedView:
    """A fitted network, between raw inputs and raw outputs.

    Parameters
    ----------
    encoder : InputEncoder
        From columns to the inputs of the network.
    fill : ndarray of shape (n_numeric,)
        What a missing cell of each numeric column counts as.
    network : Network
        Names and sizes.
    weights, biases : lists of ndarrays of shape (n_in, n_out) and (n_out,)
        Of the network alone, between the two scalings.
    center, gain : ndarrays of shape (n_inputs,), or None
        The network takes ``(x - center) * gain``.
    limits : ndarray of shape (2, n_inputs), or None
        The smallest and the largest value of each input, to which it is clipped before.
    target_mean, target_scale : ndarrays of shape (n_outputs,), or None
        A regressor answers ``output * target_scale + target_mean``.
    dtype : numpy.dtype
        Of the parameters.
    kind : {"regression", "binary", "multiclass", "multilabel", "multioutput"}
        How outputs become an answer. "binary" is one logistic output for two classes,
        "multioutput" a class for each of several columns.
    classes : list of ndarrays
        The labels of each column of a classifier's targets.
    quantiles : tuple of float
        Those predicted for each target, if these are several.
    """

    encoder: InputEncoder
    fill: np.ndarray
    network: Network
    weights: list
    biases: list
    center: np.ndarray | None
    gain: np.ndarray | None
    limits: np.ndarray | None
    target_mean: np.ndarray | None
    target_scale: np.ndarray | None
    dtype: np.dtype
    kind: str
    classes: list
    quantiles: tuple

    @property
    def blocks(self):
        """Where the outputs of each column of classes begin, and how many they are."""
        sizes = [len(classes) for classes in self.classes]
        return list(zip(np.cumsum([0, *sizes[:-1]]).tolist(), sizes, strict=True))


def check_estimator_type(estimator):
    """Raise a TypeError for other estimators, a NotFittedError before `fit`."""
    if not isinstance(estimator, (BackpropClassifier, BackpropRegressor)):
        raise TypeError(
            "estimator must be a BackpropClassifier or a BackpropRegressor. "
            f"Got {type(estimator).__name__}."
        )
    check_is_fitted(estimator)


def check_built_in(estimator):
    """Raise a ValueError for functions that a user wrote, which only Python knows."""
    network = estimator._network
    for name, value in (
        *(("activation", value) for value in network.activations),
        ("loss", network.loss),
    ):
        if not isinstance(value, str):
            raise ValueError(
                f"The {name!r} parameter must be built in for the network to leave Python. "
                f"Got {value.name!r}, which is your own."
            )


def check_columns_are_inputs(encoder):
    """Raise a ValueError for a network that takes encoded columns."""
    if encoder.is_identity:
        return
    found = {
        "categories": bool(encoder.categories),
        "missing values": encoder.has_indicator.any(),
        "numeric_encoding='piecewise_linear'": encoder.n_bin_inputs > 0,
    }
    raise ValueError(
        "The network takes encoded columns, which this format does not hold: it was trained "
        f"with {' and '.join(name for name, has in found.items() if has)}. Encode the columns "
        "by transformers in front of the estimator and fit again, or export it by to_c, "
        "to_onnx or to_torch."
    )


def check_folding(estimator):
    """Raise a ValueError if single precision cannot hold weights with the scaling inside."""
    inputs = estimator._scaling.inputs
    if inputs is None or estimator._params.dtype != np.float32:
        return
    distances = np.abs(inputs.mean / inputs.scale)
    farthest = int(np.argmax(distances))
    if distances[farthest] > _FARTHEST or not np.isfinite(estimator.coefs_[0]).all():
        raise ValueError(
            "The inputs of a network in float32 must have means within 10,000 standard "
            "deviations of zero, and a spread of more than 1e-38, for the weights to take "
            f"them as they are. Got a mean of {inputs.mean[farthest]:g} and a standard "
            f"deviation of {inputs.scale[farthest]:g} in column {farthest}: fit on float64, "
            "or on scaled inputs."
        )


def read(estimator):
    """A fitted estimator as a `FittedView`."""
    check_estimator_type(estimator)
    check_built_in(estimator)
    encoder = estimator._input_encoder
    network, params, scaling = estimator._network, estimator._params, estimator._scaling
    regression = isinstance(estimator, BackpropRegressor)
    inputs, targets = scaling.inputs, scaling.targets
    quantiles = estimator._target_encoder.quantiles_of(network) if regression else ()
    means = 0.0 if inputs is None else inputs.mean[: encoder.n_values]
    return FittedView(
        encoder=encoder,
        fill=np.where(np.isnan(encoder.medians), means, encoder.medians),
        network=network,
        weights=network.weights(params),
        biases=network.biases(params),
        center=None if inputs is None else inputs.mean,
        gain=None if inputs is None else 1 / inputs.scale,
        limits=None if inputs is None else inputs.limits,
        target_mean=None if targets is None else targets.mean,
        target_scale=None if targets is None else targets.scale,
        dtype=params.dtype,
        kind=REGRESSION if regression else _kind(estimator),
        classes=[] if regression else estimator._target_encoder.per_column,
        quantiles=quantiles if len(quantiles) > 1 else (),
    )


def finite_limits(limits, dtype):
    """Return the limits of inputs, the largest numbers of a dtype where there is none."""
    largest = np.finfo(dtype).max
    return np.clip(limits, -largest, largest)


def _kind(classifier):
    labels = classifier._target_encoder
    if labels.kind in (MULTILABEL, MULTIOUTPUT):
        return labels.kind
    return BINARY if labels.has_single_output(classifier.n_outputs_) else MULTICLASS


def build(estimator, encoder, coefs, intercepts, dtype, feature_names=None):
    """Make `estimator` fitted, with these weights, as if training were about to begin.

    Parameters
    ----------
    estimator : BackpropClassifier or BackpropRegressor
        Its parameters have to describe the network.
    encoder : TargetEncoder
        What the outputs mean.
    coefs, intercepts : lists of arrays
        As the attributes `coefs_` and `intercepts_`.
    dtype : dtype
        Of the parameters.
    feature_names : ndarray of str, or None

    Returns
    -------
    estimator : object
        The same.
    """
    estimator._target_encoder = encoder
    n_inputs, *hidden = (len(coef) for coef in coefs)
    estimator._input_encoder = InputEncoder.identity(n_inputs)
    output_layer = configuration.resolve_output_layer(estimator, encoder)
    network = configuration.make_network(estimator, n_inputs, hidden, output_layer)
    solver = configuration.make_checked_solver(estimator, network)
    train_state, *_ = estimator._init_train_states(network, solver, np.dtype(dtype))
    train_state.params[:] = network.pack(coefs, intercepts, dtype)
    alpha, selection = streaming_alpha(estimator), empty_selection()
    result, history = TrainResult(), empty_history(network)
    estimator._set_fitted(
        FittedState(network, Scaling(), alpha, selection, train_state, result, history)
    )
    estimator._examined = (False, False)
    estimator.n_features_in_ = n_inputs
    if feature_names is not None:
        estimator.feature_names_in_ = feature_names
    return estimator
