"""The fitted state as plain values: in pickles, in skops files, and forged."""

import copy
import io
import json
import pickle
import pickletools
import zipfile
from dataclasses import fields

import joblib
import numpy as np
import pytest
import skops.io
from sklearn import config_context
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from test_persistence import KINDS, QUICK, data, fit, same_value

from skbackprop import Activation, BackpropClassifier, BackpropRegressor, Loss
from skbackprop import _serialization as serialization
from skbackprop._engine.network import Network
from skbackprop._engine.schedules import TrainCounters
from skbackprop._preprocessing.scaling import Scaling, Standardizer
from skbackprop._preprocessing.target_encoding import ClassEncoder
from skbackprop._training.loop import TrainState
from skbackprop.persistence import TRUSTED_TYPES

PLAIN = "_fitted_state"


def restored(model, state):
    """An estimator of the same class from a state, as pickle and skops make it."""
    found = type(model).__new__(type(model))
    found.__setstate__(state)
    return found


def classes_in(pickled):
    """The names of the classes and functions that a pickle calls for."""
    names, strings = set(), []
    for opcode, argument, _ in pickletools.genops(pickled):
        if opcode.name == "GLOBAL":
            names.add(argument.replace(" ", "."))
        elif opcode.name == "STACK_GLOBAL":
            names.add(".".join(strings[-2:]))
        elif isinstance(argument, str):
            strings.append(argument)
    return names


# ---- There and back ----


@pytest.mark.parametrize("kind", KINDS)
def test_pickle_joblib_and_skops_predict_the_same(kind):
    model, (X, _) = fit(kind), data(kind)
    file = io.BytesIO()
    joblib.dump(model, file)
    file.seek(0)
    dumped = skops.io.dumps(model)
    for found in (
        pickle.loads(pickle.dumps(model)),
        joblib.load(file),
        skops.io.loads(dumped, trusted=TRUSTED_TYPES),
    ):
        same_value(found.predict(X), model.predict(X))


SOLVERS = {
    "sgd": {"momentum": 0.9}, "adam": {}, "amsgrad": {}, "rmsprop": {}, "rprop": {},
    "lbfgs": {},
    "early": {"early_stopping": True, "validation_fraction": 0.3},
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:Training stopped")
@pytest.mark.parametrize("solver", SOLVERS)
def test_pickle_and_skops_resume_to_the_bit(solver):
    name = "sgd" if solver == "early" else solver
    model = fit("multiclass", solver=name, warm_start=True, **SOLVERS[solver])
    others = [
        pickle.loads(pickle.dumps(model)),
        copy.deepcopy(model),
        skops.io.loads(skops.io.dumps(model), trusted=TRUSTED_TYPES),
    ]
    X, y = data()
    model.fit(X, y)
    for found in others:
        found.fit(X, y)
        same_value(found._train_state.params, model._train_state.params)
        same_value(found._train_state.solver_state, model._train_state.solver_state)
        same_value(found.coefs_, model.coefs_)


@pytest.mark.parametrize("kind", KINDS)
def test_skops_has_to_trust_the_estimator_only(kind):
    model = fit(kind, random_state=np.random.RandomState(0))
    (name,) = skops.io.get_untrusted_types(data=skops.io.dumps(model))
    assert name == f"{type(model).__module__}.{type(model).__name__}"
    assert name in TRUSTED_TYPES


def test_skops_in_a_pipeline():
    X, y = data("strings")
    pipeline = make_pipeline(MinMaxScaler(), BackpropClassifier(**QUICK)).fit(X, y)
    dumped = skops.io.dumps(pipeline)
    assert set(skops.io.get_untrusted_types(data=dumped)) < set(TRUSTED_TYPES)
    found = skops.io.loads(dumped, trusted=TRUSTED_TYPES)
    same_value(found.predict_proba(X), pipeline.predict_proba(X))


def square(z):
    return z * z


def square_derivative(z):
    return 2 * z


def linear(z):
    return z


def squares(z, o, y):
    return ((o - y) ** 2).sum(axis=1)


def residual(z, o, y):
    return 2 * (o - y)


def test_skops_has_to_trust_functions_of_the_user():
    X, _ = data("regression")
    given = {
        "activation": Activation("square", square, square_derivative, of="input"),
        "loss": Loss("squares", "identity", linear, squares, residual),
    }
    model = fit("regression", **given)
    dumped = skops.io.dumps(model)
    mine = set(skops.io.get_untrusted_types(data=dumped)) - set(TRUSTED_TYPES)
    assert mine == {
        f"{function.__module__}.{function.__name__}"
        for function in (square, square_derivative, linear, squares, residual)
    }
    found = skops.io.loads(dumped, trusted=[*TRUSTED_TYPES, *mine])
    same_value(found.predict(X), model.predict(X))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Activation(1, square, square), "'name' of Activation must be a string. Got 1"),
        (lambda: Activation("a", None, square), "'value' of Activation must be callable"),
        (lambda: Activation("a", square, "x"), "'derivative' of Activation must be callable"),
        (
            lambda: Activation("a", square, square, of="z"),
            "must be 'output' or 'input'",
        ),
        (
            lambda: Loss("a", None, linear, squares, residual),
            "'output_activation' of Loss",
        ),
        (
            lambda: Loss("a", "identity", linear, squares, 3),
            "'gradient' of Loss must be",
        ),
    ],
)
def test_functions_of_the_user_are_checked(make, message):
    """Also those that a forged file gives, which come through the constructor."""
    with pytest.raises((TypeError, ValueError), match=message):
        make()


