"""What each parameter may be, and the error that says so."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from numbers import Integral, Real

import numpy as np

from .engine.activations import ACTIVATIONS, ALIASES
from .engine.initializers import INITIALIZERS
from .engine.schedules import SCHEDULES

ACTIVATION_NAMES = (*(row.name for row in ACTIVATIONS), *ALIASES)


def _is_number(value, kind):
    return isinstance(value, kind) and not isinstance(value, (bool, np.bool_))


@dataclass(frozen=True)
class Number:
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
class OneOf:
    """One of a few values; True and False are not 1 and 0 here."""

    options: tuple

    def accepts(self, value):
        return any(type(value) is type(option) and value == option for option in self.options)

    def __str__(self):
        names = ", ".join(repr(option) for option in self.options)
        return names if len(self.options) == 1 else f"one of {names}"


class Flag:
    """True or False."""

    def accepts(self, value):
        return isinstance(value, (bool, np.bool_))

    def __str__(self):
        return "True or False"


class LayerSizes:
    """An int, or a sequence of ints."""

    def accepts(self, value):
        try:
            return all(_is_number(size, Integral) and size >= 1 for size in as_sizes(value))
        except TypeError:
            return False

    def __str__(self):
        return "an integer >= 1 or a sequence of them"


class Names:
    """A name, or a sequence of names."""

    def accepts(self, value):
        if isinstance(value, str):
            return value in ACTIVATION_NAMES
        return isinstance(value, Iterable) and all(name in ACTIVATION_NAMES for name in value)

    def __str__(self):
        return f"{OneOf(ACTIVATION_NAMES)}, or a sequence of these, one per hidden layer"


class WeightInit:
    """A name, a callable, or ``(coefs, intercepts)``."""

    names = ("auto", *(row.__name__ for row in INITIALIZERS))

    def accepts(self, value):
        if isinstance(value, str):
            return value in self.names
        return callable(value) or (isinstance(value, (tuple, list)) and len(value) == 2)

    def __str__(self):
        return f"{OneOf(self.names)}, a callable, or a pair (coefs, intercepts)"


@dataclass(frozen=True)
class Either:
    """What any of several rules accepts."""

    rules: tuple

    def accepts(self, value):
        return any(rule.accepts(value) for rule in self.rules)

    def __str__(self):
        return " or ".join(str(rule) for rule in self.rules)


_POSITIVE = Number(0, open_low=True)
_FRACTION = Number(0, 1, open_high=True)
_COUNT = Number(1, kind=Integral)

RULES = {
    "hidden_layer_sizes": LayerSizes(),
    "activation": Names(),
    "output_activation": OneOf(("auto", "softmax", *ACTIVATION_NAMES)),
    "solver": OneOf(("sgd", "adam")),
    "alpha": Number(0),
    "batch_size": Either((OneOf(("auto", "full")), _COUNT)),
    "learning_rate": OneOf(tuple(row.name for row in SCHEDULES)),
    "learning_rate_init": _POSITIVE,
    "power_t": Number(0),
    "max_iter": _COUNT,
    "shuffle": Flag(),
    "tol": Either((Number(0), OneOf((None,)))),
    "verbose": Either((Flag(), Number(0, kind=Integral))),
    "warm_start": Flag(),
    "momentum": Number(0, 1),
    "nesterovs_momentum": Flag(),
    "beta_1": _FRACTION,
    "beta_2": _FRACTION,
    "epsilon": _POSITIVE,
    "clip_norm": Either((_POSITIVE, OneOf((None,)))),
    "n_iter_no_change": Either((_COUNT, OneOf((math.inf,)))),
    "weight_init": WeightInit(),
    "standardize": Flag(),
}


def check_parameters(estimator):
    """Raise a ValueError that names the first parameter whose value is not allowed."""
    for name, value in estimator.get_params(deep=False).items():
        rule = estimator._parameter_rules.get(name)
        if rule is not None and not rule.accepts(value):
            raise ValueError(
                f"The {name!r} parameter of {type(estimator).__name__} must be {rule}. "
                f"Got {value!r}."
            )


def as_sizes(hidden_layer_sizes):
    """The hidden layers as a tuple of ints; a single int is one layer."""
    if isinstance(hidden_layer_sizes, (Integral, Real)):
        return (hidden_layer_sizes,)
    return tuple(hidden_layer_sizes)
