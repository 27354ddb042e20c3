"""More than one machine: dask's backends, and training on rows that never come together.

The workers are processes of their own, so that they can be killed, and so that what
travels can be counted.
"""

import logging
import os
import signal
import sys
import time
from itertools import pairwise

import dask.array as da
import dask.dataframe as dd
import distributed.comm.tcp
import joblib
import numpy as np
import pandas as pd
import pytest
from dask import delayed
from dask_ml.wrappers import Incremental
from distributed import Client, LocalCluster
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning
from sklearn.experimental import enable_halving_search_cv  # noqa: F401
from sklearn.model_selection import GridSearchCV, HalvingRandomSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from skbackprop import BackpropClassifier, BackpropRegressor, Loss
from skbackprop._preprocessing.scaling import Moments
from skbackprop.datasets import load_wheat_seeds
from skbackprop.distributed import fit

CUTS = (50, 60, 1, 99)  # rows of the wheat seeds in each partition


@pytest.fixture(scope="module")
def client():
    """Two worker processes, which their nannies start again when they die."""
    with (
        LocalCluster(
            n_workers=2, threads_per_worker=1, dashboard_address=":0",
            silence_logs=logging.CRITICAL,
        ) as cluster,
        Client(cluster) as client,
    ):  # fmt: skip
        yield client


@pytest.fixture(scope="module")
def seeds():
    """The wheat seeds in a random order, with weights of which some are zero."""
    rng = np.random.default_rng(0)
    X, y = load_wheat_seeds(return_X_y=True)
    order = rng.permutation(len(X))
    weights = rng.uniform(0, 3, len(X))
    weights[::7] = 0
    return X[order], y[order], weights


def cut(array, cuts=CUTS):
    """A dask array of these partitions."""
    return da.from_array(array, chunks=(cuts, *array.shape[1:]))


def network(make, **settings):
    quick = {"hidden_layer_sizes": (5,), "activation": "tanh", "max_iter": 5, "tol": None,
             "solver": "adam", "learning_rate": "constant"}  # fmt: skip
    return make(**quick | {"random_state": 3} | settings)


def parameters(estimator):
    return np.concatenate([a.ravel() for a in (*estimator.coefs_, *estimator.intercepts_)])


def assert_same_training(ours, theirs, rtol):
    """The same networks, records and everything else that fitting leaves."""
    np.testing.assert_allclose(parameters(ours), parameters(theirs), rtol=rtol, atol=rtol)
    assert ours.history_.keys() == theirs.history_.keys()
    for name, column in ours.history_.items():
        if name != "seconds":
            np.testing.assert_allclose(column, theirs.history_[name], rtol=rtol, atol=rtol)
    for name in ("n_iter_", "t_", "converged_", "engine_", "n_features_in_", "out_activation_"):
        assert getattr(ours, name) == getattr(theirs, name), name
    left = {name for name in vars(theirs) if name != "_predictor"}
    assert {name for name in vars(ours) if name != "_predictor"} == left
    for name in ("mean", "scale"):
        for end in ("inputs", "targets"):
            one, other = getattr(ours._scaling, end), getattr(theirs._scaling, end)
            assert (one is None) == (other is None)
            if one is not None:
                np.testing.assert_allclose(
                    getattr(one, name),
                    getattr(other, name),
                    rtol=1e-6 if rtol > 1e-6 else 1e-12,
                )


def test_without_a_client(seeds):
    X, y = cut(seeds[0]), cut(seeds[1])
    with pytest.raises(ValueError, match="needs a cluster"):
        fit(network(BackpropClassifier), X, y)


# ---- Many fits, each on one worker: joblib's backend ----


SMALL = make_pipeline(
    MinMaxScaler(), BackpropClassifier((4,), max_iter=8, tol=None, random_state=0)
)
RATES = {"backpropclassifier__learning_rate_init": [0.01, 0.03, 0.1]}


def test_searches_on_the_cluster_find_what_one_process_finds(client, wheat):
    halving = {"factor": 2, "random_state": 0, "n_candidates": 3, "cv": 2}
    searches = [
        lambda: GridSearchCV(SMALL, RATES, cv=2, n_jobs=1),
        lambda: HalvingRandomSearchCV(SMALL, RATES, n_jobs=1, **halving),
    ]
    for search in searches:
        alone = search().fit(*wheat)
        with joblib.parallel_config(backend="dask"):
            together = search().set_params(n_jobs=None).fit(*wheat)
        assert alone.best_params_ == together.best_params_
        for name in ("mean_test_score", "std_test_score", "rank_test_score"):
            np.testing.assert_array_equal(alone.cv_results_[name], together.cv_results_[name])
        np.testing.assert_array_equal(
            alone.predict_proba(wheat[0]), together.predict_proba(wheat[0])
        )


