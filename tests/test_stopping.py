"""Rows that watch training, when it stops, what it keeps, and new starts."""

import pickle
import warnings
from typing import ClassVar

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import load_diabetes, make_classification
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning
from sklearn.metrics import log_loss, make_scorer, mean_absolute_error
from sklearn.model_selection import GridSearchCV, cross_val_score, cross_validate
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop._engine.sampling import hold_out
from skbackprop._training.history import best_row

STOPPING = {
    "hidden_layer_sizes": (30,), "learning_rate": "constant", "learning_rate_init": 0.01,
    "alpha": 0.0, "max_iter": 500, "early_stopping": True, "random_state": 0,
}  # fmt: skip


@pytest.fixture(scope="module")
def noisy():
    """Classes that a network of this size learns by heart."""
    return make_classification(240, 10, flip_y=0.3, random_state=0)


def rows(X, y, n):
    return X[:n], y[:n], X[n:], y[n:]


@pytest.mark.parametrize("restore_best", [True, False])
def test_given_validation_data_decide(noisy, restore_best):
    X, y, X_val, y_val = rows(*noisy, 160)
    clf = BackpropClassifier(**STOPPING, restore_best=restore_best)
    clf.fit(X, y, X_val=X_val, y_val=y_val)
    curve = clf.validation_loss_curve_
    assert len(curve) == clf.n_iter_ == len(clf.loss_curve_) < 500
    assert clf.converged_
    found = log_loss(y_val, clf.predict_proba(X_val))
    np.testing.assert_allclose(found, min(curve) if restore_best else curve[-1], rtol=1e-9)
    assert min(curve) < curve[-1]
    assert clf.validation_scores_ is clf.best_validation_score_ is clf.best_loss_ is None


def test_without_early_stopping_they_only_watch(noisy):
    X, y, X_val, y_val = rows(*noisy, 160)
    settings = STOPPING | {"early_stopping": False, "max_iter": 30, "tol": None}
    watched = BackpropClassifier(**settings).fit(X, y, X_val=X_val, y_val=y_val)
    alone = BackpropClassifier(**settings).fit(X, y)
    np.testing.assert_array_equal(watched.coefs_[0], alone.coefs_[0])
    assert watched.loss_curve_ == alone.loss_curve_
    assert len(watched.validation_loss_curve_) == 30
    assert alone.validation_loss_curve_ is None
    np.testing.assert_allclose(
        watched.validation_loss_curve_[-1], log_loss(y_val, watched.predict_proba(X_val))
    )


@pytest.mark.parametrize(
    ("scoring", "measure"),
    [
        ("score", lambda clf, X, y: clf.score(X, y)),
        ("neg_log_loss", lambda clf, X, y: -log_loss(y, clf.predict_proba(X))),
        (lambda clf, X, y: clf.score(X, y) / 2, lambda clf, X, y: clf.score(X, y) / 2),
        (
            make_scorer(lambda y, p: float(np.mean(y == p))),
            lambda clf, X, y: np.mean(y == clf.predict(X)),
        ),
    ],
    ids=["score", "name", "function", "scorer"],
)
def test_any_scorer_may_watch(noisy, scoring, measure):
    X, y, X_val, y_val = rows(*noisy, 160)
    clf = BackpropClassifier(**STOPPING, scoring=scoring)
    clf.fit(X, y, X_val=X_val, y_val=y_val)
    assert len(clf.validation_scores_) == clf.n_iter_
    assert clf.best_validation_score_ == max(clf.validation_scores_)
    np.testing.assert_allclose(measure(clf, X_val, y_val), clf.best_validation_score_)


def test_regression_is_watched_in_the_units_of_training():
    X, y, X_val, y_val = rows(*load_diabetes(return_X_y=True), 300)
    reg = BackpropRegressor(
        **STOPPING, loss="absolute_error", scoring="neg_mean_absolute_error"
    )
    reg.fit(X, y, X_val=X_val, y_val=y_val)
    error = mean_absolute_error(y_val, reg.predict(X_val))
    np.testing.assert_allclose(-reg.best_validation_score_, error)
    best = int(np.argmax(reg.validation_scores_))
    (unit,) = reg._scaling.targets.scale
    np.testing.assert_allclose(reg.validation_loss_curve_[best] * unit, error)


