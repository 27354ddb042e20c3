"""The pictures: what is in them, and that it can be read."""

import re
import sys
from itertools import combinations

import matplotlib as mpl

mpl.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import sklearn
from literals import NAMES
from matplotlib.colors import to_hex
from sklearn.datasets import load_diabetes, load_digits, load_iris
from sklearn.inspection import DecisionBoundaryDisplay

from skbackprop import Activation, BackpropClassifier, BackpropRegressor
from skbackprop.datasets import load_wheat_seeds
from skbackprop.inspection import (
    LossCurveDisplay,
    NetworkDisplay,
    WeightImportanceDisplay,
    WeightsDisplay,
    _utils,
    garson_importance,
    lek_profile,
    olden_importance,
)

BLUE, RED = "#2166ac", "#b2182b"
SHORT = {"max_iter": 15, "tol": None, "learning_rate_init": 0.01, "random_state": 0}


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


@pytest.fixture(scope="module")
def seeds():
    bunch = load_wheat_seeds(as_frame=True)
    clf = BackpropClassifier((5,), activation="logistic", **SHORT)
    return clf.fit(bunch.data, bunch.target_names[bunch.target - 1]), bunch.data


@pytest.fixture(scope="module")
def digits():
    X, y = load_digits(return_X_y=True)
    return BackpropClassifier((30,), **SHORT).fit(X, y), X


@pytest.fixture(scope="module")
def diabetes():
    X, y = load_diabetes(return_X_y=True, as_frame=True)
    return BackpropRegressor((12, 6), learning_rate="linear", **SHORT).fit(X, y), X


NETWORKS = pytest.mark.parametrize("which", ["seeds", "digits", "diabetes"])


def boxes(figure, texts):
    """Where some texts stand, in pixels."""
    figure.canvas.draw()
    renderer = figure.canvas.get_renderer()
    return [text.get_window_extent(renderer) for text in texts if text.get_text()]


def assert_readable(figure, texts, apart=True):
    """Every text is wholly inside the figure, and none lies on another."""
    places = boxes(figure, texts)
    assert places
    width, height = figure.bbox.size
    for box in places:
        assert box.x0 >= 0 and box.y0 >= 0 and box.x1 <= width and box.y1 <= height
    for one, other in combinations(places, 2) if apart else ():
        assert not one.padded(-1).overlaps(other.padded(-1))


