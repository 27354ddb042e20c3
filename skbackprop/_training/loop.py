"""One call of `fit` or `partial_fit`: from where training stands to where it ends."""

import copy
import math
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import count
from time import perf_counter

import numpy as np
from sklearn.exceptions import ConvergenceWarning

from .._engine.members import joined_network, joined_params
from .._engine.output_expansion import expand_output_layer
from .._engine.schedules import TrainCounters
from .._engine.training import has_kernel, train
from .._warnings import warn_caller, warn_of_missing_kernel
from .diagnosis import (
    advice_for,
    collapse_message,
    divergence_message,
    unstable_parameters,
    warn_of_inputs,
)
from .history import format_epoch

# Seconds between the copies of the training state to which an interrupt goes back.
_BETWEEN_COPIES = 0.1


@dataclass
class TrainState:
    """Where training stands: all that is needed to go on as if it had never stopped.

    Attributes
    ----------
    params : ndarray of shape (n_params,)
        Where training goes on.
    best : ndarray of shape (n_params,)
        What predicts: the same array, or the best so far on held-out rows.
    solver_state : ndarray of shape (n_slots, n_params)
        What the solver remembers.
    counters : TrainCounters
    rng : RandomState
        Nobody else draws from it, so that training can be resumed.
    solver : an update rule or solver
        The last in use.
    """

    params: np.ndarray
    best: np.ndarray
    solver_state: np.ndarray
    counters: TrainCounters
    rng: np.random.RandomState
    solver: object

    def copy(self):
        """One that can fail while the original stays; the generator is shared."""
        params = self.params.copy()
        best = params if self.best is self.params else self.best.copy()
        return TrainState(
            params,
            best,
            self.solver_state.copy(),
            copy.copy(self.counters),
            self.rng,
            self.solver,
        )

    def snapshot(self):
        """One that stays as it is while training goes on."""
        still = self.copy()
        still.rng = np.random.RandomState(0)  # quicker than a deep copy
        still.rng.set_state(self.rng.get_state())
        return still

    def use(self, solver):
        """Go on with an update rule, which remembers nothing of another's, or its own."""
        if type(solver) is not type(self.solver):
            self.solver_state = solver.init_state(self.params.size, self.params.dtype)
            self.counters.solver_start_epoch = self.counters.epochs
        self.solver = solver

    def monitor(self, rule):
        """Go on with a rule of early stopping; the best of another one is forgotten."""
        if rule.monitor != self.counters.monitor or not rule.keeps_best:
            self.best = self.params
        if rule.keeps_best and self.best is self.params:
            self.best = self.params.copy()
        rule.begin(self.counters)

    def grow(self, before, after, origins, drawn):
        """Continue with a network that has other outputs; see `expand_output_layer`."""
        same = self.best is self.params
        self.params = expand_output_layer(before, after, self.params, origins, drawn)
        self.best = (
            self.params
            if same
            else expand_output_layer(before, after, self.best, origins, drawn)
        )
        slots = [
            expand_output_layer(before, after, slot, origins) for slot in self.solver_state
        ]
        self.solver_state = np.array(slots, dtype=self.params.dtype)
        self.solver_state = self.solver_state.reshape(-1, after.n_params)

    def diverged(self, n_layers):
        """Whether the loss is no longer finite, or outputs might not be.

        Weights are too large where a product of one per layer would overflow.
        """
        if self.counters.epochs and not math.isfinite(self.counters.loss):
            return True
        limit = np.finfo(self.params.dtype).max ** (1 / (n_layers + 1))
        return not (np.abs(self.params) <= limit).all()  # NaN is not


@dataclass
class TrainResult:
    """How a run of training ended, and the record of its epochs."""

    records: list = field(default_factory=list)
    converged: bool = False
    outcome: str | None = None  # as `train` returns it
    # By a callback or an interrupt, or a warning has told of it.
    stopped_early: bool = False
    # By a callback or an interrupt.
    is_cancelled: bool = False
    interrupt: KeyboardInterrupt | None = None


class _FinishedEpoch:
    """The training state after an epoch, to which an interrupt goes back.

    A copy takes longer than an epoch of few samples, so that it is made some times a second
    only; with callbacks, which have seen every epoch, after each.
    """

    def __init__(self, train_state, n_layers, has_callbacks):
        self._train_state, self._n_layers = train_state, n_layers
        self._pause = 0.0 if has_callbacks else _BETWEEN_COPIES
        self._due, self._kept = -math.inf, None

    def keep(self, n_epochs):
        """Copy the state, if it is time to and memory allows it."""
        if perf_counter() < self._due or self._train_state.diverged(self._n_layers):
            return
        with suppress(MemoryError):
            # In one assignment: an interrupt may come in the middle of this, too.
            self._kept = self._train_state.copy(), self._train_state.rng.get_state(), n_epochs
        self._due = perf_counter() + self._pause

    def restore(self, interrupt):
        """Return the state, and the number of epochs until then; raise if there is none."""
        if self._kept is None:
            raise interrupt
        train_state, generator_state, n_epochs = self._kept
        train_state.rng.set_state(generator_state)
        return train_state, n_epochs