def where(estimator, X, y):
    """Not a score, but the worker that was asked for one."""
    return float(os.getpid())


def test_cross_validation_on_the_cluster(client, wheat):
    with joblib.parallel_config(backend="dask"):
        together = cross_val_score(SMALL, *wheat, cv=4)
        workers = cross_val_score(SMALL, *wheat, cv=4, scoring=where)
    np.testing.assert_array_equal(together, cross_val_score(SMALL, *wheat, cv=4, n_jobs=1))
    assert set(workers) <= set(client.run(os.getpid).values())


# ---- Full batches: the same as fit, to rounding ----

FULL = {
    "sgd": {"solver": "sgd", "batch_size": "full", "learning_rate_init": 0.3},
    "momentum": {"solver": "sgd", "batch_size": "full", "momentum": 0.9, "clip_norm": 0.05},
    "adam": {"solver": "adam", "batch_size": "full", "learning_rate_init": 0.02, "l1": 0.1},
    "rmsprop": {
        "solver": "rmsprop",
        "batch_size": "full",
        "weight_decay": 0.1,
        "max_norm": 2.0,
    },
    "rprop": {"solver": "rprop"},
    "lbfgs": {"solver": "lbfgs"},
    "lm": {"solver": "lm", "loss": "squared_error"},
}
ESTIMATORS = (BackpropClassifier, BackpropRegressor)


@pytest.mark.parametrize("weighed", [False, True], ids=["alike", "weighed"])
@pytest.mark.parametrize("make", ESTIMATORS)
@pytest.mark.parametrize("solver", FULL)
def test_full_batches_train_as_one_machine_does(client, seeds, solver, make, weighed):
    X, y, weights = seeds
    alone = network(make, **FULL[solver]).fit(X, y, weights if weighed else None)
    together = network(make, **FULL[solver])
    assert fit(together, cut(X), cut(y), cut(weights) if weighed else None) is together
    # The second-order solvers divide by curvatures, which magnifies rounding.
    assert_same_training(together, alone, 1e-7 if solver in ("lbfgs", "lm") else 1e-11)


def test_levenberg_marquardt_with_few_residuals_trains_as_one_machine_does(client, seeds):
    """`fit` solves a system of the 30 residuals, and the cluster one of 271 parameters."""
    X, y, weights = seeds
    few = slice(30)
    settings = {"hidden_layer_sizes": (30,), "solver": "lm"}
    alone = network(BackpropRegressor, **settings).fit(X[few], y[few], weights[few])
    together = fit(
        network(BackpropRegressor, **settings),
        *(cut(array[few], (12, 10, 8)) for array in seeds),
    )
    assert alone._network.n_params == 271
    assert_same_training(together, alone, 1e-7)
    X = np.zeros((8, 60))
    X, y = cut(X, (5, 3)), cut(X[:, 0], (5, 3))
    with pytest.raises(ValueError, match="5000 equations. Got 6201 parameters, with"):
        fit(network(BackpropRegressor, hidden_layer_sizes=(100,), solver="lm"), X, y)


def several_targets(X, y):
    return np.column_stack([X[:, 0], X[:, 1] * X[:, 2], y])


TARGETS = {
    "two classes": (BackpropClassifier, {}, lambda X, y: np.where(y == 2, "yes", "no")),
    "labels": (BackpropClassifier, {}, lambda X, y: np.stack([y < 3, y > 1], 1).astype(int)),
    "columns": (BackpropClassifier, {}, lambda X, y: np.stack([y, (X[:, 0] > 14) + 5], 1)),
    "columns of two numbers": (
        BackpropClassifier, {}, lambda X, y: np.stack([(X[:, 0] > 14) + 5, (y > 1) + 1], 1),
    ),
    "balanced": (BackpropClassifier, {"class_weight": "balanced"}, lambda X, y: y),
    "class weights": (BackpropClassifier, {"class_weight": {1: 5.0, 3: 0.0}}, lambda X, y: y),
    "balanced columns": (
        BackpropClassifier,
        {"class_weight": "balanced"},
        lambda X, y: np.stack([y, (X[:, 0] > 14) + 5], 1),
    ),
    "several": (BackpropRegressor, {}, several_targets),
    "quantiles": (
        BackpropRegressor, {"loss": "quantile", "quantile": (0.1, 0.9)}, several_targets,
    ),
    "counts": (BackpropRegressor, {"loss": "poisson"}, lambda X, y: y),
    "not standardized": (
        BackpropRegressor, {"standardize": False, "activation": "identity"}, several_targets,
    ),
    "automatic size": (BackpropClassifier, {"hidden_layer_sizes": "auto"}, lambda X, y: y),
    "no hidden layer": (BackpropClassifier, {"hidden_layer_sizes": ()}, lambda X, y: y),
    "invscaling": (
        BackpropClassifier, {"learning_rate": "invscaling", "momentum": 0.5}, lambda X, y: y,
    ),
    "cosine": (BackpropClassifier, {"learning_rate": "cosine"}, lambda X, y: y),
}  # fmt: skip


