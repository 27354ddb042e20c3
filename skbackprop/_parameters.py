"""What each parameter may be, and the error that says so."""

import math
from dataclasses import dataclass
from numbers import Integral, Real

import numpy as np
from sklearn.metrics import get_scorer_names

from ._engine.activations import ACTIVATIONS, ALIASES, EXP, Activation
from ._engine.initializers import INITIALIZERS
from ._engine.losses import ALIASES as LOSS_ALIASES
from ._engine.losses import Loss
from ._engine.schedules import SCHEDULES
from ._engine.solvers import SOLVERS, Solver
from ._parameter_hints import hint_for

ACTIVATION_NAMES = (*(row.name for row in ACTIVATIONS), *ALIASES)


def _is_number(value, kind):
    return isinstance(value, kind) and not isinstance(value, (bool, np.bool_))


@dataclass(frozen=True)
class Interval:
    """A number in an interval, closed unless said otherwise."""

    low: float
    high: float = math.inf
    kind: type = Real
    open_low: bool = False
    open_high: bool = False

    def accepts(self, value):
        return (
            _is_number(value, self.kind)
            and (value > self.low if self.open_low else value >= self.low)
            and (value < self.high if self.open_high else value <= self.high)
            and (self.kind is Integral or math.isfinite(value))
        )

    def __str__(self):
        noun = "an integer" if self.kind is Integral else "a finite number"
        lower = f"{'>' if self.open_low else '>='} {self.low:g}"
        if math.isinf(self.high):
            return f"{noun} {lower}"
        return f"{noun} {lower} and {'<' if self.open_high else '<='} {self.high:g}"


@dataclass(frozen=True)
class Options:
    """One of a few names, None and numbers; a subclass of str, as NumPy's, is a name."""

    options: tuple
    aliases: tuple = ()

    def accepts(self, value):
        if isinstance(value, str) or _is_number(value, Real):
            return value in self.options or value in self.aliases
        return value is None and None in self.options

    def __str__(self):
        names = ", ".join(repr(option) for option in self.options)
        return names if len(self.options) == 1 else f"one of {names}"


class Boolean:
    """True or False."""

    def accepts(self, value):
        return isinstance(value, (bool, np.bool_))

    def __str__(self):
        return "True or False"


class LayerSizes:
    """An int, a sequence of ints, or "auto"."""

    def accepts(self, value):
        if isinstance(value, str):
            return value == "auto"
        try:
            return all(_is_number(size, Integral) and size >= 1 for size in as_sizes(value))
        except TypeError:
            return False

    def __str__(self):
        return "an integer >= 1, a sequence of them, or 'auto'"


@dataclass(frozen=True)
class InstanceOf:
    """An object of one of the package's classes."""

    kind: type

    def accepts(self, value):
        return isinstance(value, self.kind)

    def __str__(self):
        return f"an object of class {self.kind.__name__}"


@dataclass(frozen=True)
class SequenceOf:
    """What a rule accepts, or a sequence of such."""

    rule: object
    each: str

    def accepts(self, value):
        if self.rule.accepts(value):
            return True
        if isinstance(value, (str, dict)):
            return False
        try:
            return all(self.rule.accepts(item) for item in value)
        except TypeError:  # not a sequence
            return False

    def __str__(self):
        return f"{self.rule}, or a sequence of these, one per {self.each}"


class ScoringOptions:
    """What scikit-learn accepts as a scorer, and "score"."""

    def accepts(self, value):
        if isinstance(value, str):
            return value == "score" or value in get_scorer_names()
        return value is None or callable(value)

    def __str__(self):
        return "None, 'score', a name of sklearn.metrics.get_scorer_names(), or a callable"


class ClassWeightOptions:
    """Weights of classes, as scikit-learn spells them."""

    def accepts(self, value):
        if isinstance(value, (list, tuple)):
            return all(self.accepts(item) for item in value)
        if isinstance(value, dict):
            return all(Interval(0).accepts(weight) for weight in value.values())
        return value is None or (isinstance(value, str) and value == "balanced")

    def __str__(self):
        return (
            "None, 'balanced', a dictionary from classes to finite numbers >= 0, or, for "
            "several outputs, a list of these"
        )


class WeightInitOptions:
    """A name, a callable, or ``(coefs, intercepts)``."""

    names = ("auto", "mlp", *(row.__name__ for row in INITIALIZERS))

    def accepts(self, value):
        if isinstance(value, str):
            return value in self.names
        return callable(value) or (isinstance(value, (tuple, list)) and len(value) == 2)

    def __str__(self):
        return f"{Options(self.names)}, a callable, or a pair (coefs, intercepts)"


class CategoricalFeaturesOptions:
    """A word, None, or columns; whether there are such columns is seen with the data."""

    def accepts(self, value):
        if value is None or isinstance(value, str):
            return value in (None, "from_dtype")
        if isinstance(value, (dict, set)):
            return False
        try:
            return all(isinstance(item, (str, Integral, np.bool_)) for item in value)
        except TypeError:  # not a sequence
            return False

    def __str__(self):
        return "'from_dtype', None, a mask, or a sequence of column numbers or names"


@dataclass(frozen=True)
class AnyOf:
    """What any of several rules accepts."""

    rules: tuple

    def accepts(self, value):
        return any(rule.accepts(value) for rule in self.rules)

    def __str__(self):
        return " or ".join(str(rule) for rule in self.rules)


