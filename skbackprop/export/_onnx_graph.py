"""To ONNX, alone or inside a pipeline, by converters for skl2onnx."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
from scipy.special import erfcx
from sklearn.base import is_classifier

from .._classifier import BackpropClassifier
from .._engine.activations import LEAK, SELU_ALPHA, SELU_SCALE
from .._preprocessing.target_encoding import MULTILABEL, MULTIOUTPUT
from .._regressor import BackpropRegressor
from ._fitted_view import BINARY, MULTICLASS, finite_limits, read
from ._onnx_check import check_predictions
from ._onnx_encoding import as_plain_columns, encode
from ._onnx_scores import scores_are_asked


def import_skl2onnx():
    """skl2onnx, or an ImportError that says how to get it."""
    try:
        import skl2onnx
    except ImportError as error:
        raise ImportError(
            "This needs skl2onnx: python -m pip install 'skbackprop[onnx]'"
        ) from error
    return skl2onnx


def to_onnx(estimator: Any, X: Any, **options: Any) -> Any:
    """A fitted network, or a pipeline with one, as an ONNX model.

    Parameters
    ----------
    estimator : estimator
        A fitted BackpropClassifier or BackpropRegressor, or a Pipeline, ColumnTransformer
        or other composition that holds one, of parts that skl2onnx can convert.
    X : {array-like, DataFrame} of shape (n_samples, n_features)
        Samples, which show how many columns there are, and of what types. From a float32
        array comes a model that computes in float32, from a float64 array one in float64.
        Categories with text take a DataFrame; their missing cells are "" in the model.
        Each column of a DataFrame becomes an input of its own; for a scaler skl2onnx joins
        them in float32. The predictions of the model and of the estimator are compared on
        the first 1000 samples, if onnxruntime is installed.
    **options
        Further arguments of ``skl2onnx.to_onnx``, such as ``target_opset``. With
        ``options``, those of its converters, nothing is compared.

    Returns
    -------
    model : onnx.ModelProto
        A regressor has one output, its predictions as rows. A classifier has two: its
        labels, and the tensor of probabilities; for several columns of classes these lie
        side by side.

    Raises
    ------
    ImportError
        If skl2onnx is not installed.
    ValueError
        If the network has an activation function or a loss of your own, or labels that are
        neither integers of 64 bits nor strings; if a column of a DataFrame has no name; or
        if the model predicts something else than the estimator, as skl2onnx makes it of
        some compositions. The user guide lists them.

    Notes
    -----
    Calling `register_onnx_converters` once is enough for ``skl2onnx.to_onnx`` itself, and
    all that builds on it, to know the two estimators.

    Examples
    --------
    >>> import numpy as np
    >>> import onnxruntime
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import MinMaxScaler
    >>> from skbackprop import BackpropClassifier
    >>> from skbackprop.datasets import load_wheat_seeds
    >>> from skbackprop.export import to_onnx
    >>> X, y = load_wheat_seeds(return_X_y=True)
    >>> X = X.astype(np.float32)
    >>> clf = BackpropClassifier((5,), max_iter=20, random_state=0)
    >>> pipeline = make_pipeline(MinMaxScaler(), clf).fit(X, y)
    >>> model = to_onnx(pipeline, X)
    >>> session = onnxruntime.InferenceSession(model.SerializeToString())
    >>> labels, p = session.run(None, {"X": X})
    >>> bool(abs(p - pipeline.predict_proba(X)).max() < 1e-6)
    True
    """
    skl2onnx = register_onnx_converters()
    if not hasattr(X, "iloc"):
        X = np.asarray(X)
    elif not all(isinstance(name, str) and name for name in X.columns):
        raise ValueError(
            "The columns of X must have names, for each becomes an input of that name. Got "
            f"{list(X.columns)}. Rename them, or pass X as an array."
        )
    cells = as_plain_columns(X) if hasattr(X, "iloc") else X
    if "options" in options:
        return skl2onnx.to_onnx(estimator, cells[:1], **options)
    settings = {"zipmap": False} if is_classifier(estimator) else None
    model = skl2onnx.to_onnx(estimator, cells[:1], options=settings, **options)
    check_predictions(model, estimator, X, cells)
    return model


def register_onnx_converters() -> Any:
    """Make the two estimators known to skl2onnx.

    The converter of BackpropClassifier has the options ``zipmap``, ``nocl``,
    ``output_class_labels`` and ``raw_scores`` of skl2onnx. ``raw_scores=True`` gives the
    scores of `decision_function` in place of probabilities; of two classes both, the
    negative first. Where CalibratedClassifierCV, OneVsOneClassifier or StackingClassifier
    takes the scores of a network, also through a Pipeline or a search, it is set for you.

    Returns
    -------
    skl2onnx : module
        The module, to which the converters now belong.

    Raises
    ------
    ImportError
        If skl2onnx is not installed.
    """
    skl2onnx = import_skl2onnx()
    for kind, shapes, convert in (
        (BackpropClassifier, _classifier_types, _convert_classifier),
        (BackpropRegressor, _regressor_types, _convert_regressor),
    ):
        flags = [True, False]
        options = {
            "zipmap": [*flags, "columns"],
            "nocl": flags,
            "output_class_labels": flags,
            "raw_scores": flags,
        }
        skl2onnx.update_registered_converter(
            kind,
            f"Skbackprop{kind.__name__}",
            shapes,
            convert,
            options=options if kind is BackpropClassifier else None,
        )
    return skl2onnx


# ---- The types of the outputs ----


def _float_type(operator):
    """The tensor type in which an operator computes: double if its inputs are."""
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    double = any(isinstance(each.type, DoubleTensorType) for each in operator.inputs)
    return DoubleTensorType if double else FloatTensorType


def _regressor_types(operator):
    estimator = operator.raw_operator
    fitted = read(estimator)
    shape = [None, fitted.network.layer_sizes[-1]]
    if fitted.quantiles and not estimator._target_encoder.is_flat:
        shape = [None, estimator._target_encoder.n_targets, len(fitted.quantiles)]
    operator.outputs[0].type = _float_type(operator)(shape)


def _classifier_types(operator):
    from skl2onnx.common.data_types import Int64TensorType, StringTensorType

    fitted = read(operator.raw_operator)
    n_outputs = fitted.network.layer_sizes[-1]
    columns = {MULTILABEL: [n_outputs], MULTIOUTPUT: [len(fitted.classes)]}
    strings = any(labels.dtype == object for labels in _labels(fitted, operator))
    labels = StringTensorType if strings else Int64TensorType
    operator.outputs[0].type = labels([None, *columns.get(fitted.kind, [])])
    n_probabilities = 2 if fitted.kind == BINARY else n_outputs
    operator.outputs[1].type = _float_type(operator)([None, n_probabilities])


def _labels(fitted, operator):
    """The labels that the graph gives for each column of classes: int64, or objects."""
    defaults = {"nocl": False, "zipmap": True, "output_class_labels": False}
    options = operator.scope_inst.get_options(operator.raw_operator, defaults)
    if fitted.kind == MULTILABEL:
        return []
    if fitted.kind == MULTIOUTPUT and (options["zipmap"] or options["output_class_labels"]):
        raise ValueError(
            "For several columns of classes the options of skl2onnx must be zipmap=False and "
            f"output_class_labels=False. Got {options}. Pass "
            "options={id(estimator): {'zipmap': False}}, or call skbackprop.export.to_onnx."
        )
    if options["nocl"]:
        return [np.arange(len(classes)) for classes in fitted.classes]
    return [_as_labels(classes) for classes in fitted.classes]


def _as_labels(classes):
    """Class labels as ONNX has them: int64, or objects for strings."""
    if classes.dtype.kind in "OUT" and all(map(_is_text, classes)):
        return np.array([str(label) for label in classes], dtype=object)
    if classes.dtype.kind in "biuf":
        with np.errstate(invalid="ignore"):
            whole = classes.astype(np.int64)
        if (whole == classes).all() and (whole[1:] > whole[:-1]).all():
            return whole
    raise ValueError(
        "Class labels must be integers of 64 bits, or strings without the characters U+0000 "
        f"and U+D800 to U+DFFF, to be written in ONNX. Got {classes.tolist()}. Train with "
        "other labels, or pass the option nocl=True to get the numbers of the classes."
    )


def _is_text(label):
    """Whether a label is a string that UTF-8 and onnxruntime can hold."""
    return isinstance(label, str) and not re.search("[\0\ud800-\udfff]", label)


# ---- The graph ----


class _Graph:
    """Nodes and constants, added to a container of skl2onnx.

    Parameters
    ----------
    scope, container : of skl2onnx
    dtype : numpy.dtype
        In which the network computes.
    """

    def __init__(self, scope, container, dtype):
        self.scope, self.container, self.dtype = scope, container, np.dtype(dtype)

    def node(self, op, *inputs, output=None, **attributes):
        """The output of a new node."""
        output = output or self.scope.get_unique_variable_name(op.lower())
        name = self.scope.get_unique_operator_name(op)
        self.container.add_node(op, list(inputs), [output], name=name, **attributes)
        return output

    def constant(self, value, dtype=None):
        """A new constant, of the network's dtype unless said otherwise."""
        from onnx import helper

        given = np.asarray(value)
        with np.errstate(over="ignore"):
            value = given.astype(dtype or self.dtype)
        if value.dtype == np.float32 and (np.isinf(value) & np.isfinite(given)).any():
            raise ValueError(
                f"The network has numbers up to {np.abs(given).max():g}, which single "
                "precision does not hold: pass X in float64, or scale the inputs."
            )
        kind = helper.np_dtype_to_tensor_dtype(value.dtype)
        if value.dtype == object:
            items = [label.encode() for label in value]
        else:
            items = value.ravel().tolist()
        name = self.scope.get_unique_variable_name("constant")
        self.container.add_initializer(name, kind, list(value.shape), items)
        return name

    def cast(self, value, dtype, output=None):
        from onnx import helper

        kind = helper.np_dtype_to_tensor_dtype(np.dtype(dtype))
        return self.node("Cast", value, to=kind, output=output)

    def columns(self, value, at, size):
        """Some columns of a matrix."""
        bounds = [self.constant([bound], np.int64) for bound in (at, at + size, 1)]
        return self.node("Slice", value, *bounds)

    def in_double(self, value, op_constants):
        """Operations with constants, computed in double precision as the estimator does."""
        value = self.cast(value, np.float64)
        for op, constant in op_constants:
            value = self.node(op, value, self.constant(constant, np.float64))
        return self.cast(value, self.dtype)


