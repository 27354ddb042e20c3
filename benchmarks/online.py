"""Online learning against scikit-learn's MLP: time per update, in one run, on one thread.

    python benchmarks/online.py

Both train the same network with ``solver="sgd", batch_size=1``, no momentum, on the same
rows. The contenders take turns; the table gives medians and their ratio.
"""

import os

os.environ.update({"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"})

import statistics
import time
import warnings

import numpy as np
from sklearn.model_selection import KFold, cross_val_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from skbackprop import BackpropClassifier, presets
from skbackprop.datasets import load_wheat_seeds

SHAPES = [(7, 5, 3), (30, 16, 2), (64, 100, 10), (784, 256, 10)]
WANTED = {(7, 5, 3): 500, (30, 16, 2): 400, (64, 100, 10): 60}
ROUNDS = 7


def seconds(run):
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def per_update(shape, dtype):
    """Median nanoseconds per update of MLPClassifier and of ours."""
    n_in, n_hidden, n_classes = shape
    n = 400 if n_in < 500 else 60
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, n_in)).astype(dtype)
    y = np.arange(n) % n_classes
    shared = {
        "hidden_layer_sizes": (n_hidden,), "activation": "logistic", "solver": "sgd",
        "batch_size": 1, "momentum": 0.0, "max_iter": 1, "alpha": 0.0, "random_state": 0,
    }  # fmt: skip
    # Enough epochs that what surrounds the updates does not count.
    epochs = 20_000 // n
    ours = BackpropClassifier(**presets.MLP | shared | {"max_iter": epochs, "tol": None})
    peer = MLPClassifier(**shared)
    times = [
        (seconds(lambda: peer.fit(X, y)) / n, seconds(lambda: ours.fit(X, y)) / n / epochs)
        for _ in range(ROUNDS)
    ]
    return [1e9 * statistics.median(column) for column in zip(*times, strict=True)]


def case_study():
    """Median seconds of 5 folds of 500 epochs on the wheat seeds, by scikit-learn's means."""
    X, y = load_wheat_seeds(return_X_y=True)
    textbook = BackpropClassifier(
        (5,), **presets.TEXTBOOK, learning_rate_init=0.3, max_iter=500, random_state=1
    )
    pipeline = make_pipeline(MinMaxScaler(), textbook)
    folds = KFold(5, shuffle=True, random_state=1)
    return statistics.median(
        seconds(lambda: cross_val_score(pipeline, X, y, cv=folds)) for _ in range(ROUNDS)
    )


def main():
    warnings.simplefilter("ignore")  # MLPClassifier's, of having had one epoch only
    titles = ("network", "dtype", "MLP, ns", "ours, ns", "ratio", "wanted")
    print("".join(f"{title:>11}" for title in titles))
    for shape in SHAPES:
        for dtype in (np.float64, np.float32):
            peer, ours = per_update(shape, dtype)
            name = "-".join(map(str, shape))
            wanted = WANTED.get(shape, "") if dtype is np.float64 else ""
            row = (
                name,
                dtype.__name__,
                f"{peer:.0f}",
                f"{ours:.0f}",
                f"{peer / ours:.0f}",
                wanted,
            )
            print("".join(f"{cell:>11}" for cell in row))
    print(f"\nwheat seeds, 5 folds of 500 epochs: {case_study():.3f} s (wanted: 0.2)")


if __name__ == "__main__":
    main()
