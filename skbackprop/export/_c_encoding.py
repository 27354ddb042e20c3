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
    parts, loops = [c("static $T net_encoded[NET_INPUTS];")], []
    for loop, n, tables in (
        (_VALUES, encoder.n_values, _tables_of_values),
        (_BINS, encoder.n_bin_inputs, _tables_of_bins),
        (_INDICATORS, int(encoder.has_indicator.sum()), _tables_of_indicators),
        (_CATEGORIES, len(encoder.categories), _tables_of_categories),
    ):
        if n:
            parts += tables(fitted, c)
            loops.append(c(loop, n=n).strip("\n"))
    lines = "\n".join([c("    $T *in = net_encoded;"), *loops])
    note = "/* Missing cells are NaN, which options such as -ffast-math do not tell apart. */"
    signature = c("static void net_encode_columns(const $T *x)")
    return [*parts, f"{note}\n{signature}\n{{\n{lines}\n}}"]


def _tables_of_values(fitted, c):
    return [
        _integers("numeric", fitted.encoder.numeric, c),
        _numbers("fill", fitted.fill, c.numbers, c),
    ]


def _tables_of_bins(fitted, c):
    places, starts, widths = fitted.encoder.bin_of_inputs
    return [
        _integers("bin_column", places, c),
        _numbers("bin_start", starts, c.numbers, c),
        _numbers("bin_width", widths, c.scales, c),
    ]


def _tables_of_indicators(fitted, c):
    encoder = fitted.encoder
    return [_integers("indicated", encoder.numeric[encoder.has_indicator], c)]


def _tables_of_categories(fitted, c):
    categories = fitted.encoder.categories
    inputs = np.concatenate([category.inputs for category in categories])
    return [
        _integers("categorical", [category.levels.column for category in categories], c),
        _integers("codes", [len(category.levels) for category in categories], c),
        _integers("inputs_of", [category.n_inputs for category in categories], c),
        _integers("input_of_code", inputs, c),
    ]


def _integers(name, values, c):
    items = [str(int(value)) for value in values]
    return c.array(f"static const int net_{name}[{len(items)}]", items)


def _numbers(name, values, write, c):
    items = write(values, "The encoding of the columns")
    return c.array(f"static const $T net_{name}[{len(items)}]", items)


def describe_codes(encoder, names):
    """Return lines of a comment that tell the codes of the categories."""
    lines = []
    for category in encoder.categories:
        column = category.levels.column
        label = f"{column}" if names is None else f"{column}, {names[column]},"
        codes = (f"{code} is {level}" for code, level in enumerate(category.levels.values()))
        lines += comment(f"Column {label} takes a code: {'; '.join(codes)}; else another.")
    return lines