def _convert_regressor(scope, operator, container):
    estimator, fitted = operator.raw_operator, read(operator.raw_operator)
    graph = _graph_of(scope, operator, container)
    _, outputs = _forward(graph, operator, fitted)
    if fitted.target_scale is not None:
        scaling = [("Mul", fitted.target_scale), ("Add", fitted.target_mean)]
        outputs = graph.in_double(outputs, scaling)
    n = len(fitted.quantiles)
    shape = [-1, fitted.network.layer_sizes[-1]]
    if n:
        encoder = estimator._target_encoder
        by_target = graph.constant([-1, encoder.n_targets, n], np.int64)
        outputs = _sorted(graph, graph.node("Reshape", outputs, by_target), fitted.quantiles)
        shape = [-1, n] if encoder.is_flat else [-1, encoder.n_targets, n]
    shape = graph.constant(shape, np.int64)
    graph.node("Reshape", outputs, shape, output=operator.outputs[0].full_name)


def _sorted(graph, values, quantiles):
    """The last axis in ascending order of the quantiles."""
    ascending = graph.scope.get_unique_variable_name("sorted")
    places = graph.scope.get_unique_variable_name("places")
    size = graph.constant([len(quantiles)], np.int64)
    name = graph.scope.get_unique_operator_name("TopK")
    graph.container.add_node(
        "TopK", [values, size], [ascending, places], name=name, axis=-1, largest=0, sorted=1
    )
    ranks = graph.constant(np.argsort(np.argsort(quantiles)), np.int64)
    return graph.node("Gather", ascending, ranks, axis=-1)


