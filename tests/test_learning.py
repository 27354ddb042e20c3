"""Learning on ordinary data: truth tables, constant columns, wild values, rates too large."""

import warnings
from itertools import product

import numpy as np
import pytest
from scipy import sparse
from sklearn.datasets import load_iris
from sklearn.exceptions import ConvergenceWarning

from skbackprop import BackpropClassifier, BackpropRegressor, presets
from skbackprop.datasets import load_wheat_seeds

IRIS = load_iris(return_X_y=True)
X_PETALS, PETAL_WIDTH = IRIS[0][:, :3], IRIS[0][:, 3]


def combinations(n_bits):
    return np.array(list(product([0.0, 1.0], repeat=n_bits)))


# ---- Truth tables ----


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("form", [np.asarray, np.ndarray.tolist, sparse.csr_matrix])
def test_xor_is_learned_by_default(seed, form):
    X, y = combinations(2), [0, 1, 1, 0]
    clf = BackpropClassifier(random_state=seed).fit(form(X), y)
    assert clf.score(X, y) == 1
    reg = BackpropRegressor(random_state=seed).fit(form(X), y)
    np.testing.assert_allclose(reg.predict(X), y, atol=0.3)


@pytest.mark.parametrize("table", range(1, 15))
def test_truth_tables_of_two_bits_are_learned_by_default(table):
    X, y = combinations(2), np.array([table >> bit & 1 for bit in range(4)])
    for inputs in (X, 2 * X - 1, np.hstack([X, np.ones((4, 1))]), np.repeat(X, 30, axis=0)):
        targets = np.repeat(y, len(inputs) // 4)
        assert (
            BackpropClassifier(random_state=0).fit(inputs, targets).score(inputs, targets) == 1
        )


@pytest.mark.parametrize("n_bits", [1, 3, 4, 5, 6])
def test_parity_and_random_truth_tables_are_learned_by_default(n_bits):
    X = combinations(n_bits)
    tables = np.random.default_rng(n_bits).integers(2, size=(3, len(X)))
    tables[:, :2] = 0, 1  # of both classes
    for seed, y in enumerate([X.sum(axis=1) % 2, *tables]):
        assert BackpropClassifier(random_state=seed).fit(X, y).score(X, y) == 1
        predicted = BackpropRegressor(random_state=seed).fit(X, y).predict(X)
        np.testing.assert_array_equal(predicted > 0.5, y == 1)


def test_parity_of_more_rows_than_choose_the_penalty_is_learned_by_default():
    """No held-out row could be told from the others, and none is held out."""
    X = combinations(10)
    y = X.sum(axis=1) % 2
    clf = BackpropClassifier(random_state=0).fit(X, y)
    assert clf.alpha_selection_["alpha"] == []
    assert clf.score(X, y) > 0.95


def test_several_truth_tables_at_once_are_learned_by_default():
    """A full adder, as two labels and as two targets; and seven segments of ten digits."""
    X = combinations(3)
    adder = np.column_stack([X.sum(axis=1) % 2, X.sum(axis=1) > 1]).astype(int)
    assert BackpropClassifier(random_state=0).fit(X, adder).score(X, adder) == 1
    predicted = BackpropRegressor(random_state=0).fit(X, adder).predict(X)
    np.testing.assert_array_equal(predicted > 0.5, adder)
    digits = "1111110 0110000 1101101 1111001 0110011 1011011 1011111 1110000 1111111 1111011"
    segments = np.array([list(map(int, digit)) for digit in digits.split()])
    clf = BackpropClassifier(random_state=0).fit(combinations(4)[:10], segments)
    assert clf.score(combinations(4)[:10], segments) == 1


def test_encoder_problem_is_learned_by_default():
    X, y = np.eye(8), np.arange(8)
    assert BackpropClassifier(random_state=0).fit(X, y).score(X, y) == 1


# ---- Columns and cells that are not as the others ----


@pytest.mark.parametrize("value", [0.2, 1e6, -1e6])
def test_constant_column_moves_nothing_at_prediction(value):
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=(2000, 3)), np.full(2000, 0.1), np.zeros(2000)])
    reg = BackpropRegressor((8,), max_iter=3, random_state=0).fit(X, X[:, 0])
    others = X[:5].copy()
    others[:, 3:] = value
    np.testing.assert_allclose(reg.predict(others), reg.predict(X[:5]), rtol=1e-12)
    np.testing.assert_array_equal(reg.coefs_[0][3:], 0)
    assert reg.feature_importances_[3:].sum() == 0


