"""WeightsDisplay: the weights of a layer as a heat map, or as images."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .._parameters import check_integer
from ._utils import VERBATIM, check_network, neuron_names, new_axes, shown, weights_and_biases

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from typing_extensions import Self

    from .._base import BaseBackprop
    from .._typing import Array, Units

# Up to how many cells their numbers are written, and how many labels an axis takes.
_WRITTEN_CELLS = 120
_LABELS = 32
# Pixels between images; the inches of an image, and of a letter of a label.
_GAP = 1
_TILE = 1.0
_LETTER = 0.09


class WeightsDisplay:
    """The weights of one layer as colors: blue is positive, red negative, white zero.

    Use `from_estimator` to make one.

    Parameters
    ----------
    weights : ndarray of shape (n_in, n_out)
        A row per input of the layer, a column per neuron.
    sources : list of str
        The names of the rows.
    neurons : list of str
        The names of the columns.
    image_shape : (int, int), default=None
        The height and width of the images that the inputs are the pixels of. Each neuron is
        then drawn as an image of its weights. None draws a heat map.

    Attributes
    ----------
    image_ : matplotlib AxesImage
        The heat map, or the images, side by side in one.
    labels_ : list of matplotlib Text
        The numbers in the cells, or the names above the images.
    ax_ : matplotlib Axes
        The axes with the picture.
    figure_ : matplotlib Figure
        The figure that holds them.

    Examples
    --------
    >>> from skbackprop import BackpropClassifier
    >>> from skbackprop.datasets import load_wheat_seeds
    >>> from skbackprop.inspection import WeightsDisplay
    >>> X, y = load_wheat_seeds(return_X_y=True)
    >>> clf = BackpropClassifier((5,), max_iter=20, random_state=0).fit(X, y)
    >>> display = WeightsDisplay.from_estimator(clf)
    >>> display.image_.get_array().shape
    (7, 5)
    """

    def __init__(
        self,
        weights: Array,
        sources: Sequence[str],
        neurons: Sequence[str],
        image_shape: tuple[int, int] | None = None,
    ) -> None:
        self.weights = weights
        self.sources = sources
        self.neurons = neurons
        self.image_shape = image_shape

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseBackprop,
        *,
        layer: int = 0,
        image_shape: tuple[int, int] | None = None,
        feature_names: Sequence[str] | None = None,
        output_names: Sequence[str] | None = None,
        units: Units = "training",
        max_images: int = 40,
        cmap: Any = "RdBu",
        ax: Axes | None = None,
    ) -> Self:
        """Draw the weights of one layer of a fitted network.

        Parameters
        ----------
        estimator : BackpropClassifier or BackpropRegressor
            A fitted network.
        layer : int, default=0
            0 is the first layer of weights, -1 the last.
        image_shape : (int, int), default=None
            For the first layer of a network on images: their height and width in pixels.
        feature_names : sequence of str, default=None
            The names of the inputs; None takes `feature_names_in_`, or x0, x1, ...
        output_names : sequence of str, default=None
            The names of the outputs; None takes the classes, or y0, y1, ...
        units : {"training", "raw"}, default="training"
            Whether the initial weights are those on standardized inputs, where the estimator
            standardizes, so that they can be compared; or those of `coefs_`.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        max_images, cmap
            As in `plot`.

        Returns
        -------
        display : WeightsDisplay

        Raises
        ------
        ValueError
            If there is no such layer, or if `image_shape` does not fit the inputs.
        """
        check_network(estimator)
        n_layers = estimator.n_layers_ - 1
        layer = check_integer("layer", layer, -n_layers, n_layers - 1) % n_layers
        if image_shape is not None and layer != 0:
            raise ValueError(f"image_shape is for the first layer, 0. Got layer={layer}.")
        weights, _ = weights_and_biases(estimator, units)
        names = neuron_names(estimator, feature_names, output_names)
        display = cls(weights[layer], names[layer], names[layer + 1], image_shape)
        return display.plot(ax, max_images=max_images, cmap=cmap)

    def plot(self, ax: Axes | None = None, *, max_images: int = 40, cmap: Any = "RdBu") -> Self:
        """Draw the weights.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure, as large as the layer asks for.
        max_images : int >= 1, default=40
            How many neurons are drawn as images at most; the others are counted.
        cmap : str or Colormap, default="RdBu"
            Colors, from the most negative to the most positive weight; zero is the middle.

        Returns
        -------
        display : WeightsDisplay
            This object, with `ax_` and the others set.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If `max_images` is not as described, or `image_shape` does not fit the inputs.
        """
        max_images = check_integer("max_images", max_images, 1)
        limit = float(np.abs(self.weights).max()) or 1.0
        style = {"cmap": cmap, "vmin": -limit, "vmax": limit}
        draw = self._heat_map if self.image_shape is None else self._images
        self.labels_: list[Any] = []
        draw(ax, max_images, style)
        self.figure_ = self.ax_.figure
        self.figure_.colorbar(self.image_, ax=self.ax_, label="weight")
        return self

    # ---- A heat map ----

    def _heat_map(self, ax, max_images, style):
        n_in, n_out = self.weights.shape
        written = n_in * n_out <= _WRITTEN_CELLS
        cell = (0.55, 0.36) if written else (0.2, 0.2)
        sources = [shown(name) for name in self.sources]
        longest = max(map(len, sources))
        figsize = (
            np.clip(cell[0] * n_out + 1.8 + 0.08 * longest, 3.6, 12),
            np.clip(cell[1] * n_in + 1.0, 2.4, 10),
        )
        given = ax is not None
        self.ax_ = ax = new_axes("WeightsDisplay", ax, figsize)
        self.image_ = ax.imshow(self.weights, aspect="auto", **style)
        ticks = _ticks(n_out)
        names = [shown(self.neurons[j]) for j in ticks]
        longest = max(map(len, names))
        # The color bar will take its share of the width, in inches.
        width = 0.75 * ax.get_position().width * ax.figure.get_figwidth() / len(ticks)
        level = longest * _LETTER < width
        if not level and not given:
            ax.figure.set_figheight(ax.figure.get_figheight() + _LETTER * max(0, longest - 10))
        ax.set_xticks(ticks, names, rotation=0 if level else 90, fontsize=8, **VERBATIM)
        ticks = _ticks(n_in)
        ax.set_yticks(ticks, [sources[i] for i in ticks], fontsize=8, **VERBATIM)
        ax.set(xlabel="to neuron", ylabel="from")
        if written:
            self.labels_ = [self._number(i, j) for i, j in np.ndindex(n_in, n_out)]

    def _number(self, i, j):
        weight = self.weights[i, j]
        strong = abs(weight) > 0.6 * self.image_.norm.vmax
        return self.ax_.text(
            j, i, f"{weight:.2g}", ha="center", va="center", fontsize=8,
            color="white" if strong else "black",
        )  # fmt: skip

    # ---- Images ----

    def _images(self, ax, max_images, style):
        n_in, n_out = self.weights.shape
        height, width = _check_shape(self.image_shape)
        if height * width != n_in:
            raise ValueError(
                f"image_shape must have height * width = {n_in}, the number of inputs. "
                f"Got {self.image_shape}."
            )
        n_shown = min(n_out, max_images)
        n_columns = int(np.ceil(np.sqrt(1.6 * n_shown)))
        n_rows = -(-n_shown // n_columns)
        # Room above each image for its name.
        above = max(2, round(0.3 * height))
        montage = np.full(
            (n_rows * (height + above), n_columns * (width + _GAP) - _GAP), np.nan
        )
        tall = _TILE * (height + above) / (width + _GAP)
        figsize = (_TILE * n_columns + 1.4, tall * n_rows + 0.4)
        self.ax_ = ax = new_axes("WeightsDisplay", ax, figsize)
        for j in range(n_shown):
            row, column = divmod(j, n_columns)
            top, left = row * (height + above) + above, column * (width + _GAP)
            image = self.weights[:, j].reshape(height, width)
            montage[top : top + height, left : left + width] = image
            self._name(shown(self.neurons[j]), left + (width - 1) / 2, top - 0.8)
        self.image_ = ax.imshow(np.ma.masked_invalid(montage), **style)
        ax.set_axis_off()
        if n_shown < n_out:
            self._name(
                f"and {n_out - n_shown} more neurons",
                (montage.shape[1] - 1) / 2,
                len(montage) + above - 0.8,
            )

    def _name(self, text, x, y):
        style = {"ha": "center", "va": "bottom", "fontsize": 8, **VERBATIM}
        self.labels_.append(self.ax_.text(x, y, text, **style))


def _check_shape(image_shape):
    """The height and the width of an image."""
    try:
        height, width = image_shape
    except (TypeError, ValueError):
        raise ValueError(
            f"image_shape must be (height, width) or None. Got {image_shape!r}."
        ) from None
    return (
        check_integer("The height in image_shape", height, 1),
        check_integer("The width in image_shape", width, 1),
    )


def _ticks(n):
    """Every position, or every so many that the labels do not touch."""
    return list(range(0, n, -(-n // _LABELS)))
