"""`fit`: what the estimators' own method does, on rows that lie elsewhere."""

from __future__ import annotations

import copy
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
from sklearn.base import is_classifier
from sklearn.utils.validation import validate_data

from .._base import BaseBackprop, ravel_column
from .._parameters import check_parameters
from .._preprocessing.input_encoding import InputEncoder
from .._preprocessing.noise_estimation import sample_noise
from .._preprocessing.scaling import Scaling
from .._serialization import TRAINED
from .._training import configuration, initial_weights
from .._training.configuration import is_full_batch, needs_noise_estimate, solver_class
from .._training.data import TrainingData, sample_epochs
from .._training.lock import training_lock
from . import _partition
from ._cluster import AveragedProblem, Cluster, SummedProblem, merge
from ._dask_inputs import check_collections, empty_rows, import_dask, partitions

if TYPE_CHECKING:
    import distributed
    from numpy.typing import ArrayLike

    from .._typing import Rows

    Fittable = TypeVar("Fittable", bound=BaseBackprop)


def fit(
    estimator: Fittable,
    X: Any,
    y: Any,
    sample_weight: Any = None,
    X_val: Rows | None = None,
    y_val: ArrayLike | None = None,
    sample_weight_val: ArrayLike | None = None,
    *,
    client: distributed.Client | None = None,
    persist: bool = True,
) -> Fittable:
    """Train an estimator on a dask collection, whose rows never come together.

    Only with ``alpha="auto"`` at most 500 of them do, on a worker, to tell how noisy they are.

    With ``batch_size="full"`` and the solvers "rprop", "lbfgs" and "lm", the gradients of the
    partitions are summed: the result is that of the estimator's own `fit` to rounding. Else
    every partition trains for an epoch by itself, and the networks are averaged, weighted by
    what each was samples_seen, and so is what the update rule remembers: that is another
    algorithm, known as parameter mixing [1]_, [2]_ and local SGD [3]_. Its result depends on
    the data, their partitions and `random_state`, and not on how many workers there are.

    Parameters
    ----------
    estimator : BackpropClassifier or BackpropRegressor
        It is fitted in place. Without validation data it cannot have
        ``early_stopping=True``; neither ``warm_start=True`` nor callbacks are for this.
    X : dask array or dask dataframe of shape (n_samples, n_features)
        The inputs; chunks of arrays may be sparse. Sizes of chunks need not be known.
    y : dask array, series or dataframe of shape (n_samples,) or (n_samples, n_outputs)
        The targets, in the same partitions.
    sample_weight : dask array or series of shape (n_samples,), default=None
        How often each row is used in an epoch, on average, in the same partitions, with the
        limits of the estimator's own `fit`.
    X_val : {array-like, sparse matrix} of shape (n_val, n_features), default=None
        Rows that watch training, in memory here, as in the estimator's `fit`.
    y_val : array-like of shape (n_val,) or (n_val, n_outputs), default=None
        The targets of `X_val`.
    sample_weight_val : array-like of shape (n_val,), default=None
        How much each row of `X_val` counts.
    client : distributed.Client, default=None
        Whose workers train; None is the current one.
    persist : bool, default=True
        Whether the standardized rows stay with the workers, which move to disk what does not
        fit into memory. False: every round reads the rows again from where `X` has them.

    Returns
    -------
    estimator : object
        The fitted estimator, which predicts here as after its own `fit`.

    Raises
    ------
    ImportError
        If dask is not installed.
    ValueError
        If there is no client; if a parameter, `X`, `y` or a weight is not as described; or
        if training diverges. The estimator is then left as it was.

    References
    ----------
    .. [1] Zinkevich, M., Weimer, M., Smola, A. and Li, L. (2010). Parallelized stochastic
       gradient descent. Advances in Neural Information Processing Systems 23.
    .. [2] McDonald, R., Hall, K. and Mann, G. (2010). Distributed training strategies for the
       structured perceptron. NAACL.
    .. [3] Stich, S. U. (2019). Local SGD converges fast and communicates little. ICLR.

    Examples
    --------
    >>> import dask.array as da
    >>> from distributed import Client
    >>> from skbackprop import BackpropClassifier, distributed
    >>> from skbackprop.datasets import load_wheat_seeds
    >>> X, y = load_wheat_seeds(return_X_y=True)
    >>> clf = BackpropClassifier((5,), solver="lbfgs", max_iter=50, tol=None, random_state=0)
    >>> with Client(processes=False, dashboard_address=":0") as client:
    ...     dX, dy = da.from_array(X, chunks=(70, -1)), da.from_array(y, chunks=70)
    ...     clf = distributed.fit(clf, dX, dy)
    >>> clf.score(X, y) > 0.95
    True
    """
    import_dask()
    _check_estimator(estimator, X_val, persist)
    check_collections(X, y, sample_weight)
    client = _find(client)
    with training_lock(estimator):
        learner: BaseBackprop = type(estimator)(**estimator.get_params(deep=False))
        validate_data(learner, empty_rows(X), reset=True, skip_check_array=True)
        cluster = Cluster(client, partitions(X, y, sample_weight), persist)
        result = _train_on_cluster(learner, cluster, y.ndim, (X_val, y_val, sample_weight_val))
        state = estimator.__dict__
        state.pop("feature_names_in_", None)  # of an earlier fit
        state.update(vars(learner))
    if result.interrupt is not None:
        raise result.interrupt
    return estimator


