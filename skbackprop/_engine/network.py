"""The network: its shape, its parameters in one vector, forward, and backward.

All parameters live in one flat vector, the weights of every layer first and the biases
after them, so that an update rule is one loop and the L2 penalty one slice. The first
layer is stored input by input, because a sparse row must find the weights of its few
inputs side by side; every later layer is stored neuron by neuron, because a forward pass
reads, and a backward pass writes, one neuron's weights at a time.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from .activations import get_activation
from .losses import get_loss

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from ._typing import Array, DType, Matrix
    from .activations import Activation
    from .losses import Loss


@dataclass(frozen=True)
class Network:
    """A fully connected feed-forward network: names and numbers, no parameters.

    Parameters
    ----------
    layer_sizes : tuple of int
        Number of inputs, of neurons in each hidden layer, and of outputs.
    activations : tuple of str or Activation
        One per hidden layer.
    loss : str or Loss
    output_activation : str
        The name of the output activation.
    loss_options : tuple of float
        What `losses.get_loss` takes.
    """

    layer_sizes: tuple[int, ...]
    activations: tuple[str | Activation, ...]
    loss: str | Loss
    output_activation: str
    loss_options: tuple[float, ...] = ()

    def __getstate__(self) -> dict[str, Any]:
        # The cached layout is cheap to rebuild and has no place in a file.
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    def __setstate__(self, state: dict[str, Any]) -> None:
        # The declared fields and nothing else.
        self.__init__(**state)  # type: ignore[misc]

    @property
    def n_layers(self) -> int:
        """Number of layers of weights."""
        return len(self.layer_sizes) - 1

    @cached_property
    def shapes(self) -> list[tuple[int, int]]:
        """``(n_in, n_out)`` of every layer of weights."""
        return list(pairwise(self.layer_sizes))

    @cached_property
    def weight_offsets(self) -> Array:
        """Where each layer's weights begin in the vector, and where the last end."""
        sizes = [n_in * n_out for n_in, n_out in self.shapes]
        return np.concatenate(([0], np.cumsum(sizes))).astype(np.int64)

    @cached_property
    def bias_offsets(self) -> Array:
        """Where each layer's biases begin in the vector, and where the last end."""
        sizes = [n_out for _, n_out in self.shapes]
        return self.n_weights + np.concatenate(([0], np.cumsum(sizes))).astype(np.int64)

    @cached_property
    def n_weights(self) -> int:
        return int(self.weight_offsets[-1])

    @cached_property
    def n_params(self) -> int:
        return int(self.bias_offsets[-1])

    @cached_property
    def hidden(self) -> list[Activation]:
        """The activation rows of the hidden layers."""
        return [get_activation(name) for name in self.activations]

    @cached_property
    def loss_function(self) -> Loss:
        return get_loss(self.loss, self.output_activation, self.loss_options)

    def weights(self, params: Array) -> list[Array]:
        """Each layer's weights as a view of `params`, of shape (n_in, n_out)."""
        views = []
        for layer, (n_in, n_out) in enumerate(self.shapes):
            block = params[self.weight_offsets[layer] : self.weight_offsets[layer + 1]]
            by_input = layer == 0
            views.append(
                block.reshape(n_in, n_out) if by_input else block.reshape(n_out, n_in).T
            )
        return views

    def biases(self, params: Array) -> list[Array]:
        """Each layer's biases as a view of `params`, of shape (n_out,)."""
        offsets = self.bias_offsets
        return [params[start:stop] for start, stop in pairwise(offsets)]

    def pack(self, weights: Sequence[Array], biases: Sequence[Array], dtype: DType) -> Array:
        """A new parameter vector that holds these arrays."""
        params = np.empty(self.n_params, dtype=dtype)
        for view, given in zip(self.weights(params), weights, strict=True):
            view[...] = given
        for view, given in zip(self.biases(params), biases, strict=True):
            view[...] = given
        return params

    def forward(
        self, params: Array, X: Matrix, masks: Sequence[Array | None] | None = None
    ) -> tuple[list[Array], list[Array]]:
        """The weighted sums and the outputs of every layer, from the first to the last.

        Parameters
        ----------
        params : ndarray of shape (n_params,)
        X : {ndarray, CSR} of shape (n, n_inputs)
        masks : list of ndarray or None, or None
            Factors for the outputs of each hidden layer.
        """
        sums, outputs, signal = [], [], X
        functions = [row.value for row in self.hidden] + [self.loss_function.output]
        for layer, (weights, bias, function) in enumerate(
            zip(self.weights(params), self.biases(params), functions, strict=True)
        ):
            sums.append(signal @ weights + bias)
            signal = function(sums[-1])
            outputs.append(signal)
            if masks is not None and layer < len(masks) and masks[layer] is not None:
                signal = signal * masks[layer]
        return sums, outputs

    def loss_and_gradient(
        self,
        params: Array,
        X: Matrix,
        Y: Array,
        sample_weight: Array | None = None,
        masks: Sequence[Array | None] | None = None,
    ) -> tuple[float, Array]:
        """The summed loss of a batch, and the gradient of its mean.

        Parameters
        ----------
        params : ndarray of shape (n_params,)
        X : {ndarray, CSR} of shape (n, n_inputs)
        Y : ndarray of shape (n, n_outputs)
        sample_weight : ndarray of shape (n,) or None
        masks : list of ndarray or None, or None
            As in `forward`.

        Returns
        -------
        loss : float
            The (weighted) sum of the losses of the rows.
        gradient : ndarray of shape (n_params,)
            Of ``loss / sum(sample_weight)``.
        """
        sums, outputs = self.forward(params, X, masks)
        loss = self.loss_function.value(sums[-1], outputs[-1], Y)
        delta = self.loss_function.gradient(sums[-1], outputs[-1], Y)
        if sample_weight is None:
            total = len(Y)
        else:
            total = sample_weight.sum()
            loss = loss * sample_weight
            delta = delta * sample_weight[:, None]
        gradient = np.empty_like(params)
        of_weights, of_biases = self.weights(gradient), self.biases(gradient)
        for layer, signal, deltas in self.backward(params, X, sums, outputs, delta, masks):
            of_weights[layer][...] = signal.T @ deltas
            of_biases[layer][...] = deltas.sum(axis=0)
        gradient /= total
        return float(loss.sum()), gradient

    def backward(
        self,
        params: Array,
        X: Matrix,
        sums: Sequence[Array],
        outputs: Sequence[Array],
        delta: Array,
        masks: Sequence[Array | None] | None = None,
    ) -> Iterator[tuple[int, Array, Array]]:
        """Hand `delta` back from the outputs to the inputs.

        Yields, from the last layer to the first, the layer's number, the signal that it
        received, and the derivative of the loss by its weighted sums.
        """
        weights = self.weights(params)
        for layer in reversed(range(1, self.n_layers)):
            below, row = layer - 1, self.hidden[layer - 1]
            mask = None if masks is None else masks[below]
            yield layer, outputs[below] if mask is None else outputs[below] * mask, delta
            delta = (delta @ weights[layer].T) * row.slope(sums[below], outputs[below])
            if mask is not None:
                delta = delta * mask
        yield 0, X, delta


def path_products(weights: Sequence[Array]) -> Array:
    """The products of the weights along all paths from an input to an output, added up.

    Of shape (n_inputs, n_outputs); `weights` are those of each layer.
    """
    *earlier, product = weights
    for of_layer in reversed(earlier):
        product = of_layer @ product
    return product
