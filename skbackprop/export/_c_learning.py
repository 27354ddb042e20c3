"""The step of online backpropagation, in C."""

from itertools import pairwise

from .._engine.losses import options_of
from .._parameters import check_parameters
from .._preprocessing.target_encoding import MULTILABEL, MULTIOUTPUT
from .._training.configuration import streaming_alpha
from ._c_functions import output_name, write_slopes
from ._fitted_view import BINARY, MULTICLASS, REGRESSION

# The target of each kind of network, and what output j should have been.
TARGETS = {
    BINARY: ("int y", "(y == 1)"),
    MULTICLASS: ("int y", "(y == j)"),
    MULTILABEL: ("const int *labels", "labels[j]"),
    MULTIOUTPUT: ("const int *places", "(places[net_column[j]] == net_place[j])"),
    REGRESSION: ("const $T *y", "y[j]"),
}
# The derivative of a loss by the residual, output minus target.
_RESIDUALS = {
    "squared_error": "r",
    "absolute_error": "(r > 0) - (r < 0)",
    "huber": "(r > $delta ? $delta : r < -$delta ? -$delta : r)",
    "quantile": "(r > 0 ? 1 - net_quantile[j] : r < 0 ? -net_quantile[j] : 0)",
}
_BACK = """
/* From the deltas of a layer to those of the layer before it, which replace its sums. */
static void net_back(const $T *weights, const $T *delta, int n_out, $T *sums,
                     const $T *out, int n_in, $T (*slope)($T, $T))
{
    for (int i = 0; i < n_in; i++) {
        $T total = 0;
        for (int j = 0; j < n_out; j++) {
            total += weights[j * n_in + i] * delta[j];
        }
        sums[i] = total * slope(sums[i], out[i]);
    }
}
"""
_UPDATE = """
static void net_update($T *weights, const $T *delta, int n_out, const $T *in,
                       int n_in, $T rate, $T decay)
{
    $T *biases = weights + n_out * n_in;
    for (int j = 0; j < n_out; j++, weights += n_in) {
        for (int i = 0; i < n_in; i++) {
            weights[i] -= rate * delta[j] * in[i] + decay * weights[i];
        }
        biases[j] -= rate * delta[j];
    }
}
"""
_NORM = """
/* The length of a vector, whose squares may be beyond the largest number. */
static $T net_norm(const $T *v, int n)
{
    $T largest = 0, total = 0;
    for (int i = 0; i < n; i++) {
        const $T size = fabs$f(v[i]);
        largest = size > largest ? size : largest;
    }
    for (int i = 0; i < n && largest > 0; i++) {
        total += (v[i] / largest) * (v[i] / largest);
    }
    return largest * sqrt$f(total);
}
"""


def signature(fitted):
    """How the step is called."""
    return f"void net_learn_one(const $T *x, {TARGETS[fitted.kind][0]}, $T rate)"


def write_learning(fitted, layers, estimator, c):
    """What ``learn_one`` needs, and itself.

    Parameters
    ----------
    fitted : FittedView
    layers : list of Layer
    estimator : BackpropClassifier or BackpropRegressor
        Its `alpha` and `clip_norm`.
    c : CTemplate
    """
    check_parameters(estimator)  # which may have been set since `fit`
    network = fitted.network
    tables, delta = _output_deltas(fitted, c)
    slopes = set(network.activations) | (
        {output_name(network)} if "slope_of" in delta else set()
    )
    parts = [*write_slopes(slopes, c), *tables]
    if len(layers) > 1:
        parts.append(c(_BACK))
    lines = ["net_forward(x);", *delta.split("\n")]
    for before, layer in reversed(list(pairwise(layers))):
        lines += [
            f"net_back({layer.weights}, {layer.sums}, {layer.n_out}, {before.sums},",
            f"         {before.out}, {layer.n_in}, net_slope_of_{before.function});",
        ]
    rate = "rate"
    if estimator.clip_norm is not None:
        rate = "step"
        parts.append(c(_NORM))
        lines += _clip(layers, c.number(estimator.clip_norm, "clip_norm"))
    parts.append(c(_UPDATE))
    alpha = streaming_alpha(estimator)
    decay = f"rate * {c.number(alpha, 'alpha')}" if alpha else "0"
    for layer in layers:
        lines += [
            f"net_update({layer.weights}, {layer.sums}, {layer.n_out}, {layer.source},",
            f"           {layer.n_in}, {rate}, {decay});",
        ]
    body = "\n".join(f"    {line}" for line in lines)
    comment = "/* One step of gradient descent on one row, by backpropagation. */"
    return [*parts, c(f"{comment}\n{signature(fitted)}\n{{\n{body}\n}}")]


def _clip(layers, limit):
    """A gradient's norm is that of each layer's deltas times that of its inputs."""
    norm = ""
    for layer in layers:
        of_layer = (
            f"net_norm({layer.sums}, {layer.n_out}) * "
            f"hypot$f(1, net_norm({layer.source}, {layer.n_in}))"
        )
        norm = f"hypot$f({norm},\n        {of_layer})" if norm else of_layer
    return [
        "/* A gradient that is longer than clip_norm is shortened to it. */",
        f"const $T norm = {norm};",
        f"const $T step = norm > {limit} ? rate * ({limit} / norm) : rate;",
    ]


def _output_deltas(fitted, c):
    """The tables, and the loop, that turn the output layer's sums into deltas."""
    network, tables = fitted.network, []
    target = TARGETS[fitted.kind][1]
    if fitted.kind == MULTIOUTPUT:
        places = [(column, j) for column, (_, n) in enumerate(fitted.blocks) for j in range(n)]
        for name, values in zip(("column", "place"), zip(*places, strict=True), strict=True):
            items = [str(value) for value in values]
            tables.append(c.array(f"static const int net_{name}[NET_OUTPUTS]", items))
    if fitted.quantiles:
        target = f"y[j / {len(fitted.quantiles)}]"
    if fitted.target_scale is not None:
        target = f"({target} - net_target_mean[j]) / net_target_scale[j]"
    delta = "r"
    if network.loss in _RESIDUALS:
        delta = _RESIDUALS[network.loss]
        options = options_of(network.loss, network.loss_options)
        if network.loss == "quantile":
            values = options * (1 if len(options) > 1 else network.layer_sizes[-1])
            values = c.numbers(values, "quantile")
            tables.append(c.array("static const $T net_quantile[NET_OUTPUTS]", values))
        elif network.loss == "huber":
            delta = delta.replace("$delta", c.number(options[0], "delta"))
        name = output_name(network)
        if name != "identity":
            delta = f"({delta}) * net_slope_of_{name}(net_sums[j], net_outputs[j])"
    return tables, (
        "for (int j = 0; j < NET_OUTPUTS; j++) {\n"
        f"    const $T r = net_outputs[j] - {target};\n"
        f"    net_sums[j] = {delta};\n"
        "}"
    )