def _convert_classifier(scope, operator, container):
    fitted = read(operator.raw_operator)
    graph = _graph_of(scope, operator, container)
    sums, outputs = _forward(graph, operator, fitted)
    labels, numbers = (variable.full_name for variable in operator.outputs)
    if fitted.kind == MULTILABEL:
        positive = graph.node("Greater", outputs, graph.constant(0.5))
        graph.cast(positive, np.int64, output=labels)
        clipped = graph.node("Max", outputs, graph.constant(0))
        probabilities = graph.node("Min", clipped, graph.constant(1))
    elif fitted.kind == BINARY:
        flat = graph.node("Reshape", sums, graph.constant([-1], np.int64))
        second = graph.cast(graph.node("Greater", flat, graph.constant(0)), np.int64)
        (classes,) = _labels(fitted, operator)
        graph.node("Gather", graph.constant(classes, classes.dtype), second, output=labels)
        probabilities = graph.node("Sigmoid", _both_signs(graph, sums))
    else:
        classes = _labels(fitted, operator)
        probabilities = _convert_columns(graph, fitted, classes, sums, outputs, labels)
    if scores_are_asked(scope, container, operator.raw_operator):
        probabilities = _scores(graph, fitted, sums, probabilities)
    graph.node("Identity", probabilities, output=numbers)


def _both_signs(graph, score):
    """The score of the second of two classes as one of each."""
    return graph.node("Concat", graph.node("Neg", score), score, axis=1)


