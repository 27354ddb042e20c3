"""What went wrong in training, and what to do about it."""

import math

import numpy as np
from scipy.sparse import issparse

from .._warnings import warn_caller
from .configuration import PLANNED

# So many standard deviations from zero, sparse columns, which are not centered, are too far.
_LARGE_INPUT = 100.0


def cut_short(problem, result):
    """Return why training ended too early, and what to do about it; None if it did not."""
    if result.converged or result.stopped_early:
        return None
    why = problem.config.solver.explain_end(result.outcome)
    if why is not None:
        return f"Training stopped after {len(result.records)} epochs, because {why}"
    rule = problem.config.early_stopping
    if rule.tol is None or problem.config.schedule in PLANNED:
        return None
    if math.isinf(rule.patience):
        reason = f"with a gradient still larger than tol={rule.tol:g}"
    else:
        reason = f"with the {rule.monitor.replace('_', ' ')} still improving"
    return (
        f"Training stopped after max_iter={problem.config.max_epochs} epochs {reason}. Raise "
        "max_iter, or set tol=None if that is intended."
    )


def warn_of_inputs(problem, train_state, estimator):
    """Warn of inputs that saturate the neurons of a network before its training."""
    layer = problem.saturated_layer(train_state.params)
    # What is flat on one side only is no matter of size; what was trained before is no start.
    if layer.on_both_sides and not train_state.counters.epochs:
        column, size = _largest_input(problem, estimator)
        warn_caller(
            f"{_saturated(problem, layer)} before training, with weighted sums up to "
            f"{layer.largest_sum:g}, and did not learn. Scale X (column {column!r} reaches "
            f"{size:g}), for example by MinMaxScaler, set standardize=True, or choose a "
            "weight_init of smaller weights."
        )


def _largest_input(problem, estimator):
    """Return the name of the column with the largest input, and its size."""
    values = problem.probe.toarray() if issparse(problem.probe) else problem.probe
    sizes = np.abs(values).max(axis=0)
    column = int(np.argmax(sizes))
    encoder, size = estimator._input_encoder, float(sizes[column])
    if encoder.is_identity and not hasattr(estimator, "feature_names_in_"):
        return column, size
    return str(estimator.get_feature_names_out()[column]), size


def _saturated(problem, layer):
    return (
        f"Every neuron of hidden layer {layer.number} (activation="
        f"{problem.config.network.hidden[layer.number].name!r}) is saturated on all samples"
    )


def unstable_parameters(problem):
    """Return the names of penalties of which one update takes all of a weight, or more."""
    if problem.config.solver.full_batch:
        return []
    # A rate that is too large is not their fault.
    rate = min(problem.config.learning_rate_init, problem.config.solver.default_learning_rate)
    factors = {
        "alpha": rate * problem.config.regularization.alpha / problem.config.batch_size,
        "weight_decay": rate * problem.config.regularization.weight_decay,
    }
    return [name for name, factor in factors.items() if factor >= 1]


def divergence_message(counters):
    """Return what training that diverged came to."""
    return (
        f"Training diverged in epoch {max(0, counters.epochs - 1)}. Solver produced non-finite "
        "parameter weights. The input data may contain large values and need to be "
        "preprocessed."
    )


def collapse_message(problem, params):
    """Return why the trained network is of no use, or None."""
    layer = problem.saturated_layer(params)
    if layer is not None:
        return (
            f"{_saturated(problem, layer)} after training, so that the network predicts the "
            "same for all of them."
        )
    if problem.lost_signal(params):
        return "After training the network predicts the same for all samples."
    return None


def advice_for(estimator, problem, unstable):
    """Return what to do about it."""
    if unstable:
        values = [(name, getattr(problem.config.regularization, name)) for name in unstable]
        return ", ".join(f"lower {name} (now {value:g})" for name, value in values)
    advice = [f"lower learning_rate_init (now {problem.config.learning_rate_init:g})"]
    if not estimator.standardize:
        advice.append("set standardize=True or scale X")
    elif problem.probe is not None and _largest_input(problem, estimator)[1] > _LARGE_INPUT:
        column, size = _largest_input(problem, estimator)
        advice.insert(0, f"scale X (column {column!r} reaches {size:g} standard deviations)")
    momentum = getattr(problem.config.solver, "momentum", 0)
    if momentum:
        advice.append(f"lower momentum (now {momentum:g})")
    return ", ".join(advice)
