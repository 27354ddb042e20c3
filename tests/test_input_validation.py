"""Input validation: sparse matrices that SciPy would not make, and legal ones of odd layout."""

import copy
import pickle
from itertools import pairwise

import numpy as np
import pytest
from scipy import sparse

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop._preprocessing.input_validation import canonical_csr
from skbackprop.inspection import NetworkDisplay, explain_step

N, N_IN = 12, 4
FORMATS = ("csr", "csc", "coo", "bsr", "lil", "dok", "dia")


def data(seed=0):
    """A sparse matrix of N rows with 2 or 3 entries each, and class numbers."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(N, N_IN))
    X[np.arange(N), np.arange(N) % N_IN] = 0
    X[::2, 1] = 0
    return sparse.csr_array(X), np.arange(N) % 3


def changed(kind, **arrays):
    """``change(X)``: `X` in another format, with other arrays than it had."""

    def change(X):
        X = X.asformat(kind)
        for name, make in arrays.items():
            setattr(X, name, make(getattr(X, name).copy()))
        return X

    return change


def put(place, value, dtype=None):
    def change(array):
        array = array if dtype is None else array.astype(dtype)
        array[place] = value
        return array

    return change


def constant(value):
    return lambda _: value


# What happens to a sparse matrix, and what is then said.
MALFORMED = {
    "csr column": (changed("csr", indices=put(3, N_IN)), "indices from 0 to 4"),
    "csr column far away": (changed("csr", indices=put(3, 10**6)), "to 1000000, not from 0 to"),
    "csr column of 64 bits": (changed("csr", indices=put(3, 2**40, np.int64)), "indices from"),
    "csr column negative": (changed("csr", indices=put(3, -1)), "indices from -1"),
    "csr column unsigned": (changed("csr", indices=put(3, 2**64 - 1, np.uint64)), "indices"),
    "csr column float": (changed("csr", indices=lambda a: a + 0.5), "dtype float64"),
    "csr column boolean": (changed("csr", indices=lambda a: a > 0), "dtype bool"),
    "csr columns none": (changed("csr", indices=constant(None)), "dtype object"),
    "csr columns fewer": (changed("csr", indices=lambda a: a[:5]), "5 indices and"),
    "csr columns 2-D": (changed("csr", indices=lambda a: a[:, None]), r"shape \(\d+, 1\)"),
    "csr data fewer": (changed("csr", data=lambda a: a[:5]), "5 entries"),
    "csr data 2-D": (changed("csr", data=lambda a: a[:, None]), r"data of shape \(\d+, 1\)"),
    "csr data none": (changed("csr", data=constant(None)), r"data of shape \(\)"),
    "csr data strings": (changed("csr", data=lambda a: np.full(a.size, "rye")), "rye"),
    "csr indptr beyond": (changed("csr", indptr=put(-1, 10**6)), "ends with 1000000"),
    "csr indptr far beyond": (changed("csr", indptr=put(-1, 2**62, np.int64)), "ends with"),
    "csr indptr begins negative": (changed("csr", indptr=put(0, -5)), "rise from 0"),
    "csr indptr ends negative": (changed("csr", indptr=put(-1, -5)), "rise from 0"),
    "csr indptr begins late": (changed("csr", indptr=put(0, 1)), "rise from 0"),
    "csr indptr falls": (changed("csr", indptr=put(3, 10**6)), "rise from 0"),
    "csr indptr falls to zero": (changed("csr", indptr=put(-1, 0)), "rise from 0"),
    "csr indptr unsigned": (changed("csr", indptr=put(3, 2**60, np.uint64)), "rise from 0"),
    "csr indptr short": (changed("csr", indptr=lambda a: a[[0, -1]]), "not 13 numbers"),
    "csr indptr long": (changed("csr", indptr=lambda a: np.append(a, a[-1])), "not 13"),
    "csr indptr empty": (changed("csr", indptr=lambda a: a[:0]), "not 13 numbers"),
    "csr indptr float": (changed("csr", indptr=lambda a: a * 1.0), "indptr of dtype float64"),
    "csc row": (changed("csc", indices=put(3, N)), "indices from 0 to 12"),
    "csc row negative": (changed("csc", indices=put(3, -(2**31))), "indices from -2147483648"),
    "csc indptr": (changed("csc", indptr=put(2, 10**6)), "not 5 numbers"),
    "bsr column": (changed("bsr", indices=put(0, 10**6)), "indices from"),
    "bsr indptr": (changed("bsr", indptr=put(-1, 10**6)), "ends with 1000000"),
    "bsr blocks": (changed("bsr", data=lambda a: np.ones((len(a), 1, 3))), r"shape \(1, 3\)"),
    "bsr no blocks": (changed("bsr", data=lambda a: a[:, :0]), "blocks of shape"),
    "coo row": (changed("coo", row=put(3, 10**6)), "row from 0 to 1000000"),
    "coo column": (changed("coo", col=put(3, -1)), "col from -1"),
    "coo rows fewer": (changed("coo", row=lambda a: a[:3]), "3 rows"),
    "coo data more": (changed("coo", data=lambda a: np.append(a, 1.0)), "columns for"),
    "lil column": (changed("lil", rows=put(3, [10**6, 1, 2])), "indices from"),
    "lil column none": (changed("lil", rows=put(3, [None, 1, 2])), "with"),
    "lil entries more": (changed("lil", data=put(3, [1.0] * 1000)), "other lengths"),
    "lil rows fewer": (changed("lil", rows=lambda a: a[:5]), "not 12 lists"),
    "lil no list": (changed("lil", rows=put(3, None)), "not 12 lists"),
    "dia offsets": (changed("dia", offsets=lambda a: a[:1]), "1 offsets for"),
    "dia offsets twice": (changed("dia", offsets=lambda a: a * 0), "which repeat"),
    "dia offsets twice outside": (changed("dia", offsets=lambda a: a * 0 + 100), "repeat"),
    "dia data 1-D": (changed("dia", data=np.ravel), "data of shape"),
}  # fmt: skip


METHODS = {
    "fit": lambda e, X, y: e.fit(X, y),
    "fit in order": lambda e, X, y: e.set_params(shuffle=False).fit(X, y),
    "fit unscaled": lambda e, X, y: e.set_params(standardize=False).fit(X, y),
    "fit lbfgs": lambda e, X, y: e.set_params(solver="lbfgs").fit(X, y),
    "fit held out": lambda e, X, y: e.set_params(early_stopping=True).fit(X, y),
    "fit X_val": lambda e, X, y: e.fit(data()[0], y, X_val=X, y_val=y),
    "partial_fit": lambda e, X, y: e.partial_fit(X, y),
    "partial_fit X_val": lambda e, X, y: e.partial_fit(data()[0], y, X_val=X, y_val=y),
    "predict": lambda e, X, y: e.predict(X),
    "predict_proba": lambda e, X, y: e.predict_proba(X),
    "predict_log_proba": lambda e, X, y: e.predict_log_proba(X),
    "decision_function": lambda e, X, y: e.decision_function(X),
    "score": lambda e, X, y: e.score(X, y),
    "get_activations": lambda e, X, y: e.get_activations(X),
    "explain_step": lambda e, X, y: explain_step(e, X, y),
    "NetworkDisplay": lambda e, X, y: NetworkDisplay.from_estimator(e, x=X),
}


@pytest.fixture(scope="module")
def fitted():
    clf = BackpropClassifier((3,), max_iter=3, tol=None, standardize=False, random_state=0)
    return clf.fit(*data())


@pytest.mark.parametrize("way", MALFORMED)
@pytest.mark.parametrize("method", METHODS)
def test_malformed_sparse_input_is_refused(way, method, fitted):
    make, message = MALFORMED[way]
    X, y = data()
    X = make(X)
    clf = copy.deepcopy(fitted)
    before = pickle.dumps(clf._params)
    with pytest.raises(ValueError, match=message) as raised:
        METHODS[method](clf, X, y)
    name = "X_val" if "X_val" in method else "X"
    assert f"{name} must be a sparse matrix whose arrays fit together" in str(raised.value)
    assert pickle.dumps(clf._params) == before


@pytest.mark.parametrize("way", MALFORMED)
def test_malformed_sparse_matrices_are_refused_too(way):
    make, message = MALFORMED[way]
    X = make(sparse.csr_matrix(data()[0]))
    assert not isinstance(X, sparse.csr_array)
    with pytest.raises(ValueError, match=message):
        canonical_csr(X, "X")


# ---- Single rows, which are learned without scikit-learn's validation ----


def row(data=(1.0, 2.0), indices=(0, 2), indptr=(0, 2), shape=(1, N_IN)):
    """A sparse row as its arrays say, right or wrong."""
    made = sparse.csr_array(shape)
    made.data = np.array(data)
    made.indices, made.indptr = np.array(indices, np.int32), np.array(indptr, np.int32)
    return made


BAD_ROWS = {
    "column": row(indices=(0, N_IN)),
    "column negative": row(indices=(-1, 2)),
    "indptr begins late": row(indptr=(1, 2)),
    "indptr begins negative": row(indptr=(-1, 2)),
    "indptr beyond": row(indptr=(0, 3)),
    "indptr of two rows": row(indptr=(0, 2, 2)),
    "entries fewer": row(data=(1.0,)),
}


def stream(solver="sgd"):
    """A regressor that has learned a sparse row, and is ready for more."""
    reg = BackpropRegressor((3,), solver=solver, random_state=0)
    return reg.partial_fit(row(), [1.0]).partial_fit(row(), [1.0])


@pytest.mark.parametrize("way", BAD_ROWS)
def test_malformed_single_rows_are_refused(way):
    reg = stream()
    before = pickle.dumps(reg._params)
    with pytest.raises(ValueError, match="arrays fit together"):
        reg.partial_fit(BAD_ROWS[way], [1.0])
    assert pickle.dumps(reg._params) == before
    assert reg.t_ == 2


@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize(
    "odd",
    [
        row(data=(0.5, 2.0, 0.5), indices=(0, 2, 0), indptr=(0, 3)),  # twice
        row(data=(2.0, 1.0), indices=(2, 0)),  # not sorted
        row(data=(1.0, 2.0, 9.0), indices=(0, 2, 10**6)),  # room for more
        row(data=(1.0, 0.0, 2.0), indices=(0, 1, 2), indptr=(0, 3)),  # a zero
    ],
    ids=["duplicates", "unsorted", "slack", "zeros"],
)
def test_single_rows_of_odd_layout_are_learned_like_others(odd, solver):
    reg, same = stream(solver), stream(solver)
    before = [array.copy() for array in (odd.data, odd.indices, odd.indptr)]
    for _ in range(2):
        reg.partial_fit(odd, [2.0])
        same.partial_fit(row(), [2.0])
    np.testing.assert_array_equal(reg._params, same._params)
    for array, copied in zip((odd.data, odd.indices, odd.indptr), before, strict=True):
        np.testing.assert_array_equal(array, copied)


# ---- Legal matrices of odd layout ----


def strided(array):
    return np.repeat(array, 2)[::2]


def unaligned(array):
    memory = np.empty(array.nbytes + 1, dtype=np.uint8)[1:]
    there = memory.view(array.dtype)
    there[...] = array
    return there


def in_parts(X):
    """Each entry as a half and two quarters, the columns not sorted."""
    data = np.concatenate([np.array([0.5, 0.25, 0.25]) * value for value in X.data])
    indices, indptr = np.repeat(X.indices, 3), 3 * X.indptr
    for begin, end in pairwise(indptr):
        order = np.random.default_rng(begin).permutation(end - begin) + begin
        data[begin:end], indices[begin:end] = data[order], indices[order]
    return type(X)((data, indices, indptr), shape=X.shape)


def falsely_canonical(X):
    X = in_parts(X)
    X.has_canonical_format = X.has_sorted_indices = True
    return X


def with_slack(X):
    X.indices = np.append(X.indices, np.array([10**6, -1], dtype=X.indices.dtype))
    X.data = np.append(X.data, [np.nan, np.inf])
    return X


ODD = {
    "strided": changed("csr", data=strided, indices=strided, indptr=strided),
    "unaligned": changed("csr", data=unaligned, indices=unaligned, indptr=unaligned),
    "byte order": changed("csr", data=lambda a: a.astype(">f8")),
    "index byte order": changed("csr", indices=lambda a: a.astype(">i4")),
    "indices of 64 bits": changed("csr", indices=lambda a: a.astype(np.int64)),
    "indices of 8 bits": changed("csr", indices=lambda a: a.astype(np.uint8)),
    "entries as objects": changed("csr", data=lambda a: a.astype(object)),
    "duplicates": in_parts,
    "falsely canonical": falsely_canonical,
    "csc duplicates": lambda X: in_parts(X.tocsc()),
    "slack": with_slack,
    "matrix": sparse.csr_matrix,
    "matrix duplicates": lambda X: in_parts(sparse.csr_matrix(X)),
    "dia beyond": lambda X: with_diagonal_outside(X.todia()),
    **{kind: changed(kind) for kind in FORMATS},
    **{f"{kind} matrix": lambda X, kind=kind: sparse.csr_matrix(X).asformat(kind)
       for kind in FORMATS},
}  # fmt: skip


def with_diagonal_outside(X):
    X.offsets = np.append(X.offsets, X.offsets.dtype.type(2**31 - 1))
    X.data = np.vstack([X.data, np.ones_like(X.data[:1])])
    return X


@pytest.mark.parametrize("way", ODD)
@pytest.mark.parametrize("standardize", [True, False])
def test_sparse_input_of_odd_layout_counts_like_its_canonical_copy(way, standardize):
    X, y = data()
    odd = ODD[way](X.copy())
    before = pickle.dumps(odd)
    clf = BackpropClassifier(
        (3,), standardize=standardize, max_iter=5, tol=None, random_state=0
    )
    expected = copy.deepcopy(clf).fit(X, y, X_val=X, y_val=y)
    clf.fit(odd, y, X_val=odd, y_val=y)
    np.testing.assert_array_equal(clf._params, expected._params)
    assert clf.validation_loss_curve_ == expected.validation_loss_curve_
    np.testing.assert_array_equal(clf.predict_proba(odd), expected.predict_proba(X))
    clf.partial_fit(odd, y)
    np.testing.assert_array_equal(clf._params, expected.partial_fit(X, y)._params)
    assert pickle.dumps(odd) == before


@pytest.mark.parametrize("way", ODD)
def test_canonical_csr_is_what_scipy_makes_of_a_copy(way):
    X, _ = data()
    made = canonical_csr(ODD[way](X.copy()), "X")
    assert isinstance(made, sparse.csr_array) == ("matrix" not in way)
    for name in ("data", "indices", "indptr"):
        array = getattr(made, name)
        np.testing.assert_array_equal(array, getattr(X, name))
        assert array.flags.c_contiguous and array.flags.aligned
    assert made.has_canonical_format


def test_canonical_input_is_not_copied():
    X, _ = data()
    assert canonical_csr(X, "X") is X
    assert canonical_csr(sparse.csr_array((3, 2)), "X").nnz == 0


def test_sums_of_duplicates_are_those_of_the_dtype_given():
    X = row(data=np.array([100, 100], np.int8), indices=(1, 1))
    assert canonical_csr(X, "X").toarray().tolist() == X.toarray().tolist()
    X = row(data=np.array([True, True]), indices=(1, 1))
    assert canonical_csr(X, "X").toarray().tolist() == [[False, True, False, False]]


@pytest.mark.parametrize("shape", [(3,), (2, 2, 2)])
def test_sparse_arrays_of_other_dimensions_are_refused(shape, fitted):
    try:
        X = sparse.coo_array(np.ones(shape))
    except (TypeError, ValueError):
        X = sparse.coo_array((1, 1))
    if X.ndim == 2:
        pytest.skip("SciPy before 1.13 has none")
    with pytest.raises(ValueError, match="Expected 2D input"):
        fitted.predict(X)


# ---- Targets ----


def test_malformed_sparse_targets_are_refused(fitted):
    X, _ = data()
    Y = sparse.csr_array(np.eye(N)[:, :3].astype(int))
    clf = BackpropClassifier((3,), max_iter=2, tol=None, random_state=0).fit(X, Y)
    np.testing.assert_array_equal(clf._params, copy.deepcopy(clf).fit(X, Y.toarray())._params)
    assert clf.score(X, Y) == clf.score(X, Y.toarray())
    bad = Y.copy()
    bad.indices[0] = 10**6
    for call in (clf.fit, clf.partial_fit, clf.score):
        with pytest.raises(ValueError, match="y must be a sparse matrix whose arrays fit"):
            call(X, bad)
    with pytest.raises(ValueError, match="y must be a sparse matrix whose arrays fit"):
        clf.fit(X, Y, X_val=X, y_val=bad)


def test_a_regressor_takes_sparse_targets():
    X, _ = data()
    Y = sparse.csr_array(np.arange(2.0 * N).reshape(N, 2))
    reg = BackpropRegressor((3,), max_iter=2, tol=None, random_state=0).fit(X, Y)
    assert reg.score(X, Y) == reg.score(X, Y.toarray())


# ---- Numbers beyond float32 ----


FAR = np.array([[1e39, 1e39, -1e39]])


def in_float32(**parameters):
    """A regressor that was fitted to float32, and to the same numbers in float64."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3)).astype(np.float32)
    y = X @ np.array([2.0, 1.0, 0.0], dtype=np.float32)
    made = BackpropRegressor((4,), max_iter=3, tol=None, random_state=0, **parameters)
    return copy.deepcopy(made).fit(X, y), made.fit(X.astype(np.float64), y)