def test_functions_of_the_user_are_pickled_through_their_constructor():
    loss = Loss("squares", "identity", linear, squares, residual)
    activation = Activation("square", square, square_derivative, of="input")
    for made in (loss, activation):
        assert made.__reduce__()[0] is type(made)
        assert pickle.loads(pickle.dumps(made)) == made


@pytest.mark.parametrize("kind", KINDS)
def test_pickle_names_no_internal_class(kind):
    model = fit(kind, solver="adam", standardize=True, early_stopping=kind == "binary")
    named = {name for name in classes_in(pickle.dumps(model)) if "skbackprop" in name}
    assert named == {f"{type(model).__module__}.{type(model).__name__}"}


def test_state_shares_memory_as_training_left_it():
    """What predicts is what training goes on from, unless the best was kept."""
    same = fit("multiclass")
    early = fit("multiclass", early_stopping=True, max_iter=30, learning_rate_init=0.1)
    assert early._train_state.best is not early._train_state.params
    for model in (same, early):
        for found in (
            pickle.loads(pickle.dumps(model)),
            copy.deepcopy(model),
            copy.copy(model),
        ):
            train_state = found._train_state
            assert found._params is train_state.best
            assert (train_state.best is train_state.params) == (model is same)
    assert copy.deepcopy(same)._params is not same._params
    assert copy.copy(same)._params is same._params


def test_copy_in_the_middle_of_fit_is_shallow():
    """Callbacks copy estimators whose new classes do not fit the old network yet."""
    model = fit("multiclass")
    model._target_encoder = ClassEncoder.learn(np.arange(5))
    assert copy.copy(model)._network is model._network


def test_refit_forgets_class_totals_of_other_data():
    model, (X, y) = fit("multiclass", class_weight="balanced"), data("strings")
    found = pickle.loads(pickle.dumps(model.set_params(class_weight=None).fit(X, y)))
    assert not hasattr(found, "_class_totals")


def test_state_of_an_unfitted_estimator_is_its_parameters():
    model = BackpropRegressor(alpha=-1.0)  # refused by fit, and not before
    assert model.__getstate__() == model.get_params()
    assert pickle.loads(pickle.dumps(model)).get_params() == model.get_params()


class Extended(BackpropClassifier):
    """A user's subclass, with attributes of its own."""

    threshold = 0.5

    def fit(self, X, y):
        self.threshold = 0.7
        self.seen_ = X.shape
        return super().fit(X, y)


