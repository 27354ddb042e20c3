"""Sparse matrices of any content through every method: an error in words, or the right result.

    python .ci/fuzz/sparse_inputs.py --seconds 60 --seed 0

What a matrix holds is read entry by entry, in plain Python, by the definition of its format.
One that holds anything impossible has to raise a ValueError and to change nothing. Any other
has to count like the canonical matrix of the same entries, and to stay as it is.
"""

import copy
import re
import warnings
from numbers import Integral

import numpy as np
from cases import main
from scipy import sparse

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop.inspection import explain_step

FORMATS = ("csr", "csc", "coo", "bsr", "lil", "dok", "dia")
REFUSED = ("fit together", "Expected 2D input")
INDEX_ARRAYS = {
    "csr": ("indptr", "indices"), "csc": ("indptr", "indices"), "bsr": ("indptr", "indices"),
    "coo": ("row", "col"), "dia": ("offsets",),
}  # fmt: skip
INDEX_DTYPES = ("<i4", "<i8", ">i4", "i1", "u1", "<u4", "<u8", "f8", "?")
DATA_DTYPES = ("<f8", "<f4", ">f8", "i1", "<i8", "?", "O", "f2", "c16", "g")


# ---- What a matrix holds, entry by entry ----


class Impossible(Exception):
    """The arrays of a matrix do not fit together."""


def need(condition):
    """Raise `Impossible` unless the condition holds."""
    if not condition:
        raise Impossible


def integers(values):
    """An array of indices as a list."""
    need(isinstance(values, np.ndarray) and values.ndim == 1 and values.dtype.kind in "iu")
    return values.tolist()


def entries_of(X):
    """The ``(row, column, value)`` of each entry, by the definition of the format."""
    need(X.ndim == 2)
    kind, (n_rows, n_columns) = X.format, X.shape
    if kind in ("csr", "csc", "bsr"):
        found = list(_compressed(X, kind))
    elif kind == "coo":
        row, column = integers(X.row), integers(X.col)
        need(X.data.ndim == 1 and len(row) == len(column) == len(X.data))
        found = list(zip(row, column, X.data.tolist(), strict=True))
    elif kind == "lil":
        need(X.rows.shape == X.data.shape == (n_rows,))
        found = []
        for i, (columns, values) in enumerate(zip(X.rows, X.data, strict=True)):
            need(isinstance(columns, list) and isinstance(values, list))
            need(len(columns) == len(values))
            found += [(i, j, value) for j, value in zip(columns, values, strict=True)]
    elif kind == "dok":
        found = [(*place, value) for place, value in X.items()]
    else:
        offsets = integers(X.offsets)
        need(X.data.ndim == 2 and len(offsets) == len(X.data) == len(set(offsets)))
        found = [
            (j - offset, j, value)
            for offset, values in zip(offsets, X.data.tolist(), strict=True)
            for j, value in enumerate(values)
            if j < n_columns and 0 <= j - offset < n_rows
        ]
    for i, j, _ in found:
        need(isinstance(i, Integral) and isinstance(j, Integral))
        need(0 <= i < n_rows and 0 <= j < n_columns)
    return found


def _compressed(X, kind):
    n_major = X.shape[kind == "csc"]
    data, height, width = X.data, 1, 1
    need(data.ndim == (3 if kind == "bsr" else 1))
    if kind == "bsr":
        _, height, width = data.shape
        need(height and width and X.shape[0] % height == X.shape[1] % width == 0)
        n_major //= height
    indptr, indices = integers(X.indptr), integers(X.indices)
    need(len(indptr) == n_major + 1 and indptr[0] == 0 and indptr == sorted(indptr))
    need(indptr[-1] <= min(len(indices), len(data)))
    for major in range(n_major):
        for k in range(indptr[major], indptr[major + 1]):
            if kind == "csr":
                yield major, indices[k], data[k].item() if data.dtype != object else data[k]
            elif kind == "csc":
                yield indices[k], major, data[k].item() if data.dtype != object else data[k]
            else:
                for i in range(height):
                    for j in range(width):
                        value = data[k, i, j]
                        value = value.item() if data.dtype != object else value
                        yield major * height + i, indices[k] * width + j, value


def canonical(X, found):
    """The same entries in a new CSR matrix; equal places are added up."""
    dtype = np.dtype(np.float64 if X.dtype == object or X.dtype == np.float16 else X.dtype)
    dtype = dtype.newbyteorder("=")
    sums = {}
    for i, j, value in found:
        # As the dtype of the matrix adds: True and True are True, and int8 goes round.
        sums.setdefault((i, j), np.zeros(1, dtype))[:] += np.array([value], dtype)
    row, column = np.array(list(sums), dtype=np.int64).reshape(-1, 2).T
    values = np.concatenate([np.zeros(0, dtype), *sums.values()])
    make = sparse.csr_array if isinstance(X, sparse.sparray) else sparse.csr_matrix
    return make((values, (row, column)), shape=X.shape)


