"""``alpha="auto"`` with many rows: the L2 penalty that held-out rows choose."""

import pickle

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import make_classification, make_friedman1
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

import skbackprop
from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop._engine.training import mean_loss
from skbackprop._preprocessing.sample_weight import effective_sample_size
from skbackprop._preprocessing.validation_set import split_frequent
from skbackprop._training.alpha_selection import selected_factor

NOTHING = {"factor": [], "alpha": [], "validation_loss": []}
FEW_EPOCHS = {"hidden_layer_sizes": (8,), "max_iter": 8, "random_state": 0}


@pytest.fixture(scope="module")
def noisy():
    """Classes of which 30% are wrong."""
    return make_classification(2400, 20, n_informative=6, flip_y=0.6, random_state=0)


@pytest.fixture(scope="module")
def waves():
    """Without noise, but so uneven that neighbors differ."""
    X = np.random.default_rng(0).uniform(-2, 2, size=(1500, 3))
    return X, np.sin(3 * X[:, 0]) * X[:, 1]


@pytest.fixture(scope="module")
def smooth():
    return make_friedman1(1200, noise=0.1, random_state=0)


def test_a_noisy_table_is_not_learned_by_heart(noisy):
    """The noise estimate alone ends far above the loss of guessing, which is 0.69."""
    X, y = noisy
    train, test = slice(1800), slice(1800, None)
    clf = BackpropClassifier(random_state=0).fit(X[train], y[train])
    linear = LogisticRegression().fit(X[train], y[train])
    loss, of_linear = (
        log_loss(y[test], model.predict_proba(X[test])) for model in (clf, linear)
    )
    assert loss < of_linear + 0.02
    weakest = BackpropClassifier(alpha=min(clf.alpha_selection_["alpha"]), random_state=0)
    weakest.fit(X[train], y[train])
    assert loss < log_loss(y[test], weakest.predict_proba(X[test])) - 0.2


@pytest.mark.parametrize(
    ("make", "data", "factors"),
    [(BackpropClassifier, "noisy", [1, 4, 16]), (BackpropRegressor, "waves", [0.25, 1, 4])],
)
def test_the_third_candidate_lies_where_the_loss_falls(make, data, factors, request):
    X, y = request.getfixturevalue(data)
    model = make(random_state=0, hidden_layer_sizes=(16,)).fit(X, y)
    found, alphas, losses = map(np.array, model.alpha_selection_.values())
    usual = alphas[factors.index(1)]
    assert found.tolist() == factors
    np.testing.assert_allclose(alphas / usual, factors)
    assert model.alpha_ == alphas[np.argmin(losses)]
    assert usual == pytest.approx(
        make(random_state=0, max_iter=1, hidden_layer_sizes=(16,)).fit(X, y).alpha_
    )


def test_the_network_is_that_of_the_chosen_penalty(noisy):
    """The trials leave no trace, in the weights or in what is drawn."""
    X, y = noisy
    chosen = BackpropClassifier(**FEW_EPOCHS).fit(X, y)
    given = BackpropClassifier(**FEW_EPOCHS, alpha=chosen.alpha_).fit(X, y)
    np.testing.assert_array_equal(chosen._params, given._params)
    assert chosen.loss_curve_ == given.loss_curve_
    assert given.alpha_selection_ == NOTHING


def test_a_held_out_loss_is_that_of_a_short_run_without_these_rows():
    """What the search finds for a candidate, found again by an estimator."""
    X, y = make_friedman1(1000, noise=1.0, random_state=0)
    settings = FEW_EPOCHS | {"standardize": False, "shuffle": False}
    reg = BackpropRegressor(**settings).fit(X, y)
    _, alphas, losses = reg.alpha_selection_.values()
    assert len(alphas) == 3

    data = {}

    def watch(problem, split, state, verbose):
        data["held_out"] = split.held_out
        return NOTHING

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("skbackprop._base.search_alpha", watch)
        BackpropRegressor(**settings).fit(X, y)
    is_held_out = np.isin(np.arange(1000), data["held_out"])
    assert is_held_out.sum() == 200
    for alpha, loss in zip(alphas, losses, strict=True):
        # As strong over an epoch of 800 rows as over one of 1000.
        short = BackpropRegressor(**settings | {"max_iter": 2, "alpha": alpha * 1000 / 800})
        short.fit(X[~is_held_out], y[~is_held_out])
        squared = (short.predict(X[is_held_out]) - y[is_held_out]) ** 2
        assert loss == pytest.approx(squared.mean() / 2, rel=1e-9)


@pytest.mark.parametrize("make", [BackpropClassifier, BackpropRegressor])
def test_the_choice_depends_on_neither_the_order_of_rows_nor_copies(make, noisy):
    X, y = noisy
    first = make(**FEW_EPOCHS).fit(X, y)
    order = np.random.default_rng(0).permutation(len(y))
    again = make(**FEW_EPOCHS).fit(X[order], y[order])
    assert again.alpha_selection_ == first.alpha_selection_
    weights = np.random.default_rng(1).integers(0, 3, len(y))
    weighted = make(**FEW_EPOCHS).fit(X, y, sample_weight=weights)
    copied = make(**FEW_EPOCHS).fit(np.repeat(X, weights, axis=0), np.repeat(y, weights))
    assert copied.alpha_selection_ == weighted.alpha_selection_
    assert weighted.alpha_selection_ != first.alpha_selection_