def texts_of(ax):
    """The labels around the axes; matplotlib keeps some beyond the limits, and hides them."""
    ax.figure.canvas.draw()
    texts = [ax.xaxis.label, ax.yaxis.label]
    for axis in (ax.xaxis, ax.yaxis):
        low, high = sorted(axis.get_view_interval())
        shown = [tick for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
        texts += [tick.label1 for tick in shown if tick.label1.get_visible()]
    return texts


# ---- Loss curves ----


def labels_of(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_one_loss_curve(seeds):
    display = LossCurveDisplay.from_estimator(seeds[0])
    assert isinstance(display, LossCurveDisplay)
    curve, best = display.ax_.lines
    np.testing.assert_array_equal(curve.get_xdata(), range(15))
    np.testing.assert_array_equal(curve.get_ydata(), seeds[0].loss_curve_)
    assert display.best_epochs_ == [int(np.argmin(seeds[0].loss_curve_))]
    assert best.get_xdata() == display.best_epochs_
    assert best.get_ydata() == [min(seeds[0].loss_curve_)]
    assert labels_of(display.ax_) == ["training", f"best: epoch {display.best_epochs_[0]}"]
    assert display.ax_.get_xlabel() == "epoch" and display.ax_.get_ylabel() == "loss"
    assert display.second_ax_ is None
    assert display.figure_ is display.ax_.figure


def test_validation_is_dashed_and_decides():
    X, y = load_wheat_seeds(return_X_y=True)
    clf = BackpropClassifier((5,), **SHORT).fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
    display = LossCurveDisplay.from_estimator(clf, name="seeds")
    training, validation, best = display.ax_.lines
    np.testing.assert_array_equal(validation.get_ydata(), clf.validation_loss_curve_)
    assert validation.get_linestyle() == "--" and training.get_linestyle() == "-"
    epoch = int(np.argmin(clf.validation_loss_curve_))
    assert display.best_epochs_ == [epoch]
    assert best.get_ydata() == [clf.validation_loss_curve_[epoch]]
    assert labels_of(display.ax_) == [
        "seeds, training",
        "seeds, validation",
        f"seeds, best: epoch {epoch}",
    ]


def test_best_epoch_by_score_and_with_gaps():
    history = {
        "epoch": [3, 4, 5, 6],
        "loss": [4.0, 3.0, 2.0, 1.0],
        "validation_loss": [np.nan, 2.0, 1.0, 3.0],
        "validation_score": [None, 0.9, 0.8, 0.7],
    }
    assert LossCurveDisplay([history]).plot().best_epochs_ == [4]
    history["validation_score"] = [0.9, np.nan, 0.8, 0.9]  # the first has no loss
    assert LossCurveDisplay([history]).plot().best_epochs_ == [6]
    history["validation_score"] = [np.nan] * 4
    assert LossCurveDisplay([history]).plot().best_epochs_ == [5]
    display = LossCurveDisplay([history]).plot(mark_best=False)
    assert len(display.ax_.lines) == 2
    history["validation_loss"] = [np.nan] * 4
    display = LossCurveDisplay([history]).plot()
    assert display.best_epochs_ == [6]
    assert len(display.ax_.lines) == 2
    history["loss"] = [np.nan] * 4
    assert LossCurveDisplay([history]).plot().best_epochs_ == [None]


def test_loss_curve_display_draws_and_marks_the_score_that_decided():
    X, y = load_wheat_seeds(return_X_y=True)
    clf = BackpropClassifier((5,), **SHORT, early_stopping=True, scoring="accuracy")
    clf.fit(X[::2], y[::2], X_val=X[1::2], y_val=y[1::2])
    display = LossCurveDisplay.from_estimator(clf)
    (epoch,), scores = display.best_epochs_, clf.validation_scores_
    curve, mark = display.second_ax_.lines
    np.testing.assert_array_equal(curve.get_ydata(), scores)
    assert (mark.get_xdata(), mark.get_ydata()) == ([epoch], [max(scores)])
    assert mark.get_label() == f"best score: epoch {epoch}"
    assert len(display.ax_.lines) == 2
    assert display.second_ax_.get_ylabel() == "validation score"
    # Where the scores are not drawn, the mark is on the losses of the same rows.
    display = LossCurveDisplay.from_estimator(clf, second_axis=None)
    assert display.second_ax_ is None
    *_, mark = display.ax_.lines
    assert (mark.get_xdata(), mark.get_ydata()) == (
        [epoch],
        [clf.validation_loss_curve_[epoch]],
    )
    # Beside a training without scores there is no axis for them.
    plain = BackpropClassifier((5,), **SHORT).fit(X, y)
    assert LossCurveDisplay.from_estimators([clf, plain]).second_ax_ is None


@NETWORKS
def test_learning_rate_on_the_second_axis(which, request):
    estimator, _ = request.getfixturevalue(which)
    display = LossCurveDisplay.from_estimator(estimator, second_axis="learning_rate")
    (line,) = display.second_ax_.lines
    np.testing.assert_array_equal(line.get_ydata(), estimator.history_["learning_rate"])
    assert display.second_ax_.get_ylabel() == "learning rate"
    assert display.second_ax_.get_ylim()[0] == 0
    assert labels_of(display.ax_)[-1] == "learning rate"
    texts = [*texts_of(display.ax_), display.second_ax_.yaxis.label]
    texts += display.ax_.get_legend().get_texts()
    assert_readable(display.figure_, texts)


def test_any_column_on_the_second_axis(seeds):
    display = LossCurveDisplay.from_estimator(seeds[0], second_axis="seconds")
    (line,) = display.second_ax_.lines
    np.testing.assert_array_equal(line.get_ydata(), seeds[0].history_["seconds"])
    assert display.second_ax_.get_ylabel() == labels_of(display.ax_)[-1]
    assert display.second_ax_.get_ylabel() == "seconds per epoch"


def test_several_loss_curves(seeds, diabetes):
    pair = {"seeds": seeds[0], "diabetes": diabetes[0]}
    display = LossCurveDisplay.from_estimators(pair, yscale="log", mark_best=False)
    first, second = display.ax_.lines
    np.testing.assert_array_equal(first.get_ydata(), seeds[0].loss_curve_)
    np.testing.assert_array_equal(second.get_ydata(), diabetes[0].loss_curve_)
    assert first.get_color() != second.get_color()
    assert labels_of(display.ax_) == ["seeds", "diabetes"]
    assert display.ax_.get_yscale() == "log"
    display = LossCurveDisplay.from_estimators(pair, second_axis="learning_rate")
    assert len(display.figure_.axes) == 2
    assert labels_of(display.ax_)[-2:] == ["learning rate, seeds", "learning rate, diabetes"]
    for line, curve in zip(display.second_ax_.lines, display.ax_.lines[::2], strict=True):
        assert line.get_color() == curve.get_color()
    numbered = LossCurveDisplay.from_estimators(list(pair.values()), mark_best=False)
    assert labels_of(numbered.ax_) == ["0", "1"]


def test_panels(seeds, diabetes):
    display = LossCurveDisplay.from_estimators(
        [seeds[0], diabetes[0]], names=["a", "b"], panels=True, second_axis="learning_rate"
    )
    assert [ax.get_title() for ax in display.ax_] == ["a", "b"]
    assert [len(ax.lines) for ax in display.ax_] == [2, 2]
    assert [len(ax.lines) for ax in display.second_ax_] == [1, 1]
    assert display.ax_[0].get_ylim() == display.ax_[1].get_ylim()
    texts = [text for ax in display.ax_ for text in (*texts_of(ax), ax.title)]
    texts += [text for ax in display.ax_ for text in ax.get_legend().get_texts()]
    assert_readable(display.figure_, texts)
    _, axes = plt.subplots(2)
    display = display.plot(axes, panels=True)
    assert display.ax_ == list(axes)
    with pytest.raises(ValueError, match="ax must hold 2 axes, one per training. Got 3"):
        display.plot(plt.subplots(3)[1], panels=True)


def test_loss_curve_refusals(seeds):
    with pytest.raises(ValueError, match="second_axis must be one of"):
        LossCurveDisplay.from_estimator(seeds[0], second_axis="rate")
    with pytest.raises(ValueError, match=r"measured in every training. .* Got 'validation_sc"):
        LossCurveDisplay.from_estimator(seeds[0], second_axis="validation_score")
    with pytest.raises(ValueError, match="yscale must be one of"):
        LossCurveDisplay.from_estimator(seeds[0], yscale="logit")
    with pytest.raises(ValueError, match="names must hold 1 names"):
        LossCurveDisplay.from_estimators([seeds[0]], names=["a", "b"])
    with pytest.raises(ValueError, match="at least one fitted network"):
        LossCurveDisplay.from_estimators([])
    with pytest.raises(TypeError, match="Got dict"):
        LossCurveDisplay.from_estimator(seeds[0].history_)


# ---- Networks ----


def written(display):
    return [text.get_text() for text in display.labels_]


def test_network_of_the_seeds(seeds):
    clf, data = seeds
    display = NetworkDisplay.from_estimator(clf)
    assert [len(layer.get_offsets()) for layer in display.neurons_] == [7, 5, 3]
    assert [len(lines.get_segments()) for lines in display.connections_] == [35, 15]
    expected = [*data.columns, "inputs", "hidden 1\nlogistic"]
    expected += ["Canadian", "Kama", "Rosa", "outputs\nsoftmax"]
    assert sorted(written(display)) == sorted(expected)
    assert [text.get_text() for text in display.ax_.get_legend().get_texts()] == [
        "positive weight",
        "negative weight",
    ]


def test_connections_show_their_weights(seeds):
    clf, _ = seeds
    display = NetworkDisplay.from_estimator(clf)
    deviation = clf._scaling.inputs.scale
    weights = [clf.coefs_[0] * deviation[:, None], clf.coefs_[1]]
    for layer, (lines, w) in enumerate(zip(display.connections_, weights, strict=True)):
        sources, neurons = (display.neurons_[layer + k].get_offsets()[:, 1] for k in (0, 1))
        for segment, color, width in zip(
            lines.get_segments(), lines.get_colors(), lines.get_linewidths(), strict=True
        ):
            i = int(np.flatnonzero(sources == segment[0][1])[0])
            j = int(np.flatnonzero(neurons == segment[1][1])[0])
            assert to_hex(color) == (BLUE if w[i, j] > 0 else RED)
            strength = abs(w[i, j]) / np.abs(w).max()
            assert width == pytest.approx(0.15 + 2.85 * strength, rel=1e-6)
            assert color[3] == pytest.approx(0.12 + 0.88 * strength, rel=1e-6)
        assert max(lines.get_linewidths()) == pytest.approx(3)


def test_raw_units_change_the_picture(seeds):
    clf, _ = seeds
    display = NetworkDisplay.from_estimator(clf, units="raw")
    np.testing.assert_array_equal(display.weights[0], clf.coefs_[0])


@NETWORKS
def test_activations_of_a_row(which, request):
    estimator, X = request.getfixturevalue(which)
    row = X[[4]] if isinstance(X, np.ndarray) else X.iloc[[4]]
    display = NetworkDisplay.from_estimator(estimator, x=row)
    answers = [estimator.get_activations(row, k)[0] for k in range(estimator.n_layers_ - 1)]
    answers = [np.asarray(row)[0], *answers]
    for circles, answer, shown in zip(display.neurons_, answers, display.shown_, strict=True):
        np.testing.assert_allclose(circles.get_array(), answer[shown], rtol=1e-6)
    numbers = [f"{value:.3g}" for value in answers[1][display.shown_[1]]]
    assert set(numbers) <= set(written(display))
    last = display.names[-1][0]
    assert f"{last}: {answers[-1][0]:.3g}" in written(display)
    same = NetworkDisplay.from_estimator(estimator, x=np.asarray(row)[0])
    assert written(same) == written(display)


@pytest.mark.parametrize("max_neurons", [3, 10, 24, 40])
def test_large_layers_show_their_strongest_neurons(digits, max_neurons):
    display = NetworkDisplay.from_estimator(
        digits[0], max_neurons=max_neurons, max_connections=None
    )
    sizes = [min(size, max_neurons - (size > max_neurons)) for size in (64, 30, 10)]
    assert [len(layer.get_offsets()) for layer in display.neurons_] == sizes
    assert [len(lines.get_segments()) for lines in display.connections_] == [
        sizes[0] * sizes[1],
        sizes[1] * sizes[2],
    ]
    absolute = [np.abs(w) for w in display.weights]
    # The sum over all paths of the products, neuron by neuron.
    strengths = [
        (absolute[0] @ absolute[1]).sum(axis=1),
        absolute[0].sum(axis=0) * absolute[1].sum(axis=1),
        (absolute[0] @ absolute[1]).sum(axis=0),
    ]
    for layer, size in enumerate((64, 30, 10)):
        hidden = size - sizes[layer]
        assert (f"and {hidden} weaker" in written(display)) == (hidden > 0)
        drawn = display.shown_[layer]
        assert drawn == sorted(drawn)
        left_out = np.delete(strengths[layer], drawn)
        assert not left_out.size or strengths[layer][drawn].min() >= left_out.max()
    assert_readable(display.figure_, display.labels_)


@pytest.mark.parametrize("max_connections", [1, 7, 60])
def test_large_layers_show_their_largest_weights(digits, max_connections):
    display = NetworkDisplay.from_estimator(
        digits[0], max_neurons=40, max_connections=max_connections
    )
    for layer, lines in enumerate(display.connections_):
        assert len(lines.get_segments()) == max_connections
        weights = np.abs(display.weights[layer])
        drawn = weights[np.ix_(display.shown_[layer], display.shown_[layer + 1])]
        widths = np.sort(drawn.ravel())[-max_connections:] / weights.max()
        np.testing.assert_allclose(lines.get_linewidths(), 0.15 + 2.85 * widths)
        assert f"{max_connections} of {weights.size:,} weights" in written(display)


def test_the_output_of_two_classes_names_both():
    X, y = load_iris(return_X_y=True)
    names = np.array(["setosa", "versicolor"])[y[:100]]
    clf = BackpropClassifier((2,), max_iter=5, random_state=0).fit(X[:100], names)
    assert "versicolor (else setosa)" in written(NetworkDisplay.from_estimator(clf))
    display = NetworkDisplay.from_estimator(clf, output_names=["kind"])
    assert "kind" in written(display) and "versicolor (else setosa)" not in written(display)
    label = WeightImportanceDisplay.from_estimator(clf).ax_.get_xlabel()
    assert label.split("    ") == ["\u2190 setosa", "connection weights (Olden)",
                                   "versicolor \u2192"]  # fmt: skip


def test_numbers_of_large_networks(digits):
    clf, X = digits
    display = NetworkDisplay.from_estimator(clf, x=X[0], max_neurons=40)
    shown = [text for text in written(display) if not re.search("weaker|weights", text)]
    # Names with numbers at both ends, and the titles; no numbers between the connections.
    assert len(shown) == 39 + 10 + 3
    assert "x2: 5" in shown
    assert_readable(display.figure_, display.labels_)


@NETWORKS
@pytest.mark.parametrize("with_row", [False, True])
def test_networks_are_readable(which, with_row, request):
    estimator, X = request.getfixturevalue(which)
    row = (X[0] if isinstance(X, np.ndarray) else X.iloc[0]) if with_row else None
    display = NetworkDisplay.from_estimator(estimator, x=row)
    assert_readable(display.figure_, display.labels_)


def test_network_in_given_axes(seeds):
    figure, ax = plt.subplots(figsize=(9, 4), layout="constrained")
    names = list("abcdefg")
    display = NetworkDisplay.from_estimator(
        seeds[0], ax=ax, feature_names=names, output_names=["u", "v", "w"], title="Seeds"
    )
    assert display.ax_ is ax and display.figure_ is figure
    assert {*names, "u", "v", "w"} <= set(written(display))
    assert ax.get_title() == "Seeds"


def test_network_refusals(seeds):
    clf, data = seeds
    with pytest.raises(ValueError, match="feature_names must hold 7 names. Got 2"):
        NetworkDisplay.from_estimator(clf, feature_names=["a", "b"])
    with pytest.raises(ValueError, match="output_names must hold 3 names. Got 1"):
        NetworkDisplay.from_estimator(clf, output_names=["a"])
    with pytest.raises(ValueError, match="x must be one row. Got 2 rows"):
        NetworkDisplay.from_estimator(clf, x=data.iloc[:2])
    with pytest.raises(ValueError, match="max_neurons must be an integer >= 3. Got 2"):
        NetworkDisplay.from_estimator(clf, max_neurons=2)
    with pytest.raises(ValueError, match="max_connections must be None or an integer >= 1"):
        NetworkDisplay.from_estimator(clf, max_connections=0)


# ---- Weights ----


def test_heat_map(seeds):
    clf, data = seeds
    display = WeightsDisplay.from_estimator(clf)
    weights = clf.coefs_[0] * clf._scaling.inputs.scale[:, None]
    np.testing.assert_allclose(display.image_.get_array(), weights)
    low, high = display.image_.get_clim()
    assert -low == high == pytest.approx(np.abs(weights).max())
    ax = display.ax_
    assert [text.get_text() for text in ax.get_yticklabels()] == list(data.columns)
    assert [text.get_text() for text in ax.get_xticklabels()] == [f"h{j}" for j in range(5)]
    assert [text.get_text() for text in display.labels_] == [f"{w:.2g}" for w in weights.flat]
    assert display.figure_.axes[1].get_ylabel() == "weight"
    raw = WeightsDisplay.from_estimator(clf, units="raw")
    np.testing.assert_array_equal(raw.image_.get_array(), clf.coefs_[0])
    last = WeightsDisplay.from_estimator(clf, layer=-1)
    np.testing.assert_allclose(last.image_.get_array(), clf.coefs_[1])
    assert [text.get_text() for text in last.ax_.get_xticklabels()] == list(clf.classes_)


@NETWORKS
@pytest.mark.parametrize("layer", [0, -1])
def test_heat_maps_are_readable(which, layer, request):
    estimator, _ = request.getfixturevalue(which)
    display = WeightsDisplay.from_estimator(estimator, layer=layer)
    for axis in (display.ax_.get_xticklabels(), display.ax_.get_yticklabels()):
        assert_readable(display.figure_, axis)
    if display.labels_:
        assert_readable(display.figure_, display.labels_)


def test_images_of_digits(digits):
    clf, _ = digits
    display = WeightsDisplay.from_estimator(clf, image_shape=(8, 8))
    assert [text.get_text() for text in display.labels_] == [f"h{j}" for j in range(30)]
    montage = display.image_.get_array()
    assert (~np.ma.getmaskarray(montage)).sum() == 30 * 64
    # The image below each name is the neuron's.
    for j in (0, 8, 29):
        x, y = display.labels_[j].get_position()
        top, left = round(y + 0.8), round(x - 3.5)
        expected = display.weights[:, j].reshape(8, 8)
        np.testing.assert_array_equal(montage[top : top + 8, left : left + 8], expected)
    assert_readable(display.figure_, display.labels_)
    few = WeightsDisplay.from_estimator(clf, image_shape=(8, 8), max_images=12)
    assert [text.get_text() for text in few.labels_][-2:] == ["h11", "and 18 more neurons"]
    assert (~np.ma.getmaskarray(few.image_.get_array())).sum() == 12 * 64
    assert_readable(few.figure_, few.labels_)


def test_weights_refusals(seeds, digits):
    with pytest.raises(ValueError, match="layer must be an integer >= -2 and <= 1. Got 2"):
        WeightsDisplay.from_estimator(seeds[0], layer=2)
    with pytest.raises(ValueError, match=r"height \* width = 64.* Got \(8, 9\)"):
        WeightsDisplay.from_estimator(digits[0], image_shape=(8, 9))
    with pytest.raises(ValueError, match="image_shape is for the first layer"):
        WeightsDisplay.from_estimator(digits[0], layer=1, image_shape=(5, 6))
    with pytest.raises(ValueError, match="max_images must be an integer >= 1. Got 0"):
        WeightsDisplay.from_estimator(digits[0], image_shape=(8, 8), max_images=0)


# ---- Importances ----


def test_bars_are_sorted(seeds):
    clf, data = seeds
    display = WeightImportanceDisplay.from_estimator(clf, method="garson")
    shares = garson_importance(clf).mean(axis=0)
    order = np.argsort(-shares)
    np.testing.assert_array_equal(display.order_, order)
    np.testing.assert_allclose([bar.get_width() for bar in display.bars_], shares[order])
    ticks = [text.get_text() for text in display.ax_.get_yticklabels()]
    assert ticks == [data.columns[i] for i in order]
    # The first bar is on top.
    assert display.ax_.yaxis_inverted()
    assert display.ax_.get_xlabel() == "share of the weights (Garson)"


def test_signed_bars(seeds):
    clf, _ = seeds
    display = WeightImportanceDisplay.from_estimator(clf, method="olden", output="Rosa")
    importance = olden_importance(clf, output="Rosa")
    assert (importance < 0).any() and (importance > 0).any()
    for i, bar in zip(display.order_, display.bars_, strict=True):
        assert bar.get_width() == importance[i]
        assert to_hex(bar.get_facecolor()) == (RED if importance[i] < 0 else BLUE)
    assert display.ax_.get_xlabel() == "connection weights (Olden), output Rosa"
    display = WeightImportanceDisplay.from_estimator(clf, method="olden")
    mean = np.abs(olden_importance(clf)).mean(axis=0)
    assert display.bars_[0].get_width() == mean.max()
    assert display.ax_.get_xlabel() == "mean over outputs of |connection weights (Olden)|"


@NETWORKS
def test_bars_are_readable(which, request):
    estimator, _ = request.getfixturevalue(which)
    display = WeightImportanceDisplay.from_estimator(estimator, method="olden")
    assert_readable(display.figure_, texts_of(display.ax_))


def test_bars_by_default_are_for_any_network(diabetes):
    reg, _ = diabetes
    display = WeightImportanceDisplay.from_estimator(reg)
    np.testing.assert_array_equal(display.importances, olden_importance(reg))
    with pytest.raises(ValueError, match="Got 2 hidden layers: use olden_importance"):
        WeightImportanceDisplay.from_estimator(reg, method="garson")


def test_bars_beyond_are_counted(digits):
    display = WeightImportanceDisplay.from_estimator(digits[0], max_features=10)
    assert len(display.bars_) == 10
    ticks = [text.get_text() for text in display.ax_.get_yticklabels()]
    assert len(ticks) == 11 and ticks[-1] == "and 54 more"


def test_bars_refusals(seeds):
    with pytest.raises(ValueError, match=r"method must be one of \['garson', 'olden'\]"):
        WeightImportanceDisplay.from_estimator(seeds[0], method="shap")
    with pytest.raises(ValueError, match="max_features must be an integer >= 1. Got 0"):
        WeightImportanceDisplay.from_estimator(seeds[0], max_features=0)


# ---- Profiles ----


def test_profile_panels(seeds):
    clf, data = seeds
    profile = lek_profile(clf, data, quantiles=[0.1, 0.9], n_steps=20)
    figure = profile.plot(output="Rosa")
    panels = [ax for ax in figure.axes if ax.lines]
    assert [ax.get_xlabel() for ax in panels] == list(data.columns)
    for i, ax in enumerate(panels):
        assert len(ax.lines) == 2
        for g, line in enumerate(ax.lines):
            np.testing.assert_array_equal(line.get_ydata(), profile.responses[i, g, :, 2])
    assert [text.get_text() for text in figure.legends[0].get_texts()] == [
        "quantile 0.1",
        "quantile 0.9",
    ]
    with pytest.raises(ValueError, match="output must be None or one of"):
        profile.plot(output="Ross")


@pytest.mark.parametrize("n_features", [1, 2, 7])
def test_profiles_are_readable(seeds, n_features):
    clf, data = seeds
    profile = lek_profile(
        clf, data, n_clusters=3, features=range(n_features), n_steps=5, random_state=0
    )
    figure = profile.plot()
    texts = [ax.xaxis.label for ax in figure.axes]
    texts += [*figure.legends[0].get_texts(), figure.legends[0].get_title()]
    assert_readable(figure, texts)


# ---- Neighbors ----


def test_decision_regions_are_scikit_learns():
    data = load_wheat_seeds(as_frame=True)
    X = data.data[["area", "groove_length"]]
    clf = BackpropClassifier((5,), **SHORT).fit(X, data.target)
    # Before 1.7, scikit-learn draws no more than two classes at once but by their prediction.
    several = ("predict_proba", "decision_function") if sklearn.__version__ >= "1.7" else ()
    for method in ("predict", *several):
        display = DecisionBoundaryDisplay.from_estimator(
            clf, X, response_method=method, grid_resolution=20
        )
        assert display.ax_.get_xlabel() == "area"
        assert np.isfinite(display.response).all()
    grid = pd.DataFrame({"area": display.xx0.ravel(), "groove_length": display.xx1.ravel()})
    display = DecisionBoundaryDisplay.from_estimator(
        clf, X, response_method="predict", grid_resolution=20
    )
    np.testing.assert_array_equal(
        clf.classes_[display.response.ravel().astype(int)], clf.predict(grid)
    )


@pytest.mark.parametrize("load", [load_wheat_seeds, load_digits, load_diabetes])
def test_the_default_network_is_readable_in_all_pictures(load):
    X, y = load(return_X_y=True, as_frame=True)
    kind = BackpropRegressor if load is load_diabetes else BackpropClassifier
    estimator = kind(max_iter=3, random_state=0).fit(X, y)
    network = NetworkDisplay.from_estimator(estimator, x=X.iloc[0])
    assert [len(shown) for shown in network.shown_[1:3]] == [15, 15]
    assert_readable(network.figure_, network.labels_)
    for layer in range(3):
        weights = WeightsDisplay.from_estimator(estimator, layer=layer)
        assert_readable(weights.figure_, weights.ax_.get_xticklabels())
        assert_readable(weights.figure_, weights.ax_.get_yticklabels())
    for display in (LossCurveDisplay, WeightImportanceDisplay):
        drawn = display.from_estimator(estimator)
        assert_readable(drawn.figure_, texts_of(drawn.ax_))


@pytest.mark.parametrize(
    "draw",
    [
        LossCurveDisplay.from_estimator,
        NetworkDisplay.from_estimator,
        WeightsDisplay.from_estimator,
        WeightImportanceDisplay.from_estimator,
        lambda clf: lek_profile(clf, np.zeros((1, 7)), n_steps=2).plot(),
    ],
)
def test_needs_matplotlib(draw, monkeypatch):
    X, y = load_wheat_seeds(return_X_y=True)
    clf = BackpropClassifier((2,), max_iter=1, tol=None).fit(X, y)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"skbackprop\[plot\]"):
        draw(clf)


def test_profile_needs_pandas(monkeypatch, seeds):
    clf, data = seeds
    profile = lek_profile(clf, data, n_steps=2)
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"skbackprop\[pandas\]"):
        profile.to_frame()