def test_several_classes_are_watched(wheat, monkeypatch):
    X, y, X_val, y_val = *(part[::2] for part in wheat), *(part[1::2] for part in wheat)
    settings = STOPPING | {"max_iter": 3, "tol": None}
    clf = BackpropClassifier(**settings).fit(X, y, X_val=X_val, y_val=y_val)
    found = log_loss(y_val, clf.predict_proba(X_val))
    np.testing.assert_allclose(found, min(clf.validation_loss_curve_), rtol=1e-9)
    # However many rows are looked at together.
    monkeypatch.setattr("skbackprop._engine.training._CHUNK_ROWS", 11)
    parts = BackpropClassifier(**settings).fit(X, y, X_val=X_val, y_val=y_val)
    np.testing.assert_allclose(
        parts.validation_loss_curve_, clf.validation_loss_curve_, rtol=1e-13
    )


def test_scorers_see_arrays_without_names(wheat):
    frame = pd.DataFrame(wheat[0], columns=list("abcdefg"))
    seen = []

    def scoring(estimator, X, y):
        seen.append((type(X), y.shape))
        return estimator.score(X, y)  # which would warn of names that are missing

    settings = STOPPING | {"max_iter": 2, "tol": None}
    clf = BackpropClassifier(**settings, scoring=scoring).fit(frame, wheat[1])
    assert list(clf.feature_names_in_) == list("abcdefg")
    column = wheat[1][:, None].astype(float)
    reg = BackpropRegressor(**settings, scoring=scoring)
    with pytest.warns(DataConversionWarning):
        reg.fit(frame, column, X_val=frame, y_val=column)
    columns = np.hstack([column, column])
    BackpropRegressor(**settings, scoring=scoring).fit(
        frame, columns, X_val=frame, y_val=columns
    )
    assert [kind for kind, _ in seen] == [np.ndarray] * 6
    assert [shape for _, shape in seen][2:] == [(210,)] * 2 + [(210, 2)] * 2


def test_validation_weights_count(noisy):
    X, y, X_val, y_val = rows(*noisy, 160)
    counts = np.random.default_rng(0).integers(0, 3, size=len(y_val))
    repeated = np.repeat(X_val, counts, axis=0), np.repeat(y_val, counts)
    a = BackpropClassifier(**STOPPING, scoring="accuracy").fit(
        X, y, X_val=X_val, y_val=y_val, sample_weight_val=counts
    )
    b = BackpropClassifier(**STOPPING, scoring="accuracy").fit(
        X, y, X_val=repeated[0], y_val=repeated[1]
    )
    np.testing.assert_allclose(a.validation_loss_curve_, b.validation_loss_curve_, rtol=1e-9)
    np.testing.assert_allclose(a.validation_scores_, b.validation_scores_, rtol=1e-9)


def test_rows_set_aside_do_not_depend_on_order_or_on_who_counts_them(noisy):
    X, y = noisy
    a = BackpropClassifier(**STOPPING, scoring="score").fit(X, y)
    shuffled = np.random.default_rng(0).permutation(len(X))
    b = BackpropClassifier(**STOPPING, scoring="score").fit(X[shuffled], y[shuffled])
    np.testing.assert_array_equal(a.coefs_[0], b.coefs_[0])
    counts = np.random.default_rng(1).integers(0, 3, size=len(y))
    c = BackpropClassifier(**STOPPING, scoring="score").fit(X, y, sample_weight=counts)
    d = BackpropClassifier(**STOPPING, scoring="score").fit(
        np.repeat(X, counts, axis=0), np.repeat(y, counts)
    )
    np.testing.assert_array_equal(c.coefs_[0], d.coefs_[0])
    assert c.validation_scores_ == d.validation_scores_


