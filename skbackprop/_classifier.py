"""BackpropClassifier: labels to targets, outputs to probabilities."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.utils.validation import check_is_fitted

from ._base import BaseBackprop, available_with_partial_fit
from ._parameter_docs import fill_docstring
from ._parameters import CLASSIFIER_RULES
from ._prediction.probabilities import log_probabilities, probabilities
from ._prediction.single_row import predictor_for, try_learn_row
from ._preprocessing.input_validation import dense_targets
from ._preprocessing.label_types import refuse_mixture, type_of_label, type_of_labels
from ._preprocessing.sample_weight import accumulate_totals, weigh_classes, weigh_stream
from ._preprocessing.target_encoding import (
    MULTILABEL,
    MULTIOUTPUT,
    SINGLE,
    ClassEncoder,
    distinct,
    target_kind,
)
from ._training import initial_weights
from ._training.configuration import resolve_output_layer
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
        ClassWeight,
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
class BackpropClassifier(ClassifierMixin, BaseBackprop):
    """Classify with a feedforward network that is trained by backpropagation.

    Binary, multiclass, multilabel and multioutput targets; arrays, sparse matrices, and data
    frames with categories and missing values; online, mini-batch and batch learning.

    {groups}
    - data: `standardize`, `categorical_features`, `numeric_encoding`, `class_weight`,
      `grow_classes`, `shuffle`;
    - other: `random_state`, `verbose`, `warm_start`.

    Parameters
    ----------
    {hidden_layer_sizes}
    {activation}
    output_activation : str, default="auto"
        The activation function of the output layer. "auto" is what the loss calls for:
        softmax, or logistic for two classes and for labels, with log loss; logistic with
        squared error, which also takes any of the names of `activation`, and "exp".
    loss : {"auto", "log_loss", "squared_error"} or Loss, default="auto"
        What training minimizes. "auto" is "log_loss", the cross-entropy. "squared_error" is
        the tutorial's: half the summed squared error of one logistic output per class. A
        `skbackprop.Loss` of your own gets one output per class, too.
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
        else a share of the training samples of every class, except with "lbfgs".
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
        Whether to standardize the inputs inside, by the data of `fit` and their weights.
        Values far from all others of a dense column, such as -999 for missing cells, are
        clipped first (see `input_limits_`); sparse inputs are scaled only. `partial_fit` uses
        the statistics of an earlier `fit`, and none without one.
    {categorical_features}
    {numeric_encoding}
    {scoring}
    {restore_best}
    {max_restarts}
    {n_members}
    class_weight : None, "balanced", dict, or list of dicts, default=None
        How much each class counts, as a factor of the sample weights, 1 for classes without
        an entry; a list has a dictionary per column of the targets. "balanced" is the inverse
        of a class's weight in the training data, in `partial_fit` in those seen so far. The
        sum of all weights stays what it was in `fit`.
    grow_classes : bool, default=False
        Whether `partial_fit` gives classes that it has not seen before outputs of their own.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,), or list of these
        The class labels, or a list of those of each column of the targets.
    {attributes}

    See Also
    --------
    BackpropRegressor : The same network for continuous targets.

    Examples
    --------
    >>> from skbackprop import BackpropClassifier
    >>> from skbackprop.datasets import load_wheat_seeds
    >>> X, y = load_wheat_seeds(return_X_y=True)
    >>> clf = BackpropClassifier(random_state=0).fit(X, y)
    >>> round(clf.score(X, y), 3)
    0.995
    """

    _parameter_rules = CLASSIFIER_RULES

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
        class_weight: ClassWeight = None,
        grow_classes: bool = False,
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
        self.class_weight = class_weight
        self.grow_classes = grow_classes

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
        classes: ArrayLike | Sequence[ArrayLike] | None = None,
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
            The class labels, a 0/1 column per label, or several columns of classes.
        classes : array-like of shape (n_classes,), or a list of these, default=None
            All labels that will ever come, for several columns of classes a list of them.
            Needed in the first call, unless `y` is multilabel or `grow_classes` is set;
            later it may be left out.
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
            If `classes` is missing or differs from the first call's, if `y` holds a label
            that is not among them, or as in `fit`.

        Examples
        --------
        >>> from skbackprop import BackpropClassifier
        >>> from skbackprop.datasets import load_wheat_seeds
        >>> X, y = load_wheat_seeds(return_X_y=True)
        >>> clf = BackpropClassifier((5,), random_state=0).fit(X[::2], y[::2])
        >>> for row in range(1, 210, 2):
        ...     clf = clf.partial_fit(X[[row]], y[[row]])
        >>> clf.t_
        6405
        """
        validation = (X_val, y_val, sample_weight_val)
        is_alone = X_val is y_val is sample_weight_val is None
        with training_lock(self):
            if is_alone and try_learn_row(self, X, y, classes, sample_weight):
                return self
            refuse_mixture(y, "y")
            first = not hasattr(self, "_params")
            if (
                first
                and classes is None
                and not self.grow_classes
                and target_kind(y) != MULTILABEL
            ):
                raise ValueError("classes must be given in the first call of partial_fit.")
            return self._fit(X, y, sample_weight, validation, is_stream=True, classes=classes)

    def predict(self, X: Rows) -> Array:
        """The most probable class of each row, or its labels.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Class labels, the first of those with the largest output; a column of them for
            each column of the targets, and a 0/1 column per label for multilabel targets.

        Examples
        --------
        >>> from skbackprop import BackpropClassifier
        >>> from skbackprop.datasets import load_wheat_seeds
        >>> X, y = load_wheat_seeds(return_X_y=True)
        >>> clf = BackpropClassifier((5,), random_state=0).fit(X, y)
        >>> clf.predict(X[[0, 100, 200]])
        array([1, 2, 3])
        """
        # Asking scikit-learn takes longer than predicting.
        if "_target_encoder" not in vars(self):
            check_is_fitted(self)
        labels, output_activation = self._target_encoder, self._network.output_activation
        if labels.has_single_output(self._network.layer_sizes[-1]):
            return labels.decode([(self._raw_output(X)[:, 0] > 0).astype(int)])
        if labels.kind == MULTILABEL:
            raw = self._raw_output(X)
            if output_activation == "logistic":  # the sign is exact, also near one half
                return (raw > 0).astype(int)
            return (self._network.loss_function.output(raw) > 0.5).astype(int)
        if output_activation in ("softmax", "logistic"):
            # Tiny outputs may round to the same, their shares are told apart.
            blocks = self.predict_proba(X)
            blocks = blocks if self._target_encoder.kind == MULTIOUTPUT else [blocks]
        else:
            outputs = self._network.loss_function.output(self._raw_output(X))
            blocks = self._target_encoder.split(outputs)
        return self._target_encoder.decode([block.argmax(axis=1) for block in blocks])

    def predict_proba(self, X: Rows) -> Array | Any:
        """The probability of each class, or of each label.

        With squared error the outputs of the network, scaled to sum to one in each row.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.

        Returns
        -------
        p : ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
            In the order of `classes_`; for several columns of classes a list of these, as
            scikit-learn's trees spell it.
        """
        short = predictor_for(self, X)
        if short is not None and self._target_encoder.kind == SINGLE:
            predictor, rows = short
            p = predictor.probabilities(rows, len(self.classes_))
            if p is not None:
                return p
        raw = self._raw_output(X)
        return probabilities(self._network, self._target_encoder, raw)

    def predict_log_proba(self, X: Rows) -> Array | Any:
        """The logarithm of the probabilities, finite for any finite input.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.

        Returns
        -------
        log_p : ndarray of shape (n_samples, n_classes) or (n_samples, n_labels)
            In the order of `classes_`; for several columns of classes a list of these.
        """
        raw = self._raw_output(X)
        return log_probabilities(self._network, self._target_encoder, raw)

    def decision_function(self, X: Rows) -> Array | Any:
        """How far each row lies on the side of each class.

        These are the weighted sums of the output layer, before its activation.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.

        Returns
        -------
        scores : ndarray of shape (n_samples,) or (n_samples, n_outputs)
            For two classes one number a row, positive for the second class; where each of
            them has its own output, it is the logarithm of the odds. For several columns
            of classes a list of arrays of shape (n_samples, n_classes).
        """
        check_is_fitted(self)
        if self._target_encoder.kind == MULTIOUTPUT:
            return self._target_encoder.split(self._raw_output(X))
        if self._target_encoder.kind == MULTILABEL or len(self.classes_) != 2:
            return self._raw_output(X)
        if self._network.layer_sizes[-1] == 1:
            return self._raw_output(X)[:, 0]
        log_p = self.predict_log_proba(X)
        return log_p[:, 1] - log_p[:, 0]

    def score(self, X: Rows, y: ArrayLike, sample_weight: ArrayLike | None = None) -> float:
        """The share of rows that are predicted wholly right.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The true labels.
        sample_weight : array-like of shape (n_samples,), default=None
            How much each row counts.

        Returns
        -------
        accuracy : float
            For several labels or columns of classes, all of a row's must be right.
        """
        check_is_fitted(self)
        y = dense_targets(y)
        if self._target_encoder.kind != MULTIOUTPUT:
            return super().score(X, y, sample_weight=sample_weight)
        right = (np.asarray(y) == self.predict(X)).all(axis=1)
        return float(accuracy_score(np.ones_like(right), right, sample_weight=sample_weight))

    # ---- Raw outputs ----

    def _raw_output(self, X):
        """The weighted sums of the output layer; where they overflow, those of a nearer row.

        It lies in the same direction, and as far out as the network can count.
        """
        raw = self._quick_raw_output(X)
        if raw is not None:
            return raw
        X = self._validate_rows(X)
        raw = self._raw_output_of(X)
        for row in np.flatnonzero(~np.isfinite(raw).all(axis=1)):
            raw[row] = self._raw_output_nearer(X[[row]])
        return raw

    def _raw_output_nearer(self, X):
        X, dtype = X.astype(np.float64), self._params.dtype
        while True:
            with np.errstate(over="ignore"):
                raw = self._forward(X, np.float64)[0][0].astype(dtype)
            if np.isfinite(raw).all():
                return raw
            if not abs(X).max():  # a network whose outputs overflow for any input
                return np.nan_to_num(raw)
            X = X * 2.0**-16

    # ---- Labels and targets ----

    @property
    def classes_(self) -> Array | Any:
        """The class labels, or a list of those of each column of the targets."""
        return self._fitted("_target_encoder").classes

    def _fit_target_encoder(self, y, resume, is_stream, classes=None):
        if not resume:
            self._target_encoder = ClassEncoder.learn(y, classes)
            vars(self).pop("_class_totals", None)  # of an earlier fit
            return self._target_encoder.kind
        if classes is not None:
            self._refuse_other_classes(classes)
        elif self._target_encoder.kind == SINGLE and target_kind(y) == SINGLE:
            if not is_stream:
                self._refuse_fewer_or_more_classes(y)
            elif self.grow_classes:
                self._grow(y)

    def _refuse_fewer_or_more_classes(self, y):
        found = np.unique(y)
        if not np.array_equal(found, self.classes_):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the "
                f"previous call to fit. Previously got {self.classes_}, `y` has {found}"
            )

    def _grow(self, y):
        """Give classes that are new in `y` outputs of their own."""
        before, network = self._target_encoder, self._network
        grown_encoder = before.union_with(y)
        if len(grown_encoder.classes) == len(before.classes):
            return
        self._target_encoder = grown_encoder
        layer = resolve_output_layer(self, grown_encoder)
        grown = replace(
            network,
            layer_sizes=(*network.layer_sizes[:-1], layer.n_outputs),
            loss=layer.loss,
            output_activation=layer.activation,
        )
        train_state = self._train_state.copy()
        drawn = initial_weights.draw_layer(self, grown, len(grown.shapes) - 1, train_state.rng)
        origins = self._target_encoder.index_in(before)
        if before.has_single_output(network.layer_sizes[-1]):
            # The one output is the second class's, and the first's is zero.
            drawn[:, origins.index(0)] = 0
            origins = [0 if origin == 1 else None for origin in origins]
        elif layer.n_outputs == 1:
            # Nothing was learned of a class alone: one output stands for it and the new one.
            origins = [None]
        train_state.grow(network, grown, origins, drawn)
        self._network, self._train_state, self._params = grown, train_state, train_state.best

    def _refuse_other_classes(self, classes):
        given = ClassEncoder(
            self._target_encoder.kind,
            [distinct(column) for column in classes]
            if self._target_encoder.kind == MULTIOUTPUT
            else distinct(classes),
        )
        same = len(given.per_column) == len(self._target_encoder.per_column) and all(
            map(np.array_equal, given.per_column, self._target_encoder.per_column)
        )
        if not same:
            raise ValueError(
                f"classes={_as_lists(given)} differ from those of the earlier call, "
                f"{_as_lists(self._target_encoder)}."
            )

    def _apply_class_weight(self, rows, y, weights, is_stream):
        if self.class_weight is None or not len(rows):
            return rows, weights
        self._check_names_in_class_weight()
        labels = y[rows]
        before = None if weights is None else weights[rows]
        seen = getattr(self, "_class_totals", None) if is_stream else None
        totals = accumulate_totals(seen, before, labels)
        self._class_totals = [list(column.items()) for column in totals]
        weighed = np.zeros(len(y))
        if is_stream:
            weighed[rows] = weigh_stream(before, self.class_weight, labels, totals)
        else:
            weighed[rows] = weigh_classes(before, self.class_weight, labels)
        return rows[weighed[rows] > 0], weighed

    def _check_names_in_class_weight(self):
        """A class that does not occur may have a weight; what cannot be a class may not."""
        given = self.class_weight
        if isinstance(given, str) or self._target_encoder.kind == MULTILABEL:
            return
        listed = given if isinstance(given, (list, tuple)) else [given]
        for weights, classes in zip(listed, self._target_encoder.per_column, strict=False):
            known = set(classes.tolist())
            strange = [
                name
                for name in weights
                if name not in known and type_of_label(name) != type_of_labels(classes)
            ]
            if strange:
                raise ValueError(
                    f"The 'class_weight' parameter names {strange}, and the classes are "
                    f"{type_of_labels(classes)}: {classes.tolist()}."
                )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        tags.target_tags.multi_output = True
        return tags


def _as_lists(labels):
    lists = [column.tolist() for column in labels.per_column]
    return lists if labels.kind == MULTIOUTPUT else lists[0]