# ---- Names ----


@pytest.fixture(scope="module")
def named():
    """A network whose inputs and classes have names that are hard to draw."""
    names = list(NAMES)
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(40, len(names))), columns=names)
    y = np.array(names, dtype=object)[np.arange(40) % len(names)]
    return BackpropClassifier((3,), max_iter=2, tol=None, random_state=0).fit(X, y), X


def drawn_texts(figure):
    """The texts in a picture as they are drawn."""
    figure.canvas.draw()  # which raises what matplotlib finds wrong with them
    return [text.get_text() for text in figure.findobj(mpl.text.Text) if text.get_visible()]


PICTURES = {
    "network": lambda clf, X: NetworkDisplay.from_estimator(clf, x=X.iloc[0]),
    "first weights": lambda clf, X: WeightsDisplay.from_estimator(clf),
    "last weights": lambda clf, X: WeightsDisplay.from_estimator(clf, layer=1),
    "bars": lambda clf, X: WeightImportanceDisplay.from_estimator(clf),
}


@pytest.mark.parametrize("usetex", [False, True])
@pytest.mark.parametrize("picture", PICTURES)
def test_names_are_drawn_as_they_are(named, picture, usetex):
    clf, X = named
    with mpl.rc_context({"text.usetex": usetex}):
        display = PICTURES[picture](clf, X)
        drawn = [
            text
            for text in display.figure_.findobj(mpl.text.Text)
            if text.get_text().partition(": ")[0] in NAMES.values()
        ]
    assert {text.get_text().partition(": ")[0] for text in drawn} == set(NAMES.values())
    assert not any(text.get_parse_math() or text.get_usetex() for text in drawn)
    if not usetex:
        drawn_texts(display.figure_)


