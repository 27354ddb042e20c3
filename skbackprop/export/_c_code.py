"""A fitted network as one file of C99, which may go on learning.

The file needs nothing but ``<math.h>``, allocates nothing and keeps all its state in static
arrays, so that the linker says beforehand whether it fits a microcontroller.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy import sparse
from sklearn.utils import check_array

from . import _c_learning, _fixed_point
from ._c_encoding import describe_codes, write_encoding
from ._c_functions import SOFTMAX, output_name, write_values
from ._c_labels import label_arrays, label_type, write_labels
from ._c_predict import PREDICT, PREDICT_ONE, PREDICT_PROBA, write_answers
from ._c_writer import CTemplate, comment
from ._fitted_view import REGRESSION, finite_limits, read
from ._scalers import compose, split

if TYPE_CHECKING:
    from .._base import BaseBackprop
    from .._typing import Rows

_IDENTIFIER = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_FLOATS = ("float", "double")


def to_c(
    estimator: BaseBackprop,
    *,
    dtype: Literal["float", "double", "int16", "int8"] = "float",
    learn: bool = False,
    prefix: str = "net",
    X: Rows | None = None,
) -> str:
    """Write a fitted network as one file of C99.

    The file needs nothing but ``<math.h>`` and allocates nothing. It is a header and a
    source at once: include it where it is used, or compile it alone and include it
    elsewhere after ``#define NET_DECLARATIONS_ONLY``; C++11 takes it as well. Its state is
    static, so its functions are for one thread at a time. With the prefix ``net`` it offers

    - a classifier: ``int net_predict(const float *x)``, the place of the most probable
      class in ``net_classes``, and ``void net_predict_proba(const float *x, float *p)``.
      ``net_classes`` holds the labels: strings in UTF-8, integers, or numbers;
    - a classifier of several labels: ``void net_predict(const float *x, int *labels)``, 0
      or 1 each, and ``net_predict_proba`` as above;
    - a classifier of several columns of classes: the same, with the places of the classes
      in ``net_classes_0``, ``net_classes_1`` and so on;
    - a regressor: ``void net_predict(const float *x, float *y)``, a number per target, or
      the quantiles of the first target, of the second and so on;
    - of a network with categories, missing values or bins: `x` has ``NET_COLUMNS`` entries,
      NaN for missing cells, and for categories the codes that the head of the file tells, as
      `category_codes` does;
    - with `learn`: ``void net_learn_one(const float *x, int y, float rate)``, where `y` is
      the place of the class, or an array: of 0 or 1 for several labels, of places for
      several columns of classes, of floats for regression. The weights
      are then in ``net_parameters``, from where they can be stored and restored.

    Parameters
    ----------
    estimator : BackpropClassifier, BackpropRegressor or Pipeline
        The fitted network, alone or behind MinMaxScaler, StandardScaler, MaxAbsScaler or
        RobustScaler. All scaling, that inside the network included, becomes one
        subtraction and one product per input.
    dtype : {"float", "double", "int8", "int16"}, default="float"
        The type of weights and signals. The two integer types are fixed point: a network
        without float arithmetic but at its two ends.
    learn : bool, default=False
        Whether the network can go on learning. ``net_learn_one`` is the step of online
        backpropagation by plain gradient descent, with the loss, `alpha` and `clip_norm`
        of the estimator: the same as its `partial_fit` with one row,
        ``solver="sgd", momentum=0`` and the rate as `learning_rate_init`. Other penalties,
        dropout and class weights stay behind. For "float" and "double".
    prefix : str, default="net"
        What all names in the file begin with.
    X : array-like of shape (n_samples, n_features), default=None
        Representative inputs, as the estimator takes them, for "int8" and "int16" alone:
        the integers span the values that these rows bring forth.

    Returns
    -------
    source : str
        The file, in ASCII.

    Raises
    ------
    TypeError
        If `estimator` is not a network, or does not end in one.
    ValueError
        If a parameter is not as described, if a step of the pipeline cannot be absorbed, or
        if C has no literal for a class label or a number: for a text with the character
        U+0000, a date, NaN, or what is too large for `dtype`.
    sklearn.exceptions.NotFittedError
        If it is not fitted.

    References
    ----------
    Jacob, B. et al. (2018). Quantization and training of neural networks for efficient
    integer-arithmetic-only inference. CVPR.

    Examples
    --------
    >>> from skbackprop import BackpropClassifier
    >>> from skbackprop.datasets import load_wheat_seeds
    >>> from skbackprop.export import to_c
    >>> X, y = load_wheat_seeds(return_X_y=True)
    >>> clf = BackpropClassifier((5,), max_iter=5, random_state=0).fit(X, y)
    >>> source = to_c(clf, learn=True)
    >>> "int net_predict(const float *x);" in source
    True
    >>> "void net_learn_one(const float *x, int y, float rate);" in source
    True
    """
    _check_options(dtype, learn, prefix, X)
    last, center, gain = split(estimator)
    fitted = read(last)
    encodes = not fitted.encoder.is_identity
    if encodes:
        _refuse_scalers(center, gain)
    # What the estimator clips to, in the units that the first step is given.
    limits = None if fitted.limits is None else fitted.limits / gain + center
    if fitted.center is not None:
        center, gain = compose(center, gain, fitted.center, fitted.gain)
    c = CTemplate(prefix, dtype if dtype in _FLOATS else "float")
    network = fitted.network
    functions = {output_name(network)}
    learning = []
    if X is None:
        functions |= set(network.activations)
        layers = _name_layers(fitted, center, gain, learn, "net_encoded" if encodes else "x")
        parts, calls = _float_layers(fitted, layers, center, gain, limits, learn, c)
        if learn:
            learning = _c_learning.write_learning(fitted, layers, last, c)
    else:
        rows = _representative(X, last, fitted)
        rows = rows if limits is None else np.clip(rows, *limits)
        source = "net_encoded" if encodes else "x"
        parts, calls = _fixed_point.write(fitted, center, gain, rows, dtype, source, c)
    if encodes:
        parts = [*write_encoding(fitted, c), *parts]
        calls = ["net_encode_columns(x);", *calls]
    body = [
        "#include <math.h>\n#include <stdint.h>",
        *write_labels(fitted, c),
        *write_values(functions, c),
        *parts,
        *_forward(fitted, calls, c),
        *write_answers(fitted, c),
        *learning,
    ]
    names = getattr(estimator, "feature_names_in_", None)
    title = [*_title(fitted, names, dtype), *describe_codes(fitted.encoder, names)]
    return _file(title, _declarations(fitted, learn), body, c)


def _check_options(dtype, learn, prefix, X):
    options = (*_FLOATS, *_fixed_point.WIDTHS)
    if dtype not in options:
        raise ValueError(f"dtype must be one of {options}. Got {dtype!r}.")
    if learn and dtype not in _FLOATS:
        raise ValueError(f"learn=True needs dtype 'float' or 'double'. Got {dtype!r}.")
    if (X is None) != (dtype in _FLOATS):
        verb = "needs representative rows: X must be given" if X is None else "takes no X"
        raise ValueError(f"dtype={dtype!r} {verb}.")
    if not isinstance(prefix, str) or not _IDENTIFIER.fullmatch(prefix):
        raise ValueError(
            "prefix must begin with a letter and hold letters, digits and '_' alone. "
            f"Got {prefix!r}."
        )


def _refuse_scalers(center, gain):
    """Raise a ValueError for scalers, which would have to pass by the encoding of columns."""
    if np.any(np.asarray(center) != 0) or np.any(np.asarray(gain) != 1):
        raise ValueError(
            "To be written in C, a pipeline with a scaler must end in a network that takes its "
            "columns as they are, and this one encodes categories, missing values or bins. "
            "Leave the scaler out: standardize=True does the same."
        )


def _representative(X, estimator, fitted):
    """Return rows as the scaling of the network takes them."""
    if not fitted.encoder.is_identity:
        inputs = estimator._validate_rows(X)
        return inputs.toarray() if sparse.issparse(inputs) else inputs
    X, n_inputs = check_array(X, dtype=np.float64, input_name="X"), fitted.encoder.n_features
    if X.shape[1] != n_inputs:
        raise ValueError(f"X must have {n_inputs} columns, as in training. Got {X.shape[1]}.")
    return X


# ---- The frame ----


def _title(fitted, names, dtype):
    sizes = "-".join(map(str, fitted.network.layer_sizes))
    purpose = "regression" if fitted.kind == REGRESSION else "classes"
    lines = [f"A {sizes} network in {dtype}, for {purpose}."]
    if names is not None:
        what = "inputs" if fitted.encoder.is_identity else "columns"
        lines += comment(f"Its {what}: " + ", ".join(names) + ".")
    lines.append("Written by skbackprop. The functions are for one thread at a time.")
    return lines


def _file(title, declarations, body, c):
    title = "".join(f" * {line}\n" for line in title)
    top = c(
        """/*
$title */
#ifndef NET_DECLARED
#define NET_DECLARED
#ifdef __cplusplus
extern "C" {
#endif
$declarations
#ifdef __cplusplus
}
#endif
#endif