def test_pickle_while_another_thread_trains():
    """Which has noted a row in some of the columns, and not yet in the others."""
    model = fit("multiclass")
    for name in ("epoch", "loss"):
        model.history_[name].append(3)
    found = pickle.loads(pickle.dumps(model))
    assert found.history_["epoch"] == [0, 1, 2]
    assert {len(column) for column in found.history_.values()} == {3}
    assert len(model.history_["loss"]) == 4


def test_subclass_keeps_its_own_attributes():
    X, y = data()
    found = pickle.loads(pickle.dumps(Extended(**QUICK).fit(X, y)))
    assert (found.threshold, found.seen_) == (0.7, X.shape)
    assert found.predict(X).shape == y.shape


def test_pickle_keeps_what_scikit_learn_set():
    model = fit("multiclass")
    with config_context(enable_metadata_routing=True):
        model.set_fit_request(sample_weight=True)
        routing = pickle.loads(pickle.dumps(model)).get_metadata_routing()
    assert routing.fit.requests["sample_weight"] is True


def test_pickle_of_an_older_version_lacks_later_parameters():
    model = fit("multiclass", class_weight="balanced")
    state = model.__getstate__()
    del state["class_weight"], state["tol"]
    found = restored(model, state)
    assert (found.class_weight, found.tol) == (None, "auto")
    assert set(found.get_params()) == set(model.get_params())


def test_estimator_that_has_met_its_targets_is_sent():
    """As to the workers of a cluster, before anything is trained."""
    X, y = data("strings")
    model = BackpropClassifier()
    model._target_encoder, model.n_features_in_ = ClassEncoder.learn(y), X.shape[1]
    found = pickle.loads(pickle.dumps(model))
    same_value(found._target_encoder, model._target_encoder)
    assert not hasattr(found, "_params")


def test_memory_mapped_pickle_predicts_and_trains(tmp_path):
    model, (X, y) = fit("multiclass", warm_start=True), data()
    joblib.dump(model, tmp_path / "model")
    found = joblib.load(tmp_path / "model", mmap_mode="r")
    same_value(found.predict_proba(X), model.predict_proba(X))
    same_value(found.partial_fit(X, y).coefs_, model.partial_fit(X, y).coefs_)
    same_value(found.partial_fit(X[:1], y[:1]).coefs_, model.partial_fit(X[:1], y[:1]).coefs_)


def test_random_state_of_another_kind_is_not_saved():
    other = np.random.RandomState(np.random.PCG64(0))
    with pytest.raises(TypeError, match="only the bit generator MT19937 is kept. Got PCG64"):
        serialization.random_state_to_plain(other)


# ---- The tables know every field ----


def test_every_attribute_is_in_the_plain_form():
    for model in (fit("multiclass", class_weight="balanced"), fit("regression")):
        left = set(vars(model)) - set(model.get_params()) - {"_predictor", "_class_totals"}
        assert left <= set(serialization.FITTED)
        plain = model.__getstate__()[PLAIN]
        assert set(plain) >= left - {"_params"}


@pytest.mark.parametrize(
    ("record", "rules"),
    [
        (Network, "_NETWORK"), (Scaling, "_SCALING"), (Standardizer, "_STANDARDIZER"),
        (TrainState, "_TRAIN_STATE"), (TrainCounters, "_COUNTERS"), (ClassEncoder, "_LABELS"),
    ],
)  # fmt: skip
def test_every_field_has_a_rule(record, rules):
    assert {field.name for field in fields(record)} == set(getattr(serialization, rules))


# ---- Forged states ----


def put(tree, place, value):
    """Change one value of a nested state; None as the value of a deletion is `DELETED`."""
    *path, last = place
    for name in path:
        tree = tree[name]
    if value is DELETED:
        del tree[last]
    else:
        tree[last] = value


def scaler(n):
    return {"mean": np.zeros(n), "scale": np.ones(n), "limits": None}


def totals(classes, weights):
    return {"classes": np.array(classes, dtype=np.int64), "totals": np.array(weights)}


