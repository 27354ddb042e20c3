"""To PyTorch, and from it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from .._classifier import BackpropClassifier
from .._preprocessing.target_encoding import MULTILABEL, SINGLE, ClassEncoder, NumericEncoder
from .._regressor import BackpropRegressor
from . import _torch_modules
from ._fitted_view import build, check_folding, read
from ._torch_modules import import_torch

if TYPE_CHECKING:
    import torch
    from numpy.typing import ArrayLike

    from .._base import BaseBackprop

# From which on PyTorch's softplus is the identity; its default loses digits of doubles.
_SOFTPLUS_THRESHOLD = 40.0


def _makers(nn):
    """How to make each activation function."""
    return {
        "identity": nn.Identity,
        "logistic": nn.Sigmoid,
        "tanh": nn.Tanh,
        "relu": nn.ReLU,
        "leaky_relu": lambda: nn.LeakyReLU(0.01),
        "elu": nn.ELU,
        "selu": nn.SELU,
        "softplus": lambda: nn.Softplus(threshold=_SOFTPLUS_THRESHOLD),
        "silu": nn.SiLU,
        "gelu": nn.GELU,
        "hard_sigmoid": nn.Hardsigmoid,
        "mish": nn.Mish,
        "exp": _torch_modules.Exp,
    }


# The settings that a module must have to be the activation function of its class.
_SETTINGS = {
    "leaky_relu": {"negative_slope": 0.01},
    "elu": {"alpha": 1.0},
    "softplus": {"beta": 1.0},
    "gelu": {"approximate": "none"},
}


def to_torch(estimator: BaseBackprop, *, raw_output: bool = False) -> torch.nn.Sequential:
    """A fitted network as a sequence of PyTorch modules.

    Parameters
    ----------
    estimator : BackpropClassifier or BackpropRegressor
        A fitted estimator.
    raw_output : bool, default=False
        Whether to leave out the output activation, as PyTorch's losses on logits like it.

    Returns
    -------
    module : torch.nn.Sequential
        Linear layers and activation functions, after an encoding of the columns where the
        estimator has one, and a clip of the inputs where training data had wild values (neither
        of which `from_torch` reads), on the CPU, in float32 or float64 as the estimator. It
        takes raw columns, where a category is its code (see `category_codes`) and NaN a missing
        cell, and gives the network's outputs: a
        regressor's predictions, several quantiles target by target; the probability of the
        second of two classes, of each class, or of each label; for several columns of
        classes their probabilities side by side. With squared error a classifier's outputs
        are not scaled to sum to one.

    Raises
    ------
    ImportError
        If PyTorch is not installed.
    TypeError
        If `estimator` is of another class.
    ValueError
        If it has an activation function or a loss of your own; or if float32 cannot hold
        weights on inputs as they are, which lie far from zero beside their spread.
    sklearn.exceptions.NotFittedError
        If it is not fitted.

    See Also
    --------
    from_torch : The other way.

    Examples
    --------
    >>> from skbackprop import BackpropRegressor
    >>> from skbackprop.export import to_torch
    >>> reg = BackpropRegressor((3,), max_iter=5, random_state=0)
    >>> reg = reg.fit([[0.0], [1.0]], [0.0, 1.0])
    >>> import torch  # doctest: +SKIP
    >>> module = to_torch(reg)  # doctest: +SKIP
    >>> outputs = module(torch.tensor([[0.5]], dtype=torch.float64))  # doctest: +SKIP
    >>> bool(abs(outputs.item() - reg.predict([[0.5]])[0]) < 1e-12)  # doctest: +SKIP
    True
    """
    torch = import_torch()
    fitted = read(estimator)
    check_folding(estimator)
    network, makers = fitted.network, _makers(torch.nn)
    functions = [makers[name]() for name in network.activations]
    modules = []
    if not fitted.encoder.is_identity:
        modules.append(_torch_modules.Encode(fitted.encoder, fitted.fill))
    if fitted.limits is not None:
        low, high = (torch.from_numpy(limit.astype(fitted.dtype)) for limit in fitted.limits)
        modules.append(_torch_modules.Clip(low, high))
    wide = [weights.astype(np.float64) for weights in fitted.weights]
    coefs, intercepts = estimator._scaling.fold(wide, fitted.biases)
    for layer, (coef, intercept) in enumerate(zip(coefs, intercepts, strict=True)):
        modules.append(_linear(torch, coef, intercept, fitted.dtype))
        if layer < len(functions):
            modules.append(functions[layer])
    if not raw_output:
        modules += _outputs(torch, fitted, makers)
    return torch.nn.Sequential(*modules)


def _linear(torch, coef, intercept, dtype):
    dtype = torch.float32 if dtype == np.float32 else torch.float64
    linear = torch.nn.Linear(*coef.shape, dtype=dtype)
    with torch.no_grad():
        linear.weight.copy_(torch.from_numpy(np.array(coef.T)))
        linear.bias.copy_(torch.from_numpy(np.array(intercept)))
    return linear


def _outputs(torch, fitted, makers):
    name = fitted.network.output_activation
    if name == "softmax":
        sizes = [size for _, size in fitted.blocks]
        softmax = torch.nn.Softmax(dim=-1)
        return [softmax if len(sizes) == 1 else _torch_modules.Softmaxes(sizes)]
    modules = [] if name == "identity" else [makers[name]()]
    if fitted.quantiles:
        modules.append(_torch_modules.Quantiles(fitted.quantiles))
    return modules


def from_torch(
    module: torch.nn.Sequential,
    *,
    classes: ArrayLike | None = None,
    multilabel: bool = False,
    loss: str = "auto",
) -> BackpropClassifier | BackpropRegressor:
    """A sequence of PyTorch modules as a fitted estimator, which predicts the same.

    Parameters
    ----------
    module : torch.nn.Sequential
        Linear layers and activation functions that the package has. Dropout, Flatten and
        Identity are passed over, as they do nothing in prediction.
    classes : array-like of shape (n_classes,), default=None
        The labels that the outputs stand for, in ascending order, for a classifier. Two
        classes may have one output, the logit or the probability of the second, or two.
    multilabel : bool, default=False
        Whether each output is a label of its own, for a classifier of several labels.
    loss : str, default="auto"
        With what training goes on: for "auto", log loss for outputs that are
        probabilities or that end without a activation function, Poisson deviance for
        exponentials, and else squared error.

    Returns
    -------
    estimator : BackpropClassifier or BackpropRegressor
        A regressor, if neither `classes` nor `multilabel` is given. Fitted, in float32 or
        float64 as the module; training starts again from its weights, on numbers as given.

    Raises
    ------
    ImportError
        If PyTorch is not installed.
    TypeError
        If `module` is no sequence.
    ValueError
        If a module is none of these, or if the outputs do not fit `classes`.

    See Also
    --------
    to_torch : The other way.

    Examples
    --------
    >>> from skbackprop.export import from_torch
    >>> from torch import nn  # doctest: +SKIP
    >>> layers = nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3)  # doctest: +SKIP
    >>> module = nn.Sequential(*layers)  # doctest: +SKIP
    >>> clf = from_torch(module, classes=["oats", "rye", "wheat"])  # doctest: +SKIP
    >>> clf.predict_proba([[1.0, 2.0, 3.0, 4.0]]).shape  # doctest: +SKIP
    (1, 3)
    """
    torch = import_torch()
    if not isinstance(module, torch.nn.Sequential):
        raise TypeError(f"module must be a torch.nn.Sequential. Got {type(module).__name__}.")
    layers, names = _read_modules(torch, module)
    coefs = [layer.weight.detach().cpu().numpy().T for layer in layers]
    intercepts = [
        np.zeros(layer.out_features)
        if layer.bias is None
        else layer.bias.detach().cpu().numpy()
        for layer in layers
    ]
    dtype = np.float64 if coefs[0].dtype == np.float64 else np.float32
    *hidden, output = names
    settings: dict[str, Any] = {
        "hidden_layer_sizes": tuple(coef.shape[1] for coef in coefs[:-1]),
        "activation": [name or "identity" for name in hidden],
        "standardize": False,
    }
    if classes is None and not multilabel:
        n_targets = coefs[-1].shape[1]
        regressor = _regressor(settings, loss, output)
        encoder = NumericEncoder(n_targets, n_targets == 1)
        return build(regressor, encoder, coefs, intercepts, dtype)
    labels = _labels(classes, multilabel, coefs[-1].shape[1])
    two = labels.has_single_output(1) and coefs[-1].shape[1] == 2
    if two and output in (None, "softmax") and loss in ("auto", "log_loss"):
        # The softmax of two is the logistic function of their difference.
        coefs[-1] = coefs[-1][:, 1:] - coefs[-1][:, :1]
        intercepts[-1] = intercepts[-1][1:] - intercepts[-1][:1]
        output = "logistic"
    if loss == "auto":
        loss = _loss(output, labels, coefs[-1].shape[1])
    estimator = BackpropClassifier(**settings, loss=loss, output_activation=output or "auto")
    return build(estimator, labels, coefs, intercepts, dtype)


def _regressor(settings, loss, output):
    if output == "softmax":
        raise ValueError("A softmax is for classes: classes must be given.")
    if loss == "auto":
        loss = "poisson" if output == "exp" else "squared_error"
    return BackpropRegressor(**settings, loss=loss, output_activation=output or "auto")


def _labels(classes, multilabel, n_outputs):
    labels = np.arange(n_outputs) if multilabel and classes is None else np.asarray(classes)
    if labels.ndim != 1 or (labels[:-1] >= labels[1:]).any():
        raise ValueError(f"classes must be in ascending order. Got {classes!r}.")
    labels = ClassEncoder(MULTILABEL if multilabel else SINGLE, labels)
    n_labels = len(labels.classes)
    if n_labels != n_outputs and not labels.has_single_output(n_outputs):
        raise ValueError(f"The module has {n_outputs} outputs, classes has {n_labels} labels.")
    return labels


def _loss(output, labels, n_outputs):
    independent = labels.kind == MULTILABEL or labels.has_single_output(n_outputs)
    called_for = "logistic" if independent else "softmax"
    return "log_loss" if output in (None, called_for) else "squared_error"


def _read_modules(torch, module):
    """The linear layers, and the name of the activation function behind each, or None."""
    nn = torch.nn
    known = {type(make()): name for name, make in _makers(nn).items()}
    layers, names = [], []
    for part in _flat(nn, module):
        if isinstance(part, nn.Linear):
            layers.append(part)
            names.append(None)
            continue
        if isinstance(part, (nn.Identity, nn.Dropout, nn.Flatten)):
            continue
        name = known.get(type(part))
        if isinstance(part, nn.Softmax) and part.dim in (1, -1):
            name = "softmax"
        wanted = _SETTINGS.get(name, {})
        if name is None or any(getattr(part, k) != v for k, v in wanted.items()):
            raise ValueError(f"{part} is not among the transfer functions of skbackprop.")
        if not names or names[-1] is not None:
            raise ValueError(f"{part} does not follow a linear layer.")
        names[-1] = name
    if not layers:
        raise ValueError("module must have a linear layer. Got none.")
    if "softmax" in names[:-1] or "exp" in names[:-1]:
        raise ValueError(f"Softmax and Exp are for the output layer. Got {names}.")
    return layers, names


def _flat(nn, module):
    for part in module:
        if isinstance(part, nn.Sequential):
            yield from _flat(nn, part)
        else:
            yield part
