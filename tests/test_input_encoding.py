"""Tables as they come: categories, missing values and the encoding of numbers."""

import copy
import importlib
import pickle
from functools import partial
from itertools import pairwise

import numpy as np
import onnxruntime
import pandas as pd
import polars
import pyarrow
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import pyplot
from scipy import sparse
from sklearn.base import is_classifier
from sklearn.compose import ColumnTransformer
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.inspection import partial_dependence, permutation_importance
from sklearn.metrics import log_loss
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from strategies import campaign

from skbackprop import BackpropClassifier, BackpropRegressor, export, persistence
from skbackprop._preprocessing.categories import as_numbers, learn_levels
from skbackprop._preprocessing.input_encoding import InputEncoder
from skbackprop.inspection import (
    NetworkDisplay,
    WeightImportanceDisplay,
    explain_step,
    garson_importance,
    lek_profile,
    olden_importance,
)

CLF, REG = BackpropClassifier, BackpropRegressor
QUICK = {"hidden_layer_sizes": (4,), "max_iter": 3, "tol": None, "random_state": 0}
BOTH = pytest.mark.parametrize("kind", [CLF, REG])


def mixed(n=61, seed=0):
    """A frame with numbers, text, categories, booleans and missing cells, and classes."""
    rng = np.random.default_rng(seed)
    numbers = rng.normal(size=(n, 2))
    numbers[rng.uniform(size=(n, 2)) < 0.2] = np.nan
    color = rng.choice(["red", "green", "blue"], n).astype(object)
    color[:5] = None
    color[5] = "rare"
    frame = pd.DataFrame({"size": numbers[:, 0], "color": color, "weight": numbers[:, 1]})
    frame["shape"] = pd.Categorical(rng.choice(["round", "square"], n))
    frame["new"] = rng.uniform(size=n) < 0.5
    return frame, (rng.uniform(size=n) < 0.5).astype(int)


def encoder_of(frame, n_bins=0, weights=None, is_stream=False, categorical="from_dtype"):
    levels = learn_levels(frame, categorical)
    numbers = as_numbers(frame, levels)
    return InputEncoder.learn(numbers, levels, weights, n_bins, is_stream), numbers


def dense(X):
    return X.toarray() if sparse.issparse(X) else X


def answers(estimator, X):
    return estimator.predict_proba(X) if is_classifier(estimator) else estimator.predict(X)


# ---- Against scikit-learn's transformers ----


def test_inputs_are_those_of_scikit_learns_transformers():
    frame, _ = mixed()
    encoder, numbers = encoder_of(frame)
    one_hot = OneHotEncoder(
        min_frequency=2, handle_unknown="infrequent_if_exist", sparse_output=False
    )
    # An odd number of cells, so that their median is one of them.
    assert frame["size"].count() % 2 == frame["weight"].count() % 2 == 1
    expected = ColumnTransformer([
        ("numbers", SimpleImputer(strategy="median"), ["size", "weight", "new"]),
        ("missing", MissingIndicator(), ["size", "weight"]),
        ("levels", one_hot, ["color", "shape"]),
    ]).fit_transform(frame.astype({"new": float}))  # fmt: skip
    names = [
        "size", "weight", "new", "missingindicator_size", "missingindicator_weight",
        "color_blue", "color_green", "color_red", "color_missing", "color_infrequent",
        "shape_round", "shape_square",
    ]  # fmt: skip
    assert encoder.names_of_inputs(list(frame.columns)) == names
    np.testing.assert_array_equal(encoder.transform(numbers), expected.astype(float))


@pytest.mark.parametrize("n_bins", [2, 3, 6])
def test_bins_are_a_piecewise_linear_function(n_bins):
    """The widths of the bins, weighted by their inputs, lead back to the value."""
    X = np.random.default_rng(0).normal(size=(100, 2)) ** 3
    encoder = InputEncoder.learn(X, (), None, n_bins, False)
    inputs = encoder.transform(X)
    assert inputs.shape == (100, 2 + 2 * n_bins) == (100, encoder.n_inputs)
    for column in range(2):
        bins = inputs[:, 2 + column * n_bins :][:, :n_bins]
        ends = encoder.bins[column]
        np.testing.assert_allclose(ends[0] + bins @ np.diff(ends), X[:, column])
        assert ((bins[:, 1:] == 0) | (bins[:, :-1] == 1)).all()  # one after the other
        share = 1 / n_bins
        assert abs((bins[:, 0] == 1).mean() - (1 - share)) < 0.02
    beyond = encoder.transform(np.array([[-1e300, 1e300]]))
    np.testing.assert_array_equal(beyond[0, 2:], [0] * n_bins + [1] * n_bins)