def state(X):
    """All that a matrix holds."""
    if X.format == "dok":
        return dict(X.items())
    names = ("rows",) if X.format == "lil" else INDEX_ARRAYS[X.format]
    arrays = [getattr(X, name) for name in (*names, "data")]
    return [(a.dtype, a.shape, a.strides, a.tolist()) for a in arrays]


# ---- Making one ----


def base(rng):
    """A sound matrix whose values are sums of few powers of two."""
    n, n_columns = int(rng.integers(1, 13)) * 2, int(rng.integers(1, 4)) * 2
    X = rng.choice([0, 0, 0.5, 1, -0.25, 2, -3], size=(n, n_columns))
    X[0, 0] = 1
    make = sparse.csr_array if rng.random() < 0.7 else sparse.csr_matrix
    return make(X)


def split_entries(rng, X):
    """Some entries in two parts, and in no order."""
    X = X.tocoo()
    twice = rng.random(X.nnz) < 0.3
    row, column = np.append(X.row, X.row[twice]), np.append(X.col, X.col[twice])
    data = np.append(np.where(twice, X.data / 2, X.data), X.data[twice] / 2)
    order = rng.permutation(len(data))
    order = order[np.argsort(row[order], kind="stable")]
    indptr = np.searchsorted(row[order], np.arange(X.shape[0] + 1)).astype(np.int32)
    make = sparse.csr_array if isinstance(X, sparse.sparray) else sparse.csr_matrix
    made = make(X.shape)
    made.data, made.indices, made.indptr = data[order], column[order].astype(np.int32), indptr
    if rng.random() < 0.5:
        made.has_canonical_format = made.has_sorted_indices = True  # which is not so
    return made


def strange_layout(rng, array):
    """The same numbers, elsewhere."""
    if array.ndim != 1:
        return np.asfortranarray(array)
    if array.dtype.hasobject or rng.random() < 0.5:
        return np.repeat(array, 2)[::2]
    memory = np.empty(array.nbytes + 1, dtype=np.uint8)[1:]
    there = memory.view(array.dtype)
    there[...] = array
    return there


def strange_number(rng, like):
    """An index, mostly near the bounds."""
    return int(rng.choice([-1, -5, 0, 1, like, like + 1, 2 * like, 100, 10**6, 2**31 - 1,
                           -(2**31), 2**40, -(2**62), 2**63 - 1]))  # fmt: skip


def bend(rng, X):
    """Change an array of a matrix in place, so that it may be impossible."""
    kind = X.format
    if kind == "dok":
        place = (strange_number(rng, X.shape[0]), strange_number(rng, X.shape[1]))
        (X._dict if hasattr(X, "_dict") else super(dict, X))[place] = 1.0
        return
    if kind == "lil":
        row = int(rng.integers(X.shape[0]))
        how = rng.integers(5)
        if how == 0:
            X.rows[row] = [strange_number(rng, X.shape[1])] * len(X.rows[row])
        elif how == 1:
            X.data[row] = X.data[row] + [1.0] * int(rng.integers(1, 1000))
        elif how == 2:
            X.rows[row] = None
        elif how == 3:
            X.rows = X.rows[: int(rng.integers(X.shape[0] + 1))]
        else:
            X.rows[row], X.data[row] = X.rows[row][::-1] * 2, X.data[row][::-1] * 2
        return
    name = str(rng.choice([*INDEX_ARRAYS[kind], *INDEX_ARRAYS[kind], "data"]))
    array = getattr(X, name).copy()
    if name == "data":
        how = rng.integers(5)
        if how == 0:
            array = array[: int(rng.integers(len(array) + 1))]
        elif how == 1:
            array = array[:, None] if array.ndim == 1 else array.reshape(-1)
        elif how == 2:
            array = np.concatenate([array, array])
        elif how == 3:
            array = strange_layout(rng, array)
        else:
            with warnings.catch_warnings(), np.errstate(all="ignore"):
                warnings.simplefilter("ignore")
                array = array.astype(str(rng.choice(DATA_DTYPES)))
    else:
        how = rng.integers(7)
        limit = max(X.shape)
        if how <= 1 and array.size:
            array = array.astype(np.int64)
            array[int(rng.integers(array.size))] = strange_number(rng, limit)
        elif how == 2:
            array = array[: int(rng.integers(len(array) + 1))]
        elif how == 3:
            array = np.append(array, array.dtype.type(rng.integers(limit)))
        elif how == 4:
            with np.errstate(all="ignore"):
                array = array.astype(str(rng.choice(INDEX_DTYPES)))
        elif how == 5:
            array = strange_layout(rng, array)
        else:
            array = rng.permutation(array)
    setattr(X, name, array)


def make_matrix(rng):
    """A matrix in any format, with any number of changes."""
    X = base(rng)
    if rng.random() < 0.3:
        X = split_entries(rng, X)
    kind = str(rng.choice(FORMATS))
    if kind != X.format:
        X = X.asformat(kind)
    most = 1 if kind in ("lil", "dok") else 3
    for _ in range(min(most, int(rng.choice([0, 1, 1, 1, 2, 3])))):
        bend(rng, X)
    return X


# ---- What is done with it ----


