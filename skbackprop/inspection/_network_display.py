"""NetworkDisplay: the neurons and their connections as a picture."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .._parameters import check_integer
from ._utils import (
    VERBATIM,
    both_classes,
    check_names,
    check_row,
    neuron_names,
    new_axes,
    shown,
    weights_and_biases,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from typing_extensions import Self

    from .._base import BaseBackprop
    from .._typing import Array, Rows, Units

# Inches; and the widths of the thinnest and the thickest connection in points.
_ROW, _COLUMN, _LONGEST = 0.3, 1.7, 11.0
_THIN, _THICK = 0.15, 3.0
_POSITIVE, _NEGATIVE = "#2166ac", "#b2182b"
# The rows up to which numbers are written between the connections, beside hidden neurons.
_WRITTEN_ROWS = 24


class NetworkDisplay:
    """A fitted network as a drawing: a column of neurons per layer, a line per weight.

    A line is the wider and the stronger in color, the larger its weight is compared with the
    largest of its layer; blue is positive, red negative. Of large layers only the strongest
    neurons and weights are drawn, and the others are counted. The strength of a neuron is the
    sum, over all paths from the inputs to the outputs that lead through it, of the product of
    the absolute weights.

    Use `from_estimator` to make one.

    Parameters
    ----------
    weights : list of ndarrays of shape (n_in, n_out)
        The weights of each layer.
    names : list of lists of str
        The names of the neurons of each layer, the inputs first.
    layer_titles : list of str
        What stands above each column.
    activations : list of ndarrays of shape (n_neurons,), default=None
        What each neuron answers to one row, the inputs first; None to show none.

    Attributes
    ----------
    neurons_ : list of matplotlib PathCollection
        The circles of each layer.
    connections_ : list of matplotlib LineCollection
        The lines between each layer and the next.
    labels_ : list of matplotlib Text
        The names, numbers and titles, and how much is not drawn.
    shown_ : list of lists of int
        The neurons of each layer that are shown.
    ax_ : matplotlib Axes
        The axes with the picture.
    figure_ : matplotlib Figure
        The figure that holds them.

    Examples
    --------
    >>> from skbackprop import BackpropClassifier
    >>> from skbackprop.datasets import load_wheat_seeds
    >>> from skbackprop.inspection import NetworkDisplay
    >>> X, y = load_wheat_seeds(return_X_y=True)
    >>> clf = BackpropClassifier((5,), max_iter=20, random_state=0).fit(X, y)
    >>> display = NetworkDisplay.from_estimator(clf, x=X[0])
    >>> [len(lines.get_segments()) for lines in display.connections_]
    [35, 15]
    """

    def __init__(
        self,
        weights: Sequence[Array],
        names: Sequence[Sequence[str]],
        layer_titles: Sequence[str],
        activations: Sequence[Array] | None = None,
    ) -> None:
        self.weights = weights
        self.names = names
        self.layer_titles = layer_titles
        self.activations = activations

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseBackprop,
        *,
        x: Rows | None = None,
        feature_names: Sequence[str] | None = None,
        output_names: Sequence[str] | None = None,
        units: Units = "training",
        max_neurons: int = 16,
        max_connections: int | None = 60,
        title: str | None = None,
        ax: Axes | None = None,
    ) -> Self:
        """Draw a fitted network.

        Parameters
        ----------
        estimator : BackpropClassifier or BackpropRegressor
            A fitted network.
        x : array-like of shape (n_features,) or (1, n_features), default=None
            A row, in the units of the training data. The neurons are then filled by what
            they answer to it: the darker, the higher in their layer. The numbers are
            written beside them, and beside hidden neurons if there are at most 24 rows.
        feature_names : sequence of str, default=None
            The names of the inputs; None takes `feature_names_in_`, or x0, x1, ...
        output_names : sequence of str, default=None
            The names of the outputs; None takes the classes, or y0, y1, ... The output for
            two classes names both: "yes (else no)".
        units : {"training", "raw"}, default="training"
            Whether the weights of the first layer are those on standardized inputs, where the
            estimator standardizes, so that they can be compared; or those of `coefs_`.
        max_neurons, max_connections, title
            As in `plot`.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        display : NetworkDisplay
        """
        weights, _ = weights_and_biases(estimator, units)
        names = neuron_names(estimator, feature_names, output_names)
        network = estimator._network
        functions = [row.name for row in network.hidden]
        titles = ["inputs"]
        titles += [f"hidden {k}\n{shown(name)}" for k, name in enumerate(functions, 1)]
        titles += [f"outputs\n{shown(network.output_activation)}"]
        activations = None if x is None else _activations(estimator, x)
        if output_names is None:
            names[-1] = both_classes(estimator) or names[-1]
        display = cls(weights, names, titles, activations)
        return display.plot(
            ax, max_neurons=max_neurons, max_connections=max_connections, title=title
        )

    def plot(
        self,
        ax: Axes | None = None,
        *,
        max_neurons: int = 16,
        max_connections: int | None = 60,
        title: str | None = None,
    ) -> Self:
        """Draw the network.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure, as large as the network asks for.
        max_neurons : int >= 3, default=16
            The rows of the picture. Of a layer with more neurons the strongest are drawn, and
            a note counts the others.
        max_connections : int >= 1 or None, default=60
            How many weights are drawn at most between two layers, the largest; a note says of
            how many. None draws those of all neurons that are drawn.
        title : str, default=None
            The title of the picture.

        Returns
        -------
        display : NetworkDisplay
            This object, with `ax_` and the others set.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If `max_neurons` or `max_connections` is not as described, or the names do not fit
            the weights.
        """
        max_neurons = check_integer("max_neurons", max_neurons, 3)
        if max_connections is not None:
            max_connections = check_integer("max_connections", max_connections, 1, or_none=True)
        sizes = [len(self.weights[0]), *(w.shape[1] for w in self.weights)]
        for names, size in zip(self.names, sizes, strict=True):
            check_names("names", names, size)
        self.shown_, places = _places(_strengths(self.weights), max_neurons)
        n_rows = max(min(size, max_neurons) for size in sizes)
        figsize = (
            1.8 + _COLUMN * len(self.weights) + 0.08 * self._longest_names(),
            min(max(_ROW * n_rows + 0.9, 3.2), _LONGEST),
        )
        self.ax_ = ax = new_axes("NetworkDisplay", ax, figsize)
        self.figure_ = ax.figure
        self.labels_: list[Any] = []
        self.connections_ = [
            ax.add_collection(_lines(w, self.shown_, places, layer, max_connections))
            for layer, w in enumerate(self.weights)
        ]
        self.neurons_ = [
            self._circles(layer, places[layer], n_rows) for layer in range(len(sizes))
        ]
        for layer, size in enumerate(sizes):
            self._label(layer, size, places[layer], n_rows)
        for layer, lines in enumerate(self.connections_):
            self._count(layer, len(lines.get_paths()), n_rows)
        top = (n_rows - 1) / 2
        ax.set(xlim=(-0.1, len(sizes) - 0.9), ylim=(-top - 0.7, top + 0.7))
        ax.set_axis_off()
        self._explain_colors(ax)
        if title is not None:
            ax.set_title(title)
        return self

    def _longest_names(self):
        """The letters that the labels to the left and to the right take."""
        value = 8 if self.activations is not None else 0
        ends = self.names[0], self.names[-1]
        return sum(max(len(shown(name)) for name in names) + value for names in ends)

    def _circles(self, layer, ys, n_rows):
        style = {
            "s": _circle(n_rows) ** 2,
            "edgecolors": "black",
            "linewidths": 0.8,
            "zorder": 3,
        }
        xs = np.full(len(ys), layer)
        if self.activations is None:
            return self.ax_.scatter(xs, ys, c="white", **style)
        values = np.asarray(self.activations[layer], dtype=float)
        low, high = values.min(), values.max()
        if low == high:
            low, high = low - 0.5, high + 0.5
        return self.ax_.scatter(
            xs, ys, c=values[self.shown_[layer]], cmap="YlOrBr", vmin=low, vmax=high, **style
        )

    def _label(self, layer, size, ys, n_rows):
        """The names at both ends, the numbers, the title, and what is hidden."""
        first, last = layer == 0, layer == len(self.names) - 1
        for j, y in zip(self.shown_[layer], ys, strict=True):
            text = shown(self.names[layer][j]) if first or last else ""
            if self.activations is not None and (first or last or n_rows <= _WRITTEN_ROWS):
                number = f"{self.activations[layer][j]:.3g}"
                text = f"{text}: {number}" if text else number
            if not text:
                continue
            if first or last:
                offset, align = ((-11, 0), "right") if first else ((11, 0), "left")
                self._text(text, (layer, y), offset, ha=align, va="center")
            else:
                self._text(
                    text, (layer, y), (0.5 * _circle(n_rows) + 4, 0), ha="left", va="center",
                    fontsize=7, zorder=4,
                    bbox={"facecolor": "white", "alpha": 0.8, "linewidth": 0, "pad": 0.6},
                )  # fmt: skip
        if len(ys) < size:
            self._text(
                f"and {size - len(ys):,} weaker", (layer, ys[-1] - 1), (0, 0), ha="center",
                va="center", fontsize=8,
            )  # fmt: skip
        top = (n_rows - 1) / 2 + 0.5
        self._text(
            self.layer_titles[layer], (layer, top), (0, 4), ha="center", va="bottom",
            fontsize=9, weight="bold",
        )  # fmt: skip

    def _count(self, layer, n_drawn, n_rows):
        """Write how many of a layer's weights are drawn, if not all are."""
        if n_drawn < self.weights[layer].size:
            self._text(
                f"{n_drawn:,} of {self.weights[layer].size:,} weights",
                (layer + 0.5, -n_rows / 2), (0, -10), ha="center", va="center", fontsize=7,
            )  # fmt: skip

    def _text(self, text, point, offset, **style):
        style = {"fontsize": 9, "annotation_clip": False, **VERBATIM, **style}
        self.labels_.append(
            self.ax_.annotate(text, point, offset, textcoords="offset points", **style)
        )

    def _explain_colors(self, ax):
        from matplotlib.lines import Line2D

        handles = [
            Line2D([], [], color=color, linewidth=2, label=label)
            for color, label in ((_POSITIVE, "positive weight"), (_NEGATIVE, "negative weight"))
        ]
        ax.legend(
            handles=handles, loc="upper center", bbox_to_anchor=(0.5, -0.03), ncols=2,
            frameon=False, fontsize=8,
        )  # fmt: skip