@given(
    st.lists(st.tuples(st.integers(0, 12), st.integers(0, 2)), min_size=2, max_size=60),
    st.floats(0.05, 0.9), st.integers(0, 2**31),
)  # fmt: skip
def test_hold_out(rows, fraction, seed):
    content = np.array([a for a, _ in rows], dtype=np.uint64) + np.uint64(1)
    strata = np.array([b for _, b in rows])
    hashes = content * np.uint64(0x9E3779B97F4A7C15) + strata.astype(np.uint64)
    weights = np.random.default_rng(seed).uniform(0.5, 2, size=len(rows))
    held_out = hold_out(hashes, strata, weights, fraction, seed)
    for stratum in np.unique(strata):
        inside = strata == stratum
        groups = np.unique(hashes[inside])
        chosen = {h for h in groups if held_out[inside & (hashes == h)].any()}
        assert all(held_out[inside & (hashes == h)].all() for h in chosen)  # copies together
        assert (len(groups) == 1) == (not chosen)
        assert len(chosen) < len(groups)
        if len(groups) > 1:
            by_group = [weights[inside & (hashes == h)].sum() for h in groups]
            share = weights[inside & held_out].sum() / weights[inside].sum()
            assert abs(share - fraction) * sum(by_group) <= max(by_group) + 1e-9


@pytest.mark.parametrize(
    ("fraction", "n_chosen"), [(0.01, 1), (0.14, 1), (0.16, 2), (0.24, 2), (0.26, 3), (0.99, 9)]
)
def test_hold_out_comes_as_near_as_can_be(fraction, n_chosen):
    hashes = np.arange(10, dtype=np.uint64)
    chosen = hold_out(hashes, np.zeros(10), np.ones(10), fraction, 3)
    assert chosen.sum() == n_chosen


def test_hold_out_tells_any_two_hashes_apart():
    hashes = np.uint64(1) << np.arange(64, dtype=np.uint64)
    found = [hold_out(hashes, np.zeros(64), np.ones(64), 0.1, seed) for seed in range(40)]
    np.testing.assert_array_equal(np.sum(found, axis=1), 6)
    assert len(np.unique(found, axis=0)) == 40  # each seed chooses others
    assert np.any(found, axis=0).all()


def test_the_share_is_stratified():
    X, y = make_classification(400, 5, weights=[0.9], random_state=0)
    clf = BackpropClassifier(**STOPPING | {"max_iter": 1}, validation_fraction=0.2)
    seen = []
    clf.set_params(scoring=lambda est, X, y: seen.append(np.bincount(y)) or 0.0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        clf.fit(X, y)
    np.testing.assert_allclose(seen[0], 0.2 * np.bincount(y), atol=1)


def test_too_few_rows_are_refused():
    X, y = np.arange(10.0).reshape(10, 1), np.arange(10.0)
    with pytest.raises(ValueError, match="validation set is too small.*0.1 of 10 rows"):
        BackpropRegressor(early_stopping=True).fit(X, y)
    twenty = np.arange(20.0)  # of which two are enough
    BackpropRegressor(early_stopping=True, max_iter=1, tol=None).fit(twenty[:, None], twenty)
    with pytest.raises(ValueError, match=r"only 1 member.*are: \['b'\]"):
        BackpropClassifier(early_stopping=True).fit(X[:4], ["a", "a", "a", "b"])


def test_in_pipelines(noisy):
    X, y, X_val, y_val = rows(*noisy, 160)
    pipeline = make_pipeline(StandardScaler(), BackpropClassifier(**STOPPING))
    assert cross_val_score(pipeline, X, y).mean() > 0.6
    pipeline.fit(X, y, backpropclassifier__X_val=X_val, backpropclassifier__y_val=y_val)
    assert len(pipeline[-1].validation_loss_curve_) == pipeline[-1].n_iter_


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"X_val": [[0.0, 1.0]]}, "y_val is not"),
        ({"y_val": [1]}, "y_val is given, and X_val is not"),
        ({"sample_weight_val": [1]}, "sample_weight_val is given, and X_val is not"),
        ({"X_val": [[0.0]], "y_val": [1]}, "1 features"),
        ({"X_val": [[0.0, np.inf]], "y_val": [1]}, "infinity"),
        ({"X_val": [[0.0, 1.0]], "y_val": [7]}, r"\[7\].*not among the classes"),
        ({"X_val": [[0.0, 1.0]], "y_val": [1], "sample_weight_val": [-1]}, "sample_weight_val"),
    ],
)
def test_impossible_validation_data(arguments, message):
    X, y = np.arange(8.0).reshape(4, 2), [0, 1, 0, 1]
    clf = BackpropClassifier((2,), max_iter=2, tol=None).fit(X, y)
    before = pickle.dumps(clf)
    with pytest.raises(ValueError, match=message):
        clf.fit(X, y, **arguments)
    assert pickle.dumps(clf) == before


