"""Networks inside scikit-learn's meta-estimators, as skl2onnx converts them."""

import numpy as np
import onnxruntime
import pandas as pd
import pytest
import skl2onnx
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.ensemble import (
    AdaBoostClassifier,
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.feature_selection import RFE, SelectFromModel
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV, TunedThresholdClassifierCV
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier, MultiOutputRegressor
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import MinMaxScaler, StandardScaler

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.export import register_onnx_converters, to_onnx

N = 90
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, 4)).astype(np.float32)
NOISY = X[:, :3] + 0.5 * RNG.normal(size=(N, 3))
TARGETS = {
    "binary": np.where(NOISY[:, 0] > 0, 4, 1),
    "strings": np.array(["no", "yés"])[(NOISY[:, 0] > 0).astype(int)],
    "multiclass": np.digitize(NOISY[:, 0], [-0.5, 0.5]) + 5,
    "words": np.array(["a b", "é", "zz"])[np.digitize(NOISY[:, 0], [-0.5, 0.5])],
}
LABELS = (NOISY > 0).astype(int)
NETWORKS = {"log_loss": {}, "squared_error": {"loss": "squared_error"}}
QUICK = {"hidden_layer_sizes": (4,), "max_iter": 10, "tol": None, "random_state": 0}


def linear():
    return ("linear", LogisticRegression())


def scaled(network):
    return make_pipeline(StandardScaler(), network)


def searched(model):
    return GridSearchCV(model, {}, cv=2)


def calibrated(model, **options):
    return CalibratedClassifierCV(model, cv=2, **options)


def voting(models, **options):
    # skl2onnx needs flatten_transform=False, and an array of weights.
    return VotingClassifier(models, flatten_transform=False, **options)


# Each takes a network.
CLASSIFIERS = {
    "calibrated": calibrated,
    "calibrated, one for all": lambda net: calibrated(net, ensemble=False),
    "stacked": lambda net: StackingClassifier([("a", net), linear()], cv=2),
    "stacked, inputs too": lambda net: StackingClassifier(
        [("a", net), linear()], cv=2, passthrough=True
    ),
    "on top of a stack": lambda net: StackingClassifier([linear()], net, cv=2),
    "votes": lambda net: voting([("a", net), linear()], voting="hard"),
    "mean of probabilities": lambda net: voting(
        [("a", net), linear()], voting="soft", weights=np.array([2.0, 1.0])
    ),
    "bagged": lambda net: BaggingClassifier(net, 2, max_features=3, random_state=0),
    "boosted": lambda net: AdaBoostClassifier(net, n_estimators=2, random_state=0),
    "one against the rest": OneVsRestClassifier,
    "searched": searched,
    "a pipeline searched": lambda net: searched(scaled(net)),
    "selected inputs": lambda net: make_pipeline(RFE(LogisticRegression()), net),
    "columns": lambda net: make_pipeline(
        make_column_transformer((StandardScaler(), [0, 1]), (MinMaxScaler(), [2, 3])), net
    ),
    "union": lambda net: make_pipeline(make_union(StandardScaler(), MinMaxScaler()), net),
    "calibrated among votes": lambda net: voting(
        [("a", calibrated(net)), linear()], voting="soft"
    ),
    "a pipeline calibrated": lambda net: calibrated(scaled(net)),
    "a search calibrated": lambda net: calibrated(searched(net)),
    "a bag of pipelines calibrated": lambda net: calibrated(
        BaggingClassifier(scaled(net), 2, random_state=0)
    ),
    "pipelines within, calibrated": lambda net: calibrated(
        scaled(make_pipeline(MinMaxScaler(), searched(scaled(net))))
    ),
    "one against the rest, calibrated": lambda net: calibrated(OneVsRestClassifier(net)),
}


def run(model, rows=X):
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, {session.get_inputs()[0].name: rows})


