"""What each column of a table is, which are left out, and how the others become numbers."""

import re
from dataclasses import dataclass

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder

from ._errors import TableError, import_pandas, listed

NUMBER, CATEGORY, DATE, DROPPED = "number", "category", "date", "dropped"
_USED = (NUMBER, CATEGORY, DATE)
#: Levels beyond this number share one input, the rarest first.
MOST_LEVELS = 100
#: The level that stands for missing cells.
MISSING_LEVEL = "(missing)"
#: Numbers of this size count as missing, as infinite ones do: their squares overflow.
LARGEST = 1e100
#: Whole numbers with at most this many values are taken for classes.
MOST_CLASSES = 20
_IDENTIFIER_NAME = re.compile(
    r"(.*[ _.-])?(id|idx|index|row|rownames|rownum|no|nr|number)", re.IGNORECASE
)
_DATE_PARTS = ("year", "month", "day", "weekday", "hour", "days")


@dataclass(frozen=True)
class Column:
    """A column and its role.

    Attributes
    ----------
    name : str
        Its name.
    role : {"number", "category", "date", "dropped"}
        How it is used.
    reason : str
        Why it is dropped.
    """

    name: str
    role: str
    reason: str = ""


def describe_columns(frame):
    """Return the role of each column, a list of Column."""
    return [_describe(frame[name], name) for name in frame.columns]


def _describe(column, name):
    present = column.dropna()
    if not len(present):
        return Column(name, DROPPED, "all cells are missing")
    try:
        n_values = present.nunique()
    except TypeError:
        raise TableError(
            f"Column {name!r} holds {type(present.iloc[0]).__name__} objects. Cells are "
            f"numbers, text or dates."
        ) from None
    if n_values == 1 and len(present) == len(column):
        return Column(name, DROPPED, f"all cells are {present.iloc[0]!s:.40}")
    pandas = import_pandas()
    if pandas.api.types.is_datetime64_any_dtype(column.dtype):
        return Column(name, DATE)
    if pandas.api.types.is_bool_dtype(column.dtype) or not is_numeric(column):
        if n_values > 0.9 * len(present) and n_values > 20:
            return Column(name, DROPPED, "text that differs in nearly every row")
        return Column(name, CATEGORY)
    if len(present) == len(column) == n_values and _counts_rows(present, name):
        return Column(name, DROPPED, "it numbers the rows")
    return Column(name, NUMBER)


def _counts_rows(numbers, name):
    """Return whether different whole numbers are in order without a gap, or named as such."""
    if len(numbers) < 10 or not _are_whole(numbers):
        return False
    has_no_gap = numbers.max() - numbers.min() == len(numbers) - 1
    is_sorted = numbers.is_monotonic_increasing or numbers.is_monotonic_decreasing
    return (has_no_gap and is_sorted) or _IDENTIFIER_NAME.fullmatch(str(name)) is not None


def is_numeric(column):
    """Return whether a column holds numbers."""
    return import_pandas().api.types.is_numeric_dtype(column.dtype)


def _are_whole(numbers):
    values = numbers.to_numpy(dtype=float)
    return bool(np.isfinite(values).all() and (values == np.round(values)).all())


def choose_task(target):
    """Return "classification" or "regression" for a column of targets, and the rule."""
    pandas = import_pandas()
    if pandas.api.types.is_datetime64_any_dtype(target.dtype):
        raise TableError(
            f"The target {target.name!r} is a date. Predict a number or a class, such as the "
            f"days until then."
        )
    n_values = target.nunique()
    if pandas.api.types.is_bool_dtype(target.dtype) or not is_numeric(target):
        return "classification", "the target is text"
    if n_values <= MOST_CLASSES and _are_whole(target) and len(target) >= 5 * n_values:
        return (
            "classification",
            f"the target has {n_values} different whole numbers, at most {MOST_CLASSES}",
        )
    return "regression", f"the target is a number with {n_values:,} different values"


def as_typed(frame, columns):
    """Return the columns that are used, each of the type of its role.

    Raises
    ------
    TableError
        If a column of numbers or dates holds something else.
    """
    pandas = import_pandas()
    typed = {}
    for column in columns:
        if column.role == DROPPED:
            continue
        cells = frame[column.name]
        if column.role == NUMBER:
            typed[column.name] = _numbers(pandas, cells)
        elif column.role == DATE:
            typed[column.name] = _dates(pandas, cells)
        else:
            text = cells.map(as_text, na_action="ignore").astype(object)
            typed[column.name] = text.where(cells.notna(), MISSING_LEVEL)
    return pandas.DataFrame(typed, index=frame.index)