@pytest.mark.parametrize(("tol", "n_epochs"), [(0.0, 40), (0.5, 7), (None, 40)])
def test_an_improvement_is_what_tol_says(tol, n_epochs):
    """A loss that halves at every step, from 1/2, falls by less than 1/2 from the start."""
    X, y = np.array([[1.0], [-1.0]]), np.array([1.0, -1.0])
    reg = BackpropRegressor(
        (), batch_size="full", learning_rate="constant", tol=tol, n_iter_no_change=5,
        learning_rate_init=1 - np.sqrt(0.5), alpha=0.0, standardize=False, max_iter=40,
        weight_init=([np.zeros((1, 1))], [np.zeros(1)]), clip_norm=None,
    )  # fmt: skip
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        reg.fit(X, y)
    np.testing.assert_allclose(reg.loss_curve_, 0.5 ** np.arange(1, n_epochs + 1), rtol=1e-9)


# ---- Scores that tie, and scores that are NaN ----


class ListedScores:
    """A scorer that gives these scores, one after the other."""

    def __init__(self, scores):
        self.scores = iter(scores)

    def __call__(self, estimator, X, y):
        return next(self.scores)


@given(
    st.lists(st.sampled_from([0.5, 0.9, 1.0, float("nan")]), min_size=6, max_size=6),
    st.integers(0, 100), st.booleans(),
)  # fmt: skip
@settings(max_examples=50)
def test_early_stopping_keeps_the_smallest_loss_among_the_best_scores(scores, seed, resumed):
    X, y = make_classification(60, 5, flip_y=0.2, random_state=seed)
    clf = BackpropClassifier(**STOPPING | {"max_iter": 6, "tol": None})
    clf.set_params(scoring=ListedScores(scores), learning_rate_init=0.3, random_state=seed)
    validation = {"X_val": X[40:], "y_val": y[40:]}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        if resumed:
            clf.set_params(max_iter=3, warm_start=True).fit(X[:40], y[:40], **validation)
        clf.fit(X[:40], y[:40], **validation)
    losses = clf.validation_loss_curve_
    scores_down = [np.inf if np.isnan(score) else -score for score in scores]
    ranks = list(zip(scores_down, losses, strict=True))
    best = ranks.index(min(ranks))
    kept = log_loss(y[40:], clf.predict_proba(X[40:]))
    np.testing.assert_allclose(kept, losses[best], rtol=1e-9)
    assert best_row(clf.history_) == best  # which `LossCurveDisplay` marks
    np.testing.assert_equal(clf.best_validation_score_, scores[best])


def test_scores_that_are_nan_are_no_improvement():
    X, y = make_classification(60, 5, random_state=0)
    nan = float("nan")
    clf = BackpropClassifier(**STOPPING | {"n_iter_no_change": 3})
    clf.set_params(scoring=lambda estimator, X, y: nan)
    clf.fit(X[:40], y[:40], X_val=X[40:], y_val=y[40:])
    assert clf.converged_ and clf.n_iter_ == 4
    assert np.isnan(clf.best_validation_score_)
    kept = log_loss(y[40:], clf.predict_proba(X[40:]))
    np.testing.assert_allclose(kept, min(clf.validation_loss_curve_), rtol=1e-9)


def test_best_loss_passes_over_nan():
    clf = BackpropClassifier((2,), max_iter=2, tol=None).fit([[0.0], [1.0]], [0, 1])
    clf.history_["loss"] = [float("nan"), 0.5, float("nan"), 0.7]
    assert clf.best_loss_ == 0.5


