"""Input validation: from what the user gives to arrays that the engine can trust.

SciPy trusts the index arrays of a sparse matrix, and reads and writes wherever they point.
They are plain attributes, which can hold anything: no method of SciPy is called on a sparse
matrix before they have been checked here.
"""

from contextlib import contextmanager

import numpy as np
from scipy import sparse
from sklearn.utils import check_array, check_X_y
from sklearn.utils.validation import validate_data

from .categories import as_numbers, needs_reading
from .cell_checks import describe_cells

# float32 is kept, everything else becomes float64.
_DTYPES = (np.float64, np.float32)


def validate_inputs(estimator, X, levels=()):
    """Check the inputs of a fitted estimator.

    Parameters
    ----------
    estimator : BaseEstimator
        Fitted.
    X : {array-like, data frame, sparse matrix} of shape (n_samples, n_features)
    levels : tuple of Levels
        Of the categorical columns.

    Returns
    -------
    X : {ndarray, CSR} of shape (n_samples, n_features), float64 or float32
        Numbers that are not infinite: an array in C order, or a sparse matrix as
        `canonical_csr` makes it. In an array NaN is a missing cell, and a categorical cell is
        its position among the levels.
    """
    if levels or needs_reading(X):
        numbers = _table_as_numbers(estimator, X, levels, reset=False)
        with _columns_named(X, allows_text=True):
            return check_array(
                numbers, estimator=estimator, dtype=_DTYPES, input_name="X", **_layout(numbers)
            )
    X = canonical_if_sparse(X, "X")
    with _columns_named(X):
        return validate_data(estimator, X, reset=False, dtype=_DTYPES, **_layout(X))


def validate_inputs_and_targets(
    estimator, X, y, reset, dtype=None, name="X", levels=(), allows_missing=True
):
    """Check inputs and targets together.

    Parameters
    ----------
    estimator : BaseEstimator
    X : {array-like, data frame, sparse matrix} of shape (n_samples, n_features)
    y : {array-like, sparse matrix} of shape (n_samples,) or (n_samples, n_outputs)
    reset : bool
        Whether the estimator learns the features from `X`, or they have to agree.
    dtype : dtype, default=None
        What `X` becomes; None keeps float32 and makes everything else float64.
    name : str, default="X"
        What errors call a sparse `X`.
    levels : tuple of Levels
        As in `validate_inputs`.
    allows_missing : bool, default=True
        Whether NaN is a missing cell, and not refused.

    Returns
    -------
    X : {ndarray, CSR} of shape (n_samples, n_features)
        As in `validate_inputs`.
    y : ndarray of shape (n_samples,) or (n_samples, n_outputs)
    """
    X, y = canonical_if_sparse(X, name), dense_targets(y)
    checks = {"dtype": dtype or _DTYPES, "multi_output": True}
    # A number that is too large for the dtype becomes infinite, and is then refused.
    with np.errstate(over="ignore", invalid="ignore"):
        if levels or (allows_missing and needs_reading(X)):
            numbers = _table_as_numbers(estimator, X, levels, reset)
            layout = _layout(numbers)
            with _columns_named(X, allows_text=True):
                return check_X_y(numbers, y, estimator=estimator, **checks, **layout)
        with _columns_named(X, allows_missing):
            layout = _layout(X, allows_missing)
            return validate_data(estimator, X, y, reset=reset, **checks, **layout)


def _layout(X, allows_missing=True):
    """Return how an array is to be. A sparse matrix stores no missing cells."""
    may_be_missing = allows_missing and not sparse.issparse(X)
    return {
        "accept_sparse": "csr",
        "order": "C",
        "ensure_all_finite": "allow-nan" if may_be_missing else True,
    }


