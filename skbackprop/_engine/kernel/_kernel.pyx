# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
# cython: initializedcheck=False, freethreading_compatible=True
"""The compiled implementation of `training.run_epoch` and `hashing.hash_rows`.

Only the entry points are here: arrays are checked, by ``checks.pxi``, and turned into pointers,
and the GIL is released. The arithmetic is in ``kernel.h``.

Whatever arrays come in, nothing outside them is read or written: shapes, dtypes and numbers
of columns are checked once per object, numbers of rows once per epoch. What would only make
wrong numbers is the caller's: weights that are not positive, rates and hyperparameters that
make no sense, parameters and inputs that are not finite. An object serves one thread at a time,
but for a `Predictor`, which any number of threads may use. Two threads in one `OnlineStepper`
lose numbers, but do not leave its arrays, with Python's global lock or without.
"""

cimport cython
from cpython.exc cimport PyErr_CheckSignals
from libc.math cimport NAN, isfinite
from libc.stdint cimport int32_t, int64_t, uint64_t
from scipy.linalg.cython_blas cimport dgemm, sgemm

from itertools import pairwise

import numpy as np
from scipy import sparse

from .. import solvers
from ..losses import options_of

cdef extern from "kernel.h" nogil:
    cdef enum activation_code:
        LOGISTIC, SOFTMAX, N_ACTIVATIONS
    cdef enum loss_code:
        LOG_LOSS_SOFTMAX, HUBER, QUANTILE, N_LOSSES
    cdef enum update_rule_code:
        N_UPDATE_RULES
    cdef enum bias_correction:
        NO_CORRECTION
    cdef enum:
        MAX_SLOTS, MAX_HYPERPARAMS
    const char *const ACTIVATION_NAMES[]
    const char *const LOSS_NAMES[]
    const char *const LOSS_OUTPUTS[]
    const char *const UPDATE_RULE_NAMES[]
    const int UPDATE_RULE_N_SLOTS[]
    const int UPDATE_RULE_CORRECTIONS[]

    ctypedef void (*gemm_any_t)() noexcept

    ctypedef struct network_t:
        int n_layers
        int loss
        const int64_t *sizes
        const int64_t *weights_at
        const int64_t *biases_at
        const int32_t *activation
        int64_t n_options
        const double *options

    ctypedef struct optimizer_t:
        int update_rule
        double rate
        double alpha
        double l1
        double weight_decay
        double clip_norm
        double max_norm
        const double *dropout
        uint64_t seed
        int64_t samples_seen
        int guarded
        double hyperparams[MAX_HYPERPARAMS]
        double beta_powers[2]

    ctypedef struct epoch_args_t:
        void *params
        void *slots[MAX_SLOTS]
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
        gemm_any_t gemm

    double run_epoch_double(const network_t *, optimizer_t *, const epoch_args_t *, int *)
    double run_epoch_float(const network_t *, optimizer_t *, const epoch_args_t *, int *)
    int predict_double(const network_t *, const void *, const double *, const double *, double,
                       const double *, int64_t, gemm_any_t, double *)
    int predict_float(const network_t *, const void *, const double *, const double *, double,
                      const float *, int64_t, gemm_any_t, float *)
    cdef enum probability_kind:
        OF_SOFTMAX, OF_LOGISTIC, OF_TWO
    void probabilities_double(int, const double *, int64_t, int64_t, double *)
    void probabilities_float(int, const float *, int64_t, int64_t, float *)
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

# What the kernel has a case for. Functions that a user wrote stand in a network as objects, and
# never as names; update rules count by their very class.
ACTIVATIONS = {ACTIVATION_NAMES[code].decode(): code for code in range(N_ACTIVATIONS)}
LOSSES = {(LOSS_NAMES[code].decode(), LOSS_OUTPUTS[code].decode()): code
          for code in range(N_LOSSES)}
UPDATE_RULES = {getattr(solvers, UPDATE_RULE_NAMES[code].decode()): code
                for code in range(N_UPDATE_RULES)}


def _activation_codes(network):
    """Of the hidden layers and the output; None stands for a function without a case."""
    hidden = [ACTIVATIONS.get(name) if isinstance(name, str) and name != "softmax" else None
              for name in network.activations]
    return [*hidden, ACTIVATIONS.get(network.output_activation)]


def _loss_code(network):
    """Of the loss together with the output activation; None where there is no case."""
    loss, output = network.loss, network.output_activation
    if not isinstance(loss, str):
        return None
    free = LOSSES.get((loss, "")) if output != "softmax" else None
    return LOSSES.get((loss, output), free)