@pytest.mark.parametrize("restore_best", [True, False])
def test_early_stopping_begins_again_where_something_else_decides(noisy, restore_best):
    """A training loss of 0.1 is no smaller than a score of 0.8 is large."""
    X, y, X_val, y_val = rows(*noisy, 160)
    validation = {"X_val": X_val, "y_val": y_val}
    clf = BackpropClassifier(**STOPPING | {"warm_start": True, "restore_best": restore_best})
    clf.set_params(max_iter=20, tol=1e-4, n_iter_no_change=5)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        clf.fit(X, y, **validation)
        begun = len(clf.loss_curve_)
        clf.set_params(early_stopping=False).fit(X, y, **validation)
        assert len(clf.loss_curve_) == begun + 20  # the training loss still falls
        clf.set_params(early_stopping=True, scoring="neg_log_loss").fit(X, y, **validation)
    scores = clf.validation_scores_[begun + 20 :]
    assert len(scores) > 5
    kept = -log_loss(y_val, clf.predict_proba(X_val))
    expected = max(scores) if restore_best else scores[-1]
    np.testing.assert_allclose(kept, expected, rtol=1e-9)


# ---- partial_fit ----


def test_partial_fit_stops_by_itself(noisy):
    X, y, X_val, y_val = rows(*noisy, 160)
    whole = BackpropClassifier(**STOPPING, standardize=False)
    whole.fit(X, y, X_val=X_val, y_val=y_val)
    parts = BackpropClassifier(**STOPPING, standardize=False)
    calls = 0
    while not getattr(parts, "converged_", False):
        parts.partial_fit(X, y, classes=[0, 1], X_val=X_val, y_val=y_val)
        calls += 1
    assert calls == whole.n_iter_
    np.testing.assert_array_equal(parts.coefs_[0], whole.coefs_[0])
    assert parts.validation_loss_curve_ == whole.validation_loss_curve_
    before = parts.t_
    parts.partial_fit(X, y, X_val=X_val, y_val=y_val)
    assert parts.t_ == before


def test_partial_fit_holds_the_best_so_far(noisy):
    X, y, X_val, y_val = rows(*noisy, 160)
    clf = BackpropClassifier(**STOPPING, standardize=False)
    for _ in range(8):
        clf.partial_fit(X, y, classes=[0, 1], X_val=X_val, y_val=y_val)
        best = min(clf.validation_loss_curve_)
        np.testing.assert_allclose(log_loss(y_val, clf.predict_proba(X_val)), best)


def test_partial_fit_needs_something_to_watch(noisy):
    with pytest.raises(ValueError, match="early_stopping=True without validation data"):
        BackpropClassifier(early_stopping=True).partial_fit(*noisy, classes=[0, 1])


# ---- Divergence ----

WILD = {
    "hidden_layer_sizes": (), "batch_size": "full", "learning_rate": "constant", "alpha": 0.0,
    "standardize": False, "clip_norm": None, "tol": None, "max_iter": 1000, "random_state": 0,
}  # fmt: skip


@pytest.fixture(scope="module")
def line():
    X = np.random.default_rng(0).normal(size=(50, 2))
    return X, X @ [1.0, -2.0]


def test_training_starts_again_with_half_the_rate(engine, line):
    # The largest eigenvalue of the Hessian is about 1.2, so rates above 1.7 diverge.
    reg = BackpropRegressor(**WILD, learning_rate_init=6.0)
    with pytest.warns(ConvergenceWarning, match="learning_rate_init=(3|1.5)") as told:
        reg.fit(*line)
    assert len(told) == 2
    np.testing.assert_allclose(reg.history_["learning_rate"], 1.5)
    assert reg.score(*line) > 0.999
    calm = BackpropRegressor(**WILD, learning_rate_init=1.5).fit(*line)
    np.testing.assert_array_equal(reg.coefs_[0], calm.coefs_[0])
    # Training that goes on keeps to the rate that was found.
    reg.set_params(warm_start=True).fit(*line)
    assert reg.history_["learning_rate"][-1] == 1.5


