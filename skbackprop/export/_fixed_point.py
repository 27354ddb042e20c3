"""A network in integers: the numbers that the C file holds for int8 and int16.

Inputs and outputs of a layer are integer codes, ``value = code * step``; each neuron has a
step of its own for its weights, chosen so that the largest weight has the largest code. A
neuron sums products of codes without rounding, and a product with an integer and a shift
takes the sum to the codes of the next layer (Jacob et al., 2018, "Quantization and training
of neural networks for efficient integer-arithmetic-only inference"). A curved activation
function is a table, read with linear interpolation. The weighted sums of the output layer
are turned into floats again.
"""

import math
from dataclasses import dataclass

import numpy as np

from ._c_functions import output_name
from ._c_writer import check_finite, integers

# Beyond these weighted sums the function is as good as flat, so its table ends there.
_FLAT_BEYOND = {"logistic": 16.0, "tanh": 8.0}
# A product of a sum and a multiplier has to stay inside 63 bits.
_PRODUCT_BITS = 62
_CODES_OF_SUM = 32767


@dataclass(frozen=True)
class IntegerFormat:
    """What an integer type offers.

    Parameters
    ----------
    bits : int
        Of a code.
    sum_bits : int
        Of a sum of products, without its sign.
    bias_bits : int
        That a bias may take of them.
    segment_bits : int
        A table has ``2 ** segment_bits`` segments.
    fraction_bits : int
        By which a table's entries are finer than a code.
    """

    bits: int
    sum_bits: int
    bias_bits: int
    segment_bits: int
    fraction_bits: int

    @property
    def largest(self):
        return 2 ** (self.bits - 1) - 1


WIDTHS = {"int8": IntegerFormat(8, 31, 30, 8, 8), "int16": IntegerFormat(16, 62, 40, 10, 0)}


@dataclass(frozen=True)
class IntegerLayer:
    """A layer in integers.

    Parameters
    ----------
    weights : ndarray of int64, shape (n_out, n_in)
    biases : ndarray of int64, shape (n_out,)
    steps : ndarray of shape (n_out,)
        The weighted sum of a neuron is ``steps`` times its sum of codes.
    multipliers, shifts : ndarrays of int64, shape (n_out,), or None
        ``sum * multiplier / 2 ** shift`` is the code of the weighted sum. None in the
        output layer.
    low, high : int
        Between which the code of the weighted sum is kept.
    table : ndarray of int64, or None
        The activation function from code to code; None where they are the same.
    """

    weights: np.ndarray
    biases: np.ndarray
    steps: np.ndarray
    multipliers: np.ndarray | None = None
    shifts: np.ndarray | None = None
    low: int = 0
    high: int = 0
    table: np.ndarray | None = None


@dataclass(frozen=True)
class QuantizedNetwork:
    """A network in integers.

    Parameters
    ----------
    width : IntegerFormat
    center, gain : ndarrays of shape (n_inputs,)
        The code of an input is ``(x - center) * gain``, rounded and kept within the width.
    layers : list of IntegerLayer
    """

    width: IntegerFormat
    center: np.ndarray
    gain: np.ndarray
    layers: list


def quantize(fitted, center, gain, X, width):
    """The integers of a network.

    Parameters
    ----------
    fitted : FittedView
    center, gain : ndarrays of shape (n_inputs,)
        What the network takes is ``(x - center) * gain``.
    X : ndarray of shape (n_samples, n_inputs)
        Representative inputs; their range, and that of every weighted sum on them, is what
        the codes span.
    width : IntegerFormat

    Returns
    -------
    quantized : QuantizedNetwork
    """
    low, high = X.min(axis=0), X.max(axis=0)
    middle, half = low / 2 + high / 2, high / 2 - low / 2
    # A constant input has the code zero; any step will do.
    step = np.where(half > 0, half, 1.0) / width.largest
    signal = (X - center) * gain
    # From here on, a layer's input is `offset + codes * steps`.
    offset, steps = (middle - center) * gain, step * gain
    layers = []
    hidden = fitted.network.hidden
    for number, (weights, biases) in enumerate(zip(fitted.weights, fitted.biases, strict=True)):
        weights, biases = weights.astype(np.float64), biases.astype(np.float64)
        codes = _integer_sums(weights * steps[:, None], biases + offset @ weights, width)
        if number == len(hidden):
            layers.append(IntegerLayer(*codes))
            break
        sums = signal @ weights + biases
        layer, step = _integer_layer(codes, hidden[number], sums, width)
        layers.append(layer)
        signal = hidden[number].value(sums)
        offset, steps = np.zeros(weights.shape[1]), np.full(weights.shape[1], step)
    return QuantizedNetwork(
        width, middle, 1 / (np.where(half > 0, half, 1.0) / width.largest), layers
    )


