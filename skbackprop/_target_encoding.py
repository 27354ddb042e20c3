"""Class labels as numbers, and back; what a classifier's outputs stand for."""

from dataclasses import dataclass

import numpy as np
from scipy.sparse import issparse
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from ._label_types import refuse_mixture, union

SINGLE = "single"
MULTILABEL = "multilabel"
MULTIOUTPUT = "multioutput"


@dataclass(frozen=True)
class ClassEncoder:
    """The classes of a classifier.

    Parameters
    ----------
    kind : {"single", "multilabel", "multioutput"}
        One class per row; a 0/1 column per label; or a class per row and column.
    classes : ndarray, or list of ndarrays for "multioutput"
        In ascending order.
    """

    kind: str
    classes: object

    @classmethod
    def learn(cls, y, classes=None):
        """The labels in `y`; `classes` may name more that are to come."""
        refuse_mixture(y, "y")
        kind = kind_of(y)
        if kind == MULTILABEL:
            return cls(kind, np.arange(y.shape[1]))
        if kind == MULTIOUTPUT:
            columns = y.T if classes is None else classes
            if len(columns) != y.shape[1]:
                raise ValueError(
                    f"classes must be a list of {y.shape[1]} arrays, one per column of y. Got "
                    f"{len(columns)}."
                )
            return cls(kind, [distinct(column) for column in columns])
        return cls(kind, distinct(y if classes is None else classes))

    @property
    def per_column(self):
        """A list of the classes of each column of the targets."""
        return self.classes if self.kind == MULTIOUTPUT else [self.classes]

    @property
    def blocks(self):
        """The number of classes of each column."""
        return tuple(len(classes) for classes in self.per_column)

    def share_one_output(self, n_outputs):
        """Whether one output stands for both of two classes."""
        return self.kind == SINGLE and n_outputs == 1 and len(self.classes) == 2

    def encode(self, y, kind=None):
        """Class numbers, one or a column of them; for labels their 0 and 1.

        `kind` is that of `y`, where it is known already.

        Raises
        ------
        ValueError
            If `y` is of another kind, or holds labels that are not among the classes.
        """
        kind = kind_of(y) if kind is None else kind
        # One column of labels, or a column that happens to hold two classes only, may look
        # like another kind than the whole.
        if kind != self.kind and self.kind == MULTIOUTPUT and y.ndim == 2:
            kind = MULTIOUTPUT
        n_columns = y.shape[1] if y.ndim == 2 else 1
        expected = len(self.classes) if self.kind != SINGLE else 1
        if kind != self.kind or n_columns != expected:
            raise ValueError(
                f"Training cannot be resumed: y of shape {y.shape} does not fit {self}."
            )
        if kind == MULTILABEL:
            return y.astype(np.float64)
        columns = y.T if kind == MULTIOUTPUT else [y]
        numbers = [
            _number(column, classes)
            for column, classes in zip(columns, self.per_column, strict=True)
        ]
        return np.column_stack(numbers) if kind == MULTIOUTPUT else numbers[0]

    def one_hot(self, numbers, dtype):
        """A 0/1 column per class of every column of class numbers."""
        columns = [
            np.eye(size, dtype=dtype)[column]
            for column, size in zip(numbers.T, self.blocks, strict=True)
        ]
        return np.hstack(columns)

    def split(self, outputs):
        """Columns of outputs, class by class, apart for each column of the targets."""
        return np.split(outputs, np.cumsum(self.blocks)[:-1], axis=1)

    def decode(self, numbers):
        """Labels for class numbers: an array for a list of columns of them."""
        columns = [
            classes[column] for column, classes in zip(numbers, self.per_column, strict=True)
        ]
        return columns[0] if self.kind == SINGLE else np.column_stack(columns)

    def with_new(self, y):
        """These and the labels in `y` that are new."""
        return ClassEncoder(self.kind, union(self.classes, y))

    def numbers_in(self, earlier):
        """For each class its number among the `earlier` ones; None where it is new."""
        known = {label: number for number, label in enumerate(earlier.classes.tolist())}
        return [known.get(label) for label in self.classes.tolist()]

    def __str__(self):
        if self.kind == MULTILABEL:
            return f"the {len(self.classes)} labels of the earlier call"
        if self.kind == MULTIOUTPUT:
            return f"the {len(self.classes)} columns of classes of the earlier call"
        return f"the {len(self.classes)} classes of the earlier call"


_KINDS = {
    "binary": SINGLE,
    "multiclass": SINGLE,
    "multilabel-indicator": MULTILABEL,
    "multiclass-multioutput": MULTIOUTPUT,
}


def kind_of(y):
    """What the targets stand for; raises a ValueError where they are no classes.

    To scikit-learn several columns of any two numbers are labels; here they are only where
    the numbers are 0 and 1, and classes else.
    """
    kind = type_of_target(y)
    if kind not in _KINDS:
        check_classification_targets(y)  # which says so in scikit-learn's words
    if _KINDS[kind] == MULTILABEL and not _are_indicators(y.data if issparse(y) else y):
        return MULTIOUTPUT
    return _KINDS[kind]


def _are_indicators(values):
    values = np.asarray(values)
    return bool(((values == 0) | (values == 1)).all())


def distinct(labels):
    """The different labels in ascending order; refuses a mixture of types."""
    refuse_mixture(labels, "classes")
    return np.unique(labels)


def _number(labels, classes):
    """The number of each label among the sorted classes."""
    if labels.dtype.kind == classes.dtype.kind:
        numbers = np.searchsorted(classes, labels)
        known = classes[np.minimum(numbers, len(classes) - 1)] == labels
    else:
        # NumPy before 1.25 warns where it compares strings with numbers.
        has_strings = "U" in (labels.dtype.kind, classes.dtype.kind)
        known = np.isin(labels.astype(object) if has_strings else labels, classes)
        numbers = np.searchsorted(classes, labels) if known.all() else None
    if not known.all():
        unknown = np.unique(labels[~known])
        raise ValueError(
            f"y holds the labels {unknown.tolist()}, which are not among the classes "
            f"{classes.tolist()}."
        )
    return numbers
