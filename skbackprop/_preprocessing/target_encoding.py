"""The targets as the network takes them, and what its outputs stand for."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.sparse import issparse
from sklearn.utils import check_array
from sklearn.utils.multiclass import check_classification_targets, type_of_target

from .._engine.losses import ROBUST_LOSSES
from .label_types import refuse_mixture, union

SINGLE = "single"
MULTILABEL = "multilabel"
MULTIOUTPUT = "multioutput"
NUMERIC = "numeric"


class OutputLayer(NamedTuple):
    """What the targets and the loss ask of the output layer."""

    n_outputs: int
    loss: object
    activation: str
    loss_options: tuple = ()


class TargetEncoder(ABC):
    """What the targets are, and how they reach the network.

    `encode` gives the numbers that rows are ordered and split by, `to_network` what the loss
    compares the outputs with.
    """

    kind: str
    #: What ``loss="auto"`` is.
    default_loss: str

    @abstractmethod
    def encode(self, y, kind=None):
        """Return the targets as numbers; `kind` is that of `y`, where it is known already.

        Raises
        ------
        ValueError
            If they are not of the kind that the encoder was made for.
        """

    @abstractmethod
    def output_layer(self, loss, quantiles=()):
        """Return the `OutputLayer` that a loss calls for."""

    @abstractmethod
    def to_network(self, Y, network, dtype):
        """Return the encoded targets as `network` takes them."""

    def strata(self, Y):
        """Return the stratum of each row, of which a validation set has its share."""
        return np.zeros(len(Y), dtype=int)

    def check_strata(self, Y, counts):  # noqa: B027
        """Raise an error if a stratum has too few rows to train on and to hold out.

        Parameters
        ----------
        Y : ndarray
            Of the rows that can be held out.
        counts : ndarray of shape (n_rows,)
            How many copies each stands for.
        """

    def scaled_by(self, network):
        """Return by what the targets are standardized, as `fit_target_scaler` has it."""
        return None


@dataclass(frozen=True)
class NumericEncoder(TargetEncoder):
    """The targets of a regressor.

    Parameters
    ----------
    n_targets : int
    is_flat : bool
        Whether `y` had one dimension, as predictions then have.
    """

    n_targets: int
    is_flat: bool

    kind = NUMERIC
    default_loss = "squared_error"

    @classmethod
    def learn(cls, y):
        """Return the encoder of targets like these."""
        return cls(1 if y.ndim == 1 else y.shape[1], y.ndim == 1)

    def encode(self, y, kind=None):
        """Return a column per target."""
        y = check_array(y, ensure_2d=False, dtype=np.float64, input_name="y")
        y = y.reshape(len(y), -1)
        if y.shape[1] != self.n_targets:
            raise ValueError(
                f"Training cannot be resumed: y has {y.shape[1]} targets, the fitted network "
                f"{self.n_targets}."
            )
        return y

    def output_layer(self, loss, quantiles=()):
        """Return one output per target, or per quantile of each."""
        options = quantiles * self.n_targets if loss == "quantile" else ()
        activation = "exp" if loss == "poisson" else "identity"
        return OutputLayer(len(options) or self.n_targets, loss, activation, options)

    def to_network(self, Y, network, dtype):
        """Return each target once for every quantile."""
        if network.loss == "poisson" and (Y < 0).any():
            raise ValueError(f"y must hold numbers >= 0 with loss='poisson'. Got {Y.min():g}.")
        largest = np.abs(Y).max()
        if largest > np.finfo(dtype).max:
            raise ValueError(
                f"y and y_val must hold numbers in the range of {np.dtype(dtype)}, the dtype "
                f"of the network. Got {largest:g}: divide y by a constant, or fit to float64."
            )
        copies = network.layer_sizes[-1] // Y.shape[1]
        return np.repeat(Y, copies, axis=1).astype(dtype, copy=False)

    def scaled_by(self, network):
        """Return what fits the output activation and the loss."""
        output = network.loss_function.output_activation
        if output == "exp":
            return "size"
        if output != "identity":
            return None
        return "quartiles" if network.loss in ROBUST_LOSSES else "moments"

    def quantiles_of(self, network):
        """Return the quantiles that a network predicts; none with other losses."""
        if network.loss != "quantile":
            return ()
        return network.loss_options[: len(network.loss_options) // self.n_targets]


@dataclass(frozen=True)
class ClassEncoder(TargetEncoder):
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

    default_loss = "log_loss"

    @classmethod
    def learn(cls, y, classes=None):
        """Return the encoder of the labels in `y`; `classes` may name more that are to come."""
        refuse_mixture(y, "y")
        kind = target_kind(y)
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

    def has_single_output(self, n_outputs):
        """Whether one output stands for both of two classes."""
        return self.kind == SINGLE and n_outputs == 1 and len(self.classes) == 2

    def encode(self, y, kind=None):
        """Return class numbers, one or a column of them; for labels their 0 and 1.

        Labels that are not among the classes are refused.
        """
        kind = target_kind(y) if kind is None else kind
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

    def output_layer(self, loss, quantiles=()):
        """Return an output per class; with the logarithmic loss one stands for both of two."""
        has_softmax = loss == "log_loss" and self.kind != MULTILABEL
        if has_softmax and self.blocks == (2,):
            return OutputLayer(1, loss, "logistic")
        options = self.blocks if has_softmax and len(self.blocks) > 1 else ()
        activation = "softmax" if has_softmax else "logistic"
        return OutputLayer(sum(self.blocks), loss, activation, options)

    def to_network(self, Y, network, dtype):
        """Return class numbers, or columns of 0 and 1."""
        if self.kind == MULTILABEL:
            return Y.astype(dtype)
        if self.kind == MULTIOUTPUT:
            return self.one_hot(Y, dtype)
        # Class numbers stand for a column per class; a single column spells them out.
        if self.has_single_output(network.layer_sizes[-1]):
            return Y.reshape(-1, 1).astype(dtype)
        # A custom loss is handed columns.
        return Y if isinstance(network.loss, str) else self.one_hot(Y[:, None], dtype)

    def strata(self, Y):
        """Return the classes, where each row has one."""
        return Y if self.kind == SINGLE else super().strata(Y)

    def check_strata(self, Y, counts):
        """Raise an error if a class has a single row."""
        if self.kind != SINGLE:
            return
        n_members = np.bincount(Y, counts, minlength=len(self.classes))
        too_few = (n_members > 0) & (n_members < 2)
        if too_few.any():
            raise ValueError(
                "The least populated classes in y have only 1 member, which is too few: "
                "early_stopping needs one to train on and one to hold out. Classes with too "
                f"few members are: {self.classes[too_few].tolist()}"
            )

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

    def union_with(self, y):
        """These and the labels in `y` that are new."""
        return ClassEncoder(self.kind, union(self.classes, y))

    def index_in(self, earlier):
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


def target_kind(y):
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
