"""Several networks in one estimator, which become one network."""

import pickle

import numpy as np
import pytest
from scipy.special import softmax
from sklearn.base import clone
from sklearn.datasets import make_classification, make_friedman1

import skbackprop
from skbackprop import BackpropClassifier, BackpropRegressor, presets
from skbackprop._engine.members import joined_network, joined_params
from skbackprop._engine.network import Network
from skbackprop.callbacks import EarlyStopping
from skbackprop.export import to_sklearn

SHORT = {"hidden_layer_sizes": (5, 4), "max_iter": 6, "random_state": 0}


@pytest.fixture(scope="module")
def classes():
    return make_classification(
        300, 6, n_informative=4, n_classes=3, n_clusters_per_class=1, random_state=0
    )


@pytest.fixture(scope="module")
def numbers():
    return make_friedman1(200, n_features=6, random_state=0)


def members_of(model, sizes, n):
    """The weights and biases of each member, cut out of the joined network."""
    ends = [[(0, model.n_features_in_)] * n]
    ends += [[(m * size, (m + 1) * size) for m in range(n)] for size in sizes]
    found = []
    for m in range(n):
        coefs, intercepts = [], []
        for layer, (coef, intercept) in enumerate(
            zip(model.coefs_, model.intercepts_, strict=True)
        ):
            rows = slice(*ends[layer][m])
            is_last = layer == len(sizes)
            columns = slice(None) if is_last else slice(*ends[layer + 1][m])
            coefs.append(coef[rows, columns] * (n if is_last else 1))
            intercepts.append(intercept[columns])
        found.append((coefs, intercepts))
    return found


def raw_output(coefs, intercepts, X):
    for coef, intercept in zip(coefs[:-1], intercepts[:-1], strict=True):
        X = np.maximum(X @ coef + intercept, 0)
    return X @ coefs[-1]


@pytest.mark.parametrize("sizes", [(5,), (5, 4), (3, 4, 2)])
def test_probabilities_are_the_normalized_geometric_mean_of_the_members(sizes, classes):
    X, y = classes
    settings = SHORT | {"hidden_layer_sizes": sizes}
    clf = BackpropClassifier(**settings, n_members=3).fit(X, y)
    assert clf.coefs_[0].shape == (6, 3 * sizes[0])
    members = members_of(clf, sizes, 3)
    raw = np.mean([raw_output(*member, X) for member in members], axis=0)
    expected = softmax(raw + clf.intercepts_[-1], axis=1)
    np.testing.assert_allclose(clf.predict_proba(X), expected, rtol=1e-9)
    # What lies between the members is zero, and no two of them are alike.
    n_weights = sum(coef.size for coef in members[0][0])
    assert sum(np.count_nonzero(coef) for coef in clf.coefs_) == 3 * n_weights
    assert not np.allclose(members[0][0][0], members[1][0][0])


def test_the_first_member_is_the_network_of_one(classes):
    X, y = classes
    one = BackpropClassifier(**SHORT).fit(X, y)
    several = BackpropClassifier(**SHORT, n_members=2).fit(X, y)
    (coefs, _), _ = members_of(several, (5, 4), 2)
    for found, expected in zip(coefs, one.coefs_, strict=True):
        np.testing.assert_array_equal(found, expected)
    assert several.loss_curve_ == one.loss_curve_
    assert several.n_iter_ == one.n_iter_


@pytest.mark.parametrize("activations", [("relu", "tanh"), ()])
def test_joined_params_compute_the_mean(activations):
    rng = np.random.default_rng(0)
    network = Network((4, *(5, 3)[: len(activations)], 2), activations,
                      "squared_error", "identity")  # fmt: skip
    members = [rng.normal(size=network.n_params) for _ in range(4)]
    X = rng.normal(size=(9, 4))
    expected = np.mean([network.forward(params, X)[1][-1] for params in members], axis=0)
    wide, params = joined_network(network, 4), joined_params(network, members)
    np.testing.assert_allclose(wide.forward(params, X)[1][-1], expected, atol=1e-12)


def test_several_networks_predict_better_than_one(numbers):
    X, y = numbers
    train, test = slice(100), slice(100, None)
    one, several = (
        [
            BackpropRegressor((20,), random_state=seed, **more)
            .fit(X[train], y[train])
            .score(X[test], y[test])
            for seed in range(5)
        ]
        for more in ({}, presets.ACCURATE)
    )
    assert np.mean(several) > np.mean(one)
    assert np.std(several) < np.std(one)


@pytest.mark.parametrize("make", [BackpropClassifier, BackpropRegressor])
def test_neither_order_nor_copies_matter(make, classes):
    X, y = classes
    order = np.random.default_rng(0).permutation(len(y))
    weights = np.random.default_rng(1).integers(0, 3, len(y))
    model = make(**SHORT, n_members=2)
    first = model.fit(X, y).predict(X)
    np.testing.assert_array_equal(model.fit(X[order], y[order]).predict(X), first)
    weighted = model.fit(X, y, sample_weight=weights).predict(X)
    copied = model.fit(np.repeat(X, weights, axis=0), np.repeat(y, weights)).predict(X)
    np.testing.assert_array_equal(copied, weighted)


