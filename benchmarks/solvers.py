"""Epochs and seconds that each solver takes to a given loss.

    python -m benchmarks.solvers

Every solver starts from the same weights, at a rate that suits it, and is stopped at the
first epoch whose objective, measured on all rows, is at the goal. Medians of several runs
from different weights; "-" where a run did not get there.
"""

import statistics
import time

import numpy as np

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.datasets import load_wheat_seeds

from ._measure import run

# What suits each solver, found by trying rates in steps of about three.
SETTINGS = {
    "sgd, online": {"solver": "sgd", "batch_size": 1, "learning_rate_init": 0.1},
    "sgd, online, momentum": {
        "solver": "sgd", "batch_size": 1, "momentum": 0.9, "learning_rate_init": 0.03,
    },
    "sgd, full batch": {"solver": "sgd", "batch_size": "full", "learning_rate_init": 1.0},
    "sgd, full batch, momentum": {
        "solver": "sgd", "batch_size": "full", "momentum": 0.9, "learning_rate_init": 0.3,
    },
    "adam, batches of 16": {"solver": "adam", "batch_size": 16, "learning_rate_init": 0.01},
    "amsgrad, batches of 16": {
        "solver": "amsgrad", "batch_size": 16, "learning_rate_init": 0.01,
    },
    "rmsprop, batches of 16": {
        "solver": "rmsprop", "batch_size": 16, "learning_rate_init": 0.003, "beta_2": 0.9,
    },
    "rprop": {"solver": "rprop", "learning_rate_init": 0.03},
    "lbfgs": {"solver": "lbfgs"},
    "lm": {"solver": "lm"},
}  # fmt: skip
LONGEST = 5000
RUNS = 5


def to_the_goal(estimator, X, y, goal, longest):
    """Epochs until the loss is at the goal, and the seconds of that many epochs; or None."""
    estimator.set_params(max_iter=longest, early_stopping=False)
    estimator.fit(X, y, X_val=X, y_val=y)
    curve = np.array(estimator.validation_loss_curve_)
    reached = np.flatnonzero(curve <= goal)
    if not reached.size:
        return None
    epochs = int(reached[0]) + 1
    estimator.set_params(max_iter=epochs)
    began = time.perf_counter()
    estimator.fit(X, y)
    return epochs, time.perf_counter() - began


def problems():
    X, y = load_wheat_seeds(return_X_y=True)
    yield "wheat seeds, 7-5-3 logistic, squared error", BackpropClassifier, X, y, (5,), 0.02
    rng = np.random.default_rng(0)
    X = rng.uniform(-2, 2, size=(300, 2))
    y = np.sin(X[:, 0]) * np.cos(X[:, 1])
    yield "sin(a) cos(b), 2-10-1 tanh, squared error", BackpropRegressor, X, y, (10,), 0.001


def benchmark(report):
    report.title("Solvers: epochs and seconds to a given loss")
    runs, longest = report.effort.of(RUNS, least=1), report.effort.of(LONGEST, least=20)
    report.say(f"Medians of {runs} run(s) from different weights, at most {longest} epochs.")
    for title, estimator, X, y, hidden, goal in problems():
        rows = [
            [name, *attempts(estimator, hidden, settings, X, y, goal, runs, longest)]
            for name, settings in SETTINGS.items()
        ]
        head = ["solver", "reached", "epochs", "seconds"]
        report.table(f"{title}: to a mean loss of {goal:g}", head, rows)


def attempts(estimator, hidden, settings, X, y, goal, runs, longest):
    """How many runs reached the goal, and the median epochs and seconds of those."""
    activation = "logistic" if estimator is BackpropClassifier else "tanh"
    done = [
        to_the_goal(
            estimator(
                hidden, activation=activation, loss="squared_error", alpha=0.0,
                learning_rate="constant", tol=None,
                random_state=seed, **settings,
            ), X, y, goal, longest,
        )
        for seed in range(runs)
    ]  # fmt: skip
    reached = [pair for pair in done if pair]
    if not reached:
        return f"0/{runs}", "-", "-"
    epochs, seconds = map(statistics.median, zip(*reached, strict=True))
    return f"{len(reached)}/{runs}", round(epochs), f"{seconds:.4f}"


if __name__ == "__main__":
    run(benchmark, __doc__)
