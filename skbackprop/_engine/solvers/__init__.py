"""The solvers: how gradients change the parameters of a network, one file each.

A solver declares itself in one class: its name, its defaults, which parameters it refuses, what
it remembers, and its step. To add one, write the class and enter it in `SOLVERS`; the choices
that the estimators accept, files, the numeric tests and the documentation follow from that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .adam import Adam, AMSGrad
from .lbfgs import LBFGS
from .levenberg_marquardt import LevenbergMarquardt
from .rmsprop import RMSprop
from .rprop import Rprop
from .sgd import GradientDescent, Momentum, Nesterov
from .solver import AccumulateGradient, Solver

if TYPE_CHECKING:
    from typing import Any

#: By the names that users give; `from_params` of a class may return one of its subclasses.
SOLVERS = {
    solver.name: solver
    for solver in (GradientDescent, Adam, AMSGrad, RMSprop, Rprop, LBFGS, LevenbergMarquardt)
}
#: Those that make an update of each gradient, as both implementations have them.
UPDATE_RULES = (
    GradientDescent, Momentum, Nesterov, Adam, AMSGrad, RMSprop, Rprop, AccumulateGradient,
)  # fmt: skip


def get_solver(solver: Solver) -> Any:
    """Return the class of solvers called `solver`, or the object that a user wrote."""
    return solver if isinstance(solver, Solver) else SOLVERS[solver]
