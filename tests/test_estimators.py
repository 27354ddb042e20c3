"""The two estimators: what they promise beyond scikit-learn's own checks."""

import copy
import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
import sklearn
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import make_multilabel_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, cross_val_predict, cross_val_score
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from skbackprop import BackpropClassifier, BackpropRegressor, presets
from skbackprop._base import _rollback_on_error
from skbackprop._engine import training

QUICK = {
    "hidden_layer_sizes": (6,), "learning_rate": "constant", "alpha": 1e-4, "max_iter": 10,
    "tol": None, "random_state": 0,
}  # fmt: skip
BATCHES = [1, 7, "auto", "full"]
BOTH = pytest.mark.parametrize("estimator", [BackpropClassifier, BackpropRegressor])


def same_network(a, b, **tolerance):
    for x, y in zip([*a.coefs_, *a.intercepts_], [*b.coefs_, *b.intercepts_], strict=True):
        if tolerance:
            np.testing.assert_allclose(x, y, **tolerance)
        else:
            np.testing.assert_array_equal(x, y)


# ---- Against scikit-learn's MLP ----


@pytest.mark.parametrize("batch_size", [1, 5, 50])
@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize(
    "solver",
    [
        {"solver": "adam"},
        {"solver": "sgd", "momentum": 0.0},
        {"solver": "sgd", "momentum": 0.9, "nesterovs_momentum": False},
        {"solver": "sgd", "momentum": 0.9, "learning_rate": "invscaling"},
    ],
    ids=["adam", "sgd", "momentum", "nesterov-invscaling"],
)
@pytest.mark.parametrize("kind", ["multiclass", "binary", "regression"])
def test_trains_as_mlp_does(engine, kind, solver, activation, batch_size):
    """From the same weights, in the same order, for three epochs."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(50, 4))
    ours, theirs = BackpropClassifier, MLPClassifier
    y = rng.integers(0, 2 if kind == "binary" else 3, size=50)
    if kind == "regression":
        ours, theirs = BackpropRegressor, MLPRegressor
        y = rng.normal(size=(50, 2))
    settings = solver | {
        "hidden_layer_sizes": (5, 3), "activation": activation, "batch_size": batch_size,
        "alpha": 0.01, "shuffle": False, "learning_rate_init": 0.01,
    }  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        peer = theirs(**settings, max_iter=1, warm_start=True, random_state=0)
        # A rate of next to nothing leaves the initial weights for us to start from.
        peer.set_params(learning_rate_init=1e-300).fit(X, y)
        start = [c.copy() for c in peer.coefs_], [b.copy() for b in peer.intercepts_]
        peer.set_params(learning_rate_init=0.01, max_iter=3)
        peer.t_ = 0
        peer.fit(X, y)
    ours = ours(**presets.MLP | settings | {"tol": None, "max_iter": 3, "weight_init": start})
    ours.fit(X, y)
    assert ours.engine_ == engine
    same_network(ours, peer, rtol=1e-9, atol=1e-11)
    assert ours.out_activation_ == peer.out_activation_
    if kind != "regression":
        np.testing.assert_allclose(ours.predict_proba(X), peer.predict_proba(X), rtol=1e-9)
    np.testing.assert_allclose(ours.predict(X), peer.predict(X), rtol=1e-9)


def test_full_batch_loss_is_mlps():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(40, 3)), rng.integers(0, 3, size=40)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        peer = MLPClassifier((4,), alpha=0.1, batch_size=40, max_iter=1, random_state=0)
        peer.fit(X, y)
    ours = BackpropClassifier(
        **presets.MLP
        | {"hidden_layer_sizes": (4,), "alpha": 0.1, "batch_size": "full", "max_iter": 1}
        | {"tol": None, "learning_rate_init": 1e-300}
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        peer.set_params(learning_rate_init=1e-300, warm_start=True).fit(X, y)
    ours.set_params(weight_init=(peer.coefs_, peer.intercepts_)).fit(X, y)
    np.testing.assert_allclose(ours.loss_, peer.loss_, rtol=1e-12)


# ---- What a model depends on: the data and the seed ----


@BOTH
@pytest.mark.parametrize("batch_size", BATCHES)
@pytest.mark.parametrize("form", [np.asarray, sparse.csr_matrix])
def test_order_of_rows_changes_no_bit(engine, estimator, batch_size, form, wheat):
    X, y = wheat
    permutation = np.random.default_rng(0).permutation(len(X))
    settings = QUICK | {"batch_size": batch_size}
    a = estimator(**settings).fit(form(X), y)
    b = estimator(**settings).fit(form(X[permutation]), y[permutation])
    same_network(a, b)


@BOTH
@pytest.mark.parametrize("batch_size", BATCHES)
@pytest.mark.parametrize("standardize", [False, True])
def test_integer_weights_are_repetition(engine, estimator, batch_size, standardize, wheat):
    X, y = wheat
    weights = np.random.default_rng(0).integers(0, 4, size=len(X))
    settings = QUICK | {"batch_size": batch_size, "standardize": standardize}
    a = estimator(**settings).fit(X, y, sample_weight=weights)
    b = estimator(**settings).fit(np.repeat(X, weights, axis=0), np.repeat(y, weights))
    same_network(a, b)


@BOTH
@pytest.mark.parametrize("batch_size", BATCHES)
def test_dense_equals_csr(engine, estimator, batch_size, wheat):
    X, y = wheat
    X = np.where(X < 0.3, 0, X)
    settings = QUICK | {"batch_size": batch_size, "standardize": False}
    a = estimator(**settings).fit(X, y)
    b = estimator(**settings).fit(sparse.csr_matrix(X), y)
    same_network(a, b, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(a.predict(X), b.predict(sparse.csr_matrix(X)), rtol=1e-9)


def test_weights_mean_something_online(wheat):
    X, y = wheat
    settings = QUICK | {"batch_size": 1, "solver": "sgd", "learning_rate_init": 0.05}
    settings["max_iter"] = 40
    plain = BackpropClassifier(**settings).fit(X, y)
    shares = np.full(len(X), 1 / len(X))
    assert BackpropClassifier(**settings).fit(X, y, sample_weight=shares).score(X, y) > 0.85
    heavy = BackpropClassifier(**settings).fit(X, y, sample_weight=np.where(y == 1, 20, 1))
    assert (heavy.predict(X) == 1).sum() > (plain.predict(X) == 1).sum()


def test_read_only_and_fortran_input(tmp_path, wheat):
    X, y = wheat
    path = tmp_path / "X.npy"
    np.save(path, X)
    expected = BackpropClassifier(**QUICK).fit(X, y)
    for other in (np.load(path, mmap_mode="r"), np.asfortranarray(X), X.tolist()):
        same_network(BackpropClassifier(**QUICK).fit(other, y), expected)


@pytest.mark.parametrize("batch_size", [1, 32])
def test_same_bits_under_any_n_jobs(batch_size, wheat):
    X, y = wheat
    clf = BackpropClassifier(**QUICK | {"batch_size": batch_size, "hidden_layer_sizes": (40,)})
    search = [
        GridSearchCV(clf, {"alpha": [0, 0.1, 1]}, scoring="neg_log_loss", n_jobs=n_jobs)
        for n_jobs in (1, 2)
    ]
    one, two = (s.fit(X, y) for s in search)
    np.testing.assert_array_equal(
        one.cv_results_["mean_test_score"], two.cv_results_["mean_test_score"]
    )
    same_network(one.best_estimator_, two.best_estimator_)


# ---- Going on ----


@BOTH
@pytest.mark.parametrize("batch_size", BATCHES)
@pytest.mark.parametrize(
    "how",
    [
        {"solver": "adam"},
        {"solver": "sgd", "momentum": 0.9, "learning_rate": "invscaling"},
        {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.5, "n_iter_no_change": 3},
    ],
    ids=["adam", "nesterov-invscaling", "adaptive"],
)
def test_ten_epochs_and_ten_more_are_twenty(estimator, batch_size, how, wheat):
    X, y = wheat
    settings = QUICK | how | {"batch_size": batch_size}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        whole = estimator(**settings | {"max_iter": 20}).fit(X, y)
        parts = estimator(**settings, warm_start=True).fit(X, y)
        parts = pickle.loads(pickle.dumps(parts)).fit(X, y)
    same_network(parts, whole)
    assert parts.loss_curve_ == whole.loss_curve_
    assert (parts.t_, parts.n_iter_) == (whole.t_, 10)
    assert parts.history_["epoch"] == list(range(20))


@BOTH
@pytest.mark.parametrize("schedule", ["constant", "linear", "cosine"])
def test_partial_fit_is_one_epoch(estimator, schedule, wheat):
    X, y = wheat
    settings = QUICK | {"standardize": False, "learning_rate": schedule}
    whole = estimator(**settings).fit(X, y)
    parts = estimator(**settings)
    first = {"classes": [1, 2, 3]} if estimator is BackpropClassifier else {}
    for epoch in range(10):
        parts.partial_fit(X, y, **(first if epoch == 0 else {}))
    same_network(parts, whole)
    assert parts.loss_curve_ == whole.loss_curve_


def test_training_ends_early_on_tol(wheat):
    X, y = wheat
    clf = BackpropClassifier(**QUICK | {"tol": 10.0, "n_iter_no_change": 4, "max_iter": 100})
    # The first epoch improves on nothing at all; five stalls in a row are too many.
    assert clf.fit(X, y).n_iter_ == 6
    with pytest.warns(ConvergenceWarning, match="max_iter=10"):
        BackpropClassifier(**QUICK | {"tol": 0.0}).fit(X, y)


# ---- Targets and outputs ----


@pytest.mark.parametrize("loss", ["log_loss", "squared_error"])
@pytest.mark.parametrize("n_classes", [1, 2, 3])
def test_probabilities(loss, n_classes):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    y = np.array(["a", "b", "c"])[rng.integers(0, n_classes, size=60)]
    clf = BackpropClassifier(**QUICK, loss=loss).fit(X, y)
    p, scores = clf.predict_proba(X), clf.decision_function(X)
    assert p.shape == (60, n_classes)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    np.testing.assert_allclose(np.log(p), clf.predict_log_proba(X), atol=1e-12)
    np.testing.assert_array_equal(clf.predict(X), clf.classes_[p.argmax(axis=1)])
    assert scores.shape == ((60,) if n_classes == 2 else (60, n_classes))
    if n_classes == 2:
        np.testing.assert_array_equal(scores > 0, p[:, 1] > p[:, 0])
    far = clf.predict_log_proba(1e150 * X)
    assert np.isfinite(far).all()


@pytest.mark.parametrize("output", ["identity", "exp", "tanh", "logistic"])
def test_outputs_of_labels_are_learned_as_they_are(engine, output):
    """Only a regressor's targets are standardized; labels stay 0 and 1."""
    X, y = make_multilabel_classification(n_samples=300, n_classes=4, random_state=0)
    settings = QUICK | {"hidden_layer_sizes": (20,), "learning_rate_init": 0.01}
    settings |= {"loss": "squared_error", "output_activation": output, "max_iter": 300}
    settings |= {"solver": "adam", "batch_size": 200}
    clf = BackpropClassifier(**settings).fit(X, y)
    assert clf.engine_ == engine
    assert (clf.predict(X) == y).mean() > 0.9
    np.testing.assert_allclose(clf.get_activations(X).mean(axis=0), y.mean(axis=0), atol=0.05)


