"""What both estimators share: the doors between scikit-learn and the engine."""

import copy
import math
import warnings
from abc import ABCMeta, abstractmethod
from contextlib import contextmanager
from itertools import islice
from numbers import Real

import numpy as np
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_array, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from .engine.activations import ALIASES, get_activation
from .engine.initializers import automatic, get_initializer
from .engine.network import Network
from .engine.regularization import Regularization
from .engine.sampling import canonical_order, plan_presentations
from .engine.schedules import COSINE, LINEAR, Progress, get_schedule
from .engine.training import Task, choose_engine, train
from .engine.updaters import Adam, GradientDescent, Momentum, Nesterov
from .parameters import ACTIVATION_NAMES, RULES, OneOf, as_sizes, check_parameters
from .scaling import Scaling, Standardizer

_FLOATS = (np.float64, np.float32)
_AUTO_BATCH = 200
# Rows that a prediction takes through the network at a time.
_PREDICTION_ROWS = 4096


@contextmanager
def _unchanged_on_error(estimator):
    """Give the estimator its earlier attributes back when fitting is refused or fails."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


class BaseBackprop(BaseEstimator, metaclass=ABCMeta):
    """Training and inspection of a network; a subclass knows the targets."""

    _parameter_rules = RULES

    # ---- What a subclass adds ----

    @abstractmethod
    def _encode(self, y, resume):
        """Check the targets, and return them as numbers, unscaled."""

    @abstractmethod
    def _output_layer(self):
        """The number of outputs, the loss, and the output activation."""

    @abstractmethod
    def _targets(self, Y, network, dtype):
        """The encoded targets as `network` takes them."""

    # ---- Fitting ----

    def fit(self, X, y, sample_weight=None):
        """Train the network.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The inputs. float32 is kept, everything else becomes float64.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            The targets.
        sample_weight : array-like of shape (n_samples,), default=None
            How often each row is presented in an epoch, on average; None is once. An
            integer weight is exactly that many copies of the row, and a weight of zero
            leaves it out. The time of an epoch grows with the sum of the weights, unless
            ``batch_size="full"``, where they weigh the mean of the gradients instead.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            If a parameter, `X`, `y` or `sample_weight` is not as described, or if training
            diverges. The estimator is then left as it was.
        """
        return self._learn(X, y, sample_weight, incremental=False)

    def _learn(self, X, y, sample_weight, incremental, **known):
        """What `fit` and `partial_fit` share; `known` is what is known of the targets."""
        with _unchanged_on_error(self):
            check_parameters(self)
            resume = (incremental or self.warm_start) and hasattr(self, "_params")
            X, y = self._validate_training_data(X, y, resume)
            weights = _check_weights(sample_weight, X.shape[0])
            return self._train(
                X, self._encode(y, resume, **known), weights, resume, incremental
            )

    def _validate_training_data(self, X, y, resume):
        X, y = validate_data(
            self,
            X,
            y,
            reset=not resume,
            accept_sparse="csr",
            dtype=_FLOATS,
            order="C",
            multi_output=True,
        )
        if sparse.issparse(y):
            y = y.toarray()
        if resume:
            X = X.astype(self._params.dtype, copy=False)
        return X, y

    def _train(self, X, Y, weights, resume, incremental):
        rows = canonical_order(X, Y) if self.shuffle else np.arange(X.shape[0])
        if weights is not None:
            rows = rows[weights[rows] > 0]
        network = self._make_network(X.shape[1], resume)
        Y = self._targets(Y, network, X.dtype)
        updater = self._make_updater()
        if resume:
            start = self._resume(updater)
        else:
            start = self._begin(network, updater, X, Y, rows, weights, incremental)
        params, state, progress, rng, scaling, history = start

        max_epochs = 1 if incremental else self.max_iter
        task = self._make_task(
            network,
            updater,
            X if scaling.inputs is None else scaling.inputs.transform(X),
            Y if scaling.targets is None else scaling.targets.transform(Y),
            rows,
            weights,
            horizon=self.max_iter if incremental else progress.epochs + max_epochs,
        )
        epochs, stalled = self._run(task, params, state, progress, rng, history, max_epochs)
        self._refuse_divergence(history, params)

        self._network, self._params, self._scaling = network, params, scaling
        self._updater, self._state, self._progress = updater, state, progress
        self._random_state = rng
        self.history_ = history
        self.n_iter_ = epochs
        self.engine_ = choose_engine(network, updater)[1]
        planned_end = incremental or stalled or epochs < max_epochs or self.tol is None
        if not planned_end and task.schedule not in (LINEAR, COSINE):
            warnings.warn(
                f"Training stopped after max_iter={self.max_iter} epochs with the loss still "
                "falling. Raise max_iter, or set tol=None if that is intended.",
                ConvergenceWarning,
                stacklevel=4,
            )
        return self

    def _begin(self, network, updater, X, Y, rows, weights, incremental):
        """The starting point of a new network."""
        scaling = Scaling()
        if self.standardize and not incremental:
            scaling = self._measure(network, X, Y, rows, weights)
        # A generator of our own, so that training can be resumed whoever else draws.
        seed = check_random_state(self.random_state).randint(np.iinfo(np.int32).max)
        rng = np.random.RandomState(seed)
        params = self._initial_params(network, scaling, rng, X.dtype)
        state = np.zeros((updater.n_slots, network.n_params), dtype=X.dtype)
        history = {"epoch": [], "loss": [], "learning_rate": [], "seconds": []}
        if network.loss == "squared_error":
            history["sum_squared_error"] = []
        return params, state, Progress(), rng, scaling, history

    def _resume(self, updater):
        """Copies of where training ended, so that a failure leaves the originals alone."""
        state = self._state.copy()
        if type(updater) is not type(self._updater):
            state = np.zeros((updater.n_slots, self._params.size), dtype=self._params.dtype)
        history = {name: list(column) for name, column in self.history_.items()}
        return (
            self._params.copy(),
            state,
            copy.copy(self._progress),
            copy.deepcopy(self._random_state),
            self._scaling,
            history,
        )

    def _measure(self, network, X, Y, rows, weights):
        """Standardise the inputs, and the targets of a linear output."""
        targets = None
        if network.output_activation == "identity" and Y.ndim == 2:
            targets = Standardizer.measure(Y, rows, weights)
        return Scaling(Standardizer.measure(X, rows, weights), targets)

    def _run(self, task, params, state, progress, rng, history, max_epochs):
        """Train for some epochs; return how many there were, and whether it stalled."""
        epochs, stalled = 0, False
        try:
            for record in islice(train(task, params, state, progress, rng), max_epochs):
                epochs += 1
                _write_down(record, history)
                if self.verbose:
                    print(_line(record, history, self.verbose))
                stalled = record.stalled
                if stalled or not math.isfinite(record.loss):
                    break
        except KeyboardInterrupt:
            warnings.warn(
                f"Training was interrupted after {epochs} epochs; the network trained so far "
                "is kept.",
                stacklevel=5,
            )
        return epochs, stalled

    def _refuse_divergence(self, history, params):
        losses = history["loss"]
        if (not losses or math.isfinite(losses[-1])) and np.isfinite(params).all():
            return
        advice = [f"lower learning_rate_init (now {self.learning_rate_init:g})"]
        if not self.standardize:
            advice.append("set standardize=True or scale X")
        if self.solver == "sgd" and self.momentum:
            advice.append(f"lower momentum (now {self.momentum:g})")
        epoch = history["epoch"][-1] if losses else 0
        raise ValueError(
            f"Training diverged in epoch {epoch}: the loss or the weights are no longer "
            f"finite. To mend it, {', '.join(advice)}."
        )

    # ---- From parameters to the engine's objects ----

    def _make_network(self, n_inputs, resume):
        hidden = tuple(int(size) for size in as_sizes(self.hidden_layer_sizes))
        names = self.activation
        names = [names] * len(hidden) if isinstance(names, str) else list(names)
        if len(names) != len(hidden):
            raise ValueError(
                f"The 'activation' parameter names {len(names)} functions, but "
                f"hidden_layer_sizes={self.hidden_layer_sizes!r} has {len(hidden)} layers."
            )
        n_outputs, loss, output = self._output_layer()
        network = Network(
            layer_sizes=(n_inputs, *hidden, n_outputs),
            activations=tuple(get_activation(name).name for name in names),
            loss=loss,
            output_activation=output,
        )
        if resume and network.layer_sizes != self._network.layer_sizes:
            raise ValueError(
                f"Training cannot be resumed: the fitted network has the layer sizes "
                f"{self._network.layer_sizes}, the parameters and the data ask for "
                f"{network.layer_sizes}."
            )
        return network

    def _output_activation(self, loss, called_for):
        """The name of the output activation, where `loss` calls for `called_for`."""
        name = self.output_activation
        if name == "auto":
            return called_for
        name = ALIASES.get(name, name)
        allowed = ACTIVATION_NAMES if loss == "squared_error" else (called_for,)
        if name not in allowed:
            raise ValueError(
                f"The 'output_activation' parameter of {type(self).__name__} must be "
                f"{OneOf(('auto', *allowed))} with loss={loss!r} and these targets. "
                f"Got {name!r}."
            )
        return name

    def _make_updater(self):
        if self.solver == "adam":
            return Adam(self.beta_1, self.beta_2, self.epsilon)
        if self.momentum == 0:
            return GradientDescent()
        return (Nesterov if self.nesterovs_momentum else Momentum)(self.momentum)

    def _make_task(self, network, updater, X, Y, rows, weights, horizon):
        batch_weights = None
        shuffle = self.shuffle
        if self.batch_size == "full":
            # The whole epoch is one batch: weights weigh its mean, and the order is moot.
            if weights is not None:
                batch_weights = weights.astype(X.dtype)
            weights, shuffle = None, False
        presentations = plan_presentations(
            rows, None if weights is None else weights[rows], shuffle
        )
        named = {"full": presentations.size, "auto": _AUTO_BATCH}
        batch_size = named.get(self.batch_size, self.batch_size)
        return Task(
            network=network,
            updater=updater,
            regularization=Regularization(self.alpha, self.clip_norm),
            schedule=get_schedule(self.learning_rate),
            X=X,
            Y=Y,
            presentations=presentations,
            weights=batch_weights,
            batch_size=min(batch_size, presentations.size),
            rate_init=self.learning_rate_init,
            power_t=self.power_t,
            tol=self.tol,
            patience=self.n_iter_no_change,
            horizon=horizon,
        )

    def _initial_params(self, network, scaling, rng, dtype):
        if isinstance(self.weight_init, (tuple, list)):
            weights, biases = self._given_weights(network)
            return network.pack(*scaling.unfold(weights, biases), dtype)
        weights, biases = [], []
        feeds = (*network.activations, network.output_activation)
        for (fan_in, fan_out), activation in zip(network.shapes, feeds, strict=True):
            drawn = np.asarray(self._initializer(activation)(fan_in, fan_out, rng))
            if drawn.shape != (fan_in + 1, fan_out) or not np.isfinite(drawn).all():
                raise ValueError(
                    "The callable given as 'weight_init' must return finite numbers of shape "
                    f"(fan_in + 1, fan_out) = {(fan_in + 1, fan_out)}. Got shape {drawn.shape}."
                )
            weights.append(drawn[:-1])
            biases.append(drawn[-1])
        return network.pack(weights, biases, dtype)

    def _initializer(self, activation):
        if callable(self.weight_init):
            return self.weight_init
        if self.weight_init == "auto":
            return automatic(activation)
        return get_initializer(self.weight_init)

    def _given_weights(self, network):
        coefs, intercepts = self.weight_init
        checked = []
        for name, arrays, shapes in (
            ("coefs", coefs, network.shapes),
            ("intercepts", intercepts, [shape[1:] for shape in network.shapes]),
        ):
            arrays = [
                check_array(
                    a, ensure_2d=False, dtype=np.float64, input_name=f"weight_init {name}"
                )
                for a in arrays
            ]
            given = [a.shape for a in arrays]
            if given != shapes:
                raise ValueError(
                    f"The {name} given as 'weight_init' must have the shapes {shapes}. "
                    f"Got {given}."
                )
            checked.append(arrays)
        return checked

    # ---- Running the fitted network ----

    def _forward(self, X):
        """The raw output, and the outputs of every layer, of validated rows."""
        X = X.astype(self._params.dtype, copy=False)
        if self._scaling.inputs is not None:
            X = self._scaling.inputs.transform(X)
        return self._network.forward(self._params, X)

    def _validate_rows(self, X):
        check_is_fitted(self)
        return validate_data(
            self, X, reset=False, accept_sparse="csr", dtype=_FLOATS, order="C"
        )

    def _raw_output(self, X):
        """The weighted sums of the output layer, of shape (n_samples, n_outputs)."""
        X = self._validate_rows(X)
        starts = range(0, X.shape[0], _PREDICTION_ROWS)
        return np.concatenate([self._forward(X[s : s + _PREDICTION_ROWS])[0] for s in starts])

    def get_activations(self, X, layer=-1):
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
            If there is no such layer.
        """
        X = self._validate_rows(X)
        n_layers = self._network.n_layers
        if not -n_layers <= layer < n_layers:
            raise ValueError(
                f"The 'layer' argument must be an integer >= {-n_layers} and <= "
                f"{n_layers - 1}. Got {layer!r}."
            )
        outputs = self._forward(X)[1][layer]
        if self._scaling.targets is not None and layer in (-1, n_layers - 1):
            outputs = self._scaling.targets.inverse_transform(outputs)
        return outputs

    # ---- Fitted attributes that follow the parameters ----

    def _fitted(self, name):
        """A private fitted attribute; absent before fit, as scikit-learn expects."""
        if name not in vars(self):
            raise AttributeError(
                f"This {type(self).__name__} instance is not fitted yet. Call 'fit' first."
            )
        return vars(self)[name]

    def _folded(self):
        params, network = self._fitted("_params"), self._network
        return self._scaling.fold(network.weights(params), network.biases(params))

    @property
    def coefs_(self):
        """The weights of every layer, each of shape (n_in, n_out)."""
        return self._folded()[0]

    @property
    def intercepts_(self):
        """The biases of every layer, each of shape (n_out,)."""
        return self._folded()[1]

    @property
    def n_layers_(self):
        """The number of layers of neurons, inputs and outputs included."""
        return len(self._fitted("_network").layer_sizes)

    @property
    def n_outputs_(self):
        """The number of outputs."""
        return self._fitted("_network").layer_sizes[-1]

    @property
    def out_activation_(self):
        """The name of the output activation."""
        return self._fitted("_network").output_activation

    @property
    def t_(self):
        """The number of training rows presented so far."""
        return self._fitted("_progress").samples

    @property
    def loss_curve_(self):
        """The loss of every epoch."""
        return self._fitted("history_")["loss"]

    @property
    def loss_(self):
        """The loss of the last epoch."""
        losses = self.loss_curve_
        return losses[-1] if losses else math.nan

    @property
    def best_loss_(self):
        """The smallest loss of an epoch so far."""
        return self._fitted("_progress").best_loss

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _check_weights(sample_weight, n_samples):
    """Sample weights as float64, or None where every row counts once."""
    if sample_weight is None:
        return None
    if isinstance(sample_weight, Real):
        sample_weight = np.full(n_samples, sample_weight)
    weights = check_array(
        sample_weight, ensure_2d=False, dtype=np.float64, input_name="sample_weight"
    )
    if weights.shape != (n_samples,):
        raise ValueError(
            f"sample_weight must have the shape ({n_samples},), one weight per row of X. "
            f"Got {weights.shape}."
        )
    if (weights < 0).any():
        raise ValueError(f"Negative sample_weight: they must be >= 0. Got {weights.min():g}.")
    if not weights.any():
        raise ValueError("All entries of sample_weight are zero: a positive weight is needed.")
    return None if (weights == 1).all() else weights


def _write_down(record, history):
    history["epoch"].append(record.epoch)
    history["loss"].append(record.loss)
    history["learning_rate"].append(record.learning_rate)
    history["seconds"].append(record.seconds)
    if "sum_squared_error" in history:
        history["sum_squared_error"].append(2 * record.data_loss_sum)


def _line(record, history, verbose):
    """An epoch in the textbook's form."""
    line = f">epoch={record.epoch}, lrate={record.learning_rate:.3f}, "
    if "sum_squared_error" in history:
        line += f"error={history['sum_squared_error'][-1]:.3f}"
    else:
        line += f"loss={record.loss:.3f}"
    if verbose > 1:
        line += f", loss={record.loss:.8f}, seconds={record.seconds:.6f}"
    return line
