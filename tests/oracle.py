"""Training by definition: an oracle that has a forward pass and no backpropagation.

Each derivative is a complex step (Squire & Trapp, 1998), exact to rounding, so nothing of
the package's arithmetic is repeated here.
"""

import numpy as np
from scipy.special import erf


def _choose(z, positive, negative):
    return np.where(z.real > 0, positive, negative)


FUNCTIONS = {
    "identity": lambda z: z,
    "logistic": lambda z: 1 / (1 + np.exp(-z)),
    "hard_sigmoid": lambda z: _choose(z + 3, _choose(3 - z, (z + 3) / 6, 1), 0),
    "tanh": np.tanh,
    "relu": lambda z: _choose(z, z, 0),
    "leaky_relu": lambda z: _choose(z, z, z / 100),
    "elu": lambda z: _choose(z, z, np.exp(z) - 1),
    "selu": lambda z: 1.0507009873554805 * _choose(z, z, 1.6732632423543772 * (np.exp(z) - 1)),
    "softplus": lambda z: np.log(1 + np.exp(z)),
    "silu": lambda z: z / (1 + np.exp(-z)),
    "gelu": lambda z: z * (1 + erf(z / np.sqrt(2))) / 2,
    "mish": lambda z: z * np.tanh(np.log(1 + np.exp(z))),
    "exp": np.exp,
}
RESIDUALS = {
    "squared_error": lambda r: r * r / 2,
    "absolute_error": lambda r: _choose(r, r, -r),
    "huber": lambda r: np.where(abs(r.real) < 1, r * r / 2, _choose(r, r, -r) - 0.5),
    "quantile": lambda r: _choose(r, r / 2, -r / 2),
}


def objective(weights, biases, activations, loss, output, x, y):
    """The loss of one row."""
    signal = x
    for W, b, name in zip(weights, biases, [*activations, "identity"], strict=True):
        signal = FUNCTIONS[name](signal @ W + b)
    if loss in RESIDUALS:
        return RESIDUALS[loss](FUNCTIONS[output](signal) - y).sum()
    if loss == "poisson":
        return (np.exp(signal) - y * signal - y + y * np.log(np.maximum(y, 1e-300))).sum()
    if output == "softmax":
        return np.log(np.exp(signal).sum()) - (y * signal).sum()
    return (np.log(1 + np.exp(signal)) - y * signal).sum()


def gradient(weights, biases, activations, loss, output, x, y):
    """The derivatives of `objective` by each weight and bias."""
    arrays = [np.array(a, dtype=complex) for a in (*weights, *biases)]
    n = len(weights)
    slopes = []
    for array in arrays:
        slope = np.empty(array.shape)
        for index in np.ndindex(array.shape):
            array[index] += 1e-30j
            value = objective(arrays[:n], arrays[n:], activations, loss, output, x, y)
            slope[index] = value.imag / 1e-30
            array[index] = array[index].real
        slopes.append(slope)
    return slopes


def train(weights, biases, activations, loss, output, X, Y, batch_size, rate, alpha, epochs):
    """Gradient descent in the given order; the trained weights and biases."""
    arrays = [np.array(a, dtype=float) for a in (*weights, *biases)]
    n = len(weights)
    for _ in range(epochs):
        for start in range(0, len(X), batch_size):
            rows = range(start, min(start + batch_size, len(X)))
            slopes = [
                gradient(arrays[:n], arrays[n:], activations, loss, output, X[i], Y[i])
                for i in rows
            ]
            for k, array in enumerate(arrays):
                slope = sum(of_row[k] for of_row in slopes)
                if k < n:
                    slope = slope + alpha * array
                array -= rate * slope / len(rows)
    return arrays[:n], arrays[n:]