def test_a_few_starts_are_enough(line):
    reg = BackpropRegressor(**WILD, learning_rate_init=1e4, max_restarts=2)
    with pytest.warns(ConvergenceWarning) as told, pytest.raises(ValueError, match="diverged"):
        reg.fit(*line)
    assert len(told) == 2
    assert not hasattr(reg, "coefs_")


def test_the_best_network_survives_divergence(line):
    X, y = line
    settings = WILD | {"early_stopping": True, "learning_rate_init": 6.0}
    reg = BackpropRegressor(**settings)
    with pytest.warns(ConvergenceWarning, match="best network before is kept"):
        reg.fit(X, y, X_val=X, y_val=y)
    assert np.isfinite(reg.predict(X)).all()
    assert not np.isfinite(reg.validation_loss_curve_[-1])


# ---- Validation data inside of pipelines and searches ----


def split_wheat(wheat):
    X, y = wheat
    return X[::2], X[1::2], y[::2], y[1::2]


def test_pipeline_transforms_validation_data_that_are_routed(wheat):
    X, X_val, y, y_val = split_wheat((wheat[0] * 100 + 500, wheat[1]))
    plain = BackpropClassifier(**STOPPING | {"max_iter": 5, "tol": None})
    scaler = StandardScaler().fit(X)
    by_hand = clone(plain).fit(
        scaler.transform(X), y, X_val=scaler.transform(X_val), y_val=y_val
    )
    with config_context(enable_metadata_routing=True):
        clf = clone(plain).set_fit_request(X_val=True, y_val=True)
        steps = [("scale", StandardScaler()), ("clf", clf)]
        pipe = Pipeline(steps, transform_input=["X_val"])
        routed = clone(pipe).fit(X, y, X_val=X_val, y_val=y_val)[-1]
        assert routed.validation_loss_curve_ == by_hand.validation_loss_curve_
        search = GridSearchCV(pipe, {"clf__alpha": [0.1]}, cv=2)
        search.fit(X, y, X_val=X_val[:40], y_val=y_val[:40])
        best = search.best_estimator_[-1].validation_loss_curve_
        by_hand.set_params(alpha=0.1)
        by_hand.fit(
            scaler.transform(X), y, X_val=scaler.transform(X_val[:40]), y_val=y_val[:40]
        )
        assert best == by_hand.validation_loss_curve_
    # Without routing the step gets the rows as they are.
    untransformed = Pipeline([("scale", StandardScaler()), ("clf", clone(plain))])
    untransformed.fit(X, y, clf__X_val=X_val, clf__y_val=y_val)
    assert min(untransformed[-1].validation_loss_curve_) > 10 * max(
        routed.validation_loss_curve_
    )


class CountsRows(BackpropClassifier):
    """Writes down how many rows it trains on, and how many are its validation data."""

    seen: ClassVar[list] = []

    def fit(self, X, y, sample_weight=None, X_val=None, y_val=None, sample_weight_val=None):
        self.seen.append((len(X), len(X_val), len(y_val)))
        return super().fit(X, y, sample_weight, X_val, y_val, sample_weight_val)


@pytest.mark.parametrize("routing", [False, True])
def test_search_cuts_validation_data_of_as_many_rows_as_x(wheat, routing):
    """scikit-learn takes whatever has a row per row of X for a part of the data."""
    X, X_val, y, y_val = split_wheat(wheat)
    clf = CountsRows((3,), max_iter=1, random_state=0)
    with config_context(enable_metadata_routing=routing):
        if routing:
            clf.set_fit_request(X_val=True, y_val=True)
        for n_rows, in_a_fold in ((104, 104), (105, 70)):
            for run in (
                lambda **data: cross_validate(clf, X, y, cv=3, params=data),
                lambda **data: GridSearchCV(clf, {"alpha": [0.1]}, cv=3, refit=False).fit(
                    X, y, **data
                ),
            ):
                CountsRows.seen.clear()
                run(X_val=X_val[:n_rows], y_val=y_val[:n_rows])
                assert CountsRows.seen == [(70, in_a_fold, in_a_fold)] * 3
