"""The parameters go out to the partitions, and sums as small as they come back."""

from contextlib import contextmanager
from dataclasses import dataclass, replace
from uuid import uuid4

import numpy as np

from .._engine.solvers.levenberg_marquardt import PrimalSystem
from .._engine.training import TrainingProblem, update
from . import _partition
from ._dask_inputs import import_dask

# Results that are added at a time: the tree of a thousand partitions has four levels.
_FAN_IN = 8
_LARGE = "distributed.admin.large-graph-warning-threshold"


def merge(results):
    """What several partitions gave, as one; None from those that gave nothing."""
    given = [result for result in results if result is not None]
    if not given:
        return None
    merged = given[0]
    for result in given[1:]:
        merged = merged.merged(result)
    return merged


def add(results):
    """The same for tuples of numbers and arrays."""
    given = [result for result in results if result is not None]
    return tuple(sum(parts[1:], start=parts[0]) for parts in zip(*given, strict=True))


@dataclass(frozen=True)
class _Call:
    """What to do with a partition: a function, and its arguments after the partition."""

    function: object
    arguments: tuple

    def __call__(self, partition, *own):
        """Do it; nothing is made of nothing."""
        return None if partition is None else self.function(partition, *self.arguments, *own)


def _run(call, partition, *own):
    return call(partition, *own)


@dataclass(frozen=True)
class Cluster:
    """The partitions of the data, and the client whose workers hold them.

    Parameters
    ----------
    client : distributed.Client
    partitions : list of Delayed
        One object for each; None for those that have nothing to give.
    persist : bool
        Whether what is made of the partitions stays with the workers.
    """

    client: object
    partitions: list
    persist: bool

    @contextmanager
    def map_partitions(self, function, *arguments):
        """What `function` makes of each partition, for as long as the context lasts."""
        from distributed import futures_of

        partitions = self._map(function, arguments)
        if not self.persist:
            yield replace(self, partitions=partitions)
            return
        partitions = self.client.persist(partitions)
        try:
            yield replace(self, partitions=partitions)
        finally:
            # At once, and not when the garbage is collected: they are as large as the data.
            for future in futures_of(partitions):
                future.release()

    def reduce(self, function, *arguments, by=add, then=None):
        """What `function` gives for all partitions together, or what `then` makes of that.

        All of it is done on the workers, whoever they are in the same order.
        """
        dask = import_dask()
        results = self._map(function, arguments)
        while True:
            results = [
                _call(by, results[first : first + _FAN_IN])
                for first in range(0, len(results), _FAN_IN)
            ]
            if len(results) == 1:
                result = results[0] if then is None else _call(then, results[0], name="then")
                # Parameters travel with the call: that is no mistake to be warned of.
                with dask.config.set({_LARGE: "1 TiB"}):
                    future = self.client.compute(result)
                return future.result()

    def _map(self, function, arguments):
        # One call for all partitions, so that it travels to each worker once.
        call = _call(_Call, function, arguments)
        return [
            _call(_run, call, partition, name=function.__name__)
            for partition in self.partitions
        ]


def _call(function, *arguments, name=None):
    """A delayed call that is made once; the scheduler learns by its name how long it takes."""
    delayed = import_dask().delayed(function, pure=False, traverse=False)
    key = f"{name or function.__name__.strip('_')}-{uuid4().hex}"
    return delayed(*arguments, dask_key_name=key)


@dataclass(frozen=True, kw_only=True)
class ClusterProblem(TrainingProblem):
    """A problem whose samples are on the workers.

    Parameters
    ----------
    cluster : Cluster
        Of `_partition.PreparedPartition`.
    weight : float
        Of all samples of an epoch.
    """

    cluster: Cluster
    weight: float

    @property
    def total_weight(self):
        """The weight of all samples of an epoch."""
        return self.weight


@dataclass(frozen=True, kw_only=True)
class SummedProblem(ClusterProblem):
    """Every update is by the gradient of all rows, the sum of those of the partitions."""

    def make_runner(self, params, state, solver, seed=0):
        """`run_epoch` on the rows of the workers."""

        def run(order, batch_size, rate, updates=0, samples_seen=0):
            loss, gradient = self.cluster.reduce(
                _partition.gradient, params.copy(), samples_seen
            )
            update(
                self.config.network, params, state, solver, self.config.regularization,
                np.array(gradient), self.weight, rate, updates + 1,
            )  # fmt: skip
            return loss

        return run

    def least_squares(self, dtype):
        """The rows of the workers as Levenberg-Marquardt takes them."""
        return _LeastSquares(self.cluster, self.config.network.n_params**3)


@dataclass(frozen=True, kw_only=True)
class AveragedProblem(ClusterProblem):
    """Every partition trains for an epoch, and the networks are averaged.

    Parameters
    ----------
    largest : int
        Presentations in an epoch of the partition that has the most.
    """

    largest: int

    @property
    def updates_per_epoch(self):
        """The number of batches of the largest partition."""
        return -(-self.largest // self.config.batch_size)

    def make_runner(self, params, state, solver, seed=0):
        """`run_epoch` on the rows of the workers."""

        def run(order, batch_size, rate, updates=0, samples_seen=0):
            loss, params[:], state[:] = self.cluster.reduce(
                _partition.epoch, params.copy(), state.copy(), rate, updates, samples_seen
            )
            return loss

        return run


class _LeastSquares:
    """`LeastSquares` on the workers; the loss where it was computed last is remembered."""

    def __init__(self, cluster, multiplications):
        self._cluster, self.multiplications = cluster, multiplications
        self._at, self._loss = None, None

    def loss(self, params):
        """The mean loss."""
        if self._at is None or not np.array_equal(params, self._at):
            (self._loss,) = self._ask(params, False)
        return self._loss

    def system(self, params, n_weights, ridge):
        """The damped equations of the parameters: residuals stay with the workers."""
        self._loss, loss, gradient, matrix = self._ask(params, True)
        return PrimalSystem(
            loss, np.array(gradient), np.array(matrix), params, n_weights, ridge
        )

    def _ask(self, params, derivatives):
        self._at = params.copy()
        return self._cluster.reduce(_partition.least_squares, self._at, derivatives)
