"""The fitted state of an estimator in a plain form, and back.

The plain form is made of arrays, numbers, strings, lists, tuples and dictionaries. Pickles,
skops files and the files of `persistence` all hold it. None of the package's own classes is
part of it, except an `Activation`, a `Loss` or a `Solver` that the user gave: so a class can be
renamed while old files stay readable, and nobody who loads a file has to trust it.

A file may be forged. `from_plain` takes the declared fields only, checks each of them and how
they fit together, and derives everything else.
"""

import math
from dataclasses import dataclass, fields
from numbers import Integral, Real
from reprlib import repr as _short

import numpy as np
from sklearn.base import is_classifier

from ._engine.activations import ACTIVATIONS, Activation
from ._engine.early_stopping import MONITORS
from ._engine.losses import LOSSES, Loss
from ._engine.network import Network
from ._engine.schedules import TrainCounters
from ._engine.solvers import LBFGS, UPDATE_RULES, LevenbergMarquardt, Solver
from ._parameters import AnyOf, Boolean, InstanceOf, Interval, Options
from ._preprocessing.categories import Levels
from ._preprocessing.input_encoding import CategoryInputs, InputEncoder
from ._preprocessing.scaling import Scaling, Standardizer
from ._preprocessing.target_encoding import (
    MULTILABEL,
    MULTIOUTPUT,
    NUMERIC,
    SINGLE,
    ClassEncoder,
    NumericEncoder,
)
from ._training.alpha_selection import empty_selection
from ._training.history import empty_history, truncate_to_common_length
from ._training.loop import TrainState

_TRAINED = ("_network", "_scaling", "_train_state", "_examined", "history_", "n_iter_",
            "converged_", "alpha_", "alpha_selection_", "engine_")  # fmt: skip
#: The fitted attributes that training leaves; `_params` is derived from `_train_state`.
TRAINED = (*_TRAINED, "_params")
#: All fitted attributes, with those that are known before training.
FITTED = (*TRAINED, "n_features_in_", "feature_names_in_", "_input_encoder", "_target_encoder",
          "_class_totals")  # fmt: skip


class InvalidStateError(ValueError):
    """A fitted state that cannot be what training left."""


def require(condition, message):
    """Raise an `InvalidStateError` unless the condition holds."""
    if not condition:
        raise InvalidStateError(message)


# ---- Objects to plain values ----


def to_plain(fitted):
    """Fitted attributes, by their names, in the plain form.

    Parameters
    ----------
    fitted : dict
        Some or all of the attributes in `FITTED`.

    Returns
    -------
    plain : dict
        Arrays are shared with the estimator, not copied.
    """
    converted = {
        "_input_encoder": _input_encoder_to_plain,
        "_network": _declared,
        "_scaling": _scaling_to_plain,
        "_train_state": _train_state_to_plain,
        "history_": _history_to_plain,
        "alpha_selection_": _alpha_selection_to_plain,
        "_target_encoder": _target_encoder_to_plain,
        "_class_totals": lambda totals: _totals_to_plain(totals, fitted["_target_encoder"]),
    }
    return {
        name: converted[name](value) if name in converted else value
        for name, value in fitted.items()
        if name != "_params"
    }


def _declared(record):
    return {field.name: getattr(record, field.name) for field in fields(record)}


def _input_encoder_to_plain(encoder):
    """The declared fields, the levels of each categorical column among those of its inputs."""
    categories = [
        _declared(category.levels) | {"inputs": category.inputs}
        for category in encoder.categories
    ]
    return _declared(encoder) | {"categories": categories}


def _scaling_to_plain(scaling):
    plain = _declared(scaling)
    for end in ("inputs", "targets"):
        if plain[end] is not None:
            plain[end] = _declared(plain[end])
    return plain


def _train_state_to_plain(train_state):
    return _declared(train_state) | {
        "best": None if train_state.best is train_state.params else train_state.best,
        "counters": _declared(train_state.counters),
        "rng": random_state_to_plain(train_state.rng),
        "solver": _solver_to_plain(train_state.solver),
    }


def _solver_to_plain(solver):
    """The name and the settings of a built-in solver; a user's own stays as it is."""
    name = type(solver).__name__
    return {"name": name, **_declared(solver)} if _is_built_in(solver) else solver


def _is_built_in(solver):
    return _SOLVERS.get(type(solver).__name__) is type(solver)


