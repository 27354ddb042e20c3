"""Derivatives, the two implementations of an epoch, and an oracle for both."""

import subprocess
import sys
import tracemalloc
from dataclasses import astuple, replace
from itertools import pairwise, product

import numpy as np
import oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse
from strategies import FLOATS, campaign

from skbackprop import Activation, check_derivative
from skbackprop._engine import hashing, initializers, sampling, schedules, training
from skbackprop._engine.activations import ACTIVATIONS, OUTPUT_ACTIVATIONS
from skbackprop._engine.early_stopping import EarlyStopping
from skbackprop._engine.hashing import kernel
from skbackprop._engine.initializers import INITIALIZERS
from skbackprop._engine.losses import LOSSES, allowed_outputs, get_loss
from skbackprop._engine.network import Network, path_products
from skbackprop._engine.output_expansion import expand_output_layer
from skbackprop._engine.regularization import Regularization
from skbackprop._engine.schedules import SCHEDULES, TrainCounters
from skbackprop._engine.solvers import (
    UPDATE_RULES,
    AccumulateGradient,
    Adam,
    GradientDescent,
    Momentum,
    Nesterov,
    Rprop,
)
from skbackprop._engine.training import ValidationResult

HIDDEN = [row.name for row in ACTIVATIONS]
OUTPUTS = [(row.name, row.output_activation) for row in LOSSES]


def by_name(row):
    return getattr(row, "name", str(row))


def by_both_names(row):
    return f"{row.name}-{row.output_activation}"


@pytest.mark.parametrize("row", OUTPUT_ACTIVATIONS, ids=by_name)
def test_activation_derivative(row):
    z = np.linspace(-6, 6, 1000)  # without the corners at zero
    h = 1e-6
    numeric = (row.value(z + h) - row.value(z - h)) / (2 * h)
    np.testing.assert_allclose(row.slope(z, row.value(z)), numeric, rtol=1e-7, atol=1e-8)
    check_derivative(row)


@pytest.mark.parametrize("row", OUTPUT_ACTIVATIONS, ids=by_name)
def test_activations_keep_the_dtype_and_hand_nan_on(row):
    z = np.array([-1e4, -2.0, 0.0, 2.0, 80.0, np.nan], dtype=np.float32)
    with np.errstate(invalid="ignore"):
        a, slope = row.value(z), row.slope(z, row.value(z))
    assert a.dtype == slope.dtype == np.float32
    assert np.isfinite(a[:5]).all()
    assert np.isfinite(slope[:5]).all()
    assert np.isnan(a[5])


@pytest.mark.parametrize("row", LOSSES, ids=by_both_names)
def test_loss_derivative(row):
    rng = np.random.default_rng(0)
    y = np.eye(3)[rng.integers(0, 3, size=20)]
    check_derivative(row, rng.normal(size=(20, 3)), y)
    check_derivative(row)


def test_losses_with_options():
    rng = np.random.default_rng(0)
    z, y = rng.normal(size=(20, 5)), rng.normal(size=(20, 5))
    check_derivative(get_loss("quantile", "identity", (0.1, 0.3, 0.5, 0.7, 0.9)), z, y)
    check_derivative(get_loss("huber", "tanh", (0.3,)), z, y)
    one_hot = np.hstack([np.eye(2)[y[:, 0].astype(int)], np.eye(3)[y[:, 1].astype(int)]])
    check_derivative(get_loss("log_loss", "softmax", (2, 3)), z, one_hot)


def test_derivatives_at_a_corner_are_zero():
    z, y = np.zeros((1, 2)), np.zeros((1, 2))
    for name, options in (("absolute_error", ()), ("quantile", (0.1, 0.9)), ("huber", (1.0,))):
        np.testing.assert_array_equal(
            get_loss(name, "identity", options).gradient(z, z, y), [[0, 0]]
        )
    with np.errstate(invalid="ignore"):
        z = np.array([[np.nan, -np.inf]])
        found = get_loss("quantile", "identity", (0.1, 0.9)).gradient(z, z, y)
    np.testing.assert_array_equal(found, [[np.nan, -0.9]])


def test_which_outputs_a_loss_goes_with():
    assert allowed_outputs("log_loss") == ("softmax", "logistic")
    assert allowed_outputs("poisson") == ("exp",)
    assert allowed_outputs("huber") == tuple(row.name for row in OUTPUT_ACTIVATIONS)


def test_wrong_derivatives_are_found():
    with pytest.raises(ValueError, match="'square'.*finite differences"):
        check_derivative(Activation("square", lambda z: z * z, lambda a: a))
    with pytest.raises(ValueError, match="shape"):
        check_derivative(Activation("line", lambda z: z, lambda a: 1.0))
    wrong = replace(get_loss("squared_error", "identity"), gradient=lambda z, o, y: y - o)
    with pytest.raises(ValueError, match="'squared_error'"):
        check_derivative(wrong)
    with pytest.raises(TypeError, match="Activation or a Loss"):
        check_derivative("tanh")


