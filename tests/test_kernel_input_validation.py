"""The input validation of the kernel: whatever comes in, nothing outside the arrays is touched.

Arguments that fit are bent in one way after another; each has to be refused with a ValueError
that says what was expected. Arguments that fit, with the strangest numbers, have to give what
the readable implementation gives. `.ci/sanitize` runs these with every access watched.
"""

import threading

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse
from strategies import campaign

from skbackprop._engine import hashing, training
from skbackprop._engine.hashing import kernel
from skbackprop._engine.losses import LOSSES
from skbackprop._engine.network import Network
from skbackprop._engine.regularization import Regularization
from skbackprop._engine.solvers import UPDATE_RULES, Adam, GradientDescent, Momentum
from skbackprop._preprocessing.scaling import Standardizer

pytestmark = pytest.mark.compiled

N, N_IN, N_OUT = 6, 5, 3
STRANGE = [
    0.0, -0.0, 1.0, -1.0, 5e-324, 1e-310, -1e-40, 1e-12, 1e12, 3e38, -3e38, 1e154, 1e308,
    -1.7e308, np.inf, -np.inf, np.nan,
]  # fmt: skip


def arguments(sparse_rows=False, by_class=True, dtype=np.float64, solver=None, seed=0):
    """What `run_epoch` takes, by name."""
    rng = np.random.default_rng(seed)
    solver = solver or Adam()
    network = Network((N_IN, 4, N_OUT), ("tanh",), "log_loss", "softmax")
    X = rng.normal(size=(N, N_IN)).astype(dtype)
    Y = np.arange(N) % N_OUT
    return {
        "network": network,
        "params": rng.normal(size=network.n_params).astype(dtype),
        "state": np.zeros((solver.n_slots, network.n_params), dtype=dtype),
        "solver": solver,
        "regularization": Regularization(dropout=(0.2,)),
        "X": sparse.csr_array(X) if sparse_rows else X,
        "Y": Y if by_class else np.eye(N_OUT, dtype=dtype)[Y],
        "order": np.arange(N),
        "batch_size": 2,
        "rate": 0.1,
        "weights": np.ones(N, dtype=dtype),
    }


def read_only(array):
    array.flags.writeable = False
    return array


def unaligned(array):
    """The same numbers, one byte beside where they should be."""
    memory = np.empty(array.nbytes + 1, dtype=np.uint8)[1:]
    there = memory.view(array.dtype).reshape(array.shape)
    there[...] = array
    assert array.size == 0 or not there.flags.aligned
    return there


def bent_csr(X, **changes):
    """A sparse matrix that scipy would not make."""
    X = sparse.csr_array(X)
    for name, value in changes.items():
        setattr(X, name, value)
    return X


def with_index(X, value):
    X.indices[3] = value
    return X


def network(sizes=(N_IN, 4, N_OUT), hidden=("tanh",), options=()):
    return lambda _: Network(sizes, hidden, "log_loss", "softmax", options)


