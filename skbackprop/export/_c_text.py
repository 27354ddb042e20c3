"""Words of C99: names, numbers and arrays."""

import re
import textwrap
from dataclasses import dataclass
from string import Template

import numpy as np

_WIDTH = 94


@dataclass(frozen=True)
class Dialect:
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

    def __call__(self, template, **values):
        """The text of a template."""
        text = re.sub(r"\bnet_", f"{self.prefix}_", template)
        text = re.sub(r"\bNET_", f"{self.prefix.upper()}_", text)
        suffix = "f" if self.real == "float" else ""
        return Template(text).substitute(T=self.real, f=suffix, **values)

    def number(self, value):
        """A float literal that reads back as the same number."""
        if self.real == "double":
            return repr(float(value))
        with np.errstate(over="ignore"):
            single = np.float32(value)
        if not np.isfinite(single):
            raise ValueError(f"The number {value:g} is too large for dtype='float'.")
        return f"{single!s}f"

    def numbers(self, values):
        return [self.number(value) for value in np.ravel(values)]

    def array(self, declaration, items):
        """A definition of an array."""
        body = textwrap.fill(
            ", ".join(items), _WIDTH, initial_indent="    ", subsequent_indent="    ",
            break_long_words=False, break_on_hyphens=False,
        )  # fmt: skip
        return f"{self(declaration)} = {{\n{body}\n}};"


def integers(values):
    """Integer literals."""
    return [str(int(value)) for value in np.ravel(values)]


def string(text):
    """A string literal in ASCII, free of trigraphs."""
    plain = re.compile(rb"[A-Za-z0-9 _.,:;+*/()<>=-]")
    return '"{}"'.format(
        "".join(
            chr(byte) if plain.match(bytes([byte])) else f"\\{byte:03o}"
            for byte in text.encode()
        )
    )


def comment(text):
    """Text that a comment can hold."""
    return re.sub(r"[^A-Za-z0-9 _.,:;+=()<>\[\]-]", "?", text)
