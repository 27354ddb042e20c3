"""Levenberg-Marquardt: least squares by damped Gauss-Newton steps (Hagan & Menhaj, 1994).

For squared error, and networks with few parameters or data with few residuals. With the
residuals r, their derivatives J and a ridge on the weights w, a step s solves

    (J'J + ridge W + damping I) s = J'r + ridge w,

where W is 1 on the diagonal for a weight and 0 for a bias. It is a system of as many
equations as there are parameters or, rearranged, as there are residuals: the time of a step
grows with the cube of the smaller number.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse
from scipy.linalg import LinAlgError, cho_factor, cho_solve, qr

from ..blas_threads import limit_for
from .solver import Solver

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from .._typing import Array, EndEpoch, Generator, Matrix
    from ..network import Network
    from ..schedules import TrainCounters
    from ..training import TrainingProblem

# Elements of the Jacobian that are held at a time.
_ELEMENTS = 1 << 22
# A system with this many rows and columns takes 200 MB.
_LARGEST_SYSTEM = 5000
# Samples that are taken through the network at a time, where only the loss is asked for.
_ROWS = 4096


@dataclass(frozen=True)
class LevenbergMarquardt(Solver):
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
    name = "lm"
    full_batch = True
    whole_problem = True
    parameters = ("tol",)
    refused = ("dropout", "weight_decay", "l1", "max_norm")

    @classmethod
    def from_params(cls, params: Mapping[str, Any]) -> Solver:
        """Return the solver that an estimator's parameters describe."""
        return cls(params["tol"])

    def check_network(self, network: Network) -> None:
        """Raise a ValueError unless the loss is the squared error."""
        if network.loss != "squared_error":
            name = getattr(network.loss, "name", network.loss)
            raise ValueError(
                "solver='lm' is for least squares: it needs loss='squared_error'. Got "
                f"{name!r}."
            )

    def check_size(self, network: Network, n_rows: int | None = None) -> None:
        """Raise a ValueError if both systems, one of which has to be solved, are too large.

        Parameters
        ----------
        network : Network
        n_rows : int, default=None
            None where the system of the residuals cannot be solved.
        """
        sizes = {"parameters": network.n_params}
        if n_rows is not None:
            sizes["residuals (rows times outputs)"] = n_rows * network.layer_sizes[-1]
        if min(sizes.values()) > _LARGEST_SYSTEM:
            found = " and ".join(f"{size} {name}" for name, size in sizes.items())
            raise ValueError(
                f"solver='lm' solves a system of at most {_LARGEST_SYSTEM} equations. Got "
                f"{found}, with hidden_layer_sizes={network.layer_sizes[1:-1]}: fewer neurons "
                "or solver='lbfgs' would do."
            )

    def train(
        self,
        problem: TrainingProblem,
        params: Array,
        state: Array,
        counters: TrainCounters,
        rng: Generator,
        end_epoch: EndEpoch,
    ) -> str | None:
        """Train a step at a time, as `Solver.train` does with epochs."""
        equations, total_weight = problem.least_squares(params.dtype), problem.total_weight
        ridge = problem.config.regularization.alpha / total_weight
        threads = limit_for(equations.multiplications)
        n_weights = problem.config.network.n_weights
        while True:
            with np.errstate(over="ignore", invalid="ignore"):
                penalty = problem.config.penalty(params, total_weight)
                with threads():
                    loss, moved = take_step(self, equations, params, n_weights, ridge, counters)
            counters.updates += 1
            stop = end_epoch(loss + penalty, loss * total_weight, math.nan)
            if stop or not moved:
                return None if moved else "converged"


# ---- Derivatives ----


