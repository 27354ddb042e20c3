"""A solver of the user's own: trained with, checked, copied, pickled, resumed and refused."""

import copy
import pickle
import re
from dataclasses import dataclass

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV
from sklearn.utils.estimator_checks import check_estimator

from skbackprop import BackpropClassifier, BackpropRegressor, Solver, check_solver, presets
from skbackprop._engine.solvers import SOLVERS, GradientDescent, get_solver
from skbackprop.export import to_c
from skbackprop.persistence import save

QUICK = {"max_iter": 5, "random_state": 0}


@dataclass(frozen=True)
class AdaGrad(Solver):
    """Duchi, Hazan & Singer, 2011."""

    epsilon: float = 1e-8
    n_slots = 1
    default_learning_rate = 0.1

    def step(self, params, gradient, state, learning_rate, count):
        state[0] += gradient**2
        params -= learning_rate * gradient / (np.sqrt(state[0]) + self.epsilon)


@dataclass(frozen=True)
class PlainDescent(Solver):
    """The package's own "sgd", written by a user."""

    default_learning_rate = 0.03
    default_batch_size = 1

    def step(self, params, gradient, state, learning_rate, count):
        params -= learning_rate * gradient


class WholeDescent(PlainDescent):
    full_batch = True


def same_weights(a, b):
    np.testing.assert_array_equal(a._params, b._params)


@pytest.mark.parametrize(
    "settings",
    [{}, {"batch_size": 7, "learning_rate": "cosine"}, {"alpha": 0.3, "dropout": 0.3},
     {"class_weight": "balanced", "early_stopping": True}],
    ids=["defaults", "batches", "penalties", "early stopping"],
)  # fmt: skip
def test_custom_solver_is_the_built_in_one_of_the_same_step(settings, wheat, monkeypatch):
    monkeypatch.setattr("skbackprop._engine.training.kernel", None)
    settings = QUICK | settings
    custom = BackpropClassifier((5,), solver=PlainDescent(), **settings).fit(*wheat)
    built_in = BackpropClassifier((5,), solver="sgd", **settings).fit(*wheat)
    same_weights(custom, built_in)
    assert custom.history_["loss"] == built_in.history_["loss"]


def test_custom_solver_trains_on_numpy_and_learns(wheat):
    clf = BackpropClassifier((5,), solver=AdaGrad(), random_state=0).fit(*wheat)
    assert clf.engine_ == "numpy"
    assert clf.score(*wheat) > 0.93


def test_custom_solver_declares_what_auto_comes_to(wheat):
    clf = BackpropClassifier((5,), solver=AdaGrad(), **QUICK).fit(*wheat)
    assert clf.history_["learning_rate"][0] == pytest.approx(0.1)
    given = {"learning_rate_init": 0.1, "batch_size": 32}
    same_weights(clf, BackpropClassifier((5,), solver=AdaGrad(), **given, **QUICK).fit(*wheat))
    whole = BackpropClassifier((5,), solver=WholeDescent(), tol=None, **QUICK).fit(*wheat)
    assert whole.history_["learning_rate"] == [0.03] * 5  # constant, and one update an epoch
    assert whole._train_state.counters.updates == 5


def test_custom_solver_resumes_as_if_it_had_never_stopped(wheat):
    settings = {
        "solver": AdaGrad(), "learning_rate": "constant", "alpha": 0.01, "tol": None,
        "random_state": 0,
    }  # fmt: skip
    whole = BackpropClassifier((4,), max_iter=6, **settings).fit(*wheat)
    warm = BackpropClassifier((4,), max_iter=3, warm_start=True, **settings).fit(*wheat)
    for resumed in (pickle.loads(pickle.dumps(warm)), copy.deepcopy(warm), warm):
        same_weights(resumed.fit(*wheat), whole)


def test_custom_solver_learns_in_a_stream(wheat):
    X, y = wheat
    by_rows = BackpropClassifier((4,), solver=AdaGrad(), random_state=0, alpha=0.0)
    for row in range(20):
        by_rows.partial_fit(X[[row]], y[[row]], classes=[1, 2, 3])
    again = clone(by_rows)
    for row in range(20):
        again = pickle.loads(pickle.dumps(again))
        again.partial_fit(X[[row]], y[[row]], classes=[1, 2, 3])
    assert by_rows.t_ == 20
    same_weights(by_rows, again)


def test_another_solver_begins_with_no_memory_of_the_last(wheat):
    clf = BackpropClassifier((4,), solver=AdaGrad(), warm_start=True, **QUICK).fit(*wheat)
    clf.set_params(solver="adam").fit(*wheat)
    assert clf._train_state.solver_state.shape == (2, clf._params.size)


def test_search_over_solvers(wheat):
    grid = {"solver": [AdaGrad(), AdaGrad(1.0), "sgd", PlainDescent()]}
    search = GridSearchCV(BackpropClassifier((4,), **QUICK), grid, cv=2).fit(*wheat)
    scores = search.cv_results_["mean_test_score"]
    assert scores[2] == pytest.approx(scores[3], abs=0.02)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [BackpropClassifier, BackpropRegressor])