@pytest.mark.parametrize("loss", ["log_loss", "squared_error"])
def test_multilabel(loss):
    X, y = make_multilabel_classification(n_samples=300, n_classes=4, random_state=0)
    settings = QUICK | {"hidden_layer_sizes": (20,), "learning_rate_init": 0.01}
    clf = BackpropClassifier(**settings | {"max_iter": 60}, loss=loss).fit(X, y)
    assert clf.predict_proba(X).shape == y.shape
    assert np.issubdtype(clf.predict(X).dtype, np.integer)
    assert (clf.predict(X) == y).mean() > 0.85
    np.testing.assert_allclose(np.exp(clf.predict_log_proba(X)), clf.predict_proba(X))
    same_network(BackpropClassifier(**settings, loss=loss).fit(X, sparse.csr_matrix(y)),
                 BackpropClassifier(**settings, loss=loss).fit(X, y))  # fmt: skip


@pytest.mark.parametrize("output", ["identity", "tanh", "relu"])
def test_other_output_activations(output, wheat):
    X, y = wheat
    clf = BackpropClassifier(**QUICK, loss="squared_error", output_activation=output)
    p = clf.fit(X, y).predict_proba(X)
    np.testing.assert_allclose(p.sum(axis=1), 1)
    assert np.isfinite(clf.predict_log_proba(X)).all()
    assert clf.out_activation_ == output


