"""What of the package's examples needs a version of scikit-learn."""

import sklearn

# Callbacks came with 1.9.
collect_ignore = [] if sklearn.__version__ >= "1.9" else ["skbackprop/callbacks.py"]
