"""The solvers: the same optimum as well-kept solvers of convex problems, and resumption."""

import pickle
import warnings
from dataclasses import astuple

import numpy as np
import pytest
from scipy import sparse
from scipy.optimize import least_squares, minimize
from sklearn.datasets import load_diabetes, make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import (
    Lasso,
    LogisticRegression,
    PoissonRegressor,
    QuantileRegressor,
    Ridge,
)
from sklearn.neural_network import MLPClassifier, MLPRegressor

from skbackprop import BackpropClassifier, BackpropRegressor, presets
from skbackprop._engine.network import Network
from skbackprop._engine.schedules import TrainCounters
from skbackprop._engine.solvers import lbfgs, levenberg_marquardt
from skbackprop._engine.solvers.lbfgs import LBFGS
from skbackprop._engine.solvers.levenberg_marquardt import (
    DualSystem,
    LeastSquares,
    LevenbergMarquardt,
    PrimalSystem,
)

# How each solver comes to rest at the optimum of a smooth convex problem.
TO_THE_OPTIMUM = {
    "sgd": {"learning_rate_init": 1.0, "momentum": 0.9, "max_iter": 4000},
    "adam": {"learning_rate_init": 0.1, "learning_rate": "cosine", "max_iter": 4000},
    "amsgrad": {"learning_rate_init": 0.1, "learning_rate": "cosine", "max_iter": 4000},
    "rmsprop": {"learning_rate_init": 0.05, "learning_rate": "cosine", "max_iter": 8000},
    "rprop": {"learning_rate_init": 0.1, "max_iter": 4000},
    "lbfgs": {"tol": 1e-10, "max_iter": 4000},
    "lm": {"tol": 1e-12, "max_iter": 100},
}
SETTINGS = {
    "hidden_layer_sizes": (), "batch_size": "full", "standardize": False, "clip_norm": None,
    "tol": None, "random_state": 0,
}  # fmt: skip
SOLVERS = pytest.mark.parametrize("solver", TO_THE_OPTIMUM)
BOTH = pytest.mark.parametrize("estimator", [BackpropClassifier, BackpropRegressor])


def at_the_optimum(estimator, solver, X, y, **settings):
    fitted = estimator(**SETTINGS | {"solver": solver} | TO_THE_OPTIMUM[solver] | settings)
    return fitted.fit(X, y)


def layers(fitted):
    return [*fitted.coefs_, *fitted.intercepts_]


@pytest.fixture(scope="module")
def linear():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    return X, X @ [0.3, -0.5, 0.2] + 0.4 + 0.3 * rng.normal(size=60)


@pytest.mark.parametrize("solver", [name for name in TO_THE_OPTIMUM if name != "lm"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_log_loss_is_logistic_regression(solver, n_classes):
    X, y = make_classification(
        120, 4, n_informative=3, n_redundant=0, n_classes=n_classes, random_state=0
    )
    theirs = LogisticRegression(C=0.5, tol=1e-12, max_iter=10_000).fit(X, y)
    ours = at_the_optimum(BackpropClassifier, solver, X, y, alpha=2.0)
    # Softmax weights are unique but for the biases' common shift; probabilities are unique.
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=2e-6)


@SOLVERS
def test_squared_error_is_ridge(solver, linear):
    X, y = linear
    theirs = Ridge(alpha=3.0).fit(X, y)
    changes = {"learning_rate_init": 0.2} if solver == "sgd" else {}
    ours = at_the_optimum(BackpropRegressor, solver, X, y, alpha=3.0, **changes)
    np.testing.assert_allclose(ours.coefs_[0][:, 0], theirs.coef_, atol=1e-6)
    np.testing.assert_allclose(ours.intercepts_[0], theirs.intercept_, atol=1e-6)


@pytest.mark.parametrize("solver", [name for name in TO_THE_OPTIMUM if name != "lm"])
@pytest.mark.parametrize("standardize", [False, True])
def test_poisson_is_poisson_regression(solver, standardize, linear):
    X, _ = linear
    y = np.random.default_rng(1).poisson(np.exp(X @ [0.3, -0.5, 0.2] + 0.4)).astype(float)
    theirs = PoissonRegressor(alpha=0.0, tol=1e-10, max_iter=1000).fit(X, y)
    changes = {"learning_rate_init": 0.1} if solver == "sgd" else {}
    ours = at_the_optimum(
        BackpropRegressor, solver, X, y, loss="poisson", alpha=0.0, standardize=standardize,
        **changes,
    )  # fmt: skip
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-5)
    assert ours.out_activation_ == "exp"


