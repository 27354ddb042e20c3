"""Class labels that are hard to write down."""

import numpy as np

INT64 = np.iinfo(np.int64)
LABELS = {
    "Landsat": [
        "cotton crop", "damp grey soil", "grey soil", "red soil", "vegetation stubble",
        "very damp grey soil",
    ],
    "quotes": ['"', "'", '""', "''", 'a "b" c', "\\", "\\\\", '\\"', "\\0", "\\x41", "\\n"],
    "trigraphs": ["??=", "??/", "??'", "??(", "??)", "??!", "??<", "??>", "??-", "??/\nb", "?"],
    "white space": [" ", "  ", "\t", "\n", "\r\n", "a\nb", " a", "a ", "\v\f", "\x01", ""],
    "formats and comments": ["%", "%s", "%n%n", "*/", "/*", "//", "a*/b", "{", ",", ";", "#"],
    "not ASCII": ["é", "é1", "漢字", "🌾", "\u202eabc", "e\u0301", "\x80", "ñ" * 40],
    "dollars": ["$", "$$", "$T", "$f", "${T}", "net_", "NET_INPUTS", "net_classes"],
    "words": ["long " * 30, "-" * 200, "a-b " * 90, "word " * 799],
    "beyond a literal": ["a" * 4095, "b" * 4096, "c d " * 5000, "é" * 9000, '"?\\' * 3000],
    "one letter": ["a", "b"],
    "int64": [INT64.min, INT64.min + 1, -1, 0, INT64.max],
    "far apart": [INT64.min, 1],
    "int32": [-(2**31), 2**31 - 1],
    "int8": np.array([-128, 0, 127], dtype=np.int8),
    "uint64": np.array([0, 2**63 - 1, 2**63, 2**64 - 1], dtype=np.uint64),
    "uint64, small": np.array([0, 2**63 - 1], dtype=np.uint64),
    "bool": [False, True],
    "whole floats": [-0.0, 3.0, -7.0],
    "float32": np.array([1, 16777216], dtype=np.float32),
}  # fmt: skip

# Names that matplotlib or a table would take for something else, and how they are shown.
NAMES = {
    "$a_b^c$ and $d$": "$a_b^c$ and $d$",
    r"$\frac{$": r"$\frac{$",
    "$": "$",
    r"a\$b$c$": r"a\$b$c$",
    "_x": "_x",
    "_nolegend_": "_nolegend_",
    "<b>&amp;": "<b>&amp;",
    "a\nb\t\0": r"a\nb\t\x00",
    "größer % {x}": "größer % {x}",
    "x" * 5000: "x" * 29 + "…" + "x" * 29,
}