@pytest.mark.parametrize("what", TARGETS)
def test_all_kinds_of_targets(client, seeds, what):
    make, settings, targets = TARGETS[what]
    X, y, weights = seeds
    y = targets(X, y)
    settings = {"max_iter": 3, "solver": "sgd", "batch_size": "full"} | settings
    alone = network(make, **settings).fit(X, y, weights)
    together = fit(network(make, **settings), cut(X), cut(y), cut(weights))
    assert_same_training(together, alone, 1e-11)
    np.testing.assert_array_equal(together.predict(X[:5]).shape, alone.predict(X[:5]).shape)
    if make is BackpropClassifier:
        for ours, theirs in zip(
            together._target_encoder.per_column, alone._target_encoder.per_column, strict=True
        ):
            np.testing.assert_array_equal(ours, theirs)
            assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(together.predict(X), alone.predict(X))


@pytest.mark.parametrize("make", [BackpropClassifier, BackpropRegressor])
def test_the_noise_is_found_as_one_machine_finds_it(client, make):
    """Of more rows than it takes, the same are taken; no held-out rows choose the penalty."""
    rng = np.random.default_rng(1)
    X = rng.normal(size=(900, 3))
    y = (X + rng.normal(size=X.shape) > 0).sum(axis=1)
    settings = {"solver": "lbfgs", "max_iter": 5}
    theirs = network(make, **settings).fit(X, y)
    ours = fit(network(make, **settings), cut(X, (500, 400)), cut(y, (500, 400)))
    assert_same_training(ours, theirs, 1e-9)


def test_the_noise_alone_decides_of_many_rows(client):
    rng = np.random.default_rng(1)
    X = rng.normal(size=(1200, 3))
    y = (X + 2 * rng.normal(size=X.shape) > 0).sum(axis=1)
    settings = {"solver": "lbfgs", "max_iter": 5}
    alone = network(BackpropClassifier, **settings).fit(X, y)
    together = fit(
        network(BackpropClassifier, **settings), cut(X, (700, 500)), cut(y, (700, 500))
    )
    assert together.alpha_selection_ == {"factor": [], "alpha": [], "validation_loss": []}
    usual = alone.alpha_selection_["factor"].index(1)
    assert together.alpha_ == pytest.approx(alone.alpha_selection_["alpha"][usual])
    assert together.solver_ == "lbfgs"


def test_given_weights_and_single_precision_and_sparse_chunks(client, seeds):
    X, y, _ = seeds
    drawn = network(BackpropClassifier, max_iter=1).fit(X, y)
    first = (drawn.coefs_, drawn.intercepts_)
    settings = FULL["sgd"] | {"weight_init": first}
    X32 = X.astype(np.float32)
    alone = network(BackpropClassifier, **settings).fit(X32, y)
    together = fit(network(BackpropClassifier, **settings), cut(X32), cut(y))
    assert together.coefs_[0].dtype == np.float32
    assert_same_training(together, alone, 1e-4)

    X = np.where(np.median(X, axis=0) < X, X, 0)
    chunks = cut(X).map_blocks(sparse.csr_matrix, meta=sparse.csr_matrix((0, 0)))
    settings = FULL["sgd"] | {"shuffle": False}
    alone = network(BackpropClassifier, **settings).fit(sparse.csr_matrix(X), y)
    together = fit(network(BackpropClassifier, **settings), chunks, cut(y))
    assert_same_training(together, alone, 1e-11)


def with_index_far_away(chunk):
    """A sparse chunk that SciPy would not make."""
    chunk = sparse.csr_matrix(chunk)
    chunk.indices[0] = 10**6
    return chunk


@pytest.mark.parametrize("columns", [7, 4])  # in one chunk, or side by side in two
def test_malformed_sparse_chunks_are_refused(client, seeds, columns):
    X, y, _ = seeds
    X = MinMaxScaler().fit_transform(X)
    chunks, dy = da.from_array(X, chunks=(CUTS, columns)), cut(y)
    meta = sparse.csr_matrix((0, 0))
    settings = {"batch_size": "full", "max_iter": 2}
    sound = chunks.map_blocks(sparse.csr_matrix, meta=meta)
    spread = fit(network(BackpropClassifier, **settings), sound, dy)
    alone = network(BackpropClassifier, **settings).fit(sparse.csr_matrix(X), y)
    np.testing.assert_allclose(parameters(spread), parameters(alone), rtol=1e-9)
    malformed = chunks.map_blocks(with_index_far_away, meta=meta)
    with pytest.raises(ValueError, match="sparse matrix whose arrays fit together"):
        fit(network(BackpropClassifier, **settings), malformed, dy)