@pytest.mark.parametrize("n_targets", [1, 3])
def test_regression_in_the_units_of_the_targets(n_targets):
    rng = np.random.default_rng(0)
    X = 1e6 + rng.normal(size=(300, 2))
    W = rng.normal(size=(2, n_targets))
    Y = 1e-9 * np.tanh((X - 1e6) @ W) + 1e-6
    settings = QUICK | {
        "hidden_layer_sizes": (20,),
        "max_iter": 200,
        "learning_rate_init": 0.01,
    }
    reg = BackpropRegressor(**settings).fit(X, Y if n_targets > 1 else Y[:, 0])
    assert reg.score(X, Y) > 0.98
    assert reg.predict(X).shape == ((300, 3) if n_targets > 1 else (300,))


def test_folded_weights_are_the_network(wheat):
    X, y = wheat
    X = 50 + 10 * X
    for estimator in (BackpropClassifier, BackpropRegressor):
        fitted = estimator(**QUICK, activation="tanh").fit(X, y)
        hidden = np.tanh(X @ fitted.coefs_[0] + fitted.intercepts_[0])
        raw = hidden @ fitted.coefs_[1] + fitted.intercepts_[1]
        np.testing.assert_allclose(fitted.get_activations(X, 0), hidden, rtol=1e-9)
        found = (
            fitted.predict(X) if estimator is BackpropRegressor else fitted.decision_function(X)
        )
        np.testing.assert_allclose(found, raw[:, 0] if found.ndim == 1 else raw, rtol=1e-9)
        again = estimator(**QUICK | {"learning_rate_init": 1e-300}, activation="tanh")
        again.set_params(weight_init=(fitted.coefs_, fitted.intercepts_)).fit(X, y)
        same_network(again, fitted, rtol=1e-9, atol=1e-11)