_AUTO = Options(("auto",))
_POSITIVE = Interval(0, open_low=True)
_POSITIVE_OR_NONE = AnyOf((_POSITIVE, Options((None,))))
_FRACTION = Interval(0, 1, open_high=True)
_INSIDE = Interval(0, 1, open_low=True, open_high=True)
_COUNT = Interval(1, kind=Integral)

RULES = {
    "hidden_layer_sizes": LayerSizes(),
    "activation": SequenceOf(
        AnyOf((Options(ACTIVATION_NAMES), InstanceOf(Activation))), "hidden layer"
    ),
    "output_activation": Options(("auto", "softmax", EXP.name, *ACTIVATION_NAMES)),
    "solver": AnyOf((Options(("auto", *SOLVERS)), InstanceOf(Solver))),
    "alpha": AnyOf((Interval(0), _AUTO)),
    "batch_size": AnyOf((Options(("auto", "full")), _COUNT)),
    "learning_rate": Options(("auto", *(row.name for row in SCHEDULES))),
    "learning_rate_init": AnyOf((_POSITIVE, _AUTO)),
    "power_t": Interval(0),
    "max_iter": AnyOf((_COUNT, _AUTO)),
    "shuffle": Boolean(),
    "tol": AnyOf((Interval(0), Options(("auto", None)))),
    "verbose": AnyOf((Boolean(), Interval(0, kind=Integral))),
    "warm_start": Boolean(),
    "momentum": Interval(0, 1),
    "nesterovs_momentum": Boolean(),
    "early_stopping": Boolean(),
    "validation_fraction": _INSIDE,
    "beta_1": _FRACTION,
    "beta_2": _FRACTION,
    "epsilon": _POSITIVE,
    "n_iter_no_change": AnyOf((_COUNT, Options((math.inf,)))),
    "max_fun": _COUNT,
    "weight_decay": Interval(0),
    "l1": Interval(0),
    "dropout": SequenceOf(_FRACTION, "hidden layer"),
    "clip_norm": _POSITIVE_OR_NONE,
    "max_norm": _POSITIVE_OR_NONE,
    "weight_init": WeightInitOptions(),
    "standardize": Boolean(),
    "categorical_features": CategoricalFeaturesOptions(),
    "numeric_encoding": Options(("auto", "none", "piecewise_linear")),
    "scoring": ScoringOptions(),
    "restore_best": Boolean(),
    "max_restarts": Interval(0, kind=Integral),
    "n_members": Interval(1, kind=Integral),
}
CLASSIFIER_RULES = {
    **RULES,
    "loss": AnyOf((Options(("auto", "log_loss", "squared_error")), InstanceOf(Loss))),
    "class_weight": ClassWeightOptions(),
    "grow_classes": Boolean(),
}
REGRESSOR_RULES = {
    **RULES,
    "loss": AnyOf(
        (
            Options(
                ("auto", "squared_error", "absolute_error", "huber", "quantile", "poisson"),
                aliases=tuple(LOSS_ALIASES),
            ),
            InstanceOf(Loss),
        )
    ),
    "quantile": SequenceOf(_INSIDE, "output"),
}


def check_parameters(estimator):
    """Raise a ValueError that names the first parameter whose value is not allowed."""
    for name, rule in estimator._parameter_rules.items():
        value = getattr(estimator, name)
        if not rule.accepts(value):
            hint = hint_for(estimator, name, _refused_item(rule, value), _names_of(rule))
            raise ValueError(
                f"The {name!r} parameter of {type(estimator).__name__} must be {rule}. "
                f"Got {value!r}.{hint}"
            )


def _refused_item(rule, value):
    """Return the first item that is not allowed of a sequence, or the value itself."""
    if isinstance(rule, SequenceOf) and isinstance(value, (list, tuple)):
        return next(item for item in value if not rule.rule.accepts(item))
    return value


def _names_of(rule):
    """Return the names that a rule allows."""
    if isinstance(rule, Options):
        options = (*rule.options, *rule.aliases)
        return [option for option in options if isinstance(option, str)]
    if isinstance(rule, AnyOf):
        return [name for part in rule.rules for name in _names_of(part)]
    if isinstance(rule, SequenceOf):
        return _names_of(rule.rule)
    return {
        WeightInitOptions: WeightInitOptions.names,
        ScoringOptions: ("score", *get_scorer_names()),
        ClassWeightOptions: ("balanced",),
        CategoricalFeaturesOptions: ("from_dtype",),
        LayerSizes: ("auto",),
    }.get(type(rule), ())


def check_integer(name, value, low, high=math.inf, or_none=False):
    """Return an argument of a function as an int, if it is one from `low` to `high`.

    NumPy's integers are integers; 1.0, "1", True and None are not. `or_none` says in the
    error that None is allowed as well.
    """
    rule = Interval(low, high, kind=Integral)
    if not rule.accepts(value):
        allowed = f"None or {rule}" if or_none else rule
        raise ValueError(f"{name} must be {allowed}. Got {value!r}.")
    return int(value)


def as_sizes(hidden_layer_sizes):
    """The hidden layers as a tuple; a single number is one layer."""
    if isinstance(hidden_layer_sizes, Real):
        return (hidden_layer_sizes,)
    return tuple(hidden_layer_sizes)