def activations(estimator, X, y):
    """The outputs of the first and the last layer."""
    return [estimator.get_activations(X, layer) for layer in (0, -1)]


METHODS = {
    "fit": lambda e, X, y: e.fit(X, y),
    "fit in order": lambda e, X, y: e.set_params(shuffle=False).fit(X, y),
    "fit X_val": lambda e, X, y: e.fit(np.eye(*X.shape), y, X_val=X, y_val=y),
    "warm fit": lambda e, X, y: e.set_params(warm_start=True).fit(X, y),
    "partial_fit": lambda e, X, y: e.partial_fit(X, y),
    "partial_fit X_val": lambda e, X, y: e.partial_fit(np.eye(*X.shape), y, X_val=X, y_val=y),
    "predict": lambda e, X, y: e.predict(X),
    "score": lambda e, X, y: e.score(X, y),
    "get_activations": activations,
}
OF_CLASSIFIERS = {
    "predict_proba": lambda e, X, y: e.predict_proba(X),
    "predict_log_proba": lambda e, X, y: e.predict_log_proba(X),
    "decision_function": lambda e, X, y: e.decision_function(X),
}
OF_REGRESSORS = {"sparse y": lambda e, X, y: e.fit(np.eye(*X.shape), X)}
ROWS = {
    "stream": lambda e, X, y: e.partial_fit(X, y[:1]),
    "explain_step": lambda e, X, y: explain_step(e, X, y[0]).loss,
    "one row": lambda e, X, y: e.predict(X),
}


def first_row(X):
    """The first row of a CSR matrix, whatever its arrays hold."""
    make = sparse.csr_array if isinstance(X, sparse.sparray) else sparse.csr_matrix
    row = make((1, X.shape[1]))
    row.indptr = X.indptr[:2].copy()
    row.data, row.indices = X.data, X.indices
    return row


def make_estimator(rng, shape):
    """An estimator that is fitted, on dense or sparse rows, and its targets."""
    is_classifier = rng.random() < 0.6
    n, n_columns = shape
    parameters = {
        "hidden_layer_sizes": tuple(rng.integers(1, 5, size=rng.integers(0, 3)).tolist()),
        "activation": "tanh",
        "batch_size": [1, 3, "full"][rng.integers(3)],
        "standardize": bool(rng.random() < 0.5),
        "alpha": 0.01,
        "max_iter": 2,
        "tol": None,
        "random_state": 0,
    }
    if rng.random() < 0.7:
        parameters["solver"] = str(rng.choice(["sgd", "adam", "rmsprop"]))
    Z = np.eye(n, n_columns) + 0.1
    Z = sparse.csr_array(Z) if rng.random() < 0.5 else Z
    y = np.arange(n) % 3 if is_classifier else np.arange(n) / n
    if is_classifier:
        y[-1:] = 1  # two classes at least
    estimator = (BackpropClassifier if is_classifier else BackpropRegressor)(**parameters)
    return estimator.fit(Z, y), y


def same(a, b, equal):
    """Whether two results are equal."""
    if hasattr(a, "_params"):
        return equal(a._params, b._params)
    if isinstance(a, list):
        return all(map(equal, a, b))
    return equal(a, b)


def nearly_equal(a, b):
    """Whether arrays of numbers or labels differ by rounding alone."""
    return np.allclose(a, b, rtol=1e-9, atol=1e-12)


def case(rng):
    """One matrix through one method."""
    X = make_matrix(rng)
    estimator, y = make_estimator(rng, X.shape)
    is_classifier = isinstance(estimator, BackpropClassifier)
    methods = METHODS | (OF_CLASSIFIERS if is_classifier else OF_REGRESSORS)
    if X.format == "csr" and X.indptr.ndim == 1 and rng.random() < 0.3:
        X, methods = first_row(X), ROWS
    name = str(rng.choice(list(methods)))
    method = methods[name]
    if name == "stream":
        row = sparse.csr_array(np.eye(1, X.shape[1]))
        estimator.partial_fit(row, y[:1]).partial_fit(row, y[:1])
    try:
        found = entries_of(X)
    except Impossible:
        found = None
    before, params = state(X), estimator._params.copy()
    twin = copy.deepcopy(estimator)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            result = method(estimator, X, y)
        except ValueError as error:
            if found is not None and any(isinstance(entry[2], complex) for entry in found):
                assert re.search("[Cc]omplex", str(error)), error
                return "complex"
            if found is not None and X.dtype == object and X.format != "csr":
                return "objects, which SciPy does not convert"
            assert found is None, f"{name} of {X!r}: {error}"
            assert any(words in str(error) for words in REFUSED), error
            assert np.array_equal(estimator._params, params)
            return "refused"
        assert found is not None, f"{name} of an impossible {X!r}"
        copied = canonical(X, found)
        # Conversions between formats may leave explicit zeros out, and so round otherwise.
        equal = np.array_equal if copied.data.all() else nearly_equal
        assert same(result, method(twin, copied, y), equal), name
    assert state(X) == before
    return "as its canonical copy"


if __name__ == "__main__":
    main(case)
