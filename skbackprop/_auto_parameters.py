"""What training plans: the numbers behind "auto", and the course of the learning rate.

docs/defaults.md tells how the constants were measured.
"""

import math
from dataclasses import dataclass

from .engine.schedules import CONSTANT, COSINE, LINEAR, get_schedule
from .engine.solvers import Solver, get_solver

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
_PRESENTATIONS = 3_000_000
_FEWEST_EPOCHS, _MOST_EPOCHS = 5, 60
_EPOCHS_UNTIL_TOL = 200
_TOL = 1e-4


@dataclass(frozen=True)
class Plan:
    """How one call of `fit` or `partial_fit` is to train.

    Parameters
    ----------
    batch_size : int
    alpha : float
        Of the batches' objective.
    schedule : Schedule
    rate_init : float
    max_epochs : int
    horizon : int
        The number of epochs, of all calls, at which the schedule ends.
    tol : float or None
    """

    batch_size: int
    alpha: float
    schedule: object
    rate_init: float
    max_epochs: int
    horizon: int
    tol: float | None


def make_plan(estimator, size, epochs_before, incremental, noise=None):
    """The plan for epochs of `size` presentations.

    Parameters
    ----------
    estimator : BaseBackprop
    size : int
    epochs_before : int
        Those of earlier calls.
    incremental : bool
        Whether this is `partial_fit`: one epoch, of nobody knows how many.
    noise : float or None
        The share of noise in the targets, where `needs_noise_estimate`.
    """
    batch_size = _batch_size(estimator, size)
    max_epochs = 1 if incremental else _max_epochs(estimator, size)
    schedule, horizon = _schedule(estimator), epochs_before + max_epochs
    if incremental and schedule in PLANNED:
        if "auto" in (estimator.learning_rate, estimator.max_iter):
            schedule = CONSTANT  # there is no end to plan for
        else:
            horizon = int(estimator.max_iter)
    return Plan(
        batch_size=batch_size,
        alpha=_alpha(estimator, batch_size / size, incremental, noise),
        schedule=schedule,
        rate_init=rate_of_first_epoch(estimator),
        max_epochs=max_epochs,
        horizon=horizon,
        tol=tolerance(estimator),
    )


def make_solver(estimator):
    """Return the solver with its settings, which may be an object that a user wrote."""
    if isinstance(estimator.solver, Solver):
        return estimator.solver
    params = estimator.get_params(deep=False) | {"tol": tolerance(estimator) or 0.0}
    return get_solver(estimator.solver).from_params(params)


def is_full_batch(estimator):
    """Whether an epoch is one batch."""
    return get_solver(estimator.solver).full_batch or estimator.batch_size == "full"


def _batch_size(estimator, size):
    if is_full_batch(estimator):
        return size
    return min(resolve_batch_size(estimator), size)


def resolve_batch_size(estimator):
    """The batch size, where there are as many rows."""
    if estimator.batch_size != "auto":
        return int(estimator.batch_size)
    return int(get_solver(estimator.solver).default_batch_size)


def needs_noise_estimate(estimator, incremental):
    """Whether the plan has to know how noisy the targets are."""
    return estimator.alpha == "auto" and not incremental


def prior(noise):
    """The penalty of an epoch, where neighbors tell of so much noise in the targets."""
    return min(max(_PRIOR * (noise - _FROM_DISTANCE), _WEAKEST), _STRONGEST)


def shows_signal(noise):
    """Return whether the targets were found to depend on the inputs."""
    return noise is not None and prior(noise) < _STRONGEST


def _alpha(estimator, share, incremental, noise):
    """The penalty, where a batch is a `share` of the epoch."""
    if needs_noise_estimate(estimator, incremental):
        return prior(noise) * share
    return 0.0 if estimator.alpha == "auto" else float(estimator.alpha)


def streaming_alpha(estimator):
    """The penalty of `partial_fit`."""
    return _alpha(estimator, 1.0, incremental=True, noise=None)


def _schedule(estimator):
    """Of `fit`. As in scikit-learn, two schedules are for plain gradient descent alone."""
    solver, name = get_solver(estimator.solver), estimator.learning_rate
    schedule = LINEAR if name == "auto" else get_schedule(name)
    follows = not solver.full_batch and schedule.name in solver.schedules
    return schedule if follows else CONSTANT


def rate_of_first_epoch(estimator):
    """The learning rate, before a schedule changes it."""
    if estimator.learning_rate_init != "auto":
        return float(estimator.learning_rate_init)
    return default_rate(estimator)


def default_rate(estimator):
    """Return what ``learning_rate_init="auto"`` comes to."""
    return float(make_solver(estimator).default_learning_rate)


def tolerance(estimator):
    """What counts as an improvement; None where training ends as planned."""
    if estimator.tol != "auto":
        return float_or_none(estimator.tol)
    ends_as_planned = _schedule(estimator) in PLANNED and not estimator.early_stopping
    return None if ends_as_planned else _TOL


def _max_epochs(estimator, size):
    if estimator.max_iter != "auto":
        return int(estimator.max_iter)
    if _schedule(estimator) not in PLANNED:
        return _EPOCHS_UNTIL_TOL
    return max(_FEWEST_EPOCHS, min(_MOST_EPOCHS, _PRESENTATIONS // size))


def patience(estimator, stops_on_held_out):
    """How many epochs in a row may bring no improvement."""
    by_gradient = get_solver(estimator.solver).whole_problem and not stops_on_held_out
    return math.inf if by_gradient else float(estimator.n_iter_no_change)


def float_or_none(value):
    """A parameter that is a number, or None."""
    return None if value is None else float(value)