def can_run(network):
    """Whether the kernel has a case for each function of a network."""
    return None not in (*_activation_codes(network), _loss_code(network))


def can_train(network, solver):
    """Whether the kernel has a case for an update rule, too."""
    return type(solver) in UPDATE_RULES and can_run(network)


# Between slices of about this many parameter updates, Ctrl-C is looked for.
cdef int64_t SLICE = 20_000_000


include "checks.pxi"


cdef const void *_address(array, dtype) except? NULL:
    """Where an array's memory begins; NULL for none, and for an empty one."""
    if array is None or array.size == 0:
        return NULL
    if array.dtype != dtype or not array.flags.c_contiguous or not array.flags.aligned:
        raise ValueError(f"an aligned array of {dtype} in C order was expected, not of "
                         f"{array.dtype} with strides {array.strides}")
    return <const void *><size_t>array.__array_interface__["data"][0]


cdef _require_ready(_Layout layout):
    if not layout.is_ready:
        raise ValueError("an object of the kernel was used before it was made")


cdef class _Layout:
    """A network as the kernel reads it, kept alive for as long as it is pointed to.

    Of the network only what it declares is read; where its parameters lie is found here.
    """

    cdef network_t net
    cdef list kept
    cdef bint is_ready
    cdef readonly object dtype
    cdef readonly object params
    cdef const void *at
    cdef gemm_any_t gemm
    cdef bint wide

    def __init__(self, network, params):
        if self.kept is not None:
            raise ValueError("an object of the kernel is made once")
        self.kept = []
        sizes, loss = tuple(network.layer_sizes), _loss_code(network)
        codes = _activation_codes(network)
        _check_layers(network, sizes, codes, loss)
        *_, n_outputs = sizes
        # In Python's integers, which do not overflow.
        n_weights = [int(n_in) * int(n_out) for n_in, n_out in pairwise(sizes)]
        _check_params(params, sum(n_weights) + sum(map(int, sizes[1:])))
        weights_at = np.cumsum([0, *n_weights], dtype=np.int64)
        biases_at = np.cumsum([sum(n_weights), *sizes[1:]], dtype=np.int64)
        options = np.array(options_of(network.loss, network.loss_options), dtype=np.float64)
        if loss == LOG_LOSS_SOFTMAX and options.size:
            _check_class_counts(options, n_outputs)
        elif loss in (HUBER, QUANTILE):
            _check_options_per_output(options, n_outputs)
        self.params, self.dtype = params, params.dtype
        self.at = _address(params, params.dtype)
        self.wide = params.dtype == np.float64
        if self.wide:
            self.gemm = <gemm_any_t>dgemm
        else:
            self.gemm = <gemm_any_t>sgemm
        self.net.n_layers = len(codes)
        self.net.loss = loss
        self.net.sizes = <const int64_t *>self._keep(np.array(sizes, dtype=np.int64), np.int64)
        self.net.weights_at = <const int64_t *>self._keep(weights_at, np.int64)
        self.net.biases_at = <const int64_t *>self._keep(biases_at, np.int64)
        self.net.activation = <const int32_t *>self._keep(np.array(codes, np.int32), np.int32)
        self.net.n_options = options.size
        self.net.options = <const double *>self._keep(options, np.float64)

    cdef const void *_keep(self, array, dtype) except? NULL:
        """Where an array's memory begins, which stays for as long as this object does."""
        self.kept.append(array)
        return _address(array, dtype)


