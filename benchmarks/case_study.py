"""The case study: the wheat seeds by the textbook's network, 5 folds of 500 epochs.

    python -m benchmarks.case_study

A 7-5-3 network, online, at a rate of 0.3, on columns scaled to 0..1, as
``python -m skbackprop`` has it. The slow peers train for fewer epochs, and their seconds are
those of 500.
"""

import numpy as np
from sklearn.model_selection import KFold, cross_val_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, minmax_scale
from sklearn.utils import shuffle

from skbackprop import BackpropClassifier, presets
from skbackprop.datasets import load_wheat_seeds

from ._measure import Contender, run, take_turns
from ._problems import Problem
from ._report import Target
from .peers import fann, plain_c, textbook

RATE, EPOCHS, FOLDS = 0.3, 500, KFold(5)
OURS, TEXTBOOK = "ours, cross_val_score", "plain Python"


def benchmark(report):
    report.title("The case study, seconds")
    X, y = shuffle(*load_wheat_seeds(return_X_y=True), random_state=1)
    epochs = report.effort.of(EPOCHS, least=2)
    few = report.effort.of(10, least=1)
    scores = []
    offers = {
        OURS: lambda: cross_validation(ours(), X, y, epochs, scores),
        "MLPClassifier(batch_size=1), the same": lambda: cross_validation(mlp(), X, y, few),
        "plain C, training only": lambda: of_all_folds(plain_c.PlainC, X, y, epochs),
        "FANN, training only": lambda: of_all_folds(fann.Fann, X, y, epochs),
        "plain Python, training only": lambda: of_all_folds(textbook.Textbook, X, y, few),
    }
    times = take_turns(offers, report.effort)
    rows = []
    for name in offers:
        seconds = times.seconds(name)
        per_study = None if seconds is None else EPOCHS * seconds
        rows.append([name, per_study, times.ratio(name, OURS)])
    report.table("5 folds of 500 epochs", ["", "seconds", "/ ours"], rows, [times])
    report.say(f"accuracy of skbackprop: {100 * np.mean(scores[-1]):.2f}%")
    measured = EPOCHS * times.seconds(OURS)
    report.check([Target("5 folds of 500 epochs", measured, at_most=0.2, unit=" s")])


def ours():
    return BackpropClassifier((5,), **presets.TEXTBOOK, learning_rate_init=RATE, random_state=1)


def mlp():
    return MLPClassifier(
        (5,), activation="logistic", solver="sgd", batch_size=1, momentum=0.0, alpha=0.0,
        learning_rate_init=RATE, shuffle=False, n_iter_no_change=10**9, random_state=1,
    )  # fmt: skip


def cross_validation(classifier, X, y, epochs, scores=None):
    """A contender whose units are epochs of the whole study."""
    pipeline = make_pipeline(MinMaxScaler(), classifier.set_params(max_iter=epochs))
    scores = [] if scores is None else scores

    def work(repeats):
        for _ in range(repeats):
            scores.append(cross_val_score(pipeline, X, y, cv=FOLDS))

    return Contender(work, epochs)


def of_all_folds(network, X, y, epochs):
    """The same of a peer that only trains."""
    X, numbers = minmax_scale(X), np.unique(y, return_inverse=True)[1]
    problems = [Problem((7, 5, 3), X[rows], numbers[rows]) for rows, _ in FOLDS.split(X)]
    fold_networks = [network(problem, RATE) for problem in problems]

    def work(repeats):
        for _ in range(repeats):
            for one in fold_networks:
                one.train(epochs)

    return Contender(work, epochs)


if __name__ == "__main__":
    run(benchmark, __doc__)