# Corners leave no gradient to come to rest by: ever smaller steps have to.
TO_A_CORNER = {
    "alpha": 0.0, "momentum": 0.0, "learning_rate_init": 0.3, "learning_rate": "linear",
    "max_iter": 20_000,
}  # fmt: skip


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.8])
def test_quantile_loss_is_quantile_regression(quantile, linear):
    X, y = linear
    theirs = QuantileRegressor(quantile=quantile, alpha=0.0).fit(X, y)
    ours = at_the_optimum(
        BackpropRegressor, "sgd", X, y, loss="quantile", quantile=quantile, **TO_A_CORNER
    )
    np.testing.assert_allclose(ours.coefs_[0][:, 0], theirs.coef_, atol=1e-4)
    np.testing.assert_allclose(ours.intercepts_[0], theirs.intercept_, atol=1e-4)


def test_absolute_error_is_the_median(linear):
    X, y = linear
    theirs = QuantileRegressor(quantile=0.5, alpha=0.0).fit(X, y)
    ours = at_the_optimum(BackpropRegressor, "sgd", X, y, loss="absolute_error", **TO_A_CORNER)
    np.testing.assert_allclose(ours.coefs_[0][:, 0], theirs.coef_, atol=1e-4)


def test_huber_is_the_optimum_of_a_general_solver(linear):
    X, y = linear
    X, y = X, y + np.where(np.arange(60) % 9 == 0, 5.0, 0.0)
    ours = at_the_optimum(BackpropRegressor, "lbfgs", X, y, loss="huber", alpha=0.0)
    theirs = least_squares(
        lambda w: X @ w[:3] + w[3] - y, np.zeros(4), loss="huber", f_scale=1.0, xtol=1e-14,
        ftol=1e-14, gtol=1e-14,
    )  # fmt: skip
    np.testing.assert_allclose(ours.coefs_[0][:, 0], theirs.x[:3], atol=1e-6)


@pytest.mark.parametrize("l1", [1.0, 15.0, 25.0])
def test_l1_is_lasso(l1, linear):
    X, y = linear
    theirs = Lasso(alpha=l1 / len(X), tol=1e-12).fit(X, y)
    ours = at_the_optimum(
        BackpropRegressor, "sgd", X, y, alpha=0.0, l1=l1, learning_rate_init=0.05,
        learning_rate="linear", momentum=0.0, max_iter=20_000,
    )  # fmt: skip
    np.testing.assert_allclose(ours.coefs_[0][:, 0], theirs.coef_, atol=1e-5)


@pytest.mark.parametrize("output", ["tanh", "gelu"])
def test_gauss_newton_matrix_is_that_of_finite_differences(output):
    rng = np.random.default_rng(0)
    network = Network((3, 4, 2), ("gelu",), "squared_error", output)
    params = rng.normal(size=network.n_params)
    X, Y = rng.normal(size=(7, 3)), rng.normal(size=(7, 2))
    weights = rng.uniform(size=7)

    def residuals(vector):
        return (network.forward(vector, X)[1][-1] - Y).reshape(-1)

    h = 1e-6
    jacobian = np.stack(
        [(residuals(params + h * e) - residuals(params - h * e)) / (2 * h)
         for e in np.eye(network.n_params)], axis=1,
    )  # fmt: skip
    weighted = np.repeat(weights, 2)[:, None] * jacobian
    problem = LeastSquares(network, X, Y, np.arange(7), weights)
    loss, gradient, matrix = problem.normal_equations(params)
    np.testing.assert_allclose(loss, 0.5 * np.repeat(weights, 2) @ residuals(params) ** 2)
    np.testing.assert_allclose(gradient, weighted.T @ residuals(params), atol=1e-8)
    np.testing.assert_allclose(matrix, jacobian.T @ weighted, atol=1e-7)


