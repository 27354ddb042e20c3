"""What each parameter comes to: the numbers behind "auto".

docs/defaults.md tells how the constants were measured.
"""

import math

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
_SAMPLES_USED = 3_000_000
_FEWEST_EPOCHS, _MOST_EPOCHS = 5, 60
_EPOCHS_UNTIL_TOL = 200
_TOL = 1e-4


def make_solver(estimator):
    """Return the solver with its settings, which may be an object that a user wrote."""
    if isinstance(estimator.solver, Solver):
        return estimator.solver
    params = estimator.get_params(deep=False) | {"tol": resolve_tol(estimator) or 0.0}
    return get_solver(estimator.solver).from_params(params)


def is_full_batch(estimator):
    """Return whether an epoch is one batch."""
    return get_solver(estimator.solver).full_batch or estimator.batch_size == "full"


def resolve_batch_size(estimator, epoch_size=math.inf):
    """Return the number of samples in a batch, of an epoch of so many."""
    if is_full_batch(estimator):
        return epoch_size
    size = estimator.batch_size
    if size == "auto":
        size = get_solver(estimator.solver).default_batch_size
    return min(int(size), epoch_size)


def needs_noise_estimate(estimator, is_stream):
    """Return whether the L2 penalty depends on how noisy the targets are."""
    return estimator.alpha == "auto" and not is_stream


def l2_strength(noise):
    """Return the L2 penalty of an epoch, for a share of noise in the targets."""
    return min(max(_PRIOR * (noise - _FROM_DISTANCE), _WEAKEST), _STRONGEST)


def shows_signal(noise):
    """Return whether the targets were found to depend on the inputs."""
    return noise is not None and l2_strength(noise) < _STRONGEST


def resolve_alpha(estimator, data, batch_share):
    """Return the L2 penalty, where a batch is this share of an epoch."""
    if needs_noise_estimate(estimator, data.is_stream):
        return l2_strength(data.noise) * batch_share
    return streaming_alpha(estimator)


def streaming_alpha(estimator):
    """Return the L2 penalty of `partial_fit`."""
    return 0.0 if estimator.alpha == "auto" else float(estimator.alpha)


def resolve_schedule(estimator, data, max_epochs):
    """Return the schedule of the learning rate, and the epoch at which it ends."""
    schedule, length = _schedule_of_fit(estimator), data.epochs_before + max_epochs
    if data.is_stream and schedule in PLANNED:
        if "auto" in (estimator.learning_rate, estimator.max_iter):
            return CONSTANT, length  # there is no end to plan for
        return schedule, int(estimator.max_iter)
    return schedule, length


def _schedule_of_fit(estimator):
    """As in scikit-learn, two schedules are for plain gradient descent alone."""
    solver, name = get_solver(estimator.solver), estimator.learning_rate
    schedule = LINEAR if name == "auto" else get_schedule(name)
    follows = not solver.full_batch and schedule.name in solver.schedules
    return schedule if follows else CONSTANT


def resolve_learning_rate(estimator):
    """Return the learning rate of the first epoch, before a schedule changes it."""
    if estimator.learning_rate_init != "auto":
        return float(estimator.learning_rate_init)
    return float(make_solver(estimator).default_learning_rate)


def resolve_tol(estimator):
    """Return what counts as an improvement; None where training ends as planned."""
    if estimator.tol != "auto":
        return float_or_none(estimator.tol)
    ends_as_planned = _schedule_of_fit(estimator) in PLANNED and not estimator.early_stopping
    return None if ends_as_planned else _TOL


def resolve_max_epochs(estimator, epoch_size):
    """Return the number of epochs of `fit`, each of so many samples."""
    if estimator.max_iter != "auto":
        return int(estimator.max_iter)
    if _schedule_of_fit(estimator) not in PLANNED:
        return _EPOCHS_UNTIL_TOL
    return max(_FEWEST_EPOCHS, min(_MOST_EPOCHS, _SAMPLES_USED // epoch_size))


def resolve_monitor(estimator, validation):
    """Return the column of the history that decides when to stop."""
    if not estimator.early_stopping or validation is None:
        return "loss"
    return "validation_loss" if estimator.scoring is None else "validation_score"


def resolve_patience(estimator, monitor):
    """Return how many epochs in a row may bring no improvement."""
    by_gradient = get_solver(estimator.solver).whole_problem and monitor == "loss"
    return math.inf if by_gradient else float(estimator.n_iter_no_change)


def float_or_none(value):
    """Return a parameter that is a number as a float, or None."""
    return None if value is None else float(value)
