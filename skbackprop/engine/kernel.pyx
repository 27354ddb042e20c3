# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False
"""The compiled writing of `training.run_epoch` and `hashing.hash_rows`.

Only the doors are here: arrays are turned into pointers and the GIL is released. The
arithmetic is in ``kernel.h``.
"""

from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int32_t, int64_t, uint64_t
from scipy.linalg.cython_blas cimport dgemm, sgemm

import numpy as np
from scipy import sparse

cdef extern from "kernel.h" nogil:
    cdef enum activation_code:
        IDENTITY, LOGISTIC, TANH, RELU, LEAKY_RELU, ELU, SELU, SOFTPLUS, SILU, GELU, MISH, EXP
        SOFTMAX
    cdef enum loss_code:
        LOG_LOSS_SOFTMAX, LOG_LOSS_LOGISTIC, SQUARED_ERROR, ABSOLUTE_ERROR, HUBER, PINBALL
        POISSON
    cdef enum updater_code:
        GRADIENT_DESCENT, MOMENTUM, NESTEROV, ADAM, RMSPROP, RPROP, COLLECT

    ctypedef struct shape_t:
        int n_layers
        int loss
        const int64_t *sizes
        const int64_t *weights_at
        const int64_t *biases_at
        const int32_t *activation
        int64_t n_options
        const double *options

    ctypedef struct rule_t:
        int updater
        double rate
        double alpha
        double l1
        double weight_decay
        double clip_norm
        double max_norm
        const double *dropout
        uint64_t seed
        int64_t presented
        int guarded
        double constants[3]
        double powers[2]

    ctypedef struct job_t:
        void *params
        void *slots[2]
        const void *dense
        const void *values
        const int32_t *columns
        const int64_t *starts
        const void *targets
        const int64_t *classes
        const void *weights
        const int64_t *order
        int64_t n_order
        int64_t batch_size
        void (*gemm)() noexcept

    double run_epoch_double(const shape_t *, rule_t *, const job_t *, int *)
    double run_epoch_float(const shape_t *, rule_t *, const job_t *, int *)
    uint64_t column_key(int64_t)
    void hash_dense_double(const double *, int64_t, int64_t, const uint64_t *, uint64_t *)
    void hash_dense_float(const float *, int64_t, int64_t, const uint64_t *, uint64_t *)
    void hash_sparse_double(const double *, const int32_t *, const int64_t *, int64_t, int64_t,
                            uint64_t *)
    void hash_sparse_float(const float *, const int32_t *, const int64_t *, int64_t, int64_t,
                           uint64_t *)

ctypedef fused floating:
    double
    float

CODES = {
    "activation": {"identity": IDENTITY, "logistic": LOGISTIC, "tanh": TANH, "relu": RELU,
                   "leaky_relu": LEAKY_RELU, "elu": ELU, "selu": SELU, "softplus": SOFTPLUS,
                   "silu": SILU, "gelu": GELU, "mish": MISH, "exp": EXP, "softmax": SOFTMAX},
    "loss": {"log_loss softmax": LOG_LOSS_SOFTMAX, "log_loss logistic": LOG_LOSS_LOGISTIC,
             "squared_error": SQUARED_ERROR, "absolute_error": ABSOLUTE_ERROR, "huber": HUBER,
             "pinball": PINBALL, "poisson exp": POISSON},
    "updater": {"GradientDescent": GRADIENT_DESCENT, "Momentum": MOMENTUM,
                "Nesterov": NESTEROV, "Adam": ADAM, "RMSprop": RMSPROP, "Rprop": RPROP,
                "Collect": COLLECT},
}

# Between slices of about this many parameter updates, Ctrl-C is looked for.
cdef int64_t SLICE = 20_000_000