cdef class Runner(_Layout):
    """Runs epochs, with all that stays the same between them made ready once.

    See `skbackprop._engine.training.run_epoch` for the parameters.
    """

    cdef optimizer_t rule
    cdef epoch_args_t job
    cdef int64_t n_rows

    def __init__(self, network, params, state, solver, regularization, X, Y, weights=None,
                 uint64_t seed=0):
        super().__init__(network, params)
        update_rule_code = UPDATE_RULES.get(type(solver))
        _require(update_rule_code is not None,
                 "an update rule that the kernel has a case for", solver)
        dropout = np.array(regularization.dropout, dtype=np.float64)
        _check_dropout(dropout, self.net.n_layers - 1)
        _check_state(params, state, UPDATE_RULE_N_SLOTS[<int>update_rule_code])
        self.rule.update_rule = update_rule_code
        self.rule.alpha = regularization.alpha
        self.rule.l1 = regularization.l1
        self.rule.weight_decay = regularization.weight_decay
        self.rule.clip_norm = regularization.clip_norm or 0
        self.rule.max_norm = regularization.max_norm or 0
        self.rule.dropout = <const double *>self._keep(dropout, np.float64)
        self.rule.seed = seed
        self.rule.guarded = 0
        self._take_hyperparams(solver.hyperparams)
        self.job.params = <void *>self.at
        # Rules that remember nothing never look at what they have no slot for.
        for slot in range(MAX_SLOTS):
            self.job.slots[slot] = self.job.params
        for slot in range(state.shape[0]):
            self.job.slots[slot] = <void *>self._keep(state[slot], self.dtype)
        self.job.gemm = self.gemm
        _require_matrix(X)
        if weights is not None:
            _require_shape("weights", weights, (X.shape[0],))
        self.job.weights = self._keep(weights, self.dtype)
        self._take_rows(X, Y)
        self.is_ready = True

    cdef _take_hyperparams(self, given):
        _require(len(given) <= MAX_HYPERPARAMS,
                 f"at most {MAX_HYPERPARAMS} hyperparameters", given)
        for k in range(MAX_HYPERPARAMS):
            self.rule.hyperparams[k] = given[k] if k < len(given) else 0

    cdef _take_rows(self, X, Y):
        cdef epoch_args_t *job = &self.job
        cdef int64_t n_outputs = self.net.sizes[self.net.n_layers]
        self.n_rows = X.shape[0]
        _require_shape("inputs", X, (self.n_rows, self.net.sizes[0]))
        job.dense = job.values = job.targets = NULL
        job.columns = NULL
        job.starts = NULL
        job.classes = NULL
        if sparse.issparse(X):
            values, columns, starts = _csr_arrays(X, self.dtype)
            job.values = self._keep(values, self.dtype)
            job.columns = <const int32_t *>self._keep(columns, np.int32)
            job.starts = <const int64_t *>self._keep(starts, np.int64)
        else:
            job.dense = self._keep(np.require(X, requirements="CA"), self.dtype)
        Y = np.require(Y, requirements="CA")
        _check_targets(Y, self.n_rows, n_outputs)
        if Y.ndim == 2:
            job.targets = self._keep(Y, self.dtype)
        else:
            job.classes = <const int64_t *>self._keep(Y, np.int64)

    def run(self, const int64_t[::1] order, int64_t batch_size, double rate,
            int64_t updates=0, int64_t samples_seen=0):
        """One epoch; returns the summed loss."""
        cdef int64_t n_order = order.shape[0], begin = 0
        cdef int64_t n_params, batches, slice_length
        cdef double loss = 0
        cdef int failed = 0
        _require_ready(self)
        if n_order == 0:
            return 0.0
        if batch_size < 1:
            raise ValueError(f"a batch_size of at least 1 was expected, not {batch_size}")
        if <size_t>&order[0] % sizeof(int64_t):
            raise ValueError("an aligned order was expected")
        if not _all_below(order, self.n_rows):
            raise ValueError(f"an order of row numbers below {self.n_rows} was expected, not "
                             f"{np.asarray(order)}")
        batch_size = min(batch_size, n_order)
        n_params = self.params.size
        # Whole batches between two looks for Ctrl-C.
        batches = max(1, SLICE // (n_params * batch_size))
        slice_length = min(n_order, batches * batch_size)
        self.rule.rate = rate
        self.rule.samples_seen = samples_seen
        self.rule.beta_powers[0] = self.rule.hyperparams[0] ** updates
        self.rule.beta_powers[1] = self.rule.hyperparams[1] ** updates
        self.job.batch_size = batch_size
        while begin < n_order:
            self.job.order = &order[begin]
            self.job.n_order = min(slice_length, n_order - begin)
            with nogil:
                if self.wide:
                    loss += run_epoch_double(&self.net, &self.rule, &self.job, &failed)
                else:
                    loss += run_epoch_float(&self.net, &self.rule, &self.job, &failed)
            if failed:
                raise MemoryError("no memory for the working space of the network")
            begin += self.job.n_order
            self.rule.samples_seen += self.job.n_order
            PyErr_CheckSignals()
        return loss


cdef bint _all_below(const int64_t[::1] numbers, int64_t limit) noexcept:
    """Whether all numbers are at least 0 and below the limit."""
    cdef int64_t i, outside = 0
    for i in range(numbers.shape[0]):
        outside |= (numbers[i] < 0) | (numbers[i] >= limit)
    return not outside


def run_epoch(network, params, state, solver, regularization, X, Y, order, batch_size, rate,
              updates=0, weights=None, seed=0, samples_seen=0):
    """Present rows in the given order and update the parameters after every batch.

    See `skbackprop._engine.training.run_epoch`, which this function repeats.
    """
    runner = Runner(network, params, state, solver, regularization, X, Y, weights, seed)
    return runner.run(order, batch_size, rate, updates, samples_seen)


cdef class OnlineStepper(Runner):
    """Learns single rows, one call a row, without looking twice at anything else.

    Parameters
    ----------
    network, params, state, solver, regularization, seed
        As in `Runner`.
    inputs, targets : Standardizer or None
        What is done to a row, and to its target, before the network sees them.
    by_class : bool
        Whether a target is a class number, and not a row of numbers.
    is_sparse : bool
        Whether rows are sparse ones.
    may_overflow : bool
        Whether parameters have to be looked at after each call, because one update can make
        them infinite.

    Attributes
    ----------
    n_learned : int
        How many calls have changed the parameters.
    n_used : int
        How often they used a row, all together.
    n_updates : int
        How many updates they made.
    """

    cdef list buffers
    cdef object state
    cdef bint may_overflow
    cdef const double[::1] mean
    cdef const double[::1] scale
    cdef const double[::1] target_mean
    cdef const double[::1] target_scale
    cdef int64_t starts[2]
    cdef int64_t room
    cdef readonly int64_t n_learned
    cdef readonly int64_t n_used
    cdef readonly int64_t n_updates

    def __init__(self, network, params, state, solver, regularization, seed, inputs, targets,
                 bint by_class, bint is_sparse, bint may_overflow=False):
        n_in, *_, n_out = network.layer_sizes
        x = (sparse.csr_array if is_sparse else np.zeros)((1, n_in), dtype=params.dtype)
        y = np.zeros(1, np.int64) if by_class else np.zeros((1, n_out), params.dtype)
        super().__init__(network, params, state, solver, regularization, x, y, None, seed)
        self.is_ready = False
        self.mean = self.scale = None
        self.target_mean = self.target_scale = None
        if inputs is not None:
            mean, scale = inputs.mean, inputs.scale
            _check_scaler("inputs", mean, scale, n_in)
            self.mean, self.scale = mean, scale
        if targets is not None:
            mean, scale = targets.mean, targets.scale
            _check_scaler("targets", mean, scale, n_out)
            self.target_mean, self.target_scale = mean, scale
        self.rule.guarded = 1
        self.state, self.may_overflow = state, may_overflow
        self.n_learned = self.n_used = self.n_updates = 0
        self.room = -1
        if is_sparse:
            self.starts[0] = 0
            self.job.starts = self.starts
            self._make_room(16)
        self.is_ready = True

    cdef _make_room(self, int64_t n):
        """Let the buffers hold a sparse row of n numbers."""
        values, columns = np.zeros(n, dtype=self.dtype), np.zeros(n, dtype=np.int32)
        self.buffers = [values, columns]
        self.job.values = _address(values, self.dtype)
        self.job.columns = <const int32_t *>_address(columns, np.int32)
        self.room = n

    @cython.critical_section
    def learn(self, X, target, double rate, int64_t updates, int64_t samples_seen,
              int64_t n_uses=1, int64_t batch_size=1):
        """An epoch of the only row of `X`, used `n_uses` times; returns the summed loss.

        `target` is a number, or an array with a column per output. Where the row or the
        target is not exactly as the network takes it, or a number in it, the loss or a new
        parameter is not finite, nothing is learned and NaN returned. For no uses the row is
        only looked at.
        """
        cdef int64_t first = 0
        cdef const int64_t[::1] order
        cdef int failed = 0
        cdef double loss
        cdef bint taken
        _require_ready(self)
        if n_uses < 0 or batch_size < 1:
            raise ValueError(f"n_uses of at least 0 and a batch_size of at least 1 were "
                             f"expected, not {n_uses} and {batch_size}")
        try:
            taken = self._take_target(target) and (
                self._take_row(X) if self.room < 0 else self._take_sparse_row(X)
            )
        except (AttributeError, OverflowError, TypeError, ValueError):  # of another kind
            return NAN
        if not taken:
            return NAN
        if n_uses == 0:
            return 0.0
        before = None
        self.job.order = &first
        if n_uses > 1 or self.may_overflow:
            before = self.params.copy(), self.state.copy()
        if n_uses > 1:
            order = np.zeros(n_uses, dtype=np.int64)
            self.job.order = &order[0]
        batch_size = min(batch_size, n_uses)
        self.rule.rate = rate
        self.rule.samples_seen = samples_seen
        if UPDATE_RULE_CORRECTIONS[self.rule.update_rule] != NO_CORRECTION:
            self.rule.beta_powers[0] = self.rule.hyperparams[0] ** updates
            self.rule.beta_powers[1] = self.rule.hyperparams[1] ** updates
        self.job.batch_size = batch_size
        self.job.n_order = n_uses
        if self.wide:
            loss = run_epoch_double(&self.net, &self.rule, &self.job, &failed)
        else:
            loss = run_epoch_float(&self.net, &self.rule, &self.job, &failed)
        if failed:
            return NAN
        if self.may_overflow and not np.isfinite(self.params).all():
            loss = NAN
        if isfinite(loss):
            self.n_learned += 1
            self.n_used += n_uses
            self.n_updates += (n_uses + batch_size - 1) // batch_size
        elif before is not None:
            self.params[:], self.state[:] = before
        return loss

    cdef bint _take_target(self, target) except -1:
        cdef int64_t n = self.net.sizes[self.net.n_layers], of_class
        cdef double number
        if self.job.classes != NULL:
            of_class = target
            (<int64_t *>self.job.classes)[0] = of_class
            return 0 <= of_class < n
        if n > 1:
            return _take(target, self.wide, self.target_mean, self.target_scale,
                         <void *>self.job.targets, n)
        number = target
        if not self.wide:
            number = <float>number
        if self.target_mean is not None:
            number = (number - self.target_mean[0]) / self.target_scale[0]
        if self.wide:
            (<double *>self.job.targets)[0] = number
        else:
            (<float *>self.job.targets)[0] = <float>number
        return True

    cdef bint _take_row(self, X) except -1:
        return _take(X, self.wide, self.mean, self.scale, <void *>self.job.dense,
                     self.net.sizes[0])

    cdef bint _take_sparse_row(self, X) except -1:
        # Each array is looked up once: what is checked is what is read.
        values, indices, indptr = X.data, X.indices, X.indptr
        cdef const int32_t[::1] columns = indices
        cdef const double[::1] wide
        cdef const float[::1] narrow
        cdef int64_t n = columns.shape[0]
        if X.shape != (1, self.net.sizes[0]) or values.shape != (n,):
            return False
        if indptr.shape != (2,) or indptr[0] != 0 or indptr[1] != n:
            return False
        if not (indices.flags.aligned and values.flags.aligned):
            return False
        if n > self.room:
            self._make_room(2 * n)
        self.starts[1] = n
        if self.wide:
            wide = values
            return _scale_sparse(wide, columns, self.scale, self.net.sizes[0],
                                 <double *>self.job.values, <int32_t *>self.job.columns)
        narrow = values
        return _scale_sparse(narrow, columns, self.scale, self.net.sizes[0],
                             <float *>self.job.values, <int32_t *>self.job.columns)


cdef bint _take(X, bint is_wide, const double[::1] mean, const double[::1] scale, void *to,
                int64_t n) except -1:
    """Write the only row of `X`, standardized; false where it is not n finite numbers."""
    cdef const double[:, ::1] wide
    cdef const float[:, ::1] narrow
    if is_wide:
        wide = X
        return wide.shape[0] == 1 and _standardize(wide, mean, scale, <double *>to, n)
    narrow = X
    return narrow.shape[0] == 1 and _standardize(narrow, mean, scale, <float *>to, n)


cdef bint _standardize(const floating[:, ::1] X, const double[::1] mean,
                       const double[::1] scale, floating *to, int64_t n) noexcept:
    cdef int64_t j
    cdef bint finite = True
    if X.shape[1] != n or <size_t>&X[0, 0] % sizeof(floating):
        return False
    for j in range(n):
        to[j] = X[0, j] if mean is None else <floating>((X[0, j] - mean[j]) / scale[j])
        finite &= isfinite(X[0, j])
    return finite


cdef bint _scale_sparse(const floating[::1] values, const int32_t[::1] columns,
                        const double[::1] scale, int64_t n_columns, floating *to,
                        int32_t *to_columns) noexcept:
    """The same of a sparse row, which is scaled and not centered, with columns that rise."""
    cdef int64_t k
    cdef int32_t column, before = -1
    for k in range(values.shape[0]):
        column = columns[k]
        if column <= before or column >= n_columns or not isfinite(values[k]):
            return False
        before = column
        to_columns[k] = column
        to[k] = values[k] if scale is None else <floating>(values[k] / scale[column])
    return True


cdef class Predictor(_Layout):
    """The weighted sums of the output layer, for rows that need no second look.

    Parameters
    ----------
    network, params
        As in `Runner`.
    inputs : Standardizer or None
        What is done to rows before the network sees them.
    largest : float or None
        Larger sums need a second look; None takes every number that is finite.
    """

    cdef double *mean
    cdef double *scale
    cdef double largest

    def __init__(self, network, params, inputs, largest=None):
        super().__init__(network, params)
        self.largest = np.finfo(self.dtype).max if largest is None else largest
        self.mean = self.scale = NULL
        if inputs is not None:
            mean, scale = inputs.mean, inputs.scale
            _check_scaler("inputs", mean, scale, self.net.sizes[0])
            self.mean = <double *>self._keep(mean, np.float64)
            self.scale = <double *>self._keep(scale, np.float64)
        self.is_ready = True

    def raw(self, X):
        """Of shape (n, n_outputs); None where `X`, or a sum, is not as it is needed."""
        cdef int64_t n_outputs, n
        cdef int status
        cdef const double[:, ::1] wide
        cdef const float[:, ::1] narrow
        cdef double[:, ::1] wide_out
        cdef float[:, ::1] narrow_out
        _require_ready(self)
        n_outputs = self.net.sizes[self.net.n_layers]
        if X.dtype != self.dtype or X.ndim != 2 or X.shape[1] != self.net.sizes[0]:
            return None
        n = X.shape[0]
        if n == 0 or not X.flags.c_contiguous or not X.flags.aligned:
            return None
        sums = np.empty((n, n_outputs), dtype=self.dtype)
        if self.wide:
            wide, wide_out = X, sums
            with nogil:
                status = predict_double(&self.net, self.at, self.mean, self.scale, self.largest,
                                        &wide[0, 0], n, self.gemm, &wide_out[0, 0])
        else:
            narrow, narrow_out = X, sums
            with nogil:
                status = predict_float(&self.net, self.at, self.mean, self.scale, self.largest,
                                       &narrow[0, 0], n, self.gemm, &narrow_out[0, 0])
        return None if status else sums

    def probabilities(self, X, int64_t n_classes):
        """Of shape (n, n_classes); None where `X`, or the network, is not as needed."""
        cdef int64_t n_outputs
        cdef int output
        cdef const double[:, ::1] wide
        cdef const float[:, ::1] narrow
        cdef double[:, ::1] wide_out
        cdef float[:, ::1] narrow_out
        cdef int kind
        _require_ready(self)
        n_outputs = self.net.sizes[self.net.n_layers]
        output = self.net.activation[self.net.n_layers - 1]
        if output == SOFTMAX and n_outputs == n_classes:
            kind = OF_SOFTMAX
        elif output == LOGISTIC and n_outputs == n_classes:
            kind = OF_LOGISTIC
        elif output == LOGISTIC and n_outputs == 1 and n_classes == 2:
            kind = OF_TWO
        else:
            return None
        raw = self.raw(X)
        if raw is None:
            return None
        proba = np.empty((raw.shape[0], n_classes), dtype=self.dtype)
        if self.wide:
            wide, wide_out = raw, proba
            with nogil:
                probabilities_double(kind, &wide[0, 0], wide.shape[0], n_classes,
                                     &wide_out[0, 0])
        else:
            narrow, narrow_out = raw, proba
            with nogil:
                probabilities_float(kind, &narrow[0, 0], narrow.shape[0], n_classes,
                                    &narrow_out[0, 0])
        return proba


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
    """A 64-bit hash of every row; see `skbackprop._engine.hashing.hash_rows`."""
    _require_matrix(X)
    hashes = np.zeros(X.shape[0], dtype=np.uint64)
    if sparse.issparse(X):
        values, columns, starts = _csr_arrays(X, X.data.dtype)
        _hash_sparse(np.require(values, requirements="CA"), columns, starts, first_column,
                     hashes)
    else:
        keys = np.asarray([column_key(first_column + column) for column in range(X.shape[1])],
                          dtype=np.uint64)
        _hash_dense(np.require(X, requirements="CA"), keys, hashes)
    return hashes
