"""What a fitted estimator shows: its network at work, its weights, and how it was trained."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache
from inspect import signature
from itertools import chain
from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from .._engine.network import path_products
from .._engine.training import choose_engine
from .._parameters import check_integer
from .._preprocessing.input_validation import validate_inputs
from .._serialization import FITTED, InvalidStateError, from_plain, require, to_plain
from .._training.history import history_as_frame
from .single_row import MADE_READY, make_predictor, predictor_for
from .summary import layer_summary, learned_html

if TYPE_CHECKING:
    import pandas
    from numpy.typing import ArrayLike

    from .._typing import Array, Rows

# Where a pickled estimator has the plain form of its fitted attributes.
_FITTED_STATE = "_fitted_state"
# Rows that a prediction takes through the network at a time.
_PREDICTION_ROWS = 4096
_PACKAGE = __name__.partition(".")[0] + "."


@dataclass(frozen=True)
class FittedState:
    """What training leaves.

    Parameters
    ----------
    network : Network
    scaling : Scaling
    alpha : float
        The L2 penalty.
    alpha_selection : dict of lists
        The record of how held-out samples chose it.
    train_state : TrainState
    result : TrainResult
    history : dict of lists
    """

    network: object
    scaling: object
    alpha: float
    alpha_selection: dict
    train_state: object
    result: object
    history: dict

    def attributes(self):
        """Return the fitted attributes by their names."""
        return {
            "_network": self.network,
            "_scaling": self.scaling,
            "_train_state": self.train_state,
            "_params": self.train_state.best,
            "history_": self.history,
            "n_iter_": len(self.result.records),
            "converged_": self.result.converged,
            "alpha_": float(self.alpha),
            "alpha_selection_": self.alpha_selection,
            "engine_": choose_engine(self.network, self.train_state.solver),
        }


class LayerArrays(list):
    """The arrays of all layers, as views of the network or as copies that are read-only.

    An array that is assigned to an item is written into the network. Whatever would change
    the list alone, or a copy, raises an error.
    """

    def __setitem__(self, index, value):
        one = not isinstance(index, slice)
        arrays, values = ([self[index]], [value]) if one else (self[index], list(value))
        if [np.shape(new) for new in values] != [array.shape for array in arrays]:
            raise ValueError(
                f"The layers must keep their shapes, {[array.shape for array in arrays]}. Got "
                f"{[np.shape(new) for new in values]}."
            )
        if not all(array.flags.writeable for array in arrays):
            raise ValueError(
                "The arrays of this layer are read-only, as they are where standardization is "
                "folded in. Use standardize=False, or start training from changed weights "
                "with the parameter weight_init=(coefs, intercepts)."
            )
        for array, new in zip(arrays, values, strict=True):
            if new is not array:  # as after ``coefs_[1] += 1``, which has written already
                array[...] = new

    def _refuse(self, *args, **kwargs):
        raise TypeError(
            "The number and the order of the layers of a fitted network cannot be changed. "
            "To change a copy of this list, make one with list()."
        )

    __delitem__ = __iadd__ = __imul__ = append = clear = extend = insert = _refuse
    pop = remove = reverse = sort = _refuse

    def __reduce__(self):
        return list, (list(self),)  # a copy belongs to no network


@cache
def _reserved(kind):
    """The names that a restored state must not set.

    These are the methods of an estimator, which a forged state could replace, and fitted
    attributes that are not in the plain form. A user's subclass may name its own as it likes.
    """
    packaged = next(c for c in kind.__mro__ if c.__module__.startswith(_PACKAGE))
    return frozenset({*dir(packaged), *FITTED, *MADE_READY})


def _later_parameters(estimator, state):
    """The defaults of parameters that an older version did not have."""
    missing = {*estimator._parameter_rules, "random_state"} - state.keys()
    known = signature(type(estimator)).parameters if missing else {}
    return {name: known[name].default for name in missing if name in known}


class FittedNetwork(BaseEstimator):
    """The part of an estimator that only looks at what training left."""

    # Set by fit, besides the properties below.
    history_: dict[str, list[float]]
    n_iter_: int
    converged_: bool
    alpha_: float
    alpha_selection_: dict[str, list[float]]
    engine_: str
    n_features_in_: int

    # ---- Becoming what was trained ----

    def _set_fitted(self, fitted):
        """Become what was trained."""
        self._restore(fitted.attributes())

    def _restore(self, attributes):
        """Take on fitted attributes, some of them or all."""
        # In one step: a thread that predicts meanwhile sees one network or the other, whole.
        vars(self).update(attributes)
        if "_params" in attributes:
            self._predictor = make_predictor(self)

    def _predict_with(self, params):
        """Predict with other weights; training goes on from where it was."""
        self._train_state.best = self._params = params.copy()
        self._predictor = make_predictor(self)

    def __copy__(self):
        # Attribute by attribute: in the middle of `fit` they need not agree yet.
        copied = type(self).__new__(type(self))
        copied._restore({k: v for k, v in vars(self).items() if k not in MADE_READY})
        return copied

    def __getstate__(self):
        # What is made ready for speed points into memory, and is quickly made again.
        state = {k: v for k, v in super().__getstate__().items() if k not in MADE_READY}
        fitted = {name: state.pop(name) for name in FITTED if name in state}
        return state | {_FITTED_STATE: to_plain(fitted)} if fitted else state

    def __setstate__(self, state):
        state = dict(state)
        plain = state.pop(_FITTED_STATE, None)
        try:
            odd = _reserved(type(self)).intersection(state)
            require(not odd, f"its state must not hold {sorted(odd)}.")
            fitted = {} if plain is None else from_plain(plain, self)
        except InvalidStateError as error:
            raise ValueError(f"{type(self).__name__} cannot be restored: {error}") from error
        super().__setstate__(_later_parameters(self, state) | state)
        self._restore(fitted)

    # ---- Running the fitted network ----

    def _forward(self, X, dtype=None):
        """The raw output, and the outputs of every layer, of validated rows.

        Computed in the dtype of the network, or in another. What overflows is not finite.
        """
        params = self._params if dtype is None else self._params.astype(dtype)
        with np.errstate(over="ignore", invalid="ignore"):
            X = X.astype(params.dtype, copy=False)
            if self._scaling.inputs is not None:
                X = self._scaling.inputs.transform(X)
            sums, outputs = self._network.forward(params, X)
        return sums[-1], outputs

    def _with_finite_rows(self, values, X, compute):
        """`values`, where rows that are not finite are computed once more, in float64.

        Parameters
        ----------
        values : ndarray of shape (n_samples, n_columns)
            Changed in place.
        X : {ndarray, CSR} of shape (n_samples, n_features)
            The validated rows.
        compute : callable
            ``compute(raw, outputs)``: the values, from what `_forward` returns.

        Raises
        ------
        ValueError
            If that is not finite either, or too large for the dtype of `values`.
        """
        rows = np.flatnonzero(~np.isfinite(values).all(axis=1))
        if rows.size:
            with np.errstate(over="ignore", invalid="ignore"):
                values[rows] = compute(*self._forward(X[rows], np.float64))
        for row in rows:
            if not np.isfinite(values[row]).all():
                raise ValueError(
                    f"The network's outputs for row {row} of X overflow {values.dtype}. The "
                    f"row holds numbers as large as {abs(X[[row]]).max():g}: clip them, scale "
                    "X, or leave such rows out."
                )
        return values

    def _validate_rows(self, X):
        """Return the inputs of the network for some rows."""
        check_is_fitted(self)
        X = validate_inputs(self, X, self._input_encoder.levels)
        return self._encode_inputs(X, self._scaling)

    def _encode_inputs(self, X, scaling):
        """Return the inputs of the network for validated rows of a table."""
        encoder, scaler = self._input_encoder, scaling.inputs
        means = None if scaler is None else scaler.mean[: encoder.n_values]
        return encoder.transform(X, means)

    def get_feature_names_out(self, input_features: ArrayLike | None = None) -> Array:
        """Return the names of the inputs of the network, which `coefs_[0]` belongs to.

        Parameters
        ----------
        input_features : array-like of str of shape (n_features,), default=None
            The names of the columns; None takes `feature_names_in_`, or x0, x1, ...

        Returns
        -------
        names : ndarray of str of shape (`n_encoded_features_`,)
            The names of the numeric columns; NAME_bin0, NAME_bin1, ... for the bins of their
            piecewise-linear encoding; missingindicator_NAME; and for categories NAME_LEVEL,
            NAME_missing, and NAME_infrequent for rare and unseen levels.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.
        ValueError
            If there are not as many names as columns.

        Examples
        --------
        >>> import pandas as pd
        >>> from skbackprop import BackpropClassifier
        >>> X = pd.DataFrame({"age": [30, None, 50, 60], "sex": ["f", "m", "m", "f"]})
        >>> clf = BackpropClassifier((2,), random_state=0).fit(X, [0, 1, 1, 0])
        >>> clf.get_feature_names_out().tolist()
        ['age', 'missingindicator_age', 'sex_f', 'sex_m']
        """
        check_is_fitted(self)
        if input_features is None:
            generated = [f"x{k}" for k in range(self.n_features_in_)]
            input_features = getattr(self, "feature_names_in_", generated)
        names = [str(name) for name in np.asarray(input_features, dtype=object)]
        if len(names) != self.n_features_in_:
            raise ValueError(
                f"input_features must hold {self.n_features_in_} names. Got {len(names)}."
            )
        return np.array(self._input_encoder.names_of_inputs(names), dtype=object)

    def _quick_raw_output(self, X):
        """The weighted sums of the output layer, of shape (n_samples, n_outputs).

        None where `X` may need validation, or where what is made of the sums may overflow.
        """
        short = predictor_for(self, X)
        if short is None:
            return None
        predictor, rows = short
        return predictor.raw(rows)

    def _raw_output_of(self, X):
        """The same of validated rows; where sums overflow, they are not finite."""
        starts = range(0, X.shape[0], _PREDICTION_ROWS)
        return np.concatenate([self._forward(X[s : s + _PREDICTION_ROWS])[0] for s in starts])

    def get_activations(self, X: Rows, layer: int = -1) -> Array:
        """The outputs of one layer of neurons.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.
        layer : int, default=-1
            0 is the first hidden layer, -1 the output layer.

        Returns
        -------
        activations : ndarray of shape (n_samples, n_neurons)
            In the units of the network; those of a regressor's output layer are in the
            units of the targets.

        Raises
        ------
        ValueError
            If `layer` is no integer, if there is no such layer, or if an output is too large
            for the dtype of the network.
        """
        X = self._validate_rows(X)
        n_layers = self._network.n_layers
        layer = check_integer("layer", layer, -n_layers, n_layers - 1)

        def of_layer(raw, outputs):
            if layer in (-1, n_layers - 1):
                return self._in_units_of_targets(outputs[layer])
            return outputs[layer]

        with np.errstate(over="ignore", invalid="ignore"):
            activations = of_layer(*self._forward(X))
        return self._with_finite_rows(activations, X, of_layer)

    def _in_units_of_targets(self, outputs):
        targets = self._scaling.targets
        return outputs if targets is None else targets.inverse_transform(outputs)

    # ---- Fitted attributes that follow the parameters ----

    def _fitted(self, name):
        """A private fitted attribute; absent before fit, as scikit-learn expects."""
        if name not in vars(self):
            raise AttributeError(
                f"This {type(self).__name__} instance is not fitted yet. Call 'fit' first."
            )
        return vars(self)[name]

    def _folded(self):
        """Weights and biases; layers that are not the network's own memory are read-only."""
        params, network = self._fitted("_params"), self._network
        folded = self._scaling.fold(network.weights(params), network.biases(params))
        for array in chain(*folded):
            if not np.may_share_memory(array, params):
                array.flags.writeable = False  # nothing would come of writing to a copy
        return tuple(map(LayerArrays, folded))

    @property
    def coefs_(self) -> list[Array]:
        """The weights of every layer, each of shape (n_in, n_out).

        ``coefs_[1] = weights`` and ``coefs_[1][...] = weights`` change the network. A layer
        into which standardization is folded is read-only, and raises an error.
        """
        return self._folded()[0]

    @property
    def intercepts_(self) -> list[Array]:
        """The biases of every layer, each of shape (n_out,)."""
        return self._folded()[1]

    @property
    def input_limits_(self) -> Array | None:
        """The smallest and largest value to which each input is clipped, or None."""
        inputs = self._fitted("_scaling").inputs
        return None if inputs is None else inputs.limits

    @property
    def is_categorical_(self) -> Array | None:
        """Whether each column is categorical, or None if none is."""
        encoder = self._fitted("_input_encoder")
        if not encoder.categories:
            return None
        return ~np.isin(np.arange(encoder.n_features), encoder.numeric)

    @property
    def n_encoded_features_(self) -> int:
        """The number of inputs of the network."""
        return self._fitted("_network").layer_sizes[0]

    @property
    def n_layers_(self) -> int:
        """The number of layers of neurons, inputs and outputs included."""
        return len(self._fitted("_network").layer_sizes)

    @property
    def n_outputs_(self) -> int:
        """The number of outputs."""
        return self._fitted("_network").layer_sizes[-1]

    @property
    def out_activation_(self) -> str:
        """The name of the output activation."""
        return self._fitted("_network").output_activation

    @property
    def solver_(self) -> str:
        """The name of the solver that was used last."""
        return self._fitted("_train_state").solver.name

    @property
    def t_(self) -> int:
        """The number of training samples seen so far."""
        return self._fitted("_train_state").counters.samples

    @property
    def loss_curve_(self) -> list[float]:
        """The loss of every epoch."""
        return self._fitted("history_")["loss"]

    @property
    def loss_(self) -> float:
        """The loss of the last epoch."""
        losses = self.loss_curve_
        return losses[-1] if losses else math.nan

    @property
    def best_loss_(self) -> float | None:
        """The smallest loss of an epoch so far; None where held-out rows decide."""
        losses = self.loss_curve_
        return None if self.early_stopping else float(np.nanmin([math.inf, *losses]))

    def history_frame(self) -> pandas.DataFrame:
        """The record of training as a table.

        Returns
        -------
        frame : pandas.DataFrame of shape (n_epochs, n_columns)
            The columns of `history_`, a row per epoch.

        Raises
        ------
        ImportError
            If pandas is not installed.

        Examples
        --------
        >>> from skbackprop import BackpropRegressor
        >>> reg = BackpropRegressor((2,), max_iter=3, random_state=0)
        >>> frame = reg.fit([[0.0], [1.0]], [0.0, 1.0]).history_frame()
        >>> frame["epoch"].tolist()
        [0, 1, 2]
        """
        return history_as_frame(self._fitted("history_"))

    @property
    def feature_importances_(self) -> Array:
        """How much each input matters, as shares that sum to one, of shape (n_features,).

        The products of the connection weights along all paths from an input to an output
        are added [1]_, on standardized inputs where the estimator standardizes; the sizes of
        these sums are averaged over the outputs, and added for all inputs of a column. So
        `SelectFromModel` can choose columns.
        `skbackprop.inspection.olden_importance` has the sums themselves, with their signs.

        References
        ----------
        .. [1] Olden, J. D., Joy, M. K. and Death, R. G. (2004). An accurate comparison of
           methods for quantifying variable importance in artificial neural networks using
           simulated data. Ecological Modelling 178, 389-397.

        Examples
        --------
        >>> from sklearn.feature_selection import SelectFromModel
        >>> from skbackprop import BackpropClassifier
        >>> from skbackprop.datasets import load_wheat_seeds
        >>> X, y = load_wheat_seeds(return_X_y=True)
        >>> clf = BackpropClassifier((5,), random_state=0)
        >>> SelectFromModel(clf, threshold="median").fit_transform(X, y).shape
        (210, 4)
        """
        params = self._fitted("_params")
        of_inputs = np.abs(path_products(self._network.weights(params))).mean(axis=1)
        sizes = self._input_encoder.sum_by_column(of_inputs)
        total = sizes.sum()
        return sizes / total if total > 0 else sizes

    @property
    def validation_loss_curve_(self) -> list[float] | None:
        """The loss on the held-out rows after every epoch, or None."""
        self._fitted("history_")
        return self.history_["validation_loss"] if self._examined[0] else None

    @property
    def validation_scores_(self) -> list[float] | None:
        """The score on the held-out rows after every epoch, or None."""
        self._fitted("history_")
        return self.history_["validation_score"] if self._examined[1] else None

    @property
    def best_validation_score_(self) -> float | None:
        """The largest score on the held-out rows, or None; NaN if no epoch has a score."""
        scores = self.validation_scores_
        return None if scores is None else float(np.fmax.reduce(scores, initial=math.nan))

    def summary(self) -> str:
        """Describe the fitted network layer by layer, as ``model.summary()`` of Keras does.

        Returns
        -------
        summary : str
            A table with a line for each layer: its activation function, the number of its
            inputs and outputs, and of its weights and biases; then the number of all
            parameters, of the epochs of training, and the loss. A prompt shows it with its
            lines; elsewhere use ``print``.

        Raises
        ------
        NotFittedError
            If the estimator is not fitted.

        Examples
        --------
        >>> from skbackprop import BackpropClassifier
        >>> from skbackprop.datasets import load_wheat_seeds
        >>> X, y = load_wheat_seeds(return_X_y=True)
        >>> clf = BackpropClassifier((5,), max_iter=10, random_state=0).fit(X, y)
        >>> clf.summary()
        layer     activation   shape  parameters
        hidden 1  relu        7 -> 5          40
        output    softmax     5 -> 3          18
        58 parameters; 10 epochs, loss 0.1... (log_loss)
        """
        check_is_fitted(self)
        return layer_summary(self)

    # ---- In a notebook ----

    @property
    def _repr_html_(self):
        diagram = super()._repr_html_
        return lambda: diagram() + self._learned_html()

    def _repr_mimebundle_(self, **kwargs):
        bundle = super()._repr_mimebundle_(**kwargs)
        if "text/html" in bundle:
            bundle["text/html"] += self._learned_html()
        return bundle

    def _learned_html(self):
        return learned_html(self) if "_params" in vars(self) else ""
