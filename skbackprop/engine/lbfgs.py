"""L-BFGS on the whole data: scipy's solver, made resumable (Liu & Nocedal, 1989).

scipy's solver cannot be stopped, stored and resumed: it keeps its memory of past gradients
to itself. What can be stored is where it began. From there it finds the same way again, so
training that goes on is replayed from its beginning, and ends at the same bits as training
that was never interrupted.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.optimize import minimize

# scipy also ends where the objective falls by less than this share, which is right for
# scikit-learn's usual tolerance; a finer one asks for a finer share.
_DECREASE, _TOL = 2.2e-9, 1e-4
# By the status that scipy returns; the number of its iterations is not limited.
_OUTCOMES = {0: "converged", 1: "max_fun", 2: "line_search"}


@dataclass(frozen=True)
class LBFGS:
    """The solver's settings.

    Parameters
    ----------
    tol : float
        Training ends when no component of the gradient is larger.
    max_gradients : int
        The number of gradients that may be computed in one call.
    """

    tol: float = 1e-4
    max_gradients: int = 15000
    n_slots: ClassVar[int] = 1  # where the present problem was begun


class _Stop(Exception):
    """Ends scipy's loop."""


class _Objective:
    """The objective in float64, remembering what it computed last."""

    def __init__(self, loss_and_gradient, dtype):
        self._compute = loss_and_gradient
        self._dtype = dtype
        self.n_gradients = 0

    def __call__(self, x):
        self.n_gradients += 1
        self.x = x.copy()
        self.loss, gradient = self._compute(x.astype(self._dtype))
        return self.loss, gradient.astype(np.float64)

    def loss_at(self, x):
        """The loss at an iterate, which is mostly where it was computed last."""
        return self.loss if np.array_equal(x, self.x) else self(x)[0]


def minimize_lbfgs(solver, loss_and_gradient, params, state, progress, conclude):
    """Train until `conclude` says so, the gradient vanishes, or the budget is spent.

    Parameters
    ----------
    solver : LBFGS
    loss_and_gradient : callable
        ``loss_and_gradient(params) -> (loss, gradient)`` of the whole objective.
    params : ndarray of shape (n_params,)
        Changed in place: the last iterate.
    state : ndarray of shape (1, n_params)
        Where the present problem was begun.
    progress : TrainCounters
    conclude : callable
        ``conclude(loss) -> stop``, called after every iteration that is not a replay.

    Returns
    -------
    outcome : {"converged", "max_fun", "line_search", None}
        What ended it: the gradient or the decrease is small enough, the budget is spent, no
        smaller loss was found along the last direction, or `conclude` said so.
    """
    objective = _Objective(loss_and_gradient, params.dtype)
    replayed = progress.epochs - progress.origin
    # The same problem has the same loss where training ended, to the last bit.
    if not replayed or objective(params.astype(np.float64))[0] != progress.loss:
        state[0] = params
        progress.origin, progress.updates, replayed = progress.epochs, 0, 0
    objective.n_gradients = 0
    iterations = 0

    def after_iteration(x):
        nonlocal iterations
        iterations += 1
        if iterations <= replayed:
            return
        params[:] = x
        progress.updates = objective.n_gradients
        if conclude(objective.loss_at(x)):
            raise _Stop

    try:
        result = minimize(
            objective,
            state[0].astype(np.float64),
            jac=True,
            method="L-BFGS-B",
            callback=after_iteration,
            options={
                "maxiter": np.iinfo(np.int32).max,
                "maxfun": progress.updates + solver.max_gradients,
                "gtol": solver.tol,
                "ftol": _DECREASE * min(1.0, solver.tol / _TOL),
            },
        )
    except _Stop:
        return None
    if iterations <= replayed:  # nothing was left to do, or nothing could be done
        conclude(float(result.fun))
    return _OUTCOMES[result.status]
