"""What skbackprop costs, beside its peers: ``python -m benchmarks`` measures everything.

Each script prints tables of medians, and the targets with what was reached of them. One
thread, unless OMP_NUM_THREADS says otherwise.
"""

import os

# BLAS and OpenMP read these when they are loaded, so before numpy is imported.
_threads = os.environ.setdefault("OMP_NUM_THREADS", "1")
for _name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, _threads)
