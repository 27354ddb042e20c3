"""What a solver declares, and the loop of those that update the network batch by batch."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from ..blas_threads import limit_blas_threads

if TYPE_CHECKING:
    from .._typing import Array


class Solver:
    """How the gradients of the loss change the parameters of a network.

    An object of a subclass can be given as the parameter `solver` of an estimator. The
    subclass defines `step`; the base class calls it once per batch. Settings, such as a
    momentum, are attributes; what a solver remembers from step to step lies in the array
    `state`, so that training can be saved, copied and resumed. A frozen dataclass is the
    shortest way to write one. The estimator's own `momentum`, `nesterovs_momentum`, `beta_1`,
    `beta_2`, `epsilon` and `max_fun` are not for it. Networks that train with it run on NumPy.

    Attributes
    ----------
    name : str
        What the solver is called in messages; the name of the class where it is not given.
    n_slots : int, default=0
        The number of arrays of the size of the parameters that the solver remembers.
    full_batch : bool, default=False
        Whether an update needs the gradient of all samples. Then an epoch is one batch, the
        learning rate stays constant, gradients are not clipped, and training that diverges is
        not started again.
    default_learning_rate : float, default=0.005
        What ``learning_rate_init="auto"`` comes to.
    default_batch_size : int, default=32
        What ``batch_size="auto"`` comes to.

    See Also
    --------
    skbackprop.check_solver : Checks a solver of your own.

    Examples
    --------
    AdaGrad [1]_, which divides each step by the root of the sum of all squared gradients:

    >>> from dataclasses import dataclass
    >>> import numpy as np
    >>> from skbackprop import BackpropClassifier, Solver, check_solver
    >>> from skbackprop.datasets import load_wheat_seeds
    >>> @dataclass(frozen=True)
    ... class AdaGrad(Solver):
    ...     epsilon: float = 1e-8
    ...     n_slots = 1
    ...     default_learning_rate = 0.2
    ...
    ...     def step(self, params, gradient, state, learning_rate, count):
    ...         state[0] += gradient**2
    ...         params -= learning_rate * gradient / (np.sqrt(state[0]) + self.epsilon)
    >>> check_solver(AdaGrad())
    >>> X, y = load_wheat_seeds(return_X_y=True)
    >>> clf = BackpropClassifier((5,), solver=AdaGrad(), random_state=0).fit(X, y)
    >>> round(clf.score(X, y), 2)
    0.97

    References
    ----------
    .. [1] Duchi, J., Hazan, E. and Singer, Y. (2011). Adaptive subgradient methods for online
       learning and stochastic optimization. JMLR 12, 2121-2159.
    """

    name: ClassVar[str] = "Solver"
    n_slots: ClassVar[int] = 0
    full_batch: ClassVar[bool] = False
    default_learning_rate: ClassVar[float] = 0.005
    default_batch_size: ClassVar[int] = 32

    # Whether it works on the whole problem by itself, needs all samples in one call, and
    # decides by the gradient that it has converged.
    whole_problem: ClassVar[bool] = False
    # Whether ``early_stopping=True`` holds samples out where no validation data are given.
    holds_out_rows: ClassVar[bool] = True
    # The schedules that it follows, unless an epoch is one batch; any other comes to a
    # constant learning rate.
    schedules: ClassVar[tuple[str, ...]] = ("constant", "linear", "cosine")
    # The estimator's parameters that it is made of.
    parameters: ClassVar[tuple[str, ...]] = ()
    # Parameters that would change the result and cannot: they have to stay at none or zero.
    refused: ClassVar[tuple[str, ...]] = ()
    # What is done with the gradient of a batch, where that is not its own step.
    update_rule: ClassVar[Solver | None] = None
    # Whether steps are divided by the size of recent gradients.
    scales_steps: ClassVar[bool] = False

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if cls.name is Solver.name:
            cls.name = cls.__name__

    def step(
        self, params: Array, gradient: Array, state: Array, learning_rate: float, count: int
    ) -> None:
        """Change the parameters by the gradient of one batch.

        Parameters
        ----------
        params : ndarray of shape (n_params,)
            All weights and biases, float32 or float64; changed in place.
        gradient : ndarray of shape (n_params,)
            Of the mean loss of the batch and the penalties, clipped; not to be changed.
        state : ndarray of shape (n_slots, n_params)
            What the solver remembers, zero before the first step; changed in place.
        learning_rate : float
            Of this update, as the schedule has it.
        count : int
            The number of updates so far, this one included.
        """
        raise NotImplementedError(f"{type(self).__name__} must define the method 'step'.")

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> Solver:
        """Return the solver that an estimator's parameters describe.

        Parameters
        ----------
        params : dict
            Those that the solver declares, by their names; "tol" is a number.
        """
        return cls()

    def init_state(self, n_params: int, dtype: Any) -> Array:
        """Return what the solver remembers before the first step."""
        return np.zeros((self.n_slots, n_params), dtype=dtype)

    def bounds_steps(self, dtype: Any) -> bool:
        """Return whether the size of a scaled step is bounded in this dtype."""
        return False

    def check_network(self, network: Any) -> None:
        """Raise a ValueError if the solver cannot train this network."""

    def check_size(self, network: Any, n_rows: int | None = None) -> None:
        """Raise a ValueError if a problem of so many rows takes too much memory and time."""

    def explain_end(self, outcome: str | None) -> str | None:
        """Return why training ended before it converged and what to do, or None.

        Parameters
        ----------
        outcome : str or None
            What `train` returned.
        """
        return None

    def train(
        self,
        problem: Any,
        params: Array,
        state: Array,
        counters: Any,
        rng: np.random.RandomState,
        end_epoch: Callable[[float, float, float], bool],
    ) -> str | None:
        """Train an epoch at a time until `end_epoch` returns True.

        Parameters
        ----------
        problem : TrainingProblem
        params : ndarray of shape (n_params,)
            Changed in place, as are the following.
        state : ndarray of shape (n_slots, n_params)
        counters : TrainCounters
        rng : RandomState
        end_epoch : callable
            ``end_epoch(loss, data_loss_sum, learning_rate) -> stop``.

        Returns
        -------
        outcome : str or None
            How the solver ended by itself: "converged", or a word that `explain_end` knows.
        """
        config, sampler, total_weight = problem.config, problem.sampler, problem.total_weight
        batch_size = config.batch_size
        batch_weight = total_weight * batch_size / sampler.size
        run = problem.make_runner(params, state, self, counters.seed)
        threads = limit_blas_threads(config.network.layer_sizes, batch_size)
        stop = False
        while not stop:
            learning_rate = config.learning_rate_at(counters)
            order = sampler.draw(rng)
            # A diverging network is reported by its loss; NumPy's own warnings say less.
            with np.errstate(over="ignore", invalid="ignore"):
                penalty = config.penalty(params, batch_weight)
                with threads():
                    loss_sum = run(
                        order, batch_size, learning_rate, counters.updates, counters.samples
                    )
                loss = loss_sum / total_weight + penalty
            counters.updates += problem.updates_per_epoch
            stop = end_epoch(loss, loss_sum, learning_rate)
        return None


@dataclass(frozen=True)
class AccumulateGradient(Solver):
    """No update: the gradient is kept, for solvers that use it in their own way."""

    name = "accumulate"
    n_slots = 1

    def step(
        self, params: Array, gradient: Array, state: Array, learning_rate: float, count: int
    ) -> None:
        """Keep the gradient."""
        state[0] = gradient

    @property
    def hyperparams(self) -> tuple[float, ...]:
        """The hyperparameters in the order in which the kernel takes them."""
        return ()


def require(condition: bool, solver: Solver, rule: str) -> None:
    """Raise a ValueError unless the condition holds."""
    if not condition:
        raise ValueError(f"{type(solver).__name__} must {rule}.")


def check_declarations(solver: Solver) -> None:
    """Raise a ValueError if a solver of the user's declares what cannot be."""
    rules: tuple[tuple[str, Any, Any], ...] = (
        ("n_slots", Integral, 0),
        ("default_batch_size", Integral, 1),
        ("default_learning_rate", Real, np.nextafter(0, 1)),
    )
    for name, kind, smallest in rules:
        value: Any = getattr(solver, name)
        is_sound = isinstance(value, kind) and smallest <= value < np.inf
        noun = "an integer" if kind is Integral else "a finite number"
        bound = "> 0" if kind is Real else f">= {smallest}"
        require(is_sound, solver, f"have {noun} {bound} as {name}. Got {value!r}")