def test_given_weights_are_those_of_counts_in_their_units(wheat):
    """Through an exponential, a factor of the targets is a summand of the biases."""
    X, y = 50 + 10 * wheat[0], 1000.0 * wheat[1]
    settings = QUICK | {"loss": "poisson", "activation": "tanh"}
    fitted = BackpropRegressor(**settings).fit(X, y)
    again = BackpropRegressor(**settings | {"learning_rate_init": 1e-300})
    again.set_params(weight_init=(fitted.coefs_, fitted.intercepts_)).fit(X, y)
    hidden = np.tanh(X @ fitted.coefs_[0] + fitted.intercepts_[0])
    expected = np.exp(hidden @ fitted.coefs_[1] + fitted.intercepts_[1])[:, 0]
    np.testing.assert_allclose(fitted.predict(X), expected, rtol=1e-9)
    np.testing.assert_allclose(again.predict(X), expected, rtol=1e-9)


@BOTH
def test_one_weight_for_all_rows(estimator, wheat):
    X, y = wheat
    all_alike = estimator(**QUICK).fit(X, y, sample_weight=2)
    listed = estimator(**QUICK).fit(X, y, sample_weight=np.full(len(y), 2))
    same_network(all_alike, listed)
    assert all_alike.t_ == 2 * estimator(**QUICK).fit(X, y, sample_weight=1.0).t_


@BOTH
def test_weights_that_are_written_to_predict_or_cannot_be(estimator, wheat):
    X, y = wheat
    own = estimator(**QUICK | {"standardize": False}).fit(X, y)
    before = own.predict(X[:1])
    for array in (*own.coefs_, *own.intercepts_):
        array[...] = 0
    assert (own._raw_output_of(X) == 0).all()
    assert estimator is BackpropClassifier or own.predict(X[:1]) != before
    folded = estimator(**QUICK | {"standardize": True}).fit(X, y)
    with pytest.raises(ValueError, match="read-only"):
        folded.coefs_[0][0] = 0


@BOTH
def test_coefs_assigned_to_an_item_are_the_networks(estimator, wheat):
    X, y = wheat
    fitted = estimator(**QUICK | {"standardize": False}).fit(X, y)
    other = estimator(**QUICK | {"standardize": False, "random_state": 1}).fit(X, y)
    for layer, coef in enumerate(other.coefs_):
        fitted.coefs_[layer] = coef
    fitted.intercepts_[:] = other.intercepts_
    same_network(fitted, other)
    np.testing.assert_array_equal(fitted.predict(X), other.predict(X))
    np.testing.assert_array_equal(fitted.predict(X[:1]), other.predict(X[:1]))
    fitted.coefs_[1] += 1
    np.testing.assert_array_equal(fitted.coefs_[1], other.coefs_[1] + 1)
    fitted.coefs_[-1] = fitted.coefs_[-1].tolist()
    for index, value in ((1, np.zeros(3)), (0, 0.0), (slice(None), [other.coefs_[0]])):
        with pytest.raises(ValueError, match="must keep their shapes"):
            fitted.coefs_[index] = value
    with pytest.raises(IndexError):
        fitted.coefs_[5] = other.coefs_[0]