# Which argument, what happens to it, and what is then said.
BENT = {
    "too few parameters": ("params", lambda a: a[:-1], "parameters of shape"),
    "too many parameters": ("params", lambda a: np.append(a, 0.0), "parameters of shape"),
    "parameters in two columns": ("params", lambda a: a[:, None], "parameters of shape"),
    "every other parameter": ("params", lambda a: np.repeat(a, 2)[::2], "C order"),
    "half precision": ("params", lambda a: a.astype(np.float16), "floats"),
    "whole numbers": ("params", lambda a: a.astype(np.int64), "floats"),
    "long doubles": ("params", lambda a: a.astype(np.longdouble), "floats"),
    "parameters of the other float": ("params", lambda a: a.astype(np.float32), "not of"),
    "parameters of the other byte order": ("params", lambda a: a.astype(">f8"), "expected"),
    "read-only parameters": ("params", read_only, "written"),
    "parameters beside their place": ("params", unaligned, "aligned"),
    "no state": ("state", lambda a: a[:0], "state of shape"),
    "one slot": ("state", lambda a: a[:1], "state of shape"),
    "a short state": ("state", lambda a: a[:, 1:], "state of shape"),
    "a state of the other float": ("state", lambda a: a.astype(np.float32), "not of"),
    "a read-only state": ("state", read_only, "written"),
    "another rule": ("solver", lambda _: Momentum(), "state of shape"),
    "dropout of no layer": (
        "regularization", lambda _: Regularization(dropout=(0.1, 0.1)), "dropout of 1",
    ),
    "dropout of all": ("regularization", lambda _: Regularization(dropout=(1.0,)), "below 1"),
    "dropout of less": ("regularization", lambda _: Regularization(dropout=(-0.1,)), "dropout"),
    "dropout of NaN": ("regularization", lambda _: Regularization(dropout=(np.nan,)), "below"),
    "a column less": ("X", lambda a: a[:, 1:], "inputs of shape"),
    "a column more": ("X", lambda a: np.hstack([a, a[:, :1]]), "inputs of shape"),
    "a row less": ("X", lambda a: a[1:], "of shape"),
    "one dimension": ("X", np.ravel, "of shape"),
    "no dimension": ("X", lambda a: np.array(1.0), "of shape"),
    "three dimensions": ("X", lambda a: a[:, :, None], "of shape"),
    "no rows": ("X", lambda a: a[:0], "of shape"),
    "rows of the other float": ("X", lambda a: a.astype(np.float32), "not of"),
    "rows of whole numbers": ("X", lambda a: a.astype(np.int64), "not of"),
    "rows of objects": ("X", lambda a: a.astype(object), "not of"),
    "another sparse format": ("X", sparse.csc_array, "CSR"),
    "a sparse column less": ("X", lambda a: sparse.csr_array(a[:, 1:]), "inputs|columns"),
    "sparse rows of the other float": (
        "X", lambda a: sparse.csr_array(a.astype(np.float32)), "sparse numbers",
    ),
    "a column too far": ("X", lambda a: with_index(sparse.csr_array(a), N_IN), "columns below"),
    "a negative column": ("X", lambda a: with_index(sparse.csr_array(a), -1), "columns below"),
    "a column of 2**33": (
        "X",
        lambda a: bent_csr(a, indices=np.full(a.size, 2**33, dtype=np.int64)),
        "columns below",
    ),
    "starts that fall": (
        "X", lambda a: bent_csr(a, indptr=np.array([0, 9, 3, 15, 20, 25, 30])), "indptr",
    ),
    "starts before the first": (
        "X", lambda a: bent_csr(a, indptr=np.array([-5, 5, 10, 15, 20, 25, 30])), "indptr",
    ),
    "starts beyond the last": (
        "X", lambda a: bent_csr(a, indptr=np.array([0, 5, 10, 15, 20, 25, 31])), "indptr",
    ),
    "too few starts": ("X", lambda a: bent_csr(a, indptr=np.array([0, 30])), "indptr"),
    "fewer numbers than columns": (
        "X", lambda a: bent_csr(a, data=np.ones(7)), "indptr",
    ),
    "a class too high": ("Y", lambda a: np.where(a == 1, N_OUT, a), "class numbers below 3"),
    "a negative class": ("Y", lambda a: a - 1, "class numbers below 3"),
    "classes as floats": ("Y", lambda a: a.astype(float), "not of"),
    "classes of 32 bits": ("Y", lambda a: a.astype(np.int32), "not of"),
    "a class less": ("Y", lambda a: a[1:], "class numbers of shape"),
    "one class": ("Y", lambda a: np.array(1), "class numbers of shape"),
    "one target for three": ("Y", lambda a: a[:, None] * 1.0, "targets of shape"),
    "a target row less": ("Y", lambda a: np.eye(N_OUT)[a[1:]], "targets of shape"),
    "targets of the other float": (
        "Y", lambda a: np.eye(N_OUT, dtype=np.float32)[a], "not of",
    ),
    "a weight less": ("weights", lambda a: a[1:], "weights of shape"),
    "weights of the other float": ("weights", lambda a: a.astype(np.float32), "not of"),
    "every other weight": ("weights", lambda a: np.repeat(a, 2)[::2], "C order"),
    "a row that is not there": ("order", lambda a: a + 1, "row numbers below 6"),
    "a negative row": ("order", lambda a: a - 1, "row numbers below 6"),
    "a row far away": ("order", lambda a: a * 2**58, "row numbers below 6"),
    "an order of 32 bits": ("order", lambda a: a.astype(np.int32), "mismatch"),
    "every other row": ("order", lambda a: np.arange(2 * N)[::2], "contiguous"),
    "an order in two columns": ("order", lambda a: a[:, None], "dimensions"),
    "an order beside its place": ("order", unaligned, "aligned"),
    "no batch": ("batch_size", lambda _: 0, "batch_size of at least 1"),
    "less than no batch": ("batch_size", lambda _: -1, "batch_size of at least 1"),
    "one layer": ("network", network((N_IN,), ()), "two layers"),
    "no neuron": ("network", network((N_IN, 0, N_OUT)), "neurons"),
    "no input": ("network", network((0, 4, N_OUT)), "neurons"),
    "more neurons than BLAS counts": ("network", network((N_IN, 2**31, N_OUT)), "neurons"),
    "an activation too few": ("network", network(hidden=()), "activations"),
    "an activation too many": ("network", network(hidden=("tanh", "tanh")), "activations"),
    "classes that are not there": ("network", network(options=(2, 2)), "add up to 3"),
    "less than no classes": ("network", network(options=(4, -1)), "add up to 3"),
}  # fmt: skip