def as_text(cell):
    """Return a cell as text: 3.0, which stands for 3 beside missing cells, as "3"."""
    if isinstance(cell, float) and cell.is_integer():
        return str(int(cell))
    return str(cell)


def _numbers(pandas, cells):
    numbers = pandas.to_numeric(cells, errors="coerce")
    wrong = cells[numbers.isna() & cells.notna()]
    if len(wrong):
        raise TableError(
            f"Column {cells.name!r} held numbers when the network was trained, and holds "
            f"{wrong.iloc[0]!r} in row {_position(cells, wrong)}."
        )
    numbers = numbers.astype(object).where(numbers.notna(), np.nan).astype(float)
    return numbers.where(numbers.abs() < LARGEST, np.nan)


def _dates(pandas, cells):
    dates = pandas.to_datetime(cells, errors="coerce", format="mixed")
    wrong = cells[dates.isna() & cells.notna()]
    if len(wrong):
        raise TableError(
            f"Column {cells.name!r} held dates when the network was trained, and holds "
            f"{wrong.iloc[0]!r} in row {_position(cells, wrong)}."
        )
    return dates if dates.dt.tz is None else dates.dt.tz_convert("UTC").dt.tz_localize(None)


def _position(cells, wrong):
    return int(cells.index.get_indexer_for([wrong.index[0]])[0]) + 1


def make_encoder(columns):
    """Return the ColumnTransformer that turns columns into numbers, for the other models.

    Missing numbers become the median, with an indicator beside them. Categories become one
    input per level, a missing cell is a level, and levels that training lacks share the input
    of the rare ones. Dates become their parts.
    """
    numbers = [column.name for column in columns if column.role == NUMBER]
    categories = [column.name for column in columns if column.role == CATEGORY]
    dates = [column.name for column in columns if column.role == DATE]
    impute = SimpleImputer(strategy="median", add_indicator=True, keep_empty_features=True)
    parts = (
        ("numbers", impute, numbers),
        (
            "categories",
            OneHotEncoder(
                handle_unknown="infrequent_if_exist", max_categories=MOST_LEVELS,
                min_frequency=2, sparse_output=False,
            ),
            categories,
        ),
        (
            "dates",
            make_pipeline(
                FunctionTransformer(date_parts, feature_names_out=date_part_names),
                SimpleImputer(
                    strategy="median", add_indicator=True, keep_empty_features=True
                ),
            ),
            dates,
        ),
    )  # fmt: skip
    _check_some_are_used(columns)
    used = [part for part in parts if part[2]]
    return ColumnTransformer(used, verbose_feature_names_out=False)


def make_network_encoder(columns):
    """Return the ColumnTransformer for the network, which takes numbers and categories itself.

    Dates become their parts; everything else passes, in a data frame.
    """
    by_role = {role: [c.name for c in columns if c.role == role] for role in _USED}
    _check_some_are_used(columns)
    parts = FunctionTransformer(date_parts, feature_names_out=date_part_names)
    return ColumnTransformer(
        [
            (f"{role}s", parts if role == DATE else "passthrough", names)
            for role, names in by_role.items()
            if names
        ],
        verbose_feature_names_out=False,
    ).set_output(transform="pandas")


def _check_some_are_used(columns):
    if all(column.role == DROPPED for column in columns):
        raise TableError(
            "No column is left to predict from: "
            + "; ".join(f"{column.name!r}: {column.reason}" for column in columns)
            + "."
        )


def date_parts(frame):
    """Return year, month, day, weekday (Monday: 0), hour and days since 2000 of each column."""
    parts = []
    for name in frame.columns:
        date = frame[name].dt
        days = (frame[name] - np.datetime64("2000-01-01")) / np.timedelta64(1, "D")
        parts += [date.year, date.month, date.day, date.day_of_week, date.hour, days]
    return np.column_stack([np.asarray(part, dtype=float) for part in parts])


def date_part_names(_, names):
    """Return the names of the columns of `date_parts`."""
    return np.array([f"{name}_{part}" for name in names for part in _DATE_PARTS], dtype=object)


def check_columns(frame, columns, context):
    """Raise an error that names the columns that a table lacks, and those it has beside."""
    known = [column.name for column in columns if column.role != DROPPED]
    missing = [name for name in known if name not in frame.columns]
    if not missing:
        return
    every = {column.name for column in columns}
    unknown = [name for name in frame.columns if name not in every]
    beside = f" Columns that it does not know: {listed(unknown)}." if unknown else ""
    raise TableError(f"{context} {listed(missing)}.{beside}")