@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize("make", [np.array, sparse.csr_array, lambda X: X.tolist()])
def test_a_float32_network_computes_large_numbers_in_float64(standardize, make, engine):
    narrow, wide = in_float32(activation="tanh", standardize=standardize)
    assert narrow._params.dtype == np.float32
    mixed = np.vstack([FAR, np.ones((1, 3)), -FAR])
    for X in FAR, mixed:
        predicted = narrow.predict(make(X))
        assert predicted.dtype == np.float32
        np.testing.assert_allclose(predicted, wide.predict(make(X)), rtol=1e-4)
        np.testing.assert_allclose(
            narrow.get_activations(make(X), 0), wide.get_activations(make(X), 0), atol=1e-5
        )


@pytest.mark.parametrize("standardize", [True, False])
def test_what_overflows_float32_is_refused_in_words(standardize, engine):
    narrow, wide = in_float32(activation="relu", standardize=standardize)
    message = r"outputs for row 1 of X overflow float32.* as large as 1e\+39"
    with pytest.raises(ValueError, match=message):
        narrow.predict(np.vstack([np.ones((1, 3)), FAR]))
    with pytest.raises(ValueError, match=message):
        narrow.get_activations(np.vstack([np.ones((1, 3)), FAR]))
    assert np.isfinite(wide.predict(FAR)).all()
    with pytest.raises(ValueError, match="row 0 of X overflow float64"):
        wide.predict(FAR * 1.7e269)
    with pytest.raises(ValueError, match="too large for dtype.*float32"):
        NetworkDisplay.from_estimator(narrow, x=FAR[0])


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_exponentials_that_overflow_are_refused_in_words(dtype, engine):
    X = np.linspace(0, 1, 40, dtype=dtype)[:, None]
    reg = BackpropRegressor((), loss="poisson", max_iter=20, tol=None, random_state=0)
    reg.fit(X, np.exp(X[:, 0]))
    X = np.array([[1.0], [1e5]], dtype=dtype)
    assert reg.predict(X[:1]) > 1
    for rows in (X, X[1:]):
        with pytest.raises(ValueError, match=f"of X overflow {np.dtype(dtype)}.*100000"):
            reg.predict(rows)
    np.testing.assert_array_equal(reg.predict(-X[1:]), 0)