# ---- Input validation ----


def _check_inputs_are_columns(estimator):
    """Refuse parameters that encode columns, which is not done on a cluster."""
    chosen, encoding = estimator.categorical_features, estimator.numeric_encoding
    if not (chosen is None or isinstance(chosen, str)):
        raise ValueError(
            "The 'categorical_features' parameter must be 'from_dtype' or None for "
            f"distributed.fit, which takes numbers. Got {chosen!r}: encode categories "
            "beforehand, for example with OneHotEncoder of dask_ml."
        )
    if encoding == "piecewise_linear":
        raise ValueError(
            "The 'numeric_encoding' parameter must be 'auto' or 'none' for distributed.fit. "
            f"Got {encoding!r}."
        )


def _check_estimator(estimator, X_val, persist):
    if not isinstance(estimator, BaseBackprop):
        raise ValueError(
            "estimator must be a BackpropClassifier or a BackpropRegressor; a pipeline's "
            "earlier steps are to be applied to X before. Got "
            f"{type(estimator).__name__}."
        )
    check_parameters(estimator)
    _check_inputs_are_columns(estimator)
    if not isinstance(persist, (bool, np.bool_)):
        raise ValueError(f"persist must be True or False. Got {persist!r}.")
    if estimator.warm_start:
        raise ValueError(
            "distributed.fit starts from the beginning and does not support warm_start=True: "
            "set it to False."
        )
    if estimator.n_members > 1:
        raise ValueError(
            "distributed.fit trains one network: n_members must be 1. Got "
            f"{estimator.n_members!r}."
        )
    if hasattr(estimator, "_skl_callbacks"):
        raise ValueError(
            "distributed.fit does not support callbacks, which would have to see X: remove "
            "them with set_callbacks()."
        )
    if estimator.early_stopping and X_val is None and solver_class(estimator).holds_out_rows:
        raise ValueError(
            "distributed.fit does not support early_stopping=True without validation data: "
            "give X_val and y_val."
        )


def _find(client):
    from distributed import Client, default_client

    if client is None:
        try:
            client = default_client()
        except ValueError as error:
            raise ValueError(
                "distributed.fit needs a cluster: make a client first, for example "
                "client = distributed.Client()."
            ) from error
    if not isinstance(client, Client) or client.asynchronous:
        raise ValueError(
            "client must be None or a distributed.Client that is not asynchronous. Got "
            f"{client!r}."
        )
    return client


def _strip_for_worker(learner):
    """The learner as the workers need it, who see to nothing that concerns all rows."""
    helper = copy.copy(learner)
    for name in (*TRAINED, "_class_totals"):  # of an earlier fit
        vars(helper).pop(name, None)
    helper.random_state, helper.scoring, helper.early_stopping = None, None, False
    if is_classifier(helper):
        helper.class_weight = None
    return helper


# ---- Training ----


def _train_on_cluster(learner, cluster, n_dimensions, validation_data):
    """As the estimators' `_fit`, with the samples on a cluster; returns how it ended."""
    with ExitStack() as stack:
        with cluster.map_partitions(_partition.load, _strip_for_worker(learner)) as rows:
            problem, data, state = _prepare(learner, rows, n_dimensions, validation_data, stack)
        return learner._train(problem, data, [state], resume=False, dispatcher=None)


def _prepare(learner, rows, n_dimensions, validation_data, stack):
    """The problem, which `stack` owns, the `TrainingData`, and the initial state."""
    summary = rows.reduce(_partition.summarize, is_classifier(learner), by=merge)
    _check_not_empty(summary)
    y = ravel_column(_representative_targets(summary, n_dimensions), "y")
    learner._input_encoder = InputEncoder.identity(learner.n_features_in_)
    kind = learner._fit_target_encoder(y, resume=False, is_stream=False)
    validation = learner._validate_validation_data(*validation_data, summary.dtype)
    network = learner._make_network((summary.n_rows, learner.n_features_in_), resume=False)
    solver = configuration.make_checked_solver(learner, network)
    solver.check_size(network)
    (state,) = learner._init_train_states(network, solver, summary.dtype)
    worker_config = _partition.WorkerConfig(
        learner=_strip_for_worker(learner),
        kind=kind,
        network=network,
        solver=solver,
        dtype=summary.dtype,
        sums_up=is_full_batch(learner),
        unit=summary.total.unit_of_fit(is_full_batch(learner)),
        seed=state.counters.seed,
    )
    if getattr(learner, "class_weight", None) is not None:
        worker_config = _weigh_classes(learner, rows, worker_config, summary)
    measured = rows.reduce(_partition.measure, worker_config, by=merge)
    scaling = Scaling()
    if learner.standardize:
        remote = ClusterRows(rows, worker_config, summary.dtype, summary.is_sparse)
        scaling = learner._fit_scaling(network, remote, [state])
    if initial_weights.has_given_weights(learner):
        state.params[:] = initial_weights.given_params(learner, network, scaling, summary.dtype)
    validation = learner._make_validation_set(validation, True, network, scaling)
    n_samples = range(sum(measured.sizes.values()))
    sampler, _ = sample_epochs(learner, n_samples, None, summary.dtype)
    noise = _noise(learner, rows, worker_config, scaling, network.loss)
    data = TrainingData(None, None, n_samples, sampler, None, validation, scaling, noise)
    config = configuration.resolve_config(learner, network, solver, data)
    worker_config = replace(worker_config, scaling=scaling)
    problem = _make_problem(learner, config, data, rows, worker_config, measured, stack)
    return problem, data, state