def test_bins_where_a_column_has_few_values():
    X = np.array([[0.0, 5.0, 1.0], [1.0, 5.0, 2.0], [1.0, 5.0, 3.0], [0.0, 5.0, np.nan]] * 9)
    encoder = InputEncoder.learn(X, (), None, 6, False)
    assert [len(ends) for ends in encoder.bins] == [0, 0, 3]
    assert encoder.names_of_inputs("abc") == ["a", "b", "c", "c_bin0", "c_bin1",
                                              "missingindicator_c"]  # fmt: skip


def test_a_network_on_encoded_columns_is_one_on_them():
    """The same bits as of an estimator that is given the encoded columns."""
    frame, y = mixed()
    for n_bins, encoding in ((0, "none"), (6, "piecewise_linear")):
        encoder, numbers = encoder_of(frame, n_bins)
        inputs = encoder.transform(numbers)
        settings = QUICK | {"numeric_encoding": encoding, "standardize": False}
        clf = CLF(**settings).fit(frame, y)
        same = CLF(**settings | {"numeric_encoding": "none"}).fit(inputs, y)
        np.testing.assert_array_equal(clf.coefs_[0], same.coefs_[0])
        np.testing.assert_allclose(
            clf.predict_proba(frame), same.predict_proba(inputs), rtol=1e-13
        )
        assert clf.n_features_in_ == 5
        assert clf.is_categorical_.tolist() == [False, True, False, True, False]
        assert clf.n_encoded_features_ == inputs.shape[1] == len(clf.coefs_[0])
        assert len(clf.get_feature_names_out()) == inputs.shape[1]


def test_values_and_bins_are_standardized_and_levels_are_not():
    frame, y = mixed()
    clf = CLF(**QUICK, numeric_encoding="piecewise_linear").fit(frame, y)
    scaler, encoder = clf._scaling.inputs, clf._input_encoder
    n_scaled = encoder.n_values + encoder.n_bin_inputs
    inputs = encoder.transform(as_numbers(frame, encoder.levels))
    np.testing.assert_allclose(scaler.mean[:n_scaled], inputs[:, :n_scaled].mean(axis=0))
    np.testing.assert_allclose(scaler.scale[:n_scaled], inputs[:, :n_scaled].std(axis=0))
    assert (scaler.mean[n_scaled:] == 0).all()
    assert (scaler.scale[n_scaled:] == 1).all()


# ---- What does not matter ----


@BOTH
@pytest.mark.parametrize("encoding", ["none", "piecewise_linear"])
def test_order_copies_and_names_of_levels_do_not_matter(kind, encoding):
    frame, y = mixed()
    settings = QUICK | {"numeric_encoding": encoding}
    fitted = kind(**settings).fit(frame, y)
    expected = answers(fitted, frame)

    order = np.random.default_rng(1).permutation(len(y))
    shuffled = kind(**settings).fit(frame.iloc[order], y[order])
    np.testing.assert_array_equal(answers(shuffled, frame), expected)

    counts = np.random.default_rng(2).integers(0, 3, len(y))
    weighted = kind(**settings).fit(frame, y, sample_weight=counts)
    copies = np.repeat(np.arange(len(y)), counts)
    copied = kind(**settings).fit(frame.iloc[copies], y[copies])
    assert list(weighted.get_feature_names_out()) == list(copied.get_feature_names_out())
    np.testing.assert_allclose(answers(weighted, frame), answers(copied, frame), rtol=1e-12)

    fractions = np.random.default_rng(3).choice([1.0, 1.1, 1.8, 1.9], len(y))
    once = kind(**settings).fit(frame, y, sample_weight=fractions)
    again = kind(**settings).fit(frame.iloc[order], y[order], sample_weight=fractions[order])
    np.testing.assert_array_equal(answers(once, frame), answers(again, frame))

    renamed = frame.assign(
        color=frame["color"].map(lambda name: f"the {name}", na_action="ignore")
    )
    np.testing.assert_array_equal(answers(kind(**settings).fit(renamed, y), renamed), expected)


@BOTH
def test_frames_and_types_do_not_matter(kind):
    frame, y = mixed()
    fitted = kind(**QUICK).fit(frame, y)
    expected = answers(fitted, frame)
    others = {
        "category": frame.astype({"color": "category"}),
        "string": frame.astype({"color": "string", "shape": "string"}),
        "nullable": frame.convert_dtypes(),
        "object": frame.astype({"shape": object, "size": object, "new": object}),
        "polars": polars.from_pandas(frame),
        "polars categories": polars.from_pandas(frame.astype({"color": "category"})),
        "pyarrow": pyarrow.Table.from_pandas(frame),
        "pyarrow types": frame.convert_dtypes(dtype_backend="pyarrow"),
    }
    numbers = frame[["size", "weight"]].astype("float32").convert_dtypes()
    for single in (numbers, polars.from_pandas(numbers), pyarrow.Table.from_pandas(numbers)):
        assert kind(**QUICK).fit(single, y)._params.dtype == np.float32
    for name, other in others.items():
        np.testing.assert_array_equal(answers(fitted, other), expected, err_msg=name)
        if name != "object":  # of numbers and no text: a column of numbers, too
            again = kind(**QUICK).fit(other, y)
            np.testing.assert_array_equal(answers(again, other), expected, err_msg=name)


