"""Importances and profiles, against worked examples."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from sklearn.exceptions import NotFittedError
from sklearn.feature_selection import SelectFromModel
from sklearn.linear_model import LinearRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.inspection import garson_importance, lek_profile, olden_importance


def network_of(*weights, biases=None):
    """A fitted regressor with these weights."""
    weights = [np.asarray(w, dtype=float) for w in weights]
    biases = [np.zeros(w.shape[1]) for w in weights] if biases is None else biases
    reg = BackpropRegressor(
        tuple(w.shape[1] for w in weights[:-1]),
        activation="identity",
        weight_init=(weights, biases),
        standardize=False,
        solver="sgd",
        alpha=0.0,
        learning_rate_init=1e-300,
    )
    n_outputs = weights[-1].shape[1]
    y = np.zeros((1, n_outputs)) if n_outputs > 1 else [0.0]
    return reg.partial_fit(np.zeros((1, len(weights[0]))), y)


# The example of the R package NeuralNetTools: biases 13.12, -0.11 and 0.56.
R_EXAMPLE = network_of([[1.49, -0.19], [0.16, -0.16]], [[-0.52], [0.81]])


def test_garson_by_hand():
    # Into h0 go 1.49 and 0.16, which are 149/165 and 16/165; into h1 19/35 and 16/35.
    first = 149 / 165 * 0.52 + 19 / 35 * 0.81
    second = 16 / 165 * 0.52 + 16 / 35 * 0.81
    np.testing.assert_allclose(
        garson_importance(R_EXAMPLE), np.array([first, second]) / 1.33, rtol=1e-14
    )
    np.testing.assert_allclose(garson_importance(R_EXAMPLE), [0.683677, 0.316323], atol=1e-6)


def test_goh_as_neuralnettools():
    # The output weights cancel: the mean of the shares.
    shares = [(149 / 165 + 19 / 35) / 2, (16 / 165 + 16 / 35) / 2]
    np.testing.assert_allclose(garson_importance(R_EXAMPLE, variant="goh"), shares, rtol=1e-14)
    np.testing.assert_allclose(shares, [0.7229437, 0.2770563], atol=1e-7)


def test_olden_as_neuralnettools():
    # 1.49 * -0.52 + -0.19 * 0.81, and 0.16 * -0.52 + -0.16 * 0.81.
    np.testing.assert_allclose(olden_importance(R_EXAMPLE), [-0.9287, -0.2128], rtol=1e-14)


def test_several_outputs():
    first, second = [[-0.52], [0.81]], [[2.0], [0.0]]
    both = network_of([[1.49, -0.19], [0.16, -0.16]], np.hstack([first, second]))
    alone = network_of([[1.49, -0.19], [0.16, -0.16]], second)
    for function in (garson_importance, olden_importance):
        importance = function(both)
        assert importance.shape == (2, 2)
        np.testing.assert_allclose(importance[0], function(R_EXAMPLE), rtol=1e-14)
        np.testing.assert_allclose(importance[1], function(alone), rtol=1e-14)
        np.testing.assert_array_equal(function(both, output=1), importance[1])
    # A hidden neuron that leads nowhere does not count.
    np.testing.assert_allclose(garson_importance(both, output=1), [149 / 165, 16 / 165])
    np.testing.assert_allclose(
        garson_importance(both, output=1, variant="goh"), [149 / 165, 16 / 165]
    )


def test_dead_neurons_do_no_harm():
    np.testing.assert_array_equal(
        garson_importance(network_of([[0, 1], [0, 3]], [[5], [1]])), [0.25, 0.75]
    )
    np.testing.assert_array_equal(
        garson_importance(network_of([[0.0], [0.0]], [[1.0]])), [0.0, 0.0]
    )


def test_olden_at_any_depth():
    none = network_of([[2.0], [-3.0]])
    np.testing.assert_allclose(olden_importance(none), [2, -3])
    two = network_of([[1, 2], [0, 1]], [[1, 0], [-1, 1]], [[2], [5]])
    # Paths of the first input: 1*1*2 + 1*0*5 + 2*-1*2 + 2*1*5; of the second: -1*2 + 1*5.
    np.testing.assert_allclose(olden_importance(two), [8, 3])


@pytest.mark.parametrize("hidden", [(), (3, 3)])
def test_garson_is_for_one_hidden_layer(hidden):
    shapes = [2, *hidden, 1]
    network = network_of(*map(np.ones, pairwise(shapes)))
    with pytest.raises(ValueError, match=f"Got {len(hidden)} hidden layers: use olden_imp"):
        garson_importance(network)


WEIGHTS = st.floats(-5, 5).map(lambda w: w if abs(w) > 1e-3 else 0.0)


@settings(max_examples=40)
@given(arrays(float, (4, 3), elements=WEIGHTS), arrays(float, (3, 2), elements=WEIGHTS))
def test_importance_invariants(into, out):
    network = network_of(into, out)
    garson, olden = garson_importance(network), olden_importance(network)
    sums = garson.sum(axis=1)
    assert np.all((np.abs(sums - 1) < 1e-12) | (sums == 0))
    assert (garson >= 0).all()
    # For a network of identities Olden's importance is the derivative.
    slope = network.predict(np.eye(4)) - network.predict(np.zeros((4, 4)))
    np.testing.assert_allclose(olden.T, slope, rtol=1e-10, atol=1e-12)
    # Turning and stretching a hidden neuron leaves what it computes, and its importance.
    factors = np.array([-2.0, 0.5, 4.0])
    same = network_of(into * factors, out / factors[:, None])
    np.testing.assert_allclose(olden_importance(same), olden, rtol=1e-10, atol=1e-12)
    order = [2, 0, 3, 1]
    np.testing.assert_allclose(
        garson_importance(network_of(into[order], out)), garson[:, order], rtol=1e-10
    )


def test_importance_does_not_depend_on_units(wheat):
    X, y = wheat
    X = X * [1, 1000, 1, 1, 1, 1, 1]
    same_order = {"max_iter": 10, "tol": None, "shuffle": False, "random_state": 0}
    clf = BackpropClassifier((4,), **same_order).fit(X, y)
    scaled = BackpropClassifier((4,), **same_order).fit(wheat[0], y)
    np.testing.assert_allclose(
        garson_importance(clf), garson_importance(scaled), rtol=1e-6, atol=1e-9
    )
    assert garson_importance(clf, units="raw")[:, 1].max() < 0.01
    W, V = clf.coefs_
    np.testing.assert_allclose(olden_importance(clf, units="raw"), (W @ V).T, rtol=1e-12)
    deviation = X.std(axis=0)
    np.testing.assert_allclose(
        olden_importance(clf), (deviation[:, None] * W @ V).T, rtol=1e-9, atol=1e-12
    )


def test_selects_features(wheat):
    X, y = wheat
    noise = np.random.default_rng(0).normal(size=(len(X), 5))
    X = np.hstack([X, noise])
    clf = BackpropClassifier((6,), activation="tanh", max_iter=150, random_state=0)
    for function in (garson_importance, olden_importance):
        select = SelectFromModel(clf, importance_getter=function, max_features=4)
        chosen = select.fit(X, y).get_support(indices=True)
        expected = np.abs(function(select.estimator_)).sum(axis=0)
        assert set(chosen) <= set(np.argsort(-expected)[:4])
        assert len(chosen) == 4
        # The noise is not among them.
        assert chosen.max() < 7
    model = make_pipeline(
        MinMaxScaler(), SelectFromModel(clf, importance_getter=garson_importance), clf
    )
    assert model.fit(X, y).score(X, y) > 0.9


def test_classes_are_outputs(wheat):
    X, y = wheat
    names = np.array(["", "Kama", "Rosa", "Canadian"])[y]
    clf = BackpropClassifier((4,), max_iter=5, tol=None, random_state=0).fit(X, names)
    rosa = list(clf.classes_).index("Rosa")
    np.testing.assert_array_equal(
        olden_importance(clf, output="Rosa"), olden_importance(clf)[rosa]
    )
    with pytest.raises(ValueError, match=r"one of \['Canadian', 'Kama', 'Rosa'\]. Got 'Ross'"):
        olden_importance(clf, output="Ross")
    two = clf.fit(X, y == 1)
    assert olden_importance(two).shape == (7,)
    np.testing.assert_array_equal(olden_importance(two, output=True), olden_importance(two))


@pytest.mark.parametrize("function", [garson_importance, olden_importance])
def test_importance_refuses_bad_input(function):
    with pytest.raises(TypeError, match="Got LinearRegression"):
        function(LinearRegression())
    with pytest.raises(TypeError, match=r"pass the last step, pipeline\[-1\]"):
        function(make_pipeline(MinMaxScaler(), R_EXAMPLE))
    search = GridSearchCV(BackpropRegressor((2,), max_iter=2), {"alpha": [0.0]}, cv=2)
    with pytest.raises(TypeError, match="Got GridSearchCV; of a search pass its best_estim"):
        function(search.fit([[0.0], [1.0], [2.0], [3.0]], [0.0, 1.0, 2.0, 3.0]))
    with pytest.raises(NotFittedError):
        function(BackpropClassifier())
    with pytest.raises(ValueError, match="units must be one of"):
        function(R_EXAMPLE, units="scaled")
    with pytest.raises(ValueError, match=r"output must be None or one of \[0\]. Got 1"):
        function(R_EXAMPLE, output=1)
    if function is garson_importance:
        with pytest.raises(ValueError, match=r"variant must be one of \['garson', 'goh'\]"):
            function(R_EXAMPLE, variant="olden")


# ---- Profiles ----


class Product(LinearRegression):
    """Predicts x0 * x1 + x2, so that curves can be worked out by hand."""

    def predict(self, X):
        X = np.asarray(X)
        return X[:, 0] * X[:, 1] + X[:, 2]


ROWS = np.array([[0, 10, 5], [1, 20, 5], [2, 40, 5], [4, 30, 5], [3, 50, 5]], dtype=float)
PRODUCT = Product().fit(ROWS, ROWS[:, 0])


def test_profile_by_hand():
    profile = lek_profile(PRODUCT, ROWS, quantiles=[0, 0.5, 0.875], n_steps=3)
    # Sorted, the second column is 10, 20, 30, 40, 50; its 0.875 quantile lies between the
    # fourth and the fifth, at 45.
    np.testing.assert_allclose(profile.groups, [[0, 10, 5], [2, 30, 5], [3.5, 45, 5]])
    np.testing.assert_allclose(profile.values, [[0, 2, 4], [10, 30, 50], [5, 5, 5]])
    assert profile.responses.shape == (3, 3, 3, 1)
    curves = profile.responses[..., 0]
    np.testing.assert_allclose(curves[0], [[5, 25, 45], [5, 65, 125], [5, 95, 185]])
    np.testing.assert_allclose(curves[1], [[5, 5, 5], [25, 65, 105], [40, 110, 180]])
    np.testing.assert_allclose(curves[2], [[5] * 3, [65] * 3, [162.5] * 3])


def test_profile_frame():
    profile = lek_profile(PRODUCT, ROWS, quantiles=[0, 0.5, 0.875], n_steps=3, features=[1])
    frame = profile.to_frame()
    assert list(frame) == ["feature", "group", "output", "value", "response"]
    assert frame.feature.unique().tolist() == ["x1"]
    chosen = frame[frame.group == "quantile 0.875"]
    np.testing.assert_allclose(chosen.value, [10, 30, 50])
    np.testing.assert_allclose(chosen.response, [40, 110, 180])


def test_profile_by_clusters():
    near = np.array([[0.0, 0, 1], [0.2, 0, 1], [9, 5, 1], [9.4, 5, 1], [9.2, 5.6, 1]])
    profile = lek_profile(PRODUCT, near, n_clusters=2, n_steps=2, random_state=0)
    order = np.argsort(profile.groups[:, 0])
    np.testing.assert_allclose(profile.groups[order], [[0.1, 0, 1], [9.2, 5.2, 1]])
    assert sorted(name.split(" ", 2)[2] for name in profile.group_names) == [
        "(2 rows)",
        "(3 rows)",
    ]
    np.testing.assert_allclose(profile.responses[0, order, :, 0], [[1, 1], [1, 49.88]])


def test_profile_of_a_classifier(wheat):
    X, y = wheat
    frame = pd.DataFrame(X, columns=list("abcdefg"))
    clf = BackpropClassifier((4,), max_iter=20, tol=None, random_state=0)
    pipeline = make_pipeline(MinMaxScaler(), clf).set_output(transform="pandas").fit(frame, y)
    profile = lek_profile(pipeline, frame, features=["c", 0], n_steps=4)
    assert profile.features == ["c", "a"]
    assert profile.outputs == ["1", "2", "3"]
    np.testing.assert_allclose(profile.responses.sum(axis=3), 1)
    row = frame.quantile(0.4).to_frame().T.assign(c=X[:, 2].max())
    np.testing.assert_allclose(
        profile.responses[0, 2, -1], pipeline.predict_proba(row)[0], rtol=1e-10
    )
    long = profile.to_frame()
    assert len(long) == profile.responses.size
    chosen = long.query("feature == 'c' and group == 'quantile 0.4' and output == '2'")
    np.testing.assert_array_equal(chosen.response, profile.responses[0, 2, :, 1])


def test_profile_of_several_columns_of_classes(wheat):
    X, y = wheat
    columns = np.column_stack([y, np.where(y > 1, "b", "a")]).astype(object)
    clf = BackpropClassifier((4,), max_iter=5, random_state=0).fit(X, columns)
    profile = lek_profile(clf, X, features=[2], n_steps=2, quantiles=[0.5])
    assert profile.outputs == ["0: 1", "0: 2", "0: 3", "1: a", "1: b"]
    row = np.median(X, axis=0)
    row[2] = X[:, 2].min()
    expected = np.hstack(clf.predict_proba(row[None]))[0]
    np.testing.assert_allclose(profile.responses[0, 0, 0], expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"quantiles": [0, 2]}, r"quantiles must be numbers in \[0, 1\]. Got \[0, 2\]"),
        ({"quantiles": []}, "quantiles must be numbers"),
        ({"n_steps": 1}, "n_steps must be an integer >= 2. Got 1"),
        ({"n_clusters": 6}, "n_clusters must be None or an integer >= 1 and <= 5"),
        ({"features": ["area"]}, r"among \['x0', 'x1', 'x2'\]. Got 'area'"),
        ({"features": [3]}, "column numbers below 3"),
    ],
)
def test_profile_refusals(arguments, message):
    with pytest.raises(ValueError, match=message):
        lek_profile(PRODUCT, ROWS, **arguments)