@BOTH
def test_coefs_with_standardization_folded_in_cannot_be_assigned(estimator, wheat):
    X, y = wheat
    fitted = estimator(**QUICK | {"hidden_layer_sizes": (4, 3), "standardize": True}).fit(X, y)
    before = [array.copy() for array in (*fitted.coefs_, *fitted.intercepts_)]
    with pytest.raises(ValueError, match="standardize=False.*weight_init"):
        fitted.coefs_[0] = np.zeros((7, 4))
    with pytest.raises(ValueError, match="standardize=False.*weight_init"):
        fitted.coefs_[::-1] = [array + 1 for array in fitted.coefs_[::-1]]
    with pytest.raises(ValueError, match="read-only"):
        fitted.coefs_[0] *= 2
    after = [*fitted.coefs_, *fitted.intercepts_]
    for one, other in zip(before, after, strict=True):
        np.testing.assert_array_equal(one, other)
    fitted.coefs_[1] = np.zeros((4, 3))
    assert not np.ptp(fitted.get_activations(X, 1), axis=0).any()


def test_coefs_are_a_list_whose_copies_are_plain_lists(wheat):
    clf = BackpropClassifier(**QUICK).fit(*wheat)
    coefs = clf.coefs_
    assert isinstance(coefs, list) and len(coefs + clf.intercepts_) == 4
    for change in (
        lambda: coefs.append(0), lambda: coefs.pop(), lambda: coefs.extend([]),
        lambda: coefs.sort(), lambda: coefs.reverse(), lambda: coefs.insert(0, 0),
        lambda: coefs.remove(0), lambda: coefs.clear(), lambda: coefs.__delitem__(0),
        lambda: coefs.__iadd__([0]), lambda: coefs.__imul__(2),
    ):  # fmt: skip
        with pytest.raises(TypeError, match="cannot be changed"):
            change()
    for copied in (
        coefs[:], coefs.copy(), copy.copy(coefs), copy.deepcopy(coefs),
        pickle.loads(pickle.dumps(coefs)),
    ):  # fmt: skip
        assert type(copied) is list and len(copied) == 2
        np.testing.assert_array_equal(copied[1], coefs[1])
        copied[0] = 0
    started = clone(BackpropClassifier(**QUICK, weight_init=(coefs, clf.intercepts_)))
    assert started.fit(*wheat).n_features_in_ == 7
    with pytest.raises(AttributeError):
        clf.coefs_ = coefs


@BOTH
def test_float32_is_kept(estimator, wheat):
    X, y = wheat
    narrow = estimator(**QUICK).fit(X.astype(np.float32), y)
    wide = estimator(**QUICK).fit(X.astype(np.float32).astype(np.float64), y)
    assert narrow.coefs_[0].dtype == np.float32
    outputs = narrow.get_activations(X.astype(np.float32))
    assert outputs.dtype == np.float32
    np.testing.assert_allclose(outputs, wide.get_activations(X), atol=1e-4)


def test_get_activations_names_a_layer_that_is_not_there(wheat):
    clf = BackpropClassifier(**QUICK).fit(*wheat)
    assert clf.get_activations(wheat[0], 0).shape == (210, 6)
    np.testing.assert_allclose(clf.get_activations(wheat[0]), clf.predict_proba(wheat[0]))
    with pytest.raises(ValueError, match="layer must be an integer >= -2 and <= 1. Got 2"):
        clf.get_activations(wheat[0], 2)


def test_history(wheat):
    clf = BackpropClassifier((4,), **presets.TEXTBOOK, max_iter=5, random_state=0).fit(*wheat)
    assert {len(column) for column in clf.history_.values()} == {5}
    assert list(clf.history_) == [
        "epoch",
        "loss",
        "learning_rate",
        "seconds",
        "validation_loss",
        "validation_score",
        "sum_squared_error",
    ]
    assert clf.loss_curve_ == clf.history_["loss"]
    assert clf.best_loss_ == min(clf.loss_curve_)
    np.testing.assert_allclose(
        clf.history_["sum_squared_error"], 2 * 210 * np.array(clf.loss_curve_)
    )
    assert (clf.n_layers_, clf.n_outputs_, clf.t_, clf.n_iter_) == (3, 3, 5 * 210, 5)


