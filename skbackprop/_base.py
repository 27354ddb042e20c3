"""What both estimators share: validation, `fit` and `partial_fit`."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if

from ._engine.hashing import hash_data
from ._engine.sampling import merge_copies
from ._engine.schedules import TrainCounters
from ._parameters import RULES, check_parameters
from ._prediction.fitted_network import FittedNetwork, FittedState
from ._prediction.single_row import prepare_stream
from ._preprocessing.categories import learn_levels
from ._preprocessing.input_encoding import InputEncoder
from ._preprocessing.input_validation import validate_inputs_and_targets
from ._preprocessing.noise_estimation import sample_noise
from ._preprocessing.sample_weight import (
    check_weights,
    draw_batch,
    draw_counts,
    weights_of_fit,
    weights_of_stream,
)
from ._preprocessing.scaling import LocalRows, Scaling, fit_input_scaler, fit_target_scaler
from ._preprocessing.validation_set import (
    ValidationSet,
    check_training_weights,
    copy_counts,
    split,
    split_frequent,
)
from ._training import configuration, initial_weights
from ._training.alpha_selection import (
    HELD_OUT_SHARE,
    empty_selection,
    search_alpha,
    selected_factor,
    with_alpha_times,
)
from ._training.callback_dispatch import (
    CallbackDispatcher,
    CallbackSupportMixin,
    Method,
    with_callbacks,
)
from ._training.configuration import (
    is_full_batch,
    needs_noise_estimate,
    solver_class,
    streaming_alpha,
)
from ._training.data import AlphaSplit, Samples, TrainingData, sample_epochs
from ._training.diagnosis import cut_short
from ._training.history import empty_history, extend_history
from ._training.loop import TrainResult, TrainState, train_members
from ._warnings import warn_caller

if TYPE_CHECKING:
    from numpy.typing import ArrayLike
    from typing_extensions import Self

    from ._typing import Rows


@contextmanager
def _rollback_on_error(estimator):
    """Give the estimator its earlier attributes back when fitting is refused or fails."""
    before = dict(vars(estimator))
    rng = before["_train_state"].rng if "_train_state" in before else None
    drawn_so_far = None if rng is None else rng.get_state()
    try:
        yield
    except BaseException:
        estimator.__dict__ = before  # at once: another Ctrl-C may come
        if rng is not None:
            rng.set_state(drawn_so_far)
        raise


def ravel_column(y, name):
    """Return a column of targets in one dimension, with scikit-learn's warning."""
    if y.ndim != 2 or y.shape[1] != 1:
        return y
    warn_caller(
        f"A column-vector {name} was passed when a 1d array was expected. Please change the "
        f"shape of {name} to (n_samples,), for example using ravel().",
        DataConversionWarning,
    )
    return y.ravel()


def _has_partial_fit(estimator):
    solver = solver_class(estimator)
    if solver.whole_problem:
        raise AttributeError(
            f"partial_fit is not available for solver={solver.name!r}, which needs all "
            "rows at once."
        )
    if estimator.n_members > 1:
        raise AttributeError(
            "partial_fit is available for n_members=1 only, as it goes on with one network. "
            f"Got n_members={estimator.n_members!r}."
        )
    return True


def available_with_partial_fit(method: Method) -> Method:
    """Take `partial_fit` away where the solver is one of the whole problem."""
    return available_if(_has_partial_fit)(method)


