"""Whether what a file holds is consistent in itself: a file may be forged."""

from dataclasses import fields

import numpy as np

from ..engine.activations import ACTIVATIONS
from ..engine.lbfgs import LBFGS
from ..engine.levenberg_marquardt import LevenbergMarquardt
from ..engine.losses import LOSSES
from ..engine.network import Network
from ..engine.schedules import MONITORS, Progress
from ..engine.updaters import UPDATERS
from ..labels import MULTILABEL, MULTIOUTPUT, SINGLE, Labels
from ..scaling import Scaling, Standardizer
from ._values import is_a, require


def check_network(network):
    require(isinstance(network, Network), "its network is none")
    sizes = network.layer_sizes
    sound = (
        isinstance(sizes, tuple)
        and len(sizes) >= 2
        and all(is_a(int, size) and size >= 1 for size in sizes)
    )
    require(sound, f"its network has the layer sizes {sizes}")
    known = [row.name for row in ACTIVATIONS]
    sound = (
        isinstance(network.activations, tuple)
        and len(network.activations) == len(sizes) - 2
        and all(name in known for name in network.activations)
    )
    require(sound, f"its network has the activations {network.activations}")
    loss = (network.loss, network.output_activation)
    known = [(row.name, row.output_activation) for row in LOSSES]
    require(loss in known, f"it has the loss {loss}")
    options = network.loss_options
    if loss == ("log_loss", "softmax"):
        sound = not options or sum(options) == sizes[-1]
        sound = sound and all(is_a(int, size) and size >= 1 for size in options)
    elif network.loss == "quantile":
        sound = len(options) == sizes[-1] and all(0 < quantile < 1 for quantile in options)
    else:
        sound = options == ()
    require(sound and isinstance(options, tuple), f"its loss has the options {options}")


def _n_params(network):
    """In Python's integers, which do not overflow."""
    return sum((n_in + 1) * n_out for n_in, n_out in network.shapes)


def _is_array(value, dtype, shape):
    return isinstance(value, np.ndarray) and value.dtype == dtype and value.shape == shape


def check_standing(standing, network):
    params, n = standing.params, _n_params(network)
    require(isinstance(params, np.ndarray), "it has no weights")
    dtype = params.dtype
    require(dtype in (np.float32, np.float64), f"its weights have the dtype {dtype}")
    for values in (params, standing.best):
        sound = _is_array(values, dtype, (n,)) and np.isfinite(values).all()
        require(sound, f"its weights are not {n} finite numbers")
    updater = standing.updater
    require(
        isinstance(updater, (LBFGS, LevenbergMarquardt, *UPDATERS)), "it has no update rule"
    )
    for field in fields(updater):
        value = getattr(updater, field.name)
        sound = is_a((int, float), value) and value >= 0
        require(sound, f"its update rule has {field.name}={value!r}")
    sound = _is_array(standing.slots, dtype, (updater.n_slots, n))
    require(sound, "what its update rule remembers has another shape")
    require(isinstance(standing.rng, np.random.RandomState), "it has no random generator")
    _check_progress(standing.progress)


def _check_progress(progress):
    require(isinstance(progress, Progress), "it has no progress")
    for field in fields(Progress):
        value = getattr(progress, field.name)
        if field.type is int:
            sound = is_a(int, value) and 0 <= value < 2**63
        elif field.type is str:
            sound = value in MONITORS
        else:
            sound = is_a((float, np.floating), value)
        require(sound, f"its progress has {field.name}={value!r}")
    require(progress.seed < 2**31, f"its seed is {progress.seed}")


def _check_history(history):
    sound = (
        isinstance(history, dict)
        and "loss" in history
        and all(
            isinstance(name, str)
            and isinstance(column, list)
            and all(is_a((int, float, np.floating), value) for value in column)
            for name, column in history.items()
        )
    )
    require(sound, "its history does not hold columns of numbers")
    require(len({len(column) for column in history.values()}) == 1, "its history is ragged")


def check_scaling(scaling, network):
    require(isinstance(scaling, Scaling), "its scaling is none")
    require(isinstance(scaling.through_exp, bool), "its scaling is not sound")
    ends = (
        (scaling.inputs, network.layer_sizes[0]),
        (scaling.targets, network.layer_sizes[-1]),
    )
    for standardizer, n in ends:
        if standardizer is None:
            continue
        sound = isinstance(standardizer, Standardizer) and all(
            _is_array(values, np.float64, (n,)) and np.isfinite(values).all()
            for values in (standardizer.mean, standardizer.scale)
        )
        require(sound and (standardizer.scale > 0).all(), "its scaling is not sound")
        limits = standardizer.limits
        if limits is not None:
            sound = _is_array(limits, np.float64, (2, n)) and (limits[0] <= limits[1]).all()
            require(sound, "the limits of its inputs are not sound")


def check_attributes(fitted, network):
    _check_history(fitted["history_"])
    n_features, names = fitted["n_features_in_"], fitted.get("feature_names_in_")
    require(n_features == network.layer_sizes[0], f"it is for {n_features} inputs")
    if names is not None:
        require(_is_array(names, object, (n_features,)), "its inputs' names are not sound")
    require(is_a(int, fitted["n_iter_"]) and fitted["n_iter_"] >= 0, "n_iter_ is not sound")
    require(isinstance(fitted["converged_"], bool), "converged_ is neither true nor false")
    alpha = fitted["alpha_"]
    require(is_a((int, float), alpha) and 0 <= alpha < np.inf, "alpha_ is not sound")
    require(fitted["engine_"] in ("compiled", "numpy"), "engine_ is not sound")
    examined = fitted["_examined"]
    sound = isinstance(examined, tuple) and [type(value) for value in examined] == [bool, bool]
    require(sound, "what was examined is not sound")
    totals = fitted.get("_class_totals", [])
    sound = isinstance(totals, list) and all(
        isinstance(column, dict) and all(is_a((int, float), total) for total in column.values())
        for column in totals
    )
    require(sound, "the totals of its classes are not sound")


def check_labels(labels, network):
    require(isinstance(labels, Labels), "it has no labels")
    require(labels.kind in (SINGLE, MULTILABEL, MULTIOUTPUT), "its labels are of no known kind")
    several = labels.kind == MULTIOUTPUT
    require(isinstance(labels.classes, list if several else np.ndarray), "it has no classes")
    for classes in labels.per_column:
        sound = isinstance(classes, np.ndarray) and classes.ndim == 1 and classes.size >= 1
        require(sound and (classes[:-1] < classes[1:]).all(), "its classes are not in order")
    n_outputs = network.layer_sizes[-1]
    sound = labels.share_one_output(n_outputs) or sum(labels.blocks) == n_outputs
    require(sound, "its classes are not its outputs")


def check_targets(flat, n_targets, network):
    sound = is_a(int, n_targets) and n_targets >= 1 and isinstance(flat, bool)
    require(sound and (n_targets == 1 or not flat), "its targets are not sound")
    n_outputs, quantiles = network.layer_sizes[-1], 1
    if network.loss == "quantile":
        quantiles = n_outputs // n_targets
        same = network.loss_options == network.loss_options[:quantiles] * n_targets
        require(same, "its quantiles differ between targets")
    require(n_outputs == n_targets * quantiles, "its targets are not its outputs")
