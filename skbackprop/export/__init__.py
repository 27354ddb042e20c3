"""Ways out of the package, and ways in: C, ONNX, PyTorch and scikit-learn's MLP.

Each reads a fitted estimator, and nothing in the package needs any of them. What another
library is needed for is imported where it is used.
"""

from ._c_code import to_c
from ._category_codes import category_codes
from ._onnx_graph import register_onnx_converters, to_onnx
from ._sklearn_mlp import from_sklearn, to_sklearn
from ._torch import from_torch, to_torch

__all__ = [
    "category_codes",
    "from_sklearn",
    "from_torch",
    "register_onnx_converters",
    "to_c",
    "to_onnx",
    "to_sklearn",
    "to_torch",
]