def _table_as_numbers(estimator, X, levels, reset):
    """Return a table with categories as numbers, once its columns are those of `fit`."""
    if sparse.issparse(X):
        raise ValueError(
            f"X is sparse, and the estimator was fitted on categories in the columns "
            f"{[of_column.column for of_column in levels]}. Give an array or a data frame."
        )
    if np.ndim(X) != 2 and not hasattr(X, "columns"):
        check_array(X, dtype=None, estimator=estimator, input_name="X")  # which says so
    validate_data(estimator, X, reset=reset, skip_check_array=True)
    return as_numbers(X, levels)


@contextmanager
def _columns_named(X, allows_missing=True, allows_text=False):
    """Add to an error which columns hold text or missing values, and what helps."""
    try:
        yield
    except (TypeError, ValueError) as error:
        found = "" if sparse.issparse(X) else describe_cells(X, allows_missing, allows_text)
        if not found:
            raise
        raise type(error)(f"{error}\n{found}") from error


def dense_targets(y):
    """The targets as they are given, sparse ones as an array."""
    return canonical_csr(y, "y").toarray() if sparse.issparse(y) else y


def canonical_if_sparse(X, name):
    """Sparse input as `canonical_csr` makes it, and anything else as it is."""
    return canonical_csr(X, name) if sparse.issparse(X) else X


# ---- Sparse matrices ----


def canonical_csr(X, name):
    """A sparse matrix in CSR format, each row sorted by column and without duplicates.

    Parameters
    ----------
    X : sparse matrix or sparse array, of any format
        It is not changed. It is returned itself if it is like that already.
    name : str
        What errors call it.

    Returns
    -------
    X : csr_matrix or csr_array of shape (n, m)
        Its arrays are aligned and contiguous, and no index points beyond them.

    Raises
    ------
    ValueError
        If `X` does not have two dimensions, or if its arrays do not fit together.
    """
    if X.ndim != 2:
        raise ValueError(
            f"Expected 2D input, got {name} as a sparse array of shape {X.shape}. Reshape it "
            "to (1, -1) if it is a single sample, or to (-1, 1) if it is a single feature."
        )
    try:
        X = _CHECKS[X.format](X)
        if X.format != "csr":
            # What lists and dictionaries hold is seen only now.
            X = _checked_compressed(X.tocsr())
    except (AttributeError, LookupError, OverflowError, TypeError, ValueError) as error:
        raise ValueError(
            f"{name} must be a sparse matrix whose arrays fit together. Got one in the format "
            f"{X.format!r} and of shape {X.shape}, with {error}. Construct it again from its "
            "entries, for example by scipy.sparse.coo_array."
        ) from error
    if not _is_canonical(X):
        # A new object, which knows nothing of flags that were set on the old one.
        X = _rebuilt(X, (X.data.copy(), X.indices.copy(), X.indptr.copy()))
        X.sum_duplicates()
    return X


def _is_canonical(X):
    """Whether columns rise within each row of a matrix that is checked."""
    begins = np.zeros(X.indices.size + 1, dtype=bool)
    begins[X.indptr] = True
    return begins[1:-1][X.indices[1:] <= X.indices[:-1]].all()


def _rebuilt(X, arrays):
    """Other arrays in the class that `X` is of, or that its class is derived from."""
    is_array = isinstance(X, getattr(sparse, f"{X.format}_array"))
    container = getattr(sparse, f"{X.format}_{'array' if is_array else 'matrix'}")
    return container(arrays, shape=X.shape)