def test_where_derivatives_are_checked():
    """Beside the corners at whole numbers; with each target at each output by turns."""
    grid = np.arange(24) * 8 / 23 - 4 + 0.0077
    seen = []

    def see(*arrays):
        seen.append(arrays)
        return arrays[0] * 0

    check_derivative(Activation("zero", see, see))
    np.testing.assert_allclose(seen[0][0], grid, atol=1e-15)
    del seen[:]
    loss = get_loss("squared_error", "identity")
    check_derivative(replace(loss, value=lambda *a: see(*a).sum(axis=1), gradient=see))
    for z, o, y in seen[:1]:
        np.testing.assert_allclose(z, grid.reshape(8, 3), atol=1e-15)
        np.testing.assert_array_equal(o, z)
        np.testing.assert_array_equal(y, np.eye(3)[[0, 1, 2, 0, 1, 2, 0, 1]])


def test_the_largest_error_is_told():
    wrong = Activation(
        "wrong", lambda z: z, lambda z: 1 + np.array([0, 0.1, 9, 1e-9]), of="input"
    )
    with pytest.raises(ValueError, match=r"'wrong' is 10 at 3, .* give 1 \(2 of 4 differ\)"):
        check_derivative(wrong, points=[1.0, 2.0, 3.0, 4.0])
    check_derivative(wrong, points=[1.0, 2.0, 3.0, 4.0], tolerance=9.1)


@pytest.mark.parametrize("penalty", [{"alpha": 0.3}, {"l1": 0.3}, {"alpha": 0.2, "l1": 0.1}])
def test_penalty_derivative(penalty):
    rng = np.random.default_rng(0)
    regularization = Regularization(**penalty)
    w = rng.normal(size=12)
    w[np.abs(w) < 1e-3] = 0.1
    given = np.zeros(12)
    regularization.clip_and_penalize(given, w, 10, 7.0)
    h = 1e-6 * np.eye(12)
    numeric = [
        (regularization.penalty(w + s, 10, 7.0) - regularization.penalty(w - s, 10, 7.0)) / 2e-6
        for s in h
    ]
    np.testing.assert_allclose(given, numeric, atol=1e-9)


def test_penalties_are_their_formulas():
    w = np.array([3.0, -4.0, 0.0, 100.0])  # the last is a bias
    assert Regularization().penalty(w, 3, 2.0) == 0
    assert Regularization(alpha=0.5).penalty(w, 3, 2.0) == 0.5 * 25 / 2 / 2
    assert Regularization(l1=0.5).penalty(w, 3, 2.0) == 0.5 * 7 / 2
    assert Regularization(alpha=0.5, l1=0.5).penalty(w, 3, 2.0) == (6.25 + 3.5) / 2
    gradient = np.array([1.0, 1e9, -1.0, 1.0])
    Regularization().clip_and_penalize(gradient, w, 3, 2.0)
    Regularization().decay(w, 3, 0.1)
    np.testing.assert_array_equal(gradient, [1, 1e9, -1, 1])
    np.testing.assert_array_equal(w, [3, -4, 0, 100])
    Regularization(weight_decay=0.5).decay(w, 3, 0.1)
    np.testing.assert_allclose(w, [2.85, -3.8, 0, 100])


def test_long_gradients_are_shortened_before_penalties_are_added():
    gradient, w = np.array([3.0, 0.0, 4.0]), np.array([10.0, -20.0, 30.0])
    regularization = Regularization(alpha=0.1, l1=1.0, clip_norm=2.5)
    regularization.clip_and_penalize(gradient, w, 2, 2.0)
    np.testing.assert_allclose(gradient, [1.5 + 0.5 + 0.5, -1 - 0.5, 2])
    regularization = Regularization(clip_norm=5.1)
    for scale, expected in ((1, [3, 4]), (2, [3.06, 4.08])):
        gradient = scale * np.array([3.0, 4.0])
        regularization.clip_and_penalize(gradient, w[:2], 2, 1.0)
        np.testing.assert_allclose(gradient, expected)


def test_neurons_of_any_layer_are_confined():
    network = Network((2, 3, 1), ("tanh",), "squared_error", "identity")
    rng = np.random.default_rng(0)
    params = rng.normal(size=network.n_params)
    before = params.copy()
    Regularization().apply_max_norm(network, params)
    np.testing.assert_array_equal(params, before)
    Regularization(max_norm=0.8).apply_max_norm(network, params)
    scaled = 0
    for ours, theirs in zip(network.weights(params), network.weights(before), strict=True):
        for column in range(ours.shape[1]):
            norm = np.linalg.norm(theirs[:, column])
            scaled += norm > 0.8
            expected = theirs[:, column] * min(1, 0.8 / norm)
            np.testing.assert_allclose(ours[:, column], expected, rtol=1e-14)
    assert 0 < scaled < 4
    np.testing.assert_array_equal(network.biases(params)[0], network.biases(before)[0])