def _history_to_plain(columns):
    copied = {name: list(column) for name, column in columns.items()}
    truncate_to_common_length(copied)  # another thread may be in the middle of a row
    return {
        name: np.array(column, dtype=_column_dtype(name)) for name, column in copied.items()
    }


def _alpha_selection_to_plain(selection):
    return {name: np.array(column, dtype=np.float64) for name, column in selection.items()}


def _column_dtype(name):
    return np.dtype(np.int64 if name == "epoch" else np.float64)


def _totals_to_plain(totals, labels):
    """The numbers of the classes of each column, and their totals."""
    plain = []
    for column, classes in zip(totals, _classes_of_columns(labels), strict=True):
        numbers = {label: number for number, label in enumerate(classes.tolist())}
        seen = np.array([numbers[label] for label, _ in column], dtype=np.int64)
        weights = np.array([weight for _, weight in column], dtype=np.float64)
        plain.append({"classes": seen, "totals": weights})
    return plain


def _classes_of_columns(labels):
    """The classes of each column of the targets, which for labels are 0 and 1."""
    if labels.kind == MULTILABEL:
        return [np.arange(2)] * len(labels.classes)
    return labels.per_column


def random_state_to_plain(generator):
    """The state of a RandomState, which has to be a Mersenne Twister.

    Raises
    ------
    TypeError
        If it is another bit generator.
    """
    state = generator.get_state(legacy=False)
    name = state["bit_generator"]
    if name != "MT19937":
        raise TypeError(f"Of RandomState, only the bit generator MT19937 is kept. Got {name}.")
    return {
        "key": state["state"]["key"],
        "pos": state["state"]["pos"],
        "has_gauss": state["has_gauss"],
        "gauss": state["gauss"],
    }


# ---- Plain values to objects: each by itself ----


@dataclass(frozen=True)
class _AnyNumber:
    """A number, also one that is not finite."""

    kind = Real

    def accepts(self, value):
        return isinstance(value, Real) and not isinstance(value, (bool, np.bool_))

    def __str__(self):
        return "a number"


@dataclass(frozen=True)
class _Array:
    """An array of one of some dtypes."""

    dtypes: tuple
    ndim: int

    def accepts(self, value):
        return (
            isinstance(value, np.ndarray)
            and value.dtype.newbyteorder("=") in self.dtypes
            and value.ndim == self.ndim
        )

    def __str__(self):
        names = " or ".join(str(np.dtype(dtype)) for dtype in self.dtypes)
        return f"an array of {names} with ndim={self.ndim}"


@dataclass(frozen=True)
class _Sequence:
    """A list or a tuple of values that one rule accepts."""

    rule: object
    shortest: int = 0

    def accepts(self, value):
        return (
            isinstance(value, (list, tuple))
            and len(value) >= self.shortest
            and all(map(self.rule.accepts, value))
        )

    def __str__(self):
        return f"a sequence of {self.shortest} or more, each {self.rule}"


class _Anything:
    """What is checked elsewhere."""

    def accepts(self, value):
        return True


_ANYTHING = _Anything()
# Counters stay exact as float64, and far from where the kernel's integers end.
_COUNT = Interval(0, 2**53, kind=Integral)
_POSITIVE_COUNT = Interval(1, 2**53, kind=Integral)
_ANY_NUMBER = _AnyNumber()
_NOT_NEGATIVE = Interval(0)
_FLOATS = (np.float32, np.float64)
_TEXT = InstanceOf(str)

