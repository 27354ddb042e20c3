"""How many threads BLAS may use: several only where they pay.

Measured on two cores, a second thread makes products of a million multiplications slower by
a half and more, and those of a hundred million faster. With one thread the bits are the same
however many threads a process is allowed.
"""

from contextlib import nullcontext
from functools import cache, partial
from itertools import pairwise

from threadpoolctl import ThreadpoolController

# Rows in the products of the compiled engine: online it may take a few together, and of
# large batches a part at a time.
_BLOCK, _CHUNK = 16, 512
# Multiplications in the largest matrix product of an update.
_THREADS_START = 250_000  # BLAS takes one thread for less by itself
_THREADS_PAY = 100_000_000


@cache
def _libraries():
    """The BLAS libraries of this process; looking for them takes a few milliseconds."""
    return ThreadpoolController().select(user_api="blas")


def as_many_as_pay(layer_sizes, batch_size):
    """A maker of contexts in which BLAS has the threads that make such updates fastest."""
    widest = max(n_in * n_out for n_in, n_out in pairwise(layer_sizes))
    multiplications = widest * min(max(batch_size, _BLOCK), _CHUNK)
    if _THREADS_START <= multiplications < _THREADS_PAY:
        return partial(_libraries().limit, limits=1)
    return nullcontext