@dataclass(frozen=True)
class ClusterRows:
    """Rows on a cluster, asked as `scaling.LocalRows` is.

    Parameters
    ----------
    rows : Rounds
    worker_config : WorkerConfig
    dtype : dtype
    is_sparse : bool
    """

    rows: object
    worker_config: object
    dtype: object
    is_sparse: bool

    def of_first_inputs(self, n_inputs):
        """Return the rows with their first inputs alone, which all are numeric columns."""
        return self

    def of_sample(self, function):
        """Return what `function` makes of a sample of the rows, on a worker."""
        return self.rows.reduce(_partition.sample, self.worker_config, by=merge, then=function)

    def of_inputs(self, measure, *arguments):
        """Return what `measure` finds in the inputs of all rows."""
        found = _partition.measure_inputs, self.worker_config, measure, arguments
        return self.rows.reduce(*found, by=merge)

    def of_targets(self, measure, *arguments):
        """Return what `measure` finds in the targets of all rows."""
        found = _partition.measure_targets, self.worker_config, measure, arguments
        return self.rows.reduce(*found, by=merge)


def _noise(learner, rows, worker_config, scaling, loss):
    """The share of noise in the targets, where the plan has to know; found by a worker."""
    if not needs_noise_estimate(learner, is_stream=False):
        return None
    found = partial(sample_noise, scaling=scaling, loss=loss)
    return rows.reduce(_partition.sample, worker_config, by=merge, then=found)


def _check_not_empty(summary):
    if summary is None:
        raise ValueError("X must have at least one row. Got none in any partition.")
    if summary.total.weight == 0:
        raise ValueError("All entries of sample_weight are zero: a positive weight is needed.")


def _representative_targets(summary, n_dimensions):
    """A few targets that tell of the classes, or the columns, as all of them would."""
    columns = summary.classes or [np.zeros(1)] * summary.n_columns
    length = max(map(len, columns))
    # Each class twice: scikit-learn takes many classes of one row for a regression.
    columns = [np.tile(np.resize(column, length), 2) for column in columns]
    return columns[0] if n_dimensions == 1 else np.column_stack(columns)


def _weigh_classes(learner, rows, worker_config, summary):
    """Return the config with a factor for each class; the sum of the weights stays."""
    learner._check_names_in_class_weight()
    totals = rows.reduce(_partition.class_totals, worker_config, by=merge).by_column
    learner._class_totals = [list(column.items()) for column in totals]
    given = learner.class_weight
    if isinstance(given, str):  # balanced
        factors = [{label: 1 / n for label, n in seen.items()} for seen in totals]
    else:
        factors = list(given) if isinstance(given, (list, tuple)) else [given]
    worker_config = replace(worker_config, class_weight=factors)
    (weighed,) = rows.reduce(_partition.total_weight, worker_config)
    if weighed == 0:
        raise ValueError(
            f"The 'class_weight' parameter gives every row of y the weight zero. Got {given!r}."
        )
    weight = float(summary.total.weight / worker_config.unit)
    return replace(worker_config, weight_factor=weight / weighed)


def _make_problem(learner, config, data, rows, worker_config, measured, stack):
    """The problem with its samples on the workers, ready for training."""
    config.solver.check_size(config.network, len(data.rows))
    sizes = dict(sorted(measured.sizes.items()))
    starts = dict(zip(sizes, np.cumsum([0, *sizes.values()]).tolist(), strict=False))
    worker_config = replace(
        worker_config,
        batch_size=config.batch_size,
        regularization=config.regularization,
        total_weight=measured.weight,
    )
    evaluate = None
    if data.validation is not None:
        evaluate = data.validation.make_evaluator(learner, config.network, data.scaling)
    parts = {
        "config": config,
        "X": None,
        "Y": None,
        "sampler": replace(data.sampler, shuffle=False),
        "evaluate": evaluate,
        "cluster": stack.enter_context(
            rows.map_partitions(_partition.prepare, worker_config, starts)
        ),
        "weight": measured.weight,
    }
    if worker_config.sums_up:
        return SummedProblem(**parts)
    return AveragedProblem(**parts, largest=max(sizes.values()))