def test_a_partition_of_no_weight_is_as_if_it_were_not_there(client, seeds):
    X, y, weights = seeds
    weights = np.where((np.arange(len(X)) >= 50) & (np.arange(len(X)) < 110), 0, weights)
    alone = network(BackpropClassifier, **FULL["adam"]).fit(X, y, weights)
    together = fit(network(BackpropClassifier, **FULL["adam"]), cut(X), cut(y), cut(weights))
    assert_same_training(together, alone, 1e-11)


@pytest.mark.parametrize("size", [5e-324 * 2**60, 2.0**40, 2.0**1000])
def test_weights_of_any_size_are_relative(client, seeds, size):
    X, y, weights = seeds
    settings = FULL["adam"] | {"class_weight": {1: 2.0, 9: 5.0}}
    alone = network(BackpropClassifier, **settings).fit(X, y, weights * size)
    together = network(BackpropClassifier, **settings)
    fit(together, cut(X), cut(y), cut(weights * size))
    assert_same_training(together, alone, 1e-9)
    online = [
        fit(network(BackpropClassifier, batch_size=8), cut(X), cut(y), cut(weights * factor))
        for factor in (size, size * 4)
    ]
    # About as many rows as have a weight, rounded up in each partition.
    assert 5 * 180 <= online[0].t_ < 5 * 190
    np.testing.assert_array_equal(*map(parameters, online))


def test_partitions_may_be_many_and_cut_across(client, seeds):
    """More than are summed at once; and columns apart from one another."""
    X, y, _ = seeds
    alone = network(BackpropClassifier, **FULL["adam"]).fit(X, y)
    together = network(BackpropClassifier, **FULL["adam"])
    fit(together, da.from_array(X, chunks=(20, 3)), da.from_array(y, chunks=20))
    assert_same_training(together, alone, 1e-11)


def test_copies_train_alike_and_are_counted_each(client, seeds):
    X, y, _ = seeds
    alone = network(BackpropClassifier, **FULL["adam"]).fit(np.tile(X, (2, 1)), np.tile(y, 2))
    together = network(BackpropClassifier, **FULL["adam"])
    fit(together, da.concatenate([cut(X)] * 2), da.concatenate([cut(y)] * 2))
    np.testing.assert_allclose(parameters(together), parameters(alone), rtol=1e-11, atol=1e-11)
    assert together.t_ == 2 * alone.t_


def test_training_ends_where_one_machine_ends(client, seeds):
    X, y, _ = seeds
    settings = FULL["sgd"] | {"max_iter": 40, "tol": 0.01, "n_iter_no_change": 2}
    alone = network(BackpropClassifier, **settings).fit(X, y)
    together = fit(network(BackpropClassifier, **settings), cut(X), cut(y))
    assert alone.converged_ and alone.n_iter_ < 40
    assert_same_training(together, alone, 1e-11)
    with pytest.warns(ConvergenceWarning, match="max_iter=2"):
        fit(together.set_params(max_iter=2), cut(X), cut(y))


def test_given_rows_watch_training(client, seeds):
    X, y, weights = seeds
    validation_data = {"X_val": X[:40], "y_val": y[:40], "sample_weight_val": weights[:40]}
    settings = FULL["adam"] | {
        "max_iter": 30, "early_stopping": True, "scoring": "accuracy", "n_iter_no_change": 2,
        "tol": 1e-4,
    }  # fmt: skip
    alone = network(BackpropClassifier, **settings).fit(X, y, **validation_data)
    together = fit(network(BackpropClassifier, **settings), cut(X), cut(y), **validation_data)
    assert alone.converged_ and alone.n_iter_ < 30
    assert_same_training(together, alone, 1e-11)
    assert together.best_validation_score_ == alone.best_validation_score_


def test_training_that_diverges_starts_again_with_half_the_rate(client, seeds):
    X, y, _ = seeds
    settings = FULL["sgd"] | {"learning_rate_init": 1e200, "clip_norm": None, "max_restarts": 1}
    both = []
    for train in (lambda reg: reg.fit(X, y), lambda reg: fit(reg, cut(X), cut(y))):
        reg = network(BackpropRegressor, activation="identity", **settings)
        with (
            pytest.warns(ConvergenceWarning, match="starts again with learning_rate_init=5e"),
            pytest.raises(ValueError, match="diverged") as error,
        ):
            train(reg)
        assert not hasattr(reg, "_params")
        both.append(str(error.value))
    assert both[0] == both[1]


