"""Tables as files or DataFrames: evaluate a network on one, keep the fitted model, predict.

`evaluate` cross-validates the default network beside a baseline, a linear model and boosted
trees. ``python -m skbackprop fit`` prints its results. The module needs pandas;
scikit-learn does the encoding.
"""

from ._errors import TableError
from ._evaluate import Evaluation, evaluate
from ._model import TRUSTED_TYPES, TableModel
from ._read import TableFormat, read_table

__all__ = [
    "TRUSTED_TYPES",
    "Evaluation",
    "TableError",
    "TableFormat",
    "TableModel",
    "evaluate",
    "read_table",
]
