"""What a typed project does with the package; a checker reads this, nothing runs it."""

from typing import Any

import numpy as np
from scipy import sparse
from typing_extensions import assert_type

from skbackprop import (
    Activation,
    BackpropClassifier,
    BackpropRegressor,
    Loss,
    check_derivative,
    presets,
)
from skbackprop.callbacks import Checkpoint, EarlyStopping, WeightRecorder
from skbackprop.datasets import load_wheat_seeds
from skbackprop.export import to_c
from skbackprop.inspection import (
    LekProfile,
    LossCurveDisplay,
    StepExplanation,
    explain_step,
    garson_importance,
    lek_profile,
)
from skbackprop.persistence import load, save

X, y = load_wheat_seeds(return_X_y=True)
names: list[str] = load_wheat_seeds().feature_names

clf = BackpropClassifier((8, 4), activation=["relu", "tanh"], solver="adam", random_state=0)
assert_type(clf.fit(X, y, sample_weight=[1.0] * 210), BackpropClassifier)
assert_type(clf.partial_fit(sparse.csr_matrix(X), y), BackpropClassifier)
assert_type(BackpropClassifier(**presets.MLP | {"max_iter": 10}), BackpropClassifier)
BackpropClassifier(
    np.random.RandomState(0).randint(1, 9, size=2).tolist(), class_weight={1: 2.0}
)
first_column = clf.predict_proba([[0.0] * 7])[:, 0]
assert_type(clf.score(X, y), float)
shape: tuple[int, ...] = clf.coefs_[0].shape
assert_type(clf.history_["loss"], list[float])

reg = BackpropRegressor("auto", loss="quantile", quantile=[0.1, 0.9], tol=None, alpha=0)
assert_type(reg.fit([[0.0], [1.0]], [0.0, 1.0]).n_iter_, int)


def cube(z: np.ndarray) -> np.ndarray:
    return z**3


def cube_slope(z: np.ndarray) -> np.ndarray:
    return 3 * z**2


def distance(z: np.ndarray, o: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.abs(o - y).sum(axis=1)


def sign(z: np.ndarray, o: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.sign(o - y)


activation = Activation("cube", cube, cube_slope, of="input")
loss = Loss("distance", "identity", lambda z: z, distance, sign)
check_derivative(activation, points=[0.5, 1.5])
BackpropRegressor((4,), activation=activation, loss=loss)

clf.set_callbacks(EarlyStopping(X, y, scoring="accuracy"), WeightRecorder(every=5))
Checkpoint("net.skbp", every=10).resume(X, y, sample_weight=None)
save(clf, "net.skbp")
assert_type(load("net.skbp"), BackpropClassifier | BackpropRegressor)
assert_type(to_c(clf, dtype="int8", X=X), str)
assert_type(explain_step(clf, X[0], 1), StepExplanation)
assert_type(lek_profile(clf, X), LekProfile)
assert_type(garson_importance(clf).tolist(), Any)
assert_type(LossCurveDisplay.from_estimators({"one": clf, "other": clf}), LossCurveDisplay)

# What a checker has to find.
BackpropClassifier(solver="nadam")  # type: ignore[arg-type]
BackpropClassifier(max_itr=3)  # type: ignore[call-arg]
BackpropRegressor(class_weight="balanced")  # type: ignore[call-arg]
explain_step(clf, X[0], 1, learning_rate="fast")  # type: ignore[arg-type]