_NETWORK = {
    "layer_sizes": _Sequence(_POSITIVE_COUNT, shortest=2),
    "activations": _Sequence(
        AnyOf((Options(tuple(row.name for row in ACTIVATIONS)), InstanceOf(Activation)))
    ),
    "loss": AnyOf((Options(tuple({row.name: None for row in LOSSES})), InstanceOf(Loss))),
    "output_activation": _TEXT,
    "loss_options": _Sequence(_NOT_NEGATIVE),
}
_INPUT_ENCODER = {
    "n_features": _POSITIVE_COUNT,
    "medians": _Array((np.float64,), 1),
    "has_indicator": _Array((np.bool_,), 1),
    "bins": _Sequence(_Array((np.float64,), 1)),
    "categories": _Sequence(_ANYTHING),
}
_CATEGORIES = {
    "column": _COUNT,
    "numbers": _Array((np.float64,), 1),
    "texts": _Sequence(_TEXT),
    "inputs": _Array((np.int64,), 1),
}
_STANDARDIZER = {
    "mean": _Array((np.float64,), 1),
    "scale": _Array((np.float64,), 1),
    "limits": AnyOf((Options((None,)), _Array((np.float64,), 2))),
}
_SCALING = {"inputs": _ANYTHING, "targets": _ANYTHING, "log_link": Boolean()}
_TRAIN_STATE = {
    "params": _Array(_FLOATS, 1),
    "best": AnyOf((Options((None,)), _Array(_FLOATS, 1))),
    "solver_state": _Array(_FLOATS, 2),
    "counters": _ANYTHING,
    "rng": _ANYTHING,
    "solver": _ANYTHING,
}
_COUNTERS = {
    "monitor": Options(MONITORS),
    "seed": Interval(0, 2**31 - 1, kind=Integral),
    **dict.fromkeys(("epochs", "target_epoch", "samples", "updates"), _COUNT),
    **dict.fromkeys(("n_no_improvement", "n_rate_cuts", "n_restarts"), _COUNT),
    "solver_start_epoch": _COUNT,
    **dict.fromkeys(("loss", "best", "best_loss"), _ANY_NUMBER),
    "step_control": _NOT_NEGATIVE,
}
_RANDOM_STATE = {
    "key": _Array((np.uint32,), 1),
    "pos": Interval(0, 624, kind=Integral),
    "has_gauss": Interval(0, 1, kind=Integral),
    "gauss": Interval(-math.inf),
}
# Settings of the last solver; those of the next come from the parameters.
_SOLVERS = {kind.__name__: kind for kind in (*UPDATE_RULES, LBFGS, LevenbergMarquardt)}
_LABELS = {"kind": Options((SINGLE, MULTILABEL, MULTIOUTPUT)), "classes": _ANYTHING}
_NUMERIC = {"kind": Options((NUMERIC,)), "n_targets": _POSITIVE_COUNT, "is_flat": Boolean()}
_TOTALS = {"classes": _Array((np.int64,), 1), "totals": _Array((np.float64,), 1)}


def _check(name, value, rule):
    if not rule.accepts(value):
        raise InvalidStateError(f"{name} must be {rule}. Got {_short(value)}.")


def _record(name, value, rules):
    """The declared fields of a record, each checked by its rule."""
    require(isinstance(value, dict), f"{name} must be a dict. Got {type(value).__name__}.")
    odd = sorted(map(str, set(value) ^ set(rules)))
    require(not odd, f"{name} lacks or adds {odd}.")
    for field, rule in rules.items():
        _check(f"{name}.{field}", value[field], rule)
    return value


def _as_python(value, rule):
    """A checked number, flag or name in one of Python's own types."""
    if isinstance(rule, Options):
        return str(value)
    if isinstance(rule, Boolean):
        return bool(value)
    return int(value) if rule.kind is Integral else float(value)


def _simple_record(name, value, rules):
    """A record of numbers, flags and names."""
    record = _record(name, value, rules)
    return {field: _as_python(record[field], rule) for field, rule in rules.items()}


def _native(array):
    """An array as the engine takes it: aligned, in C order, in this machine's byte order."""
    return np.require(array, array.dtype.newbyteorder("="), "CAE")


def _finite(name, array):
    array = _native(array)
    require(np.isfinite(array).all(), f"{name} must be finite numbers.")
    return array


def check_memory(name, array):
    """Refuse an array whose bytes are no values of its dtype, which NumPy would not notice."""
    if array.dtype.kind == "b":
        sound = (array.view(np.uint8) <= 1).all()
        require(sound, f"{name} holds a boolean that is neither 0 nor 1.")
    elif array.dtype.kind == "U" and array.dtype.itemsize:
        codes = np.ascontiguousarray(array).view(np.uint32)
        require((codes <= 0x10FFFF).all(), f"{name} holds a character that is not Unicode.")