def test_dropout_is_what_it_says():
    network = Network((2, 1000, 50, 1), ("tanh", "tanh"), "squared_error", "identity")
    regularization = Regularization(dropout=(0.3, 0.0))
    first, second = regularization.masks(network, 5, np.arange(200), np.dtype(np.float32))
    assert second is None and first.shape == (200, 1000) and first.dtype == np.float32
    np.testing.assert_allclose(np.unique(first), [0, 1 / 0.7], rtol=1e-6)
    np.testing.assert_allclose(first.mean(), 1, atol=0.01)
    # Neither rows nor neurons, layers nor seeds, share their fate.
    for mask in (first, first.T):
        assert len(np.unique(mask, axis=0)) == len(mask)
    (other, _) = regularization.masks(network, 6, np.arange(200), np.dtype(np.float32))
    assert 0.3 < (other != first).mean() < 0.5
    assert Regularization(dropout=(0.0, 0.0)).masks(network, 5, np.arange(3), None) is None
    assert Regularization().masks(network, 5, np.arange(3), None) is None


@pytest.mark.parametrize("row", LOSSES[:2], ids=lambda row: row.output_activation)
@pytest.mark.parametrize("size", [1e3, 1e300])
def test_cross_entropy_is_finite_for_any_raw_output(row, size):
    z = np.array([[size, -size, 0.0], [-size, size, 0.0]])
    y = np.eye(3)[[0, 0]]
    assert np.isfinite(row.value(z, row.output(z), y)).all()


@pytest.mark.compiled
def test_kernel_knows_every_name():
    names = [row.name for row in OUTPUT_ACTIVATIONS]
    assert list(kernel.ACTIVATIONS) == [*names, "softmax"]
    for row in LOSSES:
        assert kernel.can_run(Network((2, 1), (), row.name, row.output_activation))
    assert {name for name, _ in kernel.LOSSES} == {row.name for row in LOSSES}
    assert list(kernel.UPDATE_RULES) == list(UPDATE_RULES)


@pytest.mark.compiled
@pytest.mark.parametrize("rule", UPDATE_RULES)
def test_kernel_knows_how_many_slots_a_rule_has(rule):
    network = Network((2, 1), (), "squared_error", "identity")
    X, Y = np.ones((1, 2)), np.ones((1, 1))
    params, state = np.zeros(3), np.zeros((rule.n_slots, 3))
    kernel.Runner(network, params, state, rule(), Regularization(), X, Y)
    with pytest.raises(ValueError, match="state of shape"):
        kernel.Runner(
            network, params, np.zeros((rule.n_slots + 1, 3)), rule(), Regularization(), X, Y
        )


@pytest.mark.parametrize("initializer", INITIALIZERS, ids=lambda f: f.__name__)
def test_initializer_variance(initializer):
    weights = initializer(300, 200, np.random.RandomState(0))
    assert weights.shape == (301, 200)
    length = 0.7 * 200 ** (1 / 300)
    expected = {
        "uniform": 1 / 12, "glorot": 2 / 500, "he": 2 / 300, "lecun": 1 / 300,
        "nguyen": length**2 / 300,
    }  # fmt: skip
    family = initializer.__name__.split("_")[0]
    mean = 0.5 if family == "uniform" else 0.0
    np.testing.assert_allclose(weights[:-1].mean(), mean, atol=0.01 * weights[:-1].std())
    np.testing.assert_allclose(weights[:-1].var(), expected[family], rtol=0.02)
    if family == "nguyen":
        np.testing.assert_allclose(np.linalg.norm(weights[:-1], axis=0), length)
        assert np.abs(weights[-1]).max() <= length


def test_initializer_biases():
    drawn = {f.__name__: f(30, 20_000, np.random.RandomState(0))[-1] for f in INITIALIZERS}
    for name in ("glorot_normal", "he_uniform", "he_normal", "lecun_normal"):
        assert not drawn[name].any()
    # Drawn as the weights are.
    np.testing.assert_allclose(drawn["uniform"].var(), 1 / 12, rtol=0.05)
    np.testing.assert_allclose(drawn["glorot_uniform"].var(), 2 / 20_030, rtol=0.05)
    length = 0.7 * 20_000 ** (1 / 30)
    np.testing.assert_allclose(drawn["nguyen_widrow"].var(), length**2 / 3, rtol=0.05)


def test_the_textbook_draws_neuron_by_neuron():
    drawn = initializers.uniform(2, 3, np.random.RandomState(0))
    rng = np.random.RandomState(0)
    np.testing.assert_array_equal(
        drawn.T, [[rng.uniform() for _ in range(3)] for _ in range(3)]
    )


def test_automatic_first_weights():
    for activation in HIDDEN:
        rectifies = activation in ("relu", "leaky_relu", "elu", "silu", "gelu", "mish")
        expected = initializers.he_uniform if rectifies else initializers.glorot_uniform
        expected = initializers.lecun_normal if activation == "selu" else expected
        assert initializers.automatic(activation) is expected
    drawn = initializers.mlp_uniform(300, 200, np.random.RandomState(0))
    np.testing.assert_allclose(drawn.var(), 2 / 500 / 3, rtol=0.02)
    np.testing.assert_allclose(np.abs(drawn).max(), np.sqrt(2 / 500), rtol=0.01)


