"""What an error about X adds: which columns hold text or missing values, and what helps."""

import numpy as np

_MOST_NAMES = 3
_TEXT_HELP = (
    "Give categories as columns of a data frame, with categorical_features='from_dtype', or "
    "name their columns in 'categorical_features' and fit again."
)
_MISSING_HELP = "Fill missing values, for example with scikit-learn's SimpleImputer()."
_INFINITE_HELP = "Replace infinite values, or leave such samples out."
DATE_HELP = (
    "Turn dates into numbers, such as the year, the month and the days since a date, for "
    "example with DatetimeEncoder of skrub."
)
PAGE = "See 'Your own table' in the user guide; skbackprop.tables.evaluate does it for you."


def describe_cells(X, allows_missing=True, allows_text=False):
    """Return sentences that name the columns with text, dates, missing or infinite values.

    It returns an empty string for anything that is not a table with such columns. All cells are
    read, so it is for inputs that have been refused. `allows_missing` and `allows_text` say
    that it was not for missing values or text.
    """
    found = {
        _TEXT_HELP: [],
        DATE_HELP: [],
        _MISSING_HELP: [],
        _INFINITE_HELP: [],
    }
    try:
        for name, cells in _columns(X):
            _note(found, name, cells)
    except Exception:  # whatever the table is, the error about it is what matters
        return ""
    if allows_missing:
        del found[_MISSING_HELP]
    if allows_text:
        del found[_TEXT_HELP]
    parts = [f"{_listed(columns)}. {help_}" for help_, columns in found.items() if columns]
    return " ".join([*parts, PAGE]) if parts else ""


def _columns(X):
    """Yield the name, or the number, and the cells of each column."""
    if hasattr(X, "columns") and not isinstance(X, np.ndarray):
        for name in X.columns:
            yield name, np.asarray(X[name], dtype=object)
        return
    table = np.asarray(X, dtype=object)
    if table.ndim == 2:
        yield from enumerate(table.T)


def _note(found, name, cells):
    numbers, n_missing = [], 0
    for cell in cells.tolist():
        if is_missing(cell):
            n_missing += 1
        elif hasattr(cell, "isoformat") or isinstance(cell, np.datetime64):
            found[DATE_HELP].append(f"Column {name!r} holds dates, such as {cell!s}")
            return
        elif isinstance(cell, (str, bytes)) and not _is_number(cell):
            found[_TEXT_HELP].append(f"Column {name!r} holds text, such as {cell!r:.60}")
            return
        else:
            numbers.append(float(cell))
    if n_missing:
        values = "value" if n_missing == 1 else "values"
        found[_MISSING_HELP].append(f"Column {name!r} has {n_missing:,} missing {values}")
    if np.isinf(numbers).any():
        found[_INFINITE_HELP].append(f"Column {name!r} has infinite values")


def is_missing(cell):
    """Return whether a cell is None, NaN, NaT or pandas' NA, which does not equal itself."""
    if cell is None:
        return True
    equal = cell == cell
    return not isinstance(equal, (bool, np.bool_)) or not equal


def _is_number(text):
    try:
        float(text)
    except ValueError:
        return False
    return True


def _listed(columns):
    more = len(columns) - _MOST_NAMES
    rest = f" (and so in {more} more)" if more > 0 else ""
    return "; ".join(columns[:_MOST_NAMES]) + rest
