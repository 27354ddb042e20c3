"""Activation functions: each with its derivative beside it.

To add one, write it with its derivative and put it into `ACTIVATIONS`; the choices that the
estimators accept, the numeric tests and the documentation follow from that tuple. The kernel
finds its own implementation by the name; networks with an activation that it lacks run on
NumPy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import expit, ndtr

from ._typing import Array

if TYPE_CHECKING:
    from collections.abc import Sequence


def check_function(function: Any, names: Sequence[str], functions: Sequence[str]) -> None:
    """Raise a TypeError that names the first field that is not a string, or not callable."""
    for wanted, fields, is_sound in (
        ("a string", names, lambda value: isinstance(value, str)),
        ("callable", functions, callable),
    ):
        for field in fields:
            value = getattr(function, field)
            if not is_sound(value):
                raise TypeError(
                    f"{field!r} of {type(function).__name__} must be {wanted}. Got {value!r}."
                )


@dataclass(frozen=True)
class Activation:
    """An elementwise activation function ``a = f(z)``.

    An object of this class can be given wherever an estimator takes the name of an
    activation function. For a fitted estimator to be pickled, its functions must be, so
    write them with ``def`` at the top of a module.

    Parameters
    ----------
    name : str
        The name that users give, and see.
    value : callable
        ``value(z) -> a``, for arrays of any shape. It keeps the dtype, and NaN stays NaN.
    derivative : callable
        ``derivative(a) -> f'(z)``, or ``derivative(z)`` where `of` is "input".
    of : {"output", "input"}, default="output"
        What `derivative` is taken of. Many are cheapest from the output, ``a * (1 - a)``;
        a function that is not monotonic has to be asked with its input.

    Raises
    ------
    TypeError
        If `name` is not a string, or if `value` or `derivative` is not callable.
    ValueError
        If `of` is neither "output" nor "input".

    See Also
    --------
    skbackprop.check_derivative : Compares a derivative with finite differences.

    Examples
    --------
    >>> from skbackprop import Activation, BackpropRegressor, check_derivative
    >>> def cube(z):
    ...     return z**3
    >>> def cube_derivative(z):
    ...     return 3 * z**2
    >>> cubic = Activation("cube", cube, cube_derivative, of="input")
    >>> check_derivative(cubic)
    >>> reg = BackpropRegressor((4,), activation=cubic, max_iter=1)
    >>> reg.fit([[0.0], [1.0]], [0.0, 1.0]).engine_
    'numpy'
    """

    name: str
    value: Callable[[Array], Array]
    derivative: Callable[[Array], Array]
    of: str = "output"

    def __post_init__(self) -> None:
        check_function(self, names=("name",), functions=("value", "derivative"))
        if self.of not in ("output", "input"):
            raise ValueError(
                f"'of' of Activation must be 'output' or 'input'. Got {self.of!r}."
            )

    def __reduce__(self) -> tuple[Any, ...]:
        # A copy of a built-in activation, by clone, copy or pickle, is that activation.
        if self is _BY_NAME.get(self.name):
            return get_activation, (self.name,)
        return type(self), (self.name, self.value, self.derivative, self.of)

    def slope(self, z: Array, a: Array) -> Array:
        """``f'(z)``, given both ends."""
        return self.derivative(a if self.of == "output" else z)


LEAK = 0.01
SELU_SCALE = 1.0507009873554805
SELU_ALPHA = 1.6732632423543772


def _where_positive(test: Array, positive: Any, otherwise: Any) -> Array:
    """`positive` where the test is positive, and NaN where the test is NaN."""
    return np.where(test > 0, positive, otherwise).astype(test.dtype, copy=False)


def _relu(z: Array) -> Array:
    # np.maximum hands NaN on, so that a diverged network is noticed.
    return np.maximum(z, 0)


def _exponential_tail(z: Array) -> Array:
    return np.expm1(np.minimum(z, 0))


