"""``alpha="auto"`` from many samples on: the L2 penalty that does best on held-out samples.

With many samples, the penalty that the noise estimate calls for can be far too weak, so that
the network overfits. So a few multiples of it are tried, each in a short run from the same
initial weights and in the same order of samples. As it is unknown which way to go, the first
two say whether the third is weaker or stronger.
"""

from dataclasses import replace
from math import inf, isfinite

import numpy as np

from .._engine.early_stopping import EarlyStopping
from .._engine.training import TrainingProblem, mean_loss, train

HELD_OUT_SHARE = 0.2
# A run takes a fourth of the epochs of `fit`, and so many at most: the order of penalties is
# known by then.
_PART_OF_EPOCHS, _MOST_EPOCHS = 4, 15
_FACTORS = (0.25, 1.0, 4.0, 16.0)


def empty_selection():
    """Return the record of a penalty that no held-out samples chose."""
    return {"factor": [], "alpha": [], "validation_loss": []}


def search_alpha(problem, split, state, verbose):
    """Try L2 penalties around that of a problem.

    Parameters
    ----------
    problem : TrainingProblem
    split : AlphaSplit
    state : TrainState
        Where training starts; it stays as it is.
    verbose : bool or int
        Whether to print what is found.

    Returns
    -------
    selection : dict of lists
        What was tried: "factor", by which the penalty is multiplied, ascending; "alpha"; and
        "validation_loss". Empty where `fit` has too few epochs, or every run diverged.
    """
    config = problem.config
    max_epochs = min(config.max_epochs // _PART_OF_EPOCHS, _MOST_EPOCHS)
    if max_epochs == 0:
        return empty_selection()
    trial = _trial_problem(problem, split, max_epochs)
    X, Y = problem.X[split.held_out], problem.Y[split.held_out]
    losses = {}

    def try_factor(factor):
        params = _train_briefly(with_alpha_times(trial, factor), state)
        loss = mean_loss(config.network, params, X, Y, split.weights)
        losses[factor] = loss if isfinite(loss) else inf
        if verbose:
            alpha = factor * config.regularization.alpha
            print(f"alpha={alpha:.3g}: validation loss {losses[factor]:.4f}")
        return losses[factor]

    weakest, usual, strong, strongest = _FACTORS
    try_factor(weakest if try_factor(usual) <= try_factor(strong) else strongest)
    if min(losses.values()) == inf:
        return empty_selection()
    factors = sorted(losses)
    return {
        "factor": factors,
        "alpha": [factor * config.regularization.alpha for factor in factors],
        "validation_loss": [losses[factor] for factor in factors],
    }


def _trial_problem(problem, split, max_epochs):
    """Return the problem without the held-out samples, with the same penalty of an epoch."""
    config, sampler = problem.config, split.sampler
    batch_size = min(config.batch_size, sampler.size)
    batch_share = config.batch_size / problem.sampler.size
    short = replace(
        config,
        max_epochs=max_epochs,
        schedule_length=max_epochs,
        batch_size=batch_size,
        early_stopping=EarlyStopping(),
    )
    trial = TrainingProblem(short, problem.X, problem.Y, sampler, split.batch_weights)
    return with_alpha_times(trial, batch_size / sampler.size / batch_share)


def _train_briefly(problem, state):
    """Return the parameters after the epochs of a problem; `state` stays as it is."""
    state = state.snapshot()

    def is_last(record):
        return state.counters.epochs == problem.config.max_epochs or not isfinite(record.loss)

    train(problem, state.params, state.solver_state, state.counters, state.rng, is_last)
    return state.params


def selected_factor(selection):
    """Return the factor of the smallest loss and, among equal losses, the largest; else 1."""
    if not selection["factor"]:
        return 1.0
    losses = np.array(selection["validation_loss"][::-1])
    return selection["factor"][::-1][int(np.argmin(losses))]


def with_alpha_times(problem, factor):
    """Return the same problem with so many times its L2 penalty."""
    regularization = problem.config.regularization
    regularization = replace(regularization, alpha=factor * regularization.alpha)
    return replace(problem, config=replace(problem.config, regularization=regularization))