@pytest.mark.parametrize("epochs", [0, 1, 3, 10, 14])
def test_schedules_are_their_formulas(epochs):
    counters = TrainCounters(epochs=epochs, samples=7 * epochs, n_rate_cuts=epochs // 3)
    passed = min(epochs / 10, 1)
    expected = {
        "constant": 1, "invscaling": (7 * epochs + 1) ** -0.3, "adaptive": 0.2 ** (epochs // 3),
        "linear": 1 - passed, "cosine": (1 + np.cos(np.pi * passed)) / 2,
    }  # fmt: skip
    for schedule in SCHEDULES:
        found = schedule.factor(counters, 10, 0.3)
        np.testing.assert_allclose(found, expected[schedule.name], rtol=1e-12, atol=1e-15)


@pytest.mark.parametrize("sizes", [(3, 2), (3, 4, 2), (3, 4, 5, 2)])
def test_products_along_all_paths(sizes):
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=shape) for shape in pairwise(sizes)]
    expected = np.zeros((sizes[0], sizes[-1]))
    for path in product(*map(range, sizes)):
        steps = [w[i, j] for w, (i, j) in zip(weights, pairwise(path), strict=True)]
        expected[path[0], path[-1]] += np.prod(steps)
    np.testing.assert_allclose(path_products(weights), expected, rtol=1e-12)


def test_outputs_join_where_they_belong():
    before = Network((2, 5, 3, 2), ("tanh", "relu"), "log_loss", "softmax")
    after = Network((2, 5, 3, 4), ("tanh", "relu"), "log_loss", "softmax")
    rng = np.random.default_rng(0)
    vector, drawn = rng.normal(size=before.n_params), rng.normal(size=(4, 4))
    *old_hidden, old_last = before.weights(vector)
    *old_biases, old_bias = before.biases(vector)
    for new in (drawn, None):
        grown = expand_output_layer(before, after, vector, [None, 1, None, 0], new)
        *hidden, last = after.weights(grown)
        *biases, bias = after.biases(grown)
        for ours, theirs in zip(hidden + biases, old_hidden + old_biases, strict=True):
            np.testing.assert_array_equal(ours, theirs)
        np.testing.assert_array_equal(last[:, [3, 1]], old_last)
        np.testing.assert_array_equal(bias[[3, 1]], old_bias)
        joined = np.zeros((4, 2)) if new is None else drawn[:, [0, 2]]
        np.testing.assert_array_equal(last[:, [0, 2]], joined[:-1])
        np.testing.assert_array_equal(bias[[0, 2]], joined[-1])


def test_progress_begins_at_nothing():
    begun = vars(TrainCounters())
    assert np.isnan(begun.pop("loss")) and begun.pop("monitor") == ""
    assert begun.pop("best") == begun.pop("best_loss") == np.inf
    assert set(begun.values()) == {0} and len(begun) == 10


def test_early_stopping_compares_the_monitored_value_with_the_best_so_far():
    counters = TrainCounters()
    for value, improved, stalled in (
        (5.0, True, 0), (4.0, True, 0), (3.5, True, 1), (3.5, False, 2), (np.nan, False, 3),
        (3.1, True, 4), (2.1, True, 0), (2.0, True, 1), (7.0, False, 2),
    ):  # fmt: skip
        assert EarlyStopping(tol=1.0).update(counters, value) == improved
        assert counters.n_no_improvement == stalled
    assert counters.best == counters.best_loss == 2.0
    # Without a tolerance, not to rise is enough.
    assert not EarlyStopping().update(counters, 2.0)
    assert counters.n_no_improvement == 0


def test_early_stopping_breaks_ties_by_the_loss_and_puts_nan_last():
    counters, rule = TrainCounters(), EarlyStopping("validation_score")
    for value, loss, improved, stalled in (
        (np.nan, np.nan, False, 1), (np.nan, 3.0, True, 2), (np.nan, 4.0, False, 3),
        (np.nan, 2.0, True, 4), (5.0, 9.0, True, 0), (5.0, 9.0, False, 0), (5.0, 8.0, True, 0),
        (5.0, np.nan, False, 0), (np.nan, 1.0, False, 1), (6.0, 1.0, False, 2),
        (4.0, np.nan, True, 0), (4.0, 7.0, True, 0),
    ):  # fmt: skip
        validation = ValidationResult(loss, -value)
        assert rule.update(counters, 0.5, validation) == improved
        assert counters.n_no_improvement == stalled
    assert (counters.best, counters.best_loss) == (4.0, 7.0)


def test_early_stopping_waits_and_the_adaptive_schedule_cuts_the_rate_first():
    counters = TrainCounters(n_no_improvement=3)

    def should_stop(counters, patience, schedule, rate, tol=0.0):
        rule = EarlyStopping(tol=tol, patience=patience)
        return rule.should_stop(counters, schedule, rate)

    assert not should_stop(counters, 3, schedules.CONSTANT, 0.1)
    assert not should_stop(counters, 4, schedules.CONSTANT, 0.1)
    assert should_stop(counters, 2, schedules.CONSTANT, 0.1)
    assert not should_stop(counters, 2, schedules.CONSTANT, 0.1, tol=None)
    assert should_stop(counters, 2, schedules.ADAPTIVE, 1e-6)
    assert (counters.n_no_improvement, counters.n_rate_cuts) == (3, 0)
    assert not should_stop(counters, 3, schedules.ADAPTIVE, 0.1)
    assert (counters.n_no_improvement, counters.n_rate_cuts) == (3, 0)
    assert not should_stop(counters, 2, schedules.ADAPTIVE, 1.1e-6)
    assert (counters.n_no_improvement, counters.n_rate_cuts) == (0, 1)


