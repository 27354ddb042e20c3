"""Values of parameters: subclasses and NumPy's scalars count as what they are."""

import pickle
import re
from enum import Enum, IntEnum

import matplotlib as mpl
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.callbacks import EarlyStopping, WeightRecorder
from skbackprop.export import to_c, to_sklearn
from skbackprop.inspection import (
    NetworkDisplay,
    WeightImportanceDisplay,
    WeightsDisplay,
    explain_step,
    lek_profile,
    olden_importance,
)
from skbackprop.persistence import load, save

mpl.use("Agg")


class Name(str):
    """A str as other packages make them."""


class Whole(int):
    """An int of another class."""


class Share(float):
    """A float of another class."""


def with_numpy(value):
    """NumPy's scalar for a plain value; a float that float32 holds becomes one."""
    if isinstance(value, bool):
        return np.bool_(value)
    if isinstance(value, str):
        return np.str_(value)
    if isinstance(value, int):
        return np.uint8(value) if value < 256 else np.int64(value)
    return np.float32(value) if float(np.float32(value)) == value else np.float64(value)


def with_enum(value):
    """A member of an enumeration; floats have none."""
    if isinstance(value, str):
        return Enum("Names", {"MEMBER": value}, type=str).MEMBER
    if isinstance(value, int) and not isinstance(value, bool):
        return IntEnum("Numbers", {"MEMBER": value}).MEMBER
    return value


def with_subclass(value):
    for kind, subclass in ((str, Name), (int, Whole), (float, Share)):
        if isinstance(value, kind) and not isinstance(value, bool):
            return subclass(value)
    return value


def convert(value, kind):
    if isinstance(value, tuple):
        return tuple(convert(item, kind) for item in value)
    return value if value is None else kind(value)


