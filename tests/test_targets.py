"""What the outputs may stand for: several columns of classes, new classes, quantiles, ..."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.datasets import make_blobs, make_classification
from sklearn.exceptions import DataConversionWarning
from sklearn.model_selection import GridSearchCV
from sklearn.utils.class_weight import compute_class_weight

from skbackprop import Activation, BackpropClassifier, BackpropRegressor, Loss

QUICK = {
    "hidden_layer_sizes": (12,), "learning_rate_init": 0.02, "max_iter": 60, "tol": None,
    "random_state": 0,
}  # fmt: skip


# ---- Several columns of classes ----


@pytest.fixture(scope="module")
def columns():
    X, y = make_blobs(150, 3, centers=4, random_state=0)
    names = np.array(["p", "q", "r", "s"])
    return X, np.column_stack([names[y], np.where(y % 2, "odd", "even")]).astype(object)


@pytest.mark.parametrize("loss", ["log_loss", "squared_error"])
def test_multiclass_multioutput(engine, loss, columns):
    X, y = columns
    clf = BackpropClassifier(**QUICK | {"max_iter": 150}, loss=loss).fit(X, y)
    assert clf.engine_ == engine
    assert [list(classes) for classes in clf.classes_] == [list("pqrs"), ["even", "odd"]]
    assert clf.n_outputs_ == 6
    predicted = clf.predict(X)
    assert predicted.shape == y.shape
    assert clf.score(X, y) > 0.85
    assert clf.score(X, y, sample_weight=np.eye(150)[3]) == (predicted[3] == y[3]).all()
    for shape, p, log_p, scores, classes, column in zip(
        (4, 2), clf.predict_proba(X), clf.predict_log_proba(X), clf.decision_function(X),
        clf.classes_, predicted.T, strict=True,
    ):  # fmt: skip
        assert p.shape == scores.shape == (150, shape)
        np.testing.assert_allclose(p.sum(axis=1), 1)
        np.testing.assert_allclose(np.log(p), log_p, atol=1e-12)
        np.testing.assert_array_equal(classes[p.argmax(axis=1)], column)


def nothing(fan_in, fan_out, rng):
    return np.zeros((fan_in + 1, fan_out))


def test_columns_of_classes_train_side_by_side(columns):
    """Without a hidden layer the columns do not see one another."""
    X, y = columns
    settings = QUICK | {"hidden_layer_sizes": (), "shuffle": False, "solver": "sgd",
                        "batch_size": 10, "clip_norm": None, "alpha": 0.0,
                        "weight_init": nothing}  # fmt: skip
    both = BackpropClassifier(**settings).fit(X, y)
    first = BackpropClassifier(**settings).fit(X, y[:, 0])
    np.testing.assert_allclose(both.predict_proba(X)[0], first.predict_proba(X), rtol=1e-9)


def test_columns_of_classes_in_a_stream(columns):
    X, y = columns
    clf = BackpropClassifier(**QUICK)
    classes = [np.unique(column) for column in y.T]
    clf.partial_fit(X[:5], y[:5], classes=classes)
    clf.partial_fit(X, y).partial_fit(X, y, classes=classes)
    assert clf.predict(X).shape == y.shape
    with pytest.raises(ValueError, match="differ from those of the earlier call"):
        clf.partial_fit(X, y, classes=[classes[0], ["even", "odd", "other"]])
    with pytest.raises(ValueError, match=r"\['t'\].*not among the classes"):
        clf.partial_fit(X[:1], [["t", "odd"]])
    with pytest.raises(ValueError, match="classes must be a list of 2 arrays"):
        BackpropClassifier().partial_fit(X, y, classes=[["a"]])


def test_columns_of_classes_in_a_grid_search(columns):
    X, y = columns
    search = GridSearchCV(BackpropClassifier(**QUICK), {"alpha": [0, 1]}, cv=3).fit(X, y)
    assert search.best_score_ > 0.8


def test_what_does_not_fit_is_named(columns):
    X, y = columns
    clf = BackpropClassifier(**QUICK | {"max_iter": 1}, warm_start=True).fit(X, y)
    with pytest.raises(ValueError, match="y of shape .150, 4. does not fit the 2 columns of c"):
        clf.fit(X, np.hstack([y, y]))
    with pytest.raises(ValueError, match="y of shape .150,. does not fit the 2 columns of cl"):
        clf.fit(X, y[:, 0])
    labels = np.eye(3, dtype=int)[np.arange(150) % 3]
    clf = BackpropClassifier(**QUICK | {"max_iter": 1}, warm_start=True).fit(X, labels)
    with pytest.raises(ValueError, match="y of shape .150, 2. does not fit the 3 labels of th"):
        clf.fit(X, labels[:, :2])
    clf = BackpropClassifier(**QUICK | {"max_iter": 1}, warm_start=True).fit(X, y[:, 0])
    with pytest.raises(ValueError, match="y of shape .150, 3. does not fit the 4 classes of t"):
        clf.fit(X, labels)


@pytest.mark.parametrize("output", ["tanh", "identity", "logistic"])
def test_log_probabilities_of_labels(output, columns):
    X, _ = columns
    labels = np.eye(3, dtype=int)[np.arange(150) % 3]
    settings = QUICK | {"max_iter": 3, "loss": "squared_error"}
    clf = BackpropClassifier(**settings, output_activation=output).fit(X, labels)
    p, log_p = clf.predict_proba(X), clf.predict_log_proba(X)
    assert np.isfinite(log_p).all()
    possible = p > 1e-300
    np.testing.assert_allclose(log_p[possible], np.log(p[possible]), rtol=1e-9, atol=1e-15)
    assert (log_p[~possible] < -690).all()


def test_columns_of_any_two_numbers_are_classes_and_those_of_0_and_1_labels():
    X = np.arange(8.0).reshape(4, 2)
    Y = np.array([[2, 5], [5, 2], [2, 5], [5, 5]])
    settings = {"hidden_layer_sizes": (3,), "random_state": 0}
    clf = BackpropClassifier(**settings).fit(X, Y)
    np.testing.assert_array_equal(clf.classes_, [[2, 5], [2, 5]])
    assert set(clf.predict(X).ravel()) <= {2, 5}
    clf = BackpropClassifier(**settings).fit(X, (Y == 5).astype(int))
    np.testing.assert_array_equal(clf.classes_, [0, 1])


# ---- New classes ----


@pytest.mark.parametrize("loss", ["log_loss", "squared_error"])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_new_classes_join_without_touching_what_was_learned(loss, solver):
    X, y = make_blobs(300, 2, centers=5, random_state=3)
    y = np.array([10, 20, 30, 5, 25])[y]
    clf = BackpropClassifier(
        **QUICK | {"solver": solver, "batch_size": 10}, loss=loss, grow_classes=True
    )
    if solver == "sgd":
        clf.set_params(learning_rate_init=0.1)
    known = np.isin(y, [10, 20, 30])
    for _ in range(30):
        clf.partial_fit(X[known], y[known])
    before, hidden = clf.decision_function(X), clf.coefs_[0]
    np.testing.assert_array_equal(clf.classes_, [10, 20, 30])
    frozen = clone(clf).set_params(learning_rate_init=1e-300)
    vars(frozen).update(
        {name: value for name, value in vars(clf).items() if name not in frozen.get_params()}
    )
    frozen.partial_fit(X[~known][:3], [5, 25, 5])
    np.testing.assert_array_equal(frozen.classes_, [5, 10, 20, 25, 30])
    np.testing.assert_allclose(frozen.decision_function(X)[:, [1, 2, 4]], before, rtol=1e-9)
    np.testing.assert_allclose(frozen.coefs_[0], hidden)
    for _ in range(100):
        clf.partial_fit(X, y)
    assert clf.score(X, y) > 0.85
    assert clf.history_["epoch"] == list(range(130))


@pytest.mark.parametrize("newcomer", ["a", "z"])
def test_two_classes_become_three(newcomer):
    """One output that stood for both becomes an output each: the odds stay."""
    X, y = make_blobs(200, 2, centers=3, random_state=3)
    labels = np.array(["m", "n", newcomer])[y]
    two = labels != newcomer
    clf = BackpropClassifier(**QUICK, grow_classes=True)
    for _ in range(20):
        clf.partial_fit(X[two], labels[two])
    assert clf.n_outputs_ == 1
    odds = clf.decision_function(X)
    clf.set_params(learning_rate_init=1e-300).partial_fit(X[~two], labels[~two])
    log_p = dict(zip(clf.classes_, clf.predict_log_proba(X).T, strict=True))
    assert set(log_p) == {"m", "n", newcomer}
    np.testing.assert_allclose(log_p["n"] - log_p["m"], odds, rtol=1e-9, atol=1e-9)
    clf.set_params(learning_rate_init=0.02)
    for _ in range(100):
        clf.partial_fit(X, labels)
    assert clf.score(X, labels) > 0.9


def test_a_stream_may_begin_with_one_class():
    X, y = make_blobs(200, 2, centers=4, random_state=1)
    clf = BackpropClassifier(**QUICK, grow_classes=True)
    for _ in range(3):
        clf.partial_fit(X[y == 0], y[y == 0])
    assert clf.predict_proba(X).shape == (200, 1)
    clf.partial_fit(X[y < 2], y[y < 2])
    assert clf.predict_proba(X).shape == (200, 2)
    for _ in range(150):
        clf.partial_fit(X, y)
    assert clf.predict_proba(X).shape == (200, 4)
    assert clf.score(X, y) > 0.8


def test_new_classes_are_refused_where_nobody_asked_for_them():
    X, y = make_blobs(30, 2, centers=3, random_state=1)
    clf = BackpropClassifier(**QUICK).partial_fit(X, np.minimum(y, 1), classes=[0, 1])
    with pytest.raises(ValueError, match=r"\[2\].*not among the classes \[0, 1\]"):
        clf.partial_fit(X, y)


# ---- Class weights ----


def test_class_weight_is_sample_weight():
    X, y = make_classification(200, 5, weights=[0.8], class_sep=0.5, random_state=0)
    weights = {0: 1.0, 1: 3.0}
    rescaled = np.where(y == 1, 3.0, 1.0)
    rescaled *= len(y) / rescaled.sum()
    for batch_size in (1, 16, "full"):
        settings = QUICK | {"batch_size": batch_size, "max_iter": 10}
        a = BackpropClassifier(**settings, class_weight=weights).fit(X, y)
        b = BackpropClassifier(**settings).fit(X, y, sample_weight=rescaled)
        np.testing.assert_allclose(a.coefs_[0], b.coefs_[0], rtol=1e-6, atol=1e-9)


def test_balanced_is_scikit_learns():
    X, y = make_classification(200, 5, weights=[0.8], random_state=0)
    given = compute_class_weight("balanced", classes=np.array([0, 1]), y=y)
    settings = QUICK | {"batch_size": "full", "max_iter": 20}
    a = BackpropClassifier(**settings, class_weight="balanced").fit(X, y)
    b = BackpropClassifier(**settings, class_weight=dict(enumerate(given))).fit(X, y)
    np.testing.assert_allclose(a.coefs_[0], b.coefs_[0], rtol=1e-9)
    plain = BackpropClassifier(**settings).fit(X, y)
    assert (a.predict(X) == 1).sum() > (plain.predict(X) == 1).sum()


@pytest.mark.parametrize("class_weight", ["balanced", {0: 0.25}])
def test_class_weights_in_a_stream_of_single_rows(class_weight):
    X, y = make_classification(400, 5, weights=[0.8], class_sep=0.3, random_state=0)
    settings = QUICK | {"batch_size": 1, "solver": "sgd"}
    plain = BackpropClassifier(**settings)
    weighed = BackpropClassifier(**settings, class_weight=class_weight)
    for row in range(len(X)):
        for clf in (plain, weighed):
            clf.partial_fit(X[[row]], y[[row]], classes=[0, 1])
    assert plain.t_ == 400
    if class_weight != "balanced":
        expected = 0.25 * (y == 0).sum() + (y == 1).sum()
        assert abs(weighed.t_ - expected) < 4 * (400 * 0.25 * 0.75) ** 0.5
    assert (weighed.predict(X) == 1).sum() > 2 * (plain.predict(X) == 1).sum()


def test_class_weights_of_several_columns(columns):
    X, y = columns
    weights = [{"p": 5.0}, {"odd": 1.0}]
    heavy = BackpropClassifier(**QUICK, class_weight=weights).fit(X, y)
    assert heavy.predict(X).shape == y.shape
    BackpropClassifier(**QUICK, class_weight="balanced").fit(X, y)


def test_impossible_class_weights():
    X, y = make_classification(40, 5, random_state=0)
    with pytest.raises(ValueError, match="'class_weight'"):
        BackpropClassifier(class_weight="heavy").fit(X, y)
    with pytest.raises(ValueError, match="'class_weight'"):
        BackpropClassifier(class_weight={0: -1.0}).fit(X, y)
    with pytest.raises(ValueError, match=r"names \['x'\], and the classes are"):
        BackpropClassifier(class_weight={0: 1.0, "x": 2.0}).fit(X, y)
    with pytest.raises(ValueError, match="dictionary for each of the 1 columns"):
        BackpropClassifier(class_weight=[{0: 1.0}, {1: 2.0}]).fit(X, y)
    with pytest.raises(ValueError, match="every row of y the weight zero"):
        BackpropClassifier(class_weight={0: 0.0, 1: 0.0}).fit(X, y)


# ---- Losses of a regression ----


def test_no_quantile_is_refused():
    with pytest.raises(ValueError, match="'quantile' parameter must hold a number. Got none"):
        BackpropRegressor(loss="quantile", quantile=()).fit([[0.0], [1.0]], [0.0, 1.0])


@pytest.fixture(scope="module")
def spread():
    """Noise that grows with x: y is uniform on (x, 3 x)."""
    rng = np.random.default_rng(0)
    X = rng.uniform(1, 5, size=(2000, 1))
    return X, X[:, 0] * rng.uniform(1, 3, size=2000)


def test_quantiles_in_one_network(spread):
    X, y = spread
    quantiles = [0.9, 0.1, 0.5]
    reg = BackpropRegressor(
        **QUICK | {"max_iter": 150, "learning_rate": "linear"}, loss="quantile",
        quantile=quantiles,
    ).fit(X, y)  # fmt: skip
    predicted = reg.predict(X)
    assert predicted.shape == (2000, 3)
    assert (predicted[:, 1] <= predicted[:, 2]).all()
    assert (predicted[:, 2] <= predicted[:, 0]).all()
    for k, quantile in enumerate(quantiles):
        np.testing.assert_allclose((y <= predicted[:, k]).mean(), quantile, atol=0.02)
        np.testing.assert_allclose(predicted[:, k], X[:, 0] * (1 + 2 * quantile), rtol=0.15)
    assert 0.3 < reg.score(X, y) < 1
    two = clone(reg).fit(X, np.column_stack([y, -y]))
    assert two.predict(X).shape == (2000, 2, 3)
    assert 0.2 < two.score(X, np.column_stack([y, -y])) < 1


def test_robust_losses_shrug_outliers_off(spread):
    X, _ = spread
    y = 2 * X[:, 0]
    y[::10] += 100
    errors = {
        loss: np.abs(
            BackpropRegressor(**QUICK, loss=loss).fit(X, y).predict(X) - 2 * X[:, 0]
        ).mean()
        for loss in ("squared_error", "absolute_error", "huber")
    }
    assert errors["absolute_error"] < errors["huber"] < errors["squared_error"]
    assert errors["absolute_error"] < 0.5


@pytest.mark.parametrize("scale", [1e-3, 1.0, 1e6])
def test_poisson_in_any_unit(scale, spread):
    X, _ = spread
    y = scale * np.random.default_rng(0).poisson(np.exp(0.5 * X[:, 0]))
    reg = BackpropRegressor(**QUICK | {"batch_size": 100}, loss="poisson").fit(X, y)
    np.testing.assert_allclose(reg.predict(X), scale * np.exp(0.5 * X[:, 0]), rtol=0.3)
    assert (reg.predict(-1e3 * X) >= 0).all()
    raw = np.maximum(X @ reg.coefs_[0] + reg.intercepts_[0], 0)
    np.testing.assert_allclose(
        np.exp(raw @ reg.coefs_[1] + reg.intercepts_[1])[:, 0], reg.predict(X), rtol=1e-9
    )
    with pytest.raises(ValueError, match="y must hold numbers >= 0.*-"):
        reg.fit(X, y - scale - 1)


# ---- One's own functions ----


def sine(z):
    return np.sin(z)


def sine_derivative(z):
    return np.cos(z)


def identity(z):
    return z


def quartic_value(z, o, y):
    return ((o - y) ** 4).sum(axis=1)


def quartic_gradient(z, o, y):
    return 4 * (o - y) ** 3


SINE = Activation("sine", sine, sine_derivative, of="input")
QUARTIC = Loss("quartic", "identity", identity, quartic_value, quartic_gradient)


def test_own_functions_train_pickle_and_resume(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.uniform(-3, 3, size=(300, 1))
    y = np.sin(2 * X[:, 0])
    settings = QUICK | {"warm_start": True, "activation": [SINE, "tanh"]}
    settings["hidden_layer_sizes"] = (8, 4)
    reg = BackpropRegressor(**settings, loss=QUARTIC).fit(X, y)
    assert reg.engine_ == "numpy"
    assert reg.score(X, y) > 0.8
    again = pickle.loads(pickle.dumps(reg))
    np.testing.assert_array_equal(again.fit(X, y).predict(X), reg.fit(X, y).predict(X))
    settings |= {"max_iter": 150, "alpha": 0.0}
    clf = BackpropClassifier(**settings, loss=QUARTIC)
    clf.fit(X, np.digitize(y, [-0.5, 0.5]))
    assert clf.score(X, np.digitize(y, [-0.5, 0.5])) > 0.8
    assert clf.predict_proba(X).shape == (300, 3)
    with pytest.raises(ValueError, match="'output_activation'.*'quartic'"):
        clf.set_params(output_activation="tanh", warm_start=False).fit(X, y > 0)


def test_a_warm_start_cannot_change_what_it_learns():
    X = np.arange(8.0).reshape(4, 2)
    reg = BackpropRegressor(**QUICK, warm_start=True).fit(X, [0.0, 1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="has the loss squared_error.*ask for huber"):
        reg.set_params(loss="huber").fit(X, [0.0, 1.0, 2.0, 3.0])


# ---- The size of the hidden layer ----


@pytest.mark.parametrize(
    ("shape", "n_classes", "size"),
    [((210, 7), 3, 5), ((20, 60), 3, 10), ((3, 4), 2, 2), ((3000, 900), 2, 256)],
)
def test_auto_layer(shape, n_classes, size):
    X = np.random.default_rng(0).normal(size=shape)
    y = np.arange(shape[0]) % n_classes
    clf = BackpropClassifier("auto", max_iter=1, tol=None, warm_start=True).fit(X, y)
    assert clf.coefs_[0].shape == (shape[1], size)
    clf.fit(X[:n_classes], y[:n_classes])  # the network stays as it is
    assert clf.coefs_[0].shape == (shape[1], size)


def test_labels_may_be_frames_and_sparse():
    X, y = make_classification(40, 5, random_state=0)
    frame = pd.DataFrame({"a": y, "b": 1 - y})
    a = BackpropClassifier(**QUICK).fit(X, frame)
    b = BackpropClassifier(**QUICK).fit(X, sparse.csr_matrix(frame.to_numpy()))
    np.testing.assert_array_equal(a.coefs_[0], b.coefs_[0])


# ---- A column of targets ----

COLUMN_CALLS = {
    "fit": lambda e, X, y: e.fit(X, y[:, None]),
    "fit with y_val": lambda e, X, y: e.fit(X, y, X_val=X, y_val=y[:, None]),
    "partial_fit": lambda e, X, y: e.fit(X, y).partial_fit(X, y[:, None]),
    "warm start": lambda e, X, y: e.fit(X, y).set_params(warm_start=True).fit(X, y[:, None]),
    "one row": lambda e, X, y: e.fit(X, y).partial_fit(X[:1], y[:1, None]),
    "early stopping": lambda e, X, y: e.set_params(early_stopping=True, scoring="score").fit(
        X, y[:, None]
    ),
}


@pytest.mark.parametrize("call", COLUMN_CALLS)
@pytest.mark.parametrize("estimator", [BackpropClassifier, BackpropRegressor])
def test_a_column_of_targets_warns_once_at_the_callers_line(estimator, call):
    X = np.random.default_rng(0).normal(size=(40, 2))
    y = (X[:, 0] > 0).astype(int)
    fitted = estimator((3,), max_iter=2, random_state=0)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        COLUMN_CALLS[call](fitted, X, y)
    (warning,) = caught
    assert warning.category is DataConversionWarning
    assert warning.filename == __file__
    name = "y_val" if "y_val" in call else "y"
    assert f"A column-vector {name} was passed when a 1d array was expected" in str(
        warning.message
    )
    assert fitted.predict(X).shape == (40,)


@pytest.mark.parametrize(
    "estimator",
    [
        BackpropClassifier((3,), max_iter=2, random_state=0),
        BackpropRegressor((3,), max_iter=2, random_state=0),
        BackpropRegressor(
            (3,), loss="quantile", quantile=(0.2, 0.8), max_iter=2, random_state=0
        ),
    ],
    ids=["classifier", "regressor", "quantiles"],
)
def test_a_column_of_targets_scores_as_in_one_dimension(estimator):
    X = np.random.default_rng(0).normal(size=(40, 2))
    y = (X[:, 0] > 0).astype(int)
    estimator.fit(X, y)
    assert estimator.score(X, y[:, None]) == estimator.score(X, y)


# ---- What other packages ask of a quantile regressor ----


def test_quantile_regressor_is_set_up_as_mapie_does():
    """MAPIE looks for loss="quantile", and makes three clones by their quantile."""
    rng = np.random.default_rng(0)
    X = rng.uniform(-3, 3, size=(400, 1))
    y = np.sin(X[:, 0]) + rng.normal(0, 0.1 + 0.1 * np.abs(X[:, 0]))
    base = BackpropRegressor((16,), loss="quantile", random_state=0)
    parameters = base.get_params()
    assert parameters["loss"] == "quantile" and "quantile" in parameters
    low, high = (clone(base).set_params(quantile=q).fit(X, y).predict(X) for q in (0.05, 0.95))
    assert low.shape == y.shape
    assert np.mean((low <= y) & (y <= high)) == pytest.approx(0.9, abs=0.05)


@pytest.mark.parametrize("y", [[0, 1, 1, 0], [[0, 1], [1, 1], [1, 0], [0, 0]]])
def test_predict_agrees_with_the_sign_of_tiny_decisions(y):
    """Probabilities round to one half where decisions are still told apart from zero."""
    X = [[1.0], [-1.0], [2.0], [-2.0]]
    n_outputs = np.asarray(y).reshape(4, -1).shape[1]
    coefs, intercepts = [[[1e-20] * n_outputs]], [np.zeros(n_outputs)]
    clf = BackpropClassifier((), weight_init=(coefs, intercepts), learning_rate_init=1e-300)
    clf.set_params(standardize=False, alpha=0, max_iter=1).fit(X, y)
    decisions = clf.decision_function(X)
    assert (np.abs(decisions) < 1e-18).all() and (clf.predict_proba(X) == 0.5).all()
    np.testing.assert_array_equal(clf.predict(X), (decisions > 0).astype(int))