def test_rows_are_worked_in_parts(monkeypatch):
    rng = np.random.default_rng(0)
    network = Network((3, 4, 2), ("tanh",), "squared_error", "identity")
    params = rng.normal(size=network.n_params)
    problem = LeastSquares(
        network, rng.normal(size=(7, 3)), rng.normal(size=(7, 2)), np.arange(7),
        rng.uniform(size=7),
    )  # fmt: skip
    whole, loss = problem.normal_equations(params), problem.loss(params)
    sizes = []
    real = levenberg_marquardt._jacobian

    def jacobian(network, params, X, Y):
        sizes.append(len(X))
        return real(network, params, X, Y)

    monkeypatch.setattr(levenberg_marquardt, "_jacobian", jacobian)
    # A row's part of the Jacobian has 2 * 26 elements.
    for elements, expected in ((1, [1] * 7), (155, [2, 2, 2, 1]), (156, [3, 3, 1])):
        del sizes[:]
        monkeypatch.setattr(levenberg_marquardt, "_ELEMENTS", elements)
        for part, one in zip(problem.normal_equations(params), whole, strict=True):
            np.testing.assert_allclose(part, one, rtol=1e-12, atol=1e-12)
        assert sizes == expected
    monkeypatch.setattr(levenberg_marquardt, "_ROWS", 3)
    np.testing.assert_allclose(problem.loss(params), loss, rtol=1e-14)


def solve_in_long_double(matrix, right):
    """Gaussian elimination with pivoting."""
    matrix, right = matrix.astype(np.longdouble), right.astype(np.longdouble)
    for k in range(len(right)):
        pivot = k + np.argmax(np.abs(matrix[k:, k]))
        matrix[[k, pivot]], right[[k, pivot]] = matrix[[pivot, k]], right[[pivot, k]]
        factors = matrix[k + 1 :, k] / matrix[k, k]
        matrix[k + 1 :] -= np.outer(factors, matrix[k])
        right[k + 1 :] -= factors * right[k]
    solution = np.zeros_like(right)
    for k in reversed(range(len(right))):
        solution[k] = (right[k] - matrix[k, k + 1 :] @ solution[k + 1 :]) / matrix[k, k]
    return solution


@pytest.mark.parametrize("is_sparse", [False, True])
@pytest.mark.parametrize("ridge", [0.0, 1e-6, 0.1])
@pytest.mark.parametrize("damping", [1e-8, 1e-3, 10.0])
# More neurons than residuals, as many, and fewer; several outputs and layers.
@pytest.mark.parametrize(
    ("sizes", "n"), [((3, 8, 1), 4), ((3, 8, 2), 9), ((2, 6, 4, 1), 11), ((30, 2, 1), 25)]
)
def test_levenberg_marquardt_dual_step_is_the_primal_step(sizes, n, damping, ridge, is_sparse):
    rng = np.random.default_rng(0)
    hidden = ("tanh", "gelu")[: len(sizes) - 2]
    network = Network(sizes, hidden, "squared_error", "identity")
    n_weights, params = network.n_weights, rng.normal(size=network.n_params)
    X = rng.normal(size=(n, sizes[0])) * (rng.random((n, sizes[0])) < 0.7)
    X = sparse.csr_array(X) if is_sparse else X
    weights = rng.uniform(0.1, 1, size=n)
    problem = LeastSquares(
        network, X, rng.normal(size=(n, sizes[-1])), rng.permutation(n), weights
    )
    dual = problem.system(params, n_weights, ridge)
    assert isinstance(dual, DualSystem)
    loss, gradient, matrix = problem.normal_equations(params)
    np.testing.assert_allclose(dual.loss, loss, rtol=1e-13)
    diagonal = np.full(len(params), damping)
    diagonal[:n_weights] += ridge
    gradient[:n_weights] += ridge * params[:n_weights]
    np.testing.assert_allclose(dual.gradient, gradient, rtol=1e-12, atol=1e-14)
    expected = solve_in_long_double(matrix + np.diag(diagonal), gradient)
    tolerance = 1e-15 / damping + 1e-13  # what rounding of the matrix alone makes of it
    primal = PrimalSystem(*problem.normal_equations(params), params, n_weights, ridge)
    for system in (dual, primal):
        step = system.solve(damping)
        assert np.abs(step - expected).max() < 10 * tolerance * np.abs(expected).max()


