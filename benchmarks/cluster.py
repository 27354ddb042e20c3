"""Training on a cluster: speed, traffic, exactness, and what averaging costs.

    python -m benchmarks.cluster
    python -m benchmarks.cluster --smoke

Every worker is a process with one thread on this computer, so the numbers of workers beyond
its cores show what they cost and not what they bring. Medians of rounds, the first of each
fit left out. Traffic is what the processes read from their connections, where a worker's part
is what came to it from the scheduler, the client and other workers.
"""

import os

os.environ.update({"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"})

import argparse
import statistics
from contextlib import contextmanager
from dataclasses import dataclass

import dask.array as da
import distributed.comm.tcp
import numpy as np
from distributed import Client, LocalCluster
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skbackprop import BackpropClassifier
from skbackprop.distributed import fit

from ._report import marked

FULL = {
    "sgd": {"solver": "sgd", "batch_size": "full", "learning_rate_init": 0.5},
    "adam": {"solver": "adam", "batch_size": "full", "learning_rate_init": 0.01},
    "rprop": {"solver": "rprop"},
    "lbfgs": {"solver": "lbfgs"},
    "lm": {"solver": "lm", "loss": "squared_error", "hidden_layer_sizes": (4,)},
}
MINIBATCH = {"batch_size": 32, "learning_rate_init": 0.003}


@dataclass(frozen=True)
class Size:
    """How much is measured."""

    rows: int = 400_000
    inputs: int = 50
    hidden: int = 64
    rounds: int = 12
    workers: tuple = (1, 2, 4)
    partitions: tuple = (8, 64, 512)
    epochs: int = 60
    seeds: int = 3


SMOKE = Size(
    rows=2_000,
    inputs=5,
    hidden=4,
    rounds=3,
    workers=(1, 2),
    partitions=(2, 4),
    epochs=2,
    seeds=1,
)


@contextmanager
def cluster(n_workers):
    with (
        LocalCluster(
            n_workers=n_workers, threads_per_worker=1, dashboard_address=":0"
        ) as processes,
        Client(processes) as client,
    ):
        yield client


def network(**settings):
    quick = {"solver": "adam", "tol": None, "random_state": 0, "learning_rate": "constant"}
    return BackpropClassifier(**quick | settings)


def n_params(fitted):
    return sum(a.size for a in (*fitted.coefs_, *fitted.intercepts_))


def table(title, head, rows):
    print(f"\n## {title}\n\n{marked(head, rows)}", flush=True)


# ---- Traffic ----


def count_bytes(dask_worker=None):
    """Begin to count what this process reads from its connections."""
    module = distributed.comm.tcp
    if hasattr(module, "bytes_read"):
        return
    read, module.bytes_read = module.from_frames, 0

    def counting(frames, **options):
        module.bytes_read += sum(memoryview(frame).nbytes for frame in frames)
        return read(frames, **options)

    module.from_frames = counting


def bytes_read(dask_worker=None):
    return distributed.comm.tcp.bytes_read


def traffic(client, estimator, X, y):
    """Bytes a round that the client and scheduler read, and that all workers together did.

    The latter in the round with the least and in that with the most: now and then the
    scheduler moves a whole partition to a worker that has nothing to do.
    """
    count_bytes()
    client.run(count_bytes)
    seen = []

    def meter(fitted, X_val, y_val):
        seen.append((bytes_read(), sum(client.run(bytes_read).values())))
        return 0.0

    shown = X[:2].compute(), y[:2].compute()
    fit(estimator.set_params(scoring=meter), X, y, X_val=shown[0], y_val=shown[1])
    ours, theirs = np.diff(seen, axis=0).T
    return np.median(ours), theirs.min(), theirs.max()


# ---- Tables ----