@pytest.mark.parametrize("way", BENT)
def test_what_does_not_fit_is_refused(way):
    name, bend, message = BENT[way]
    given_ = arguments()
    given_[name] = bend(given_[name])
    before = given_["params"].copy()
    with pytest.raises(ValueError, match=message):
        kernel.run_epoch(**given_)
    np.testing.assert_array_equal(given_["params"], before)


@campaign(150)
@given(st.data())
def test_arrays_of_any_shape_fit_or_are_refused(data):
    """Random shapes, memory orders and dtypes: refused, or as in the NumPy implementation."""
    draw = data.draw
    given_ = arguments(draw(st.booleans()), draw(st.booleans()))
    for name in draw(st.sets(st.sampled_from(["X", "Y", "order", "weights"]), max_size=2)):
        array = given_[name]
        if sparse.issparse(array):
            continue
        shape = draw(st.tuples(*[st.integers(0, 2 * side) for side in array.shape]))
        resized = np.resize(array, shape) if array.size else array
        layout = draw(st.sampled_from(["C", "F", "reversed", "read-only", "unaligned"]))
        given_[name] = {
            "C": lambda a: a,
            "F": np.asfortranarray,
            "reversed": lambda a: a[::-1],
            "read-only": read_only,
            "unaligned": unaligned,
        }[layout](resized)
    expected = {**given_, "params": given_["params"].copy(), "state": given_["state"].copy()}
    try:
        loss = kernel.run_epoch(**given_)
    except ValueError as error:
        assert "expected" in str(error) or "contiguous" in str(error)
        return
    expected_loss = training.run_epoch(**expected)
    np.testing.assert_allclose(loss, expected_loss, rtol=1e-12)
    np.testing.assert_allclose(given_["params"], expected["params"], rtol=1e-9, atol=1e-11)


@st.composite
def strange_epochs(draw):
    """Any numbers at all, in networks of every loss, rule and batch."""
    dtype = draw(st.sampled_from([np.float64, np.float32]))
    row = draw(st.sampled_from(LOSSES))
    hidden = draw(st.sampled_from(["relu", "logistic", "gelu", "mish", "selu", "softplus"]))
    solver = draw(st.sampled_from(UPDATE_RULES))()
    sizes = (draw(st.integers(1, 40)), draw(st.integers(1, 20)), draw(st.integers(1, 5)))
    net = Network(sizes, (hidden,), row.name, row.output_activation, ())
    n = draw(st.integers(1, 20))
    numbers = st.one_of(st.sampled_from(STRANGE), st.floats(width=32))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    pool = np.array(draw(st.lists(numbers, min_size=1, max_size=6)))
    with np.errstate(over="ignore"):
        X = rng.choice(pool, size=(n, sizes[0])).astype(dtype)
        params = rng.choice(pool, size=net.n_params).astype(dtype)
        Y = rng.choice(pool, size=(n, sizes[-1])).astype(dtype)
    if draw(st.booleans()):
        X = sparse.csr_array(X)
    options = Regularization(
        alpha=draw(st.sampled_from([0.0, 1e300])),
        clip_norm=draw(st.sampled_from([None, 1e-300, 1.0])),
        max_norm=draw(st.sampled_from([None, 1e-300, 1.0])),
        dropout=(draw(st.sampled_from([0.0, 1e-300, 0.5, np.nextafter(1, 0)])),),
    )
    rate = draw(st.sampled_from([0.0, 1e-300, 1.0, 1e300, np.inf, np.nan]))
    state = np.zeros((solver.n_slots, net.n_params), dtype=dtype)
    batch = draw(st.integers(1, n))
    return net, params, state, solver, options, X, Y, np.arange(n), batch, rate