#ifndef NET_DECLARATIONS_ONLY
""",
        title=title,
        declarations=c("\n".join(declarations)),
    )
    return top + "\n\n".join(part.strip("\n") for part in body) + "\n\n#endif\n"


def _declarations(fitted, learn):
    network = fitted.network
    constants = {"INPUTS": network.layer_sizes[0], "OUTPUTS": network.layer_sizes[-1]}
    if not fitted.encoder.is_identity:
        constants = {"COLUMNS": fitted.encoder.n_features, **constants}
    labels = label_arrays(fitted)
    if len(labels) == 1:
        constants["CLASSES"] = len(labels[0][1])
    if learn:
        constants["PARAMETERS"] = network.n_params
    listed = ", ".join(f"NET_{name} = {value}" for name, value in constants.items())
    lines = [f"enum {{ {listed} }};"]
    for name, classes in labels:
        lines.append(f"extern const {label_type(classes)}{name}[{len(classes)}];")
    lines.append(PREDICT.get(fitted.kind, PREDICT_ONE) + ";")
    if fitted.kind != REGRESSION:
        lines.append(PREDICT_PROBA + ";")
    if learn:
        lines.append("extern $T net_parameters[NET_PARAMETERS];")
        lines.append(_c_learning.signature(fitted) + ";")
    return lines


# ---- The layers ----

_LAYER = """
static void net_layer(const $T *weights, const $T *biases, const $T *in, int n_in,
                      $T *sums, $T *out, int n_out, $T (*value)($T))
{
    for (int j = 0; j < n_out; j++, weights += n_in) {
        $T z = biases[j];
        for (int i = 0; i < n_in; i++) {
            z += weights[i] * in[i];
        }
        sums[j] = z;
        out[j] = value(z);
    }
}
"""
_SCALE = """
static void net_scale(const $T *x)
{
    for (int i = 0; i < NET_INPUTS; i++) {
        net_inputs[i] = (x[i] - net_center[i]) * net_gain[i];
    }
}
"""
_CLIP_AND_SCALE = """
static void net_scale(const $T *x)
{
    for (int i = 0; i < NET_INPUTS; i++) {
        $T value = x[i] < net_low[i] ? net_low[i] : x[i];
        value = value > net_high[i] ? net_high[i] : value;
        net_inputs[i] = (value - net_center[i]) * net_gain[i];
    }
}
"""


@dataclass(frozen=True)
class Layer:
    """A layer's sizes, and the names of what it reads and writes in the file."""

    n_in: int
    n_out: int
    weights: str
    biases: str
    source: str
    sums: str
    out: str
    function: str