def test_levenberg_marquardt_solves_the_smaller_system(monkeypatch):
    """20 residuals and 4,609 parameters: no matrix is as large as the parameters' would be."""
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(20, 5)), rng.normal(size=20)
    sizes = []

    def solve(matrix, right):
        sizes.append(len(matrix))
        return real(matrix, right)

    real = levenberg_marquardt._solve
    monkeypatch.setattr(levenberg_marquardt, "_solve", solve)
    settings = {"solver": "lm", "max_iter": 3, "tol": None, "random_state": 0}
    reg = BackpropRegressor((64, 64), **settings).fit(X, y)
    assert set(sizes) == {20}
    assert reg.loss_ < reg.loss_curve_[0]
    del sizes[:]
    BackpropRegressor((2,), **settings).fit(X, y)  # 15 parameters
    assert set(sizes) == {15}


def test_levenberg_marquardt_is_bounded_by_the_smaller_system():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(1800, 4)), rng.normal(size=(1800, 3))
    settings = {"solver": "lm", "max_iter": 1, "tol": None, "random_state": 0}
    wide = BackpropRegressor((2000,), **settings)
    assert wide.fit(X[:20], y[:20]).coefs_[0].shape == (4, 2000)
    with pytest.raises(
        ValueError, match=r"5000 equations. Got 16003 parameters and 5400 residuals"
    ):
        wide.fit(X, y)
    assert BackpropRegressor((3,), **settings).fit(X, y).n_iter_ == 1


class Valley:
    """Half a squared distance from 3, whose curvature is told as something else."""

    def __init__(self, curvature):
        self.curvature = curvature

    def loss(self, params):
        return 0.5 * float((params - 3) @ (params - 3))

    def system(self, params, n_weights, ridge):
        curvature = self.curvature * np.eye(len(params))
        return PrimalSystem(self.loss(params), params - 3, curvature, params, n_weights, ridge)


def damped_step(problem, start=(0.0,), ridge=0.0, damping=0.0, n_weights=1, **settings):
    params, counters = np.array(start), TrainCounters(step_control=damping)
    solver = LevenbergMarquardt(**settings)
    told = levenberg_marquardt.take_step(solver, problem, params, n_weights, ridge, counters)
    return params, *told, counters.step_control


def test_how_the_damping_of_a_step_answers():
    assert astuple(LevenbergMarquardt()) == (1e-4, 1e-3, 0.1, 10.0, 1e10)


def test_a_step_that_succeeds_is_damped_less_the_next_time():
    params, loss, moved, damping = damped_step(Valley(1.0))
    np.testing.assert_allclose(params, 3 / 1.001, rtol=1e-14)
    assert (loss, moved) == (4.5, True)
    np.testing.assert_allclose(damping, 1e-4)
    assert damped_step(Valley(1.0), damping=1e-20)[-1] == 1e-20


def test_a_step_too_far_is_damped_until_it_is_not():
    params, _, moved, damping = damped_step(Valley(0.01))
    # 300 and 272, 150, 27 are beyond 6, where it would be no better than at 0.
    np.testing.assert_allclose(params, 3 / 1.01, rtol=1e-14)
    assert moved
    np.testing.assert_allclose(damping, 0.1)
    # Where the matrix is not positive definite, too.
    params, _, moved, damping = damped_step(Valley(-1.0))
    np.testing.assert_allclose(params, 3 / 9, rtol=1e-14)
    np.testing.assert_allclose(damping, 1.0)


