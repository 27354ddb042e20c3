# What the kernel asks of its arguments before it reads or writes any memory, included by
# _kernel.pyx: shapes, dtypes, codes and column numbers. Whatever arrays come in, nothing outside
# them is touched. What has to be looked at for every row of an epoch is checked where it is read.

# BLAS counts in 32 bits.
_MOST_NEURONS = 2**31


def _require(condition, what, found):
    """Raise a ValueError unless the condition holds."""
    if not condition:
        raise ValueError(f"{what} was expected, not {found}")


def _require_shape(name, array, shape):
    """Raise a ValueError unless an array has a shape."""
    _require(array.shape == shape, f"{name} of shape {shape}", f"of {array.shape}")


def _require_writeable(name, array):
    """Raise a ValueError for an array that must not be changed."""
    _require(array.flags.writeable, f"{name} that can be written to", "a read-only one")


def _require_matrix(X):
    """Raise a ValueError unless inputs have two dimensions."""
    _require(X.ndim == 2, "inputs of shape (n, n_columns)", f"of {X.shape}")


def _check_layers(network, sizes, codes, loss):
    """Check the sizes of layers, and that there is a code for each function."""
    known = loss is not None and None not in codes
    _require(known, "activations and a loss that the kernel has a case for", network)
    sound = len(sizes) > 1 and len(codes) == len(sizes) - 1
    sound = sound and all(
        isinstance(n, (int, np.integer)) and 0 < n < _MOST_NEURONS for n in sizes
    )
    what = "two layers or more of 1 to 2**31 - 1 neurons, and as many activations"
    _require(sound, what, network)


def _check_params(params, n_params):
    """Check the array of all weights and biases."""
    known = params.dtype in (np.float32, np.float64)
    _require(known, "parameters that are floats", params.dtype)
    _require_shape("parameters", params, (n_params,))


def _check_class_counts(options, n_outputs):
    """Check the numbers of classes that share a softmax each."""
    sound = (options >= 1).all() and (options % 1 == 0).all() and options.sum() == n_outputs
    _require(sound, f"numbers of classes that add up to {n_outputs}", options)


def _check_options_per_output(options, n_outputs):
    """Check an option of the loss, for all outputs or for each."""
    sound = options.shape in ((1,), (n_outputs,))
    _require(sound, f"an option of the loss, or {n_outputs}", options)


def _check_dropout(dropout, n_hidden):
    """Check the dropout of the hidden layers, or none."""
    sound = dropout.shape in ((0,), (n_hidden,)) and ((dropout >= 0) & (dropout < 1)).all()
    _require(sound, f"dropout of {n_hidden} layers, each from 0 to below 1", dropout)


def _check_state(params, state, n_slots):
    """Check that parameters and the state of a solver go together, and may change."""
    _require_writeable("parameters", params)
    _require_writeable("a state", state)
    _require_shape("a state", state, (n_slots, params.size))


def _check_targets(Y, n_rows, n_outputs):
    """Check targets, one column per output, or class numbers."""
    if Y.ndim == 2:
        _require_shape("targets", Y, (n_rows, n_outputs))
        return
    _require_shape("class numbers", Y, (n_rows,))
    sound = Y.size == 0 or (Y.min() >= 0 and Y.max() < n_outputs)
    _require(sound, f"class numbers below {n_outputs}", Y)


def _check_scaler(name, mean, scale, n_columns):
    """Check the means and scales of a standardizer."""
    _require_shape(f"means of {name}", mean, (n_columns,))
    _require_shape(f"scales of {name}", scale, (n_columns,))


def _csr_arrays(X, dtype):
    """Return the arrays of a sparse matrix that does not point out of itself."""
    _require(X.format == "csr", "a sparse matrix in CSR format", X.format)
    n_rows, n_columns = X.shape
    values, columns, starts = X.data, X.indices, X.indptr
    sound = values.dtype == dtype and values.ndim == 1
    _require(sound, f"sparse numbers of {dtype}", f"of {values.dtype}")
    sound = columns.dtype.kind == "i" and columns.ndim == 1
    _require(sound, "sparse columns of integers", f"of {columns.dtype}")
    sound = (
        starts.dtype.kind == "i"
        and starts.shape == (n_rows + 1,)
        and starts[0] >= 0
        and (np.diff(starts) >= 0).all()
        and starts[n_rows] <= min(columns.size, values.size)
    )
    _require(sound, "indptr that rises from 0 to the number of entries", starts)
    sound = columns.size == 0 or (columns.min() >= 0 and columns.max() < n_columns)
    _require(sound, f"sparse columns below {n_columns}", columns)
    return (
        values,
        np.require(columns, np.int32, ["C", "A"]),
        np.require(starts, np.int64, ["C", "A"]),
    )