@pytest.mark.parametrize("load", [load_iris, load_wheat_seeds])
def test_codes_for_missing_cells_cost_little(load):
    X, y = load(return_X_y=True)
    clean, coded = [], []
    for seed in range(3):
        rng = np.random.default_rng(seed)
        order = rng.permutation(len(y))
        train, test = order[::2], order[1::2]
        with_codes = np.where(rng.random(X.shape) < 0.05, -999.0, X)
        for scores, data in ((clean, X), (coded, with_codes)):
            clf = BackpropClassifier(random_state=seed).fit(data[train], y[train])
            scores.append(clf.score(data[test], y[test]))
    assert np.mean(coded) > np.mean(clean) - 0.06


def test_one_wild_row_costs_little():
    X, y = IRIS
    clf = BackpropClassifier(random_state=0)
    with_row = np.vstack([X[::2], np.full(4, 1e4)]), np.append(y[::2], 0)
    assert clf.fit(*with_row).score(X[1::2], y[1::2]) > 0.92


@pytest.mark.parametrize("loss", ["huber", "absolute_error", "quantile"])
def test_wild_targets_do_not_rule_robust_losses(loss):
    for seed in range(3):
        wild = np.random.default_rng(seed).choice(150, 3, replace=False)
        y = PETAL_WIDTH.copy()
        y[wild] = 1000
        reg = BackpropRegressor(loss=loss, random_state=seed).fit(X_PETALS, y)
        others = np.delete(np.arange(150), wild)
        assert reg.score(X_PETALS[others], y[others]) > 0.9


# ---- Sizes of numbers ----


@pytest.mark.parametrize("factor", [1e-290, 1e-170, 1e154, 1e160, 1e290])
def test_data_of_any_size_are_learned_alike(factor):
    factor = 2.0 ** round(np.log2(factor))  # which keeps the digits
    settings = dict(max_iter=3, shuffle=False, random_state=0)
    one, other = (
        BackpropRegressor(**settings).fit(X_PETALS * f, PETAL_WIDTH * f) for f in (1, factor)
    )
    assert all(np.isfinite(weights).all() for weights in other.coefs_ + other.intercepts_)
    np.testing.assert_allclose(
        other.predict(X_PETALS * factor), one.predict(X_PETALS) * factor, rtol=1e-10
    )


def test_one_huge_target_leaves_predictions_finite():
    y = PETAL_WIDTH.copy()
    y[3] = 1e160
    reg = BackpropRegressor(random_state=0).fit(X_PETALS, y)
    assert np.isfinite(reg.predict(X_PETALS)).all()


@pytest.mark.parametrize("constant", [1e-6, 3.0, 1e200, 0.0])
@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "poisson"])
def test_constant_target_is_predicted(constant, loss):
    y = np.column_stack([np.full(150, constant), PETAL_WIDTH])
    predicted = BackpropRegressor(loss=loss, random_state=0).fit(X_PETALS, y).predict(X_PETALS)
    if loss == "poisson" and not constant:
        assert predicted[:, 0].max() < 0.05  # an exponential is never zero
    else:
        np.testing.assert_allclose(predicted[:, 0], constant, rtol=1e-12)


