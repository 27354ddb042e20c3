"""What the kernel asks of its arguments before it reads or writes any memory.

Shapes, dtypes, codes and column numbers: whatever arrays come in, nothing outside them is
touched. What costs time for every row of an epoch is checked in ``_kernel.pyx`` itself.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from .._typing import Array, DType, Matrix
    from ..network import Network

# BLAS counts in 32 bits.
MOST_NEURONS = 2**31


def require(condition: Any, what: str, found: object) -> None:
    """Raise a ValueError unless the condition holds."""
    if not condition:
        raise ValueError(f"{what} was expected, not {found}")


def require_shape(name: str, array: Array, shape: tuple[int, ...]) -> None:
    """Raise a ValueError unless an array has a shape."""
    require(array.shape == shape, f"{name} of shape {shape}", f"of {array.shape}")


def require_writeable(name: str, array: Array) -> None:
    """Raise a ValueError for an array that must not be changed."""
    require(array.flags.writeable, f"{name} that can be written to", "a read-only one")


def require_matrix(X: Matrix) -> None:
    """Raise a ValueError unless inputs have two dimensions."""
    require(X.ndim == 2, "inputs of shape (n, n_columns)", f"of {X.shape}")


def address_of(array: Array, dtype: DType) -> int:
    """Return where an array's memory begins; 0 for none, and for an empty one."""
    if array is None or array.size == 0:
        return 0
    require(
        array.dtype == dtype and array.flags.c_contiguous and array.flags.aligned,
        f"an aligned array of {dtype} in C order",
        f"of {array.dtype} with strides {array.strides}",
    )
    return array.__array_interface__["data"][0]


def check_layers(
    network: Network, sizes: Sequence[int], codes: Sequence[int | None], loss: float
) -> None:
    """Check the sizes of layers, and that there is a code for each function."""
    known = loss is not None and None not in codes
    require(known, "activations and a loss that the kernel has a case for", network)
    sound = len(sizes) > 1 and len(codes) == len(sizes) - 1
    sound = sound and all(
        isinstance(n, (int, np.integer)) and 0 < n < MOST_NEURONS for n in sizes
    )
    what = "two layers or more of 1 to 2**31 - 1 neurons, and as many activations"
    require(sound, what, network)


def check_params(params: Array, n_params: int) -> None:
    """Check the array of all weights and biases."""
    known = params.dtype in (np.float32, np.float64)
    require(known, "parameters that are floats", params.dtype)
    require_shape("parameters", params, (n_params,))


def check_class_counts(options: Array, n_outputs: int) -> None:
    """Check the numbers of classes that share a softmax each."""
    sound = (options >= 1).all() and (options % 1 == 0).all() and options.sum() == n_outputs
    require(sound, f"numbers of classes that add up to {n_outputs}", options)


def check_options_per_output(options: Array, n_outputs: int) -> None:
    """Check an option of the loss, for all outputs or for each."""
    sound = options.shape in ((1,), (n_outputs,))
    require(sound, f"an option of the loss, or {n_outputs}", options)


def check_dropout(dropout: Array, n_hidden: int) -> None:
    """Check the dropout of the hidden layers, or none."""
    sound = dropout.shape in ((0,), (n_hidden,)) and ((dropout >= 0) & (dropout < 1)).all()
    require(sound, f"dropout of {n_hidden} layers, each from 0 to below 1", dropout)


def check_state(params: Array, state: Array, n_slots: int) -> None:
    """Check that parameters and the state of a solver go together, and may change."""
    require_writeable("parameters", params)
    require_writeable("a state", state)
    require_shape("a state", state, (n_slots, params.size))


def check_targets(Y: Array, n_rows: int, n_outputs: int) -> None:
    """Check targets, one column per output, or class numbers."""
    if Y.ndim == 2:
        require_shape("targets", Y, (n_rows, n_outputs))
        return
    require_shape("class numbers", Y, (n_rows,))
    sound = Y.size == 0 or (Y.min() >= 0 and Y.max() < n_outputs)
    require(sound, f"class numbers below {n_outputs}", Y)


def check_scaler(name: str, mean: Array, scale: Array, n_columns: int) -> None:
    """Check the means and scales of a standardizer."""
    require_shape(f"means of {name}", mean, (n_columns,))
    require_shape(f"scales of {name}", scale, (n_columns,))


def csr_arrays(X: Matrix, dtype: DType) -> tuple[Array, Array, Array]:
    """Return the arrays of a sparse matrix that does not point out of itself."""
    require(X.format == "csr", "a sparse matrix in CSR format", X.format)
    n_rows, n_columns = X.shape
    values, columns, starts = X.data, X.indices, X.indptr
    sound = values.dtype == dtype and values.ndim == 1
    require(sound, f"sparse numbers of {dtype}", f"of {values.dtype}")
    sound = columns.dtype.kind == "i" and columns.ndim == 1
    require(sound, "sparse columns of integers", f"of {columns.dtype}")
    sound = (
        starts.dtype.kind == "i"
        and starts.shape == (n_rows + 1,)
        and starts[0] >= 0
        and (np.diff(starts) >= 0).all()
        and starts[n_rows] <= min(columns.size, values.size)
    )
    require(sound, "indptr that rises from 0 to the number of entries", starts)
    sound = columns.size == 0 or (columns.min() >= 0 and columns.max() < n_columns)
    require(sound, f"sparse columns below {n_columns}", columns)
    return (
        values,
        np.require(columns, np.int32, ["C", "A"]),
        np.require(starts, np.int64, ["C", "A"]),
    )