SETTINGS = {
    "hidden_layer_sizes": (6, 4), "activation": ("sigmoid", "logistic"), "alpha": 0.25,
    "max_iter": 250, "tol": 2.0**-10, "n_iter_no_change": 3, "momentum": 0.5,
    "learning_rate": "constant", "learning_rate_init": 2.0**-6, "random_state": 7,
}  # fmt: skip
BY_SOLVER = {
    "sgd": {"dropout": (0.25, 0.0), "max_norm": 4.0, "batch_size": 20},
    "adam": {"weight_decay": 0.125, "l1": 0.25, "batch_size": 20},
    "amsgrad": {"beta_1": 0.75, "epsilon": 2.0**-20, "batch_size": 20},
    "rmsprop": {"learning_rate": "cosine", "dropout": 0.25, "tol": "auto", "max_iter": 20},
    "rprop": {},
    "lbfgs": {"max_fun": 40},
    "lm": {"loss": "squared_error", "standardize": True},
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("kind", [with_numpy, with_enum, with_subclass])
@pytest.mark.parametrize("solver", BY_SOLVER)
def test_parameters_of_other_classes_train_alike(kind, solver, wheat, tmp_path):
    X, y = wheat
    plain = BackpropClassifier(solver=solver, **SETTINGS | BY_SOLVER[solver])
    parameters = {name: convert(value, kind) for name, value in plain.get_params().items()}
    clf = clone(BackpropClassifier(**parameters)).fit(X, y)
    plain.fit(X, y)
    assert clf.engine_ == plain.engine_
    assert clf.loss_curve_ == plain.loss_curve_
    for ours, theirs in zip(clf.coefs_, plain.coefs_, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    save(clf, tmp_path / "other.skbp")
    again = load(tmp_path / "other.skbp")
    assert again.get_params() == plain.get_params()
    assert again.predict(X).tolist() == plain.predict(X).tolist()
    assert to_c(clf) == to_c(plain)
    if solver != "lm":  # an MLP has no squared error for classes
        assert to_sklearn(clf).predict(X).tolist() == plain.predict(X).tolist()
    if kind is not with_enum:  # these are made inside of a function
        assert pickle.loads(pickle.dumps(clf)).loss_ == plain.loss_
    assert "BackpropClassifier(" in repr(clf)
    assert clf._repr_html_()


@pytest.mark.parametrize("kind", [with_numpy, with_enum, with_subclass])
@pytest.mark.parametrize(
    "settings",
    [
        {"loss": "quantile", "quantile": (0.25, 0.75)},
        {"loss": "quantile", "quantile": 0.5},
        {"loss": "poisson", "output_activation": "exp"},
        {"loss": "huber", "output_activation": "sigmoid", "weight_init": "nguyen_widrow"},
        {"early_stopping": True, "scoring": "r2", "validation_fraction": 0.25},
    ],
)
def test_parameters_of_other_classes_in_regression(kind, settings, wheat, tmp_path):
    X, y = wheat[0][:, 1:], wheat[0][:, 0]
    common = {"hidden_layer_sizes": 3, "activation": "tanh", "max_iter": 5, "random_state": 0}
    plain = BackpropRegressor(**common, **settings)
    parameters = {name: convert(value, kind) for name, value in plain.get_params().items()}
    reg = BackpropRegressor(**parameters).fit(X, y)
    np.testing.assert_array_equal(reg.predict(X), plain.fit(X, y).predict(X))
    save(reg, tmp_path / "other.skbp")
    loaded = load(tmp_path / "other.skbp")
    np.testing.assert_array_equal(loaded.predict(X), plain.predict(X))
    loaded.partial_fit(X, y) if not settings.get("early_stopping") else None
    assert (reg.engine_, reg.out_activation_) == (plain.engine_, plain.out_activation_)


def test_grid_search_over_numpy_arrays(wheat):
    grid = {
        "activation": np.array(["tanh", "relu"]),
        "solver": np.array(["sgd", "adam"]),
        "alpha": np.logspace(-3, 0, 2, dtype=np.float32),
        "batch_size": np.array([10, 20]),
        "early_stopping": np.array([False, True]),
    }
    clf = BackpropClassifier((4,), max_iter=2, random_state=0)
    search = GridSearchCV(clf, grid, cv=2).fit(*wheat)
    assert len(search.cv_results_["params"]) == 32
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_params_["solver"] in ("sgd", "adam")


def test_arrays_hold_a_value_per_layer(wheat):
    given = {
        "hidden_layer_sizes": np.array([5, 3]), "activation": np.array(["tanh", "relu"]),
        "dropout": np.array([0.25, 0.0], dtype=np.float32), "max_iter": 2, "random_state": 0,
    }  # fmt: skip
    as_lists = {
        name: getattr(value, "tolist", lambda v=value: v)() for name, value in given.items()
    }
    clf, plain = (BackpropClassifier(**each).fit(*wheat) for each in (given, as_lists))
    np.testing.assert_array_equal(clf.coefs_[0], plain.coefs_[0])


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("alpha", True), ("batch_size", True), ("max_iter", np.True_), ("tol", False),
        ("n_iter_no_change", True), ("hidden_layer_sizes", True), ("momentum", np.False_),
        ("max_restarts", True), ("dropout", False), ("quantile", True), ("standardize", 1),
        ("shuffle", np.int64(0)), ("activation", True), ("clip_norm", True),
        ("activation", np.array("tanh")), ("dropout", np.array(0.5)), ("loss", b"quantile"),
        ("hidden_layer_sizes", np.array(5)), ("max_fun", np.float64(10)), ("l1", np.nan),
    ],
)  # fmt: skip
def test_values_that_only_look_alike_are_refused(name, value):
    reg = BackpropRegressor(**{name: value})
    with pytest.raises(
        ValueError, match=f"The {name!r} parameter of BackpropRegressor must be"
    ):
        reg.fit([[0.0], [1.0]], [0.0, 1.0])


def test_options_of_functions_may_be_numpy_scalars(wheat):
    X, y = wheat
    clf = BackpropClassifier((3,), max_iter=2, random_state=0).fit(X, y)
    assert to_c(clf, dtype=np.str_("double"), learn=np.True_, prefix=np.str_("seeds"))
    step = explain_step(clf, X[0], y[0], learning_rate=np.float32(0.5))
    assert step.learning_rate == 0.5
    assert olden_importance(clf, units=np.str_("raw")).shape == (3, 7)


