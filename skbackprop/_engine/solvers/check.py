"""Whether a solver keeps the rules that training, saving and resuming rely on."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import numpy as np

from .solver import Solver, check_declarations, require

if TYPE_CHECKING:
    from .._typing import Array, DType

_N_PARAMS = 5
_CURVATURE = np.linspace(0.5, 2.0, _N_PARAMS)
_N_STEPS = 2000


def check_solver(solver: Solver) -> None:
    """Check a solver of your own on a small problem.

    It must change the parameters in place and in their dtype, leave the gradient as it is,
    remember nothing but `state`, so that training can be resumed from a copy, and minimize a
    quadratic function at its default learning rate.

    Parameters
    ----------
    solver : Solver
        An object of a subclass.

    Raises
    ------
    TypeError
        If `solver` is no object of a subclass of `Solver`.
    ValueError
        If it breaks one of the rules; the message says which.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop import Solver, check_solver
    >>> class SignDescent(Solver):
    ...     def step(self, params, gradient, state, learning_rate, count):
    ...         params += learning_rate * np.sign(gradient)
    >>> check_solver(SignDescent())
    Traceback (most recent call last):
        ...
    ValueError: SignDescent must make a quadratic function smaller: in 2000 steps with \
learning_rate=0.005 it went from 3.125 to 378.125.
    """
    if not isinstance(solver, Solver):
        raise TypeError(f"solver must be an object of a subclass of Solver. Got {solver!r}.")
    check_declarations(solver)
    for dtype in (np.float64, np.float32):
        _check_step(solver, np.dtype(dtype))
    _check_memory(solver)
    _check_descent(solver)


def _gradients(dtype: DType, n_steps: int) -> Array:
    rng = np.random.RandomState(0)
    return rng.normal(size=(n_steps, _N_PARAMS)).astype(dtype)


def _run(solver: Solver, params: Array, state: Array, gradients: Array, first: int = 1) -> None:
    for count, gradient in enumerate(gradients, start=first):
        solver.step(params, gradient, state, 0.01, count)


def _check_step(solver: Solver, dtype: DType) -> None:
    params = np.linspace(-1, 1, _N_PARAMS).astype(dtype)
    before, state = params.copy(), solver.init_state(_N_PARAMS, dtype)
    gradients = _gradients(dtype, 3)
    given = gradients.copy()
    _run(solver, params, state, gradients)
    moved = not np.array_equal(params, before) and np.isfinite(params).all()
    require(
        moved,
        solver,
        f"change the {dtype} parameters in place, as by `params -= ...`, to finite numbers. "
        f"From {before} came {params}",
    )
    require(np.array_equal(gradients, given), solver, "leave the gradient as it is")


def _check_memory(solver: Solver) -> None:
    """A copy that goes on from copied parameters and state must come to the same bits."""
    gradients = _gradients(np.dtype(np.float64), 8)
    fresh = copy.deepcopy(solver)
    params, state = np.ones(_N_PARAMS), solver.init_state(_N_PARAMS, np.dtype(np.float64))
    _run(solver, params, state, gradients[:4])
    resumed, resumed_state = params.copy(), state.copy()
    _run(solver, params, state, gradients[4:], first=5)
    _run(fresh, resumed, resumed_state, gradients[4:], first=5)
    require(
        np.array_equal(params, resumed),
        solver,
        "remember nothing but `state`: a copy that went on from the same parameters and state "
        f"came to {resumed}, and the original to {params}",
    )


def _check_descent(solver: Solver) -> None:
    params, state = np.ones(_N_PARAMS), solver.init_state(_N_PARAMS, np.dtype(np.float64))
    before = _CURVATURE @ params**2 / 2
    rate = float(solver.default_learning_rate)
    for count in range(1, _N_STEPS + 1):
        solver.step(params, _CURVATURE * params, state, rate, count)
    after = _CURVATURE @ params**2 / 2
    require(
        bool(after < before),
        solver,
        f"make a quadratic function smaller: in {_N_STEPS} steps with learning_rate={rate:g} "
        f"it went from {before:g} to {after:g}",
    )
