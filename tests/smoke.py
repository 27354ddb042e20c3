"""Whether an installation is whole: its data, its kernel, and the main ways through it.

A script, not a test: it is run against a wheel, with nothing but what that requires. A wheel
that was built without a compiler is run with ``--without-kernel``.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np

import skbackprop
from skbackprop import (
    BackpropClassifier,
    BackpropRegressor,
    callbacks,
    distributed,
    inspection,
    presets,
)
from skbackprop.datasets import load_wheat_seeds
from skbackprop.export import to_c, to_sklearn
from skbackprop.persistence import load, save

X, y = load_wheat_seeds(return_X_y=True)
assert X.shape == (210, 7)

scaled = X / X.max(axis=0)  # as they are, they would saturate every neuron
textbook = BackpropClassifier((5,), **presets.TEXTBOOK, max_iter=2).fit(scaled, y)
expected = "numpy" if "--without-kernel" in sys.argv else "compiled"
assert textbook.engine_ == expected, textbook.engine_

clf = BackpropClassifier(random_state=0).fit(X, y)
assert clf.score(X, y) > 0.95
assert np.array_equal(to_sklearn(clf).predict(X), clf.predict(X))
assert "net_predict" in to_c(clf)
assert inspection.olden_importance(clf, output=1).shape == (7,)
assert callbacks.__all__ and distributed.__all__
with tempfile.TemporaryDirectory() as folder:
    save(clf, Path(folder) / "seeds.skbp")
    again = load(Path(folder) / "seeds.skbp")
assert np.array_equal(again.predict_proba(X), clf.predict_proba(X))

reg = BackpropRegressor(random_state=0).fit(X[:, 1:], X[:, 0])
assert reg.score(X[:, 1:], X[:, 0]) > 0.95

print(f"skbackprop {skbackprop.__version__} is whole, from {Path(skbackprop.__file__).parent}")