def test_levenberg_marquardt_penalizes_weights_and_not_biases():
    params, loss, moved, _ = damped_step(
        Valley(1.0), start=(1.0, 1.0, 1.0), ridge=0.5, n_weights=2
    )
    weight = 1 + (2 - 0.5) / (1 + 0.5 + 1e-3)
    np.testing.assert_allclose(params, [weight, weight, 1 + 2 / 1.001], rtol=1e-14)
    assert (loss, moved) == (6.0, True)  # without the ridge
    # It decides whether a step is an improvement: 5.9, 5.8 and 4.9 are nearer to 3 than 0 is.
    params, _, _, damping = damped_step(Valley(0.01), ridge=0.5)
    np.testing.assert_allclose(params, 3 / 1.51, rtol=1e-14)
    np.testing.assert_allclose(damping, 0.1)
    # At the optimum of both there is none.
    params, _, moved, _ = damped_step(Valley(1.0), start=(2.0,), ridge=0.5)
    assert not moved and params[0] == 2.0


def test_levenberg_marquardt_ends_when_no_step_is_left():
    assert damped_step(Valley(1.0), start=(2.75,), tol=0.25)[1:] == (0.03125, False, 0.0)
    assert damped_step(Valley(1.0), start=(2.75,), tol=0.24)[2]
    # No damping makes it smaller: the next call begins as the first.
    params, _, moved, damping = damped_step(Valley(-1e12), damping=10.0)
    assert (params[0], moved, damping) == (0.0, False, 1e-3)
    # As large is not smaller.
    assert not damped_step(Valley(1e300))[2]
    # The largest is still tried.
    assert damped_step(Valley(1.0), damping=1e10)[2]
    assert not damped_step(Valley(1.0), damping=1.1e10)[2]


@pytest.mark.parametrize("curvature", [np.inf, np.nan])
def test_a_step_into_infinity(curvature):
    params, loss, moved, _ = damped_step(Valley(curvature))
    assert np.isnan(loss) and not moved and params[0] == 0
    with np.errstate(invalid="ignore"):
        params, loss, moved, _ = damped_step(Valley(1.0), start=(np.inf,))
    assert np.isnan(loss) and not moved


@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic"])
def test_lbfgs_walks_as_mlp_does(activation):
    """The same initial weights, the same iterations, the same loss."""
    X, y = make_classification(80, 5, random_state=0)
    for ours, theirs, targets in (
        (BackpropClassifier, MLPClassifier, y),
        (BackpropRegressor, MLPRegressor, y + X[:, 0]),
    ):
        shared = {
            "hidden_layer_sizes": (6, 4), "solver": "lbfgs", "max_iter": 12,
            "activation": activation, "random_state": 3,
        }  # fmt: skip
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            a = ours(**presets.MLP | shared).fit(X, targets)
            b = theirs(**shared).fit(X, targets)
        assert a.n_iter_ == b.n_iter_ == 12
        np.testing.assert_allclose(a.loss_, b.loss_, rtol=1e-6)
        np.testing.assert_allclose(a.coefs_[0], b.coefs_[0], rtol=1e-4, atol=1e-6)


class Banana:
    """Rosenbrock's valley and its gradient, which are counted."""

    def __init__(self, sign=1.0):
        self.sign, self.calls = sign, 0

    def __call__(self, params):
        self.calls += 1
        x, y = params
        slope = [-400 * x * (y - x * x) - 2 * (1 - x), 200 * (y - x * x)]
        return 100 * (y - x * x) ** 2 + (1 - x) ** 2, self.sign * np.array(slope)


class Descent:
    """A run of L-BFGS: where it stands, and what it concluded."""

    def __init__(self, start=(-1.2, 1.0)):
        self.params, self.state = np.array(start), np.zeros((1, 2))
        self.counters, self.path = TrainCounters(), []

    def go(self, objective, n_epochs=1000, **settings):
        def conclude(loss):
            self.path.append((loss, *self.params))
            self.counters.loss = loss
            self.counters.epochs += 1
            return len(self.path) == n_epochs

        return lbfgs.minimize_lbfgs(
            LBFGS(**settings), objective, self.params, self.state, self.counters, conclude
        )