def same_classes(estimator, model):
    labels, p, *_ = run(model)  # skl2onnx leaves outputs of nested searches behind
    np.testing.assert_array_equal(labels, estimator.predict(X))
    if hasattr(estimator, "predict_proba"):
        expected = estimator.predict_proba(X)
        pair = [np.hstack(each) if isinstance(each, list) else each for each in (p, expected)]
        np.testing.assert_allclose(*pair, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", CLASSIFIERS)
@pytest.mark.parametrize(
    ("loss", "target"),
    [("log_loss", "strings"), ("squared_error", "strings"), ("log_loss", "multiclass")],
)
def test_to_onnx_of_a_composition_equals_scikit_learn(name, loss, target):
    network = BackpropClassifier(**QUICK, **NETWORKS[loss])
    estimator = CLASSIFIERS[name](network).fit(X, TARGETS[target])
    same_classes(estimator, to_onnx(estimator, X))


@pytest.mark.parametrize("name", ["calibrated", "a pipeline calibrated", "stacked", "votes"])
@pytest.mark.parametrize("target", ["binary", "words"])
def test_skl2onnx_itself_converts_a_composition(name, target):
    register_onnx_converters()
    estimator = CLASSIFIERS[name](BackpropClassifier(**QUICK)).fit(X, TARGETS[target])
    options = {id(estimator): {"zipmap": False}}
    same_classes(estimator, skl2onnx.to_onnx(estimator, X[:1], options=options))


@pytest.mark.parametrize(
    "compose", [MultiOutputClassifier, OneVsRestClassifier, searched, scaled]
)
def test_to_onnx_of_a_composition_with_several_labels(compose):
    estimator = compose(BackpropClassifier(**QUICK)).fit(X, LABELS)
    same_classes(estimator, to_onnx(estimator, X))


def test_to_onnx_of_stacked_scores():
    estimator = StackingClassifier(
        [("a", scaled(BackpropClassifier(**QUICK))), linear()],
        cv=2, stack_method="decision_function",
    ).fit(X, TARGETS["words"])  # fmt: skip
    same_classes(estimator, to_onnx(estimator, X))


def test_to_onnx_of_one_against_one():
    """skl2onnx gives the numbers of the classes, so they are the labels here."""
    y = np.digitize(NOISY[:, 0], [-0.7, 0.0, 0.7])
    estimator = OneVsOneClassifier(scaled(BackpropClassifier(**QUICK))).fit(X, y)
    labels, scores = run(to_onnx(estimator, X))
    np.testing.assert_array_equal(labels.ravel(), estimator.predict(X))
    np.testing.assert_allclose(scores, estimator.decision_function(X), rtol=0, atol=1e-5)


REGRESSORS = {
    "stacked": lambda net: StackingRegressor(
        [("a", net), ("b", LinearRegression())], cv=2, passthrough=True
    ),
    "on top of a stack": lambda net: StackingRegressor([("b", LinearRegression())], net, cv=2),
    "mean": lambda net: VotingRegressor([("a", scaled(net)), ("b", LinearRegression())]),
    "bagged": lambda net: BaggingRegressor(net, 2, max_features=3, random_state=0),
    "boosted": lambda net: AdaBoostRegressor(net, n_estimators=2, random_state=0),
    "searched": lambda net: searched(scaled(net)),
    "selected inputs": lambda net: make_pipeline(SelectFromModel(net, threshold="median"), net),
}


@pytest.mark.parametrize("name", REGRESSORS)
def test_to_onnx_of_a_composition_of_regressors(name):
    y = 3 * NOISY[:, 0] + 10
    estimator = REGRESSORS[name](BackpropRegressor(**QUICK)).fit(X, y)
    (found,) = run(to_onnx(estimator, X))
    np.testing.assert_allclose(found.ravel(), estimator.predict(X), rtol=1e-5)


def test_to_onnx_of_several_regressors():
    estimator = MultiOutputRegressor(BackpropRegressor(**QUICK)).fit(X, NOISY + 10)
    (found,) = run(to_onnx(estimator, X))
    np.testing.assert_allclose(found, estimator.predict(X), rtol=1e-5)


# ---- Options of skl2onnx ----


def converted(estimator, **options):
    register_onnx_converters()
    return skl2onnx.to_onnx(estimator, X[:1], options={id(estimator): options})


@pytest.mark.parametrize("loss", NETWORKS)
@pytest.mark.parametrize("output", ["auto", "tanh"])
@pytest.mark.parametrize("target", [*TARGETS, "labels"])
def test_option_raw_scores_gives_the_decision_function(target, loss, output):
    y = LABELS if target == "labels" else TARGETS[target]
    if loss == "log_loss":
        output = "auto"
    estimator = BackpropClassifier(**QUICK, **NETWORKS[loss], output_activation=output)
    labels, found = run(converted(estimator.fit(X, y), zipmap=False, raw_scores=True))
    expected = estimator.decision_function(X)
    if expected.ndim == 1:
        expected = np.column_stack([-expected, expected])
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(labels, estimator.predict(X))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_option_raw_scores_of_a_probability_of_zero(dtype):
    start = [np.array([[1.0, -1.0]] * 4)], [np.zeros(2)]
    estimator = BackpropClassifier(
        (), loss="squared_error", output_activation="relu", weight_init=start,
        standardize=False, learning_rate_init=1e-30, max_iter=1, tol=None,
    ).fit(X.astype(dtype), TARGETS["binary"])  # fmt: skip
    _, found = run(converted(estimator, zipmap=False, raw_scores=True))
    expected = estimator.decision_function(X)
    assert (np.abs(expected) > 50).all()
    np.testing.assert_allclose(found, np.column_stack([-expected, expected]), rtol=1e-6)


def test_option_raw_scores_of_several_columns():
    y = np.column_stack([TARGETS["binary"], TARGETS["multiclass"]])
    estimator = BackpropClassifier(**QUICK).fit(X, y)
    _, found = run(converted(estimator, zipmap=False, raw_scores=True))
    expected = np.hstack(estimator.decision_function(X))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("target", TARGETS)
def test_option_zipmap_names_the_probabilities(target):
    estimator = BackpropClassifier(**QUICK).fit(X, TARGETS[target])
    p, classes = estimator.predict_proba(X), estimator.classes_.tolist()
    _, maps = run(converted(estimator, zipmap=True))
    found = [[row[label] for label in classes] for row in maps]
    np.testing.assert_allclose(found, p, rtol=0, atol=1e-5)
    _, *columns = run(converted(estimator, zipmap="columns"))
    np.testing.assert_allclose(np.column_stack(columns), p, rtol=0, atol=1e-5)


@pytest.mark.parametrize("target", [*TARGETS, "columns"])
def test_option_nocl_gives_the_numbers_of_the_classes(target):
    y = TARGETS.get(target)
    if target == "columns":
        y = np.column_stack([TARGETS["strings"], TARGETS["words"]])
    estimator = BackpropClassifier(**QUICK).fit(X, y)
    labels, _ = run(converted(estimator, zipmap=False, nocl=True))
    classes = estimator.classes_ if target == "columns" else [estimator.classes_]
    found = [
        each[column] for each, column in zip(classes, labels.reshape(N, -1).T, strict=True)
    ]
    np.testing.assert_array_equal(np.squeeze(np.column_stack(found)), estimator.predict(X))


@pytest.mark.parametrize("target", TARGETS)
def test_option_output_class_labels_gives_the_classes(target):
    estimator = BackpropClassifier(**QUICK).fit(X, TARGETS[target])
    *_, classes = run(converted(estimator, zipmap=False, output_class_labels=True))
    np.testing.assert_array_equal(classes, estimator.classes_)


def test_option_zipmap_of_several_columns_is_refused():
    y = np.column_stack([TARGETS["binary"], TARGETS["multiclass"]])
    estimator = BackpropClassifier(**QUICK).fit(X, y)
    with pytest.raises(ValueError, match="zipmap=False and output_class_labels=False"):
        converted(estimator)
    same_classes(estimator, converted(estimator, zipmap=False))


# ---- What skl2onnx does not convert ----


@pytest.mark.parametrize(
    ("compose", "target"),
    [
        (lambda net: calibrated(net, method="isotonic"), "multiclass"),
        (OneVsOneClassifier, "multiclass"),
        (lambda net: TunedThresholdClassifierCV(net, cv=2), "binary"),
        (ClassifierChain, "labels"),
        (lambda net: RandomizedSearchCV(net, {"alpha": [1e-3]}, n_iter=1, cv=2), "binary"),
    ],
    ids=["isotonic", "one against one", "threshold", "chain", "random search"],
)
def test_to_onnx_refuses_what_skl2onnx_gets_wrong(compose, target):
    """Wrong or without a converter in skl2onnx 1.20; a later one may be right."""
    y = LABELS if target == "labels" else TARGETS[target]
    estimator = compose(BackpropClassifier(**QUICK)).fit(X, y)
    try:
        model = to_onnx(estimator, X)
    except (ValueError, RuntimeError) as error:
        assert "is not right" in str(error) or "Unable to find" in str(error)
    else:
        same_classes(estimator, model)


def test_to_onnx_compares_predictions(monkeypatch):
    classifier = BackpropClassifier(**QUICK).fit(X, TARGETS["words"])
    other = BackpropClassifier(**QUICK).fit(X, TARGETS["words"][::-1])
    wrong = to_onnx(other, X)
    monkeypatch.setattr(skl2onnx, "to_onnx", lambda *args, **kwargs: wrong)
    with pytest.raises(ValueError, match=r"of this BackpropClassifier .* differ by up to 0\."):
        to_onnx(classifier, X)
    labels = BackpropClassifier(**QUICK).fit(X, LABELS)
    with pytest.raises(ValueError, match=r"labels of shape \(90,\) in place of \(90, 3\)"):
        to_onnx(labels, X)
    assert to_onnx(classifier, X, options={"zipmap": False}) is wrong  # which compares nothing
    assert to_onnx(classifier, X[:0]) is wrong
    numbers = BackpropRegressor(**QUICK).fit(X, NOISY[:, 0])
    monkeypatch.undo()
    wrong = to_onnx(BackpropRegressor(**QUICK).fit(X, -NOISY[:, 0]), X)
    monkeypatch.setattr(skl2onnx, "to_onnx", lambda *args, **kwargs: wrong)
    with pytest.raises(ValueError, match="its predictions differ by up to"):
        to_onnx(numbers, X)
    with pytest.raises(ValueError, match=r"shape \(90, 1\) in place of \(90, 2\)"):
        to_onnx(BackpropRegressor(**QUICK).fit(X, NOISY[:, :2]), X)


def test_to_onnx_allows_a_label_to_change_where_classes_tie():
    y = TARGETS["words"]
    zeros = [np.zeros((4, 3))], [np.zeros(3)]
    tied = BackpropClassifier((), weight_init=zeros, max_iter=1, batch_size="full", alpha=0)
    same_classes(tied.fit(X * 1e-30, y), to_onnx(tied, X))


@pytest.mark.parametrize("names", [["a", "b", "", "d"], [0, 1, 2, 3]])
def test_to_onnx_needs_names_of_columns(names):
    frame = pd.DataFrame(X, columns=names)
    model = BackpropClassifier(**QUICK).fit(X, TARGETS["binary"])
    with pytest.raises(ValueError, match="The columns of X must have names"):
        to_onnx(model, frame)