def _network_from_plain(plain):
    record = dict(_record("network", plain, _NETWORK))
    sizes = tuple(int(size) for size in record["layer_sizes"])
    record |= {"layer_sizes": sizes, "activations": tuple(record["activations"])}
    n_hidden, n_found = len(sizes) - 2, len(record["activations"])
    require(
        n_found == n_hidden,
        f"network.activations must be {n_hidden}, one per hidden layer. Got {n_found}.",
    )
    loss, output = record["loss"], record["output_activation"]
    if isinstance(loss, Loss):
        allowed = [loss.output_activation]
    else:
        allowed = [row.output_activation for row in LOSSES if row.name == loss]
    _check("network.output_activation", output, Options(tuple(allowed)))
    record["loss_options"] = _loss_options(record["loss_options"], loss, output, sizes[-1])
    return Network(**record)


def _loss_options(options, loss, output, n_outputs):
    options = tuple(options)
    if (loss, output) == ("log_loss", "softmax"):
        options = tuple(map(int, options))
        sound = not options or (min(options) >= 1 and sum(options) == n_outputs)
    elif loss == "quantile":
        options = tuple(map(float, options))
        sound = len(options) == n_outputs and all(0 < quantile < 1 for quantile in options)
    else:
        sound = not options
    if not sound:
        raise InvalidStateError(
            f"network.loss_options do not fit loss={_short(loss)} and {n_outputs} outputs. Got "
            f"{_short(options)}."
        )
    return options


def _input_encoder_from_plain(plain):
    record = _record("input_encoder", plain, _INPUT_ENCODER)
    n_features = int(record["n_features"])
    categories = tuple(map(_category_inputs_from_plain, record["categories"]))
    columns = [category.levels.column for category in categories]
    require(
        columns == sorted({column for column in columns if column < n_features}),
        f"input_encoder.categories must be of columns below {n_features}, in order.",
    )
    medians, has_indicator = (_native(record[name]) for name in ("medians", "has_indicator"))
    check_memory("input_encoder.has_indicator", has_indicator)
    bins = tuple(_finite("input_encoder.bins", ends) for ends in record["bins"])
    lengths, n_numeric = (
        {len(medians), len(has_indicator), len(bins)},
        n_features - len(columns),
    )
    require(
        lengths == {n_numeric},
        f"input_encoder must be for {n_numeric} numeric columns. Got {lengths}.",
    )
    require(not np.isinf(medians).any(), "input_encoder.medians must not be infinite.")
    require(
        not (has_indicator & np.isnan(medians)).any(),
        "input_encoder.has_indicator must be of columns that have a median.",
    )
    require(
        all(len(ends) != 1 and (ends[:-1] < ends[1:]).all() for ends in bins),
        "input_encoder.bins must be none, or two or more numbers in ascending order.",
    )
    return InputEncoder(n_features, medians, has_indicator, bins, categories)


def _category_inputs_from_plain(plain):
    record = _record("input_encoder.categories", plain, _CATEGORIES)
    numbers = _finite("input_encoder.categories.numbers", record["numbers"])
    texts, inputs = tuple(record["texts"]), _native(record["inputs"])
    for levels in (numbers, np.array(texts, dtype=object)):
        require(
            (levels[:-1] < levels[1:]).all(),
            "input_encoder.categories must have levels in ascending order.",
        )
    levels = Levels(int(record["column"]), numbers, texts)
    sound = len(inputs) == len(levels) + 2 and (inputs >= -1).all()
    # Each input belongs to a level, so that none of them lies beyond the weights.
    sound = sound and set(inputs.tolist()) - {-1} == set(range(int(inputs.max()) + 1))
    require(sound, "input_encoder.categories must have the input of each level.")
    return CategoryInputs(levels, inputs)


def _scaling_from_plain(plain):
    record = _record("scaling", plain, _SCALING)
    return Scaling(
        inputs=_standardizer("scaling.inputs", record["inputs"]),
        targets=_standardizer("scaling.targets", record["targets"]),
        log_link=bool(record["log_link"]),
    )


def _standardizer(name, plain):
    if plain is None:
        return None
    record = _record(name, plain, _STANDARDIZER)
    mean, scale = (_finite(f"{name}.{field}", record[field]) for field in ("mean", "scale"))
    require(len(mean) == len(scale), f"{name}.mean and {name}.scale must be of one length.")
    require((scale > 0).all(), f"{name}.scale must be > 0.")
    limits = record["limits"]
    if limits is not None:
        limits = _native(limits)
        sound = limits.shape == (2, len(mean)) and (limits[0] <= limits[1]).all()
        require(sound, f"{name}.limits must be the smallest and largest value of each column.")
    return Standardizer(mean, scale, limits)


