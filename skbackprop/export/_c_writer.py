"""Words of C99: names, numbers, strings, arrays and comments."""

import re
import textwrap
from dataclasses import dataclass
from string import Template

import numpy as np

_WIDTH = 94
# A line of source, and a string, may hold 4095 characters in C99; an array may hold more.
_LONGEST_LITERAL = 4000
_INT64_MIN = -(2**63)


@dataclass(frozen=True)
class CTemplate:
    """How templates become C: ``net_`` and ``NET_`` take the prefix, ``$T`` the float type.

    Parameters
    ----------
    prefix : str
        What all names begin with.
    real : {"float", "double"}
        The float type.
    """

    prefix: str
    real: str

    @property
    def dtype(self):
        """NumPy's name of the float type."""
        return np.dtype(np.float32 if self.real == "float" else np.float64)

    def __call__(self, template, **values):
        """The text of a template."""
        names = {"net_": f"{self.prefix}_", "NET_": f"{self.prefix.upper()}_"}
        text = re.sub(r"\b(net|NET)_", lambda match: names[match[0]], template)
        suffix = "f" if self.real == "float" else ""
        return Template(text).substitute(T=self.real, f=suffix, **values)

    def number(self, value, name):
        """A floating-point literal, as of `numbers`."""
        return self.numbers([value], name)[0]

    def numbers(self, values, name):
        """Floating-point literals that read back as the same numbers, in the float type.

        Parameters
        ----------
        values : array-like of float
        name : str
            What the numbers are, for the error.

        Raises
        ------
        ValueError
            If there is no such literal.
        """
        values = check_finite(np.ravel(values), name)
        if self.real == "double":
            return [repr(value) for value in values.astype(np.float64).tolist()]
        with np.errstate(over="ignore"):
            singles = values.astype(np.float32)
        if not np.isfinite(singles).all():
            raise ValueError(
                f"{name} must be less than 3.4e38 in size for dtype='float'. Got "
                f"{values[~np.isfinite(singles)][0]:g}: pass dtype='double', or scale the "
                "inputs and the targets."
            )
        return [f"{single!s}f" for single in singles]

    def scales(self, values, name):
        """The same of numbers that are not zero, and may not become it."""
        literals = self.numbers(values, name)
        if any(float(literal.rstrip("f")) == 0 for literal in literals):
            raise ValueError(
                f"{name} must be more than 1e-45 in size for dtype='float'. Got "
                f"{np.abs(values).min():g}: pass dtype='double', or scale the inputs and the "
                "targets."
            )
        return literals

    def array(self, declaration, items):
        """A definition of an array, with its items whole on lines."""
        lines, room = [], 0
        for item in items:
            if len(item) + 2 > room:
                lines.append([])
                room = _WIDTH - 3
            lines[-1].append(item)
            room -= len(item) + 2
        body = ",\n".join("    " + ", ".join(line) for line in lines)
        return f"{self(declaration)} = {{\n{body}\n}};"


def check_finite(values, name):
    """The values, or a ValueError where one has no literal in C."""
    values = np.asarray(values)
    if not np.isfinite(values).all():
        found = values[~np.isfinite(values)][0]
        raise ValueError(f"{name} must be finite to be written in C. Got {found}.")
    return values


def integers(values):
    """Integer literals, of 64 bits at most."""
    return [_integer(int(value)) for value in np.ravel(values)]


def _integer(value):
    if value == _INT64_MIN:
        return f"({_INT64_MIN + 1} - 1)"  # the number without its sign would not fit
    return f"{value}u" if value >= 2**63 else str(value)


def string(text, name):
    """A string literal in ASCII, free of trigraphs, or None where it would be too long.

    Parameters
    ----------
    text : str
    name : str
        What the text is, for the error.

    Raises
    ------
    ValueError
        If a string of C cannot hold the text.
    """
    literal = '"{}"'.format("".join(_characters(text, name)))
    return literal if len(literal) <= _LONGEST_LITERAL else None


def characters(text, name):
    """The items of an array of characters that holds a text, its end included."""
    return [f"'{each}'" for each in (*_characters(text, name), "\\0")]


def _characters(text, name):
    """The bytes of a text in UTF-8, as literals write them."""
    try:
        code = text.encode()
    except UnicodeEncodeError:
        code = b"\0"
    if 0 in code:
        raise ValueError(
            f"{name} must be a text without the characters U+0000 and U+D800 to U+DFFF to be "
            f"written in C. Got {text!r}."
        )
    plain = re.compile(rb"[A-Za-z0-9 _.,:;+*/()<>=-]")
    return [chr(byte) if plain.match(bytes([byte])) else f"\\{byte:03o}" for byte in code]


def comment(text):
    """Lines of ASCII that a comment can hold; other characters by their code points."""
    ends_or_other = re.compile(r"(?<=\*)/|(?<=/)\*|(?<=\?)\?|[^ -\[\]-~]")
    ascii_text = ends_or_other.sub(lambda match: f"<U+{ord(match[0]):04X}>", text)
    return textwrap.wrap(ascii_text, _WIDTH, break_on_hyphens=False)