def _integer_sums(weights, biases, width):
    """Weights and biases in codes, and each neuron's step."""
    steps = np.maximum(
        np.abs(weights).max(axis=0) / width.largest, np.abs(biases) / 2.0**width.bias_bits
    )
    steps = np.where(steps > 0, steps, 1.0)
    bound = width.largest**2 * len(weights) + 2**width.bias_bits
    if bound >= 2**width.sum_bits:
        raise ValueError(f"A layer of {len(weights)} inputs is too wide for int{width.bits}.")
    codes = np.rint(weights / steps).astype(np.int64)
    return np.ascontiguousarray(codes.T), np.rint(biases / steps).astype(np.int64), steps


def _integer_layer(codes, activation, sums, width):
    """A hidden layer in integers, and the step of its outputs."""
    weights, _, steps = codes
    if activation.name in ("identity", "relu"):
        low = 0 if activation.name == "relu" else -width.largest
        extent = sums.max() if low == 0 else np.abs(sums).max()
        output_step = sum_step = (extent if extent > 0 else 1.0) / width.largest
        high, table = width.largest, None
    else:
        extent = np.abs(sums).max()
        extent = min(extent if extent > 0 else 1.0, _FLAT_BEYOND.get(activation.name, math.inf))
        sum_step = extent / _CODES_OF_SUM
        low, high = -_CODES_OF_SUM, _CODES_OF_SUM
        table, output_step = _table(activation, sum_step, width)
    largest_sum = width.largest**2 * weights.shape[1] + 2**width.bias_bits
    bits = min(31, _PRODUCT_BITS - largest_sum.bit_length())
    multipliers, shifts = _as_product_and_shift(steps / sum_step, bits)
    return IntegerLayer(*codes, multipliers, shifts, low, high, table), output_step


def _table(activation, sum_step, width):
    """The function at the ends of its segments, and the step of its codes."""
    nodes = np.linspace(-32768, 32768, 2**width.segment_bits + 1)
    values = activation.value(nodes * sum_step)
    step = np.abs(values).max() / width.largest
    return np.rint(values / step * 2**width.fraction_bits).astype(np.int64), step


def _as_product_and_shift(ratios, bits):
    """Integers whose ``multiplier / 2 ** shift`` is nearest to each ratio."""
    shifts = np.clip(bits - np.frexp(ratios)[1], 1, _PRODUCT_BITS).astype(np.int64)
    multipliers = np.rint(np.ldexp(ratios, shifts))
    if (multipliers > 2**bits).any():
        raise ValueError("The weights are too large, beside the range of X, for integers.")
    return multipliers.astype(np.int64), shifts


# ---- The C text ----