def _derivatives(network: Network, params: Array, X: Matrix, Y: Array) -> Any:
    """The residuals, and what their derivatives are made of.

    Returns
    -------
    residuals : ndarray of shape (n, n_outputs)
    signals : list of {ndarray, CSR} of shape (n, n_in)
        The inputs of every layer.
    deltas : list of ndarray of shape (n, n_outputs, n_out)
        For every layer, the derivatives of the residuals by its weighted sums.
    """
    sums, outputs = network.forward(params, X)
    residuals = outputs[-1] - Y
    # The gradient of half a squared residual of one is the derivative of the output.
    slope = network.loss_function.gradient(sums[-1], outputs[-1], outputs[-1] - 1)
    deltas = [np.empty((*residuals.shape, n_out)) for _, n_out in network.shapes]
    for output in range(residuals.shape[1]):
        delta = np.zeros_like(slope)
        delta[:, output] = slope[:, output]
        for layer, _, found in network.backward(params, X, sums, outputs, delta):
            deltas[layer][:, output] = found
    return residuals, [X, *outputs[:-1]], deltas


def _jacobian(network: Network, params: Array, X: Matrix, Y: Array) -> tuple[Array, Array]:
    """The residuals (n, n_outputs), and their derivatives (n, n_outputs, n_params)."""
    residuals, signals, deltas = _derivatives(network, params, X, Y)
    jacobian = np.empty((*residuals.shape, network.n_params))
    for layer, (signal, delta) in enumerate(zip(signals, deltas, strict=True)):
        inputs = (signal.toarray() if hasattr(signal, "toarray") else signal)[:, None]
        by_input = layer == 0
        by_weight = (
            inputs[..., :, None] * delta[..., None, :]
            if by_input
            else delta[..., :, None] * inputs[..., None, :]
        )
        start, stop = network.weight_offsets[layer : layer + 2]
        jacobian[..., start:stop] = by_weight.reshape(*residuals.shape, -1)
        start, stop = network.bias_offsets[layer : layer + 2]
        jacobian[..., start:stop] = delta
    return residuals, jacobian


# ---- Two ways to the same step ----


class PrimalSystem:
    """The damped equations of a step as they stand, one for each parameter.

    Parameters
    ----------
    loss, gradient, matrix : what `LeastSquares.normal_equations` returns
        Changed in place.
    params : ndarray of shape (n_params,)
    n_weights : int
        How many of the parameters are weights.
    ridge : float
    """

    def __init__(
        self,
        loss: float,
        gradient: Array,
        matrix: Array,
        params: Array,
        n_weights: int,
        ridge: float,
    ) -> None:
        gradient[:n_weights] += ridge * params[:n_weights]
        matrix.flat[: n_weights * (len(params) + 1) : len(params) + 1] += ridge
        self.loss, self.gradient = loss, gradient
        self._matrix, self._diagonal = matrix, matrix.diagonal().copy()

    @property
    def is_finite(self) -> bool:
        """Whether all numbers are: they are not where training has diverged."""
        return bool(np.isfinite(self.gradient).all() and np.isfinite(self._matrix).all())

    def solve(self, damping: float) -> Array:
        """The step, of shape (n_params,)."""
        self._matrix.flat[:: len(self.gradient) + 1] = self._diagonal + damping
        return _solve(self._matrix, self.gradient)