def train_members(estimator, problem, states, dispatcher=None):
    """Train a network from each of the states, and join them.

    Where a callback or an interrupt stops training, those trained to their end are joined, or
    there is the first alone.

    Returns
    -------
    network : Network
        As in the problem, or as wide as all members.
    state : TrainState
    result : TrainResult
        Of the first member.
    """
    network = problem.config.network
    state, result = fit_with_restarts(estimator, problem, states[0], dispatcher)
    if len(states) == 1:
        return network, state, result
    trained = [state]
    for start in states[1:]:
        if result.is_cancelled:
            break
        try:
            member, of_member = fit_with_restarts(estimator, problem, start, dispatcher)
        except KeyboardInterrupt as interrupt:
            of_member = TrainResult(is_cancelled=True, interrupt=interrupt)
        if of_member.interrupt is not None:
            of_member.interrupt.args = (
                "Training was interrupted. The estimator holds the mean of the first "
                f"{len(trained)} of {len(states)} networks.",
            )
        if not of_member.is_cancelled:
            trained.append(member)
        result.is_cancelled, result.interrupt = of_member.is_cancelled, of_member.interrupt
    params = joined_params(network, [member.best for member in trained])
    joined = replace(
        state,
        params=params,
        best=params,
        solver_state=state.solver.init_state(params.size, params.dtype),
    )
    return joined_network(network, len(trained)), joined, result


def fit_with_restarts(estimator, problem, train_state, dispatcher=None):
    """Train; where training diverges, start again with half the rate, a few times.

    A `dispatcher` calls the callbacks of every epoch, which may end training. Returns the
    training state then, and how it ended; of `train_state` itself only the generator has
    moved on.
    """
    if not has_kernel():
        warn_of_missing_kernel()
    keeps_best = problem.config.early_stopping.keeps_best
    # Half the rate does not help where another parameter is too large.
    unstable = unstable_parameters(problem)
    restarts = 0 if unstable or problem.config.solver.full_batch else estimator.max_restarts
    drawn_so_far = train_state.rng.get_state()
    for restart in count():
        train_state.rng.set_state(drawn_so_far)
        attempt = train_state.copy()
        attempt.counters.n_restarts += restart
        attempt.counters.target_epoch = attempt.counters.epochs + problem.config.max_epochs
        attempt.use(problem.config.solver)
        attempt.monitor(problem.config.early_stopping)
        if dispatcher is not None:
            dispatcher.training_begins(is_restart=restart > 0)
        attempt, result = _run(estimator, problem, attempt, dispatcher)
        diverged = attempt.diverged(problem.config.network.n_layers)
        what = divergence_message(attempt.counters) if diverged else None
        if not diverged and not result.stopped_early:
            what = collapse_message(problem, attempt.best)
        if what is None:
            return attempt, result
        if not diverged and problem.saturated_layer(train_state.params) is not None:
            warn_of_inputs(problem, train_state, estimator)
            return attempt, result
        what = f"{what} To fix it, {advice_for(estimator, problem, unstable)}."
        if diverged and keeps_best and math.isfinite(attempt.counters.best_loss):
            warn_caller(f"{what} The best network before is kept.", ConvergenceWarning)
            attempt.params, result.stopped_early = attempt.best, True
            return attempt, result
        if restart == restarts and diverged:
            raise ValueError(what)
        if restart == restarts:
            warn_caller(what, ConvergenceWarning)
            return attempt, result
        rate = problem.config.learning_rate_init * 0.5 ** (attempt.counters.n_restarts + 1)
        warn_caller(
            f"{what} It starts again with learning_rate_init={rate:g}.",
            ConvergenceWarning,
        )


def _run(estimator, problem, train_state, dispatcher):
    """Train for some epochs; returns where training stands then, and how it ended."""
    result = TrainResult()
    records = result.records
    config = problem.config
    finished = _FinishedEpoch(train_state, config.network.n_layers, dispatcher is not None)

    def observe(record):
        records.append(record)
        if estimator.verbose:
            print(format_epoch(record, config.network.loss, estimator.verbose))
        if record.improved and train_state.best is not train_state.params:
            train_state.best[:] = train_state.params
        result.converged = record.should_stop
        stop = (
            record.should_stop
            or len(records) == config.max_epochs
            or not math.isfinite(record.loss)
        )
        if dispatcher is not None:
            is_sound = not train_state.diverged(config.network.n_layers)
            result.is_cancelled = dispatcher.epoch_ends(train_state, result, is_sound)
            result.stopped_early = result.is_cancelled
        if stop or result.stopped_early:
            return True
        finished.keep(len(records))
        if dispatcher is not None:
            dispatcher.another_epoch()
        return False

    try:
        result.outcome = train(
            problem,
            train_state.params,
            train_state.solver_state,
            train_state.counters,
            train_state.rng,
            observe,
        )
        result.converged = result.converged or result.outcome == "converged"
    except KeyboardInterrupt as interrupt:
        train_state, n_epochs = finished.restore(interrupt)
        del records[n_epochs:]
        interrupt.args = (
            f"Training was interrupted. The estimator holds the network after {n_epochs} "
            f"{'epoch' if n_epochs == 1 else 'epochs'}.",
        )
        result.converged, result.interrupt = False, interrupt
        result.stopped_early = result.is_cancelled = True
    return train_state, result