@pytest.mark.parametrize("loss", ["log_loss", "squared_error"])
@pytest.mark.parametrize("activation", ["tanh", "relu"])
def test_a_float32_classifier_has_finite_probabilities_for_any_number(loss, activation, engine):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3)).astype(np.float32)
    clf = BackpropClassifier(
        (4,), activation=activation, loss=loss, max_iter=3, tol=None, random_state=0
    )
    y = (X[:, 0] > 0) * 1 + (X[:, 1] > 0)
    wide = copy.deepcopy(clf).fit(X.astype(np.float64), y)
    clf.fit(X, y)
    for make in (np.array, sparse.csr_array):
        for X in (FAR, -FAR, FAR * 1e260):
            p = clf.predict_proba(make(X))
            assert p.dtype == np.float32
            np.testing.assert_allclose(p, wide.predict_proba(make(X)), atol=1e-4)
            assert np.isfinite(clf.decision_function(make(X))).all()


def test_a_network_that_overflows_for_any_input_has_finite_probabilities():
    X = np.eye(4, 3, dtype=np.float32)
    for y in ([0, 1, 2, 0], [0, 0, 0, 0], [0, 1, 0, 1]):
        clf = BackpropClassifier((2, 2), activation="relu", max_iter=1, random_state=0)
        clf.fit(X, y)
        clf._predict_with(np.full_like(clf._params, 1e37))
        p = clf.predict_proba(X)
        assert np.isfinite(p).all()
        np.testing.assert_allclose(p.sum(axis=1), 1)


