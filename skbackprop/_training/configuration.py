"""From the parameters of an estimator to what training goes by: every "auto" is resolved here.

The objects made here hold plain Python numbers and names, whatever subclasses of them the
parameters are. A parameter that the chosen solver has no use for is ignored, as in
scikit-learn; one that would change the result, and cannot, is refused.
docs/default_variants.md tells how the constants were measured.
"""

import math
from numbers import Real

import numpy as np
from sklearn.base import is_classifier

from .._engine.activations import ALIASES, Activation, name_if_built_in
from .._engine.early_stopping import EarlyStopping
from .._engine.losses import Loss, allowed_outputs, loss_name
from .._engine.network import Network
from .._engine.regularization import Regularization
from .._engine.schedules import CONSTANT, COSINE, LINEAR, get_schedule
from .._engine.solvers import Solver, get_solver
from .._engine.solvers.solver import check_declarations
from .._engine.training import TrainingConfig, TrainingProblem
from .._parameters import Options, as_sizes
from .._preprocessing.sample_weight import effective_sample_size

# Four and ten bins were as accurate on 17 small tables as six, within their noise.
_MOST_BINS = 6
_LARGEST_AUTO_LAYER = 256
# On so many rows saturated neurons are looked for.
_PROBED_ROWS = 32
# Schedules that reach zero at the end of the plan, where training ends by itself.
PLANNED = (LINEAR, COSINE)

# An epoch's penalty, against the summed loss of all rows: the share of noise in the targets
# times this, as if each weight came from a normal distribution of variance 1 / _PRIOR, however
# many rows there are.
_PRIOR = 12.0
# The noise is read from nearest neighbors. They lie some distance away, so that even targets
# without noise differ a little: this much of the share is not noise.
_FROM_DISTANCE = 0.05
_WEAKEST, _STRONGEST = 0.5, 8.0
# From so many samples on, that is where the search of `alpha_selection` starts.
_FEWEST_TO_SEARCH = 1000
_SAMPLES_USED, _SAMPLES_USED_BY_ADAM = 3_000_000, 1_000_000
_FEWEST_EPOCHS, _MOST_EPOCHS = 5, 60
# From so many samples on, Adam is as accurate as online learning in half the time or less.
_FEWEST_FOR_ADAM = {"classifier": 5000, "regressor": 10_000}
_EPOCHS_UNTIL_TOL = 200
_TOL = 1e-4


def resolve_config(estimator, network, solver, data):
    """Return what every parameter comes to for one call of training.

    Parameters
    ----------
    estimator : BaseBackprop
        Its parameters are checked.
    network : Network
    solver : Solver
    data : TrainingData

    Returns
    -------
    config : TrainingConfig
    """
    size = data.sampler.size
    batch_size = resolve_batch_size(estimator, solver, size)
    max_epochs = 1 if data.is_stream else resolve_max_epochs(estimator, solver, size)
    schedule, length = resolve_schedule(estimator, solver, data, max_epochs)
    alpha = resolve_alpha(estimator, data, batch_size / size)
    return TrainingConfig(
        network=network,
        solver=solver,
        regularization=make_regularization(estimator, network, solver, alpha),
        schedule=schedule,
        batch_size=batch_size,
        learning_rate_init=resolve_learning_rate(estimator, solver),
        power_t=float(estimator.power_t),
        max_epochs=max_epochs,
        schedule_length=length,
        early_stopping=resolve_early_stopping(estimator, solver, data.validation),
        expects_signal=(
            data.X is not None
            and estimator.learning_rate_init != "auto"
            and shows_signal(data.noise)
        ),
    )


def make_problem(estimator, config, data):
    """Return the problem of training on samples in memory."""
    config.solver.check_size(config.network, len(data.rows))
    evaluate = None
    if data.validation is not None:
        evaluate = data.validation.make_evaluator(estimator, config.network, data.scaling)
    probe = None if data.is_stream else data.X[data.rows[:_PROBED_ROWS]]
    return TrainingProblem(
        config, data.X, data.Y, data.sampler, data.batch_weights, evaluate, probe
    )


# ---- The inputs ----


def resolve_max_bins(estimator):
    """Return how many bins a numeric column has at most; 0 is none."""
    return _MOST_BINS if estimator.numeric_encoding == "piecewise_linear" else 0


# ---- The network ----