def _scores(graph, fitted, sums, probabilities):
    """What `decision_function` gives, of two classes as skl2onnx has it: with both signs."""
    if fitted.kind == BINARY:
        return _both_signs(graph, sums)
    if fitted.kind != MULTICLASS or len(fitted.classes[0]) != 2:
        return sums
    # The logarithm of the odds, where each of two classes has an output.
    if fitted.network.output_activation == "logistic":
        logs = _log_logistic(graph, sums)
    else:
        least = graph.constant(np.log(np.finfo(fitted.dtype).tiny))
        logs = graph.node("Max", graph.node("Log", probabilities), least)
    first, second = (graph.columns(logs, at, 1) for at in (0, 1))
    return _both_signs(graph, graph.node("Sub", second, first))


def _convert_columns(graph, fitted, classes, sums, outputs, labels):
    """The probabilities of one column of classes, or of several side by side."""
    several = fitted.kind == MULTIOUTPUT
    found, shares = [], []
    for (at, size), column in zip(fitted.blocks, classes, strict=True):
        block_sums, block = sums, outputs
        if several:
            block_sums, block = (graph.columns(whole, at, size) for whole in (sums, outputs))
        shares.append(_probabilities(graph, fitted.network, block_sums, block))
        # Tiny outputs may round to the same, their shares are told apart.
        compared = shares[-1] if fitted.network.output_activation == "logistic" else block
        best = graph.node("ArgMax", compared, axis=1, keepdims=int(several))
        found.append((graph.constant(column, column.dtype), best))
    if not several:
        graph.node("Gather", *found[0], output=labels)
        return shares[0]
    columns = [graph.node("Gather", *pair) for pair in found]
    graph.node("Concat", *columns, axis=1, output=labels)
    return graph.node("Concat", *shares, axis=1)


def _probabilities(graph, network, sums, outputs):
    if network.output_activation == "softmax":
        return outputs
    if network.output_activation == "logistic":
        # By logarithms, so that ratios of tiny outputs survive.
        return graph.node("Softmax", _log_logistic(graph, sums), axis=1)
    positive = graph.node("Max", outputs, graph.constant(0))
    axis = graph.constant([1], np.int64)
    total = graph.node("ReduceSum", positive, axis, keepdims=1)
    some = graph.node("Greater", total, graph.constant(0))
    one = graph.constant(1)
    share = graph.node("Div", positive, graph.node("Where", some, total, one))
    size = graph.node("Gather", graph.node("Shape", outputs), axis, axis=0)
    equal = graph.node("Div", one, graph.cast(size, graph.dtype))
    return graph.node("Where", some, share, equal)


def _graph_of(scope, operator, container):
    from skl2onnx.common.data_types import DoubleTensorType

    double = _float_type(operator) is DoubleTensorType
    return _Graph(scope, container, np.float64 if double else np.float32)


def _forward(graph, operator, fitted):
    """The weighted sums and the outputs of the network."""
    network = fitted.network
    if fitted.encoder.is_identity:
        columns = [graph.cast(each.full_name, graph.dtype) for each in operator.inputs]
        signal = columns[0] if len(columns) == 1 else graph.node("Concat", *columns, axis=1)
    else:
        signal = encode(graph, operator.inputs, fitted)
    if fitted.limits is not None:
        low, high = (
            graph.constant(finite_limits(limit, graph.dtype)) for limit in fitted.limits
        )
        signal = graph.node("Min", graph.node("Max", signal, low), high)
    if fitted.center is not None:
        signal = graph.in_double(signal, [("Sub", fitted.center), ("Div", 1 / fitted.gain)])
    functions = [*network.activations, network.output_activation]
    for layer, function in enumerate(functions):
        products = graph.node("MatMul", signal, graph.constant(fitted.weights[layer]))
        sums = graph.node("Add", products, graph.constant(fitted.biases[layer]))
        if function == "softmax":
            signal = _softmaxes(graph, sums, fitted.blocks)
        else:
            signal = FUNCTIONS[function](graph, sums)
    return sums, signal


def _softmaxes(graph, sums, blocks):
    if len(blocks) == 1:
        return graph.node("Softmax", sums, axis=1)
    parts = []
    for at, size in blocks:
        parts.append(graph.node("Softmax", graph.columns(sums, at, size), axis=1))
    return graph.node("Concat", *parts, axis=1)


# ---- Activation functions ----
# onnxruntime has Elu, Selu, LeakyRelu, Softplus and Erf in single precision alone, so these
# are put together from what it has in both.


def _exponential_tail(graph, z):
    """``exp(z) - 1`` below zero, and zero above."""
    return graph.node(
        "Sub", graph.node("Exp", graph.node("Min", z, graph.constant(0))), graph.constant(1)
    )