def _name_layers(fitted, center, gain, learn, raw):
    network = fitted.network
    functions = [*network.activations, output_name(network)]
    scaled = np.any(np.asarray(center) != 0) or np.any(np.asarray(gain) != 1)
    at, source, layers = 0, "net_inputs" if scaled else raw, []
    for number, (n_in, n_out) in enumerate(network.shapes, start=1):
        last = number == network.n_layers
        out = "net_outputs" if last else f"net_hidden_{number}"
        # Only the slopes need the sums of the hidden layers.
        sums = "net_sums" if last else f"net_sums_{number}" if learn else out
        places = [f"net_parameters + {place}" for place in (at, at + n_in * n_out)]
        layers.append(Layer(n_in, n_out, *places, source, sums, out, functions[number - 1]))
        at, source = at + (n_in + 1) * n_out, out
    return layers


def _float_layers(fitted, layers, center, gain, limits, learn, c):
    """The parameters, the signals, and the calls of the forward pass."""
    n_inputs, n_params = fitted.network.layer_sizes[0], fitted.network.n_params
    flat = []
    for weights, biases in zip(fitted.weights, fitted.biases, strict=True):
        flat += [*c.numbers(weights.T, "The weights"), *c.numbers(biases, "The biases")]
    kind = "$T" if learn else "static const $T"
    parts = [
        "/* Layer by layer: the weights of each neuron, then the biases. */\n"
        + c.array(f"{kind} net_parameters[{n_params}]", flat)
    ]
    signals = {name: layer.n_out for layer in layers for name in (layer.sums, layer.out)}
    calls = []
    if layers[0].source == "net_inputs":
        signals = {"net_inputs": n_inputs, **signals}
        raw = "x" if fitted.encoder.is_identity else "net_encoded"
        calls.append(f"net_scale({raw});")
        for name, values, write in (("center", center, c.numbers), ("gain", gain, c.scales)):
            values = write(np.broadcast_to(values, (n_inputs,)), "The scaling of the inputs")
            parts.append(c.array(f"static const $T net_{name}[NET_INPUTS]", values))
        for name, values in zip(
            ("low", "high"), () if limits is None else limits, strict=False
        ):
            values = c.numbers(finite_limits(values, c.dtype), "A limit of the inputs")
            parts.append(c.array(f"static const $T net_{name}[NET_INPUTS]", values))
    parts.append(c("\n".join(f"static $T {name}[{n}];" for name, n in signals.items())))
    parts.append(c(_LAYER))
    if calls:
        parts.append(c(_SCALE if limits is None else _CLIP_AND_SCALE))
    for layer in layers:
        calls += [
            f"net_layer({layer.weights}, {layer.biases}, {layer.source}, {layer.n_in},",
            f"          {layer.sums}, {layer.out}, {layer.n_out}, net_{layer.function});",
        ]
    return parts, calls


def _forward(fitted, calls, c):
    """The function that fills ``net_sums`` and ``net_outputs``."""
    softmax = []
    if fitted.network.output_activation == "softmax":
        softmax = [c(SOFTMAX)]
        calls = [
            *calls,
            *(
                f"net_softmax(net_sums + {at}, net_outputs + {at}, {size});"
                for at, size in fitted.blocks
            ),
        ]
    body = "\n".join(f"    {call}" for call in calls)
    return [*softmax, c(f"static void net_forward(const $T *x)\n{{\n{body}\n}}")]