# The largest payload, on which arithmetic with a NaN's bits could overflow.
LOUD_NAN = {
    np.float64: np.array([2**63 - 1]).view(np.float64)[0],
    np.float32: np.array([2**31 - 1], dtype=np.int32).view(np.float32)[0],
}


@campaign(200)
@given(strange_epochs())
def test_any_number_is_survived(epoch):
    """Of the numbers nothing is asked but that nothing breaks, and that an answer comes."""
    net, params, state, solver, options, X, Y, *rest = epoch
    loss = kernel.run_epoch(net, params, state, solver, options, X, Y, *rest)
    assert isinstance(loss, float)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("activation", ["logistic", "tanh", "elu", "silu", "mish"])
def test_every_nan_stays_one(dtype, activation):
    net = Network((1, 1, 1), (activation,), "squared_error", "identity")
    X = np.full((1, 1), LOUD_NAN[dtype], dtype=dtype)
    raw = kernel.run_epoch(
        net, np.ones(4, dtype=dtype), np.zeros((0, 4), dtype=dtype), GradientDescent(),
        Regularization(), X, np.ones((1, 1), dtype=dtype), np.zeros(1, dtype=np.int64), 1, 0.1,
    )  # fmt: skip
    assert np.isnan(raw)


@pytest.mark.parametrize("batch_size", [1, 8])
@pytest.mark.parametrize("n", [3, 64])
def test_rows_beyond_two_to_the_31st_number(tmp_path, n, batch_size):
    """The last rows of 8 GiB, most of which is a hole in a file, train as by themselves."""
    net = Network((2**16, 2, 2), ("tanh",), "log_loss", "softmax")
    n_rows = 2**15 + n
    X = np.memmap(tmp_path / "X", dtype=np.float32, mode="w+", shape=(n_rows, 2**16))
    few = np.random.default_rng(0).normal(size=(n, 2**16)).astype(np.float32)
    X[-n:] = few
    Y = np.arange(n_rows) % 2
    trained = []
    for rows, classes, first in ((X, Y, n_rows - n), (few, Y[-n:], 0)):
        params = np.linspace(-0.01, 0.01, net.n_params, dtype=np.float32)
        state = np.zeros((0, net.n_params), dtype=np.float32)
        kernel.run_epoch(
            net, params, state, GradientDescent(), Regularization(), rows, classes,
            first + np.arange(n), batch_size, 0.1,
        )  # fmt: skip
        trained.append(params)
    assert np.isfinite(params).all()
    np.testing.assert_array_equal(*trained)


# ---- Single rows ----


def stream(
    sparse_rows=False, by_class=False, n_out=1, inputs=None, targets=None, n_in=N_IN
):  # fmt: skip
    loss = ("log_loss", "softmax") if by_class else ("squared_error", "identity")
    net = Network((n_in, 4, n_out), ("tanh",), *loss)
    params = np.full(net.n_params, 0.1)
    state = np.zeros((0, net.n_params))
    made = kernel.OnlineStepper(
        net, params, state, GradientDescent(), Regularization(), 0, inputs, targets, by_class,
        sparse_rows,
    )  # fmt: skip
    return made, params


def standardizer(n):
    return Standardizer(np.zeros(n), np.ones(n))


@pytest.mark.parametrize("which", ["inputs", "targets"])
def test_a_stream_takes_scales_that_fit(which):
    for n in (0, 2):
        with pytest.raises(ValueError, match=f"means of {which} of shape"):
            stream(**{which: standardizer(n)})
    other = Standardizer(np.zeros(N_IN if which == "inputs" else 1), np.ones(9))
    with pytest.raises(ValueError, match=f"scales of {which} of shape"):
        stream(**{which: other})


ROW = np.ones((1, N_IN))


