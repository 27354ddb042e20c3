"""The memory that one fit takes, in a process of its own; `scaling` calls it.

    python -m benchmarks._memory N_ROWS N_COLUMNS DTYPE SETTINGS {resident,traced}

Prints the peak beyond what was in use before the fit, as a multiple of the size of X.
"""

import json
import re
import sys
import tracemalloc
from pathlib import Path

import numpy as np

from skbackprop import BackpropClassifier

_STATUS = Path("/proc/self/status")


def main(n_rows, n_columns, dtype, settings, how):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((int(n_rows), int(n_columns)), dtype=np.dtype(dtype))
    y = np.arange(len(X)) % 3
    changes = {"hidden_layer_sizes": (10,), "max_iter": 2, "tol": None, "random_state": 0}
    ours = BackpropClassifier(**json.loads(settings) | changes)
    ours.fit(X[:10], y[:10])  # what is imported and allocated once
    measure = traced if how == "traced" else resident
    print(measure(lambda: ours.fit(X, y)) / X.nbytes)


def traced(work):
    """Bytes that Python and NumPy asked for at most."""
    tracemalloc.start()
    work()
    return tracemalloc.get_traced_memory()[1]


def resident(work):
    """Bytes by which the process grew at most; the kernel's own buffers included."""
    before = in_status("VmRSS")
    work()
    return max(0, in_status("VmHWM") - before)


def in_status(name):
    """A size that Linux tells of the process, in bytes."""
    return 1024 * int(re.search(rf"{name}:\s+(\d+) kB", _STATUS.read_text())[1])


if __name__ == "__main__":
    main(*sys.argv[1:])