def rows_on_workers(size):
    """Rows that are drawn on the workers, and their classes: a parity that needs a network."""
    rng = da.random.default_rng(0)
    X = rng.standard_normal((size.rows, size.inputs), chunks=(size.rows // 16, -1))
    return X, (X[:, :3] > 0).sum(axis=1) % 2


def speed(size):
    rows = []
    kinds = {
        "gradients, adam": {"batch_size": "full"},
        "averages, sgd": {"batch_size": 32, "solver": "sgd"},
    }
    for n_workers in size.workers:
        with cluster(n_workers) as client:
            X, y = (one.persist() for one in rows_on_workers(size))
            for kind, settings in kinds.items():
                made = network(
                    hidden_layer_sizes=(size.hidden,), max_iter=size.rounds, **settings
                )
                fit(made, X, y)
                seconds = statistics.median(made.history_["seconds"][1:])
                each = traffic(client, made, X, y)
                params = 8 * n_params(made)
                rows.append((kind, n_workers, seconds, *(one / params for one in each), params))
    base = {kind: seconds for kind, n, seconds, *_ in rows if n == size.workers[0]}
    table(
        f"Rounds on {size.rows:,} rows of {size.inputs} inputs in 16 partitions, "
        f"{size.hidden} hidden neurons",
        ("", "workers", "seconds a round", "speed-up", "client and scheduler read, params",
         "all workers read, params, least", "most", "params, bytes"),
        [
            (kind, n, f"{seconds:.3f}", f"{base[kind] / seconds:.2f}", f"{ours:.1f}",
             f"{least:.1f}", f"{most:.1f}", f"{params:,}")
            for kind, n, seconds, ours, least, most, params in sorted(rows)
        ],
    )  # fmt: skip


def overhead(size):
    """What a round costs when there is next to nothing to compute."""
    rows = []
    for n in size.partitions:
        X = da.random.default_rng(0).standard_normal((4 * n, 5), chunks=(4, -1))
        clf = fit(
            network(hidden_layer_sizes=(4,), max_iter=5, batch_size="full"), X, X[:, 0] > 0
        )
        seconds = statistics.median(clf.history_["seconds"][1:])
        rows.append((n, f"{1e3 * seconds:.0f}", f"{1e3 * seconds / n:.2f}"))
    table(
        "Rounds on partitions of four rows, 2 workers",
        ("partitions", "ms a round", "ms a partition"),
        rows,
    )


def digits():
    X, y = load_digits(return_X_y=True)
    return train_test_split(X, y, test_size=0.3, random_state=0, stratify=y)


def synthetic(size):
    """Rows in four classes by two smooth functions of them, of which a tenth mislead."""
    rng = np.random.default_rng(0)
    n = size.rows // 10
    X = rng.standard_normal((n, 20))
    a = np.sin(X[:, 0] * X[:, 1]) + X[:, 2]
    y = 2 * (a > 0) + (X[:, 3:7].sum(axis=1) ** 2 > 4)
    y = np.where(rng.uniform(size=n) < 0.1, rng.integers(4, size=n), y)
    return train_test_split(X, y, test_size=0.3, random_state=0)


def pieces(X, y, n):
    rows = -(-len(X) // n)
    return da.from_array(X, chunks=(rows, -1)), da.from_array(y, chunks=rows)


def exactness(size):
    X, _, y, _ = digits()
    rows = []
    for name, settings in FULL.items():
        settings = {"hidden_layer_sizes": (16,), "max_iter": size.epochs // 3 or 1} | settings
        alone = network(**settings).fit(X, y)
        together = fit(network(**settings), *pieces(X, y, 5))
        apart = max(np.abs(one - other).max() for one, other in zip(
            alone.coefs_, together.coefs_, strict=True))  # fmt: skip
        losses = np.abs(np.subtract(alone.loss_curve_, together.loss_curve_)).max()
        largest = max(np.abs(one).max() for one in alone.coefs_)
        same = np.mean(alone.predict(X) == together.predict(X))
        rows.append(
            (name, alone.n_iter_, f"{apart / largest:.0e}", f"{losses:.0e}", f"{same:.2%}")
        )
    table(
        "Full batches against the estimator's own fit: digits in 5 partitions",
        ("solver", "epochs", "coefficients, of the largest", "loss curve", "same predictions"),
        rows,
    )


def averaging(size):
    rows = []
    for name, (X, X_test, y, y_test) in {
        "digits": digits(), "synthetic": synthetic(size),
    }.items():  # fmt: skip
        for epochs in (size.epochs // 3 or 1, size.epochs):
            scores = {}
            for seed in range(size.seeds):
                settings = MINIBATCH | {
                    "hidden_layer_sizes": (64,), "max_iter": epochs, "random_state": seed,
                }  # fmt: skip
                alone = network(**settings).fit(X, y)
                scores.setdefault("one machine", []).append(alone.score(X_test, y_test))
                for n in (2, 4, 8, 16):
                    together = fit(network(**settings), *pieces(X, y, n))
                    scores.setdefault(n, []).append(together.score(X_test, y_test))
            means = [f"{statistics.mean(one):.2%}" for one in scores.values()]
            spread = statistics.pstdev(scores["one machine"])
            rows.append((name, f"{len(X):,}", epochs, *means, f"{spread:.2%}"))
    table(
        "Averaged networks: accuracy on rows held back, by number of partitions",
        ("", "rows", "epochs", "one machine", 2, 4, 8, 16, "deviation over seeds"),
        rows,
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--smoke", action="store_true", help="only see whether it runs")
    size = SMOKE if parser.parse_args().smoke else Size()
    speed(size)
    with cluster(2):
        overhead(size)
        exactness(size)
        averaging(size)


if __name__ == "__main__":
    main()