@pytest.mark.parametrize(
    ("row", "target"),
    [
        (ROW[:, 1:], 1.0), (np.ones((1, N_IN + 1)), 1.0), (np.ones((2, N_IN)), 1.0),
        (np.ones((0, N_IN)), 1.0), (ROW[0], 1.0), (ROW.astype(np.float32), 1.0),
        (ROW.astype(object), 1.0), (None, 1.0), ([[1.0] * N_IN], 1.0), (ROW * np.nan, 1.0),
        (ROW * np.inf, 1.0), (np.ones((1, 2 * N_IN))[:, ::2], 1.0), (ROW, np.nan),
        (ROW, np.inf), (ROW, "1"), (ROW, None), (ROW, [1.0]), (ROW, 1j),
        (unaligned(ROW), 1.0),
        (sparse.csr_array(ROW), 1.0),
    ],
)  # fmt: skip
def test_a_stream_learns_nothing_from_what_does_not_fit(row, target):
    made, params = stream()
    before = params.copy()
    assert np.isnan(made.learn(row, target, 0.1, 0, 0)) or not np.isfinite(
        made.learn(row, target, 0.1, 0, 0)
    )
    np.testing.assert_array_equal(params, before)
    assert np.isfinite(made.learn(ROW, 1.0, 0.1, 0, 0))
    assert (params != before).any()


@pytest.mark.parametrize("number", [-1, 3, 2**40, -(2**62), 2**70, None, "rye", np.nan])
@pytest.mark.parametrize("sparse_rows", [False, True])
def test_a_stream_refuses_classes_that_are_not_there(number, sparse_rows):
    made, params = stream(sparse_rows, by_class=True, n_out=3)
    before = params.copy()
    row = sparse.csr_array(ROW) if sparse_rows else ROW
    assert np.isnan(made.learn(row, number, 0.1, 0, 0))
    np.testing.assert_array_equal(params, before)
    assert np.isfinite(made.learn(row, 2, 0.1, 0, 0))


@pytest.mark.parametrize("target", [np.ones((1, 2)), np.ones(3), np.ones((2, 3)), 1.0, None])
def test_a_stream_refuses_targets_of_another_shape(target):
    made, params = stream(n_out=3)
    before = params.copy()
    assert np.isnan(made.learn(ROW, target, 0.1, 0, 0))
    np.testing.assert_array_equal(params, before)


@campaign(100)
@given(
    columns=st.lists(st.integers(-(2**31), 2**31 - 1) | st.integers(0, N_IN), max_size=40),
    end=st.integers(-2, 45),
    n_values=st.integers(0, 45),
)
def test_a_stream_of_any_sparse_row(columns, end, n_values):
    """Indices at random, repeated ones too; rows longer than there was room for."""
    made, params = stream(sparse_rows=True)
    before = params.copy()
    row = bent_csr(
        np.zeros((1, N_IN)),
        data=np.full(n_values, 0.1),
        indices=np.array(columns, dtype=np.int32),
        indptr=np.array([0, end], dtype=np.int32),
    )
    loss = made.learn(row, 1.0, 0.01, 0, 0)
    fits = end == n_values == len(columns) and all(0 <= c < N_IN for c in columns)
    assert np.isfinite(loss) == fits
    if not fits:
        np.testing.assert_array_equal(params, before)
        return
    spelled_out = np.zeros((1, N_IN))
    np.add.at(spelled_out[0], columns, 0.1)
    dense, expected = stream()
    np.testing.assert_allclose(dense.learn(spelled_out, 1.0, 0.01, 0, 0), loss, rtol=1e-12)
    np.testing.assert_allclose(params, expected, rtol=1e-12)


# ---- Predicting ----


def predictor(dtype=np.float64, inputs=None, n_params=None):
    net = Network((N_IN, 4, N_OUT), ("tanh",), "log_loss", "softmax")
    params = np.linspace(-1, 1, net.n_params).astype(dtype)
    return kernel.Predictor(net, params[:n_params], inputs), net, params


def test_a_predictor_takes_what_fits():
    with pytest.raises(ValueError, match="parameters of shape"):
        predictor(n_params=-1)
    with pytest.raises(ValueError, match="means of inputs of shape"):
        predictor(inputs=standardizer(N_IN + 1))
    with pytest.raises(ValueError, match="scales of inputs of shape"):
        predictor(inputs=Standardizer(np.zeros(N_IN), np.ones(2)))
    with pytest.raises(ValueError, match="not of float32"):
        predictor(inputs=Standardizer(np.zeros(N_IN, np.float32), np.ones(N_IN, np.float32)))