def _elu(z: Array) -> Array:
    return _where_positive(z, z, _exponential_tail(z))


def _selu(z: Array) -> Array:
    return SELU_SCALE * _where_positive(z, z, SELU_ALPHA * _exponential_tail(z))


def _selu_derivative(a: Array) -> Array:
    return _where_positive(a, SELU_SCALE, a + SELU_SCALE * SELU_ALPHA)


def _hard_sigmoid(z: Array) -> Array:
    return np.clip(z / 6 + 0.5, 0, 1)


def _hard_sigmoid_derivative(a: Array) -> Array:
    return np.where((a > 0) & (a < 1), 1 / 6, 0).astype(a.dtype)


def _softplus(z: Array) -> Array:
    return np.logaddexp(0, z).astype(z.dtype, copy=False)


def _silu_derivative(z: Array) -> Array:
    s = expit(z)
    return s * (1 + z * (1 - s))


def _gelu_derivative(z: Array) -> Array:
    density = np.exp(-0.5 * z * z) / np.sqrt(2 * np.pi)
    return (ndtr(z) + z * density).astype(z.dtype, copy=False)


def _mish(z: Array) -> Array:
    return z * np.tanh(_softplus(z))


def _mish_derivative(z: Array) -> Array:
    t = np.tanh(_softplus(z))
    return t + z * (1 - t * t) * expit(z)


IDENTITY = Activation("identity", lambda z: z, np.ones_like)
LOGISTIC = Activation("logistic", expit, lambda a: a * (1 - a))
# Courbariaux, Bengio & David, 2015; with the slope of Keras and PyTorch.
HARD_SIGMOID = Activation("hard_sigmoid", _hard_sigmoid, _hard_sigmoid_derivative)
TANH = Activation("tanh", np.tanh, lambda a: 1 - a * a)
RELU = Activation("relu", _relu, lambda a: (a > 0).astype(a.dtype))
# Maas, Hannun & Ng, 2013.
LEAKY_RELU = Activation(
    "leaky_relu",
    lambda z: _where_positive(z, z, LEAK * z),
    lambda a: _where_positive(a, 1, LEAK),
)
# Clevert, Unterthiner & Hochreiter, 2016.
ELU = Activation("elu", _elu, lambda a: _where_positive(a, 1, a + 1))
# Klambauer et al., 2017.
SELU = Activation("selu", _selu, _selu_derivative)
SOFTPLUS = Activation("softplus", _softplus, expit, of="input")
# Hendrycks & Gimpel, 2016; Elfwing, Uchibe & Doya, 2018.
SILU = Activation("silu", lambda z: z * expit(z), _silu_derivative, of="input")
GELU = Activation("gelu", lambda z: z * ndtr(z), _gelu_derivative, of="input")
# Misra, 2020.
MISH = Activation("mish", _mish, _mish_derivative, of="input")
EXP = Activation("exp", np.exp, lambda a: a)

ACTIVATIONS = (
    IDENTITY, LOGISTIC, HARD_SIGMOID, TANH, RELU, LEAKY_RELU, ELU, SELU, SOFTPLUS, SILU, GELU,
    MISH,
)  # fmt: skip
#: What an output may go through besides: unbounded growth has no place between layers.
OUTPUT_ACTIVATIONS = (*ACTIVATIONS, EXP)
ALIASES = {"sigmoid": "logistic"}

_BY_NAME = {function.name: function for function in OUTPUT_ACTIVATIONS}


def get_activation(activation: str | Activation) -> Activation:
    """Return the activation called `activation`, which may be an alias, or an object."""
    if isinstance(activation, Activation):
        return activation
    return _BY_NAME[ALIASES.get(activation, activation)]


def name_if_built_in(activation: str | Activation) -> str | Activation:
    """The name of a built-in activation, or else the object that a user wrote."""
    function = get_activation(activation)
    return function.name if function is _BY_NAME.get(function.name) else function