# Of four weights: a gradient that stays, turns, vanishes, and is no number in the end.
GRADIENTS = np.array(
    [[1.0, 2.0, -1.0, 0.5], [1.0, -3.0, 0.0, 0.5], [2.0, 1.0, -0.5, 0.5],
     [0.1, 2.0, -2.0, 0.5], [3.0, 2.0, -2.0, np.nan]]
)  # fmt: skip


def by_hand(rule, gradients, rate):
    """What becomes of a weight of zero, in the words of the papers."""
    w, v, m, s, largest, before, step, path = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, rate, []
    for t, g in enumerate(gradients, start=1):
        if rule == "GradientDescent":
            w -= rate * g
        elif rule == "Momentum":
            v = 0.9 * v - rate * g
            w += v
        elif rule == "Nesterov":
            v = 0.9 * v - rate * g
            w += 0.9 * v - rate * g
        elif rule == "Adam":
            m, s = 0.9 * m + 0.1 * g, 0.999 * s + 0.001 * g * g
            # The epsilon is beside the uncorrected root, as in the paper's last remark.
            rate_t = rate * np.sqrt(1 - 0.999**t) / (1 - 0.9**t)
            w -= rate_t * m / (np.sqrt(s) + 1e-8)
        elif rule == "AMSGrad":
            m, s = 0.9 * m + 0.1 * g, 0.999 * s + 0.001 * g * g
            largest = max(largest, s)
            rate_t = rate * np.sqrt(1 - 0.999**t) / (1 - 0.9**t)
            w -= rate_t * m / (np.sqrt(largest) + 1e-8)
        elif rule == "RMSprop":
            s = 0.9 * s + 0.1 * g * g
            w -= rate * np.sqrt(1 - 0.9**t) * g / (np.sqrt(s) + 1e-8)
        else:
            if before * g > 0:
                step = min(1.2 * step, 50.0)
            elif before * g < 0:
                step, g = max(0.5 * step, 1e-6), 0.0
            w -= np.sign(g) * step
            before = g
        path.append(w)
    return path


@pytest.mark.parametrize("rule", UPDATE_RULES[:-1], ids=lambda rule: rule.__name__)
@pytest.mark.parametrize("rate", [0.01, 45.0, 1.5e-6])
def test_rules_are_those_of_the_papers(rule, rate):
    n = GRADIENTS.shape[1]
    params, state, path = np.zeros(n), np.zeros((rule.n_slots, n)), []
    for count, gradient in enumerate(GRADIENTS, start=1):
        rule().step(params, gradient.copy(), state, rate, count)
        path.append(params.copy())
    expected = [by_hand(rule.__name__, column, rate) for column in GRADIENTS.T]
    np.testing.assert_allclose(np.transpose(path), expected, rtol=1e-12, atol=1e-15)


def test_rules_are_settings_and_little_memory():
    slots = {rule.__name__: rule.n_slots for rule in UPDATE_RULES}
    assert slots == {
        "GradientDescent": 0, "Momentum": 1, "Nesterov": 1, "Adam": 2, "AMSGrad": 3,
        "RMSprop": 1, "Rprop": 2, "AccumulateGradient": 1,
    }  # fmt: skip
    for rule in UPDATE_RULES:
        assert rule() == rule()
        assert rule().hyperparams == rule(*astuple(rule())).hyperparams
    state = np.zeros((1, 2))
    AccumulateGradient().step(None, np.array([1.0, 2.0]), state, 0.1, 1)
    np.testing.assert_array_equal(state, [[1, 2]])


