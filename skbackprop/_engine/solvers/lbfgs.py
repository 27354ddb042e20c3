"""L-BFGS on the whole data: scipy's solver, made resumable (Liu & Nocedal, 1989).

scipy's solver cannot be stopped, stored and resumed: it keeps its memory of past gradients
to itself. What can be stored is where it began. From there it finds the same way again, so
training that goes on is replayed from its beginning, and ends at the same bits as training
that was never interrupted.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize

from ..blas_threads import largest_product, limit_for
from .solver import AccumulateGradient, Solver

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from .._typing import Array, DType, EndEpoch, Generator, LossAndGradient
    from ..schedules import TrainCounters
    from ..training import TrainingProblem

# scipy also ends where the objective falls by less than this share, which is right for
# scikit-learn's usual tolerance; a finer one asks for a finer share.
_DECREASE, _TOL = 2.2e-9, 1e-4
# By the status that scipy returns; the number of its iterations is not limited.
_OUTCOMES = {0: "converged", 1: "max_fun", 2: "line_search"}


@dataclass(frozen=True)
class LBFGS(Solver):
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
    name = "lbfgs"
    n_slots = 1  # where the present problem was begun
    full_batch = True
    whole_problem = True
    holds_out_rows = False  # as in scikit-learn
    update_rule = AccumulateGradient()
    parameters = ("tol", "max_fun")
    refused = ("dropout", "weight_decay", "l1", "max_norm")

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> Solver:
        """Return the solver that an estimator's parameters describe."""
        return cls(params["tol"], int(params["max_fun"]))

    def explain_end(self, outcome: str | None) -> str | None:
        """Return why training ended before it converged and what to do, or None."""
        if outcome == "max_fun":
            return (
                f"solver='lbfgs' has computed max_fun={self.max_gradients} gradients. Raise "
                f"max_fun, or tol (now {self.tol:g})."
            )
        if outcome == "line_search":
            return (
                "solver='lbfgs' found no step that makes the loss smaller, and the gradient is "
                f"larger than tol={self.tol:g}. Scale X, give it as float64, or raise tol."
            )
        return None

    def train(
        self,
        problem: TrainingProblem,
        params: Array,
        state: Array,
        counters: TrainCounters,
        rng: Generator,
        end_epoch: EndEpoch,
    ) -> str | None:
        """Train an iteration at a time, as `Solver.train` does with epochs."""
        total_weight, n_rows = problem.total_weight, len(problem.sampler.rows)

        def end_iteration(loss: float) -> bool:
            data_loss = loss - problem.config.penalty(params, total_weight)
            return end_epoch(loss, data_loss * total_weight, math.nan)

        objective = _make_objective(problem, params.dtype)
        with limit_for(largest_product(problem.config.network.layer_sizes, n_rows))():
            return minimize_lbfgs(self, objective, params, state, counters, end_iteration)


def _make_objective(problem: TrainingProblem, dtype: DType) -> LossAndGradient:
    """Return the objective of the whole data, and its gradient, as one function."""
    network, rows = problem.config.network, problem.sampler.rows
    params = np.empty(network.n_params, dtype=dtype)
    rule = AccumulateGradient()
    gradient = rule.init_state(network.n_params, dtype)
    run = problem.make_runner(params, gradient, rule)

    def loss_and_gradient(vector: Array) -> tuple[float, Array]:
        params[:] = vector
        with np.errstate(over="ignore", invalid="ignore"):
            loss_sum = run(rows, len(rows), 0.0)
            penalty = problem.config.penalty(params, problem.total_weight)
        return loss_sum / problem.total_weight + penalty, gradient[0]

    return loss_and_gradient


class _Stop(Exception):
    """Ends scipy's loop."""


class _Objective:
    """The objective in float64, remembering what it computed last."""

    def __init__(self, loss_and_gradient: LossAndGradient, dtype: DType) -> None:
        self._compute = loss_and_gradient
        self._dtype = dtype
        self.n_gradients = 0

    def __call__(self, x: Array) -> tuple[float, Array]:
        self.n_gradients += 1
        self.x = x.copy()
        self.loss, gradient = self._compute(x.astype(self._dtype))
        return self.loss, gradient.astype(np.float64)

    def loss_at(self, x: Array) -> float:
        """The loss at an iterate, which is mostly where it was computed last."""
        return self.loss if np.array_equal(x, self.x) else self(x)[0]


def minimize_lbfgs(
    solver: LBFGS,
    loss_and_gradient: LossAndGradient,
    params: Array,
    state: Array,
    counters: TrainCounters,
    end_iteration: Any,
) -> str | None:
    """Train until `end_iteration` says so, the gradient vanishes, or the budget is spent.

    Parameters
    ----------
    solver : LBFGS
    loss_and_gradient : callable
        ``loss_and_gradient(params) -> (loss, gradient)`` of the whole objective.
    params : ndarray of shape (n_params,)
        Changed in place: the last iterate.
    state : ndarray of shape (1, n_params)
        Where the present problem was begun.
    counters : TrainCounters
    end_iteration : callable
        ``end_iteration(loss) -> stop``, called after every iteration that is not a replay.

    Returns
    -------
    outcome : {"converged", "max_fun", "line_search", None}
        What ended it: the gradient or the decrease is small enough, the budget is spent, no
        smaller loss was found along the last direction, or `end_iteration` said so.
    """
    objective = _Objective(loss_and_gradient, params.dtype)
    replayed = counters.epochs - counters.solver_start_epoch
    # The same problem has the same loss where training ended, to the last bit.
    if not replayed or objective(params.astype(np.float64))[0] != counters.loss:
        state[0] = params
        counters.solver_start_epoch, counters.updates, replayed = counters.epochs, 0, 0
    objective.n_gradients = 0
    iterations = 0

    def after_iteration(x: Array) -> None:
        nonlocal iterations
        iterations += 1
        if iterations <= replayed:
            return
        params[:] = x
        counters.updates = objective.n_gradients
        if end_iteration(objective.loss_at(x)):
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
                "maxfun": counters.updates + solver.max_gradients,
                "gtol": solver.tol,
                "ftol": _DECREASE * min(1.0, solver.tol / _TOL),
            },
        )
    except _Stop:
        return None
    if iterations <= replayed:  # nothing was left to do, or nothing could be done
        end_iteration(float(result.fun))
    return _OUTCOMES[result.status]