def test_check_estimator_with_a_custom_solver(kind):
    check_estimator(kind((20,), solver=AdaGrad(), max_iter=100))


def test_what_cannot_be_written_without_the_class_is_refused(wheat, tmp_path):
    clf = BackpropClassifier((4,), solver=AdaGrad(), **QUICK).fit(*wheat)
    with pytest.raises(TypeError, match="The 'solver' parameter cannot be saved"):
        save(clf, tmp_path / "model")
    assert "net_predict" in to_c(clf)  # predicting needs no solver


@pytest.mark.parametrize(
    ("solver", "message"),
    [
        (AdaGrad, r"Got <class .*AdaGrad'>. Did you mean an object of this class, "
                  r"solver=AdaGrad\(\)\?"),
        ("adagrad", "Got 'adagrad'. Did you mean solver='rmsprop'"),
        (len, "or an object of class Solver. Got <built-in function len>"),
    ],
)  # fmt: skip
def test_what_is_no_solver_is_refused(solver, message, wheat):
    with pytest.raises(ValueError, match=f"The 'solver' parameter .*{message}"):
        BackpropClassifier(solver=solver).fit(*wheat)


def test_a_solver_without_a_step_says_so(wheat):
    class Nothing(Solver):
        pass

    with pytest.raises(NotImplementedError, match="Nothing must define the method 'step'"):
        BackpropClassifier(solver=Nothing(), **QUICK).fit(*wheat)


class Functional(Solver):
    def step(self, params, gradient, state, learning_rate, count):
        return params - learning_rate * gradient


def test_a_step_that_returns_new_parameters_is_refused(wheat):
    with pytest.raises(TypeError, match="The step of Functional must change params in place"):
        BackpropClassifier(solver=Functional(), **QUICK).fit(*wheat)


def test_an_error_in_a_step_leaves_the_estimator_as_it_was(wheat):
    class Late(PlainDescent):
        def step(self, params, gradient, state, learning_rate, count):
            if count > 300:
                raise RuntimeError("late")
            super().step(params, gradient, state, learning_rate, count)

    clf = BackpropClassifier((4,), solver=PlainDescent(), warm_start=True, **QUICK).fit(*wheat)
    before = clf.predict_proba(wheat[0])
    with pytest.raises(RuntimeError, match="late"):
        clf.set_params(solver=Late()).fit(*wheat)
    np.testing.assert_array_equal(clf.predict_proba(wheat[0]), before)
    assert clf.n_iter_ == 5


# ---- The helper ----


@pytest.mark.parametrize("name", [name for name in SOLVERS if not SOLVERS[name].whole_problem])
def test_check_solver_accepts_the_built_in_ones(name):
    params = BackpropClassifier(momentum=0.9).get_params() | {"tol": 0.0}
    check_solver(get_solver(name).from_params(params))
    check_solver(get_solver(name)())


class Rebinds(Solver):
    def step(self, params, gradient, state, learning_rate, count):
        params = params - learning_rate * gradient


class Scribbles(Solver):
    def step(self, params, gradient, state, learning_rate, count):
        gradient *= learning_rate
        params -= gradient


class Remembers(Solver):
    def __init__(self):
        self.velocity = 0.0

    def step(self, params, gradient, state, learning_rate, count):
        self.velocity = 0.9 * self.velocity - learning_rate * gradient
        params += self.velocity


class Climbs(Solver):
    def step(self, params, gradient, state, learning_rate, count):
        params += learning_rate * gradient


class HalfASlot(GradientDescent):
    n_slots = 0.5


class NoRate(GradientDescent):
    default_learning_rate = 0.0


@pytest.mark.parametrize(
    ("solver", "message"),
    [
        (Rebinds(), "Rebinds must change the float64 parameters in place"),
        (Scribbles(), "Scribbles must leave the gradient as it is"),
        (Remembers(), "Remembers must remember nothing but `state`"),
        (Climbs(), "Climbs must make a quadratic function smaller: in 2000 steps"),
        (HalfASlot(), "HalfASlot must have an integer >= 0 as n_slots. Got 0.5"),
        (NoRate(), "NoRate must have a finite number > 0 as default_learning_rate. Got 0.0"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Solver) else "",
)
def test_check_solver_says_what_is_wrong(solver, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        check_solver(solver)


@pytest.mark.parametrize("solver", [HalfASlot(), NoRate()], ids=lambda s: type(s).__name__)
def test_fit_refuses_what_a_solver_cannot_declare(solver, wheat):
    with pytest.raises(ValueError, match=f"{type(solver).__name__} must have"):
        BackpropClassifier(solver=solver, **QUICK).fit(*wheat)


def test_check_solver_takes_objects_only():
    with pytest.raises(TypeError, match="solver must be an object of a subclass of Solver"):
        check_solver(AdaGrad)


def test_names_are_those_of_the_classes_unless_given():
    assert AdaGrad.name == "AdaGrad"
    assert WholeDescent.name == "PlainDescent"
    assert presets.MLP["solver"] in SOLVERS