@pytest.mark.parametrize("name", NAMES)
def test_a_name_in_a_title_or_a_legend_is_drawn_as_it_is(named, name):
    clf, X = named
    shown, short = NAMES[name], _utils.shown(name, 40)
    bars = WeightImportanceDisplay.from_estimator(clf, output=name)
    assert f"connection weights (Olden), output {shown}" in drawn_texts(bars.figure_)
    profile = lek_profile(clf, X, features=[name, "_x"], quantiles=[0.5], n_steps=3)
    found = drawn_texts(profile.plot(output=name))
    assert _utils.shown(name, 30) in found and f"response: {shown}" in found
    one = LossCurveDisplay.from_estimator(clf, name=name, second_axis="learning_rate")
    legend = [text.get_text() for text in one.ax_.get_legend().get_texts()]
    assert legend == [short, f"{short}, best: epoch 1", f"learning rate, {short}"]
    drawn_texts(one.figure_)
    two = LossCurveDisplay.from_estimators({name: clf, "b": clf}, panels=True)
    assert [ax.get_title() for ax in two.ax_] == [short, "b"]
    drawn_texts(two.figure_)


def test_a_long_name_loses_its_middle():
    assert [_utils.shown("abcdefgh", longest) for longest in (8, 7, 6, 5)] == [
        "abcdefgh", "abc…fgh", "ab…gh", "ab…gh",
    ]  # fmt: skip


def test_names_of_activations_are_drawn_as_they_are(seeds):
    square = Activation("$z^2", np.square, lambda z: 2 * z, of="input")
    clf = BackpropClassifier((3,), activation=square, max_iter=1, tol=None)
    display = NetworkDisplay.from_estimator(clf.fit(seeds[1], np.arange(210) % 3))
    assert "hidden 1\n$z^2" in drawn_texts(display.figure_)


def test_a_legend_keeps_what_is_in_the_axes(seeds):
    _, ax = plt.subplots()
    ax.plot([0, 1], [1, 0], label="theirs")
    ax.plot([0, 1], [1, 1], label="_hidden")
    LossCurveDisplay.from_estimator(seeds[0], name="ours", ax=ax, mark_best=False)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["theirs", "ours"]