def test_dropout_is_drawn_for_every_row(client, seeds):
    X, y, _ = seeds
    settings = FULL["adam"] | {"dropout": 0.5, "max_iter": 3}
    once, again = (
        fit(network(BackpropClassifier, **settings), cut(X), cut(y)) for _ in range(2)
    )
    np.testing.assert_array_equal(parameters(once), parameters(again))
    # One partition in the order of one machine is samples_seen by the same numbers.
    settings["shuffle"] = False
    alone = network(BackpropClassifier, **settings).fit(X, y)
    one = fit(network(BackpropClassifier, **settings), cut(X, (210,)), cut(y, (210,)))
    assert_same_training(one, alone, 1e-11)


# ---- Mini-batches: networks are averaged ----


def test_networks_are_averaged_by_the_samples_each_has_seen(client, seeds):
    X, y, weights = seeds
    weights = np.rint(weights)
    settings = {
        "solver": "sgd", "batch_size": 8, "shuffle": False, "standardize": False,
        "learning_rate_init": 0.01, "alpha": 0.1, "activation": "identity",
    }  # fmt: skip
    together = fit(
        network(BackpropRegressor, **settings, max_iter=3), cut(X), cut(y), cut(weights)
    )
    # By definition, with nothing but fits on the parts.
    average = network(BackpropRegressor, **settings, max_iter=1)
    average = average.set_params(learning_rate_init=1e-300).fit(X, y)
    ends = np.cumsum((0, *CUTS))
    for _ in range(3):
        first = (average.coefs_, average.intercepts_)
        local, sizes = [], []
        for start, stop in pairwise(ends):
            rows = slice(start, stop)
            if not weights[rows].any():
                continue
            one = network(BackpropRegressor, **settings, max_iter=1, weight_init=first)
            local.append(one.fit(X[rows], y[rows], weights[rows]))
            sizes.append(one.t_)
        arrays = [[*one.coefs_, *one.intercepts_] for one in local]
        means = [np.average(a, axis=0, weights=sizes) for a in zip(*arrays, strict=True)]
        average.set_params(weight_init=(means[:2], means[2:])).fit(X, y)
    np.testing.assert_allclose(parameters(together), parameters(average), rtol=1e-10)
    assert together.t_ == 3 * weights.sum()


@pytest.mark.parametrize("solver", ["sgd", "adam", "amsgrad", "rmsprop"])
def test_the_average_of_one_is_one(client, seeds, solver):
    X, y, _ = seeds
    settings = {"solver": solver, "batch_size": 16, "shuffle": False, "dropout": 0.2}
    alone = network(BackpropClassifier, **settings).fit(X, y)
    one = fit(network(BackpropClassifier, **settings), cut(X, (210,)), cut(y, (210,)))
    assert_same_training(one, alone, 1e-13)


def test_the_number_of_workers_changes_no_bit(client, seeds):
    X, y, weights = (cut(array) for array in seeds)
    settings = {"batch_size": 2, "learning_rate_init": 0.05, "class_weight": "balanced"}
    two = fit(network(BackpropClassifier, **settings), X, y, weights)
    with Client(
        n_workers=1, processes=False, dashboard_address=":0", set_as_default=False
    ) as other:
        one = fit(network(BackpropClassifier, **settings), X, y, weights, client=other)
    np.testing.assert_array_equal(parameters(two), parameters(one))
    assert two.score(*seeds[:2]) > 0.9
    assert "shuffle" in vars(two)  # another order each epoch, but the same each time
    unshuffled = fit(network(BackpropClassifier, **settings, shuffle=False), X, y, weights)
    assert not np.array_equal(parameters(two), parameters(unshuffled))


def test_what_is_not_kept_is_read_again(client, seeds):
    X, y, weights = (cut(array) for array in seeds)
    for settings in (FULL["adam"], {"batch_size": 8}):
        kept = fit(network(BackpropClassifier, **settings), X, y, weights)
        read = fit(network(BackpropClassifier, **settings), X, y, weights, persist=False)
        np.testing.assert_array_equal(parameters(kept), parameters(read))


# ---- What travels, and what is lost ----