def _leaky_relu(graph, z):
    return graph.node("Max", z, graph.node("Mul", z, graph.constant(LEAK)))


def _hard_sigmoid(graph, z):
    line = graph.node("Mul", z, graph.constant(1 / 6))
    line = graph.node("Add", line, graph.constant(0.5))
    return graph.node("Min", graph.node("Max", line, graph.constant(0)), graph.constant(1))


def _elu(graph, z):
    return graph.node("Add", graph.node("Relu", z), _exponential_tail(graph, z))


def _selu(graph, z):
    tail = graph.node("Mul", _exponential_tail(graph, z), graph.constant(SELU_ALPHA))
    return graph.node(
        "Mul", graph.node("Add", graph.node("Relu", z), tail), graph.constant(SELU_SCALE)
    )


def _softplus(graph, z):
    small = graph.node("Exp", graph.node("Neg", graph.node("Abs", z)))
    # log(1 + x) as x * log(u) / (u - 1) with u = 1 + x, in which the rounding of u cancels.
    u = graph.node("Add", small, graph.constant(1))
    rest = graph.node("Sub", u, graph.constant(1))
    some = graph.node("Greater", rest, graph.constant(0))
    slope = graph.node(
        "Div", graph.node("Log", u), graph.node("Where", some, rest, graph.constant(1))
    )
    log = graph.node("Mul", small, graph.node("Where", some, slope, graph.constant(1)))
    return graph.node("Add", graph.node("Relu", z), log)


def _log_logistic(graph, z):
    return graph.node("Neg", _softplus(graph, graph.node("Neg", z)))


def _silu(graph, z):
    if graph.dtype == np.float64:
        # Some versions of onnxruntime (1.23 is one) take the other form for their QuickGelu,
        # which they have in single precision alone.
        below = graph.node("Add", graph.node("Exp", graph.node("Neg", z)), graph.constant(1))
        return graph.node("Div", z, below)
    return graph.node("Mul", z, graph.node("Sigmoid", z))


def _mish(graph, z):
    return graph.node("Mul", z, graph.node("Tanh", _softplus(graph, z)))


def _gelu(graph, z):
    if graph.dtype == np.float64:
        return graph.node("Mul", z, _normal_distribution(graph, z))
    erf = graph.node("Erf", graph.node("Mul", z, graph.constant(np.sqrt(0.5))))
    half = graph.node("Mul", z, graph.constant(0.5))
    return graph.node("Mul", half, graph.node("Add", erf, graph.constant(1)))


def _normal_distribution(graph, z):
    """The standard normal distribution function in double precision.

    onnxruntime's Erf is in single precision alone. This is ``exp(-z**2 / 2) / 2`` times a
    polynomial for the scaled complementary error function of ``|z| / sqrt(2)``, in
    ``s = (2 - u) / (2 + u)``, which runs from 1 at zero to -1 far away.
    """
    u = graph.node("Mul", graph.node("Abs", z), graph.constant(np.sqrt(0.5)))
    two = graph.constant(2)
    s = graph.node("Div", graph.node("Sub", two, u), graph.node("Add", two, u))
    *rest, first = _erfcx_coefficients()
    value = graph.constant(first)
    for coefficient in reversed(rest):
        value = graph.node("Add", graph.node("Mul", value, s), graph.constant(coefficient))
    bell = graph.node("Exp", graph.node("Neg", graph.node("Mul", u, u)))
    tail = graph.node("Mul", graph.node("Mul", value, bell), graph.constant(0.5))
    above = graph.node("Greater", z, graph.constant(0))
    return graph.node("Where", above, graph.node("Sub", graph.constant(1), tail), tail)


def _erfcx_coefficients(degree=24):
    """Of the powers of s, from the zeroth."""

    def of_s(s):
        return erfcx(2 * (1 - s) / (1 + s))

    fit = np.polynomial.Chebyshev.interpolate(of_s, degree)
    return np.polynomial.chebyshev.cheb2poly(fit.coef)


FUNCTIONS = {
    "identity": lambda graph, z: graph.node("Identity", z),
    "logistic": lambda graph, z: graph.node("Sigmoid", z),
    "tanh": lambda graph, z: graph.node("Tanh", z),
    "hard_sigmoid": _hard_sigmoid,
    "relu": lambda graph, z: graph.node("Relu", z),
    "leaky_relu": _leaky_relu,
    "elu": _elu,
    "selu": _selu,
    "softplus": _softplus,
    "silu": _silu,
    "gelu": _gelu,
    "mish": _mish,
    "exp": lambda graph, z: graph.node("Exp", z),
}