def scipys(tol=1e-8, **options):
    """The iterates of scipy's solver."""
    path = []
    result = minimize(
        Banana(), np.array([-1.2, 1.0]), jac=True, method="L-BFGS-B", callback=path.append,
        options={"gtol": tol, "ftol": 2.2e-9 * min(1, tol / 1e-4)} | options,
    )  # fmt: skip
    return [(Banana()(x)[0], *x) for x in path], result


@pytest.mark.parametrize("tol", [1e-2, 1e-4, 1e-8])
def test_lbfgs_is_scipys(tol):
    run = Descent()
    assert run.go(Banana(), tol=tol) == "converged"
    path, result = scipys(tol)
    np.testing.assert_array_equal(run.path, path)
    assert run.counters.updates == result.nfev
    assert run.counters.solver_start_epoch == 0
    np.testing.assert_array_equal(run.params, path[-1][1:])


def test_a_finer_tolerance_of_lbfgs_is_one_of_the_decrease_too(monkeypatch):
    seen = []

    def see(*arguments, options, **more):
        seen.append(options["ftol"])
        return minimize(*arguments, options=options, **more)

    monkeypatch.setattr(lbfgs, "minimize", see)
    for tol in (1e-2, 1e-4, 1e-6):
        Descent().go(Banana(), tol=tol)
    np.testing.assert_allclose(seen, [2.2e-9, 2.2e-9, 2.2e-11], rtol=1e-12)


def test_lbfgs_that_was_stopped_walks_on():
    path, result = scipys()
    run, spent = Descent(), []
    for n_epochs in (3, 4, 9):
        assert run.go(Banana(), n_epochs, tol=1e-8) is None
        assert len(run.path) == n_epochs
        spent.append(run.counters.updates)
    assert run.go(Banana(), tol=1e-8) == "converged"
    np.testing.assert_array_equal(run.path, path)
    assert spent == sorted(spent) and run.counters.updates == result.nfev
    assert run.counters.solver_start_epoch == 0
    np.testing.assert_array_equal(run.state, [[-1.2, 1.0]])
    # Nothing is left to do: once more that is concluded, and nothing has moved.
    assert run.go(Banana(), tol=1e-8) == "converged"
    assert run.path[-1] == run.path[-2]


def test_lbfgs_with_another_problem_begins_where_it_stands():
    run = Descent()
    run.go(Banana(), 5, tol=1e-8)
    here = run.params.copy()
    run.counters.loss += 1.0
    run.go(Banana(), 7, tol=1e-8)
    np.testing.assert_array_equal(run.state, [here])
    assert run.counters.solver_start_epoch == 5
    fresh = Descent(here)
    fresh.go(Banana(), 2, tol=1e-8)
    np.testing.assert_array_equal(run.path[5:], fresh.path)
    assert run.counters.updates == fresh.counters.updates


def test_lbfgs_keeps_to_its_budget():
    run = Descent()
    assert run.go(Banana(), max_gradients=10, tol=1e-8) == "max_fun"
    path, result = scipys(maxfun=10)
    np.testing.assert_array_equal(run.path, path)
    assert result.status == 1
    # The way back to where it stands is no part of the next budget.
    budget = run.counters.updates + 10
    assert run.go(Banana(), max_gradients=10, tol=1e-8) == "max_fun"
    path, _ = scipys(maxfun=budget)
    np.testing.assert_array_equal(run.path, path)
    assert astuple(LBFGS()) == (1e-4, 15_000)


def test_lbfgs_where_nothing_can_be_done():
    for start, objective, outcome in (
        ((1.0, 1.0), Banana(), "converged"),
        ((-1.2, 1.0), Banana(sign=-1.0), "line_search"),
    ):
        run = Descent(start)
        assert run.go(objective) == outcome
        assert run.path == [(Banana()(start)[0], *start)]


def test_the_loss_at_an_iterate_is_mostly_known():
    objective = lbfgs._Objective(Banana(), np.float64)
    first, second = np.array([0.0, 1.0]), np.array([2.0, 3.0])
    objective(first)
    assert objective.loss_at(first.copy()) == 101
    assert objective.n_gradients == 1
    assert objective.loss_at(second) == 101
    assert objective.n_gradients == 2


