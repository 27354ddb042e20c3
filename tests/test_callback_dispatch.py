"""Without scikit-learn's callbacks: the estimators are whole, and say what they lack."""

import subprocess
import sys
import warnings

import pytest

from skbackprop import BackpropRegressor
from skbackprop._warnings import warn_caller

BEFORE_1_9 = """
import sys
import sklearn.metrics, sklearn.model_selection, sklearn.pipeline, sklearn.preprocessing
sys.modules["sklearn.callback"] = None

from sklearn.base import clone
from skbackprop import BackpropRegressor
from skbackprop.callbacks import EarlyStopping

reg = BackpropRegressor((2,), max_iter=3, tol=None, random_state=0)
reg.fit([[0.0], [1.0]], [0.0, 1.0]).partial_fit([[0.0], [1.0]], [0.0, 1.0])
print(clone(reg).fit([[0.0], [1.0]], [0.0, 1.0]).n_iter_)
try:
    reg.set_callbacks(EarlyStopping())
except ImportError as error:
    print(error)
"""


@pytest.mark.slow
def test_versions_without_callbacks_say_which_has_them():
    run = subprocess.run(
        [sys.executable, "-c", BEFORE_1_9], capture_output=True, text=True, check=True
    )
    first, second = run.stdout.splitlines()
    assert first == "3"
    assert second.startswith("Callbacks need scikit-learn 1.9 or later")


def test_warnings_point_to_the_line_that_called_fit():
    reg = BackpropRegressor((2,), learning_rate="constant", max_iter=2, random_state=0)
    with pytest.warns(match="max_iter=2") as caught:
        reg.fit([[0.0], [1.0]], [0.0, 1.0])
    assert [one.filename for one in caught] == [__file__]
    diverges = BackpropRegressor(
        (2,), solver="sgd", learning_rate_init=1e200, clip_norm=None, max_restarts=1
    )
    with pytest.warns(match="starts again") as caught, pytest.raises(ValueError):
        diverges.fit([[0.0], [1.0]], [0.0, 1.0])
    assert {one.filename for one in caught} == {__file__}
    with pytest.warns(match="starts again") as caught, pytest.raises(ValueError):
        diverges.partial_fit([[0.0], [1.0]], [0.0, 1.0])
    assert {one.filename for one in caught} == {__file__}


def test_a_warning_without_frames_of_ours_points_to_its_own_line():
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        warn_caller("mind the gap")
    assert caught[0].filename == __file__
