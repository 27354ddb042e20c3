"""DataFrames of any kind as pandas' with columns of numbers, dates, booleans and text."""

import datetime
import numbers
from collections import Counter
from decimal import Decimal

from ._errors import TableError, import_pandas, listed


def as_frame(frame):
    """Return a table as a pandas DataFrame whose column names are different strings.

    Columns of objects that are all numbers, or all dates, become such columns; periods become
    the dates of their beginnings, and durations become days.

    Raises
    ------
    TableError
        If it is no table, or if names repeat.
    """
    pandas = import_pandas()
    if not isinstance(frame, pandas.DataFrame) and hasattr(frame, "to_pandas"):
        frame = frame.to_pandas()
    if not isinstance(frame, pandas.DataFrame):
        raise TableError(
            f"The table must be a DataFrame. Got {type(frame).__name__}; read_table reads one "
            f"from a file."
        )
    names = [str(name) for name in frame.columns]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        raise TableError(f"Several columns have the name {listed(twice)}.")
    frame = frame.set_axis(names, axis=1)
    columns = {name: _plain(pandas, frame[name]) for name in names}
    return pandas.DataFrame(columns, index=frame.index)


def _plain(pandas, column):
    kind = getattr(column.dtype, "kind", "O")
    if isinstance(column.dtype, pandas.PeriodDtype):
        return column.dt.to_timestamp()
    if kind == "m":
        return column / pandas.Timedelta(1, "D")
    if kind == "c":
        raise TableError(
            f"Column {column.name!r} holds complex numbers. Cells are real numbers, text or "
            f"dates."
        )
    if column.dtype != object:
        return column
    kinds = set(map(type, column.dropna()))
    if kinds and all(issubclass(kind, datetime.date) for kind in kinds):
        return pandas.to_datetime(column)
    if kinds and all(_is_real(kind) for kind in kinds):
        return column.where(column.notna(), float("nan")).astype(float)
    return column


def _is_real(kind):
    return issubclass(kind, (numbers.Real, Decimal)) and not issubclass(kind, bool)