def test_in_pipelines_and_grid_searches(wheat):
    X, y = wheat
    pipeline = make_pipeline(
        MinMaxScaler(),
        BackpropClassifier((5,), **presets.TEXTBOOK, learning_rate_init=0.3, max_iter=500,
                           random_state=1),
    )  # fmt: skip
    assert cross_val_score(pipeline, X, y).mean() > 0.88
    search = GridSearchCV(pipeline, {"backpropclassifier__hidden_layer_sizes": [(3,), (5, 4)]})
    frame = pd.DataFrame(X, columns=list("abcdefg"))
    search.fit(frame, y)
    assert list(search.best_estimator_.feature_names_in_) == list("abcdefg")


def test_sample_weight_is_routed(wheat):
    X, y = wheat
    weights = np.where(y == 1, 30.0, 1.0)
    clf = BackpropClassifier(**QUICK | {"learning_rate_init": 0.01})
    with sklearn.config_context(enable_metadata_routing=True):
        clf.set_fit_request(sample_weight=True)
        pipeline = make_pipeline(MinMaxScaler(), clf)
        predicted = cross_val_predict(pipeline, X, y, params={"sample_weight": weights})
    plain = cross_val_predict(make_pipeline(MinMaxScaler(), clone(clf)), X, y)
    assert (predicted == 1).sum() > (plain == 1).sum()


def test_one_layer_and_none(wheat):
    for size in (4, (), [4, 3], np.array([4])):
        clf = BackpropClassifier(size, max_iter=20, tol=None).fit(*wheat)
        assert clf.coefs_[0].shape[1] == (size if size == 4 else [*size, 3][0])


# ---- Bad input ----

X4 = np.arange(8.0).reshape(4, 2)
Y4 = np.array([0, 1, 0, 1])


@pytest.mark.parametrize(
    "parameters",
    [
        {"hidden_layer_sizes": (0,)}, {"hidden_layer_sizes": 2.5}, {"activation": "cube"},
        {"hidden_layer_sizes": None},
        {"activation": ["tanh", "cube"]}, {"output_activation": "cube"},
        {"activation": ["tanh"], "hidden_layer_sizes": (2, 2)},
        {"output_activation": "softmax", "loss": "squared_error"},
        {"loss": "hinge"}, {"solver": "newton"}, {"alpha": -1}, {"alpha": float("nan")},
        {"batch_size": 0}, {"batch_size": "half"}, {"batch_size": True}, {"batch_size": 2.0},
        {"learning_rate": "fast"}, {"learning_rate_init": 0}, {"learning_rate_init": "0.1"},
        {"power_t": -1}, {"max_iter": 0}, {"shuffle": "yes"}, {"tol": -1}, {"momentum": 1.5},
        {"nesterovs_momentum": 1}, {"beta_1": 1}, {"beta_2": -0.1}, {"epsilon": 0},
        {"clip_norm": 0}, {"n_iter_no_change": 0}, {"weight_init": "zeros"}, {"weight_init": 3},
        {"weight_init": lambda fan_in, fan_out, rng: np.ones(3)},
        {"weight_init": ([np.ones((3, 2))], [np.ones(2)])}, {"standardize": None},
        {"warm_start": None}, {"verbose": -1},
    ],
    ids=lambda parameters: ", ".join(parameters),
)  # fmt: skip
def test_impossible_parameters_are_named(parameters):
    name = next(iter(parameters))
    with pytest.raises(ValueError, match=f"'{name}'"):
        BackpropClassifier(**parameters).fit(X4, Y4)