def test_training_goes_on_after_a_constant_target():
    reg = BackpropRegressor(alpha=0, warm_start=True, random_state=0)
    reg.fit(X_PETALS, np.ones(150))
    assert reg.fit(X_PETALS, PETAL_WIDTH).score(X_PETALS, PETAL_WIDTH) > 0.9


# ---- Training that cannot learn ----


@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic"])
def test_rate_that_is_too_large_is_halved_or_named(activation):
    X, y = IRIS
    clf = BackpropClassifier(activation=activation, learning_rate_init=10, random_state=0)
    with pytest.warns(ConvergenceWarning, match=r"learning_rate_init \(now 10\)") as caught:
        clf.fit(X, y)
    assert clf.score(X, y) > 0.6 or "starts again" not in str(caught[-1].message)


def test_rate_that_kills_all_neurons_is_halved_until_some_live():
    X, y = IRIS
    clf = BackpropClassifier(learning_rate_init=3, random_state=0)
    with pytest.warns(ConvergenceWarning, match="hidden layer .* saturated .* starts again"):
        clf.fit(X, y)
    assert clf.score(X, y) > 0.9
    with pytest.warns(ConvergenceWarning, match="saturated") as caught:
        clf.set_params(max_restarts=0).fit(X, y)
    assert len(caught) == 1 and "starts again" not in str(caught[0].message)


def test_collapse_is_not_seen_where_nothing_can_be_learned():
    """One row, equal rows, targets without any signal, and streams."""
    rng = np.random.default_rng(0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        BackpropRegressor((2,), learning_rate_init=0.1).fit([[1.0]], [1.0])
        BackpropClassifier((2,), learning_rate_init=0.1).fit(np.ones((4, 2)), [0, 1, 0, 1])
        X, y = rng.normal(size=(30, 4)), rng.integers(2, size=30)
        BackpropClassifier(learning_rate_init=0.03, random_state=0).fit(X, y)
        clf = BackpropClassifier((2,), **presets.TEXTBOOK, learning_rate_init=0.3)
        clf.partial_fit([[50.0]], [0], classes=[0, 1])


def test_inputs_that_saturate_are_named():
    X, y = load_wheat_seeds(return_X_y=True, as_frame=True)
    clf = BackpropClassifier((5,), **presets.TEXTBOOK, max_iter=2, random_state=0)
    expected = r"layer 0 .*'logistic'.* X \(column 'area' reaches .*MinMaxScaler"
    with pytest.warns(UserWarning, match=expected) as caught:
        clf.fit(X, y)
    assert len(caught) == 1
    with pytest.warns(UserWarning, match="column 0 reaches"):
        clf.fit(X.to_numpy(), y)
    scaled = (X - X.min()) / (X.max() - X.min())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        clf.fit(scaled, y)


def test_sparse_columns_far_from_zero_are_named():
    X = sparse.csr_array(1e6 + np.random.default_rng(0).normal(size=(80, 3)))
    with pytest.warns(ConvergenceWarning, match=r"scale X \(column \d reaches 1\S+ standard"):
        BackpropRegressor((5,), max_restarts=0, random_state=0).fit(X, np.arange(80.0))


@pytest.mark.parametrize(
    ("parameters", "named"),
    [
        ({"alpha": 1e10}, ["alpha"]),
        ({"weight_decay": 1e3}, ["weight_decay"]),
        ({"alpha": 1e10, "weight_decay": 1e3}, ["alpha", "weight_decay"]),
        ({"learning_rate_init": 1e5}, ["learning_rate_init"]),
    ],
)
@pytest.mark.filterwarnings("ignore:.*starts again")
def test_divergence_names_the_parameter_that_is_too_large(parameters, named):
    with pytest.raises(ValueError, match="diverged") as error:
        BackpropClassifier(**parameters, random_state=0).fit(*IRIS)
    for name in ("alpha", "weight_decay", "learning_rate_init"):
        assert (f"lower {name} (now" in str(error.value)) == (name in named)