def test_first_weights_are_mlps():
    X, y = make_classification(40, 5, random_state=0)
    for activation in ("relu", "logistic"):
        settings = {"activation": activation, "random_state": 7, "learning_rate_init": 1e-300}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            peer = MLPClassifier((4, 3), max_iter=1, **settings).fit(X, y)
            ours = BackpropClassifier(
                **presets.MLP | settings | {"hidden_layer_sizes": (4, 3), "max_iter": 1}
            ).fit(X, y)
        for a, b in zip(
            ours.coefs_ + ours.intercepts_, peer.coefs_ + peer.intercepts_, strict=True
        ):
            np.testing.assert_allclose(a, b, rtol=1e-12)


# ---- Ten epochs and ten more are twenty ----

SCHEDULES = ["constant", "invscaling", "adaptive"]
RESUMABLE = [
    *({"solver": "sgd", "learning_rate": schedule, "momentum": 0.5} for schedule in SCHEDULES),
    {"solver": "sgd", "dropout": 0.3, "weight_decay": 0.1, "l1": 0.01, "max_norm": 2.0},
    {"solver": "adam"},
    {"solver": "rmsprop", "dropout": (0.5,)},
    {"solver": "rprop"},
    {"solver": "lbfgs"},
    {"solver": "lm", "loss": "squared_error"},
    {"solver": "adam", "early_stopping": True, "scoring": "score"},
    {"solver": "lm", "loss": "squared_error", "early_stopping": True},
]


@pytest.mark.parametrize(
    ("batch_size", "per_epoch"), [(1, 210), (50, 5), (70, 3), (209, 2), (210, 1), (999, 1)]
)
def test_updates_and_rows_are_counted(batch_size, per_epoch, wheat):
    settings = {"batch_size": batch_size, "max_iter": 3, "tol": None}
    clf = BackpropClassifier((4,), solver="adam", **settings).fit(*wheat)
    counters = clf._train_state.counters
    assert (counters.epochs, counters.updates, counters.samples) == (3, 3 * per_epoch, 630)
    assert clf.history_["epoch"] == [0, 1, 2]
    reg = BackpropRegressor((4,), solver="lm", **settings).fit(*wheat)
    assert reg._train_state.counters.updates == 3


@BOTH
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("how", RESUMABLE, ids=lambda how: "-".join(map(str, how.values())))
def test_every_solver_resumes_ten_epochs_and_ten_more_as_twenty(
    engine, estimator, how, dtype, wheat
):
    X, y = wheat
    X = X.astype(dtype)
    settings = {
        "hidden_layer_sizes": (4,),
        "learning_rate": "constant",
        "max_iter": 10,
        "tol": 1e-9,
        "n_iter_no_change": 30,
        "random_state": 0,
    } | how
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        whole = estimator(**settings | {"max_iter": 20}).fit(X, y)
        parts = estimator(**settings, warm_start=True).fit(X, y)
        parts = pickle.loads(pickle.dumps(parts)).fit(X, y)
    for a, b in zip(
        parts.coefs_ + parts.intercepts_, whole.coefs_ + whole.intercepts_, strict=True
    ):
        np.testing.assert_array_equal(a, b)
    assert parts.loss_curve_ == whole.loss_curve_
    assert len(whole.loss_curve_) > 10
    assert parts.t_ == whole.t_


@pytest.mark.parametrize("schedule", ["linear", "cosine"])
def test_schedules_that_plan_their_end_are_resumed_by_partial_fit(schedule, wheat):
    """`max_iter` is the whole plan there, so ten calls and ten more equal twenty."""
    settings = {
        "hidden_layer_sizes": (4,), "learning_rate": schedule, "max_iter": 20, "tol": None,
        "standardize": False, "alpha": 0.0, "random_state": 0,
    }  # fmt: skip
    whole = BackpropClassifier(**settings).fit(*wheat)
    parts = BackpropClassifier(**settings)
    for _ in range(10):
        parts.partial_fit(*wheat, classes=[1, 2, 3])
    parts = pickle.loads(pickle.dumps(parts))
    for _ in range(10):
        parts.partial_fit(*wheat)
    np.testing.assert_array_equal(parts.coefs_[0], whole.coefs_[0])
    assert parts.loss_curve_ == whole.loss_curve_