def _train_state_from_plain(plain):
    record = _record("train_state", plain, _TRAIN_STATE)
    params = _finite("train_state.params", record["params"])
    best = params if record["best"] is None else _finite("train_state.best", record["best"])
    solver = _solver_from_plain(record["solver"])
    solver_state = _native(record["solver_state"])
    shape = solver.n_slots, len(params)
    for name, array, wanted in (
        ("best", best, params.shape),
        ("solver_state", solver_state, shape),
    ):
        require(
            array.shape == wanted and array.dtype == params.dtype,
            f"train_state.{name} must be of shape {wanted} and dtype {params.dtype}. Got "
            f"{array.shape} and {array.dtype}.",
        )
    counters = TrainCounters(
        **_simple_record("train_state.counters", record["counters"], _COUNTERS)
    )
    require(
        counters.solver_start_epoch <= counters.epochs,
        f"train_state.counters.solver_start_epoch must be <= {counters.epochs}. Got "
        f"{counters.solver_start_epoch}.",
    )
    generator = random_state_from_plain("train_state.rng", record["rng"])
    return TrainState(params, best, solver_state, counters, generator, solver)


def _solver_from_plain(plain):
    if isinstance(plain, Solver):
        _check("train_state.solver.n_slots", plain.n_slots, _COUNT)
        return plain
    name = plain.get("name") if isinstance(plain, dict) else None
    _check("train_state.solver.name", name, Options(tuple(_SOLVERS)))
    kind = _SOLVERS[name]
    rules = {
        field.name: _POSITIVE_COUNT if field.type is int else _NOT_NEGATIVE
        for field in fields(kind)
    }
    settings = {field: value for field, value in plain.items() if field != "name"}
    return kind(**_simple_record("train_state.solver", settings, rules))


def random_state_from_plain(name, plain):
    """A RandomState with this state.

    Parameters
    ----------
    name : str
        How errors call it.
    plain : object
        What `random_state_to_plain` made, or a forged one.
    """
    record = _record(name, plain, _RANDOM_STATE)
    key = _native(record["key"])
    # From zeros the generator gives zeros for ever, and normal numbers would never come.
    sound = key.shape == (624,) and (key[1:].any() or key[0] >> 31)
    require(sound, f"{name}.key must be the 624 numbers of a Mersenne Twister, not all 0.")
    generator = np.random.RandomState(0)  # quicker than one with a seed of its own
    pos, has_gauss, gauss = (record[field] for field in ("pos", "has_gauss", "gauss"))
    generator.set_state(("MT19937", key, int(pos), int(has_gauss), float(gauss)))
    return generator


def _history_from_plain(plain):
    require(isinstance(plain, dict), f"history_ must be a dict. Got {type(plain).__name__}.")
    for name, column in plain.items():
        _check(f"history_[{_short(name)}]", column, _Array((_column_dtype(name),), 1))
    lengths = {len(column) for column in plain.values()}
    require(len(lengths) <= 1, f"history_ must have columns of one length. Got {lengths}.")
    return {name: column.tolist() for name, column in plain.items()}


def _alpha_selection_from_plain(plain):
    rule = _Array((np.dtype(np.float64),), 1)
    record = _record("alpha_selection_", plain, dict.fromkeys(empty_selection(), rule))
    lengths = {len(column) for column in record.values()}
    require(len(lengths) == 1, f"alpha_selection_ must have columns of one length: {lengths}.")
    factors = record["factor"]
    require(
        (np.isfinite(factors) & (factors > 0)).all(),
        "alpha_selection_ must have finite numbers > 0 as factor.",
    )
    return {name: column.tolist() for name, column in record.items()}


def _examined_from_plain(plain):
    _check("examined", plain, _Sequence(Boolean()))
    require(len(plain) == 2, f"examined must be two flags. Got {len(plain)}.")
    return tuple(map(bool, plain))


def _target_encoder_to_plain(encoder):
    return _declared(encoder) | {"kind": encoder.kind}


def _target_encoder_from_plain(plain):
    require(isinstance(plain, dict), "target_encoder must be a dict.")
    if plain.get("kind") != NUMERIC:
        return _class_encoder_from_plain(plain)
    record = _record("target_encoder", plain, _NUMERIC)
    return NumericEncoder(
        _as_python(record["n_targets"], _POSITIVE_COUNT),
        _as_python(record["is_flat"], Boolean()),
    )