@pytest.mark.parametrize("schedule", SCHEDULES, ids=by_name)
def test_schedule_starts_at_one_and_never_rises(schedule):
    factors = [
        schedule.factor(TrainCounters(epochs=e, samples=7 * e, n_rate_cuts=e // 3), 10, 0.5)
        for e in range(15)
    ]
    assert factors[0] == 1
    assert all(a >= b >= 0 for a, b in pairwise(factors))


# ---- One epoch: the readable implementation and the compiled one ----


@st.composite
def epochs(draw):
    """Everything that `run_epoch` takes, for a random small network."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n_hidden = draw(st.integers(0, 3))
    sizes = tuple(draw(st.integers(1, 19)) for _ in range(n_hidden + 2))
    activations = tuple(draw(st.sampled_from(HIDDEN)) for _ in range(n_hidden))
    loss, output = draw(st.sampled_from(OUTPUTS))
    options = ()
    if loss == "quantile":
        options = tuple(rng.uniform(0.05, 0.95, size=sizes[-1]))
    elif output == "softmax" and sizes[-1] > 2:
        options = draw(st.sampled_from([(), (2, sizes[-1] - 2)]))
    network = Network(sizes, activations, loss, output, options)
    dtype = draw(FLOATS)
    n = draw(st.integers(1, 40))
    solver = draw(st.sampled_from(UPDATE_RULES))()
    X = rng.normal(size=(n, sizes[0])).astype(dtype)
    if draw(st.booleans()):
        X[rng.random(X.shape) < 0.6] = 0
        X = sparse.csr_matrix(X)
    Y = rng.integers(0, sizes[-1], size=n)
    if output != "softmax" or options or draw(st.booleans()):
        Y = np.eye(sizes[-1], dtype=dtype)[Y]
    weights = rng.uniform(0.5, 2, size=n).astype(dtype) if draw(st.booleans()) else None
    # Exponentials of large sums diverge at any rate, and blow up rounding on the way.
    size = 0.02 if output == "exp" else 0.3
    params = (size * rng.normal(size=network.n_params)).astype(dtype)
    state = np.zeros((solver.n_slots, network.n_params), dtype=dtype)
    if draw(st.booleans()):  # in the midst of training
        # A velocity moves weights by ten times its size.
        state[:] = rng.uniform(0, size / 20, size=state.shape)
    regularization = Regularization(
        alpha=draw(st.sampled_from([0.0, 0.01])),
        l1=draw(st.sampled_from([0.0, 0.01])),
        weight_decay=draw(st.sampled_from([0.0, 0.5])),
        clip_norm=draw(st.sampled_from([None, 0.5])),
        max_norm=draw(st.sampled_from([None, 0.7])),
        dropout=tuple(draw(st.sampled_from([0.0, 0.2, 0.7])) for _ in range(n_hidden)),
    )
    # Rules for the whole data take it in one batch.
    whole = isinstance(solver, (Rprop, AccumulateGradient))
    batch_size = n if whole else min(n, draw(st.sampled_from([1, 3, 7, n])))
    order = rng.permutation(n)
    # So slow that no network blows up rounding within the epoch.
    rate = 1e-4 if output == "exp" else 1e-3
    return (
        network, params, state, solver, regularization, X, Y, order, batch_size, rate,
        draw(st.integers(0, 5)), weights, draw(st.integers(0, 2**31)), draw(st.integers(0, 99)),
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.compiled
@campaign(300)
@given(epochs())
def test_both_implementations_train_alike(arguments):
    network, params, state, *rest = arguments
    params_2, state_2 = params.copy(), state.copy()
    loss = training.run_epoch(network, params, state, *rest)
    loss_2 = kernel.run_epoch(network, params_2, state_2, *rest)
    tolerance = 1e-12 if params.dtype == np.float64 else 2e-4
    np.testing.assert_allclose(params_2, params, rtol=tolerance, atol=tolerance)
    np.testing.assert_allclose(state_2, state, rtol=tolerance, atol=tolerance)
    # The deviance of a good fit is a small difference of terms of the size of the targets, 1.
    terms = rest[4].size if network.loss == "poisson" else 0
    rounding = 4 * np.finfo(params.dtype).eps * terms
    np.testing.assert_allclose(loss_2, loss, rtol=tolerance, atol=rounding)


@pytest.mark.parametrize(
    "name", ["training", pytest.param("kernel", marks=pytest.mark.compiled)]
)
def test_an_epoch_is_the_first_unless_it_is_said(name):
    run = {"training": training, "kernel": kernel}[name].run_epoch
    rng = np.random.default_rng(0)
    network = Network((3, 40, 2), ("tanh",), "squared_error", "identity")
    X, Y = rng.normal(size=(6, 3)), rng.normal(size=(6, 2))
    params = rng.normal(size=network.n_params)
    found = []
    for more in ((), (0, None, 0, 0), (1, None, 0, 0), (0, None, 1, 0), (0, None, 0, 1)):
        vector, state = params.copy(), np.zeros((2, network.n_params))
        run(
            network, vector, state, Adam(), Regularization(dropout=(0.5,)), X, Y, np.arange(6),
            2, 0.1, *more,
        )  # fmt: skip
        found.append(vector)
    np.testing.assert_array_equal(found[0], found[1])
    for others in found[2:]:
        assert (others != found[0]).any()


@pytest.mark.compiled
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("n_hidden", [0, 1, 2])
@pytest.mark.parametrize(
    "solver", [GradientDescent(), Momentum(0.9), Nesterov(0.9)], ids=lambda u: type(u).__name__
)
@pytest.mark.parametrize(
    "regularization",
    [
        {}, {"alpha": 0.5}, {"weight_decay": 1.0}, {"clip_norm": 0.3}, {"dropout": 0.4},
        {"alpha": 0.2, "weight_decay": 2.0, "clip_norm": 1.0, "dropout": 0.2},
    ],
    ids=lambda options: "-".join(options) or "plain",
)  # fmt: skip
def test_blocks_are_row_by_row(dtype, n_hidden, solver, regularization):
    """First layers that are large are learned in blocks; the reference goes row by row."""
    rng = np.random.default_rng(0)
    sizes = (70, *(50, 9)[:n_hidden], 3) if n_hidden else (400, 8)
    activations = ("tanh", "silu")[:n_hidden]
    network = Network(sizes, activations, "log_loss", "softmax")
    X = rng.normal(size=(45, sizes[0])).astype(dtype)  # two blocks and a part of one
    Y = rng.integers(0, sizes[-1], size=45)
    params = (0.1 * rng.normal(size=network.n_params)).astype(dtype)
    options = regularization | {"dropout": (regularization.get("dropout", 0.0),) * n_hidden}
    results = []
    for run in (training.run_epoch, kernel.run_epoch):
        vector = params.copy()
        state = np.zeros((solver.n_slots, network.n_params), dtype=dtype)
        losses = [
            run(
                network, vector, state, solver, Regularization(**options), X, Y,
                np.arange(45)[::step].copy(), 1, 0.01, 0, seed=3, samples_seen=45 * k,
            )
            for k, step in enumerate((1, -1))
        ]  # fmt: skip
        results.append([vector, state, losses])
    tolerance = 1e-12 if dtype is np.float64 else 2e-4
    for expected, found in zip(*results, strict=True):
        np.testing.assert_allclose(found, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.slow
@pytest.mark.parametrize(
    "writing", ["numpy", pytest.param("compiled", marks=pytest.mark.compiled)]
)
@settings(max_examples=40)
@given(arguments=epochs())
def test_gradient_descent_agrees_with_an_oracle_without_backpropagation(arguments, writing):
    network, params, _, _, regularization, X, Y, _, batch_size, rate, *_ = arguments
    params = params.astype(np.float64)
    network = replace(network, loss_options=())
    X = np.asarray(X.todense() if sparse.issparse(X) else X, dtype=np.float64)[:8]
    Y = training.as_matrix(Y, np.arange(len(Y)), network.layer_sizes[-1], np.float64)
    Y = Y.astype(np.float64)[:8]
    batch_size = min(batch_size, len(X))
    expected = oracle.train(
        network.weights(params), network.biases(params), network.activations, network.loss,
        network.output_activation, X, Y, batch_size, rate, regularization.alpha, epochs=2,
    )  # fmt: skip
    run = training.run_epoch if writing == "numpy" else kernel.run_epoch
    for _ in range(2):
        run(
            network, params, np.zeros((0, network.n_params)), GradientDescent(),
            Regularization(regularization.alpha), X, Y, np.arange(len(X)), batch_size, rate, 0,
        )  # fmt: skip
    np.testing.assert_allclose(
        params, network.pack(*expected, np.float64), rtol=1e-11, atol=1e-11
    )


@pytest.mark.compiled
def test_large_batches_are_worked_in_chunks():
    rng = np.random.default_rng(0)
    network = Network((3, 4, 2), ("tanh",), "log_loss", "softmax")
    X, Y = rng.normal(size=(2000, 3)), rng.integers(0, 2, size=2000)
    params = rng.normal(size=network.n_params)
    results = []
    for run in (training.run_epoch, kernel.run_epoch):
        vector = params.copy()
        run(
            network, vector, np.zeros((0, network.n_params)), GradientDescent(),
            Regularization(), X, Y, rng.permutation(2000), 2000, 0.1, 0,
        )  # fmt: skip
        results.append(vector)
    np.testing.assert_allclose(*results, rtol=1e-12)


@pytest.mark.compiled
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_compiled_transfer_functions_are_accurate(dtype):
    """Each value through a network of one weight; relative to the spacing of floats."""
    z = np.concatenate([np.linspace(-800, 800, 1001), np.linspace(-2, 2, 1001), [1e-9, -1e-9]])
    z = z.astype(dtype)
    for name in ("logistic", "tanh"):
        network = Network((1, 1), (), "squared_error", name)
        for value in z[::50]:
            loss = kernel.run_epoch(
                network, np.array([1, 0], dtype=dtype), np.zeros((0, 2), dtype=dtype),
                GradientDescent(), Regularization(), np.array([[value]], dtype=dtype),
                np.zeros((1, 1), dtype=dtype), np.zeros(1, dtype=np.int64), 1, 0.0, 0,
            )  # fmt: skip
            expected = float(oracle.FUNCTIONS[name](np.longdouble(value)))
            np.testing.assert_allclose(
                np.sqrt(2 * loss), abs(expected), rtol=20 * np.finfo(dtype).eps, atol=1e-30
            )


@pytest.mark.slow
def test_gradual_underflow_survives_the_kernel():
    """Compiled with -ffast-math, it would be switched off for the whole process."""
    code = (
        "from skbackprop import BackpropRegressor; import numpy as np; "
        "BackpropRegressor((3,), max_iter=2, tol=None).fit(np.eye(4), np.arange(4.0)); "
        "print(np.array([1e-310]) / 2)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "[5.e-311]", done.stderr


@pytest.mark.compiled
def test_nan_is_not_hidden_by_relu():
    network = Network((1, 1, 1), ("relu",), "squared_error", "identity")
    params = np.array([np.nan, 1.0, 0.0, 0.0])
    loss = kernel.run_epoch(
        network, params, np.zeros((0, 4)), GradientDescent(), Regularization(),
        np.ones((1, 1)), np.ones((1, 1)), np.zeros(1, dtype=np.int64), 1, 0.1, 0,
    )  # fmt: skip
    assert np.isnan(loss)


# ---- Sampling ----


@pytest.mark.compiled
@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_hash_is_the_same_dense_sparse_and_compiled(dtype):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 7)).astype(dtype)
    X[X < 0.3] = 0
    X[3] = -0.0
    X[4:6] = [[0, 1, 0, 0, 0, 0, 0], [0, 0, 1, 0, 0, 0, 0]]
    expected = hashing.hash_rows(X, 3)
    assert len(set(expected)) == len({tuple(row) for row in X + 0.0})
    for hashed in (
        hashing.hash_rows(sparse.csr_matrix(X), 3),
        kernel.hash_rows(X, 3),
        kernel.hash_rows(sparse.csr_matrix(X), 3),
    ):
        np.testing.assert_array_equal(hashed, expected)


def test_hashes_are_the_published_ones():
    """Mix13 makes splitmix64's numbers of multiples of the golden ratio."""
    numbers = hashing.mix(np.arange(4, dtype=np.uint64) * hashing.GOLDEN)
    expected = [0, 0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]
    np.testing.assert_array_equal(numbers, np.array(expected, dtype=np.uint64))
    for start in (0, 1, 0x12345678, 2**32 - 1):
        h = start
        for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B), (16, 1)):
            h = (h ^ h >> shift) * factor % 2**32
        assert hashing.mix_32(np.array([start], dtype=np.uint32)) == h