def test_pinball_is_an_alias_of_quantile(wheat):
    X, y = wheat[0][:, 1:], wheat[0][:, 0]
    common = {"quantile": 0.9, "max_iter": 2, "random_state": 0}
    reg, alias = (
        BackpropRegressor((3,), loss=loss, **common).fit(X, y)
        for loss in ("quantile", "pinball")
    )
    np.testing.assert_array_equal(alias.predict(X), reg.predict(X))
    assert alias.engine_ == reg.engine_
    assert "quantile" in alias._repr_html_()
    with pytest.raises(ValueError, match="'huber', 'quantile', 'poisson'.*Got 'pinbal'"):
        BackpropRegressor(loss="pinbal").fit(X, y)


# ---- Integers that functions take ----


@pytest.fixture(scope="module")
def fitted():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(20, 6))
    reg = BackpropRegressor((4, 3), max_iter=2, tol=None, random_state=0)
    return reg.fit(X, X[:, :2]), X


def shaped(fitted, value):
    return WeightsDisplay.from_estimator(fitted[0], image_shape=(value, 3))


TAKE_INTEGERS = {
    "layer": lambda fitted, value: fitted[0].get_activations(fitted[1], value),
    "layer ": lambda fitted, value: WeightsDisplay.from_estimator(fitted[0], layer=value),
    "max_images": lambda fitted, value: WeightsDisplay.from_estimator(
        fitted[0], max_images=value
    ),
    "image_shape": shaped,
    "max_neurons": lambda fitted, value: NetworkDisplay.from_estimator(
        fitted[0], max_neurons=value + 2 if isinstance(value, np.integer) else value
    ),
    "max_features": lambda fitted, value: WeightImportanceDisplay.from_estimator(
        fitted[0], max_features=value
    ),
    "n_clusters": lambda fitted, value: lek_profile(*fitted, n_clusters=value, n_steps=2),
    "n_steps": lambda fitted, value: lek_profile(*fitted, n_steps=value),
    "features": lambda fitted, value: lek_profile(*fitted, features=[value], n_steps=2),
    "output": lambda fitted, value: olden_importance(fitted[0], output=value),
    "patience": lambda fitted, value: EarlyStopping(patience=value),
    "every": lambda fitted, value: WeightRecorder(every=value),
    "max_bytes": lambda fitted, value: load("no file is read", max_bytes=value),
}


@pytest.mark.parametrize("value", [1.0, "1", True, np.True_, np.float64(1), [1], float("nan")])
@pytest.mark.parametrize("name", TAKE_INTEGERS)
def test_integer_arguments_refuse_what_is_no_integer(name, value, fitted):
    with pytest.raises(ValueError, match=rf"{name.strip()}.* Got .*{re.escape(repr(value))}"):
        TAKE_INTEGERS[name](fitted, value)


@pytest.mark.parametrize(
    "name", [name for name in TAKE_INTEGERS if name not in ("n_clusters", "output")]
)
def test_integer_arguments_refuse_none(name, fitted):
    with pytest.raises(ValueError, match=rf"{name.strip()}.* Got .*None"):
        TAKE_INTEGERS[name](fitted, None)


@pytest.mark.parametrize("kind", [np.int64, np.uint8, Whole])
def test_integer_arguments_take_integers_of_other_classes(kind, fitted):
    reg, X = fitted
    np.testing.assert_array_equal(reg.get_activations(X, kind(1)), reg.get_activations(X, 1))
    np.testing.assert_array_equal(
        olden_importance(reg, output=kind(1)), olden_importance(reg, output=1)
    )
    ours, theirs = (lek_profile(reg, X, n_steps=n, random_state=0) for n in (kind(3), 3))
    np.testing.assert_array_equal(ours.responses, theirs.responses)
    assert shaped(fitted, kind(2)).image_shape == (2, 3)
    assert EarlyStopping(patience=kind(3)).patience == 3


def test_output_true_is_not_the_label_one():
    X = np.eye(4)
    clf = BackpropClassifier((2,), max_iter=1, tol=None).fit(X, [0, 1, 2, 1])
    with pytest.raises(ValueError, match=r"one of \[0, 1, 2\]. Got True"):
        olden_importance(clf, output=True)
    clf.fit(X, [False, True, True, False])
    np.testing.assert_array_equal(
        olden_importance(clf, output=True), olden_importance(clf, output=np.True_)
    )
    with pytest.raises(ValueError, match=r"one of \[True\]. Got 1"):
        olden_importance(clf, output=1)
