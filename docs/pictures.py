"""Draw the picture of the landing page and of the README: ``python docs/pictures.py``."""

from io import BytesIO
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
from PIL import Image
from sklearn.preprocessing import minmax_scale

from skbackprop import BackpropClassifier, presets
from skbackprop.datasets import WHEAT_VARIETIES, load_wheat_seeds
from skbackprop.inspection import LossCurveDisplay, NetworkDisplay

HERE = Path(__file__).parent / "_static"


def draw():
    """The wheat seeds' textbook network, and how it came about."""
    seeds = load_wheat_seeds()
    clf = BackpropClassifier(
        (5,), **presets.TEXTBOOK, learning_rate_init=0.3, max_iter=500, random_state=1
    ).fit(minmax_scale(seeds.data), seeds.target)
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(10, 4), width_ratios=(3, 2), layout="constrained"
    )
    NetworkDisplay.from_estimator(
        clf, ax=left, feature_names=seeds.feature_names, output_names=list(WHEAT_VARIETIES)
    )
    LossCurveDisplay.from_estimator(clf, ax=right)
    picture = BytesIO()
    figure.savefig(picture, dpi=110)
    # A repository keeps every version of a file for ever: 64 colors are enough.
    Image.open(picture).convert("RGB").quantize(64).save(HERE / "network.png", optimize=True)


if __name__ == "__main__":
    draw()