def _checked_compressed(X):
    """CSR, CSC and BSR: where each row (column, row of blocks) begins, and its indices."""
    n_major, n_minor = X.shape[::-1] if X.format == "csc" else X.shape
    data = _entries(X.data, 3 if X.format == "bsr" else 1)
    if X.format == "bsr":
        _, height, width = data.shape
        _require(
            height and width and n_major % height == n_minor % width == 0,
            f"blocks of shape {(height, width)}",
        )
        n_major, n_minor = n_major // height, n_minor // width
    indptr, indices = _integers(X.indptr, "indptr"), _integers(X.indices, "indices")
    rises = indptr.shape == (n_major + 1,) and (indptr[1:] >= indptr[:-1]).all()
    if not rises or indptr[0] != 0:
        raise ValueError(f"indptr={indptr}, and not {n_major + 1} numbers that rise from 0")
    n_entries = int(indptr[-1])
    _require(
        n_entries <= min(len(indices), len(data)),
        f"indptr that ends with {n_entries}, {len(indices)} indices and {len(data)} entries",
    )
    indices, data = _at_most(indices, n_entries), _at_most(data, n_entries)
    _require_below(indices, n_minor, "indices")
    if (
        data is X.data
        and indices is X.indices
        and indptr is X.indptr
        and indices.dtype == indptr.dtype in (np.int32, np.int64)
    ):
        return X
    return _rebuilt(X, (data, indices, indptr))


def _checked_coordinates(X):
    """COO: a row and a column of each entry."""
    data, row, column = _entries(X.data), _integers(X.row, "row"), _integers(X.col, "col")
    _require(
        data.shape == row.shape == column.shape,
        f"{row.size} rows and {column.size} columns for {data.size} entries",
    )
    _require_below(row, X.shape[0], "row")
    _require_below(column, X.shape[1], "col")
    return _rebuilt(X, (data, (row, column)))


def _checked_diagonals(X):
    """DIA: a diagonal in each row of the entries."""
    data, offsets = _entries(X.data, 2), _integers(X.offsets, "offsets")
    _require(len(data) == len(offsets), f"{len(offsets)} offsets for {len(data)} diagonals")
    if len(np.unique(offsets)) != len(offsets):
        raise ValueError(f"offsets={offsets}, which repeat")
    inside = (offsets > -X.shape[0]) & (offsets < X.shape[1])
    return _rebuilt(X, (data[inside], offsets[inside]))


def _checked_lists(X):
    """LIL: for each row a list of its columns, and one of its entries."""
    lengths = [_lengths(X.rows, X.shape[0]), _lengths(X.data, X.shape[0])]
    _require(lengths[0] == lengths[1], "rows of other lengths than those of data")
    return X


def _lengths(lists, n_rows):
    sound = lists.shape == (n_rows,) and all(isinstance(row, list) for row in lists)
    _require(sound, f"rows and data that are not {n_rows} lists")
    return [len(row) for row in lists]


_CHECKS = {
    "csr": _checked_compressed,
    "csc": _checked_compressed,
    "bsr": _checked_compressed,
    "coo": _checked_coordinates,
    "dia": _checked_diagonals,
    "lil": _checked_lists,
    "dok": lambda X: X,  # SciPy checks what it reads from the dictionary
}


def _require(condition, found):
    if not condition:
        raise ValueError(found)


def _entries(values, n_dimensions=1):
    """Numbers that SciPy can add up, with the memory layout that it and the engine expect."""
    values = np.asarray(values)
    _require(values.ndim == n_dimensions, f"data of shape {values.shape}")
    if values.dtype.kind not in "biufc" or values.dtype == np.float16:
        values = values.astype(np.float64)
    return _laid_out(values)


def _integers(values, name):
    values = np.asarray(values)
    if values.ndim != 1 or values.dtype.kind not in "iu":
        raise ValueError(
            f"{name} of dtype {values.dtype} and shape {values.shape}, not integers in a row"
        )
    return _laid_out(values)


def _require_below(indices, limit, name):
    if indices.size and (indices.min() < 0 or indices.max() >= limit):
        raise ValueError(
            f"{name} from {indices.min()} to {indices.max()}, not from 0 to {limit - 1}"
        )


def _laid_out(values):
    """The same array if it is native, contiguous and aligned, or else such a copy."""
    native = values if values.dtype.isnative else values.astype(values.dtype.newbyteorder("="))
    return np.require(native, requirements="CA")


def _at_most(values, n):
    return values if len(values) == n else values[:n]