class BaseBackprop(CallbackSupportMixin, FittedNetwork, metaclass=ABCMeta):
    """Training of a network; a subclass knows the targets."""

    _parameter_rules = RULES
    # ---- What a subclass adds ----

    @abstractmethod
    def _fit_target_encoder(self, y, resume, is_stream):
        """Set `_target_encoder`, or refuse targets that differ from the earlier call's.

        Returns their kind, if that has become known.
        """

    def _apply_class_weight(self, rows, y, weights, is_stream):
        """Let whatever else weighs a row change the weights, and drop rows of none."""
        return rows, weights

    # ---- Fitting ----

    @with_callbacks
    def fit(
        self,
        X: Rows,
        y: ArrayLike,
        sample_weight: ArrayLike | None = None,
        X_val: Rows | None = None,
        y_val: ArrayLike | None = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Self:
        """Train the network.

        Parameters
        ----------
        X : {array-like, data frame, sparse matrix} of shape (n_samples, n_features)
            The columns, also text and categories of a data frame (see `categorical_features`).
            NaN, None and NA are missing cells: in a column of numbers they become the median,
            and an input beside it tells where; a column that has the first ones at prediction
            gets its mean. float32 is kept, other numbers become float64.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets.
        sample_weight : array-like of shape (n_samples,), default=None
            How often each row is used in an epoch, on average; None is once. An integer
            weight is exactly that many copies of the row, and a weight of zero leaves it
            out. The weights are divided by their mean first where that is below 1/2, or
            where they add up to more than ten times the number of rows and to more than
            10,000. Where an epoch is a single batch (``batch_size="full"``, "rprop",
            "lbfgs" and "lm") they weight the mean of the gradients instead, and large sums
            are kept as they are.
        X_val : {array-like, sparse matrix} of shape (n_val, n_features), default=None
            Rows that watch training. Their loss is recorded after each epoch, and with
            ``early_stopping=True`` they decide when it ends.
        y_val : array-like of shape (n_val,) or (n_val, n_outputs), default=None
            The targets of `X_val`.
        sample_weight_val : array-like of shape (n_val,), default=None
            How much each row of `X_val` counts.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter, `X`, `y` or a weight is not as described, or if training
            diverges. The estimator is then left as it was.
        KeyboardInterrupt
            After Ctrl-C. If an epoch has ended, the estimator holds the network of the last
            that did, to a tenth of a second; else it is left as it was.

        Examples
        --------
        >>> from skbackprop import BackpropClassifier
        >>> from skbackprop.datasets import load_wheat_seeds
        >>> X, y = load_wheat_seeds(return_X_y=True)
        >>> clf = BackpropClassifier((5,), early_stopping=True, random_state=0)
        >>> clf = clf.fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
        >>> round(clf.score(X[1::2], y[1::2]), 2)
        0.92
        """
        validation_data = (X_val, y_val, sample_weight_val)
        return self._fit(X, y, sample_weight, validation_data, is_stream=False)

    def _fit(self, X, y, sample_weight, validation_data, is_stream, **known):
        """What `fit` and `partial_fit` share; `known` is what is known of the targets.

        The samples are validated and encoded. The network follows from them and the
        parameters, its initial state from `random_state`. Then the samples are brought into
        order, split and standardized, the parameters resolved, the network trained, and the
        fitted attributes set. The state comes before the order of the samples, because one
        generator draws the weights and then the seed of the split, as in scikit-learn's MLP.
        """
        check_parameters(self)
        if self.warm_start and self.n_members > 1:
            raise ValueError(
                "warm_start=True is for n_members=1, as it goes on with one network. "
                f"Got n_members={self.n_members!r}."
            )
        dispatcher = None if is_stream else CallbackDispatcher(self, X, y, sample_weight)
        with _rollback_on_error(self):
            resume = (is_stream or self.warm_start) and hasattr(self, "_params")
            samples = self._validate(X, y, sample_weight, resume, is_stream, **known)
            validation = self._validate_validation_data(*validation_data, samples.X.dtype)
            if is_stream and self._has_stopped(validation, resume):
                return self
            network = self._make_network(samples.X.shape, resume)
            n_samples = 0 if is_stream else samples.epoch_size
            solver = configuration.make_checked_solver(self, network, n_samples)
            states = (
                [self._train_state]
                if resume
                else self._init_train_states(network, solver, samples.X.dtype)
            )
            data = self._prepare(samples, validation, network, states, resume, is_stream)
            if data.sampler is None:
                return self if resume else self._set_untrained(network, data, states[0])
            config = configuration.resolve_config(self, network, solver, data)
            problem = configuration.make_problem(self, config, data)
            result = self._train(problem, data, states, resume, dispatcher)
            if is_stream and samples.X.shape[0] == 1:
                prepare_stream(self, problem, **known)
            if dispatcher is not None:
                dispatcher.fit_ends()
        if result.interrupt is not None:
            raise result.interrupt
        return self

    # ---- Validation ----

    def _validate(self, X, y, sample_weight, resume, is_stream, **known):
        """Return the validated `Samples`; what their targets are is learned or compared."""
        dtype = self._params.dtype if resume else None
        levels = self._levels_of(X, resume)
        X, y = validate_inputs_and_targets(self, X, y, not resume, dtype, levels=levels)
        y = ravel_column(y, "y")
        weights = check_weights(sample_weight, X.shape[0], needs_some=not is_stream)
        bounded = weights_of_stream if is_stream else weights_of_fit
        weights = bounded(weights, is_full_batch(self))
        if not resume:
            self._input_encoder = InputEncoder.learn(
                X, levels, weights, configuration.resolve_max_bins(self), is_stream,
                has_means=self.standardize and not is_stream,
            )  # fmt: skip
        X = self._encode_inputs(X, self._scaling if resume else Scaling())
        kind = self._fit_target_encoder(y, resume, is_stream, **known)
        return Samples(X, y, self._target_encoder.encode(y, kind), weights)

    def _levels_of(self, X, resume):
        """Return the levels of each categorical column: those of `X`, or of an earlier call."""
        if resume:
            return self._input_encoder.levels
        return learn_levels(X, self.categorical_features)

    def _validate_validation_data(self, X_val, y_val, sample_weight_val, dtype):
        """Return the given validation data as `Samples`, or None; `X` is not encoded yet."""
        for name, value in (("y_val", y_val), ("sample_weight_val", sample_weight_val)):
            if X_val is None and value is not None:
                raise ValueError(f"{name} is given, and X_val is not.")
        if X_val is None:
            return None
        if y_val is None:
            raise ValueError("X_val is given, and y_val is not.")
        levels = self._input_encoder.levels
        X_val, y_val = validate_inputs_and_targets(
            self, X_val, y_val, reset=False, dtype=dtype, name="X_val", levels=levels
        )
        y_val = ravel_column(y_val, "y_val")
        weights = check_weights(sample_weight_val, X_val.shape[0], "sample_weight_val")
        weights = weights_of_fit(weights, in_gradient=True)
        return Samples(X_val, y_val, self._target_encoder.encode(y_val), weights)

    def _has_stopped(self, validation, resume):
        """Return whether early stopping has ended a stream."""
        if not self.early_stopping:
            return False
        if validation is None:
            raise ValueError(
                "partial_fit does not support early_stopping=True without validation "
                "data: give X_val and y_val."
            )
        return resume and self.converged_

    # ---- Network and initial state ----

    def _make_network(self, shape, resume):
        """Return the network that the parameters and the shape of the inputs ask for."""
        n_rows, n_inputs = shape
        output_layer = configuration.resolve_output_layer(self, self._target_encoder)
        if resume and isinstance(self.hidden_layer_sizes, str):
            hidden = self._network.layer_sizes[1:-1]
        else:
            hidden = configuration.hidden_sizes(
                self.hidden_layer_sizes, n_inputs, output_layer.n_outputs, n_rows
            )
        network = configuration.make_network(self, n_inputs, hidden, output_layer)
        if resume:
            self._refuse_another_network(network)
        return network

    def _refuse_another_network(self, network):
        before = self._network
        for what, fitted, wanted in (
            ("layer sizes", before.layer_sizes, network.layer_sizes),
            ("loss", before.loss, network.loss),
            ("output activation", before.output_activation, network.output_activation),
            ("options of the loss", before.loss_options, network.loss_options),
        ):
            if fitted != wanted:
                raise ValueError(
                    f"Training cannot be resumed: the fitted network has the {what} {fitted}, "
                    f"the parameters and the data ask for {wanted}."
                )

    def _init_train_states(self, network, solver, dtype):
        """Return the state of each member, of training that has not begun."""
        rng = check_random_state(self.random_state)
        return [
            self._init_train_state(network, solver, dtype, rng) for _ in range(self.n_members)
        ]

    def _init_train_state(self, network, solver, dtype, rng):
        # The weights first: scikit-learn's MLP draws the same from the same random_state.
        if initial_weights.has_given_weights(self):
            params = np.zeros(network.n_params, dtype=dtype)
        else:
            params = initial_weights.drawn_params(self, network, rng, dtype)
        seed = rng.randint(np.iinfo(np.int32).max)
        return TrainState(
            params,
            best=params,
            solver_state=solver.init_state(network.n_params, dtype),
            counters=TrainCounters(seed=seed),
            rng=np.random.RandomState(seed),
            solver=solver,
        )

    # ---- Order, split and scale ----

    def _prepare(self, samples, validation, network, states, resume, is_stream):
        """Return the `TrainingData`: in order, split, weighted and standardized."""
        state = states[0]
        is_given = validation is not None
        ordered = self._order_and_split(samples, validation, state.counters.seed, is_stream)
        rows, weights, counts, validation, hashes = ordered
        dtype = samples.X.dtype
        encoder = self._target_encoder
        targets = encoder.to_network(samples.Y, network, dtype)
        local = LocalRows(samples.X, samples.Y, targets, rows, weights, hashes)
        scaling = self._scaling if resume else Scaling()
        if self.standardize and not (resume or is_stream):
            scaling = self._fit_scaling(network, local, states)
        validation = self._make_validation_set(validation, is_given, network, scaling)
        if initial_weights.has_given_weights(self) and not resume:
            given = initial_weights.given_params(self, network, scaling, dtype)
            for member in states:
                member.params[:] = given
        if is_stream and weights is not None:
            rows, weights = self._draw_samples(rows, weights, state.rng)
        sampler, batch_weights = sample_epochs(self, rows, weights, dtype)
        noise = alpha_split = None
        if sampler is not None and needs_noise_estimate(self, is_stream):
            noise = sample_noise(local.sample, scaling, network.loss)
            # Without noise, as in a truth table, no row need tell of another.
            may_search = noise > 0 and not resume
            if may_search and configuration.needs_alpha_search(rows, weights):
                alpha_split = self._split_for_alpha(local, counts, state.counters.seed)
        X, Y = (None, None) if sampler is None else scaling.transform(samples.X, targets)
        return TrainingData(
            X, Y, rows, sampler, batch_weights, validation, scaling, noise, is_stream,
            state.counters.epochs, alpha_split,
        )  # fmt: skip

    def _make_validation_set(self, samples, is_given, network, scaling):
        """Return the `ValidationSet` of some samples, or None.

        Given ones are encoded here: the scaling has the means for their missing cells.
        """
        if samples is None:
            return None
        if is_given:
            samples = replace(samples, X=self._encode_inputs(samples.X, scaling))
        targets = self._target_encoder.to_network(samples.Y, network, samples.X.dtype)
        return ValidationSet(samples, targets)

    def _order_and_split(self, samples, validation, seed, is_stream):
        """Bring the samples into order, and hold out a validation set where one is needed.

        Returns
        -------
        rows : ndarray of int64
            The samples to train on.
        weights : ndarray or None
            Of all samples.
        counts : ndarray
            For how many copies each sample stands, whatever its class weighs.
        validation : Samples or None
        hashes : ndarray or None
            Of all samples, where they had to be computed.
        """
        X, Y, weights, hashes = samples.X, samples.Y, samples.weights, None
        holds_out = solver_class(self).holds_out_rows
        splits = validation is None and self.early_stopping and holds_out
        rows = np.arange(len(Y))
        if weights is not None:
            rows = rows[weights > 0]
        if (self.shuffle and len(Y) > 1) or splits:
            hashes = hash_data(X, Y)
        if self.shuffle and len(Y) > 1:
            # An order that depends on what the rows hold, and not on where they stand.
            rows = rows[np.argsort(hashes[rows], kind="stable")]
            rows, weights = merge_copies(X, Y, rows, hashes, weights)
        counts = copy_counts(weights, len(Y))
        rows, weights = self._apply_class_weight(rows, samples.y, weights, is_stream)
        if splits:
            self._target_encoder.check_strata(Y[rows], counts[rows])
            strata = self._target_encoder.strata(Y[rows])
            rows, held_out = split(rows, hashes, strata, counts, self.validation_fraction, seed)
            check_training_weights(weights, rows)
            validation = replace(samples, weights=weights)[held_out]
        return rows, weights, counts, validation, hashes

    def _split_for_alpha(self, local, counts, seed):
        """Return the split of the samples by which the L2 penalty is chosen, or None."""
        rows, weights = local.rows, local.weights
        strata = self._target_encoder.strata(local.y[rows])
        others, held_out = split_frequent(
            rows, local.hashes, strata, counts, HELD_OUT_SHARE, seed
        )
        if not len(held_out):
            return None
        of_held_out = np.ones(len(held_out)) if weights is None else weights[held_out]
        drawn = sample_epochs(self, others, weights, local.dtype)
        return AlphaSplit(held_out, of_held_out, *drawn)

    def _draw_samples(self, rows, weights, rng):
        """Return the samples of a stream that this call uses, and how often each is."""
        in_gradient = is_full_batch(self)
        weights = weights_of_stream(weights, in_gradient)
        draw = draw_batch if in_gradient else draw_counts
        drawn = np.zeros(len(weights))
        drawn[rows] = draw(weights[rows], rng)
        return rows[drawn[rows] > 0], drawn

    def _fit_scaling(self, network, rows, states):
        """Return the `Scaling` for some rows; what is constant loses its initial weights."""
        encoder = self._input_encoder
        inputs, is_constant = fit_input_scaler(
            rows.of_first_inputs(encoder.n_values + encoder.n_bin_inputs),
            self._names_of_values(),
            encoder.n_values,
        )
        inputs = inputs.extended(encoder.n_inputs)  # what is 0 or 1 stays as it is
        for state in states:
            network.weights(state.params)[0][np.flatnonzero(is_constant)] = 0
        kind = self._target_encoder.scaled_by(network)
        if kind is None:
            return Scaling(inputs)
        targets, is_constant = fit_target_scaler(rows, kind)
        for state in states:
            for layers in network.weights(state.params), network.biases(state.params):
                layers[-1][..., is_constant] = 0
        return Scaling(inputs, targets, log_link=kind == "size")

    def _names_of_values(self):
        """Return the names, or else the numbers, of the numeric columns."""
        names = getattr(self, "feature_names_in_", None)
        numeric = self._input_encoder.numeric.tolist()
        return numeric if names is None else [str(names[column]) for column in numeric]

    # ---- Training ----

    def _train(self, problem, data, states, resume, dispatcher):
        """Train, and set the fitted attributes; returns how it ended."""
        self._note_validation(data.validation, resume)
        problem, selection = self._select_alpha(problem, data, states[0], resume)
        network, alpha = problem.config.network, problem.config.regularization.alpha
        history = self.history_ if resume else empty_history(network)
        listener = None
        if dispatcher is not None:
            fitted_after = partial(FittedState, network, data.scaling, alpha, selection)
            max_epochs = problem.config.max_epochs * len(states)
            dispatcher.fit_begins(max_epochs, fitted_after, history)
            listener = dispatcher if dispatcher.listens else None
        network, state, result = train_members(self, problem, states, listener)
        history = extend_history(history, result.records, is_stream=data.is_stream)
        self._set_fitted(
            FittedState(network, data.scaling, alpha, selection, state, result, history)
        )
        message = None if data.is_stream else cut_short(problem, result)
        if message is not None:
            warn_caller(message, ConvergenceWarning)
        return result

    def _select_alpha(self, problem, data, state, resume):
        """Return the problem with the L2 penalty that held-out samples choose, and the record.

        A call that goes on takes the factor that the first one chose.
        """
        selection = self.alpha_selection_ if resume else empty_selection()
        if data.alpha_split is not None:
            selection = search_alpha(problem, data.alpha_split, state, self.verbose)
        if needs_noise_estimate(self, data.is_stream):
            problem = with_alpha_times(problem, selected_factor(selection))
        return problem, selection

    def _set_untrained(self, network, data, state):
        """Become a network that has not been trained yet."""
        self._note_validation(data.validation, resume=False)
        alpha, selection = streaming_alpha(self), empty_selection()
        result, history = TrainResult(), empty_history(network)
        self._set_fitted(
            FittedState(network, data.scaling, alpha, selection, state, result, history)
        )
        return self

    def _note_validation(self, validation, resume):
        """Note whether any call had a validation set, and a scorer for it."""
        had_validation, was_scored = self._examined if resume else (False, False)
        has_validation = validation is not None
        is_scored = has_validation and self.scoring is not None
        self._examined = (had_validation or has_validation, was_scored or is_scored)

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        # Also of an object that has no parameters yet, such as one that is being loaded.
        parameters = vars(self)
        tags.input_tags.sparse = parameters.get("numeric_encoding") != "piecewise_linear"
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = parameters.get("categorical_features") is not None
        return tags