def drawn(shape):
    """Rows that come into being on the workers."""
    rng = da.random.default_rng(0)
    X = rng.standard_normal(shape, chunks=(shape[0] // 8, -1))
    return X, (X[:, 0] * X[:, 1] > 0).astype(int)


def wait_until_nothing_is_kept(client):
    """Fails where the workers go on holding something; they are told of it in passing."""
    for _ in range(100):
        if not any(client.has_what().values()):
            return
        time.sleep(0.02)
    raise AssertionError(client.has_what())


@pytest.mark.parametrize("batch_size", ["full", 100])
def test_rows_never_come_to_the_client(client, monkeypatch, batch_size):
    received = [0]
    read = distributed.comm.tcp.from_frames

    def counting(frames, **options):
        received[0] += sum(memoryview(frame).nbytes for frame in frames)
        return read(frames, **options)

    # The client and the scheduler live in this process, and read from nowhere else.
    monkeypatch.setattr(distributed.comm.tcp, "from_frames", counting)
    X, y = drawn((40_000, 20))
    clf = network(BackpropClassifier, batch_size=batch_size, max_iter=3)
    fit(clf, X, y)
    assert 3 * parameters(clf).nbytes < received[0] < X.nbytes / 20
    assert clf.n_iter_ == 3
    wait_until_nothing_is_kept(client)
    with_rows = received[0]
    X.compute()
    assert received[0] - with_rows > X.nbytes


def squared(z, o, y):
    return 0.5 * ((o - y) ** 2).sum(axis=1)


def identity(z):
    return z


@pytest.mark.parametrize("batch_size", ["full", 16])
def test_a_killed_worker_does_not_lose_the_fit(client, seeds, tmp_path, batch_size):
    X, y, _ = seeds
    visits, killed = str(tmp_path / "visits"), str(tmp_path / "killed")

    def plain(z, o, y):
        return o - y

    def deadly(z, o, y):
        with open(visits, "a") as file:
            file.write(".")
        if os.path.getsize(visits) > 10 and not os.path.exists(killed):
            open(killed, "w").close()
            os.kill(os.getpid(), signal.SIGKILL)
        return o - y

    settings = {"batch_size": batch_size, "solver": "sgd", "learning_rate_init": 0.05}
    before = set(client.run(os.getpid).values())
    losses = [Loss("own", "identity", identity, squared, slope) for slope in (deadly, plain)]
    mortal, immortal = (
        fit(network(BackpropRegressor, loss=loss, **settings), cut(X), cut(y))
        for loss in losses
    )
    assert os.path.exists(killed)
    client.wait_for_workers(2, timeout=300)
    assert set(client.run(os.getpid).values()) != before
    np.testing.assert_array_equal(parameters(mortal), parameters(immortal))


# ---- Dataframes and files ----


@pytest.fixture(scope="module")
def parquet(seeds, tmp_path_factory):
    """The wheat seeds as a folder of four Parquet files, the varieties by name."""
    frame = pd.DataFrame(seeds[0], columns=[f"measure {i}" for i in range(7)])
    frame["variety"] = np.array(["Kama", "Rosa", "Canadian"])[seeds[1] - 1]
    frame["weight"] = seeds[2]
    folder = tmp_path_factory.mktemp("seeds")
    for number, rows in enumerate(np.array_split(np.arange(len(frame)), 4)):
        frame.iloc[rows].to_parquet(folder / f"{number}.parquet")
    return folder, frame


def test_dataframes_from_files_with_empty_partitions(client, parquet):
    folder, frame = parquet
    names = list(frame.columns[:7])
    settings = FULL["adam"] | {"class_weight": {"Kama": 2.0}}
    together = network(BackpropClassifier, **settings)
    rows = dd.read_parquet(folder)
    rows = rows[rows[names[0]] > 0]
    chosen = dd.concat([rows, rows[rows[names[0]] < 0]])  # the latter half has no rows
    fit(together, chosen[names], chosen["variety"], chosen["weight"])
    alone = network(BackpropClassifier, **settings)
    alone.fit(frame[names], frame["variety"], frame["weight"])
    assert_same_training(together, alone, 1e-11)
    assert list(together.feature_names_in_) == names
    np.testing.assert_array_equal(together.classes_, ["Canadian", "Kama", "Rosa"])
    np.testing.assert_array_equal(together.predict(frame[names]), alone.predict(frame[names]))
    # Pieces of one frame, the targets as a column; and arrays of unknown length.
    halves = dd.from_pandas(frame, npartitions=2)
    again = network(BackpropClassifier, **settings)
    with pytest.warns(DataConversionWarning, match="column-vector"):
        fit(again, halves[names], halves[["variety"]], halves["weight"])
    assert_same_training(again, alone, 1e-11)
    X, y = cut(frame[names].to_numpy()), cut(frame["variety"].to_numpy(object))
    counted = cut(frame["weight"].to_numpy()) > 0
    fit(again, X[counted], y[counted])
    assert not hasattr(again, "feature_names_in_")
    counted = frame["weight"] > 0
    alone.fit(frame[names][counted].to_numpy(), frame["variety"][counted])
    assert_same_training(again, alone, 1e-11)


def test_a_stream_of_files(client, parquet):
    folder, frame = parquet
    names = list(frame.columns[:7])
    stream = network(BackpropClassifier, learning_rate_init=0.02)
    by_hand = network(BackpropClassifier, learning_rate_init=0.02)
    kinds = ["Canadian", "Kama", "Rosa"]
    rows = dd.read_parquet(folder)
    for part in rows.partitions:
        part = part.compute()
        stream.partial_fit(part[names], part["variety"], classes=kinds)
    for part in np.array_split(np.arange(len(frame)), 4):
        some = frame.iloc[part]
        by_hand.partial_fit(some[names], some["variety"], classes=kinds)
    np.testing.assert_array_equal(parameters(stream), parameters(by_hand))
    assert stream.n_iter_ == 1 and stream.t_ == 210


def test_dask_mls_incremental(client, seeds):
    X, y, _ = seeds
    made = network(BackpropClassifier, learning_rate_init=0.02)
    incremental = Incremental(made, shuffle_blocks=False)
    for _ in range(2):
        incremental.partial_fit(cut(X), cut(y), classes=[1, 2, 3])
    by_hand = network(BackpropClassifier, learning_rate_init=0.02)
    for _ in range(2):
        for part in np.split(np.arange(210), np.cumsum(CUTS)[:-1]):
            by_hand.partial_fit(X[part], y[part], classes=[1, 2, 3])
    np.testing.assert_array_equal(parameters(incremental.estimator_), parameters(by_hand))
    np.testing.assert_array_equal(incremental.predict(cut(X)).compute(), by_hand.predict(X))


# ---- Errors ----


def with_one(array, value, at):
    array = array.copy()
    array[at] = value
    return array


REFUSED = {
    "In partition 3: Input X contains NaN": lambda X, y, w: (
        cut(with_one(X, np.nan, (200, 1))), cut(y),
    ),
    "In partition 0: Input y contains NaN": lambda X, y, w: (
        cut(X), cut(with_one(y * 1.0, np.nan, 3)),
    ),
    "In partition 1: Unknown label type: continuous": lambda X, y, w: (
        cut(X), cut(with_one(y * 1.0, 0.5, 60)),
    ),
    "In partition 2: Negative sample_weight": lambda X, y, w: (
        cut(X), cut(y), cut(with_one(w, -1, 110)),
    ),
    "All entries of sample_weight are zero": lambda X, y, w: (cut(X), cut(y), cut(0 * w)),
    "which cannot join the classes so far.*strings and numbers": lambda X, y, w: (
        cut(X), cut(y).map_blocks(lambda part: part if part[0] < 3 else part.astype(str)),
    ),
    "X and y must have the same partitions. X has 4, y has 1": lambda X, y, w: (
        cut(X), cut(y, (210,)),
    ),
    "Partition 1 of X has 60 rows, that of y has 61": lambda X, y, w: (
        cut(X), cut(y, (50, 61, 1, 98)),
    ),
    "In partition [13]: Found input variables with inconsistent numbers": lambda X, y, w: (
        dd.from_dask_array(cut(X)), cut(y, (50, 61, 1, 98)),
    ),
    "X must be a dask array or dataframe.*Got ndarray": lambda X, y, w: (X, cut(y)),
    "sample_weight must be a dask array.*Got float": lambda X, y, w: (cut(X), cut(y), 1.0),
    "sample_weight must have 1 dimension.*Got 2": lambda X, y, w: (cut(X), cut(y), cut(X)),
    "X must have 2 dimension.*Got 1": lambda X, y, w: (cut(y), cut(y)),
    "X must have a known number of columns": lambda X, y, w: (
        da.from_delayed(delayed(lambda: X)(), (np.nan, np.nan), float), cut(y, (210,)),
    ),
    "X must have at least one row": lambda X, y, w: (
        cut(X)[cut(X)[:, 0] < 0], cut(y)[cut(X)[:, 0] < 0],
    ),
}  # fmt: skip


@pytest.mark.parametrize("message", REFUSED)
def test_bad_data_are_refused(client, seeds, message):
    clf = network(BackpropClassifier)
    with pytest.raises(ValueError, match=message):
        fit(clf, *REFUSED[message](*seeds))
    assert not hasattr(clf, "_params") and not hasattr(clf, "n_features_in_")


@pytest.mark.parametrize(
    "message, estimator, options",
    [
        ("'alpha' parameter of BackpropClassifier", network(BackpropClassifier, alpha=-1), {}),
        ("warm_start=True", network(BackpropClassifier, warm_start=True), {}),
        ("n_members must be 1", network(BackpropClassifier, n_members=2), {}),
        ("early_stopping=True without", network(BackpropClassifier, early_stopping=True), {}),
        ("estimator must be .*Got Pipeline", SMALL, {}),
        ("persist must be True or False. Got 1", network(BackpropClassifier), {"persist": 1}),
        ("client must be None or a distributed.Client", network(BackpropClassifier),
         {"client": "here"}),
        ("y_val is given", network(BackpropClassifier), {"y_val": [1]}),
        ("names \\['x'\\]", network(BackpropClassifier, class_weight={"x": 1.0}), {}),
        ("every row of y the weight zero",
         network(BackpropClassifier, class_weight={1: 0.0, 2: 0.0, 3: 0.0}), {}),
        ("a dictionary for each", network(BackpropClassifier, class_weight=[{1: 2.0}] * 2), {}),
        ("1: y must hold numbers >= 0", network(BackpropRegressor, loss="poisson"), {}),
    ],
)  # fmt: skip
def test_bad_parameters_are_refused(client, seeds, message, estimator, options):
    X, y, _ = seeds
    if getattr(estimator, "loss", None) == "poisson":
        y = with_one(y, -1, 77)
    with pytest.raises(ValueError, match=message):
        fit(estimator, cut(X), cut(y), **options)
    assert not hasattr(estimator, "_params")


def test_callbacks_are_refused(client, seeds):
    sklearn_callback = pytest.importorskip("sklearn.callback")
    clf = network(BackpropClassifier).set_callbacks(sklearn_callback.ProgressBar())
    with pytest.raises(ValueError, match="does not support callbacks"):
        fit(clf, cut(seeds[0]), cut(seeds[1]))


def test_no_dask(seeds, monkeypatch):
    X, y = cut(seeds[0]), cut(seeds[1])
    monkeypatch.setitem(sys.modules, "distributed", None)
    with pytest.raises(ImportError, match=r"skbackprop\[dask\]"):
        fit(network(BackpropClassifier), X, y)


def test_a_refused_fit_leaves_the_fitted_network(client, seeds):
    X, y, _ = seeds
    clf = fit(network(BackpropClassifier), cut(X), cut(y))
    before = dict(vars(clf))
    with pytest.raises(ValueError, match="contains NaN"):
        fit(clf, cut(with_one(X, np.nan, (5, 0))), cut(y))
    assert vars(clf) == before
    # And what is fitted goes on as any other.
    clf.partial_fit(X, y)
    assert clf.n_iter_ == 1 and len(clf.loss_curve_) == 6


# ---- Sums of parts ----


@given(
    st.lists(st.integers(1, 30), min_size=1, max_size=5),
    st.integers(0, 2**32 - 1),
    st.floats(-1e6, 1e6),
)
def test_moments_of_parts_merge_to_those_of_the_whole(sizes, seed, place):
    rng = np.random.default_rng(seed)
    values = rng.normal(place, 1, (sum(sizes), 3))
    values[:, 2] = place  # constant
    weights = rng.uniform(0.1, 3, len(values))
    ones = np.ones(3)
    whole = Moments.measure(values, np.arange(len(values)), weights, ones)
    parts = np.split(np.arange(len(values)), np.cumsum(sizes)[:-1])
    merged = Moments.measure(values, parts[0], weights, ones)
    for rows in parts[1:]:
        merged = merged.merged(Moments.measure(values, rows, weights, ones))
    np.testing.assert_allclose(merged.total, whole.total, rtol=1e-12)
    # A mean is as exact as the numbers are fine, and deviations from it are no exacter.
    resolution = 32 * np.finfo(float).eps * max(1.0, abs(place))
    np.testing.assert_allclose(merged.mean, whole.mean, rtol=0, atol=resolution)
    # And to what numpy says of the whole.
    mean = np.average(values, axis=0, weights=weights)
    deviation = np.sqrt(np.average((values - mean) ** 2, axis=0, weights=weights))
    np.testing.assert_allclose(
        np.sqrt(merged.squares / merged.total), deviation, rtol=1e-12, atol=resolution
    )


@pytest.mark.parametrize(
    "parameters", [{"categorical_features": [0]}, {"numeric_encoding": "piecewise_linear"}]
)
def test_encodings_of_columns_are_refused(parameters):
    name = next(iter(parameters))
    with pytest.raises(ValueError, match=f"'{name}' parameter must be .* for distributed.fit"):
        fit(BackpropClassifier(**parameters), None, None)
