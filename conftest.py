"""What all tests share, the examples of docstrings and pages included."""

import os
import warnings

# scikit-learn checks array API input only with this, set before scipy is imported.
os.environ.setdefault("SCIPY_ARRAY_API", "1")
# Processes side by side have a core each, and no more threads than that.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import sklearn

from skbackprop._warnings import warn_of_missing_kernel

# Callbacks came with 1.9.
collect_ignore = [] if sklearn.__version__ >= "1.9" else ["skbackprop/callbacks.py"]

# It warns once per process, which here is now: some tests count the warnings of a fit, and many
# train without the kernel.
with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    warn_of_missing_kernel()
