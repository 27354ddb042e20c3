"""Nothing diverges: any scales of the data, widths, depths, activation functions, and rates.

The rates are those that the documentation calls safe: up to 0.5 for gradient descent, divided
by ten with a momentum of 0.9, and up to 0.1 for Adam.
"""

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.exceptions import ConvergenceWarning
from strategies import FLOATS, campaign

from skbackprop import BackpropClassifier, BackpropRegressor
from skbackprop._parameters import ACTIVATION_NAMES

exponents = st.floats(-6, 6)
SAFE = [
    {"solver": "sgd", "momentum": 0.0},
    {"solver": "sgd", "momentum": 0.9},
    {"solver": "adam"},
]
LARGEST_RATE = [0.5, 0.05, 0.1]


@st.composite
def networks(draw):
    kind = draw(st.integers(0, 2))
    return SAFE[kind] | {
        "hidden_layer_sizes": draw(st.lists(st.integers(1, 100), max_size=4)),
        "activation": draw(st.sampled_from(ACTIVATION_NAMES)),
        "learning_rate_init": LARGEST_RATE[kind] * 10 ** draw(st.floats(-3, 0)),
        "batch_size": draw(st.sampled_from(["auto", 1, 16])),
        "dropout": draw(st.sampled_from([0.0, 0.2])),
        "max_iter": 10,
        "random_state": 0,
    }


@pytest.mark.slow
@given(
    networks(), st.integers(0, 2**31), exponents, exponents, exponents, st.booleans(),
    FLOATS,
)  # fmt: skip
@campaign(150)
def test_any_scale(network, seed, of_inputs, spread, of_targets, heavy_tails, dtype):
    rng = np.random.default_rng(seed)
    draw = rng.standard_cauchy if heavy_tails else rng.standard_normal
    n_inputs = rng.integers(1, 20)
    X = draw((rng.integers(30, 120), n_inputs))
    signal = X @ rng.normal(size=n_inputs)
    # Each column has a scale of its own.
    X = (X * 10 ** (of_inputs + spread * rng.uniform(-1, 1, n_inputs) / 2)).astype(dtype)
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # no start may have to be repeated
        # A rate may be too large for a small network to learn anything, which is no divergence.
        warnings.filterwarnings("ignore", "(Every neuron|After training)", ConvergenceWarning)
        reg = BackpropRegressor(**network).fit(X, signal * 10**of_targets)
        assert np.isfinite(reg.predict(X)).all()
        clf = BackpropClassifier(**network).fit(X, signal > np.median(signal))
        assert np.isfinite(clf.predict_proba(X)).all()
