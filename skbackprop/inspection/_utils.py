"""What the modules of inspection share: validation, weights, names, extras."""

from numbers import Integral
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted

from .._base import BaseBackprop
from .._parameters import Interval
from .._preprocessing.categories import as_numbers

UNITS = ("training", "raw")


def check_network(estimator):
    """Refuse what is not a fitted network of this package."""
    if not isinstance(estimator, BaseBackprop):
        hint = ""
        if hasattr(estimator, "steps"):
            hint = "; of a pipeline pass the last step, pipeline[-1]"
        elif hasattr(estimator, "best_estimator_"):
            hint = "; of a search pass its best_estimator_"
        raise TypeError(
            "estimator must be a fitted BackpropClassifier or BackpropRegressor. Got "
            f"{type(estimator).__name__}{hint}."
        )
    check_is_fitted(estimator)


def check_option(name, value, allowed):
    """Refuse a value that is not one of a few."""
    if value not in allowed:
        raise ValueError(f"{name} must be one of {list(allowed)}. Got {value!r}.")


def weights_and_biases(estimator, units):
    """Copies of each layer's weights and biases.

    In "training" units they are the numbers that training changes, which belong to the
    standardized inputs and targets where the estimator standardizes; in "raw" units they
    are `coefs_` and `intercepts_`.
    """
    check_network(estimator)
    check_option("units", units, UNITS)
    if units == "raw":
        return estimator.coefs_, estimator.intercepts_
    network, params = estimator._network, estimator._params.copy()
    return network.weights(params), network.biases(params)


# ---- Rows ----


def check_row(estimator, x):
    """The inputs for a row, of shape (1, n_encoded_features_), in the dtype of the network."""
    if np.ndim(x) == 1 and not sparse.issparse(x):
        row = _check_flat_row(estimator, x)
    else:
        row = estimator._validate_rows(x)
        if row.shape[0] != 1:
            raise ValueError(f"x must be one row. Got {row.shape[0]} rows.")
    row = row.toarray() if sparse.issparse(row) else row
    # What is too large for the dtype becomes infinite, and raises.
    with np.errstate(over="ignore", invalid="ignore"):
        return check_array(row, dtype=estimator._params.dtype, input_name="x")


def _check_flat_row(estimator, x):
    names = getattr(estimator, "feature_names_in_", None)
    if names is not None and hasattr(x, "index") and not callable(x.index):
        given = [str(name) for name in x.index]
        if given != list(names):
            raise ValueError(
                f"x must have the entries {list(names)}, in this order. Got {given}."
            )
    levels = estimator._input_encoder.levels
    row = np.asarray(x, dtype=object if levels else None).reshape(1, -1)
    if row.shape[1] != estimator.n_features_in_:
        raise ValueError(
            f"x must have {estimator.n_features_in_} entries, one per column. "
            f"Got {row.shape[1]}."
        )
    if levels:
        row = as_numbers(row, levels)
    dtypes = (np.float64, np.float32)
    row = check_array(row, dtype=dtypes, input_name="x", ensure_all_finite="allow-nan")
    return estimator._encode_inputs(row, estimator._scaling)


# ---- Names ----


def column_names(estimator, given=None):
    """The names of the columns: given, seen in `fit`, or x0, x1, ..."""
    n_features = estimator.n_features_in_
    if given is not None:
        return check_names("feature_names", given, n_features)
    seen = getattr(estimator, "feature_names_in_", None)
    if seen is not None:
        return [str(name) for name in seen]
    return [f"x{i}" for i in range(n_features)]


def input_names(estimator, given=None):
    """The names of the inputs of the network, where `given` are those of the columns."""
    return estimator.get_feature_names_out(column_names(estimator, given)).tolist()


def hidden_names(n_neurons):
    """The names of a hidden layer's neurons: h0, h1, ..."""
    return [f"h{j}" for j in range(n_neurons)]


def output_names(estimator, given=None):
    """The names of the outputs: given, the classes, or y, or y0, y1, ..."""
    n_outputs = estimator.n_outputs_
    if given is not None:
        return check_names("output_names", given, n_outputs)
    names = [str(label) for label in output_labels(estimator)]
    if len(names) == n_outputs:
        return names
    return ["y"] if n_outputs == 1 else [f"y{k}" for k in range(n_outputs)]


