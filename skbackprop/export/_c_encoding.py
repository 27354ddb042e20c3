"""From the columns of a table to the inputs of a network, in C."""

import numpy as np

from ._c_writer import comment

_VALUES = """
    for (int i = 0; i < $n; i++) {
        const $T value = x[net_numeric[i]];
        *in++ = value == value ? value : net_fill[i];
    }
"""
_BINS = """
    for (int i = 0; i < $n; i++) {
        const $T share = (net_encoded[net_bin_column[i]] - net_bin_start[i]) / net_bin_width[i];
        *in++ = share < 0 ? 0 : share > 1 ? 1 : share;
    }
"""
_INDICATORS = """
    for (int i = 0; i < $n; i++) {
        const $T value = x[net_indicated[i]];
        *in++ = value == value ? 0 : 1;
    }
"""
_CATEGORIES = """
    const int *input = net_input_of_code;
    for (int i = 0; i < $n; i++) {
        const $T value = x[net_categorical[i]];
        const int n_codes = net_codes[i], n_inputs = net_inputs_of[i];
        int code = n_codes + 1; /* missing */
        if (value == value) {
            code = value >= 0 && value < ($T)n_codes ? (int)value : n_codes;
            code = value == ($T)code ? code : n_codes;
        }
        for (int j = 0; j < n_inputs; j++) {
            *in++ = j == input[code] ? 1 : 0;
        }
        input += n_codes + 2;
    }
"""


def write_encoding(fitted, c):
    """Return the tables and the function that fills ``net_encoded`` from the columns.

    Parameters
    ----------
    fitted : FittedView
    c : CTemplate
    """
    encoder = fitted.encoder
    places, starts, widths = encoder.bin_of_inputs
    categories = encoder.categories
    parts, body = [c("static $T net_encoded[NET_INPUTS];")], []
    for text, n, tables in (
        (
            _VALUES,
            encoder.n_values,
            [
                _integers("numeric", encoder.numeric, c),
                _numbers("fill", fitted.fill, c.numbers, c),
            ],
        ),
        (
            _BINS,
            encoder.n_bin_inputs,
            [
                _integers("bin_column", places, c),
                _numbers("bin_start", starts, c.numbers, c),
                _numbers("bin_width", widths, c.scales, c),
            ],
        ),
        (
            _INDICATORS,
            int(encoder.has_indicator.sum()),
            [_integers("indicated", encoder.numeric[encoder.has_indicator], c)],
        ),
        (
            _CATEGORIES,
            len(categories),
            [
                _integers("categorical", [one.levels.column for one in categories], c),
                _integers("codes", [len(one.levels) for one in categories], c),
                _integers("inputs_of", [one.n_inputs for one in categories], c),
                _integers(
                    "input_of_code",
                    np.concatenate([[], *(one.inputs for one in categories)]),
                    c,
                ),
            ],
        ),
    ):
        if n:
            parts += tables
            body.append(c(text, n=n).strip("\n"))
    lines = "\n".join(body)
    note = "/* Missing cells are NaN, which options such as -ffast-math do not tell apart. */"
    signature = c("static void net_encode_columns(const $T *x)")
    target = c("    $T *in = net_encoded;")
    return [*parts, f"{note}\n{signature}\n{{\n{target}\n{lines}\n}}"]


def _integers(name, values, c):
    items = [str(int(value)) for value in values]
    return c.array(f"static const int net_{name}[{len(items)}]", items) if items else ""


def _numbers(name, values, write, c):
    items = write(values, "The encoding of the columns") if len(values) else []
    return c.array(f"static const $T net_{name}[{len(items)}]", items) if items else ""


def describe_codes(encoder, names):
    """Return lines of a comment that tell the codes of the categories."""
    lines = []
    for one in encoder.categories:
        column = one.levels.column
        label = f"{column}" if names is None else f"{column}, {names[column]},"
        codes = (f"{code} is {level}" for code, level in enumerate(one.levels.values()))
        lines += comment(f"Column {label} takes a code: {'; '.join(codes)}; else another.")
    return lines