def test_constant_columns_and_targets_stay_silent_in_every_member(numbers):
    X, y = numbers
    X = np.column_stack([X, np.full(len(y), 7.0)])
    Y = np.column_stack([y, np.full(len(y), 3.0)])
    reg = BackpropRegressor(**SHORT, n_members=3).fit(X, Y)
    other = X.copy()
    other[:, -1] = 1e6
    np.testing.assert_array_equal(reg.predict(other), reg.predict(X))
    np.testing.assert_allclose(reg.predict(X)[:, 1], 3.0)


def test_given_initial_weights_early_stopping_and_dropout(classes):
    X, y = classes
    drawn = BackpropClassifier(**SHORT).fit(X, y)
    given = drawn.coefs_, drawn.intercepts_
    settings = SHORT | {"learning_rate_init": 1e-9, "max_iter": 1, "n_members": 2}
    clf = BackpropClassifier(**settings, weight_init=given).fit(X, y)
    np.testing.assert_allclose(clf.predict_proba(X), drawn.predict_proba(X), atol=1e-6)
    settings = SHORT | {"early_stopping": True, "dropout": 0.1, "n_members": 2}
    clf = BackpropClassifier(**settings).fit(X, y)
    assert len(clf.validation_loss_curve_) == clf.n_iter_
    assert clf.coefs_[0].shape == (6, 10)


def test_a_member_that_diverges_and_keeps_its_best_stops_no_other(classes, monkeypatch):
    X, y = classes
    begun = []
    fit = skbackprop._training.loop.fit_with_restarts

    def second_diverges(*arguments):
        state, result = fit(*arguments)
        begun.append(1)
        result.stopped_early = len(begun) == 2
        return state, result

    monkeypatch.setattr("skbackprop._training.loop.fit_with_restarts", second_diverges)
    clf = BackpropClassifier(**SHORT, n_members=3).fit(X, y)
    assert clf.coefs_[0].shape == (6, 3 * 5)


def test_what_follows_takes_it_for_one_network(classes):
    X, y = classes
    clf = BackpropClassifier(**SHORT, n_members=2).fit(X, y)
    expected = clf.predict_proba(X)
    restored = pickle.loads(pickle.dumps(clf))
    np.testing.assert_array_equal(restored.predict_proba(X), expected)
    np.testing.assert_allclose(to_sklearn(clf).predict_proba(X), expected, rtol=1e-9)
    assert "10 -> 8" in clf.summary()
    assert clf.feature_importances_.shape == (6,)


def test_training_does_not_go_on(classes):
    X, y = classes
    clf = BackpropClassifier(**SHORT, n_members=2).fit(X, y)
    assert not hasattr(clf, "partial_fit")
    expected = clf.predict(X)
    with pytest.raises(ValueError, match="warm_start=True is for n_members=1"):
        clf.set_params(warm_start=True).fit(X, y)
    np.testing.assert_array_equal(clf.predict(X), expected)
    clf.set_params(warm_start=False, n_members=1)
    with pytest.raises(ValueError, match="Training cannot be resumed"):
        clf.partial_fit(X, y)
    with pytest.raises(ValueError, match="'n_members' parameter"):
        BackpropClassifier(n_members=0).fit(X, y)


def test_an_interrupt_keeps_the_members_that_were_trained(classes, monkeypatch):
    X, y = classes
    begun = []
    train = skbackprop._training.loop.train

    def interrupted(*arguments):
        begun.append(1)
        if len(begun) == 3:
            raise KeyboardInterrupt
        return train(*arguments)

    monkeypatch.setattr("skbackprop._training.loop.train", interrupted)
    clf = BackpropClassifier(**SHORT, n_members=4)
    with pytest.raises(KeyboardInterrupt, match="the first 2 of 4 networks"):
        clf.fit(X, y)
    assert clf.coefs_[0].shape == (6, 2 * 5)
    assert clf.score(X, y) > 0.5


def test_our_callbacks_are_for_one_network_and_others_see_every_epoch(classes):
    pytest.importorskip("sklearn.callback", reason="of scikit-learn 1.9")
    X, y = classes
    clf = BackpropClassifier(**SHORT, n_members=3)
    with pytest.raises(ValueError, match="EarlyStopping watches the training of one network"):
        clone(clf).set_callbacks(EarlyStopping()).fit(X, y)

    class Counter:
        n_epochs = 0

        def setup(self, estimator, context):
            self.planned = None

        def teardown(self, estimator, context):
            pass

        def on_fit_task_begin(self, estimator, context, **shown):
            if context.parent is None:
                self.planned = context.max_subtasks

        def on_fit_task_end(self, estimator, context, *, fitted_estimator=None, **shown):
            if context.task_name == "epoch":
                self.n_epochs += 1
                assert fitted_estimator is None or fitted_estimator.n_iter_ <= 6
            return self.n_epochs == 8

    counter = Counter()
    clf.set_callbacks(counter).fit(X, y)
    assert (counter.n_epochs, counter.planned) == (8, 18)
    # The second was stopped in its second epoch, and is not taken.
    assert clf.coefs_[0].shape == (6, 5)
    assert clf.n_iter_ == 6
