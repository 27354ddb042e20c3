"""The textbook's network in plain Python: lists of neurons, the bias last in each."""

import math

from .._measure import Contender


class Textbook:
    """Layers of logistic neurons, squared error, an update after every row."""

    def __init__(self, problem, rate):
        self.layers = [
            [
                [*neuron, bias]
                for neuron, bias in zip(coefs.T.tolist(), biases.tolist(), strict=True)
            ]
            for coefs, biases in zip(*problem.first_weights(), strict=True)
        ]
        self._rows = list(zip(problem.X.tolist(), problem.one_hot().tolist(), strict=True))
        self._rate = rate

    def train(self, epochs):
        for _ in range(epochs):
            for x, target in self._rows:
                signals = self._forward(x)
                self._update(signals, self._deltas(signals, target))

    def _forward(self, x):
        signals = [x]
        for layer in self.layers:
            x = []
            for neuron in layer:
                z = neuron[-1]
                for i in range(len(neuron) - 1):
                    z += neuron[i] * signals[-1][i]
                x.append(1.0 / (1.0 + math.exp(-z)))
            signals.append(x)
        return signals

    def _deltas(self, signals, target):
        deltas = []
        for k in reversed(range(len(self.layers))):
            outputs = signals[k + 1]
            if not deltas:
                errors = [outputs[j] - target[j] for j in range(len(outputs))]
            else:
                errors = []
                for j in range(len(outputs)):
                    error = 0.0
                    for neuron, delta in zip(self.layers[k + 1], deltas[0], strict=True):
                        error += neuron[j] * delta
                    errors.append(error)
            deltas.insert(
                0, [errors[j] * outputs[j] * (1.0 - outputs[j]) for j in range(len(outputs))]
            )
        return deltas

    def _update(self, signals, deltas):
        for layer, x, delta in zip(self.layers, signals[:-1], deltas, strict=True):
            for j, neuron in enumerate(layer):
                step = self._rate * delta[j]
                for i in range(len(x)):
                    neuron[i] -= step * x[i]
                neuron[-1] -= step


def online(problem, rate):
    return Contender(Textbook(problem, rate).train, len(problem.y))
