"""Random cases that several test modules draw from, and how many of them a test draws."""

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

# The same examples in each run, so that a change is what makes a test fail; .ci/fuzz looks for
# new ones. How long an example takes depends on what else the machine does.
PROFILE = "reproducible"
settings.register_profile(
    PROFILE,
    derandomize=True,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile("campaign", settings.get_profile(PROFILE), print_blob=True)

FLOATS = st.sampled_from([np.float32, np.float64])


def campaign(n_examples, **options):
    """Mark a long random campaign, and give it its number of examples.

    It draws a quarter of them, so that the tests take minutes. All of them are drawn by

        python -m pytest -m campaign --hypothesis-profile=campaign
    """
    is_whole = settings.default == settings.get_profile("campaign")

    def decorate(test):
        drawn = n_examples if is_whole else n_examples // 4
        return pytest.mark.campaign(settings(max_examples=drawn, **options)(test))

    return decorate


@st.composite
def architectures(draw, activations):
    """The parameters of a small network of any depth."""
    sizes = draw(st.lists(st.integers(1, 9), max_size=3))
    return {
        "hidden_layer_sizes": sizes,
        "activation": [draw(st.sampled_from(activations)) for _ in sizes],
        "standardize": draw(st.booleans()),
        "random_state": draw(st.integers(0, 99)),
    }