def hidden_sizes(hidden_layer_sizes, n_inputs, n_outputs, n_rows):
    """The hidden layers as a tuple of ints.

    "auto" is one layer of half as many neurons as there are inputs and outputs together,
    Weka's "a"; no more than a neuron for every two rows, and no more than 256.
    """
    if isinstance(hidden_layer_sizes, str):
        between = -(-(n_inputs + n_outputs) // 2)
        return (max(2, min(between, n_rows // 2, _LARGEST_AUTO_LAYER)),)
    return tuple(int(size) for size in as_sizes(hidden_layer_sizes))


def one_per_layer(name, values, hidden, hidden_layer_sizes):
    """A parameter's value for each hidden layer."""
    if isinstance(values, (str, Real, Activation)):
        return [values] * len(hidden)
    values = list(values)
    if len(values) != len(hidden):
        raise ValueError(
            f"The {name!r} parameter has {len(values)} values, one per hidden layer, but "
            f"hidden_layer_sizes={hidden_layer_sizes!r} has {len(hidden)} layers."
        )
    return values


def resolve_output_layer(estimator, encoder):
    """Return the `OutputLayer` that the parameters and the targets ask for."""
    loss = encoder.default_loss if estimator.loss == "auto" else loss_name(estimator.loss)
    quantiles = _quantiles(estimator) if loss == "quantile" else ()
    layer = encoder.output_layer(loss, quantiles)
    activation = _resolve_output_activation(estimator, loss, layer.activation)
    return layer._replace(activation=activation)


def _quantiles(estimator):
    given = estimator.quantile
    quantiles = tuple(map(float, (given,) if isinstance(given, Real) else given))
    if not quantiles:
        raise ValueError("The 'quantile' parameter must hold a number. Got none.")
    return quantiles


def _resolve_output_activation(estimator, loss, called_for):
    """Return the name of the output activation, where the targets call for `called_for`."""
    name = estimator.output_activation
    if isinstance(loss, Loss):
        called_for = loss.output_activation
        allowed = (called_for,)
    else:
        allowed = tuple(
            output
            for output in allowed_outputs(loss)
            if loss != "log_loss" or output == called_for
        )
    if name == "auto":
        return called_for
    name = ALIASES.get(name, name)
    if name not in allowed:
        shown = loss.name if isinstance(loss, Loss) else loss
        raise ValueError(
            f"The 'output_activation' parameter of {type(estimator).__name__} must be "
            f"{Options(('auto', *allowed))} with loss={shown!r} and these targets. "
            f"Got {name!r}."
        )
    return allowed[allowed.index(name)]  # a plain str, whatever kind of str was given


def make_network(estimator, n_inputs, hidden, output_layer):
    """Return the network that the parameters describe.

    Parameters
    ----------
    estimator : BaseBackprop
    n_inputs : int
    hidden : tuple of int
    output_layer : OutputLayer
    """
    names = one_per_layer(
        "activation", estimator.activation, hidden, estimator.hidden_layer_sizes
    )
    return Network(
        layer_sizes=(n_inputs, *hidden, output_layer.n_outputs),
        # Names are what the kernel knows, and what a file should hold.
        activations=tuple(map(name_if_built_in, names)),
        loss=output_layer.loss,
        output_activation=output_layer.activation,
        loss_options=output_layer.loss_options,
    )


# ---- The solver, and what it goes by ----


def solver_class(estimator):
    """Return the class of solvers, or the object that a user wrote.

    Whatever "auto" comes to declares the same of full batches, the whole problem and held-out
    rows.
    """
    return get_solver("sgd" if estimator.solver == "auto" else estimator.solver)


def resolve_solver(estimator, n_samples):
    """Return the name of the solver for an epoch of so many samples, or a user's object.

    A parameter that is for "sgd", or whose meaning depends on the solver, and that was set,
    speaks for "sgd".
    """
    if estimator.solver != "auto":
        return estimator.solver
    may_use_adam = (
        (estimator.batch_size, estimator.learning_rate_init) == ("auto", "auto")
        and estimator.alpha in ("auto", 0)
        and estimator.momentum == 0
        and estimator.learning_rate in ("auto", *get_solver("adam").schedules)
    )
    fewest = _FEWEST_FOR_ADAM["classifier" if is_classifier(estimator) else "regressor"]
    return "adam" if may_use_adam and n_samples >= fewest else "sgd"


def make_solver(estimator, n_samples=0):
    """Return the solver with its settings, for an epoch of so many samples."""
    solver = get_solver(resolve_solver(estimator, n_samples))
    if isinstance(solver, Solver):
        return solver
    params = {name: getattr(estimator, name) for name in solver.parameters}
    if "tol" in params:
        params["tol"] = resolve_tol(estimator, solver) or 0.0
    return solver.from_params(params)


def make_checked_solver(estimator, network, n_samples=0):
    """Return the solver for so many samples an epoch; raise an error for what it cannot train.

    A parameter that would change the result, and cannot with this solver, is refused.
    """
    solver = make_solver(estimator, n_samples)
    if solver is estimator.solver:
        check_declarations(solver)
    for name in solver.refused:
        value = getattr(estimator, name)
        if np.any(np.asarray(value, dtype=float) > 0):
            raise ValueError(
                f"The {name!r} parameter has no meaning for solver={solver.name!r}, and must "
                f"be {None if name == 'max_norm' else 0}. Got {value!r}."
            )
    solver.check_network(network)
    return solver


def is_full_batch(estimator):
    """Return whether an epoch is one batch."""
    return solver_class(estimator).full_batch or estimator.batch_size == "full"


def resolve_batch_size(estimator, solver, epoch_size):
    """Return the number of samples in a batch, of an epoch of so many."""
    if solver.full_batch or estimator.batch_size == "full":
        return epoch_size
    size = estimator.batch_size
    return min(int(solver.default_batch_size if size == "auto" else size), epoch_size)


def resolve_learning_rate(estimator, solver):
    """Return the learning rate of the first epoch, before a schedule changes it."""
    if estimator.learning_rate_init != "auto":
        return float(estimator.learning_rate_init)
    return float(solver.default_learning_rate)


def resolve_schedule(estimator, solver, data, max_epochs):
    """Return the schedule of the learning rate, and the epoch at which it ends."""
    schedule, length = _schedule_of_fit(estimator, solver), data.epochs_before + max_epochs
    if data.is_stream and schedule in PLANNED:
        if "auto" in (estimator.learning_rate, estimator.max_iter):
            return CONSTANT, length  # there is no end to plan for
        return schedule, int(estimator.max_iter)
    return schedule, length


def _schedule_of_fit(estimator, solver):
    """As in scikit-learn, two schedules are for plain gradient descent alone."""
    name = estimator.learning_rate
    schedule = LINEAR if name == "auto" else get_schedule(name)
    follows = not solver.full_batch and schedule.name in solver.schedules
    return schedule if follows else CONSTANT


def resolve_max_epochs(estimator, solver, epoch_size):
    """Return the number of epochs of `fit`, each of so many samples."""
    if estimator.max_iter != "auto":
        return int(estimator.max_iter)
    if _schedule_of_fit(estimator, solver) not in PLANNED:
        return _EPOCHS_UNTIL_TOL
    samples_used = _SAMPLES_USED_BY_ADAM if solver.scales_steps else _SAMPLES_USED
    return max(_FEWEST_EPOCHS, min(_MOST_EPOCHS, samples_used // epoch_size))


# ---- Regularization ----


def make_regularization(estimator, network, solver, alpha):
    """Penalties and limits; solvers that need full batches take gradients as they are."""
    hidden = network.layer_sizes[1:-1]
    dropout = one_per_layer("dropout", estimator.dropout, hidden, estimator.hidden_layer_sizes)
    clip_norm = None if solver.full_batch else estimator.clip_norm
    return Regularization(
        alpha=alpha,
        l1=float(estimator.l1),
        weight_decay=float(estimator.weight_decay),
        clip_norm=float_or_none(clip_norm),
        max_norm=float_or_none(estimator.max_norm),
        dropout=tuple(map(float, dropout)) if any(dropout) else (),
    )


def resolve_alpha(estimator, data, batch_share):
    """Return the L2 penalty, where a batch is this share of an epoch."""
    if needs_noise_estimate(estimator, data.is_stream):
        return l2_strength(data.noise) * batch_share
    return streaming_alpha(estimator)


def streaming_alpha(estimator):
    """Return the L2 penalty of `partial_fit`."""
    return 0.0 if estimator.alpha == "auto" else float(estimator.alpha)


def needs_noise_estimate(estimator, is_stream):
    """Return whether the L2 penalty depends on how noisy the targets are."""
    return estimator.alpha == "auto" and not is_stream


def needs_alpha_search(rows, weights):
    """Return whether the samples are enough to choose the L2 penalty by some of them.

    Parameters
    ----------
    rows : ndarray of int64
        The samples to train on; copies have been merged where they are shuffled.
    weights : ndarray of shape (n,) or None
        Of all samples.
    """
    size = len(rows) if weights is None else effective_sample_size(weights[rows])
    return size >= _FEWEST_TO_SEARCH


def l2_strength(noise):
    """Return the L2 penalty of an epoch, for a share of noise in the targets."""
    return min(max(_PRIOR * (noise - _FROM_DISTANCE), _WEAKEST), _STRONGEST)


def shows_signal(noise):
    """Return whether the targets were found to depend on the inputs."""
    return noise is not None and l2_strength(noise) < _STRONGEST


# ---- When to stop ----


def resolve_tol(estimator, solver):
    """Return what counts as an improvement; None where training ends as planned."""
    if estimator.tol != "auto":
        return float_or_none(estimator.tol)
    ends_as_planned = (
        _schedule_of_fit(estimator, solver) in PLANNED and not estimator.early_stopping
    )
    return None if ends_as_planned else _TOL


def resolve_early_stopping(estimator, solver, validation):
    """Return the rule that ends training early."""
    monitor = "loss"
    if estimator.early_stopping and validation is not None:
        monitor = "validation_loss" if estimator.scoring is None else "validation_score"
    ends_by_gradient = solver.whole_problem and monitor == "loss"
    return EarlyStopping(
        monitor,
        tol=resolve_tol(estimator, solver),
        patience=math.inf if ends_by_gradient else float(estimator.n_iter_no_change),
        keeps_best=monitor != "loss" and estimator.restore_best,
    )


def float_or_none(value):
    """Return a parameter that is a number as a float, or None."""
    return None if value is None else float(value)
