"""The record of training: a row per epoch, as columns and as printed lines."""

import math

_ALWAYS = ("epoch", "loss", "learning_rate", "seconds", "validation_loss", "validation_score")


def begin(network):
    """An empty record, for networks with this loss."""
    columns = [*_ALWAYS]
    if network.loss == "squared_error":
        columns.append("sum_squared_error")
    return {name: [] for name in columns}


def write_down(record, history):
    """Append an epoch; what was not measured is NaN."""
    held_out = record.examination
    row = {
        "epoch": record.epoch,
        "loss": record.loss,
        "learning_rate": record.learning_rate,
        "seconds": record.seconds,
        "validation_loss": math.nan if held_out is None else held_out.loss,
        "validation_score": math.nan if held_out is None else held_out.score,
        "sum_squared_error": 2 * record.data_loss_sum,
    }
    for name, column in history.items():
        column.append(math.nan if row[name] is None else row[name])


def lines(record, history, verbose):
    """An epoch in the textbook's form; the second degree adds scikit-learn's and more."""
    line = f">epoch={record.epoch}, "
    if not math.isnan(record.learning_rate):
        line += f"lrate={record.learning_rate:.3f}, "
    if "sum_squared_error" in history:
        line += f"error={history['sum_squared_error'][-1]:.3f}"
    else:
        line += f"loss={record.loss:.3f}"
    held_out = record.examination
    if held_out is not None:
        line += f", validation_loss={held_out.loss:.3f}"
    if verbose > 1:
        line += f", seconds={record.seconds:.6f}"
        line += f"\nIteration {record.epoch + 1}, loss = {record.loss:.8f}"
        if held_out is not None and held_out.score is not None:
            line += f"\nValidation score: {held_out.score:f}"
    return line