def test_arrays_with_chosen_columns_are_like_frames():
    frame, y = mixed()
    frame = frame.astype({"new": float})
    expected = CLF(**QUICK).fit(frame, y).predict_proba(frame)
    array = frame.to_numpy(dtype=object)
    for chosen in ([1, 3], [3, 1], [False, True, False, True, False], np.array([3, 1])):
        clf = CLF(**QUICK, categorical_features=chosen).fit(array, y)
        np.testing.assert_array_equal(clf.predict_proba(array), expected)
        np.testing.assert_array_equal(clf.predict_proba(array.tolist()), expected)
    named = CLF(**QUICK, categorical_features=["color", "shape"]).fit(frame, y)
    np.testing.assert_array_equal(named.predict_proba(frame), expected)
    # Numbers as categories: of an array of floats, with missing cells.
    codes = as_numbers(frame, learn_levels(frame, "from_dtype"))
    coded = CLF(**QUICK, categorical_features=[1, 3]).fit(codes, y)
    np.testing.assert_array_equal(coded.predict_proba(codes), expected)


def test_dense_and_sparse_inputs_of_categories_agree(monkeypatch):
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"city": rng.choice([f"c{k}" for k in range(40)], 200)})
    frame["x"] = rng.normal(size=200)
    frame.loc[::9, "x"] = np.nan
    y = rng.normal(size=200)
    encoder, numbers = encoder_of(frame)
    inputs = encoder.transform(numbers)
    assert sparse.issparse(inputs)
    assert inputs.has_sorted_indices
    reg = REG(**QUICK).fit(frame, y)
    monkeypatch.setattr("skbackprop._preprocessing.input_encoding._SPARSE_FROM", 1000)
    assert isinstance(encoder.transform(numbers), np.ndarray)
    np.testing.assert_array_equal(dense(inputs), encoder.transform(numbers))
    other = REG(**QUICK).fit(frame, y)
    np.testing.assert_allclose(reg.coefs_[0], other.coefs_[0], rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(reg.predict(frame), other.predict(frame), rtol=1e-9)


def test_plain_arrays_are_inputs_as_they_are():
    X, y = load_iris(return_X_y=True)
    clf = CLF(**QUICK).fit(X, y)
    assert clf._input_encoder.is_identity
    assert clf.get_feature_names_out().tolist() == ["x0", "x1", "x2", "x3"]
    assert clf.get_feature_names_out(list("abcd")).tolist() == list("abcd")
    with pytest.raises(ValueError, match="4 names. Got 2"):
        clf.get_feature_names_out(["a", "b"])
    with pytest.raises(NotFittedError):
        CLF().get_feature_names_out()
    frame = pd.DataFrame(X, columns=list("abcd"))
    same = CLF(**QUICK).fit(frame, y)
    np.testing.assert_array_equal(clf.coefs_[0], same.coefs_[0])


# ---- Missing and unseen cells ----


def test_a_cell_that_is_missing_for_the_first_time_counts_as_the_mean():
    X, y = load_iris(return_X_y=True)
    clf = CLF(**QUICK).fit(X, y)
    X_missing = X[:7].copy()
    X_missing[:, 2] = np.nan
    X_mean = X[:7].copy()
    X_mean[:, 2] = clf._scaling.inputs.mean[2]
    np.testing.assert_allclose(
        clf.predict_proba(X_missing), clf.predict_proba(X_mean), rtol=1e-13
    )
    np.testing.assert_array_equal(clf.predict(X_missing[:1]), clf.predict(X_mean[:1]))
    assert np.isfinite(clf.get_activations(X_missing, 0)).all()


def test_missing_cells_of_validation_rows_are_those_of_predict():
    X, y = load_iris(return_X_y=True)
    X[3, 2] = -9999  # which is clipped, as the mean is to be
    X_val, y_val = X[::7].copy(), y[::7]
    X_val[::2, 2] = np.nan
    weights = np.arange(150) % 3
    fitted = CLF(**QUICK).fit(X, y, weights, X_val, y_val)
    expected = log_loss(y_val, fitted.predict_proba(X_val))
    assert fitted.validation_loss_curve_[-1] == pytest.approx(expected, rel=1e-9)
    fitted.partial_fit(X[:9] + 100, y[:9], X_val=X_val, y_val=y_val)
    expected = log_loss(y_val, fitted.predict_proba(X_val))
    assert fitted.validation_loss_curve_[-1] == pytest.approx(expected, rel=1e-9)


def test_without_standardization_it_counts_as_the_median():
    X, y = load_iris(return_X_y=True)
    X_missing, X_median = X[:7].copy(), X[:7].copy()
    X_missing[:, 2], X_median[:, 2] = np.nan, np.sort(X[:, 2])[74]
    for clf in (
        CLF(**QUICK, standardize=False).fit(X, y),
        CLF(**QUICK).partial_fit(X, y, classes=[0, 1, 2]),
    ):
        np.testing.assert_allclose(
            clf.predict_proba(X_missing), clf.predict_proba(X_median), rtol=1e-13
        )
        assert clf._input_encoder.is_identity
        other = copy.deepcopy(clf).partial_fit(X_median[:1], [0])
        clf.partial_fit(X_missing[:1], [0])
        np.testing.assert_array_equal(clf.coefs_[0], other.coefs_[0])
    rows = sparse.csr_matrix(np.eye(3))
    with pytest.raises(ValueError, match=r"missing values \(NaN\) in the columns \[1\]"):
        CLF(**QUICK, standardize=False).fit(rows, [0, 1, 0]).predict([[0, np.nan, 0]])


def test_a_column_without_cells_moves_nothing():
    frame, y = mixed()
    frame["empty"] = np.nan
    clf = CLF(**QUICK).fit(frame, y)
    assert "missingindicator_empty" not in clf.get_feature_names_out()
    np.testing.assert_array_equal(
        clf.predict_proba(frame.assign(empty=1e6)), clf.predict_proba(frame)
    )


def test_a_constant_category_moves_nothing():
    frame, y = mixed()
    frame["kind"] = "only"
    clf = CLF(**QUICK).fit(frame, y)
    np.testing.assert_array_equal(
        clf.predict_proba(frame.assign(kind="other")), clf.predict_proba(frame)
    )
    assert not [name for name in clf.get_feature_names_out() if name.startswith("kind")]
    assert clf.feature_importances_[-1] == 0
    alone = CLF(**QUICK).fit(frame[["kind"]], y)
    assert alone.n_encoded_features_ == 1
    np.testing.assert_array_equal(
        alone.predict_proba(frame[["kind"]]), alone.predict_proba(frame[["kind"]] + "s")
    )


def test_rare_unseen_and_missing_levels():
    frame, y = mixed()
    clf = CLF(**QUICK).fit(frame, y)
    rows = frame.iloc[6:9]

    def of(**cells):
        return clf.predict_proba(rows.assign(**cells))

    np.testing.assert_array_equal(of(color="unseen"), of(color="rare"))
    assert (of(color="unseen") != of(color=None)).any()
    # A column without rare levels in training, or missing cells.
    np.testing.assert_array_equal(of(shape="unseen"), of(shape=None))
    assert (of(shape="unseen") != of(shape="round")).any()


@pytest.mark.parametrize("share", [0.01, 0.05, 0.2])
@pytest.mark.parametrize("code", [np.nan, -999.0, "times a million"])
def test_wild_and_missing_cells_cost_little(share, code):
    X, y = load_iris(return_X_y=True)
    X_wild, rng = X.copy(), np.random.default_rng(0)
    at = rng.uniform(size=X.shape) < share
    X_wild[at] = X[at] * 1e6 if isinstance(code, str) else code
    clean, wild = (cross_val_score(CLF(random_state=0), Z, y, cv=5).mean() for Z in (X, X_wild))
    # At a fifth of all cells the petals of one flower in 25 are gone.
    assert wild > clean - {0.01: 0.03, 0.05: 0.06, 0.2: 0.12}[share]


# ---- Streams ----


def test_a_stream_keeps_the_encoding_of_its_first_call():
    frame, y = mixed()
    clf = CLF(**QUICK).partial_fit(frame[:8], y[:8], classes=[0, 1])
    names = clf.get_feature_names_out().tolist()
    assert names[2:] == [
        "new", "missingindicator_size", "color_blue", "color_green", "color_rare",
        "color_missing", "color_infrequent", "shape_round", "shape_square",
        "shape_infrequent",
    ]  # fmt: skip
    clf.partial_fit(frame, y)
    assert clf.get_feature_names_out().tolist() == names
    before = pickle.dumps(clf)
    row = frame.iloc[[20]]
    one = copy.deepcopy(clf).partial_fit(row, y[[20]])
    other = pickle.loads(before).partial_fit(row, y[[20]])
    np.testing.assert_array_equal(one.coefs_[0], other.coefs_[0])


def test_fit_and_then_single_rows():
    frame, y = mixed()
    for encoding in ("none", "piecewise_linear"):
        clf = CLF(**QUICK, numeric_encoding=encoding).fit(frame, y)
        before = clf.coefs_[0].copy()
        for row in range(3):
            clf.partial_fit(frame.iloc[[row]], y[[row]])
        assert (clf.coefs_[0] != before).any()
        assert clf.predict(frame.iloc[[4]]).shape == (1,)


def test_warm_start_keeps_the_encoding():
    frame, y = mixed()
    settings = QUICK | {"learning_rate": "constant", "alpha": 0.1}
    twice = CLF(**settings, warm_start=True).fit(frame, y).fit(frame, y)
    once = CLF(**settings | {"max_iter": 6}).fit(frame, y)
    np.testing.assert_array_equal(twice.coefs_[0], once.coefs_[0])


# ---- What is refused ----


@pytest.mark.parametrize(
    ("chosen", "message"),
    [
        (["size", "length"], "'length' which is not a valid feature name"),
        ([0, 5], r"must be in \[0, n_features - 1\] = \[0, 4\]. Got \[0, 5\]"),
        ([0, -1], r"must be in \[0, n_features - 1\]"),
        ([True, False], r"must have shape \(n_features,\) = \(5,\). Got \(2,\)"),
        ([[0, 1]], "a mask, or a sequence of column numbers or names"),
        ("color", "must be 'from_dtype', None"),
        ({"color": 1}, "must be 'from_dtype', None"),
        (3, "must be 'from_dtype', None"),
        ([1.5], "must be 'from_dtype', None"),
    ],
)
def test_impossible_categorical_features(chosen, message):
    frame, y = mixed()
    with pytest.raises(ValueError, match=message):
        CLF(**QUICK, categorical_features=chosen).fit(frame, y)


def test_what_does_not_fit_is_named():
    frame, y = mixed()
    clf = CLF(**QUICK).fit(frame, y)
    before = pickle.dumps(clf)
    for changed, message in (
        (
            frame.assign(color=3),
            "'color' holds numbers, such as 3.0.*'blue', 'green', 'rare' and 1",
        ),
        (frame.assign(size="big"), "'size' is one of numbers, and holds 'big'"),
        (frame.assign(size=np.inf), "Column 'size' has infinite values"),
        (frame.assign(size=pd.Timestamp("2020-01-01")), "'size' is of type datetime64"),
        (frame.assign(color=pd.Timestamp("2020-01-01")), "'color' is of type datetime64"),
        (frame.assign(color=[(1, 2)] * len(y)), "'color' holds tuple objects"),
        (frame[["color", "size", "weight", "shape", "new"]], "feature names should match"),
        (frame[["size", "color"]], "feature names should match"),
    ):
        for call in (clf.predict, lambda X: clf.partial_fit(X, y)):
            with pytest.raises(ValueError, match=message):
                call(changed)
    for changed, message in (
        (frame.assign(sold=pd.Timestamp("2020-01-01")), "'sold' is of type datetime64.*year"),
        (frame.assign(color=[(1, 2)] * len(y)), r"'color' is one of numbers, and holds \(1, 2"),
        (frame.assign(size=np.inf), "Column 'size' has infinite values"),
        (
            frame[["new"]].assign(sold=pd.Timestamp("2020-01-01")),
            "'sold' is of type datetime64",
        ),
    ):
        with pytest.raises((TypeError, ValueError), match=message):
            clf.fit(changed, y)
    assert pickle.dumps(clf) == before
    with pytest.raises(ValueError, match="sparse X"):
        CLF(categorical_features=[0]).fit(sparse.csr_matrix(np.eye(3)), [0, 1, 0])
    numbers = CLF(**QUICK, categorical_features=[0]).fit(
        np.array([[1.0], [2.0]] * 5), [0, 1] * 5
    )
    with pytest.raises(ValueError, match="holds text, such as 'a'.*were 1, 2: convert"):
        numbers.predict(np.array([["a"]], dtype=object))
    with pytest.raises(ValueError, match=r"X is sparse.*categories in the columns \[0\]"):
        numbers.predict(sparse.csr_matrix(np.eye(1)))
    with pytest.raises(ValueError, match="Expected 2D array, got 1D"):
        numbers.predict([1.0])
    for cell in (np.inf, 2**53 + 1, 10**400):
        cells = np.array([[cell], [1]] * 5, dtype=object)
        with pytest.raises(ValueError, match=r"Column 0 holds (int|float) objects.*astype"):
            CLF(**QUICK, categorical_features=[0]).fit(cells, [0, 1] * 5)
    with pytest.raises(ValueError, match="'numeric_encoding'.*sparse X"):
        CLF(numeric_encoding="piecewise_linear").fit(sparse.csr_matrix(np.eye(3)), [0, 1, 0])
    nan_in_sparse = sparse.csr_matrix(np.array([[np.nan, 1.0], [0.0, 1.0]]))
    with pytest.raises(ValueError, match="NaN"):
        CLF(**QUICK).fit(nan_in_sparse, [0, 1])


@BOTH
def test_their_own_tests_of_hist_gradient_boosting(kind):
    """Those that look into nothing private, with our estimator in the place of theirs."""
    theirs = importlib.import_module(
        "sklearn.ensemble._hist_gradient_boosting.tests.test_gradient_boosting"
    )
    theirs.test_categorical_spec_errors_with_feature_names(partial(kind, **QUICK))
    for chosen in ([False, False], []):
        for as_array in (True, False):
            theirs.test_categorical_spec_no_categories(partial(kind, **QUICK), chosen, as_array)


# ---- Beside everything else ----


def test_importances_are_of_columns(tmp_path):
    frame, _ = mixed(200)
    y = (frame["color"] == "red").astype(int).to_numpy()
    clf = CLF(random_state=0).fit(frame, y)
    shares = clf.feature_importances_
    assert shares.shape == (5,)
    assert shares.sum() == pytest.approx(1)
    assert shares.argmax() == 1
    by_permutation = permutation_importance(clf, frame, y, random_state=0).importances_mean
    assert by_permutation.argmax() == 1
    grid = partial_dependence(clf, frame, ["size"], categorical_features=["color"])
    assert np.isfinite(grid["average"]).all()


def test_a_look_inside_shows_the_inputs():
    frame, y = mixed()
    clf = CLF(**QUICK, numeric_encoding="piecewise_linear").fit(frame, y)
    row = frame.iloc[[7]]
    names = clf.get_feature_names_out().tolist()
    for x in (row, row.iloc[0], row.iloc[0].tolist()):
        step = explain_step(clf, x, 1)
        np.testing.assert_allclose(step.prediction, clf.predict_proba(row)[0, 1:])
        assert step.layers[0].sources == names
    display = NetworkDisplay.from_estimator(clf, x=row, max_neurons=100)
    assert display.names[0] == names
    named = NetworkDisplay.from_estimator(clf, feature_names=list("abcde"))
    assert named.names[0][:3] == ["a", "c", "e"]
    pyplot.close("all")
    for importance in (garson_importance, olden_importance):
        assert importance(clf).shape == (5,)
    assert garson_importance(clf).sum() == pytest.approx(1)
    shown = WeightImportanceDisplay.from_estimator(clf)
    assert len(shown.importances) == 5
    pyplot.close("all")
    with pytest.raises(ValueError, match="could not convert"):
        lek_profile(clf, frame)
    with pytest.raises(ValueError, match="5 entries, one per column. Got 2"):
        explain_step(clf, [1.0, "red"], 1)


@pytest.mark.parametrize("encoding", ["none", "piecewise_linear"])
def test_onnx_takes_the_columns(encoding):
    frame, y = mixed()

    def run(model, columns):
        return onnxruntime.InferenceSession(model.SerializeToString()).run(None, columns)

    for kind in (CLF, REG):
        fitted = kind(**QUICK, numeric_encoding=encoding).fit(frame, y)
        text = frame[["color", "shape"]].astype(object).fillna("")
        text.loc[3, "color"] = "unseen"
        numbers = frame[["size", "weight"]]
        columns = {
            name: cells[[name]].to_numpy() for cells in (numbers, text) for name in cells
        }
        found = run(export.to_onnx(fitted, frame), columns | {"new": frame[["new"]].to_numpy()})
        expected = answers(fitted, frame.assign(color=text["color"].replace("", None)))
        np.testing.assert_allclose(found[-1].reshape(expected.shape), expected, rtol=1e-12)
    X = np.column_stack([numbers, np.arange(61) % 4])
    for dtype, rtol in ((np.float64, 1e-12), (np.float32, 1e-5)):
        reg = REG(**QUICK, numeric_encoding=encoding, categorical_features=[2])
        reg.fit(X.astype(dtype), y)
        X_new = np.vstack([X, [[np.nan, np.nan, 77.0], [1e9, -1e9, np.nan]]]).astype(dtype)
        found = run(export.to_onnx(reg, X.astype(dtype)), {"X": X_new})[0].ravel()
        np.testing.assert_allclose(found, reg.predict(X_new), rtol=rtol)
    both = REG(**QUICK).fit(pd.DataFrame({"a": ["x", 1, "x", 1]}, dtype=object), [0, 1, 0, 1])
    with pytest.raises(ValueError, match="all of them are text, or numbers"):
        export.to_onnx(both, pd.DataFrame({"a": ["x", "y"]}))


@pytest.mark.parametrize("dtype", ["int64", "Int64", "category", "bool", "float64"])
def test_onnx_takes_categories_that_are_numbers(dtype):
    frame = pd.DataFrame({"k": np.arange(30) % 2, "x": np.arange(30.0)}).astype({"k": dtype})
    clf = CLF(**QUICK, categorical_features=["k"]).fit(frame, np.arange(30) % 3 > 0)
    export.to_onnx(clf, frame)  # which compares predictions


def test_names_of_inputs_are_unique():
    frame = pd.DataFrame({"c": [1, "1", "missing", None] * 5}, dtype=object)
    names = CLF(**QUICK).fit(frame, np.arange(20) % 2).get_feature_names_out().tolist()
    assert names == ["c_1", "c_1_", "c_missing", "c_missing_"]


def test_what_cannot_carry_an_encoding_refuses_it():
    frame, y = mixed()
    clf = CLF(**QUICK).fit(frame, y)
    with pytest.raises(ValueError, match="trained with categories and missing values"):
        export.to_sklearn(clf)
    assert export.category_codes(clf) == {
        "color": {"blue": 0, "green": 1, "rare": 2, "red": 3},
        "shape": {"round": 0, "square": 1},
    }
    assert export.category_codes(CLF(**QUICK).fit(np.eye(4), [0, 1, 0, 1])) == {}
    numbers = frame[["size", "weight"]]
    scaled = make_pipeline(StandardScaler(), CLF(**QUICK)).fit(numbers, y)
    with pytest.raises(ValueError, match="Leave the scaler out"):
        export.to_c(scaled)


def test_in_searches_and_pipelines():
    frame, y = mixed(90)
    search = GridSearchCV(
        make_pipeline(CLF(**QUICK)),
        {"backpropclassifier__numeric_encoding": ["none", "piecewise_linear"]},
        cv=3,
    )
    assert np.isfinite(search.fit(frame, y).best_score_)
    stopped = CLF(**QUICK, early_stopping=True, scoring="accuracy").fit(frame, y)
    assert len(stopped.validation_scores_) == stopped.n_iter_
    watched = CLF(**QUICK).fit(frame, y, X_val=frame[:9], y_val=y[:9])
    assert np.isfinite(watched.validation_loss_curve_).all()


@BOTH
@pytest.mark.parametrize("encoding", ["none", "piecewise_linear"])
def test_files_and_pickles_resume_to_the_same_bits(kind, encoding, tmp_path):
    frame, y = mixed()
    fitted = kind(**QUICK, numeric_encoding=encoding).fit(frame, y)
    persistence.save(fitted, tmp_path / "m.skbp")
    loaded = [persistence.load(tmp_path / "m.skbp"), pickle.loads(pickle.dumps(fitted))]
    expected = answers(fitted, frame)
    fitted.partial_fit(frame, y)
    for other in loaded:
        np.testing.assert_array_equal(answers(other, frame), expected)
        assert other.get_feature_names_out().tolist() == fitted.get_feature_names_out().tolist()
        other.partial_fit(frame, y)
        np.testing.assert_array_equal(other.coefs_[0], fitted.coefs_[0])


def test_skops_files_need_no_more_trust(tmp_path):
    import skops.io

    frame, y = mixed()
    clf = CLF(**QUICK).fit(frame, y)
    skops.io.dump(clf, tmp_path / "m.skops")
    loaded = skops.io.load(tmp_path / "m.skops", trusted=persistence.TRUSTED_TYPES)
    np.testing.assert_array_equal(loaded.predict_proba(frame), clf.predict_proba(frame))


def change(plain, *path, to):
    """Change one value of a plain state, in place."""
    *path, last = path
    for key in path:
        plain = plain[key]
    plain[last] = to


@pytest.mark.parametrize(
    ("path", "to", "message"),
    [
        (["n_features"], 6, "numeric columns"),
        (["n_features"], 2**60, "n_features must be"),
        (["n_features"], 2**50, "numeric columns"),
        (["medians"], np.zeros(2), "numeric columns"),
        (["medians"], np.array([np.inf, 0, np.nan]), "infinite"),
        (["medians"], np.full(3, np.nan), "has_indicator"),
        (["has_indicator"], np.ones(3), "has_indicator"),
        (["bins"], [np.zeros(1)] * 3, "bins"),
        (["bins"], [np.array([1.0, 0.0])] * 3, "bins"),
        (["bins"], [np.array([0.0, 1.0, 2.0])] * 3, "must be for"),
        (["categories"], [], "numeric columns"),
        (["categories", 0, "column"], 9, "columns below 5"),
        (["categories", 0, "column"], 3, "columns below 5"),
        (["categories", 0, "texts"], ["b", "a", "c", "d"], "ascending"),
        (["categories", 0, "texts"], ["a"], "input of each level"),
        (["categories", 0, "texts"], [1, 2, 3, 4], "texts"),
        (["categories", 0, "numbers"], np.array([np.nan]), "finite"),
        (["categories", 0, "inputs"], np.array([0, 1, 2, 3, 4, 99]), "input of each level"),
        (["categories", 0, "inputs"], np.array([-2, 0, 1, 2, 3, 4]), "input of each level"),
        (["categories", 0, "inputs"], np.array([0, 0, 1, 2, 3, 3]), "must be for"),
    ],
)  # fmt: skip
def test_forged_encodings_are_refused(path, to, message):
    frame, y = mixed()
    state = copy.deepcopy(CLF(**QUICK).fit(frame, y).__getstate__())
    change(state["_fitted_state"]["_input_encoder"], *path, to=to)
    with pytest.raises(ValueError, match=message):
        CLF().__setstate__(state)


# ---- Any frame ----


CELLS = {
    "float": st.one_of(st.none(), st.floats(-1e6, 1e6, width=32)),
    "int": st.one_of(st.none(), st.integers(-9, 9)),
    "text": st.one_of(st.none(), st.sampled_from(["a", "b", "", "A b", "ü", "1", "nan"])),
    "mixed": st.one_of(
        st.none(), st.sampled_from(["a", "b"]), st.integers(0, 2), st.booleans()
    ),
    "missing": st.none(),
    "constant": st.just("same"),
}


@st.composite
def frames(draw):
    """A frame of any columns, and another of the same ones with other cells."""
    kinds = draw(st.lists(st.sampled_from(sorted(CELLS)), min_size=1, max_size=4))
    n_train, n_test = draw(st.integers(2, 12)), draw(st.integers(1, 4))
    columns = {
        f"{k}": draw(
            st.lists(CELLS[kind], min_size=n_train + n_test, max_size=n_train + n_test)
        )
        for k, kind in enumerate(kinds)
    }
    frame = pd.DataFrame(
        {name: pd.Series(cells, dtype=object) for name, cells in columns.items()}
    )
    for name, kind in zip(columns, kinds, strict=True):
        if kind in ("float", "int"):
            frame[name] = frame[name].astype(float)
        elif kind == "text" and draw(st.booleans()):
            frame[name] = frame[name].astype("category")
    return frame.iloc[:n_train], frame.iloc[n_train:]


@campaign(400)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@given(frames(), st.sampled_from(["none", "piecewise_linear"]), st.booleans())
def test_any_frame(both, encoding, standardize):
    """No crash, no number that is not finite; and inputs that a plain loop finds as well."""
    train, test = both
    y = np.arange(len(train)) % 2
    clf = CLF((3,), max_iter=2, tol=None, random_state=0, numeric_encoding=encoding,
              standardize=standardize)  # fmt: skip
    clf.fit(train, y)
    try:
        found = clf.predict_proba(test)
    except ValueError as error:
        told = ("holds numbers", "holds text", "is one of numbers")
        assert any(words in str(error) for words in told)
        return
    assert np.isfinite(found).all()
    inputs = clf._encode_inputs(as_numbers(test, clf._input_encoder.levels), clf._scaling)
    expected = [encoded_by_hand(clf, train, row) for _, row in test.iterrows()]
    np.testing.assert_allclose(dense(inputs), expected)
    single = np.concatenate([clf.predict_proba(test.iloc[[k]]) for k in range(len(test))])
    np.testing.assert_allclose(single, found)


def is_missing(cell):
    return cell is None or cell != cell


def encoded_by_hand(clf, train, row):
    """The inputs of one row of a frame, found by a plain loop over its names."""
    by_name = {}
    levels = {one.levels.column: one for one in clf._input_encoder.categories}
    for k, name in enumerate(train.columns):
        cell, cells = row[name], train[name]
        if k in levels:
            present = [c for c in cells if not is_missing(c)]
            frequent = [c for c in present if present.count(c) > 1]
            key = f"{name}_{cell}" if not is_missing(cell) else f"{name}_missing"
            if isinstance(cell, (bool, np.bool_)):
                key = f"{name}_{int(cell)}"
            by_name[key] = 1.0
            is_own = cell in frequent or (is_missing(cell) and len(cells) - len(present) > 1)
            if not is_own:
                by_name = {n: v for n, v in by_name.items() if n != key}
                by_name[f"{name}_infrequent"] = 1.0
            if levels[k].n_inputs == 1:  # a constant
                names = [n for n in clf.get_feature_names_out() if n.startswith(f"{name}_")]
                by_name[names[0]] = 1.0
            continue
        present = sorted(float(c) for c in cells if not is_missing(c))
        if is_missing(cell):
            by_name[f"missingindicator_{name}"] = 1.0
            cell = present[(len(present) - 1) // 2] if present else 0.0
            if len(present) == len(cells) and clf.standardize:
                place = list(clf.get_feature_names_out()).index(name)
                cell = clf._scaling.inputs.mean[place]
        by_name[name] = float(cell)
        ends = clf._input_encoder.bins[list(clf._input_encoder.numeric).index(k)]
        for b, (low, high) in enumerate(pairwise(ends)):
            by_name[f"{name}_bin{b}"] = min(max((float(cell) - low) / (high - low), 0.0), 1.0)
    return [by_name.get(name, 0.0) for name in clf.get_feature_names_out()]
