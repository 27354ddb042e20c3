"""Tables with categories: which columns are categorical, their levels, and cells as numbers.

Data frames of pandas, polars and pyarrow are read column by column, by what their columns
offer, so that none of the three has to be installed.
"""

from dataclasses import dataclass
from numbers import Integral, Real

import numpy as np
from scipy import sparse

from .cell_checks import DATE_HELP, PAGE, is_missing

# How the names of types begin that hold dates or numbers; any other type is categorical.
_DATES = ("date", "time", "duration", "period", "interval")
_NUMBERS = ("int", "uint", "float", "double", "halffloat", "decimal", "bool", "complex",
            "sparse", "null")  # fmt: skip
_MOST_SHOWN = 3
# Beyond it some integers are the same float64.
_LARGEST_NUMBER = 2**53


@dataclass(frozen=True)
class Levels:
    """The different cells of a categorical column, numbers before texts, each in order.

    Parameters
    ----------
    column : int
        The number of the column.
    numbers : ndarray of float64
        In ascending order.
    texts : tuple of str
        In ascending order.
    """

    column: int
    numbers: np.ndarray
    texts: tuple

    @classmethod
    def learn(cls, column, values):
        """Return the levels among some values, each a float or a string."""
        numbers = sorted({value for value in values if not isinstance(value, str)})
        texts = sorted({value for value in values if isinstance(value, str)})
        return cls(column, np.array(numbers, dtype=np.float64), tuple(texts))

    def __len__(self):
        return len(self.numbers) + len(self.texts)

    def values(self):
        """Return the levels in order, whole numbers as integers."""
        numbers = (int(x) if x.is_integer() else x for x in self.numbers.tolist())
        return [*numbers, *self.texts]

    def positions(self, values, name):
        """Return the position of each value among the levels, and their number for others.

        Raises
        ------
        ValueError
            If a value is text and all levels are numbers, or the reverse.
        """
        for kind, alike, found in ((str, self.texts, "text"), (float, self.numbers, "numbers")):
            strange = [value for value in values if isinstance(value, kind)]
            if strange and len(self) and not len(alike):
                raise ValueError(
                    f"Column {name!r} holds {found}, such as {strange[0]!r:.60}. Its "
                    f"categories in fit were {_shortened(self.values())}: convert the column "
                    "to their type."
                )
        known = {value: i for i, value in enumerate([*self.numbers.tolist(), *self.texts])}
        return np.array([known.get(value, len(self)) for value in values], dtype=np.float64)


def _shortened(values):
    shown = ", ".join(f"{value!r:.60}" for value in values[:_MOST_SHOWN])
    more = len(values) - _MOST_SHOWN
    return f"{shown} and {more} more" if more > 0 else shown


# ---- Which columns are categorical ----


def is_frame(X):
    """Return whether `X` is a data frame."""
    return hasattr(X, "columns") and hasattr(X, "shape") and not isinstance(X, np.ndarray)


def needs_reading(X):
    """Return whether a data frame has columns that NumPy does not know as numbers."""
    if not is_frame(X):
        return False
    if not hasattr(X, "iloc"):  # of polars or pyarrow
        return True
    return any(getattr(dtype, "kind", "O") not in "fiub" or not isinstance(dtype, np.dtype)
               for dtype in X.dtypes)  # fmt: skip


def learn_levels(X, categorical_features):
    """Return the `Levels` of each categorical column of a table, a tuple.

    Parameters
    ----------
    X : {data frame, array-like, sparse matrix} of shape (n_samples, n_features)
    categorical_features : "from_dtype", None, or array-like of bool, int or str

    Raises
    ------
    ValueError
        If `categorical_features` does not fit the columns, or if a cell of such a column is
        neither a number nor text nor missing.
    """
    if categorical_features is None:
        return ()
    if not isinstance(categorical_features, str):
        chosen = _chosen_columns(X, np.asarray(categorical_features))
    elif is_frame(X):
        chosen = [k for k, (_, cells) in enumerate(_columns(X)) if _is_categorical(cells)]
    else:
        return ()
    if chosen and sparse.issparse(X):
        raise ValueError(
            "The 'categorical_features' parameter must be 'from_dtype' or None for sparse X. "
            f"Got {categorical_features!r}."
        )
    columns = list(_columns(X)) if chosen else []
    return tuple(Levels.learn(k, _factorized(*columns[k])[0]) for k in chosen)


def _chosen_columns(X, given):
    """Return the numbers of the columns that a mask, numbers or names choose, in order.

    Errors have the words of HistGradientBoostingClassifier.
    """
    shape = X.shape if hasattr(X, "shape") else np.shape(X)
    if given.ndim != 1:
        raise ValueError(
            "categorical_features must be a one-dimensional array-like of bool, int or str. "
            f"Got {given.tolist()!r}."
        )
    if not given.size or len(shape) != 2:  # which is refused elsewhere
        return []
    if given.dtype.kind == "b":
        if len(given) != shape[1]:
            raise ValueError(
                "categorical_features set as a boolean mask must have shape (n_features,) = "
                f"({shape[1]},). Got {given.shape}."
            )
        return np.flatnonzero(given).tolist()
    chosen = given.tolist()
    if any(isinstance(name, str) for name in chosen):
        return _named_columns(X, chosen)
    if not all(isinstance(k, Integral) and 0 <= k < shape[1] for k in chosen):
        raise ValueError(
            "categorical_features set as integer indices must be in [0, n_features - 1] = "
            f"[0, {shape[1] - 1}]. Got {chosen}."
        )
    return sorted(set(chosen))


