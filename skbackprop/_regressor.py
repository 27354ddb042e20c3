"""BackpropRegressor: continuous targets, and their units."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.metrics import d2_pinball_score
from sklearn.utils.validation import check_is_fitted

from ._base import BaseBackprop, available_with_partial_fit
from ._parameter_docs import fill_docstring
from ._parameters import REGRESSOR_RULES
from ._prediction.single_row import try_learn_row
from ._preprocessing.input_validation import dense_targets
from ._preprocessing.target_encoding import NumericEncoder
from ._training.lock import training_lock

if TYPE_CHECKING:
    from numpy.typing import ArrayLike
    from typing_extensions import Self

    from ._engine.losses import Loss
    from ._typing import (
        Activations,
        Array,
        Auto,
        BatchSize,
        CategoricalFeatures,
        NumericEncoding,
        Rows,
        Schedule,
        Scoring,
        Seed,
        Sizes,
        Solver,
        WeightInit,
    )


@fill_docstring
class BackpropRegressor(RegressorMixin, BaseBackprop):
    """Predict numbers with a feedforward network that is trained by backpropagation.

    One or several targets; arrays, sparse matrices, and data frames with categories and missing
    values; online, mini-batch and batch learning.

    {groups}
    - data: `standardize`, `categorical_features`, `numeric_encoding`, `shuffle`, `quantile`;
    - other: `random_state`, `verbose`, `warm_start`.

    Parameters
    ----------
    {hidden_layer_sizes}
    {activation}
    output_activation : str, default="auto"
        The activation function of the output layer. "auto" is the identity, but "exp" with
        "poisson". The losses of a residual take any of the names of `activation`, and "exp".
    loss : str or Loss, default="auto"
        What training minimizes, summed over the targets:

        - "squared_error" (or "auto"): half the squared residual;
        - "absolute_error": its size, for medians;
        - "huber": half the squared residual up to a size of 1, in the units of standardized
          targets where they are, and linear beyond (Huber, 1964);
        - "quantile" (alias "pinball"): for the `quantile` q, ``q`` times the residual where
          the prediction is too low, else ``1 - q`` times (Koenker & Bassett, 1978);
        - "poisson": half the Poisson deviance, for counts and rates >= 0;
        - a `skbackprop.Loss` of your own.
    {solver}
    {alpha}
    {batch_size}
    {learning_rate}
    {learning_rate_init}
    {power_t}
    {max_iter}
    {shuffle}
    {random_state}
    {tol}
    {verbose}
    {warm_start}
    {momentum}
    {nesterovs_momentum}
    early_stopping : bool, default=False
        Whether a validation set decides when training ends: `X_val` and `y_val` of `fit`, or
        else a share of the training samples, except with "lbfgs".
    {validation_fraction}
    {beta_1}
    {epsilon}
    {n_iter_no_change}
    {max_fun}
    {weight_decay}
    {l1}
    {dropout}
    {clip_norm}
    {max_norm}
    {weight_init}
    standardize : bool, default=True
        Whether to standardize the inputs inside and, before a linear output, the targets
        (before "exp" to divide them by their mean; for "absolute_error", "huber" and
        "quantile" by median and quartiles). Values far from all others of a dense column,
        such as -999, are clipped first (see `input_limits_`); sparse inputs are scaled only.
        `partial_fit` uses the statistics of an earlier `fit`, and none without one.
    {categorical_features}
    {numeric_encoding}
    {scoring}
    {restore_best}
    {max_restarts}
    {n_members}
    quantile : float in (0, 1), or sequence of these, default=0.5
        What "quantile" predicts; several quantiles come from one network, sorted so that they
        never cross. Ignored by other losses.

    Attributes
    ----------
    {attributes}

    See Also
    --------
    BackpropClassifier : The same network for class labels.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop import BackpropRegressor
    >>> X = np.linspace(-3, 3, 200).reshape(-1, 1)
    >>> y = 10 * np.sin(X[:, 0])
    >>> round(BackpropRegressor(random_state=0).fit(X, y).score(X, y), 3)
    0.999
    """

    _parameter_rules = REGRESSOR_RULES

    def __init__(
        self,
        hidden_layer_sizes: Sizes = (64, 64),
        *,
        activation: Activations = "relu",
        output_activation: str = "auto",
        loss: str | Loss = "auto",
        solver: Solver = "auto",
        alpha: float | Auto = "auto",
        batch_size: BatchSize = "auto",
        learning_rate: Schedule = "auto",
        learning_rate_init: float | Auto = "auto",
        power_t: float = 0.5,
        max_iter: int | Auto = "auto",
        shuffle: bool = True,
        random_state: Seed = None,
        tol: float | Auto | None = "auto",
        verbose: int = 0,
        warm_start: bool = False,
        momentum: float = 0.0,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        weight_decay: float = 0.0,
        l1: float = 0.0,
        dropout: float | Sequence[float] = 0.0,
        clip_norm: float | None = 5.0,
        max_norm: float | None = None,
        weight_init: WeightInit = "auto",
        standardize: bool = True,
        categorical_features: CategoricalFeatures = "from_dtype",
        numeric_encoding: NumericEncoding = "auto",
        scoring: Scoring = None,
        restore_best: bool = True,
        max_restarts: int = 3,
        n_members: int = 1,
        quantile: float | Sequence[float] = 0.5,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.output_activation = output_activation
        self.loss = loss
        self.solver = solver
        self.alpha = alpha
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.weight_decay = weight_decay
        self.l1 = l1
        self.dropout = dropout
        self.clip_norm = clip_norm
        self.max_norm = max_norm
        self.weight_init = weight_init
        self.standardize = standardize
        self.categorical_features = categorical_features
        self.numeric_encoding = numeric_encoding
        self.scoring = scoring
        self.restore_best = restore_best
        self.max_restarts = max_restarts
        self.n_members = n_members
        self.quantile = quantile

    # Defined here, and not inherited, so that Python's errors on missing arguments name this
    # class.
    def fit(
        self,
        X: Rows,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        X_val: Rows | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Self:
        with training_lock(self):
            return super().fit(X, y, sample_weight, X_val, y_val, sample_weight_val)

    def get_activations(self, X: Rows, layer: int = -1) -> Array:
        return super().get_activations(X, layer)

    fit.__doc__ = BaseBackprop.fit.__doc__
    get_activations.__doc__ = BaseBackprop.get_activations.__doc__

    @available_with_partial_fit
    def partial_fit(
        self,
        X: Rows,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        X_val: Rows | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Self:
        """Train for one epoch on some rows, from where the last call ended.

        Not available for the solvers "lbfgs" and "lm", which need all rows at once.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets.
        sample_weight : array-like of shape (n_samples,), default=None
            How often each row is used in this call, on average; None is once. A fraction is
            the probability of one more use, drawn from the estimator's own generator: a row
            of weight 0.001 is used in one of a thousand calls. Rows of weight zero are not
            used, and where no row is used the call changes nothing, also if it is the first.
            Weights that add up to more than ten times the number of rows and to more than
            10,000 are reduced to that sum.
        X_val, y_val, sample_weight_val : default=None
            Rows that watch training, as in `fit`. With ``early_stopping=True`` they are
            needed: once they see no improvement for more than `n_iter_no_change` calls,
            `converged_` is true and further calls train no more.

        Returns
        -------
        self : object
            The trained estimator.

        Raises
        ------
        ValueError
            As in `fit`.

        Examples
        --------
        >>> import numpy as np
        >>> from skbackprop import BackpropRegressor
        >>> X = np.linspace(-3, 3, 200).reshape(-1, 1)
        >>> reg = BackpropRegressor(random_state=0).fit(X, 10 * np.sin(X[:, 0]))
        >>> reg.partial_fit(X, 10 * np.sin(X[:, 0])).t_
        12200
        """
        validation = (X_val, y_val, sample_weight_val)
        is_alone = X_val is y_val is sample_weight_val is None
        with training_lock(self):
            if is_alone and try_learn_row(self, X, y, None, sample_weight):
                return self
            return self._fit(X, y, sample_weight, validation, is_stream=True)

    def predict(self, X: Rows) -> Array:
        """The targets of each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            In the units of the training targets. With several quantiles the shape ends with
            their number. Several quantiles come last, in the order
            of `quantile`, and never cross.

        Raises
        ------
        ValueError
            If a prediction is too large for the dtype of the network, which is float32 if it
            was fitted to float32 and float64 otherwise.

        Examples
        --------
        >>> import numpy as np
        >>> from skbackprop import BackpropRegressor
        >>> X = np.linspace(-3, 3, 200).reshape(-1, 1)
        >>> reg = BackpropRegressor(random_state=0).fit(X, 10 * np.sin(X[:, 0]))
        >>> reg.predict([[1.0], [2.0]]).round()
        array([8., 9.])
        """
        raw = self._quick_raw_output(X)
        outputs = self._long_predict(X) if raw is None else self._from_raw(raw)
        quantiles = self._target_encoder.quantiles_of(self._network)
        if len(quantiles) > 1:
            outputs = outputs.reshape(-1, self._target_encoder.n_targets, len(quantiles))
            ranks = np.argsort(np.argsort(quantiles))
            outputs = np.sort(outputs, axis=2)[:, :, ranks]
        return outputs[:, 0] if self._target_encoder.is_flat else outputs

    def _from_raw(self, raw):
        """Predictions of every output, from the weighted sums of the output layer."""
        return self._in_units_of_targets(self._network.loss_function.output(raw))

    def _long_predict(self, X):
        """The same for rows that have to be validated, or predictions that may overflow."""
        X = self._validate_rows(X)
        with np.errstate(over="ignore", invalid="ignore"):
            outputs = self._from_raw(self._raw_output_of(X))
        return self._with_finite_rows(outputs, X, lambda raw, _: self._from_raw(raw))

    def score(self, X: Rows, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """The coefficient of determination R2, or D2 where several quantiles are predicted.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The true targets.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each row counts.

        Returns
        -------
        score : float
            At most 1. For several quantiles the mean of their D2 pinball scores, which
            compare with predicting the quantile of `y` for every row.
        """
        check_is_fitted(self)
        y = dense_targets(y)
        quantiles = self._target_encoder.quantiles_of(self._network)
        if len(quantiles) < 2:
            return super().score(X, y, sample_weight=sample_weight)
        predicted = self.predict(X)
        scores = [
            d2_pinball_score(y, predicted[..., k], alpha=quantile, sample_weight=sample_weight)
            for k, quantile in enumerate(quantiles)
        ]
        return float(np.mean(scores))

    # ---- Targets ----

    def _fit_target_encoder(self, y, resume, is_stream):
        if not resume:
            self._target_encoder = NumericEncoder.learn(y)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags
