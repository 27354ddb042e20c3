"""LossCurveDisplay: how the loss fell, epoch by epoch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from .._training.history import best_row
from ._utils import (
    VERBATIM,
    check_network,
    check_option,
    draw_legend,
    import_pyplot,
    new_axes,
    shown,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from typing_extensions import Self

    from .._base import BaseBackprop

# Of a name in a legend, and of its entries where two stand side by side.
_LETTERS = 40
_LABELS = {
    "learning_rate": "learning rate",
    "validation_score": "validation score",
    "sum_squared_error": "sum of squared errors",
    "seconds": "seconds per epoch",
}


class LossCurveDisplay:
    """The loss over the epochs of one or several trainings.

    Use `from_estimator` or `from_estimators` to make one.

    Parameters
    ----------
    histories : list of dict
        For each training its `history_`: lists of equal length, "epoch" and "loss" among
        them. "validation_loss" is drawn where it is there and holds numbers.
    names : list of str or None, default=None
        A name for each training; None for a single one that needs none.

    Attributes
    ----------
    best_epochs_ : list of int
        The epoch of each training that is marked, None where nothing was measured: that of
        the highest validation score and, among equal scores, of the smallest validation
        loss; without scores that of the smallest validation loss, else of the smallest
        training loss. NaN is worse than any number.
    ax_ : matplotlib Axes or list of Axes
        The axes with the curves; a list with ``panels=True``.
    second_ax_ : matplotlib Axes, list of Axes or None
        The axes to the right, if they were asked for.
    figure_ : matplotlib Figure
        The figure that holds them.

    Examples
    --------
    >>> from skbackprop import BackpropClassifier
    >>> from skbackprop.datasets import load_wheat_seeds
    >>> from skbackprop.inspection import LossCurveDisplay
    >>> X, y = load_wheat_seeds(return_X_y=True)
    >>> clf = BackpropClassifier((5,), max_iter=20, random_state=0).fit(X, y)
    >>> display = LossCurveDisplay.from_estimator(clf)
    >>> display.ax_.get_xlabel()
    'epoch'
    """

    def __init__(
        self,
        histories: Sequence[Mapping[str, Sequence[float]]],
        names: Sequence[str] | None = None,
    ) -> None:
        self.histories = histories
        self.names = names

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseBackprop,
        *,
        name: str | None = None,
        ax: Axes | None = None,
        second_axis: str | None = "auto",
        mark_best: bool = True,
        yscale: Literal["linear", "log"] = "linear",
    ) -> Self:
        """Draw the training of one network.

        Parameters
        ----------
        estimator : BackpropClassifier or BackpropRegressor
            A fitted network.
        name : str, default=None
            Stands in the legend.
        ax : matplotlib Axes, default=None
            Where to draw; None makes a new figure.
        second_axis, mark_best, yscale
            As in `plot`.

        Returns
        -------
        display : LossCurveDisplay
        """
        check_network(estimator)
        names = None if name is None else [str(name)]
        display = cls([estimator.history_], names)
        return display.plot(ax, second_axis=second_axis, mark_best=mark_best, yscale=yscale)

    @classmethod
    def from_estimators(
        cls,
        estimators: Iterable[BaseBackprop] | Mapping[str, BaseBackprop],
        *,
        names: Sequence[str] | None = None,
        ax: Axes | Sequence[Axes] | None = None,
        second_axis: str | None = "auto",
        mark_best: bool = True,
        yscale: Literal["linear", "log"] = "linear",
        panels: bool = False,
    ) -> Self:
        """Draw the trainings of several networks beside each other.

        Parameters
        ----------
        estimators : dict or sequence of BackpropClassifier or BackpropRegressor
            The fitted networks, or a name for each as the keys of a dict.
        names : sequence of str, default=None
            A name for each of a sequence; None numbers them.
        ax : matplotlib Axes or sequence of Axes, default=None
            Where to draw; a sequence with ``panels=True``. None makes a new figure.
        second_axis, mark_best, yscale, panels
            As in `plot`.

        Returns
        -------
        display : LossCurveDisplay
        """
        if isinstance(estimators, Mapping):
            names, estimators = list(estimators), estimators.values()
        histories = []
        for estimator in estimators:
            check_network(estimator)
            histories.append(estimator.history_)
        if not histories:
            raise ValueError("estimators must hold at least one fitted network. Got none.")
        names = [str(name) for name in (range(len(histories)) if names is None else names)]
        if len(names) != len(histories):
            raise ValueError(
                f"names must hold {len(histories)} names, one per estimator. Got {names}."
            )
        return cls(histories, names).plot(
            ax, second_axis=second_axis, mark_best=mark_best, yscale=yscale, panels=panels
        )

    def plot(
        self,
        ax: Axes | Sequence[Axes] | None = None,
        *,
        second_axis: str | None = "auto",
        mark_best: bool = True,
        yscale: Literal["linear", "log"] = "linear",
        panels: bool = False,
    ) -> Self:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes or sequence of Axes, default=None
            Where to draw; one per training with ``panels=True``. None makes a new figure.
        second_axis : {"auto", None, "learning_rate", "validation_score", \
                "sum_squared_error", "seconds"}, default="auto"
            A column of the histories to draw as well, dotted, on an axis to the right.
            "auto" draws the validation scores, which decide where they were measured.
        mark_best : bool, default=True
            Whether to mark the best epoch of each training, on the curve that decides: the
            validation scores if they are drawn, else the validation losses, else the
            training losses.
        yscale : {"linear", "log"}, default="linear"
            The scale of the losses.
        panels : bool, default=False
            Whether each training gets a panel of its own, side by side with the same
            scale, instead of a color of its own.

        Returns
        -------
        display : LossCurveDisplay
            This object, with `ax_` and the others set.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If an argument is not one of the values above, or if the column `second_axis`
            was not measured.
        """
        check_option("yscale", yscale, ("linear", "log"))
        second_axis = self._resolve_second_axis(second_axis)
        all_axes = self._axes(ax, panels)
        apart = list(dict.fromkeys(all_axes))
        twins = {axes: axes.twinx() for axes in apart} if second_axis else {}
        others = {line for axes in apart for line in axes.lines}
        rows = [best_row(history) for history in self.histories]
        self.best_epochs_ = [
            None if row is None else int(history["epoch"][row])
            for history, row in zip(self.histories, rows, strict=True)
        ]
        for number, axes in enumerate(all_axes):
            name = shown(self.names[number], _LETTERS) if self.names else None
            if panels and name is not None:
                axes.set_title(name, **VERBATIM)
                name = None
            self._draw(axes, number, name)
            if second_axis:
                self._draw_second(twins[axes], number, name, second_axis, panels)
            if mark_best and rows[number] is not None:
                self._mark(axes, twins.get(axes), number, rows[number], name, second_axis)
        for axes in apart:
            axes.set(xlabel="epoch", ylabel="loss", yscale=yscale)
            _legend(axes, twins.get(axes), others, n_columns=1 if panels else 2)
        # Side by side, the outer labels say it for all.
        for inner in (*apart[1:], *list(twins.values())[:-1]):
            inner.set_ylabel("")
        self.ax_ = apart if panels else apart[0]
        self.second_ax_ = None
        if second_axis:
            self.second_ax_ = list(twins.values()) if panels else twins[self.ax_]
        self.figure_ = apart[0].figure
        return self

    def _resolve_second_axis(self, second_axis):
        """Return the column to draw on the right, or None."""
        check_option("second_axis", second_axis, ("auto", None, *_LABELS))
        if second_axis == "auto":
            scored = all(_is_measured(each, "validation_score") for each in self.histories)
            return "validation_score" if scored else None
        for history in self.histories:
            if second_axis is not None and not _is_measured(history, second_axis):
                measured = [name for name in _LABELS if _is_measured(history, name)]
                raise ValueError(
                    "second_axis must be a column that was measured in every training. One "
                    f"has {measured}. Got {second_axis!r}."
                )
        return second_axis

    def _axes(self, ax, panels):
        """The axes of each training."""
        n = len(self.histories)
        if not panels:
            return [new_axes("LossCurveDisplay", ax)] * n
        if ax is None:
            pyplot = import_pyplot("LossCurveDisplay")
            size = (max(4.8, 3.2 * n), 3.6)
            _, ax = pyplot.subplots(
                1, n, figsize=size, sharey=True, squeeze=False, layout="constrained"
            )
        all_axes = list(np.ravel(ax))
        if len(all_axes) != n:
            raise ValueError(f"ax must hold {n} axes, one per training. Got {len(all_axes)}.")
        return all_axes

    def _draw(self, axes, number, name):
        """The losses of one training."""
        history, color = self.histories[number], f"C{number}"
        prefix = "" if name is None else f"{name}, "
        epochs = history["epoch"]
        validated = _is_measured(history, "validation_loss")
        label = f"{prefix}training" if validated or name is None else name
        axes.plot(epochs, _column(history, "loss"), color=color, label=label)
        if validated:
            losses = _column(history, "validation_loss")
            axes.plot(epochs, losses, "--", color=color, label=f"{prefix}validation")

    def _mark(self, axes, twin, number, row, name, second_axis):
        """A circle at the best epoch of one training, on the curve that decides."""
        history, epoch = self.histories[number], self.best_epochs_[number]
        scored = _is_measured(history, "validation_score")
        if scored and second_axis == "validation_score":
            axes, column = twin, "validation_score"
        else:
            validated = _is_measured(history, "validation_loss")
            column = "validation_loss" if validated else "loss"
        what = "best score" if scored else "best"
        prefix = "" if name is None else f"{name}, "
        axes.plot(
            [epoch], [_column(history, column)[row]], "o", color=f"C{number}",
            markerfacecolor="white", zorder=3, label=f"{prefix}{what}: epoch {epoch}",
        )  # fmt: skip

    def _draw_second(self, twin, number, name, column, panels):
        """Another column of one training, dotted; gray where no color tells it apart."""
        history, label = self.histories[number], _LABELS[column]
        one = panels or len(self.histories) == 1
        twin.plot(
            history["epoch"],
            _column(history, column),
            ":",
            color="C7" if one else f"C{number}",
            label=label if name is None else f"{label}, {name}",
        )
        twin.set_ylabel(label)
        if column == "learning_rate":
            twin.set_ylim(bottom=0)


def _column(history, name):
    """A column as floats; an epoch without an entry is NaN."""
    return np.array(history[name], dtype=np.float64)


def _is_measured(history, name):
    """Whether a column is there and holds a number."""
    return name in history and bool(np.isfinite(_column(history, name)).any())


def _legend(axes, twin, others, n_columns):
    """The legend of an axes and its twin: of what is drawn here, and of other lines there."""
    entries = []
    for each in (axes,) if twin is None else (axes, twin):
        own = [line for line in each.lines if line not in others]
        labelled = zip(*each.get_legend_handles_labels(), strict=True)
        entries += [entry for entry in labelled if entry[0] not in own]
        entries += [(line, line.get_label()) for line in own]
    below = {}
    if twin is not None:
        # Two scales leave no corner that is surely free: below the label of the epochs.
        fit = max(len(name) for _, name in entries) <= _LETTERS
        below = {
            "loc": "upper center", "bbox_to_anchor": (0.5, 0), "borderaxespad": 4,
            "ncols": n_columns if fit else 1,
        }  # fmt: skip
    draw_legend(axes, entries, **below)
