"""What a fitted estimator shows of itself: its record, its importances, its picture."""

import sys

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.exceptions import ConvergenceWarning
from sklearn.feature_selection import SelectFromModel
from sklearn.pipeline import make_pipeline

from skbackprop import Activation, BackpropClassifier, BackpropRegressor
from skbackprop.inspection import olden_importance

QUICK = {"hidden_layer_sizes": (4, 3), "max_iter": 5, "tol": None, "random_state": 0}


def test_the_record_as_a_table(wheat):
    clf = BackpropClassifier(**QUICK, early_stopping=True, scoring="score").fit(*wheat)
    frame = clf.history_frame()
    assert list(frame.columns) == list(clf.history_)
    assert len(frame) == clf.n_iter_
    np.testing.assert_array_equal(frame["validation_score"], clf.validation_scores_)
    frame.loc[0, "loss"] = -1.0
    assert clf.loss_curve_[0] > 0


def test_the_table_needs_pandas_and_a_fitted_estimator(wheat, monkeypatch):
    with pytest.raises(AttributeError, match="not fitted"):
        BackpropClassifier().history_frame()
    clf = BackpropClassifier(**QUICK).fit(*wheat)
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"skbackprop\[pandas\]"):
        clf.history_frame()


def test_epochs_are_printed(wheat, capsys):
    clf = BackpropClassifier(**QUICK, early_stopping=True, scoring="score", verbose=2)
    clf.fit(*wheat)
    record = clf.history_
    expected = [
        f">epoch={epoch}, lrate={rate:.3f}, loss={loss:.3f}, validation_loss={held_out:.3f}, "
        f"seconds={seconds:.6f}\nIteration {epoch + 1}, loss = {loss:.8f}\n"
        f"Validation score: {score:f}\n"
        for epoch, loss, rate, seconds, held_out, score in zip(*record.values(), strict=True)
    ]
    assert capsys.readouterr().out == "".join(expected)
    clf.set_params(scoring=None, max_iter=2).fit(*wheat)
    assert "Validation" not in capsys.readouterr().out
    # Solvers of the whole problem have no learning rate, and here no row is held out.
    clf.set_params(solver="lbfgs", early_stopping=False, verbose=1).fit(*wheat)
    lines = capsys.readouterr().out.splitlines()
    assert lines == [f">epoch={i}, loss={loss:.3f}" for i, loss in enumerate(clf.loss_curve_)]


@pytest.mark.parametrize("hidden", [(), (5,), (4, 3)])
def test_importances_are_oldens(wheat, hidden):
    X, y = wheat
    clf = BackpropClassifier(**QUICK | {"hidden_layer_sizes": hidden}).fit(X * 100, y)
    expected = np.abs(olden_importance(clf)).mean(axis=0)
    importances = clf.feature_importances_
    np.testing.assert_allclose(importances, expected / expected.sum(), rtol=1e-12)
    assert importances.shape == (7,) and importances.sum() == pytest.approx(1)


def test_importances_find_the_input_that_matters():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 4)) * [1, 1000, 1, 0.01]
    y = X[:, 3] * 100 + 0.1 * X[:, 0]
    reg = BackpropRegressor((5,), activation="tanh", max_iter=200, tol=None, random_state=0)
    assert np.argmax(reg.fit(X, y).feature_importances_) == 3
    select = SelectFromModel(reg, max_features=1, threshold=-np.inf).fit(X, y)
    np.testing.assert_array_equal(select.get_support(), [False, False, False, True])


def test_importances_of_a_network_of_zeros_and_of_none():
    zeros = [np.zeros((2, 1))], [np.zeros(1)]
    reg = BackpropRegressor((), weight_init=zeros, batch_size="full", max_iter=1)
    reg.fit([[0.0, 1.0], [1.0, 0.0]], [3.0, 3.0])
    np.testing.assert_array_equal(reg.feature_importances_, [0, 0])
    assert not hasattr(BackpropRegressor(), "feature_importances_")


@pytest.mark.filterwarnings(f"ignore::{ConvergenceWarning.__module__}.ConvergenceWarning")
def test_the_picture_says_what_was_learned(wheat):
    clf = BackpropClassifier(**QUICK | {"tol": 1e-4}).fit(*wheat)
    for html in (clf._repr_html_(), clf._repr_mimebundle_()["text/html"]):
        learned = html[html.index('<p class="skbackprop-learned">') :]
        n_params = sum(w.size for w in (*clf.coefs_, *clf.intercepts_))
        for fact in (
            "7 - 4 - 3 - 3", "relu, relu, softmax", f"{n_params} weights", "5 epochs",
            f"loss {clf.loss_:.4g} (log_loss)", f"{clf.engine_} engine",
        ):  # fmt: skip
            assert fact in learned
    assert make_pipeline(clf)._repr_html_()


def test_the_picture_of_what_has_not_learned_is_scikit_learns():
    clf = BackpropClassifier()
    assert "skbackprop-learned" not in clf._repr_html_()
    assert "skbackprop-learned" not in clf._repr_mimebundle_()["text/html"]
    with config_context(display="text"):
        assert not hasattr(clf, "_repr_html_")
        assert set(clf._repr_mimebundle_()) == {"text/plain"}


def test_names_of_ones_own_are_escaped(wheat):
    own = Activation("<b>", value=np.tanh, derivative=lambda a: 1 - a**2)
    clf = BackpropClassifier(**QUICK | {"activation": own}).fit(*wheat)
    assert "&lt;b&gt;" in clf._learned_html()


def test_names_of_the_data_are_escaped():
    name = "<script>alert(1)</script>"
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(20, 2)), columns=[name, "b&"])
    y = np.array([name, "b"], dtype=object)[np.arange(20) % 2]
    clf = BackpropClassifier((2,), class_weight={name: 1, "b": 2}, max_iter=1, tol=None)
    for estimator in (clf.fit(X, y), make_pipeline(clf)):
        assert name not in estimator._repr_html_()
        assert name not in estimator._repr_mimebundle_()["text/html"]
