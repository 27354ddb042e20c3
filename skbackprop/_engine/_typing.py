"""What the signatures of the engine speak of."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

Array: TypeAlias = NDArray[Any]
#: An ndarray, or a sparse matrix in CSR format, which comes without types.
Matrix: TypeAlias = Any
#: A dtype or a scalar type, such as np.float32, which array methods take alike.
DType: TypeAlias = Any
Generator: TypeAlias = np.random.RandomState
#: ``run(order, batch_size, rate, updates=0, samples_seen=0)``: the summed loss of an epoch.
Runner: TypeAlias = Callable[..., float]
#: ``end_epoch(loss, data_loss_sum, learning_rate)``: whether training should stop.
EndEpoch: TypeAlias = Callable[[float, float, float], bool]
#: Which of BLAS's threads may run, as a context.
ContextMaker: TypeAlias = Callable[[], AbstractContextManager[Any]]
#: ``initializer(fan_in, fan_out, rng)``: weights and, as the last row, biases.
Initializer: TypeAlias = Callable[[int, int, np.random.RandomState], Array]
LossAndGradient: TypeAlias = Callable[[Array], tuple[float, Array]]