DELETED = object()
ZEROS = np.zeros(624, dtype=np.uint32)
P = ("_train_state", "counters")
NUMBERS = {"kind": "numeric", "n_targets": 1, "is_flat": True}
CLASSES = {"kind": "single", "classes": np.arange(2)}
FORGED = [
    # A Network that says where its weights are: the kernel would read there.
    (("_network", "weight_offsets"), np.array([0, 10**6]), r"network lacks or adds \['w"),
    (("_network",), Network((3, 4, 3), ("relu",), "log_loss", "softmax"), "network must be"),
    (("_network", "layer_sizes"), (3,), "network.layer_sizes must be a sequence of 2 or more"),
    (("_network", "layer_sizes"), (3, -4, 3), "network.layer_sizes must be .*an integer >= 1"),
    (("_network", "layer_sizes"), (3, 2**60, 3), "network.layer_sizes must be"),
    (("_network", "layer_sizes"), (3, 2**40, 3), "train_state.params must be for"),
    (("_network", "layer_sizes"), (3, 4.0, 3), "network.layer_sizes must be"),
    (("_network", "layer_sizes"), (3, 5, 3), "train_state.params must be for 38. Got 31"),
    (("_network", "activations"), ("relu", "relu"), "must be 1, one per hidden layer. Got 2"),
    (("_network", "activations"), ("exp",), "network.activations must be"),
    (("_network", "activations"), "relu", "network.activations must be"),
    (("_network", "loss"), "poisson", "network.output_activation must be 'exp'"),
    (("_network", "loss"), "popen", "network.loss must be one of"),
    (("_network", "output_activation"), "logistic", "do not fit single labels"),
    (("_network", "output_activation"), "relu", "network.output_activation must be one of"),
    (("_network", "loss_options"), (2, 1), "do not fit single labels"),
    (("_network", "loss_options"), (1, 1), "network.loss_options do not fit"),
    (("_train_state", "params"), np.zeros(30), "train_state.solver_state must be of shape"),
    (("_train_state", "params"), np.zeros(31, dtype=int),
     "train_state.params must be an array"),
    (("_train_state", "params"), np.zeros((31, 1)), "train_state.params must be an array"),
    (("_train_state", "params"), [0.0] * 31, "train_state.params must be an array"),
    (("_train_state", "params"), np.full(31, np.nan), "train_state.params must be finite"),
    (("_train_state", "best"), np.zeros(30), r"train_state.best must be of shape \(31,\)"),
    (("_train_state", "best"), np.zeros(31, np.float32),
     "train_state.best must be .* dtype float64"),
    (("_train_state", "solver_state"), np.zeros((1, 31)),
     r"train_state.solver_state must be of shape \(2, 31\)"),
    (("_train_state", "solver_state"), np.zeros((2, 30)),
     r"train_state.solver_state must be of shape \(2, 31\)"),
    (("_train_state", "solver", "name"), "Popen", "train_state.solver.name must be one of"),
    (("_train_state", "solver", "beta_1"), -1.0, "train_state.solver.beta_1 must be"),
    (("_train_state", "solver", "beta_3"), 0.5,
     r"train_state.solver lacks or adds \['beta_3'\]"),
    (("_train_state", "rng", "key"), ZEROS, "train_state.rng.key must be .* not all 0"),
    (("_train_state", "rng", "key"), ZEROS[1:], "train_state.rng.key must be the 624 numbers"),
    (("_train_state", "rng", "pos"), 625,
     "train_state.rng.pos must be an integer >= 0 and <= 624"),
    (("_train_state", "rng", "pos"), -1, "train_state.rng.pos must be"),
    (("_train_state", "rng", "gauss"), np.nan, "train_state.rng.gauss must be"),
    (("_train_state", "rng"), np.random.RandomState(0), "train_state.rng must be a dict"),
    ((*P, "epochs"), 2**63 - 1, "train_state.counters.epochs must be an integer >= 0 and <="),
    ((*P, "samples"), 2**63 - 1, "train_state.counters.samples must be"),
    ((*P, "updates"), -1, "train_state.counters.updates must be"),
    ((*P, "updates"), 1.0, "train_state.counters.updates must be"),
    ((*P, "n_restarts"), True, "train_state.counters.n_restarts must be"),
    ((*P, "seed"), 2**31, "train_state.counters.seed must be"),
    ((*P, "loss"), None, "train_state.counters.loss must be a number"),
    ((*P, "monitor"), "weather", "train_state.counters.monitor must be one of"),
    ((*P, "solver_start_epoch"), 4,
     "train_state.counters.solver_start_epoch must be <= 3. Got 4"),
    ((*P, "step_control"), np.inf, "train_state.counters.step_control must be"),
    ((*P, "step_control"), DELETED, r"train_state.counters lacks or adds \['step_control'\]"),
    (("_scaling", "inputs", "scale"), np.zeros(3), "scaling.inputs.scale must be > 0"),
    (("_scaling", "inputs", "mean"), np.zeros(4), "must be of one length"),
    (("_scaling", "inputs"), scaler(4), "scaling.inputs must be for 3. Got 4"),
    (("_scaling", "inputs", "limits"), np.zeros((2, 4)), "limits must be the smallest and la"),
    (("_scaling", "inputs", "limits"), np.full((2, 3), np.nan), "limits must be the smallest"),
    (("_scaling", "inputs", "limits"), [[0.0] * 3] * 2, "limits must be None or an array"),
    (("_scaling", "targets"), scaler(3), "scaling.targets must be None for classes"),
    (("_scaling", "log_link"), 1, "scaling.log_link must be True or False"),
    (("history_", "loss"), DELETED, "history_ must have the columns"),
    (("history_", "loss"), np.zeros(2), "history_ must have columns of one length"),
    (("history_", "epoch"), np.zeros(3), r"history_\['epoch'\] must be an array of int64"),
    (("history_", "more"), np.zeros(3), "history_ must have the columns"),
    (("history_",), [], "history_ must be a dict"),
    (("n_features_in_",), 3.0, "n_features_in_ must be an integer"),
    (("n_features_in_",), 4, "n_features_in_ must be for 3. Got 4"),
    (("n_features_in_",), DELETED, r"fitted state lacks or adds \['n_features_in_'\]"),
    (("feature_names_in_",), np.array(["a", "b"], dtype=object), "must be for 3. Got 2"),
    (("feature_names_in_",), np.array(["a", 1, "c"], dtype=object), "must be an array of str"),
    (("n_iter_",), -1, "n_iter_ must be"),
    (("converged_",), 0, "converged_ must be True or False"),
    (("alpha_",), -0.5, "alpha_ must be"),
    (("engine_",), "abacus", "engine_ must be one of 'compiled', 'numpy'"),
    (("_examined",), (True,), "examined must be two flags"),
    (("_target_encoder", "kind"), "double", "target_encoder.kind must be one of"),
    (("_target_encoder", "classes"), np.arange(2), "classes must be for 3 outputs. Got 2"),
    (("_target_encoder", "classes"), np.array([0, 2, 1]), "must be in ascending order"),
    (("_target_encoder", "classes"), np.array([0, 1, np.nan]), "must be in ascending"),
    (("_target_encoder", "classes"), np.arange(3).astype("M8[s]"), "must hold numbers or"),
    (("_target_encoder", "classes"), np.array([b"a", b"b", b"c"]), "must hold numbers or"),
    (("_target_encoder", "classes"), np.array([0, "a", None], dtype="O"), "must hold numbers"),
    (
        ("_target_encoder", "classes"),
        np.array([1, 2, 0xFFFFFF], dtype=np.uint32).view("U1"),
        "target_encoder.classes holds a character that is not Unicode",
    ),
    (
        ("_target_encoder", "classes"),
        np.array([0, 1, 2], dtype=np.uint8).view(bool),
        "target_encoder.classes holds a boolean that is neither 0 nor 1",
    ),
    (("_class_totals",), [totals([3], [1.0])], "class_totals must be of the classes of each"),
    (("_class_totals",), [totals([-1], [1.0])], "class_totals must be of the classes of each"),
    (("_class_totals",), [], "class_totals must be of the classes of each column"),
    (("_class_totals",), [totals([0], [])], "must have a total >= 0 for each of its classes"),
    (("_class_totals",), [totals([0, 0], [1.0, 1.0])], "must have a total >= 0 for each of"),
    (("_class_totals",), [totals([0], [-1.0])], "must have a total >= 0 for each of its"),
    (("_class_totals",), [totals([0], [np.inf])], "totals must be finite"),
    (("_class_totals",), [{"classes": [0], "totals": [1.0]}], "classes must be an array"),
    (("_flat",), True, r"fitted state lacks or adds \['_flat'\]"),
    (("_target_encoder",), None, "target_encoder must be a dict"),
    (("_target_encoder",), NUMBERS, "target_encoder does not fit a BackpropClassifier"),
    (("_params",), np.zeros(31), r"fitted state lacks or adds \['_params'\]"),
]  # fmt: skip


