"""One step of online backpropagation, with everything that it computes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from .._engine.training import as_matrix
from .._training.configuration import make_solver, resolve_learning_rate
from ._utils import check_network, check_option, check_row, import_pandas, neuron_names, shown

if TYPE_CHECKING:
    import pandas

    from .._base import BaseBackprop
    from .._typing import Rows

# Rows of a printed table; what is beyond them is counted.
_PRINTED_ROWS = 12


@dataclass(frozen=True, eq=False)
class LayerStep:
    """What one layer of neurons does in a step.

    Attributes
    ----------
    name : str
        "hidden 1", "hidden 2", ..., "output".
    activation : str
        The name of the activation function.
    sources, neurons : list of str
        The names of what feeds the layer, and of its neurons.
    signals : ndarray of shape (n_in,)
        What feeds the layer: the inputs, or the outputs of the layer before.
    weighted_sums, outputs : ndarray of shape (n_out,)
        ``signals @ weights_before + biases_before``, and the activation function of it.
    errors : ndarray of shape (n_out,)
        Of an output neuron, output minus target. Of a hidden neuron, what its output is
        blamed for: the deltas of the next layer, weighted.
    deltas : ndarray of shape (n_out,)
        The derivative of the loss by the weighted sum. With squared error, the error times
        the slope of the activation function.
    weights_before, weight_gradients, weights_after : ndarray of shape (n_in, n_out)
        The weights, the derivative of the loss by them, and the weights after the step.
    biases_before, bias_gradients, biases_after : ndarray of shape (n_out,)
        The same of the biases.
    """

    name: str
    activation: str
    sources: list[str]
    neurons: list[str]
    signals: np.ndarray
    weighted_sums: np.ndarray
    outputs: np.ndarray
    errors: np.ndarray
    deltas: np.ndarray
    weights_before: np.ndarray
    weight_gradients: np.ndarray
    weights_after: np.ndarray
    biases_before: np.ndarray
    bias_gradients: np.ndarray
    biases_after: np.ndarray

    def neuron_rows(self) -> Iterator[dict[str, Any]]:
        """A dict per neuron."""
        for j, neuron in enumerate(self.neurons):
            yield {
                "layer": self.name,
                "neuron": neuron,
                "weighted_sum": self.weighted_sums[j],
                "output": self.outputs[j],
                "error": self.errors[j],
                "delta": self.deltas[j],
            }

    def weight_rows(self) -> Iterator[dict[str, Any]]:
        """A dict per weight, neuron by neuron, the bias last."""
        for j, neuron in enumerate(self.neurons):
            for i, source in enumerate([*self.sources, "bias"]):
                bias = i == len(self.sources)
                yield {
                    "layer": self.name,
                    "neuron": neuron,
                    "source": source,
                    "signal": self.signals.dtype.type(1) if bias else self.signals[i],
                    "before": self.biases_before[j] if bias else self.weights_before[i, j],
                    "gradient": (
                        self.bias_gradients[j] if bias else self.weight_gradients[i, j]
                    ),
                    "after": self.biases_after[j] if bias else self.weights_after[i, j],
                }


@dataclass(frozen=True, eq=False)
class StepExplanation:
    """One step of online backpropagation; see `explain_step`.

    Attributes
    ----------
    layers : list of LayerStep
        The layers of neurons from the first hidden layer to the output layer.
    inputs : ndarray of shape (n_encoded_features,)
        What the network sees of the row: standardized where the estimator standardizes.
    target : ndarray of shape (n_outputs,)
        What the outputs should be: 0 and 1 for classes, standardized numbers where the
        estimator standardizes its targets.
    loss, loss_after : float
        The loss of the row, before and after the step.
    learning_rate : float
        The length of the step.
    prediction, prediction_after : ndarray of shape (n_outputs,)
        The outputs before and after the step, in the units of the training targets.
    coefs_after, intercepts_after : list of ndarrays
        What `coefs_` and `intercepts_` would be after the step: the network on raw inputs
        and raw outputs.
    """

    layers: list[LayerStep]
    inputs: np.ndarray
    target: np.ndarray
    loss: float
    loss_after: float
    learning_rate: float
    prediction: np.ndarray
    prediction_after: np.ndarray
    coefs_after: list[np.ndarray]
    intercepts_after: list[np.ndarray]

    def to_frame(self, of: Literal["weights", "neurons"] = "weights") -> pandas.DataFrame:
        """The step as a tidy table.

        Parameters
        ----------
        of : {"weights", "neurons"}, default="weights"
            What a row of the table is.

        Returns
        -------
        frame : pandas.DataFrame
            A row per weight, the biases included, with the columns layer, neuron, source,
            signal, before, gradient and after; or a row per neuron, with the columns layer,
            neuron, weighted_sum, output, error and delta.

        Raises
        ------
        ImportError
            If pandas is not installed.
        """
        check_option("of", of, ("weights", "neurons"))
        pandas = import_pandas("StepExplanation.to_frame")
        rows = LayerStep.weight_rows if of == "weights" else LayerStep.neuron_rows
        return pandas.DataFrame([row for layer in self.layers for row in rows(layer)])

    def __str__(self):
        lines = [
            f"One step of gradient descent at learning rate {self.learning_rate:g}",
            f"loss {self.loss:.6g} before the step, {self.loss_after:.6g} after it",
        ]
        for number, layer in enumerate(self.layers, start=1):
            lines += ["", f"{layer.name} layer, {shown(layer.activation)}"]
            neurons = list(layer.neuron_rows())
            if number == len(self.layers):
                neurons = [
                    {**row, "target": t} for row, t in zip(neurons, self.target, strict=True)
                ]
            lines += _table(neurons, "neurons")
            lines += ["", *_table(list(layer.weight_rows()), "weights")]
        return "\n".join(lines)


def _table(rows, noun):
    """Lines of text: names to the left, numbers to the right, what is left out counted."""
    shown = rows[:_PRINTED_ROWS]
    names = [name for name in shown[0] if name != "layer"]
    cells = [[name.replace("_", " ") for name in names]]
    cells += [[_cell(row[name]) for name in names] for row in shown]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = []
    for line in cells:
        padded = [
            text.ljust(width) if name in ("neuron", "source") else text.rjust(width)
            for text, width, name in zip(line, widths, names, strict=True)
        ]
        lines.append("  " + "  ".join(padded).rstrip())
    if len(rows) > len(shown):
        lines.append(f"  ... and {len(rows) - len(shown)} more {noun}")
    return lines


def _cell(value):
    return shown(value) if isinstance(value, str) else f"{value:.6g}"


def explain_step(
    estimator: BaseBackprop, x: Rows, y: Any, *, learning_rate: float | None = None
) -> StepExplanation:
    """Everything that one step of online backpropagation computes.

    The step is plain gradient descent on one row, from where the fitted network stands
    [1]_: no momentum, no penalty, no clipping. The estimator is left as it is.

    Parameters
    ----------
    estimator : BackpropClassifier or BackpropRegressor
        A fitted network. One that has not learned yet can be had by `partial_fit` with a
        `learning_rate_init` too small to matter, such as 1e-300.
    x : array-like of shape (n_features,) or (1, n_features)
        The row of the table, in the units of the training data. An estimator that encodes and
        standardizes does so here too: `inputs` and everything computed from it are then in its
        own, standardized units, because that is where the step is taken.
    y : label, number or array-like of shape (n_outputs,)
        The row's class label, its 0/1 labels, or its targets in the units of the training
        targets.
    learning_rate : float > 0, default=None
        The length of the step; None is the estimator's `learning_rate_init`.

    Returns
    -------
    step : StepExplanation
        Prints as a table. `StepExplanation.to_frame` makes a DataFrame of it, and
        ``step.layers`` holds the arrays. ``step.prediction`` and ``step.coefs_after`` are
        in the units of the training data, all else in those of the network.

    Raises
    ------
    TypeError
        If `estimator` is not a network of this package.
    ValueError
        If `x` is not one row, or `y` or `learning_rate` is not as described.

    References
    ----------
    .. [1] Rumelhart, D. E., Hinton, G. E. and Williams, R. J. (1986). Learning
       representations by back-propagating errors. Nature 323, 533-536.

    Examples
    --------
    >>> from skbackprop import BackpropClassifier, presets
    >>> from skbackprop.inspection import explain_step
    >>> start = [[[0.5], [0.2]], [[1.0, -1.0]]], [[0.0], [0.0, 0.0]]
    >>> clf = BackpropClassifier((1,), **presets.TEXTBOOK | {"weight_init": start})
    >>> clf = clf.set_params(learning_rate_init=1e-300)
    >>> clf = clf.partial_fit([[1.0, 0.0]], [0], classes=[0, 1])
    >>> step = explain_step(clf, [1.0, 0.0], 1, learning_rate=0.5)
    >>> step.layers[0].outputs.round(3)
    array([0.622])
    >>> for line in str(step).splitlines()[3:6]:
    ...     print(line)
    hidden 1 layer, logistic
      neuron  weighted sum    output     error     delta
      h0               0.5  0.622459  0.295799  0.069514
    """
    check_network(estimator)
    rate = _check_rate(estimator, learning_rate)
    network, params, scaling = estimator._network, estimator._params, estimator._scaling
    row = check_row(estimator, x).astype(params.dtype, copy=False)
    inputs = row if scaling.inputs is None else scaling.inputs.transform(row)
    target = _check_target(estimator, y)
    sums, outputs = network.forward(params, inputs)
    loss, gradient = network.loss_and_gradient(params, inputs, target)
    after = params - rate * gradient
    sums_after, outputs_after = network.forward(after, inputs)
    loss_after = network.loss_function.value(sums_after[-1], outputs_after[-1], target)

    def in_target_units(values):
        if scaling.targets is not None:
            values = scaling.targets.inverse_transform(values)
        return values[0]

    coefs_after, intercepts_after = scaling.fold(network.weights(after), network.biases(after))
    return StepExplanation(
        layers=_layers(estimator, params, gradient, after, inputs, sums, outputs, target),
        inputs=inputs[0],
        target=target[0],
        loss=loss,
        loss_after=float(loss_after[0]),
        learning_rate=rate,
        prediction=in_target_units(outputs[-1]),
        prediction_after=in_target_units(outputs_after[-1]),
        coefs_after=coefs_after,
        intercepts_after=intercepts_after,
    )


def _layers(estimator, params, gradient, after, inputs, sums, outputs, target):
    """What each layer does. A bias feeds its neuron a one, so its gradient is the delta."""
    network = estimator._network
    names = neuron_names(estimator)
    signals = [inputs, *outputs]
    before = network.weights(params.copy()), network.biases(params.copy())
    slopes = network.weights(gradient), network.biases(gradient)
    later = network.weights(after), network.biases(after)
    functions = [*(row.name for row in network.hidden), network.output_activation]
    layers, error = [], outputs[-1][0] - target[0]
    for k in reversed(range(network.n_layers)):
        hidden = k < network.n_layers - 1
        delta = slopes[1][k]
        layers.append(
            LayerStep(
                name=f"hidden {k + 1}" if hidden else "output",
                activation=functions[k],
                sources=names[k],
                neurons=names[k + 1],
                signals=signals[k][0],
                weighted_sums=sums[k][0],
                outputs=outputs[k][0],
                errors=error,
                deltas=delta,
                weights_before=before[0][k],
                weight_gradients=slopes[0][k],
                weights_after=later[0][k],
                biases_before=before[1][k],
                bias_gradients=delta,
                biases_after=later[1][k],
            )
        )
        error = before[0][k] @ delta
    return layers[::-1]


# ---- Input validation ----


def _check_rate(estimator, learning_rate):
    rate = learning_rate
    if rate is None:
        rate = resolve_learning_rate(estimator, make_solver(estimator))
    if not isinstance(rate, Real) or isinstance(rate, bool) or not 0 < rate < np.inf:
        raise ValueError(f"learning_rate must be None or a finite number > 0. Got {rate!r}.")
    return float(rate)


def _check_target(estimator, y):
    """What the outputs should be, of shape (1, n_outputs), in the units of the network."""
    network, dtype = estimator._network, estimator._params.dtype
    y = np.asarray(y)
    wanted = 2 if y.ndim and y.size > 1 else 1
    y = y.reshape(1, -1) if wanted == 2 else y.reshape(1)
    encoder = estimator._target_encoder
    Y = encoder.to_network(encoder.encode(y), network, dtype)
    if estimator._scaling.targets is not None:
        Y = estimator._scaling.targets.transform(Y)
    return as_matrix(Y, np.array([0]), network.layer_sizes[-1], dtype)
