"""Labels are of one type: no number becomes a string, and no class another number."""

from numbers import Real

import numpy as np

_NUMBERS, _STRINGS, _BOOLEANS, _OTHERS = "numbers", "strings", "booleans", "objects"
_TYPES = {
    "b": _BOOLEANS, "i": _NUMBERS, "u": _NUMBERS, "f": _NUMBERS, "U": _STRINGS, "M": "dates",
}  # fmt: skip
# Which kinds of dtypes are those of wider labels of the same type.
_WIDER = {"i": "iu", "u": "iu"}


def type_of_label(label):
    """What a single label is, in words."""
    if isinstance(label, str):
        return _STRINGS
    if isinstance(label, (bool, np.bool_)):
        return _BOOLEANS
    return _NUMBERS if isinstance(label, Real) else _OTHERS


def type_of_labels(labels):
    """What an array of labels holds, in words."""
    if labels.dtype.kind == "O" and len(labels):
        return type_of_label(labels[0])
    return _TYPES.get(labels.dtype.kind, _OTHERS)


def refuse_mixture(labels, name):
    """Raise a ValueError for labels of several types, of which NumPy would make strings.

    Each column of an array may have its own type.
    """
    if isinstance(labels, np.ndarray) and labels.dtype.kind == "O":
        for column in labels.T if labels.ndim == 2 else [labels.ravel()]:
            refuse_mixture(column.tolist(), name)
    if not isinstance(labels, (list, tuple)):
        return
    by_class = {type(label): label for label in labels}
    examples = {type_of_label(label): label for label in by_class.values()}
    if len(examples) > 1 and examples.keys() != {_NUMBERS, _BOOLEANS}:
        raise ValueError(
            f"{name} must hold labels of one type, numbers or strings. Got a mixture of "
            f"{' and '.join(sorted(examples))}, such as {[*examples.values()]}: convert them."
        )


def union(classes, labels):
    """The classes and the labels that are new, in ascending order.

    Parameters
    ----------
    classes, labels : ndarray of shape (n,)
        Each of one type.

    Raises
    ------
    ValueError
        If the labels are of another type than the classes, or cannot stand beside them
        unless some class changes its value or its type.
    """
    labels = np.unique(labels)
    of_classes, of_labels = type_of_labels(classes), type_of_labels(labels)
    if of_classes != of_labels:
        raise _cannot_join(classes, labels, f"{of_labels} and {of_classes}")
    if of_classes not in (_NUMBERS, _STRINGS):
        return np.union1d(classes, labels)
    merged = sorted({*classes.tolist(), *labels.tolist()})
    values = np.array(merged)
    allowed = _WIDER.get(classes.dtype.kind, classes.dtype.kind)
    for dtype in (classes.dtype, values.dtype):
        with np.errstate(invalid="ignore", over="ignore"):
            found = values.astype(dtype)
        if dtype.kind in allowed and found.tolist() == merged:
            return found
    raise _cannot_join(classes, labels, f"{labels.dtype} and {classes.dtype}")


def _cannot_join(classes, labels, types):
    return ValueError(
        f"y holds the labels {labels.tolist()[:5]}, which cannot join the classes so far, "
        f"{classes.tolist()[:5]}: they are {types}, and a class keeps its type and its value. "
        "Convert y to the type of the classes."
    )