def test_lbfgs_goes_on_with_other_data(wheat):
    """There is nothing to replay then: it starts where it stands."""
    X, y = wheat
    reg = BackpropRegressor((4,), solver="lbfgs", max_iter=15, tol=None, warm_start=True)
    reg.set_params(random_state=0).fit(X, y)
    before = reg.loss_
    reg.fit(X, y[::-1])
    assert len(reg.loss_curve_) == 30
    assert reg.loss_curve_[15] > before
    assert reg.loss_ < reg.loss_curve_[15]


@pytest.mark.parametrize(("tol", "value"), [("auto", "0.0001"), (None, "0")])
def test_lbfgs_warning_names_max_fun(wheat, tol, value):
    clf = BackpropClassifier((4,), solver="lbfgs", max_fun=7, tol=tol, random_state=0)
    message = rf"has computed max_fun=7 gradients. Raise max_fun, or tol \(now {value}\)"
    with pytest.warns(ConvergenceWarning, match=message):
        clf.fit(*wheat)
    assert clf.n_iter_ <= 7 and not clf.converged_


def test_lbfgs_warning_names_a_line_search_that_failed(wheat, monkeypatch):
    clf = BackpropClassifier((4,), solver="lbfgs", max_iter=300, random_state=0)
    real = lbfgs._make_objective

    def uphill(*arguments):
        objective = real(*arguments)
        calls = []

        def loss_and_gradient(vector):
            calls.append(1)
            loss, gradient = objective(vector)
            return loss, gradient if len(calls) < 5 else -gradient

        return loss_and_gradient

    monkeypatch.setattr(lbfgs, "_make_objective", uphill)
    with pytest.warns(ConvergenceWarning, match=r"no step .* larger than tol=0.0001. Scale X"):
        clf.fit(*wheat)
    assert not clf.converged_


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"solver": "lbfgs"}, "a gradient still larger than tol=1e-12"),
        ({"solver": "lm", "loss": "squared_error"}, "a gradient still larger than tol=1e-12"),
        ({"solver": "rprop"}, "the loss still improving"),
        ({"solver": "sgd", "learning_rate": "constant"}, "the loss still improving"),
        (
            {"solver": "rprop", "early_stopping": True}, "the validation loss still improving",
        ),
        (
            {"solver": "rprop", "early_stopping": True, "scoring": "accuracy"},
            "the validation score still improving",
        ),
    ],
)  # fmt: skip
def test_convergence_warning_names_what_was_to_end_training(wheat, settings, reason):
    clf = BackpropClassifier((4,), max_iter=3, tol=1e-12, random_state=0, **settings)
    with pytest.warns(ConvergenceWarning, match=rf"max_iter=3 epochs with {reason}. Raise"):
        clf.fit(*wheat)
    assert not clf.converged_ and clf.n_iter_ == 3


@pytest.mark.parametrize("solver", ["lbfgs", "lm"])
def test_solvers_of_the_whole_problem_say_when_they_are_done(solver):
    X, y = load_diabetes(return_X_y=True)
    reg = BackpropRegressor((), solver=solver, tol=1e-6, random_state=0).fit(X, y)
    assert reg.converged_
    assert reg.n_iter_ < 200
    assert not hasattr(reg, "partial_fit")
    assert np.isnan(reg.history_["learning_rate"]).all()


def test_changing_the_solver_goes_on_with_the_weights(wheat):
    X, y = wheat
    clf = BackpropClassifier((4,), max_iter=5, tol=None, warm_start=True, random_state=0)
    clf.fit(X, y)
    for solver in ("rprop", "lbfgs", "rmsprop", "sgd", "lbfgs"):
        before = clf.loss_
        clf.set_params(solver=solver, learning_rate_init=0.001).fit(X, y)
        assert clf.loss_ < before * 1.05
    assert len(clf.loss_curve_) == 30