def _class_encoder_from_plain(plain):
    record = _record("target_encoder", plain, _LABELS)
    kind, classes = record["kind"], record["classes"]
    if kind != MULTIOUTPUT:
        return ClassEncoder(kind, _class_array("target_encoder.classes", classes))
    _check("target_encoder.classes", classes, _Sequence(_ANYTHING, shortest=1))
    return ClassEncoder(
        kind, [_class_array(f"target_encoder.classes[{k}]", a) for k, a in enumerate(classes)]
    )


def _class_array(name, value):
    sound = isinstance(value, np.ndarray) and value.ndim == 1 and value.size >= 1
    require(sound, f"{name} must be an array with ndim=1 that is not empty.")
    sound = value.dtype.kind in "biufU" or _holds_strings(value)
    require(sound, f"{name} must hold numbers or strings. Got dtype {value.dtype}.")
    classes = _native(value)
    check_memory(name, classes)
    sound = classes.dtype.kind != "f" or np.isfinite(classes).all()
    require(sound and (classes[:-1] < classes[1:]).all(), f"{name} must be in ascending order.")
    return classes


def _holds_strings(array):
    return array.dtype == object and all(isinstance(item, str) for item in array.flat)


def _totals_from_plain(plain):
    _check("class_totals", plain, _Sequence(_ANYTHING))
    for k, column in enumerate(plain):
        record = _record(f"class_totals[{k}]", column, _TOTALS)
        seen, totals = record["classes"], _finite(f"class_totals[{k}].totals", record["totals"])
        sound = len(seen) == len(totals) == len(np.unique(seen)) and (totals >= 0).all()
        require(sound, f"class_totals[{k}] must have a total >= 0 for each of its classes.")
    return plain


def _names_from_plain(plain):
    sound = isinstance(plain, np.ndarray) and plain.ndim == 1 and _holds_strings(plain)
    require(
        sound, "feature_names_in_ must be an array of strings with ndim=1 and dtype object."
    )
    return plain


def _simple(name, rule):
    """What checks a number, a flag or a name."""

    def from_plain(plain):
        _check(name, plain, rule)
        return _as_python(plain, rule)

    return from_plain


_FROM_PLAIN = {
    "_input_encoder": _input_encoder_from_plain,
    "_network": _network_from_plain,
    "_scaling": _scaling_from_plain,
    "_train_state": _train_state_from_plain,
    "_examined": _examined_from_plain,
    "history_": _history_from_plain,
    "n_iter_": _simple("n_iter_", _COUNT),
    "converged_": _simple("converged_", Boolean()),
    "alpha_": _simple("alpha_", _NOT_NEGATIVE),
    "alpha_selection_": _alpha_selection_from_plain,
    "engine_": _simple("engine_", Options(("compiled", "numpy"))),
    "n_features_in_": _simple("n_features_in_", _POSITIVE_COUNT),
    "feature_names_in_": _names_from_plain,
    "_target_encoder": _target_encoder_from_plain,
    "_class_totals": _totals_from_plain,
}


# ---- How they fit together ----


def from_plain(plain, estimator):
    """The fitted attributes that `to_plain` was given.

    Parameters
    ----------
    plain : object
        What `to_plain` made, or a forged one.
    estimator : BaseBackprop
        Whose attributes they are to be.

    Returns
    -------
    fitted : dict

    Raises
    ------
    InvalidStateError
        If they cannot be what training left; the message names what is wrong.
    """
    require(isinstance(plain, dict), "the fitted state must be a dict.")
    needed, optional = {"n_features_in_"}, {"feature_names_in_"}
    is_trained = not plain.keys().isdisjoint(TRAINED)
    if is_trained:
        needed |= {*_TRAINED, "_input_encoder", "_target_encoder"}
        optional |= {"_class_totals"} if is_classifier(estimator) else set()
    else:  # a worker's estimator, that knows the inputs and perhaps the targets
        optional |= {"_input_encoder", "_target_encoder"}
    odd = (needed - plain.keys()) | (plain.keys() - needed - optional)
    require(not odd, f"the fitted state lacks or adds {sorted(map(str, odd))}.")
    fitted = {name: _FROM_PLAIN[name](value) for name, value in plain.items()}
    if "_target_encoder" in fitted:
        is_numeric = fitted["_target_encoder"].kind == NUMERIC
        require(
            is_numeric != is_classifier(estimator),
            f"target_encoder does not fit a {type(estimator).__name__}.",
        )
    if is_trained:
        _check_sizes(fitted)
        _check_loss(fitted["_network"], estimator)
        (_check_labels if is_classifier(estimator) else _check_targets)(fitted)
        fitted["_params"] = fitted["_train_state"].best
    return fitted


