"""Levenberg-Marquardt: least squares by damped Gauss-Newton steps (Hagan & Menhaj, 1994).

For small networks with squared error. Every step solves a linear system in all parameters
at once, so its time grows with their number cubed.
"""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

# Elements of the Jacobian that are held at a time.
_ELEMENTS = 1 << 22


@dataclass(frozen=True)
class LevenbergMarquardt:
    """The solver's settings: when it ends, and how its damping answers to success.

    Parameters
    ----------
    tol : float
        Training ends when no component of the gradient is larger.
    damping : float
        The first; a success multiplies it by `relaxation`, a failure by `reinforcement`.
    largest : float
        Training ends when more damping than this would be needed.
    """

    tol: float = 1e-4
    damping: float = 1e-3
    relaxation: float = 0.1
    reinforcement: float = 10.0
    largest: float = 1e10
    n_slots: ClassVar[int] = 0
    code: ClassVar[int | None] = None  # linear algebra has one writing


def normal_equations(network, params, X, Y, weights):
    """The loss, its gradient and its Gauss-Newton matrix, of the weighted mean over rows.

    Parameters
    ----------
    network : Network
        With squared error.
    params : ndarray of shape (n_params,)
    X : {ndarray, CSR} of shape (n, n_inputs)
    Y : ndarray of shape (n, n_outputs)
    weights : ndarray of shape (n,)
        Summing to one.

    Returns
    -------
    loss : float
    gradient : ndarray of shape (n_params,)
    matrix : ndarray of shape (n_params, n_params)
    """
    loss, gradient = 0.0, np.zeros(network.n_params)
    matrix = np.zeros((network.n_params, network.n_params))
    n_outputs = network.layer_sizes[-1]
    step = max(1, _ELEMENTS // (network.n_params * n_outputs))
    for start in range(0, len(Y), step):
        rows = slice(start, start + step)
        residual, jacobian = _jacobian(network, params, X[rows], Y[rows])
        root = np.sqrt(weights[rows])
        residual = (residual * root[:, None]).reshape(-1)
        jacobian = (jacobian * root[:, None, None]).reshape(-1, network.n_params)
        loss += 0.5 * float(residual @ residual)
        gradient += jacobian.T @ residual
        matrix += jacobian.T @ jacobian
    return loss, gradient, matrix


def _jacobian(network, params, X, Y):
    """The residuals (n, n_outputs), and their derivatives (n, n_outputs, n_params)."""
    sums, outputs = network.forward(params, X)
    residual = outputs[-1] - Y
    # The gradient of half a squared residual of one is the derivative of the output.
    slope = network.loss_row.gradient(sums[-1], outputs[-1], outputs[-1] - 1)
    n, n_outputs = residual.shape
    jacobian = np.zeros((n, n_outputs, network.n_params))
    dense = X.toarray() if hasattr(X, "toarray") else X
    for output in range(n_outputs):
        delta = np.zeros_like(slope)
        delta[:, output] = slope[:, output]
        for layer, signal, deltas in network.backward(params, dense, sums, outputs, delta):
            by_weight = (
                signal[:, :, None] * deltas[:, None, :]
                if layer == 0
                else deltas[:, :, None] * signal[:, None, :]
            )
            start, stop = network.weight_offsets[layer : layer + 2]
            jacobian[:, output, start:stop] = by_weight.reshape(n, -1)
            start, stop = network.bias_offsets[layer : layer + 2]
            jacobian[:, output, start:stop] = deltas
    return residual, jacobian


@dataclass(frozen=True)
class LeastSquares:
    """The weighted mean of the squared errors of some rows, as a function of the parameters.

    The fields are the arguments of `normal_equations`.
    """

    network: object
    X: object
    Y: np.ndarray
    weights: np.ndarray

    def loss(self, params):
        """The mean loss."""
        sums, outputs = self.network.forward(params, self.X)
        row = self.network.loss_row
        return float(self.weights @ row.value(sums[-1], outputs[-1], self.Y))

    def normal_equations(self, params):
        """The mean loss, its gradient and its Gauss-Newton matrix."""
        return normal_equations(self.network, params, self.X, self.Y, self.weights)


def step(solver, problem, params, n_weights, ridge, progress):
    """One step that makes the objective smaller, if there is one; `params` change in place.

    Parameters
    ----------
    solver : LevenbergMarquardt
    problem : LeastSquares
    params : ndarray of shape (n_params,)
    n_weights : int
        How many of the parameters are weights.
    ridge : float
        The objective is the mean loss plus ``ridge / 2 * sum(weights ** 2)``.

    Returns
    -------
    loss : float
        The mean loss before the step.
    moved : bool
        False where training has converged: the gradient vanishes, or no damping makes the
        objective smaller.
    """

    def objective(vector):
        weights = vector[:n_weights]
        return problem.loss(vector) + 0.5 * ridge * float(weights @ weights)

    loss, gradient, matrix = problem.normal_equations(params)
    gradient[:n_weights] += ridge * params[:n_weights]
    matrix.flat[: n_weights * (len(params) + 1) : len(params) + 1] += ridge
    before = objective(params)
    if not (np.isfinite(gradient).all() and np.isfinite(matrix).all()):
        return np.nan, False  # larger than a float can be: training has diverged
    diagonal = matrix.diagonal().copy()
    if np.abs(gradient).max() <= solver.tol:
        return loss, False
    progress.damping = progress.damping or solver.damping
    while progress.damping <= solver.largest:
        matrix.flat[:: len(params) + 1] = diagonal + progress.damping
        try:
            factor = cho_factor(matrix, check_finite=False)
            change = cho_solve(factor, gradient, check_finite=False)
        except LinAlgError:
            change = np.full(len(params), np.nan)
        moved = (params - change).astype(params.dtype)
        if objective(moved) < before:  # which NaN never is
            params[:] = moved
            progress.damping = max(progress.damping * solver.relaxation, 1e-20)
            return loss, True
        progress.damping *= solver.reinforcement
    progress.damping = solver.damping
    return loss, False