def test_numbers_that_overflow_float32_when_scaled_are_refused_in_words():
    """Tiny numbers are scaled by large factors, which ordinary ones do not bear."""
    rng = np.random.default_rng(0)
    X = (1e-30 * rng.normal(size=(60, 3))).astype(np.float32)
    y = X[:, 0]
    far = np.full((2, 3), 1e30, dtype=np.float32)
    reg = BackpropRegressor((4,), activation="tanh", max_iter=3, tol=None, random_state=0)
    reg.fit(X, y)
    before = pickle.dumps(reg._params)
    for name, rows, targets in (("X", far, y[:2]), ("y", X[:2], far[:, 0])):
        message = rf"{name} and {name}_val must be finite in float32 .* as large as 1e\+30"
        for call in (
            lambda rows=rows, targets=targets: reg.partial_fit(rows, targets),
            lambda rows=rows, targets=targets: reg.partial_fit(rows[:1], targets[:1]),
            lambda rows=rows, targets=targets: reg.fit(X, y, X_val=rows, y_val=targets),
        ):
            with pytest.raises(ValueError, match=message):
                call()
    with pytest.raises(ValueError, match="X and X_val must be finite in float32"):
        reg.partial_fit(sparse.csr_array(far), y[:2])
    assert pickle.dumps(reg._params) == before
    assert np.isfinite(reg.predict(far)).all()


