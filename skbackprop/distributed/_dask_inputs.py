"""Dask's collections: which rows of `X`, `y` and the weights lie together."""

import math

from .._preprocessing.input_validation import canonical_if_sparse


def import_dask():
    """Raise an ImportError that says what to install, where dask is missing."""
    try:
        import dask
        import distributed  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "skbackprop.distributed needs dask: python -m pip install 'skbackprop[dask]'"
        ) from error
    return dask


def check_collections(X, y, sample_weight):
    """Refuse what is not cut into partitions, or not at the same rows."""
    _check(X, "X", dimensions=(2,))
    _check(y, "y", dimensions=(1, 2))
    if math.isnan(X.shape[1]):
        raise ValueError(
            "X must have a known number of columns: set it with X.compute_chunk_sizes(). Got "
            f"the shape {X.shape}."
        )
    _check_alignment(X, y, "y")
    if sample_weight is not None:
        _check(sample_weight, "sample_weight", dimensions=(1,))
        _check_alignment(X, sample_weight, "sample_weight")


def partitions(X, y, sample_weight):
    """The delayed ``(number, X, y, sample_weight)`` of each partition."""
    bundle = import_dask().delayed(_bundle, pure=False)
    columns = [_pieces(X), _pieces(y)]
    if sample_weight is not None:
        columns.append(_pieces(sample_weight))
    return [bundle(number, *row) for number, row in enumerate(zip(*columns, strict=True))]


def _bundle(number, X, y, sample_weight=None):
    return number, X, y, sample_weight


def empty_rows(X):
    """No rows, with the columns of `X` and their names."""
    if hasattr(X, "columns"):
        import pandas as pd

        return pd.DataFrame(columns=list(X.columns))
    import numpy as np

    return np.empty((0, X.shape[1]))


def _check(collection, name, dimensions):
    dask = import_dask()
    known = dask.is_dask_collection(collection) and hasattr(collection, "to_delayed")
    if not known or not hasattr(collection, "ndim"):
        raise ValueError(
            f"{name} must be a dask array or dataframe; for data in memory there is the "
            f"estimator's own fit. Got {type(collection).__name__}."
        )
    if collection.ndim not in dimensions:
        wanted = " or ".join(map(str, dimensions))
        raise ValueError(f"{name} must have {wanted} dimension(s). Got {collection.ndim}.")


def _check_alignment(X, other, name):
    """As far as it can be known: of dataframes, the workers see how long partitions are."""
    n_ours, n_theirs = _n_partitions(X), _n_partitions(other)
    if n_ours != n_theirs:
        raise ValueError(
            f"X and {name} must have the same partitions. X has {n_ours}, {name} has "
            f"{n_theirs}: see their method rechunk or repartition."
        )
    ours, theirs = _lengths(X), _lengths(other)
    if ours is None or theirs is None or ours == theirs:
        return
    first = next(i for i in range(n_ours) if ours[i] != theirs[i])
    raise ValueError(
        f"X and {name} must be cut at the same rows. Partition {first} of X has "
        f"{ours[first]} rows, that of {name} has {theirs[first]}: see {name}.rechunk."
    )


def _n_partitions(collection):
    return collection.numblocks[0] if hasattr(collection, "chunks") else collection.npartitions


def _lengths(collection):
    """The number of rows of each partition, or None where it is unknown."""
    chunks = getattr(collection, "chunks", None)
    if chunks is None or any(math.isnan(length) for length in chunks[0]):
        return None
    return chunks[0]


def _pieces(collection):
    """The partitions, all columns of each together."""
    if not hasattr(collection, "chunks"):
        # Optimized by itself, a column of files may come in other partitions than the next.
        return collection.to_delayed(optimize_graph=False)
    if collection.ndim == 2 and collection.numblocks[1] > 1:
        # To join sparse chunks, dask calls SciPy, which trusts their indices.
        checked = collection.map_blocks(canonical_if_sparse, "X", dtype=collection.dtype)
        collection = checked.rechunk({1: -1})
    return collection.to_delayed().ravel().tolist()
