"""WeightImportanceDisplay: which inputs matter, as bars."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from .._parameters import check_integer
from . import _utils
from ._importance import garson_importance, olden_importance

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from numpy.typing import ArrayLike
    from typing_extensions import Self

    from .._base import BaseBackprop
    from .._typing import Units

_METHODS = {"garson": garson_importance, "olden": olden_importance}
_TITLES = {"garson": "share of the weights (Garson)", "olden": "connection weights (Olden)"}
_POSITIVE, _NEGATIVE = "#2166ac", "#b2182b"


class WeightImportanceDisplay:
    """Bars of the importance of each input, the largest on top.

    Use `from_estimator` to make one.

    Parameters
    ----------
    importances : ndarray of shape (n_features,)
        A number per input; negative ones are drawn in red.
    feature_names : list of str
        The names of the inputs.
    label : str, default="importance"
        What the numbers are, written below the bars.

    Attributes
    ----------
    bars_ : matplotlib BarContainer
        The bars, from the most important to the least.
    order_ : ndarray of shape (n_shown,)
        The inputs in the order of the bars.
    ax_ : matplotlib Axes
        The axes with the bars.
    figure_ : matplotlib Figure
        The figure that holds them.

    Examples
    --------
    >>> from skbackprop import BackpropClassifier
    >>> from skbackprop.datasets import load_wheat_seeds
    >>> from skbackprop.inspection import WeightImportanceDisplay
    >>> X, y = load_wheat_seeds(return_X_y=True)
    >>> clf = BackpropClassifier((5,), max_iter=20, random_state=0).fit(X, y)
    >>> display = WeightImportanceDisplay.from_estimator(clf, method="olden", output=1)
    >>> len(display.bars_)
    7
    """

    def __init__(
        self, importances: ArrayLike, feature_names: Sequence[str], label: str = "importance"
    ) -> None:
        self.importances = importances
        self.feature_names = feature_names
        self.label = label

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseBackprop,
        *,
        method: Literal["olden", "garson"] = "olden",
        output: Any = None,
        units: Units = "training",
        feature_names: Sequence[str] | None = None,
        max_features: int = 20,
        ax: Axes | None = None,
    ) -> Self:
        """Compute the importances of a fitted network and draw them.

        Parameters
        ----------
        estimator : BackpropClassifier or BackpropRegressor
            A fitted network.
        method : {"olden", "garson"}, default="olden"
            `olden_importance`, for any network, or `garson_importance`, for networks with one
            hidden layer.
        output : label or int, default=None
            A class label of a classifier, or the number of a target of a regressor. None
            takes all outputs: of several, the mean of the absolute importances.
        units : {"training", "raw"}, default="training"
            As in the functions.
        feature_names : sequence of str, default=None
            The names of the inputs; None takes `feature_names_in_`, or x0, x1, ...
        max_features : int >= 1, default=20
            How many bars are drawn at most; the inputs beyond are counted.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.

        Returns
        -------
        display : WeightImportanceDisplay
        """
        _utils.check_network(estimator)
        _utils.check_option("method", method, tuple(_METHODS))
        importances = _METHODS[method](estimator, output=output, units=units)
        label = _TITLES[method]
        if output is not None:
            index = _utils.output_index(estimator, output)
            label += f", output {_utils.shown(_utils.output_names(estimator)[index])}"
        if importances.ndim == 2:
            importances = np.abs(importances).mean(axis=0)
            label = f"mean over outputs of |{label}|" if method == "olden" else label
        names = _utils.column_names(estimator, feature_names)
        both = _utils.both_classes(estimator)
        if method == "olden" and both:
            no, yes = (_utils.shown(name, 24) for name in estimator.classes_)
            label = f"\N{LEFTWARDS ARROW} {no}    {label}    {yes} \N{RIGHTWARDS ARROW}"
        return cls(importances, names, label).plot(ax, max_features=max_features)

    def plot(self, ax: Axes | None = None, *, max_features: int = 20) -> Self:
        """Draw the bars.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        max_features : int >= 1, default=20
            How many bars are drawn at most; the inputs beyond are counted.

        Returns
        -------
        display : WeightImportanceDisplay
            This object, with `ax_` and the others set.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If `max_features` is not as described, or the names do not fit the numbers.
        """
        max_features = check_integer("max_features", max_features, 1)
        importances = np.asarray(self.importances)
        names = _utils.check_names("feature_names", self.feature_names, len(importances))
        order = np.argsort(-np.abs(importances), kind="stable")[:max_features]
        hidden = len(importances) - len(order)
        ticks = [_utils.shown(names[i]) for i in order] + [f"and {hidden} more"] * bool(hidden)
        longest = max(map(len, ticks))
        figsize = (6.4 + 0.08 * max(0, longest - 30), np.clip(0.28 * len(ticks) + 1.0, 2.2, 10))
        self.ax_ = ax = _utils.new_axes("WeightImportanceDisplay", ax, figsize)
        self.figure_ = ax.figure
        self.order_ = order
        colors = np.where(importances[order] < 0, _NEGATIVE, _POSITIVE)
        self.bars_ = ax.barh(range(len(order)), importances[order], color=colors)
        ax.set_yticks(range(len(ticks)), ticks, **_utils.VERBATIM)
        ax.set_ylim(len(ticks) - 0.4, -0.6)
        ax.axvline(0, color="black", linewidth=0.8)
        ax.set_xlabel(self.label, **_utils.VERBATIM)
        return self
