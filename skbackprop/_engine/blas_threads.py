"""How many threads BLAS may use: several only where they pay.

Measured on two cores, a second thread makes products of a million multiplications slower by
a half and more, and those of a hundred million faster. With one thread the bits are the same
however many threads a process is allowed.
"""

from __future__ import annotations

import os
from contextlib import contextmanager, nullcontext
from functools import cache
from itertools import pairwise
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from threadpoolctl import ThreadpoolController

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ._typing import ContextMaker

# Rows in the products of the compiled engine: online it may take a few together, and of
# large batches a part at a time.
_BLOCK, _CHUNK = 16, 512
# Multiplications in the largest matrix product of an update.
_THREADS_START = 250_000  # BLAS takes one thread for less by itself
_THREADS_PAY = 100_000_000


class _SharedBlasLimit:
    """A context in which OpenBLAS has one thread.

    The number belongs to the whole process, and updates of several threads overlap: the first
    to come sets it, and the last to leave sets it back.
    """

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        self.lock, self.n_inside, self.limit = Lock(), 0, None

    def __enter__(self) -> None:
        with self.lock:
            if self.n_inside == 0:
                self.limit = _libraries().process_wide.limit(limits=1)
            self.n_inside += 1

    def __exit__(self, *_: object) -> None:
        with self.lock:
            self.n_inside -= 1
            if self.n_inside == 0 and self.limit is not None:
                self.limit.restore_original_limits()
            # From threadpoolctl 3.8 on, only the thread that first set a number may set others.
            for library in _libraries().process_wide.lib_controllers:
                if hasattr(library, "clear_controlling_thread"):
                    library.clear_controlling_thread()


_SHARED_LIMIT = _SharedBlasLimit()
if hasattr(os, "register_at_fork"):
    # The threads that were inside do not come along.
    os.register_at_fork(after_in_child=_SHARED_LIMIT.forget)


class _BlasLibraries(NamedTuple):
    """BLAS libraries with one number of threads for the process, or one for each thread."""

    process_wide: ThreadpoolController
    per_thread: ThreadpoolController


@cache
def _libraries() -> _BlasLibraries:
    """Looking for them takes a few milliseconds."""
    found = ThreadpoolController().select(user_api="blas")
    openblas = found.select(internal_api="openblas")
    return _BlasLibraries(
        openblas.select(threading_layer=["pthreads", "disabled", "unknown"]),
        # One or the other: OpenBLAS on OpenMP, and all else.
        found.select(threading_layer="openmp", internal_api=["mkl", "blis", "flexiblas"]),
    )


@contextmanager
def _one_thread() -> Iterator[None]:
    with _SHARED_LIMIT, _libraries().per_thread.limit(limits=1):
        yield


def limit_blas_threads(layer_sizes: Sequence[int], batch_size: int) -> ContextMaker:
    """A maker of contexts in which BLAS has the threads that make such updates fastest."""
    multiplications = largest_product(layer_sizes, batch_size)
    return limit_for(multiplications) if multiplications >= _THREADS_START else nullcontext


def largest_product(layer_sizes: Sequence[int], batch_size: int) -> int:
    """Return the number of multiplications in the largest matrix product of an update."""
    widest = max(n_in * n_out for n_in, n_out in pairwise(layer_sizes))
    return widest * min(max(batch_size, _BLOCK), _CHUNK)


def limit_for(multiplications: int) -> ContextMaker:
    """Return a maker of contexts for solvers that work with LAPACK, or with scipy's BLAS.

    These take several threads for small matrices, too, and wait for them.
    """
    return _one_thread if multiplications < _THREADS_PAY else nullcontext