class DualSystem:
    """The same equations with one unknown for each residual.

    With p the weights times ridge / (ridge + damping), the step is p + J_w'u for the weights
    and (ridge + damping) / damping J_b'u for the biases, where

        ((ridge + damping) (I + J_b J_b' / damping) + J_w J_w') u = r - J_w p.

    Biases have no ridge: where the damping is small, their part would drown that of the
    weights. So they are eliminated, and solved for by themselves. J_w is never formed: its
    rows are outer products, one for each layer, so that J_w J_w' is a sum of elementwise
    products of two small matrices.

    Parameters
    ----------
    network : Network
        With squared error.
    params : ndarray of shape (n_params,)
    X : {ndarray, CSR} of shape (n, n_inputs)
    Y : ndarray of shape (n, n_outputs)
    weights : ndarray of shape (n,)
    ridge : float
    """

    def __init__(
        self,
        network: Network,
        params: Array,
        X: Matrix,
        Y: Array,
        weights: Array,
        ridge: float,
    ) -> None:
        residuals, signals, deltas = _derivatives(network, params, X, Y)
        root = np.sqrt(weights)
        self._network, self._ridge = network, ridge
        self._residuals = residuals * root[:, None]
        self._signals = [signal.astype(np.float64) for signal in signals]
        self._deltas = [delta * root[:, None, None] for delta in deltas]
        self._weights = params[: network.n_weights].astype(np.float64)
        flat = self._residuals.reshape(-1)
        self._biases = np.concatenate(self._deltas, axis=2).reshape(len(flat), -1)
        self.loss = 0.5 * float(flat @ flat)
        self.gradient = np.append(
            self._vjp(self._residuals) + ridge * self._weights, self._biases.T @ flat
        )
        self._gram = self._weight_gram()

    @property
    def is_finite(self) -> bool:
        """Whether all numbers are: they are not where training has diverged."""
        return bool(np.isfinite(self.gradient).all() and np.isfinite(self._gram).all())

    def solve(self, damping: float) -> Array:
        """The step, of shape (n_params,)."""
        strength = self._ridge + damping
        shrunk = self._weights * (self._ridge / strength)
        right = (self._residuals - self._jvp(shrunk)).reshape(-1)
        basis, biases = self._bias_directions
        matrix = self._gram.copy()
        matrix.flat[:: len(matrix) + 1] += strength
        solved = _solve(matrix, np.column_stack([biases, right]))
        matrix = biases.T @ solved[:, :-1]
        matrix.flat[:: len(matrix) + 1] += damping / strength
        step = _solve(matrix, biases.T @ solved[:, -1])
        u = solved[:, -1] - solved[:, :-1] @ step
        return np.append(shrunk + self._vjp(u.reshape(self._residuals.shape)), basis @ step)

    def _weight_gram(self) -> Array:
        """J_w J_w'."""
        n, n_outputs = self._residuals.shape
        gram = np.zeros((n, n_outputs, n, n_outputs))
        for signal, delta in zip(self._signals, self._deltas, strict=True):
            products = signal @ signal.T
            if sparse.issparse(products):
                products = products.toarray()
            flat = delta.reshape(n * n_outputs, -1)
            gram += (flat @ flat.T).reshape(gram.shape) * products[:, None, :, None]
        return gram.reshape(n * n_outputs, -1)

    @cached_property
    def _bias_directions(self) -> tuple[Array, Array]:
        """A basis of the directions in which biases matter, and J_b in these directions."""
        basis, triangle = qr(self._biases.T, mode="economic", check_finite=False)
        return basis, triangle.T

    def _jvp(self, vector: Array) -> Array:
        """J_w times a vector, of shape (n, n_outputs)."""
        found = np.zeros(self._residuals.shape)
        layers = zip(self._signals, self._network.weights(vector), self._deltas, strict=True)
        for signal, weights, delta in layers:
            found += np.einsum("no,nko->nk", signal @ weights, delta)
        return found

    def _vjp(self, of_residuals: Array) -> Array:
        """J_w' times a vector of shape (n, n_outputs)."""
        found = np.empty(self._network.n_weights)
        layers = zip(self._signals, self._network.weights(found), self._deltas, strict=True)
        for signal, weights, delta in layers:
            weights[...] = signal.T @ np.einsum("nk,nko->no", of_residuals, delta)
        return found


def _solve(matrix: Array, right: Array) -> Array:
    """The solution of a system that is symmetric and positive definite; NaN if it is not."""
    try:
        factor = cho_factor(matrix, check_finite=False)
    except LinAlgError:
        return np.full(right.shape, np.nan)
    return cho_solve(factor, right, check_finite=False)


