"""scikit-learn's own tests of its MLP, with our estimators in the place of theirs.

Their file is read from the installed scikit-learn and run as it is. Nothing of it stands
here but the names of the tests that are about something else.
"""

import importlib.util
import inspect
import re
import sys
from pathlib import Path

import numpy as np
import pytest
import sklearn
from sklearn import neural_network
from sklearn.datasets import make_multilabel_classification

from skbackprop import BackpropClassifier, BackpropRegressor, presets

# What these look into is private to scikit-learn's estimators: their optimizer object, their
# counter, their gradient buffers, or arrays that they write to before fit.
PRIVATE = {
    "test_fit",
    "test_gradient",
    "test_learning_rate_warmstart",
    "test_adaptive_learning_rate",
    "test_n_iter_no_change",
    "test_n_iter_no_change_inf",
}
# Where ours is meant to differ, and a test below says how.
DIFFERENT = {
    # The message has to name the class as scikit-learn encodes it inside, "True"; ours names
    # it as the user does, 1.
    "test_early_stopping_stratified",
    # Log-probabilities have to tie where probabilities round to 1. Ours are computed from the
    # weighted sums, and still tell 1 - 1e-20 from 1 - 1e-30.
    "test_predict_proba_multilabel",
}


def in_place_of(theirs, ours):
    """Our class with the name, the parameters and the defaults of theirs, and ours besides."""
    own = inspect.signature(ours).parameters
    shared = dict(inspect.signature(theirs).parameters)
    assert set(shared) <= set(own), "a parameter of theirs is missing"
    preset = {name: value for name, value in presets.MLP.items() if name in own}
    # "auto" is 200 there, and online here.
    shared |= {"batch_size": shared["batch_size"].replace(default=preset["batch_size"])}
    besides = [
        parameter.replace(
            kind=parameter.KEYWORD_ONLY, default=preset.get(name, parameter.default)
        )
        for name, parameter in own.items()
        if name not in shared
    ]
    signature = inspect.Signature([*shared.values(), *besides])

    class Replaced(ours):
        def __init__(self, *args, **kwargs):
            given = signature.bind(*args, **kwargs)
            given.apply_defaults()
            super().__init__(**given.arguments)

    Replaced.__name__ = theirs.__name__
    Replaced.__init__.__signature__ = signature.replace(
        parameters=[inspect.Parameter("self", inspect.Parameter.POSITIONAL_ONLY)]
        + [p.replace(kind=p.KEYWORD_ONLY) for p in signature.parameters.values()]
    )
    return Replaced


def their_tests():
    """The test functions of scikit-learn's file, about our estimators."""
    path = Path(sklearn.__file__).parent / "neural_network" / "tests" / "test_mlp.py"
    spec = importlib.util.spec_from_file_location("their_test_mlp", path)
    module = importlib.util.module_from_spec(spec)
    before = neural_network.MLPClassifier, neural_network.MLPRegressor
    # While the file is imported, so that its parametrizations take ours as well.
    neural_network.MLPClassifier = in_place_of(before[0], BackpropClassifier)
    neural_network.MLPRegressor = in_place_of(before[1], BackpropRegressor)
    try:
        # For pickles of the classes in it.
        sys.modules[spec.name] = module
        spec.loader.exec_module(module)
    finally:
        neural_network.MLPClassifier, neural_network.MLPRegressor = before
    for replaced in (module.MLPClassifier, module.MLPRegressor):
        replaced.__module__, replaced.__qualname__ = spec.name, replaced.__name__
    return {name: test for name, test in vars(module).items() if name.startswith("test_")}


@pytest.fixture(name="global_random_seed")
def seed():
    """A fixture of scikit-learn's own test-suite."""
    return 42


THEIRS = their_tests()
globals().update(
    (name, pytest.mark.filterwarnings("default")(test))
    for name, test in THEIRS.items()
    if name not in PRIVATE | DIFFERENT
)


def test_what_is_left_out_is_there_and_looks_into_private_attributes():
    assert set(THEIRS) >= PRIVATE | DIFFERENT
    for name in PRIVATE:
        source = inspect.getsource(THEIRS[name])
        assert re.search(r"\b(mlp|clf)\._[a-z]", source), name


def test_too_few_members_are_named_as_the_user_does():
    clf = BackpropClassifier(**presets.MLP | {"early_stopping": True})
    with pytest.raises(ValueError, match=r"populated classes in y have only 1 .*are: \[1\]"):
        clf.fit([[1, 2], [2, 3], [3, 4], [4, 5]], [0, 0, 0, 1])


def test_log_probabilities_are_finer_than_probabilities():
    X, Y = make_multilabel_classification(n_samples=50, random_state=0)
    clf = BackpropClassifier(
        (30,), **{k: v for k, v in presets.MLP.items() if k != "hidden_layer_sizes"}
    )
    clf.set_params(solver="lbfgs", random_state=0).fit(X, Y)
    p, log_p = clf.predict_proba(X), clf.predict_log_proba(X)
    np.testing.assert_array_equal(p > 0.5, Y)
    np.testing.assert_allclose(log_p, np.log(p), rtol=1e-6, atol=1e-15)
    saturated = p == 1
    assert saturated.any()
    assert (log_p[saturated] < 0).any()
    assert (p.sum(axis=1) > 1.5).any()  # labels are no alternatives