def test_training_in_float32_refuses_larger_numbers_in_words():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3)).astype(np.float32)
    y = np.arange(60.0)
    reg = BackpropRegressor((4,), max_iter=3, tol=None, random_state=0).fit(X, y)
    before = pickle.dumps(reg._params)
    beyond = "range of float32, the dtype of the network. Got 1e\\+39"
    for y_far in (np.append(y[:-1], 1e39), np.append(y[:-1], -1e39)):
        for call in (reg.fit, reg.partial_fit):
            with pytest.raises(ValueError, match=beyond):
                call(X, y_far)
        with pytest.raises(ValueError, match=beyond):
            reg.fit(X, y, X_val=X, y_val=y_far)
    too_large = "Input X contains infinity or a value too large for dtype..float32"
    for call in (
        lambda: reg.partial_fit(FAR, [1.0]),
        lambda: reg.partial_fit(sparse.csr_array(FAR), [1.0]),
        lambda: reg.partial_fit(np.vstack([FAR, FAR]), [1.0, 2.0]),
        lambda: reg.fit(X, y, X_val=FAR, y_val=[1.0]),
        lambda: copy.deepcopy(reg).set_params(warm_start=True).fit(FAR, [1.0]),
    ):
        with pytest.raises(ValueError, match=too_large):
            call()
    with pytest.raises(ValueError, match="'weight_init'.* too large for float32"):
        BackpropRegressor((), weight_init=([np.full((3, 1), 1e41)], [np.zeros(1)])).fit(X, y)
    reg.partial_fit(X[:1], [1.0])
    for row, target in ((X[:1], [1e39]), (FAR, [1.0])):  # the short way
        with pytest.raises(ValueError, match="float32"):
            reg.partial_fit(row, target)
    assert pickle.dumps(reg._params) != before
    assert np.isfinite(reg._params).all()
