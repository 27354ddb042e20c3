"""Memory that stays flat: a long stream of single rows, and many fits in one process.

    python -m benchmarks.endurance
    python -m benchmarks.endurance --rows 10000000 --fits 10000

Prints resident memory as the work goes on, and fails where the second half of it has added more
than a stated bound. Linux alone tells resident memory in /proc.
"""

import argparse
import gc
import os
import pickle
import warnings

import numpy as np

from skbackprop import BackpropClassifier, BackpropRegressor

MEBIBYTE = 2**20


def resident():
    """Bytes of memory that the process holds."""
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def measure(what, total, step, one):
    """Do `one(k)` for k up to `total`; the memory after each of ten parts, in bytes."""
    held = []
    for part in range(10):
        for k in range(part * total // 10, (part + 1) * total // 10, step):
            one(k)
        gc.collect()
        held.append(resident())
        print(f"{what}: {(part + 1) * total // 10:>10,} {held[-1] / MEBIBYTE:8.1f} MiB")
    return held


def stream(n_rows):
    """Single rows of a drifting line; the memory, and the mean error of the last rows."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1000, 10))
    weights = rng.normal(size=10)
    y = X @ weights
    reg = BackpropRegressor((), solver="sgd", learning_rate="constant", random_state=0)
    held = measure(
        "rows",
        n_rows,
        1,
        lambda k: reg.partial_fit(X[k % 1000][None], y[k % 1000 : k % 1000 + 1]),
    )
    assert reg.t_ == n_rows
    # What a linear network has to find is known.
    error = np.abs(reg.coefs_[0][:, 0] - weights).max()
    print(f"rows: largest error of a weight {error:.1e}")
    assert error < 1e-6
    return held


def fits(n_fits):
    """Whole fits, predictions and pickles of estimators of both kinds."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 5)), np.arange(40) % 3

    def one(k):
        kind = (BackpropClassifier, BackpropRegressor)[k % 2]
        solver = ("sgd", "adam", "lbfgs")[k % 3]
        estimator = kind((8,), solver=solver, max_iter=3, tol=None, random_state=k)
        pickle.loads(pickle.dumps(estimator.fit(X, y))).predict(X)

    return measure("fits", n_fits, 1, one)


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--fits", type=int, default=10_000)
    parser.add_argument("--bound", type=float, default=2.0, help="MiB, of the second half")
    chosen = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    for work, n in ((stream, chosen.rows), (fits, chosen.fits)):
        held = work(n)
        grown = (held[-1] - held[4]) / MEBIBYTE
        print(f"{work.__name__}: {grown:+.1f} MiB in the second half")
        if grown > chosen.bound:
            raise SystemExit(f"{work.__name__}: more than {chosen.bound} MiB")


if __name__ == "__main__":
    main()