@pytest.mark.parametrize("columns", [(), (2,)])
def test_data_have_the_same_hash_with_and_without_the_kernel(columns, monkeypatch):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(9, 3)), rng.integers(0, 3, size=(9, *columns))
    compiled = hashing.hash_data(X, y)
    # As those of one row after the other.
    whole = hashing.hash_rows(np.column_stack([X, y]))
    np.testing.assert_array_equal(compiled, whole)
    monkeypatch.setattr(hashing, "kernel", None)
    np.testing.assert_array_equal(hashing.hash_data(X, y), compiled)


def test_no_rows_have_no_hash():
    for X in (np.empty((0, 3)), sparse.csr_array((0, 3))):
        assert hashing.hash_rows(X).shape == (0,)
    for X in (np.zeros((2, 3)), sparse.csr_array((2, 3))):
        np.testing.assert_array_equal(hashing.hash_rows(X), [0, 0])


@given(st.lists(st.floats(0.01, 20), min_size=1, max_size=30), st.integers(0, 2**31))
def test_every_row_is_used_as_often_as_it_weighs(weights, seed):
    weights = np.array(weights)
    plan = sampling.make_sampler(np.arange(len(weights)), weights, shuffle=True)
    counts = np.bincount(plan.draw(np.random.RandomState(seed)), minlength=len(weights))
    expected = weights * plan.size / weights.sum()
    assert counts.sum() == plan.size == max(round(weights.sum()), len(weights))
    assert (np.abs(counts - expected) < 1 + 1e-6).all()


