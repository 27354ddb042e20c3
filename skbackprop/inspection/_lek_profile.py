"""How the answer of a network changes with one input, the others held still."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import is_classifier
from sklearn.cluster import KMeans
from sklearn.utils import check_array
from sklearn.utils.validation import check_is_fitted

from .._parameters import Interval, check_integer
from ._utils import VERBATIM, import_pandas, import_pyplot, shown

if TYPE_CHECKING:
    import pandas
    from matplotlib.figure import Figure

    from .._typing import Rows, Seed

# Inches.
_PANEL = (2.3, 2.1)
_PANELS_PER_ROW = 4
_NARROWEST = 5.0
# Of a name below a panel.
_LETTERS = 30


@dataclass(frozen=True, eq=False)
class LekProfile:
    """Response curves by Lek's profile method; see `lek_profile`.

    Attributes
    ----------
    features : list of str
        The inputs that were moved.
    values : ndarray of shape (n_profiled, n_steps)
        Where each of them was put, in the units of `X`.
    group_names : list of str
        What the other inputs were held at: "quantile 0.2", or "cluster 0 (35 rows)".
    groups : ndarray of shape (n_groups, n_features)
        The numbers they were held at, one row per group.
    outputs : list of str
        The names of the responses: the classes, or the targets.
    responses : ndarray of shape (n_profiled, n_groups, n_steps, n_outputs)
        The predicted probabilities of a classifier, the predictions of a regressor.
    """

    features: list[str]
    values: np.ndarray
    group_names: list[str]
    groups: np.ndarray
    outputs: list[str]
    responses: np.ndarray

    def to_frame(self) -> pandas.DataFrame:
        """The curves as a tidy table.

        Returns
        -------
        frame : pandas.DataFrame
            A row per point, with the columns feature, group, output, value and response.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        pandas = import_pandas("LekProfile.to_frame")
        n_profiled, n_groups, n_steps, n_outputs = self.responses.shape
        index = pandas.MultiIndex.from_product(
            [self.features, self.group_names, self.outputs, range(n_steps)],
            names=["feature", "group", "output", "step"],
        )
        frame = index.to_frame(index=False).drop(columns="step")
        values = np.broadcast_to(
            self.values[:, None, None, :], (n_profiled, n_groups, n_outputs, n_steps)
        )
        frame["value"] = values.ravel()
        frame["response"] = np.moveaxis(self.responses, 3, 2).ravel()
        return frame

    def plot(self, *, output: Any = None) -> Figure:
        """A panel per input, a curve per group.

        Parameters
        ----------
        output : str, default=None
            The name of the response that is drawn, one of `outputs`; None is the last.

        Returns
        -------
        figure : matplotlib.figure.Figure

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        ValueError
            If there is no such output.
        """
        pyplot = import_pyplot("LekProfile.plot")
        output = self.outputs[-1] if output is None else str(output)
        if output not in self.outputs:
            raise ValueError(f"output must be None or one of {self.outputs}. Got {output!r}.")
        k = self.outputs.index(output)
        n_columns = min(len(self.features), _PANELS_PER_ROW)
        n_rows = -(-len(self.features) // n_columns)
        width = max(_PANEL[0] * n_columns, _NARROWEST)
        figure, axes = pyplot.subplots(
            n_rows,
            n_columns,
            figsize=(width, _PANEL[1] * n_rows + 0.6),
            sharey=True,
            squeeze=False,
            layout="constrained",
        )
        colors = pyplot.get_cmap("viridis")(np.linspace(0, 0.9, len(self.group_names)))
        for i, ax in enumerate(axes.flat):
            if i >= len(self.features):
                ax.set_axis_off()
                continue
            for g, name in enumerate(self.group_names):
                curve = self.responses[i, g, :, k]
                ax.plot(self.values[i], curve, color=colors[g], label=name)
            ax.set_xlabel(shown(self.features[i], _LETTERS), **VERBATIM)
        figure.supylabel(f"response: {shown(output)}", fontsize="medium", **VERBATIM)
        handles, labels = axes[0, 0].get_legend_handles_labels()
        entry = 0.7 + 0.09 * max(map(len, labels))
        figure.legend(
            handles,
            labels,
            title="others held at",
            loc="outside upper center",
            ncols=max(1, int(width / entry)),
        )
        return figure


def lek_profile(
    estimator: Any,
    X: Rows,
    *,
    features: Sequence[Any] | None = None,
    quantiles: Sequence[float] = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0),
    n_clusters: int | None = None,
    n_steps: int = 100,
    random_state: Seed = None,
) -> LekProfile:
    """Sensitivity of the predictions to each input, by Lek's profile method.

    One input at a time is moved from its smallest to its largest value in `X`, in equal
    steps, while all others are held still [1]_ [2]_. They are held at a quantile of each,
    one curve per quantile; or at the center of a cluster of rows, one curve per cluster,
    which avoids combinations that never occur together [3]_.

    Parameters
    ----------
    estimator : classifier or regressor
        A fitted network, or any fitted estimator, such as a pipeline that ends in one.
    X : array-like of shape (n_samples, n_features)
        The rows that say how far each input goes; usually the training data.
    features : sequence of str or int, default=None
        The inputs to move, by name or column number; None is all of them.
    quantiles : sequence of float in [0, 1], default=(0.0, 0.2, 0.4, 0.6, 0.8, 1.0)
        At which quantiles of the others the curves are drawn. Lek et al. took the minimum,
        the quartiles and the maximum: ``(0, 0.25, 0.5, 0.75, 1)``.
    n_clusters : int >= 1, default=None
        The number of groups of rows, found by k-means on the columns of `X` divided by
        their standard deviation. The others are held at the mean of each. None takes
        `quantiles` instead.
    n_steps : int >= 2, default=100
        The number of points of a curve.
    random_state : int, RandomState instance or None, default=None
        Seeds k-means. Without effect on quantiles.

    Returns
    -------
    profile : LekProfile
        `LekProfile.to_frame` makes a DataFrame of it, `LekProfile.plot` a picture.

    Raises
    ------
    ValueError
        If an argument is not as described, or if `X` holds text or missing values.

    References
    ----------
    .. [1] Lek, S., Delacoste, M., Baran, P., Dimopoulos, I., Lauga, J. and Aulagnier, S.
       (1996). Application of neural networks to modelling nonlinear relationships in
       ecology. Ecological Modelling 90, 39-52.
    .. [2] Gevrey, M., Dimopoulos, I. and Lek, S. (2003). Review and comparison of methods to
       study the contribution of variables in artificial neural network models. Ecological
       Modelling 160, 249-264.
    .. [3] Beck, M. W. (2018). NeuralNetTools: visualization and analysis tools for neural
       networks. Journal of Statistical Software 85(11), 1-20.

    Examples
    --------
    >>> import numpy as np
    >>> from skbackprop import BackpropRegressor
    >>> from skbackprop.inspection import lek_profile
    >>> X = np.random.default_rng(0).uniform(size=(200, 2))
    >>> reg = BackpropRegressor((10,), max_iter=20, random_state=0)
    >>> reg = reg.fit(X, X[:, 0] * X[:, 1])
    >>> profile = lek_profile(reg, X, quantiles=[0.5], n_steps=5)
    >>> profile.to_frame().shape
    (10, 5)
    """
    check_is_fitted(estimator)
    table = check_array(X, dtype=np.float64, input_name="X")
    n_steps = check_integer("n_steps", n_steps, 2)
    columns = getattr(X, "columns", None)
    names = [f"x{i}" for i in range(table.shape[1])] if columns is None else list(columns)
    moved = _check_features(features, names)
    group_names, groups = _groups(table, quantiles, n_clusters, random_state)

    values = np.linspace(table.min(axis=0), table.max(axis=0), n_steps).T[moved]
    rows = np.tile(groups[None, :, None, :], (len(moved), 1, n_steps, 1))
    for i, column in enumerate(moved):
        rows[i, :, :, column] = values[i]
    answers = _respond(estimator, rows.reshape(-1, table.shape[1]), X, columns)
    return LekProfile(
        features=[str(names[column]) for column in moved],
        values=values,
        group_names=group_names,
        groups=groups,
        outputs=_response_names(estimator, answers.shape[1]),
        responses=answers.reshape(len(moved), len(groups), n_steps, -1),
    )