def _check_sizes(fitted):
    network, sizes = fitted["_network"], fitted["_network"].layer_sizes
    # In Python's integers, which do not overflow; the network's own might.
    n_params = sum((n_in + 1) * n_out for n_in, n_out in network.shapes)
    scaling, names = fitted["_scaling"], fitted.get("feature_names_in_")
    n_features, encoder = fitted["n_features_in_"], fitted["_input_encoder"]
    for name, found, wanted in (
        ("train_state.params", fitted["_train_state"].params.size, n_params),
        ("input_encoder", encoder.n_inputs, sizes[0]),
        ("n_features_in_", n_features, encoder.n_features),
        ("feature_names_in_", n_features if names is None else len(names), n_features),
        ("scaling.inputs", _n_columns(scaling.inputs, sizes[0]), sizes[0]),
        ("scaling.targets", _n_columns(scaling.targets, sizes[-1]), sizes[-1]),
    ):
        require(found == wanted, f"{name} must be for {wanted}. Got {found}.")
    columns, found = list(empty_history(network)), list(fitted["history_"])
    if found != columns:
        raise InvalidStateError(
            f"history_ must have the columns {columns}. Got {_short(found)}."
        )


def _n_columns(standardizer, otherwise):
    return otherwise if standardizer is None else len(standardizer.mean)


def _check_loss(network, estimator):
    sound = estimator._parameter_rules["loss"].accepts(network.loss)
    require(sound, f"network.loss is {network.loss!r}, not one of {type(estimator).__name__}.")


def _check_labels(fitted):
    labels, network = fitted["_target_encoder"], fitted["_network"]
    n_outputs, blocks = network.layer_sizes[-1], labels.blocks
    shared = labels.has_single_output(n_outputs)
    require(
        shared or sum(blocks) == n_outputs,
        f"target_encoder.classes must be for {n_outputs} outputs. Got {sum(blocks)} classes.",
    )
    if network.loss == "log_loss":
        softmax = not shared and labels.kind != MULTILABEL
        options = blocks if softmax and len(blocks) > 1 else ()
        require(
            (network.output_activation == "softmax", network.loss_options)
            == (softmax, options),
            f"network.output_activation and loss_options do not fit {labels.kind} labels.",
        )
    require(fitted["_scaling"].targets is None, "scaling.targets must be None for classes.")
    if "_class_totals" in fitted:
        fitted["_class_totals"] = _name_classes(fitted["_class_totals"], labels)


def _name_classes(totals, labels):
    """The totals of classes with their labels."""
    known = _classes_of_columns(labels)
    sound = len(totals) == len(known) and all(
        ((column["classes"] >= 0) & (column["classes"] < len(classes))).all()
        for column, classes in zip(totals, known, strict=True)
    )
    require(sound, "class_totals must be of the classes of each column.")
    # As pairs: a dictionary of forged numbers may be slow to make.
    return [
        list(zip(classes[column["classes"]].tolist(), column["totals"].tolist(), strict=True))
        for column, classes in zip(totals, known, strict=True)
    ]


def _check_targets(fitted):
    network, scaling = fitted["_network"], fitted["_scaling"]
    encoder = fitted["_target_encoder"]
    n_outputs, n_targets = network.layer_sizes[-1], encoder.n_targets
    sound = n_targets == 1 or not encoder.is_flat
    require(sound, "target_encoder.is_flat must be False with several targets.")
    options = network.loss_options  # the quantiles of each target in turn
    each = len(options) // n_targets or 1
    require(
        n_outputs == n_targets * each and options == options[:each] * n_targets,
        f"target_encoder.n_targets must be for {n_outputs} outputs. Got {n_targets}.",
    )
    sound = scaling.targets is None or network.output_activation in ("identity", "exp")
    sound = sound and scaling.log_link <= (network.output_activation == "exp")
    require(sound, "scaling.targets does not fit the output activation.")
