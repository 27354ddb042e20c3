"""The textbook's network in plain Python: an oracle that shares no code with the package.

One hidden layer of logistic neurons, logistic outputs, squared error, online updates. A
neuron is a list of its weights, the bias last.
"""

import math
import random
from itertools import pairwise

TEN_ROWS = [
    (2.7810836, 2.550537003, 0),
    (1.465489372, 2.362125076, 0),
    (3.396561688, 4.400293529, 0),
    (1.38807019, 1.850220317, 0),
    (3.06407232, 3.005305973, 0),
    (7.627531214, 2.759262235, 1),
    (5.332441248, 2.088626775, 1),
    (6.922596716, 1.77106367, 1),
    (8.675418651, -0.242068655, 1),
    (7.673756466, 3.508563011, 1),
]


def draw(*sizes):
    """Layers of neurons, drawn from Python's generator neuron by neuron."""
    return [
        [[random.random() for _ in range(n_in + 1)] for _ in range(n_out)]
        for n_in, n_out in pairwise(sizes)
    ]


def as_arrays(layers):
    """The same weights as ``(coefs, intercepts)``."""
    coefs = [
        [[neuron[i] for neuron in layer] for i in range(len(layer[0]) - 1)] for layer in layers
    ]
    return coefs, [[neuron[-1] for neuron in layer] for layer in layers]


def outputs(layers, x):
    """The outputs of every layer, the inputs first."""
    signals = [list(x)]
    for layer in layers:
        below = [*signals[-1], 1.0]
        sums = [sum(w * s for w, s in zip(neuron, below, strict=True)) for neuron in layer]
        signals.append([1 / (1 + math.exp(-z)) for z in sums])
    return signals


def train_epoch(layers, rows, rate):
    """One epoch in the given order; returns the summed squared error."""
    error = 0.0
    for *x, label in rows:
        signals = outputs(layers, x)
        target = [float(j == label) for j in range(len(signals[-1]))]
        error += sum((t - o) ** 2 for t, o in zip(target, signals[-1], strict=True))
        blame = [o - t for t, o in zip(target, signals[-1], strict=True)]
        for k in reversed(range(len(layers))):
            delta = [b * o * (1 - o) for b, o in zip(blame, signals[k + 1], strict=True)]
            blame = [
                sum(neuron[i] * d for neuron, d in zip(layers[k], delta, strict=True))
                for i in range(len(signals[k]))
            ]
            for neuron, d in zip(layers[k], delta, strict=True):
                for i, s in enumerate([*signals[k], 1.0]):
                    neuron[i] -= rate * d * s
    return error


def split(n_rows, n_folds):
    """Folds of row numbers, each drawn one by one from what is left."""
    left = list(range(n_rows))
    size = n_rows // n_folds
    return [
        [left.pop(random.randrange(len(left))) for _ in range(size)] for _ in range(n_folds)
    ]