def _activations(estimator, x):
    """The row, and what every layer answers to it, the outputs in the units of the targets."""
    row = check_row(estimator, x)
    outputs = [answer[0] for answer in estimator._forward(row)[1]]
    if estimator._scaling.targets is not None:
        outputs[-1] = estimator._scaling.targets.inverse_transform(outputs[-1])
    return [row[0], *outputs]


def _strengths(weights):
    """Return for each layer the absolute weights of all paths through each of its neurons."""
    absolute = [np.abs(w) for w in weights]
    forward = [np.ones(len(absolute[0]))]
    for w in absolute:
        forward.append(_scaled(forward[-1] @ w))
    backward = [np.ones(absolute[-1].shape[1])]
    for w in absolute[::-1]:
        backward.append(_scaled(w @ backward[-1]))
    return [ahead * behind for ahead, behind in zip(forward, backward[::-1], strict=True)]


def _scaled(strengths):
    """Return numbers whose order alone matters, so that they do not overflow."""
    return strengths / (strengths.max() or 1)


def _places(strengths, max_neurons):
    """Return the neurons of each layer that are drawn, in their order, and their heights."""
    shown, places = [], []
    for of_layer in strengths:
        size = len(of_layer)
        # One row is left for the note on the others.
        n_shown = size if size <= max_neurons else max_neurons - 1
        strongest = np.argsort(-of_layer, kind="stable")[:n_shown]
        shown.append(sorted(strongest.tolist()))
        places.append((min(size, max_neurons) - 1) / 2 - np.arange(n_shown))
    return shown, places


def _circle(n_rows):
    """The diameter of a neuron in points."""
    return np.interp(n_rows, [6, 30], [13.8, 7.7])


def _lines(weights, shown, places, layer, max_connections):
    """Return the largest weights between two layers as lines, the largest in front."""
    from matplotlib.collections import LineCollection
    from matplotlib.colors import to_rgba_array

    largest = np.abs(weights).max() or 1
    weights = weights[np.ix_(shown[layer], shown[layer + 1])]
    i, j = (index.ravel() for index in np.indices(weights.shape))
    strength = np.abs(weights).ravel() / largest
    order = np.argsort(strength, kind="stable")[-(max_connections or 0) :]
    i, j, strength = i[order], j[order], strength[order]
    starts = np.column_stack([np.full(len(i), layer), places[layer][i]])
    ends = np.column_stack([np.full(len(j), layer + 1), places[layer + 1][j]])
    colors = to_rgba_array(np.where(weights[i, j] >= 0, _POSITIVE, _NEGATIVE))
    colors[:, 3] = 0.12 + 0.88 * strength
    return LineCollection(
        np.stack([starts, ends], axis=1),
        colors=colors,
        linewidths=_THIN + (_THICK - _THIN) * strength,
        zorder=1,
    )