_SUM = """
static $sum net_sum(const $code *weights, $sum sum, const $code *in, int n_in)
{
    for (int i = 0; i < n_in; i++) {
        sum += ($sum)weights[i] * in[i];
    }
    return sum;
}
"""
_HIDDEN = """
/* value * multiplier / 2 ** shift, rounded, and kept between low and high. */
static int32_t net_rescale(int64_t value, int64_t multiplier, int shift, int32_t low,
                           int32_t high)
{
    const int64_t half = (int64_t)1 << (shift - 1);
    value *= multiplier;
    value = value < 0 ? -((half - value) >> shift) : (half + value) >> shift;
    return (int32_t)(value < low ? low : value > high ? high : value);
}

/* The activation function of a code, between the two nearest entries of its table. */
static int32_t net_look_up(const int16_t *table, int32_t code)
{
    const int32_t from_start = code + 32768;
    const int32_t part = from_start & $part_mask;
    table += from_start >> $part_bits;
    return net_rescale((int64_t)table[0] * ($parts - part) + (int64_t)table[1] * part,
                       1, $table_shift, -$largest, $largest);
}

static void net_hidden(const $code *weights, const $sum *biases, const int32_t *multipliers,
                       const uint8_t *shifts, const $code *in, int n_in, $code *out, int n_out,
                       int32_t low, int32_t high, const int16_t *table)
{
    for (int j = 0; j < n_out; j++, weights += n_in) {
        const int32_t code = net_rescale(net_sum(weights, biases[j], in, n_in),
                                         multipliers[j], shifts[j], low, high);
        out[j] = ($code)(table ? net_look_up(table, code) : code);
    }
}
"""
_ENDS = """
static void net_encode(const float *x)
{
    for (int i = 0; i < NET_INPUTS; i++) {
        float code = (x[i] - net_center[i]) * net_gain[i];
        code = code > $largest ? $largest : code > -$largest ? code : -$largest;
        net_inputs[i] = ($code)(code < 0 ? code - 0.5f : code + 0.5f);
    }
}

static void net_last(const $code *weights, const $sum *biases, const float *steps,
                     const $code *in, int n_in)
{
    for (int j = 0; j < NET_OUTPUTS; j++, weights += n_in) {
        net_sums[j] = (float)net_sum(weights, biases[j], in, n_in) * steps[j];
        net_outputs[j] = $value(net_sums[j]);
    }
}
"""


def write(fitted, center, gain, X, dtype, raw, c):
    """A network in integers: the parts of the C file, and the calls of its forward pass."""
    width = WIDTHS[dtype]
    for values in (*fitted.weights, *fitted.biases):
        check_finite(values, "The weights and biases")
    quantized = quantize(fitted, center, gain, X, width)
    n_inputs = fitted.network.layer_sizes[0]
    code, sums = f"int{width.bits}_t", f"int{32 if width.sum_bits < 32 else 64}_t"
    parts = [
        c.array("static const float net_center[NET_INPUTS]", c.numbers(quantized.center, "X")),
        c.array(
            "static const float net_gain[NET_INPUTS]",
            c.scales(quantized.gain, "One over the range of X"),
        ),
    ]
    lines, source = [f"net_encode({raw});"], "net_inputs"
    signals = [f"net_inputs[{n_inputs}]"]
    for number, layer in enumerate(quantized.layers, start=1):
        n_out, n_in = layer.weights.shape
        parts.append(_array(c, code, "weights", number, layer.weights))
        parts.append(_array(c, sums, "biases", number, layer.biases))
        of_layer = f"net_weights_{number}, net_biases_{number}"
        if layer.multipliers is None:
            parts.append(_array(c, "float", "steps", number, layer.steps))
            lines.append(f"net_last({of_layer}, net_steps_{number}, {source}, {n_in});")
            break
        parts.append(_array(c, "int32_t", "multipliers", number, layer.multipliers))
        parts.append(_array(c, "uint8_t", "shifts", number, layer.shifts))
        table = "0"
        if layer.table is not None:
            table = f"net_table_{number}"
            parts.append(_array(c, "int16_t", "table", number, layer.table))
        out = f"net_hidden_{number}"
        lines += [
            f"net_hidden({of_layer}, net_multipliers_{number}, net_shifts_{number},",
            f"           {source}, {n_in}, {out}, {n_out}, "
            f"{layer.low}, {layer.high}, {table});",
        ]
        signals.append(f"{out}[{n_out}]")
        source = out
    signals = [f"static {code} {signal};" for signal in signals]
    signals += [f"static float net_{name}[NET_OUTPUTS];" for name in ("sums", "outputs")]
    parts.append(c("\n".join(signals)))
    value = f"net_{output_name(fitted.network)}"
    return [*parts, _functions(quantized, code, sums, value, c)], lines


def _array(c, kind, name, number, values):
    items = c.numbers(values, "The weights") if kind == "float" else integers(values)
    return c.array(f"static const {kind} net_{name}_{number}[{values.size}]", items)


def _functions(quantized, code, sums, value, c):
    width = quantized.width
    part_bits = 16 - width.segment_bits
    hidden = len(quantized.layers) > 1
    return c(
        _SUM + (_HIDDEN if hidden else "") + _ENDS,
        value=c(value),
        code=code,
        sum=sums,
        largest=width.largest,
        part_bits=part_bits,
        parts=2**part_bits,
        part_mask=2**part_bits - 1,
        table_shift=part_bits + width.fraction_bits,
    )