@pytest.fixture(scope="module")
def adam():
    return fit("multiclass", solver="adam")


@pytest.mark.parametrize(("place", "value", "message"), FORGED)
def test_forged_state_is_refused(adam, place, value, message):
    state = copy.deepcopy(adam.__getstate__())
    put(state[PLAIN], place, value)
    with pytest.raises(ValueError, match=f"BackpropClassifier cannot be restored: .*{message}"):
        restored(adam, state)


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        (("_target_encoder", "n_targets"), 2, "is_flat must be False with several targets"),
        (("_target_encoder", "n_targets"), 0, "target_encoder.n_targets must be"),
        (("_target_encoder", "is_flat"), None, "target_encoder.is_flat must be"),
        (("_target_encoder", "kind"), "single", r"target_encoder lacks or adds \['classes'"),
        (("_target_encoder",), CLASSES, "target_encoder does not fit a BackpropRegressor"),
        (("_network", "loss"), "log_loss", "network.output_activation must be"),
        (("_network", "loss_options"), (0.5,), "network.loss_options do not fit"),
        (("_scaling", "log_link"), True, "scaling.targets does not fit"),
        (("history_", "sum_squared_error"), DELETED, "history_ must have the columns"),
        (("_class_totals",), [], r"fitted state lacks or adds \['_class_totals'\]"),
    ],
)
def test_forged_state_of_a_regressor_is_refused(place, value, message):
    model = fit("regression")
    state = copy.deepcopy(model.__getstate__())
    put(state[PLAIN], place, value)
    with pytest.raises(ValueError, match=message):
        restored(model, state)


