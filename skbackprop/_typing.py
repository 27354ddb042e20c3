"""What the signatures of public functions speak of."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import ArrayLike
from scipy import sparse

from ._engine._typing import Array as Array
from ._engine.activations import Activation
from ._engine.solvers import Solver as CustomSolver

Rows: TypeAlias = "ArrayLike | sparse.spmatrix | sparse.sparray"  # the last since SciPy 1.11
Auto: TypeAlias = Literal["auto"]
Seed: TypeAlias = int | np.random.RandomState | None

# ---- Parameters of the estimators ----

Sizes: TypeAlias = int | Sequence[int] | Auto
Activations: TypeAlias = str | Activation | Sequence[str | Activation]
SolverName: TypeAlias = Literal["sgd", "adam", "amsgrad", "rmsprop", "rprop", "lbfgs", "lm"]
Solver: TypeAlias = Auto | SolverName | CustomSolver
BatchSize: TypeAlias = int | Literal["auto", "full"]
Schedule: TypeAlias = Literal["auto", "constant", "invscaling", "adaptive", "linear", "cosine"]
DrawWeights: TypeAlias = Callable[[int, int, np.random.RandomState], ArrayLike]
WeightInit: TypeAlias = str | DrawWeights | Sequence[Sequence[ArrayLike]]
CategoricalFeatures: TypeAlias = Literal["from_dtype"] | ArrayLike | None
NumericEncoding: TypeAlias = Literal["auto", "none", "piecewise_linear"]
Scoring: TypeAlias = str | Callable[[Any, Any, Any], float] | None
ClassWeights: TypeAlias = Mapping[Any, float]
ClassWeight: TypeAlias = Literal["balanced"] | ClassWeights | Sequence[ClassWeights] | None

# ---- Options of what looks into a network ----

Units: TypeAlias = Literal["training", "raw"]