@campaign(150)
@given(
    st.integers(0, 700),
    st.integers(0, N_IN + 2),
    st.sampled_from(["C", "F", "read-only", "reversed", "unaligned", "f4", ">f8", "i8", "1d"]),
    st.booleans(),
    st.sampled_from(STRANGE),
)
def test_a_predictor_predicts_or_says_no(n, n_columns, form, scaled, strange):
    made, net, params = predictor(inputs=standardizer(N_IN) if scaled else None)
    X = np.random.default_rng(n).normal(size=(n, n_columns))
    X[n // 2 :, n_columns // 2 :] = strange
    fits = n > 0 and n_columns == N_IN and np.isfinite(strange)
    shown = {
        "C": lambda a: a, "F": np.asfortranarray, "read-only": read_only,
        "reversed": lambda a: a[::-1], "unaligned": unaligned, "1d": np.ravel,
        **{kind: lambda a, kind=kind: a.astype(kind) for kind in ("f4", ">f8")},
        "i8": lambda a: np.ones(a.shape, dtype=np.int64),
    }[form]  # fmt: skip
    with np.errstate(all="ignore"):
        X = shown(X)
    raw, proba = made.raw(X), made.probabilities(X, N_OUT)
    assert made.probabilities(X, N_OUT + 1) is None
    if not fits or form in ("f4", ">f8", "i8", "1d", "unaligned") or not X.flags.c_contiguous:
        assert raw is None
        assert proba is None
        return
    with np.errstate(all="ignore"):
        expected = net.forward(params, X)[0][-1]
    size = np.abs(X).max(axis=1, keepdims=True) + 1
    np.testing.assert_allclose(raw / size, expected / size, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(proba.sum(axis=1), 1)


def in_threads(work, n):
    """Call `work` with 0 to n - 1, each in a thread of its own."""
    threads = [threading.Thread(target=work, args=(k,)) for k in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def test_threads_in_one_stream_stay_within_its_arrays():
    """Rows of all lengths, for which there is more and more room; none is waited for."""
    made, params = stream(sparse_rows=True, n_in=500)
    rows = [sparse.csr_array(np.full((1, n), 1e-3)) for n in range(1, 501)]
    for row in rows:
        row.resize((1, 500))
    barrier, losses = threading.Barrier(4), []

    def learn(begin):
        barrier.wait()
        losses.extend(made.learn(row, 0.1, 1e-3, 0, 0) for row in rows[begin::4])

    in_threads(learn, 4)
    assert len(losses) == 500
    assert np.isfinite([*losses, *params]).all()


def test_threads_share_a_predictor():
    made, *_ = predictor()
    X = np.random.default_rng(0).normal(size=(3000, N_IN))
    expected, found = made.raw(X), []

    def predict(_):
        found.extend(made.raw(X) for _ in range(20))

    in_threads(predict, 6)
    assert len(found) == 120
    assert all(np.array_equal(raw, expected) for raw in found)


# ---- Hashing ----


@campaign(150)
@given(
    st.integers(0, 9),
    st.integers(0, 9),
    st.lists(st.sampled_from(STRANGE), min_size=1, max_size=5),
    st.sampled_from(["C", "F", "reversed", "read-only", "unaligned", "sparse"]),
    st.integers(0, 2**40),
)
def test_hashes_of_any_numbers(n, n_columns, numbers, form, first):
    X = np.random.default_rng(n).choice(numbers, size=(n, n_columns))
    expected = hashing.hash_rows(X, first)
    X = {
        "C": lambda a: a, "F": np.asfortranarray, "read-only": read_only,
        "reversed": lambda a: np.ascontiguousarray(a[::-1])[::-1], "unaligned": unaligned,
        "sparse": sparse.csr_array,
    }[form](X)  # fmt: skip
    np.testing.assert_array_equal(kernel.hash_rows(X, first), expected)


@pytest.mark.parametrize("way", [way for way, bent in BENT.items() if bent[2] == "indptr"])
def test_hashes_of_sparse_rows_that_point_out_of_themselves(way):
    with pytest.raises(ValueError, match="indptr"):
        kernel.hash_rows(BENT[way][1](arguments()["X"]))


@pytest.mark.parametrize("shape", [(), (3,), (1, 1, 1)])
def test_hashes_are_of_rows(shape):
    with pytest.raises(ValueError, match="of shape"):
        kernel.hash_rows(np.ones(shape))


def test_hashes_are_of_floats():
    with pytest.raises(TypeError, match="No matching signature"):
        kernel.hash_rows(np.ones((2, 2), dtype=int))