def test_weights_that_leave_few_rows_leave_nothing_to_choose_by(noisy):
    X, y = noisy
    weights = np.full(len(y), 1e-6)
    weights[:400] = 1
    clf = BackpropClassifier(**FEW_EPOCHS).fit(X, y, sample_weight=weights)
    assert clf.alpha_selection_["alpha"] == []
    assert effective_sample_size(weights) == pytest.approx(400, rel=0.01)
    assert effective_sample_size(np.full(7, 1e300)) == 7


@pytest.mark.parametrize(
    ("parameters", "n_rows"),
    [({}, 999), ({"alpha": 1e-3}, 2400), ({"max_iter": 3}, 2400)],
)
def test_where_nothing_is_chosen(parameters, n_rows, noisy):
    X, y = (part[:n_rows] for part in noisy)
    clf = BackpropClassifier(**FEW_EPOCHS | parameters).fit(X, y)
    assert clf.alpha_selection_ == NOTHING


def test_copies_of_few_rows_are_few(noisy):
    X, y = (np.tile(part[:100].T, 20).T for part in noisy)
    clf = BackpropClassifier(**FEW_EPOCHS).fit(X, y)
    assert clf.alpha_selection_["alpha"] == []


def test_rare_classes_stay_to_train_on(noisy):
    """A class of four rows or fewer is learned from, whole, and refuses no fit."""
    X, y = noisy
    y = y.copy()
    y[0], y[1:5] = 7, 8
    clf = BackpropClassifier(**FEW_EPOCHS).fit(X, y)
    assert len(clf.alpha_selection_["alpha"]) == 3
    hashes = np.random.default_rng(0).integers(0, 2**63, len(y), dtype=np.uint64)
    rows = np.arange(len(y))
    others, held_out = split_frequent(rows, hashes, y, np.ones(len(y)), 0.2, 0)
    assert sorted([*others, *held_out]) == rows.tolist()
    assert held_out.min() >= 5
    assert len(held_out) == pytest.approx(0.2 * len(y), abs=2)
    y[5:7], y[7:] = 9, y[7:]
    weighted = BackpropClassifier(**FEW_EPOCHS, class_weight="balanced")

    def watch(problem, split, state, verbose):
        assert (split.held_out >= 7).all()  # whatever a class weighs
        return NOTHING

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("skbackprop._base.search_alpha", watch)
        weighted.fit(X, y)
    every = np.arange(2400)  # a class of its own for each row
    clf = BackpropClassifier(**FEW_EPOCHS | {"max_iter": 4}).fit(X, every)
    assert clf.alpha_selection_["alpha"] == []


@pytest.mark.parametrize(
    "parameters",
    [
        {"solver": "adam"},
        {"solver": "rprop"},
        {"solver": "lbfgs"},
        {"batch_size": "full"},
        {"batch_size": 5000},
        {"shuffle": False},
        {"early_stopping": True},
        {"dropout": 0.2},
        {"class_weight": "balanced"},
        {"loss": "squared_error"},
    ],
)
def test_every_way_of_training_has_a_choice(parameters, noisy):
    X, y = noisy
    clf = BackpropClassifier(**FEW_EPOCHS | {"tol": None} | parameters).fit(X, y)
    losses = clf.alpha_selection_["validation_loss"]
    assert len(losses) == 3
    assert np.isfinite(losses).all()
    assert clf.alpha_ in clf.alpha_selection_["alpha"]


@pytest.mark.parametrize(
    "parameters",
    [{"loss": "quantile", "quantile": (0.1, 0.9)}, {"loss": "poisson"}, {"loss": "huber"}],
)
def test_every_loss_has_a_choice(parameters, smooth):
    X, y = smooth
    y = np.abs(y)
    reg = BackpropRegressor(**FEW_EPOCHS | parameters).fit(X, y)
    assert np.isfinite(reg.alpha_selection_["validation_loss"]).all()


def test_sparse_rows_several_targets_and_single_precision(noisy, smooth):
    X, y = noisy
    dense = BackpropClassifier(**FEW_EPOCHS, standardize=False).fit(X, y)
    rows = BackpropClassifier(**FEW_EPOCHS, standardize=False).fit(sparse.csr_matrix(X), y)
    np.testing.assert_allclose(
        rows.alpha_selection_["validation_loss"], dense.alpha_selection_["validation_loss"]
    )
    X, y = smooth
    reg = BackpropRegressor(**FEW_EPOCHS).fit(X.astype(np.float32), np.column_stack([y, -y]))
    assert len(reg.alpha_selection_["alpha"]) == 3
    labels = np.column_stack([y > 10, y > 15, y > 30])
    clf = BackpropClassifier(**FEW_EPOCHS).fit(X, labels)
    assert len(clf.alpha_selection_["alpha"]) == 3