def test_forged_quantiles_are_refused():
    model = fit("targets", loss="quantile", quantile=[0.1, 0.9])
    state = copy.deepcopy(model.__getstate__())
    put(state[PLAIN], ("_network", "loss_options"), (0.1, 0.9, 0.2, 0.9))
    with pytest.raises(ValueError, match="n_targets must be for 4 outputs"):
        restored(model, state)


@pytest.mark.parametrize("name", ["predict", "_predictor", "_parameter_rules", "_train_state"])
def test_state_cannot_replace_methods(adam, name):
    state = adam.__getstate__() | {name: None}
    with pytest.raises(ValueError, match=rf"its state must not hold \['{name}'\]"):
        restored(adam, state)


def test_forged_skops_file_is_refused(adam):
    """A real file, in which offsets of the weights stand beside the network's sizes."""
    source, target = io.BytesIO(skops.io.dumps(adam)), io.BytesIO()
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == "schema.json":
                schema = json.loads(content)
                plain = schema["content"]["content"][PLAIN]["content"]
                network = plain["_network"]
                state = plain["_train_state"]["content"]
                network["content"]["weight_offsets"] = state["params"]
                network["key_types"]["content"].append(network["key_types"]["content"][0])
                content = json.dumps(schema)
            new.writestr(name, content)
    with pytest.raises(ValueError, match=r"network lacks or adds \['weight_offsets'\]"):
        skops.io.loads(target.getvalue(), trusted=TRUSTED_TYPES)


def test_network_takes_declared_fields_only():
    network = fit("multiclass")._network
    assert pickle.loads(pickle.dumps(network)) == network
    with pytest.raises(TypeError, match="weight_offsets"):
        Network.__new__(Network).__setstate__({**network.__getstate__(), "weight_offsets": 0})