def _named_columns(X, chosen):
    if not is_frame(X):
        raise ValueError(
            "categorical_features should be passed as an array of integers or as a boolean "
            f"mask when the model is fitted on data without feature names. Got {chosen}."
        )
    names = _names(X)
    for name in chosen:
        if name not in names:
            raise ValueError(
                f"categorical_features has an item value {name!r} which is not a valid feature "
                f"name of the training data. Its names are {_shortened(names)}."
            )
    return sorted({names.index(name) for name in chosen})


# ---- Cells as numbers ----


def as_numbers(X, levels):
    """Return a table as numbers, with NaN for missing cells.

    Parameters
    ----------
    X : {data frame, array-like} of shape (n_samples, n_features)
    levels : tuple of Levels
        The cells of a categorical column become their positions among its levels.

    Returns
    -------
    numbers : ndarray of shape (n_samples, n_features)
        float32 if all other columns are, else float64.
    """
    by_column = {of_column.column: of_column for of_column in levels}
    columns, dtypes = [], set()
    for k, (name, cells) in enumerate(_columns(X)):
        if k in by_column:
            values, which = _factorized(name, cells)
            columns.append(np.append(by_column[k].positions(values, name), np.nan)[which])
        else:
            columns.append(_numbers_of(name, cells))
            dtypes.add(_type_name(cells).partition("[")[0])
    is_single = dtypes and dtypes <= {"float32", "float"}  # the latter is pyarrow's name
    return np.column_stack(columns).astype(np.float32 if is_single else np.float64, copy=False)


def _factorized(name, cells):
    """Return the different values of a column, and which of them each cell is, -1 for none."""
    if hasattr(cells, "cat") and hasattr(cells.cat, "codes"):  # of pandas' type "category"
        distinct, which = _factorized(name, cells.cat.categories.astype(object))
        return distinct, np.append(which, -1)[cells.cat.codes.to_numpy()]
    _refuse_dates(name, cells)
    known, which = {}, []
    for cell in _as_list(cells):
        if type(cell) is not str:
            cell = _value(name, cell)
        which.append(-1 if cell is None else known.setdefault(cell, len(known)))
    return list(known), np.array(which, dtype=np.int64)


def _value(name, cell):
    """Return a cell as a float or a string, or None if it is missing."""
    if isinstance(cell, str):
        return str(cell)
    if is_missing(cell):
        return None
    if isinstance(cell, (Real, np.bool_)) and abs(cell) <= _LARGEST_NUMBER:
        return float(cell)
    raise ValueError(
        f"Column {name!r} holds {type(cell).__name__} objects, such as {cell!r:.60}. "
        "Categories must be text, booleans, or numbers up to 2**53 in size: convert the column "
        "with astype(str)."
    )


def _numbers_of(name, cells):
    """Return the cells of a column of numbers as float64."""
    _refuse_dates(name, cells)
    if hasattr(cells, "to_numpy") and not hasattr(cells, "iloc"):
        cells = cells.to_numpy()
    dtype = getattr(cells, "dtype", None)
    if getattr(dtype, "kind", "O") in "fiub":
        if isinstance(dtype, np.dtype):
            return np.asarray(cells, dtype=np.float64)
        return cells.to_numpy(dtype=np.float64, na_value=np.nan)  # nullable, of pandas
    numbers = []
    for cell in _as_list(cells):
        try:
            numbers.append(np.nan if is_missing(cell) else float(cell))
        except (TypeError, ValueError):
            raise ValueError(
                f"Column {name!r} is one of numbers, and holds {cell!r:.60}. Make it a column "
                "of numbers, or name it in 'categorical_features' and fit again."
            ) from None
    return np.array(numbers, dtype=np.float64)


def _refuse_dates(name, cells):
    if _type_name(cells).startswith(_DATES):
        raise ValueError(f"Column {name!r} is of type {_type_name(cells)}. {DATE_HELP} {PAGE}")


# ---- Columns ----


def _columns(X):
    """Yield the name or the number, and the cells, of each column."""
    if is_frame(X):
        for k, name in enumerate(_names(X)):
            yield name, X.iloc[:, k] if hasattr(X, "iloc") else X[name]
    else:
        table = X if isinstance(X, np.ndarray) else np.asarray(X, dtype=object)
        yield from enumerate(table.T)


def _names(X):
    return list(X.column_names if hasattr(X, "column_names") else X.columns)


def _type_name(cells):
    """Return the name of the type of a column in small letters."""
    return str(cells.dtype if hasattr(cells, "dtype") else cells.type).lower()


def _is_categorical(cells):
    """Return whether the type of a column of a data frame is one of categories."""
    name = _type_name(cells)
    if name == "object":
        return any(isinstance(cell, str) for cell in cells)
    return not name.startswith((*_DATES, *_NUMBERS))


def _as_list(cells):
    for method in ("tolist", "to_list", "to_pylist"):
        if hasattr(cells, method):
            return getattr(cells, method)()
    return list(cells)