def test_training_that_goes_on_keeps_the_choice(noisy):
    X, y = noisy
    clf = BackpropClassifier(**FEW_EPOCHS, warm_start=True).fit(X, y)
    chosen, tried = clf.alpha_, clf.alpha_selection_
    clf.fit(X, y)
    assert (clf.alpha_, clf.alpha_selection_) == (chosen, tried)
    clf.partial_fit(X[:10], y[:10])
    assert (clf.alpha_, clf.alpha_selection_) == (0, tried)
    assert pickle.loads(pickle.dumps(clf)).alpha_selection_ == tried
    clf.set_params(warm_start=False, alpha=0.5).fit(X, y)
    assert clf.alpha_selection_ == NOTHING
    assert clone(clf).set_params(alpha="auto").fit(X, y).alpha_selection_ == tried


def test_training_that_goes_on_with_others_keeps_the_factor(noisy):
    X, y = noisy
    clf = BackpropClassifier(**FEW_EPOCHS, warm_start=True).fit(X, y)
    factor = selected_factor(clf.alpha_selection_)
    assert factor != 1
    clf.set_params(batch_size=10).fit(X[:1200], y[:1200])
    fresh = BackpropClassifier(**FEW_EPOCHS | {"max_iter": 1}, batch_size=10)
    assert clf.alpha_ == pytest.approx(factor * fresh.fit(X[:1200], y[:1200]).alpha_)


def test_many_epochs_do_not_make_the_search_longer(noisy, monkeypatch):
    X, y = noisy
    asked = []
    train = skbackprop._training.alpha_selection.train

    def watched(problem, *arguments):
        asked.append(problem.config.max_epochs)
        return train(problem, *arguments)

    monkeypatch.setattr("skbackprop._training.alpha_selection.train", watched)
    for max_iter in (8, 60, 300):
        settings = FEW_EPOCHS | {"max_iter": max_iter, "early_stopping": True}
        BackpropClassifier(**settings).fit(X, y)
    assert asked == [2] * 3 + [15] * 6


def test_what_diverges_is_not_chosen(smooth, monkeypatch):
    losses = {"factor": [1, 4, 16], "alpha": [1, 4, 16]}
    assert selected_factor(losses | {"validation_loss": [np.inf, 0.5, 0.5]}) == 16
    assert selected_factor(losses | {"validation_loss": [0.4, np.inf, 0.5]}) == 1
    X, y = smooth
    found = skbackprop._training.alpha_selection.mean_loss
    values = iter([0.5, np.nan, 0.7])
    name = "skbackprop._training.alpha_selection.mean_loss"
    monkeypatch.setattr(name, lambda *arguments: found(*arguments) * 0 + next(values))
    reg = BackpropRegressor(**FEW_EPOCHS).fit(X, y)
    assert reg.alpha_selection_["factor"] == [0.25, 1, 4]
    assert reg.alpha_selection_["validation_loss"] == [0.7, 0.5, np.inf]
    assert reg.alpha_ == reg.alpha_selection_["alpha"][1]
    # Where nothing is learned by any, the noise decides.
    monkeypatch.setattr(name, lambda *arguments: np.nan)
    again = BackpropRegressor(**FEW_EPOCHS).fit(X, y)
    assert (again.alpha_selection_, again.alpha_) == (NOTHING, reg.alpha_)


def test_a_fit_that_diverges_leaves_nothing(smooth):
    X, y = smooth
    settings = {"learning_rate_init": 30.0, "clip_norm": None, "activation": "identity"}
    reg = BackpropRegressor(**FEW_EPOCHS | settings)
    with pytest.raises(ValueError, match="diverged"), pytest.warns():
        reg.fit(X, y)
    assert not hasattr(reg, "alpha_selection_")


def test_verbose_tells_what_is_tried(noisy, capsys):
    X, y = noisy
    clf = BackpropClassifier(**FEW_EPOCHS, verbose=1).fit(X, y)
    lines = sorted(capsys.readouterr().out.splitlines()[:3])
    _, *columns = clf.alpha_selection_.values()
    assert lines == sorted(
        f"alpha={alpha:.3g}: validation loss {loss:.4f}"
        for alpha, loss in zip(*columns, strict=True)
    )


def test_mean_loss_is_the_weighted_mean_in_any_portions(noisy, monkeypatch):
    X, y = noisy
    clf = BackpropClassifier(**FEW_EPOCHS, standardize=False).fit(X, y)
    weights = np.random.default_rng(0).uniform(size=len(y))
    expected = log_loss(y, clf.predict_proba(X), sample_weight=weights)
    for portion in (4096, 7):
        monkeypatch.setattr("skbackprop._engine.training._CHUNK_ROWS", portion)
        found = mean_loss(clf._network, clf._params, X, y[:, None] * 1.0, weights)
        assert found == pytest.approx(expected, rel=1e-9)
