"""The record of training: a row per epoch, as columns and as printed lines."""

import math

import numpy as np

_ALWAYS = ("epoch", "loss", "learning_rate", "seconds", "validation_loss", "validation_score")
# A stream of rows is an epoch each: this many of the last are kept, at least.
_LONGEST_STREAM = 10_000


def empty_history(network):
    """An empty record, for networks with this loss."""
    columns = [*_ALWAYS]
    if network.loss == "squared_error":
        columns.append("sum_squared_error")
    return {name: [] for name in columns}


def extend_history(history, records, is_stream=False):
    """A record with more epochs; what was not measured is NaN."""
    longer = {name: list(column) for name, column in history.items()}
    for record in records:
        held_out = record.validation
        row = {
            "epoch": record.epoch,
            "loss": record.loss,
            "learning_rate": record.learning_rate,
            "seconds": record.seconds,
            "validation_loss": None if held_out is None else held_out.loss,
            "validation_score": None if held_out is None else held_out.score,
            "sum_squared_error": 2 * record.data_loss_sum,
        }
        for name, column in longer.items():
            column.append(math.nan if row[name] is None else row[name])
    if is_stream:
        trim_history(longer)
    return longer


def trim_history(history):
    """Forget the older half of a record that a stream has made too long."""
    if len(history["epoch"]) > 2 * _LONGEST_STREAM:
        for column in history.values():
            del column[:-_LONGEST_STREAM]


def truncate_to_common_length(history):
    """Let all columns have the same rows again, where noting a row was interrupted."""
    n_rows = min(map(len, history.values()))
    for column in history.values():
        if len(column) > n_rows + 1:  # it was the others' turn to be shortened
            del column[:-n_rows]
        del column[n_rows:]


def best_row(history):
    """Return the number of the best epoch's row, or None where nothing was measured.

    It has the highest validation score and, among equal scores, the smallest validation loss;
    without scores the smallest validation loss, else the smallest training loss. NaN is worse
    than any number.
    """
    scores = _smallest_is_best(history, "validation_score", sign=-1)
    losses = _smallest_is_best(history, "validation_loss")
    if np.isfinite(scores).any():
        return int(np.lexsort((losses, scores))[0])
    for values in (losses, _smallest_is_best(history, "loss")):
        if np.isfinite(values).any():
            return int(np.argmin(values))
    return None


def _smallest_is_best(history, name, sign=1):
    """Return a column, or its negative, with infinity where nothing was measured."""
    column = history.get(name, [math.nan] * len(history["epoch"]))
    values = sign * np.array(column, dtype=np.float64)
    return np.where(np.isnan(values), math.inf, values)


def history_as_frame(history):
    """The record as a pandas DataFrame, a row per epoch."""
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError(
            "history_frame needs pandas: python -m pip install 'skbackprop[pandas]'"
        ) from error
    return pd.DataFrame(history)


def format_epoch(record, loss, verbose):
    """An epoch in the tutorial's form; the second degree adds scikit-learn's and more."""
    line = f">epoch={record.epoch}, "
    if not math.isnan(record.learning_rate):
        line += f"lrate={record.learning_rate:.3f}, "
    if loss == "squared_error":
        line += f"error={2 * record.data_loss_sum:.3f}"
    else:
        line += f"loss={record.loss:.3f}"
    held_out = record.validation
    if held_out is not None:
        line += f", validation_loss={held_out.loss:.3f}"
    if verbose > 1:
        line += f", seconds={record.seconds:.6f}"
        line += f"\nIteration {record.epoch + 1}, loss = {record.loss:.8f}"
        if held_out is not None and held_out.score is not None:
            line += f"\nValidation score: {held_out.score:f}"
    return line
