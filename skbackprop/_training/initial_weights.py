"""The initial weights: drawn by the rule of `weight_init`, or given."""

import numpy as np
from sklearn.utils import check_array

from .._engine.initializers import automatic, get_initializer, glorot_uniform, mlp_uniform


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
