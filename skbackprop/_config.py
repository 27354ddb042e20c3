"""From the parameters of an estimator to the objects of the engine.

These hold plain Python numbers and names, whatever subclasses of them the parameters are.
A parameter that the chosen solver has no use for is ignored, as in scikit-learn; one that
would change the result, and cannot, is refused.
"""

from numbers import Real

import numpy as np
from sklearn.utils import check_array

from ._auto_parameters import (
    float_or_none,
    make_solver,
    resolve_alpha,
    resolve_batch_size,
    resolve_learning_rate,
    resolve_max_epochs,
    resolve_monitor,
    resolve_patience,
    resolve_schedule,
    resolve_tol,
    shows_signal,
)
from ._parameters import as_sizes
from .engine.activations import Activation, name_if_built_in
from .engine.initializers import automatic, get_initializer, glorot_uniform, mlp_uniform
from .engine.network import Network
from .engine.regularization import Regularization
from .engine.training import TrainingConfig, TrainingProblem

_LARGEST_AUTO_LAYER = 256
# On so many rows saturated neurons are looked for.
_PROBED_ROWS = 32


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


def make_network(estimator, n_inputs, hidden, output_layer):
    """The network that the parameters describe.

    Parameters
    ----------
    estimator : BaseBackprop
    n_inputs : int
    hidden : tuple of int
    output_layer : tuple
        Number of outputs, loss, output activation, and the loss's options.
    """
    names = one_per_layer(
        "activation", estimator.activation, hidden, estimator.hidden_layer_sizes
    )
    n_outputs, loss, output, options = output_layer
    return Network(
        layer_sizes=(n_inputs, *hidden, n_outputs),
        # Names are what the kernel knows, and what a file should hold.
        activations=tuple(map(name_if_built_in, names)),
        loss=loss,
        output_activation=output,
        loss_options=options,
    )


def make_checked_solver(estimator, network):
    """Return the solver; raise an error for what it cannot train.

    A parameter that would change the result, and cannot with this solver, is refused.
    """
    solver = make_solver(estimator)
    for name in solver.refused:
        value = getattr(estimator, name)
        if np.any(np.asarray(value, dtype=float) > 0):
            raise ValueError(
                f"The {name!r} parameter has no meaning for solver={solver.name!r}, and must "
                f"be {None if name == 'max_norm' else 0}. Got {value!r}."
            )
    solver.check_network(network)
    return solver


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
    batch_size = resolve_batch_size(estimator, size)
    max_epochs = 1 if data.is_stream else resolve_max_epochs(estimator, size)
    schedule, length = resolve_schedule(estimator, data, max_epochs)
    alpha = resolve_alpha(estimator, data, batch_size / size)
    monitor = resolve_monitor(estimator, data.validation)
    return TrainingConfig(
        network=network,
        solver=solver,
        regularization=make_regularization(estimator, network, solver, alpha),
        schedule=schedule,
        batch_size=batch_size,
        learning_rate_init=resolve_learning_rate(estimator),
        power_t=float(estimator.power_t),
        max_epochs=max_epochs,
        schedule_length=length,
        tol=resolve_tol(estimator),
        patience=resolve_patience(estimator, monitor),
        monitor=monitor,
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


def has_given_weights(estimator):
    """Whether the initial weights are given, and not drawn."""
    return isinstance(estimator.weight_init, (tuple, list))


def given_params(estimator, network, scaling, dtype):
    """The given initial weights, which are those of a network on raw inputs and outputs."""
    given = _check_given(estimator.weight_init, network)
    with np.errstate(over="ignore"):
        params = network.pack(*scaling.unfold(*given), dtype)
    if not np.isfinite(params).all():
        raise ValueError(
            "The numbers given as 'weight_init', which are multiplied by the scale of X with "
            f"standardize=True, are too large for {np.dtype(dtype)}, the dtype of X. Scale X, "
            "or give it as float64."
        )
    return params


def drawn_params(estimator, network, rng, dtype):
    """Initial weights drawn layer by layer."""
    drawn = [draw_layer(estimator, network, layer, rng) for layer in range(network.n_layers)]
    return network.pack([layer[:-1] for layer in drawn], [layer[-1] for layer in drawn], dtype)


def draw_layer(estimator, network, layer, rng):
    """The initial weights of one layer of neurons, its biases in the last row."""
    fan_in, fan_out = network.shapes[layer]
    drawn = np.asarray(
        _initializer(estimator.weight_init, network, layer)(fan_in, fan_out, rng)
    )
    if drawn.shape != (fan_in + 1, fan_out) or not np.isfinite(drawn).all():
        raise ValueError(
            "The callable given as 'weight_init' must return finite numbers of shape "
            f"(fan_in + 1, fan_out) = {(fan_in + 1, fan_out)}. Got shape {drawn.shape}."
        )
    return drawn


def _initializer(weight_init, network, layer):
    if callable(weight_init):
        return weight_init
    if weight_init == "mlp":
        return mlp_uniform if "logistic" in network.activations else glorot_uniform
    if weight_init == "auto":
        hidden = layer < len(network.activations)
        feeds = network.activations[layer] if hidden else network.output_activation
        return automatic(feeds)
    return get_initializer(weight_init)


def _check_given(weight_init, network):
    checked = []
    for name, arrays, shapes in (
        ("coefs", weight_init[0], network.shapes),
        ("intercepts", weight_init[1], [shape[1:] for shape in network.shapes]),
    ):
        arrays = [
            check_array(a, ensure_2d=False, dtype=np.float64, input_name=f"weight_init {name}")
            for a in arrays
        ]
        given = [a.shape for a in arrays]
        if given != shapes:
            raise ValueError(
                f"The {name} given as 'weight_init' must have the shapes {shapes}. Got {given}."
            )
        checked.append(arrays)
    return checked
