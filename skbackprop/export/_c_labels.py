"""Class labels as constants of C."""

import numpy as np

from .._preprocessing.target_encoding import MULTILABEL, MULTIOUTPUT
from ._c_writer import characters, integers, string
from ._fitted_view import REGRESSION


def label_arrays(fitted):
    """The name of the table of each column's class labels, and the labels."""
    if fitted.kind in (REGRESSION, MULTILABEL):
        return []
    if fitted.kind == MULTIOUTPUT:
        return [(f"net_classes_{k}", labels) for k, labels in enumerate(fitted.classes)]
    return [("net_classes", fitted.classes[0])]


def label_type(classes):
    """The C type of some class labels, ready for a name behind it.

    Raises
    ------
    ValueError
        If C has no such type.
    """
    kind = classes.dtype.kind
    if kind in "biu":
        largest = max(abs(int(label)) for label in classes)
        if int(classes.max()) >= 2**63:
            return "unsigned long long "
        return "long long " if largest >= 2**31 else "long "
    if kind == "f" and (classes.astype(np.float64) == classes).all():
        return "double "
    if kind in "OUT" and all(isinstance(label, str) for label in classes):
        return "char *const "
    raise ValueError(
        "Class labels must be strings, whole numbers of 64 bits or floating-point numbers of "
        f"double precision to be written in C. Got {classes.tolist()}, of dtype "
        f"{classes.dtype}: train with the numbers of the classes."
    )


def write_labels(fitted, c):
    """The tables of class labels."""
    parts = []
    for table, classes in label_arrays(fitted):
        kind = label_type(classes)
        if kind == "double ":
            items = [repr(label) for label in classes.astype(np.float64).tolist()]
        elif kind == "char *const ":
            texts, items = _strings(table, classes, c)
            parts += texts
        else:
            items = integers(classes)
        parts.append(c.array(f"const {kind}{table}[{len(classes)}]", items))
    return parts


def _strings(table, classes, c):
    """The definitions of texts that are too long for a literal, and the items of a table."""
    texts, items = [], []
    for place, label in enumerate(classes):
        name = f"Class label number {place}"
        literal = string(str(label), name)
        if literal is None:
            literal = c(f"{table}_text_{place}")
            declaration = f"static const char {table}_text_{place}[]"
            texts.append(c.array(declaration, characters(str(label), name)))
        items.append(literal)
    return texts, items