@dataclass(frozen=True)
class LeastSquares:
    """The weighted mean of squared errors, as a function of the parameters.

    Parameters
    ----------
    network : Network
        With squared error.
    X : {ndarray, CSR} of shape (n, n_inputs)
    Y : ndarray of shape (n, n_outputs)
    rows : ndarray of int64
        The rows of these that are used, in the order in which their errors are summed.
    weights : ndarray of shape (len(rows),)
        Summing to one, where no other rows belong to the mean.
    """

    network: Any
    X: Any
    Y: np.ndarray
    rows: np.ndarray
    weights: np.ndarray

    @property
    def _n_residuals(self) -> int:
        return len(self.rows) * self.Y.shape[1]

    @property
    def _rows_per_part(self) -> int:
        """Whose part of the Jacobian can be held."""
        return max(1, _ELEMENTS // (self.network.n_params * self.Y.shape[1]))

    @property
    def multiplications(self) -> int:
        """In the largest matrix product of a step."""
        n_residuals, n_params = self._n_residuals, self.network.n_params
        if n_residuals < n_params:
            return n_residuals**2 * max(n_residuals, *self.network.layer_sizes)
        in_part = self._rows_per_part * self.Y.shape[1]
        return n_params**2 * min(n_residuals, in_part)

    def _parts(self, size: int) -> Iterator[tuple[Matrix, Array, Array]]:
        """Inputs, targets and weights, some rows at a time."""
        for start in range(0, len(self.rows), size):
            rows = self.rows[start : start + size]
            yield self.X[rows], self.Y[rows], self.weights[start : start + size]

    def loss(self, params: Array) -> float:
        """The mean loss."""
        row, total = self.network.loss_function, 0.0
        for X, Y, weights in self._parts(_ROWS):
            sums, outputs = self.network.forward(params, X)
            total += float(weights @ row.value(sums[-1], outputs[-1], Y))
        return total

    def normal_equations(self, params: Array) -> tuple[float, Array, Array]:
        """The mean loss, its gradient and its Gauss-Newton matrix.

        Returns
        -------
        loss : float
        gradient : ndarray of shape (n_params,)
        matrix : ndarray of shape (n_params, n_params)
        """
        n_params = self.network.n_params
        loss, gradient, matrix = 0.0, np.zeros(n_params), np.zeros((n_params, n_params))
        for X, Y, weights in self._parts(self._rows_per_part):
            residual, jacobian = _jacobian(self.network, params, X, Y)
            root = np.sqrt(weights)
            residual = (residual * root[:, None]).reshape(-1)
            jacobian = (jacobian * root[:, None, None]).reshape(-1, n_params)
            loss += 0.5 * float(residual @ residual)
            gradient += jacobian.T @ residual
            matrix += jacobian.T @ jacobian
        return loss, gradient, matrix

    def system(self, params: Array, n_weights: int, ridge: float) -> PrimalSystem | DualSystem:
        """The damped equations of a step: of the parameters or the residuals, if fewer."""
        if self._n_residuals < len(params):
            ((X, Y, weights),) = self._parts(len(self.rows))
            return DualSystem(self.network, params, X, Y, weights, ridge)
        loss, gradient, matrix = self.normal_equations(params)
        return PrimalSystem(loss, gradient, matrix, params, n_weights, ridge)


def take_step(
    solver: LevenbergMarquardt,
    equations: LeastSquares,
    params: Array,
    n_weights: int,
    ridge: float,
    counters: TrainCounters,
) -> tuple[float, bool]:
    """One step that makes the objective smaller, if there is one; `params` change in place.

    Parameters
    ----------
    solver : LevenbergMarquardt
    equations : LeastSquares
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

    def objective(vector: Array) -> float:
        weights = vector[:n_weights]
        return equations.loss(vector) + 0.5 * ridge * float(weights @ weights)

    system = equations.system(params, n_weights, ridge)
    before = objective(params)
    if not system.is_finite:
        return np.nan, False  # larger than a float can be: training has diverged
    if np.abs(system.gradient).max() <= solver.tol:
        return system.loss, False
    counters.step_control = counters.step_control or solver.damping
    while counters.step_control <= solver.largest:
        moved = (params - system.solve(counters.step_control)).astype(params.dtype)
        if objective(moved) < before:  # which NaN never is
            params[:] = moved
            counters.step_control = max(counters.step_control * solver.relaxation, 1e-20)
            return system.loss, True
        counters.step_control *= solver.reinforcement
    counters.step_control = solver.damping
    return system.loss, False