@BOTH
@pytest.mark.parametrize(
    ("X", "y", "weights", "message"),
    [
        (np.where(X4 == 3, np.inf, X4), Y4, None, "infinity"),
        (X4, Y4[:3], None, "inconsistent numbers"),
        (X4[:, 0], Y4, None, "2D array"),
        (X4, [0.0, 1.0, np.nan, 1.0], None, "NaN"),
        (X4, Y4, [1, 1, 1, -1], "Negative sample_weight.*-1"),
        (X4, Y4, [0, 0, 0, 0], "sample_weight.*zero"),
        (X4, Y4, [1, 1], r"sample_weight.*\(4,\).*\(2,\)"),
        (X4, Y4, [1, 1, 1, np.nan], "sample_weight"),
    ],
)
def test_bad_data_is_refused_and_changes_nothing(estimator, X, y, weights, message):
    fitted = estimator(**QUICK).fit(X4 + 1, Y4)
    before = pickle.dumps(fitted)
    with pytest.raises(ValueError, match=message):
        fitted.fit(X, y, sample_weight=weights)
    assert pickle.dumps(fitted) == before


def test_labels_that_do_not_fit():
    with pytest.raises(ValueError, match="continuous"):
        BackpropClassifier().fit(X4, [0.1, 0.2, 0.3, 0.4])
    with pytest.raises(ValueError, match="classes must be given"):
        BackpropClassifier().partial_fit(X4, Y4)
    with pytest.raises(ValueError, match=r"\[1\].*not among the classes \[0, 7\]"):
        BackpropClassifier().partial_fit(X4, Y4, classes=[0, 7])
    clf = BackpropClassifier().partial_fit(X4, Y4, classes=[0, 1])
    with pytest.raises(ValueError, match=r"\[2\].*not among the classes \[0, 1\]"):
        clf.partial_fit(X4, [0, 1, 2, 1])
    with pytest.raises(ValueError, match="differ from those of the earlier call"):
        clf.partial_fit(X4, Y4, classes=[0, 1, 2])
    with pytest.raises(ValueError, match="cannot be resumed"):
        clf.partial_fit(X4, np.eye(4, dtype=int))
    with pytest.raises(ValueError, match="cannot be resumed.*64.*3"):
        clf.set_params(hidden_layer_sizes=(3,)).partial_fit(X4, Y4)


def test_regression_targets_that_do_not_fit():
    reg = BackpropRegressor(**QUICK, warm_start=True).fit(X4, Y4)
    with pytest.raises(ValueError, match="2 targets"):
        reg.fit(X4, np.column_stack([Y4, Y4]))
    with pytest.raises(ValueError, match="Input y contains infinity"):
        reg.fit(X4, [0, 1, np.inf, 1])


# ---- Trouble in training ----

DIVERGING = {
    "solver": "sgd", "learning_rate_init": 10.0, "standardize": False, "clip_norm": None,
    "batch_size": 1, "momentum": 0.9, "max_restarts": 0,
}  # fmt: skip


def test_divergence_is_reported_and_keeps_the_old_network(engine):
    rng = np.random.default_rng(0)
    X, y = 100 * rng.normal(size=(50, 3)), rng.normal(size=50)
    reg = BackpropRegressor(**QUICK).fit(X, y)
    before = reg.predict(X)
    reg.set_params(**DIVERGING)
    with pytest.raises(ValueError, match="diverged.*learning_rate_init.*standardize.*momentum"):
        reg.fit(X, y)
    np.testing.assert_array_equal(reg.predict(X), before)


def test_ctrl_c_keeps_the_network_trained_so_far(monkeypatch, wheat):
    X, y = wheat
    expected = BackpropClassifier(**QUICK | {"max_iter": 3}).fit(X, y)
    real, calls = training.make_runner, []

    def interrupted(*arguments):
        run = real(*arguments)

        def run_or_stop(*of_epoch):
            calls.append(1)
            if len(calls) > 3:
                raise KeyboardInterrupt
            return run(*of_epoch)

        return run_or_stop

    monkeypatch.setattr(training, "make_runner", interrupted)
    monkeypatch.setattr("skbackprop._training.loop._BETWEEN_COPIES", 0)
    clf = BackpropClassifier(**QUICK)
    with pytest.raises(KeyboardInterrupt, match="holds the network after 3 epochs"):
        clf.fit(X, y)
    assert clf.n_iter_ == len(clf.loss_curve_) == 3
    same_network(clf, expected)


def test_attributes_come_back_when_fitting_fails():
    clf = BackpropClassifier()
    with pytest.raises(RuntimeError), _rollback_on_error(clf):
        clf.n_features_in_ = 1
        raise RuntimeError
    assert vars(clf) == vars(clone(clf))


def test_unfitted_attributes_are_absent():
    clf = BackpropClassifier()
    for name in ("coefs_", "loss_", "t_", "n_layers_", "out_activation_"):
        assert not hasattr(clf, name)
