"""Memory that stays flat: a long stream of single rows, many fits in one process, a large fit.

    python -m benchmarks.endurance
    python -m benchmarks.endurance --rows 1000000 --fits 1000 --large 100000

Prints resident memory as the work goes on, and fails where the second half of the stream or of
the fits has added more than a stated bound, where the stream has drifted from a computation of
its own, or where the large fit took more than a stated multiple of its data. Linux alone tells
resident memory in /proc.
"""

import argparse
import gc
import pickle
import warnings

import numpy as np

from skbackprop import BackpropClassifier, BackpropRegressor

from . import _memory

MEBIBYTE = 2**20
# Of the data: a standardized copy of them, and some numbers of eight bytes a row, as targets,
# hashes and orders. A second copy would go beyond.
LARGE_BOUND = 1.25


def measure(what, total, one):
    """Do `one(k)` for k up to `total`; the memory after each of ten parts, in bytes."""
    held = []
    for part in range(10):
        for k in range(part * total // 10, (part + 1) * total // 10):
            one(k)
        gc.collect()
        held.append(_memory.in_status("VmRSS"))
        print(f"{what}: {(part + 1) * total // 10:>10,} {held[-1] / MEBIBYTE:8.1f} MiB")
    return held


def stream(n_rows):
    """Single rows whose targets are a line and noise, so that the weights never rest.

    Beside it goes the same rule in a few lines of NumPy. Roundings are forgotten as new rows
    come, so that the two stay together for ever, unless a row is lost or learned twice.
    """
    rng = np.random.default_rng(0)
    X = rng.normal(size=(1000, 10))
    y = X @ rng.normal(size=10) + rng.normal(size=1000)
    rate, weights, bias = 0.01, np.zeros(10), 0.0
    rows, targets = [row[None] for row in X], [target[None] for target in y]
    reg = BackpropRegressor(
        (), solver="sgd", learning_rate="constant", learning_rate_init=rate, alpha=0.0,
        clip_norm=None, weight_init=([np.zeros((10, 1))], [np.zeros(1)]),
    )  # fmt: skip

    def one(k):
        nonlocal weights, bias
        at = k % 1000
        reg.partial_fit(rows[at], targets[at])
        step = rate * (y[at] - bias - X[at] @ weights)
        weights += step * X[at]
        bias += step

    held = measure("rows", n_rows, one)
    assert reg.t_ == n_rows
    drift = np.abs(np.append(reg.coefs_[0][:, 0] - weights, reg.intercepts_[0] - bias)).max()
    print(f"rows: {drift:.1e} between the weights and those of the same rule in NumPy")
    assert drift < 1e-12
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

    return measure("fits", n_fits, one)


def large(n_rows):
    """The memory of one fit to `n_rows` of 100 columns, as a multiple of theirs."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((n_rows, 100))
    y = X @ rng.normal(size=100)
    reg = BackpropRegressor((20,), max_iter=2, tol=None, random_state=0)
    took = _memory.resident(lambda: reg.fit(X, y))
    score = reg.score(X[:1000], y[:1000])
    print(
        f"large: {n_rows:,} x 100 are {X.nbytes / MEBIBYTE:,.0f} MiB; the fit took "
        f"{took / MEBIBYTE:,.0f} MiB more; R2 {score:.4f} after {reg.n_iter_} epochs"
    )
    assert score > 0.9
    return took / X.nbytes


def main(arguments=None):
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--fits", type=int, default=10_000)
    parser.add_argument("--large", type=int, default=1_000_000, help="rows of the large fit")
    parser.add_argument("--bound", type=float, default=2.0, help="MiB, of the second half")
    chosen = parser.parse_args(arguments)
    warnings.simplefilter("ignore")
    for work, n in ((stream, chosen.rows), (fits, chosen.fits)):
        held = work(n)
        grown = (held[-1] - held[4]) / MEBIBYTE
        print(f"{work.__name__}: {grown:+.1f} MiB in the second half")
        if grown > chosen.bound:
            raise SystemExit(f"{work.__name__}: more than {chosen.bound} MiB")
    multiple = large(chosen.large)
    print(f"large: {multiple:.2f} times its data, where {LARGE_BOUND} are allowed")
    if multiple > LARGE_BOUND:
        raise SystemExit("large: more than that")


if __name__ == "__main__":
    main()