cdef _slice_length(int64_t n_order, int64_t batch_size, int64_t n_params):
    """Presentations between two looks for Ctrl-C: whole batches only."""
    cdef int64_t batches = max(1, SLICE // (n_params * batch_size))
    return min(n_order, batches * batch_size)


cdef _run(const shape_t *net, rule_t *rule, floating[::1] params, floating[:, ::1] state,
          const floating[:, ::1] dense, const floating[::1] values,
          const int32_t[::1] columns, const int64_t[::1] starts,
          const floating[:, ::1] matrix, const int64_t[::1] classes,
          const int64_t[::1] order, int64_t batch_size, const floating[::1] weights):
    cdef int64_t n_order = order.shape[0], begin = 0
    cdef int64_t slice_length = _slice_length(n_order, batch_size, params.shape[0])
    cdef double loss = 0
    cdef int failed = 0
    cdef job_t job

    job.params = &params[0]
    job.slots[0] = &state[0, 0] if state.shape[0] > 0 else &params[0]
    job.slots[1] = &state[1, 0] if state.shape[0] > 1 else &params[0]
    job.dense = NULL if dense is None else &dense[0, 0]
    job.starts = NULL if starts is None else &starts[0]
    job.values = NULL
    job.columns = NULL
    if values is not None and values.shape[0]:
        job.values = &values[0]
        job.columns = &columns[0]
    job.targets = NULL if matrix is None else &matrix[0, 0]
    job.classes = NULL if classes is None else &classes[0]
    job.weights = NULL if weights is None else &weights[0]
    job.batch_size = batch_size
    if floating is double:
        job.gemm = <void (*)() noexcept>dgemm
    else:
        job.gemm = <void (*)() noexcept>sgemm

    while begin < n_order:
        job.order = &order[begin]
        job.n_order = min(slice_length, n_order - begin)
        with nogil:
            if floating is double:
                loss += run_epoch_double(net, rule, &job, &failed)
            else:
                loss += run_epoch_float(net, rule, &job, &failed)
        if failed:
            raise MemoryError("no memory for the working space of the network")
        begin += job.n_order
        rule.presented += job.n_order
        PyErr_CheckSignals()
    return loss


def run_epoch(network, params, state, updater, regularization, X, Y, order,
              int64_t batch_size, double rate, int64_t updates=0, weights=None,
              uint64_t seed=0, int64_t presented=0):
    """Present rows in the given order and update the parameters after every batch.

    See `skbackprop.engine.training.run_epoch`, which this function repeats.
    """
    cdef shape_t net
    cdef rule_t rule
    cdef const int64_t[::1] sizes = np.asarray(network.layer_sizes, dtype=np.int64)
    cdef const int64_t[::1] weights_at = network.weight_offsets
    cdef const int64_t[::1] biases_at = network.bias_offsets
    codes = [row.code for row in network.hidden] + [network.loss_row.output_code]
    cdef const int32_t[::1] activation = np.asarray(codes, dtype=np.int32)
    cdef const double[::1] options = np.asarray(network.loss_row.options, dtype=np.float64)
    cdef const double[::1] dropout = np.asarray(regularization.dropout, dtype=np.float64)
    net.n_layers = network.n_layers
    net.loss = network.loss_row.code
    net.sizes = &sizes[0]
    net.weights_at = &weights_at[0]
    net.biases_at = &biases_at[0]
    net.activation = &activation[0]
    net.n_options = options.shape[0]
    net.options = &options[0] if options.shape[0] else NULL
    rule.updater = updater.code
    rule.rate = rate
    rule.alpha = regularization.alpha
    rule.l1 = regularization.l1
    rule.weight_decay = regularization.weight_decay
    rule.clip_norm = regularization.clip_norm or 0
    rule.max_norm = regularization.max_norm or 0
    rule.dropout = &dropout[0] if dropout.shape[0] else NULL
    rule.seed = seed
    rule.presented = presented
    rule.guarded = 0
    rule.constants = updater.constants
    rule.powers[0] = rule.constants[0] ** updates
    rule.powers[1] = rule.constants[1] ** updates
    batch_size = min(batch_size, len(order))

    dense = values = columns = starts = None
    if sparse.issparse(X):
        values, columns = X.data, np.asarray(X.indices, dtype=np.int32)
        starts = np.asarray(X.indptr, dtype=np.int64)
    else:
        dense = np.ascontiguousarray(X)
    matrix, classes = (np.ascontiguousarray(Y), None) if Y.ndim == 2 else (None, Y)
    if params.dtype == np.float64:
        return _run[double](&net, &rule, params, state, dense, values, columns, starts,
                            matrix, classes, order, batch_size, weights)
    return _run[float](&net, &rule, params, state, dense, values, columns, starts,
                       matrix, classes, order, batch_size, weights)


def _hash_dense(const floating[:, ::1] X, const uint64_t[::1] keys, uint64_t[::1] hashes):
    if X.shape[0] == 0 or X.shape[1] == 0:
        return
    with nogil:
        if floating is double:
            hash_dense_double(&X[0, 0], X.shape[0], X.shape[1], &keys[0], &hashes[0])
        else:
            hash_dense_float(&X[0, 0], X.shape[0], X.shape[1], &keys[0], &hashes[0])


def _hash_sparse(const floating[::1] values, const int32_t[::1] columns,
                 const int64_t[::1] starts, int64_t first_column, uint64_t[::1] hashes):
    if hashes.shape[0] == 0 or values.shape[0] == 0:
        return
    with nogil:
        if floating is double:
            hash_sparse_double(&values[0], &columns[0], &starts[0], hashes.shape[0],
                               first_column, &hashes[0])
        else:
            hash_sparse_float(&values[0], &columns[0], &starts[0], hashes.shape[0],
                              first_column, &hashes[0])


def hash_rows(X, int64_t first_column=0):
    """A 64-bit hash of every row; see `skbackprop.engine.hashing.hash_rows`."""
    hashes = np.zeros(X.shape[0], dtype=np.uint64)
    if sparse.issparse(X):
        _hash_sparse(X.data, np.asarray(X.indices, dtype=np.int32),
                     np.asarray(X.indptr, dtype=np.int64), first_column, hashes)
    else:
        keys = np.asarray([column_key(first_column + column) for column in range(X.shape[1])],
                          dtype=np.uint64)
        _hash_dense(np.ascontiguousarray(X), keys, hashes)
    return hashes