def test_the_last_row_is_not_passed_by_rounding():
    class Generator:
        def uniform(self):
            return np.nextafter(1.0, 0.0)

    # 9 and almost one more are ten, where the weights end; 4 and as much, where a row does.
    plan = sampling.make_sampler(np.arange(4) + 7, np.full(4, 2.5), shuffle=False)
    np.testing.assert_array_equal(plan.draw(Generator()), [7, 7, 8, 8, 9, 9, 9, 10, 10, 10])


def test_integer_weights_repeat_exactly():
    plan = sampling.make_sampler(np.array([4, 2, 7]), np.array([1.0, 3.0, 2.0]), False)
    np.testing.assert_array_equal(plan.draw(None), [4, 2, 2, 2, 7, 7])


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_rows_that_share_a_hash_by_chance_stay_apart(form):
    X = form(np.array([[1.0, 1.0], [0.0, 1.0], [0.0, 1.0], [0.0, 1.0]]))
    y, rows = np.array([5, 5, 5, 6]), np.arange(4)
    apart = sampling.merge_copies(X, y, rows[[0, 1]], np.zeros(4, dtype=np.uint64), None)
    np.testing.assert_array_equal(apart[0], [0, 1])
    assert apart[1] is None
    for targets in (y, np.column_stack([y * 0, y]), y[:, None]):
        merged, weights = sampling.merge_copies(
            X, targets, rows, np.zeros(4, dtype=np.uint64), None
        )
        np.testing.assert_array_equal(merged, [0, 1, 3])
        np.testing.assert_array_equal(weights[merged], [1, 2, 1])


@pytest.mark.parametrize("form", [np.asarray, sparse.csr_array])
def test_many_copies_take_no_copy_of_the_data(form):
    few = np.arange(3 * 500.0).reshape(3, 500)
    X, y = form(np.tile(few, (2000, 1))), np.zeros(6000)
    rows = np.arange(6000).reshape(2000, 3).T.ravel()
    tracemalloc.start()
    try:
        merged, weights = sampling.merge_copies(X, y, rows, hashing.hash_data(X, y), None)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    np.testing.assert_array_equal(merged, [0, 1, 2])
    np.testing.assert_array_equal(weights[merged], [2000] * 3)
    assert most < 0.5 * X.size * 8