def _check_features(features, names):
    """Column numbers of the inputs to move."""
    if features is None:
        return list(range(len(names)))
    columns, column_number = [], Interval(0, len(names) - 1, kind=Integral)
    for feature in features:
        if column_number.accepts(feature):
            columns.append(int(feature))
        elif feature in names:
            columns.append(names.index(feature))
        else:
            raise ValueError(
                f"features must hold column numbers below {len(names)} or names among "
                f"{names}. Got {feature!r}."
            )
    return columns


def _groups(table, quantiles, n_clusters, random_state):
    """The names of the groups, and what the inputs are held at in each."""
    if n_clusters is not None:
        return _clusters(table, n_clusters, random_state)
    levels = np.atleast_1d(np.asarray(quantiles, dtype=np.float64))
    if levels.ndim != 1 or not levels.size or not ((levels >= 0) & (levels <= 1)).all():
        raise ValueError(f"quantiles must be numbers in [0, 1]. Got {quantiles!r}.")
    return [f"quantile {level:g}" for level in levels], np.quantile(table, levels, axis=0)


def _clusters(table, n_clusters, random_state):
    n_clusters = check_integer("n_clusters", n_clusters, 1, len(table), or_none=True)
    deviation = table.std(axis=0)
    scaled = table / np.where(deviation > 0, deviation, 1)
    kmeans = KMeans(n_clusters, n_init=10, random_state=random_state).fit(scaled)
    sizes = np.bincount(kmeans.labels_, minlength=n_clusters)
    centers = [table[kmeans.labels_ == g].mean(axis=0) for g in range(n_clusters)]
    return [f"cluster {g} ({n} rows)" for g, n in enumerate(sizes)], np.array(centers)


def _respond(estimator, rows, X, columns):
    """The probabilities or predictions of some rows, of shape (n_rows, n_outputs)."""
    if columns is not None:
        # A table of the kind that came in, so that the estimator finds its names.
        rows = type(X)(dict(zip(columns, rows.T, strict=True)))
    if is_classifier(estimator) and hasattr(estimator, "predict_proba"):
        answers = estimator.predict_proba(rows)
        if isinstance(answers, list):
            answers = np.hstack(answers)
    else:
        answers = estimator.predict(rows)
    return answers.reshape(len(rows), -1)


def _response_names(estimator, n_outputs):
    classes = getattr(estimator, "classes_", None)
    if isinstance(classes, list):
        return [f"{k}: {label}" for k, block in enumerate(classes) for label in block]
    if classes is not None and len(classes) == n_outputs:
        return [str(label) for label in classes]
    return ["y"] if n_outputs == 1 else [f"y{k}" for k in range(n_outputs)]