def both_classes(estimator):
    """Return the name of the output that stands for two classes, or None."""
    classes = getattr(estimator, "classes_", ())
    if isinstance(classes, list) or len(classes) != 2 or estimator.n_outputs_ != 1:
        return None
    return [f"{classes[1]} (else {classes[0]})"]


def output_labels(estimator):
    """What the outputs of a classifier stand for; empty for a regressor."""
    classes = getattr(estimator, "classes_", ())
    if isinstance(classes, list):
        # Several targets: the outputs are a block of classes for each.
        return [f"{k}: {label}" for k, block in enumerate(classes) for label in block]
    if len(classes) == 2 and estimator.n_outputs_ == 1:
        classes = classes[1:]
    return list(classes)


def neuron_names(estimator, features=None, outputs=None):
    """The names of all neurons, layer by layer, the inputs first."""
    hidden = [hidden_names(n) for n in estimator._network.layer_sizes[1:-1]]
    return [input_names(estimator, features), *hidden, output_names(estimator, outputs)]


def check_names(name, given, n):
    """The given names as a list of `n` strings."""
    given = [str(one) for one in given]
    if len(given) != n:
        raise ValueError(f"{name} must hold {n} names. Got {len(given)}: {given[:10]}.")
    return given


def output_index(estimator, output):
    """The number of an output that is given as a class label, or as the number of a target."""
    labels, numbers = output_labels(estimator), range(estimator.n_outputs_)
    if not labels and Interval(0, len(numbers) - 1, kind=Integral).accepts(output):
        return int(output)
    for index, label in enumerate(labels):
        if _is_same_label(label, output):
            return index
    allowed = [
        label.item() if isinstance(label, np.generic) else label for label in labels or numbers
    ]
    raise ValueError(f"output must be None or one of {allowed}. Got {output!r}.")


def _is_same_label(label, other):
    """Whether two labels are equal; True is not the label 1."""
    both = [isinstance(one, (bool, np.bool_)) for one in (label, other)]
    return both[0] == both[1] and np.ndim(other) == 0 and label == other


# ---- Text ----

# How a name is drawn: as it is, and not as the formula that matplotlib sees in dollars.
VERBATIM: dict[str, Any] = {"parse_math": False, "usetex": False}


def shown(name, longest=60):
    """A name on one line, without the middle of a long one, and with escapes for controls."""
    text = "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode()
        for each in str(name)
    )
    if len(text) <= longest:
        return text
    half = (longest - 1) // 2
    return f"{text[:half]}\N{HORIZONTAL ELLIPSIS}{text[-half:]}"


def draw_legend(ax, entries, **options):
    """A legend of names as they are; matplotlib leaves out those that begin with "_".

    Parameters
    ----------
    ax : Axes
    entries : list of (Artist, str)
    **options
        Passed to matplotlib.
    """
    handles, names = zip(*entries, strict=True)
    legend = ax.legend(handles, [f"{k}" for k in range(len(names))], **options)
    for text, name in zip(legend.get_texts(), names, strict=True):
        text.set(text=name, **VERBATIM)


# ---- Extras ----


def import_pyplot(user):
    """matplotlib.pyplot, or an error that names the extra."""
    try:
        from matplotlib import pyplot
    except ImportError as error:
        raise ImportError(
            f"{user} needs matplotlib: python -m pip install 'skbackprop[plot]'"
        ) from error
    return pyplot


def import_pandas(user):
    """Pandas, or an error that names the extra."""
    try:
        import pandas
    except ImportError as error:
        raise ImportError(
            f"{user} needs pandas: python -m pip install 'skbackprop[pandas]'"
        ) from error
    return pandas


def new_axes(user, ax, figsize=None):
    """The given axes, or new ones in a figure that leaves room for every label."""
    pyplot = import_pyplot(user)
    if ax is None:
        _, ax = pyplot.subplots(figsize=figsize, layout="constrained")
    return ax
