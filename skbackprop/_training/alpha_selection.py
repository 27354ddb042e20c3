"""``alpha="auto"`` with many samples: the L2 penalty that does best on held-out samples.

How noisy the targets are tells how strong the penalty should be of few samples, and less and
less of many, where a weak one lets the network learn the noise by heart. So a few strengths are
tried, each in a short run from the same initial weights and in the same order of samples. As
it is unknown which way to go, the first two say whether the third is weaker or stronger.
"""

from dataclasses import replace
from math import floor, inf, isfinite

import numpy as np

from .._engine.early_stopping import EarlyStopping
from .._engine.training import TrainingProblem, mean_loss, train

# The share of the samples that are held out.
HELD_OUT_SHARE = 0.2
# A run takes this share of the epochs of `fit`: three of them take less time than one `fit`.
_SHARE_OF_EPOCHS = 0.25
_FACTORS = (0.25, 1.0, 4.0, 16.0)


def empty_selection():
    """Return the record of a penalty that no held-out samples chose."""
    return {"alpha": [], "validation_loss": []}


def select_alpha(problem, held_out, state, verbose):
    """Choose the L2 penalty of a problem, around the one that it has.

    Parameters
    ----------
    problem : TrainingProblem
    held_out : HeldOut
        The samples to choose by.
    state : TrainState
        Where training starts; it stays as it is.
    verbose : bool or int
        Whether to print what is found.

    Returns
    -------
    selection : dict of lists
        What was tried: "alpha", ascending, and "validation_loss". Empty where `fit` has too
        few epochs.
    """
    max_epochs = floor(_SHARE_OF_EPOCHS * problem.config.max_epochs)
    if max_epochs == 0:
        return empty_selection()
    trial = _trial_problem(problem, held_out, max_epochs)
    validation = problem.X[held_out.rows], problem.Y[held_out.rows], held_out.weights
    losses = {}

    def loss_of(factor):
        params = _train_briefly(_with_alpha_times(trial, factor), state)
        loss = mean_loss(problem.config.network, params, *validation)
        losses[factor] = loss if isfinite(loss) else inf
        if verbose:
            alpha = factor * problem.config.regularization.alpha
            print(f"alpha={alpha:.3g}: validation loss {losses[factor]:.4f}")
        return losses[factor]

    weakest, usual, strong, strongest = _FACTORS
    loss_of(weakest if loss_of(usual) <= loss_of(strong) else strongest)
    factors = sorted(losses)
    return {
        "alpha": [factor * problem.config.regularization.alpha for factor in factors],
        "validation_loss": [losses[factor] for factor in factors],
    }


def _trial_problem(problem, held_out, max_epochs):
    """Return the problem without the held-out samples, with the same penalty of an epoch."""
    config, sampler = problem.config, held_out.sampler
    batch_size = min(config.batch_size, sampler.size)
    batch_share = config.batch_size / problem.sampler.size
    short = replace(
        config,
        max_epochs=max_epochs,
        schedule_length=max_epochs,
        batch_size=batch_size,
        early_stopping=EarlyStopping(),
    )
    trial = TrainingProblem(short, problem.X, problem.Y, sampler, held_out.batch_weights)
    return _with_alpha_times(trial, batch_size / sampler.size / batch_share)


def _train_briefly(problem, state):
    """Return the parameters after the epochs of a problem; `state` stays as it is."""
    state = state.snapshot()

    def is_last(record):
        return state.counters.epochs == problem.config.max_epochs or not isfinite(record.loss)

    train(problem, state.params, state.solver_state, state.counters, state.rng, is_last)
    return state.params


def selected_alpha(selection):
    """Return the penalty of the smallest loss and, among equal losses, the strongest."""
    losses = np.array(selection["validation_loss"][::-1])
    return selection["alpha"][::-1][int(np.argmin(losses))]


def with_alpha(problem, alpha):
    """Return the same problem with another L2 penalty."""
    regularization = replace(problem.config.regularization, alpha=alpha)
    return replace(problem, config=replace(problem.config, regularization=regularization))


def _with_alpha_times(problem, factor):
    """Return the same problem with so many times its L2 penalty."""
    return with_alpha(problem, factor * problem.config.regularization.alpha)
