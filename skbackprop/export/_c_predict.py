"""From the outputs of a network to what a user asks for, in C."""

import numpy as np

from .._preprocessing.target_encoding import MULTILABEL, MULTIOUTPUT
from ._c_functions import SOFTMAX
from ._fitted_view import BINARY, REGRESSION

# What each kind of network answers: the type of predict, and the array it fills.
PREDICT = {
    REGRESSION: "void net_predict(const $T *x, $T *y)",
    MULTILABEL: "void net_predict(const $T *x, int *labels)",
    MULTIOUTPUT: "void net_predict(const $T *x, int *places)",
}
PREDICT_ONE = "int net_predict(const $T *x)"
PREDICT_PROBA = "void net_predict_proba(const $T *x, $T *p)"

_LARGEST = """
static int net_largest(const $T *outputs, int n)
{
    int best = 0;
    for (int j = 1; j < n; j++) {
        best = outputs[j] > outputs[best] ? j : best;
    }
    return best;
}
"""
_LOG_LOGISTIC = """
static $T net_log_logistic($T z)
{
    return (z < 0 ? z : 0) - log1p$f(exp$f(z < 0 ? z : -z));
}
"""
_NORMALIZE = """
/* Negative outputs count as nothing, and nothing at all as equal shares. */
static void net_normalize(const $T *outputs, $T *p, int n)
{
    $T total = 0;
    for (int j = 0; j < n; j++) {
        p[j] = outputs[j] > 0 ? outputs[j] : 0;
        total += p[j];
    }
    for (int j = 0; j < n; j++) {
        p[j] = total > 0 ? p[j] / total : 1 / ($T)n;
    }
}
"""
# Insertion: quantiles are few, and nearly sorted.
_SORT = """
static void net_sort($T *values, int n)
{
    for (int i = 1; i < n; i++) {
        const $T value = values[i];
        int j = i;
        for (; j > 0 && values[j - 1] > value; j--) {
            values[j] = values[j - 1];
        }
        values[j] = value;
    }
}
"""


def write_answers(fitted, c):
    """What `predict` and `predict_proba` need, and themselves."""
    if fitted.kind == REGRESSION:
        return _regression(fitted, c)
    helpers, body = _predict_classes(fitted)
    signature = PREDICT.get(fitted.kind, PREDICT_ONE)
    more, probabilities = _predict_proba(fitted)
    return [
        *(c(helper) for helper in (*helpers, *more)),
        _function(signature, body, c),
        _function(PREDICT_PROBA, probabilities, c),
    ]


def _function(signature, body, c):
    lines = "\n".join(f"    {line}" for line in ("net_forward(x);", *body))
    return c(f"{signature}\n{{\n{lines}\n}}")


def _each(text, n="NET_OUTPUTS"):
    return [f"for (int j = 0; j < {n}; j++) {{", f"    {text}", "}"]


def _predict_classes(fitted):
    if fitted.kind == BINARY:
        return [], ["return net_sums[0] > 0;"]
    if fitted.kind == MULTILABEL:
        return [], _each("labels[j] = net_outputs[j] > 0.5$f;")
    helpers, compared, before = [_LARGEST], "net_outputs", []
    if fitted.network.output_activation == "logistic":
        # Tiny outputs may round to the same, their logarithms are told apart.
        helpers = [_LOG_LOGISTIC, "static $T net_logs[NET_OUTPUTS];", _LARGEST]
        compared, before = "net_logs", _each("net_logs[j] = net_log_logistic(net_sums[j]);")
    places = [f"net_largest({compared} + {at}, {size})" for at, size in fitted.blocks]
    if fitted.kind == MULTIOUTPUT:
        answer = [f"places[{k}] = {place};" for k, place in enumerate(places)]
    else:
        answer = [f"return {places[0]};"]
    return helpers, [*before, *answer]


def _predict_proba(fitted):
    output = fitted.network.output_activation
    if fitted.kind == BINARY:
        return [], [
            "p[0] = 1 / (1 + exp$f(net_sums[0]));",
            "p[1] = 1 / (1 + exp$f(-net_sums[0]));",
        ]
    if fitted.kind == MULTILABEL:
        clipped = "net_outputs[j] < 0 ? 0 : net_outputs[j] > 1 ? 1 : net_outputs[j]"
        return [], _each(f"p[j] = {clipped};")
    if output == "softmax":
        return [], _each("p[j] = net_outputs[j];")
    if output == "logistic":
        # By logarithms, so that the ratios of tiny outputs survive.
        return [SOFTMAX], [
            *_each("p[j] = net_log_logistic(net_sums[j]);"),
            *(f"net_softmax(p + {at}, p + {at}, {size});" for at, size in fitted.blocks),
        ]
    return [_NORMALIZE], [
        f"net_normalize(net_outputs + {at}, p + {at}, {size});" for at, size in fitted.blocks
    ]


def _regression(fitted, c):
    parts, answer = [], "net_outputs[j]"
    if fitted.target_scale is not None:
        answer += " * net_target_scale[j] + net_target_mean[j]"
        for name in ("mean", "scale"):
            write = c.scales if name == "scale" else c.numbers
            values = write(getattr(fitted, f"target_{name}"), "The scaling of the targets")
            parts.append(c.array(f"static const $T net_target_{name}[NET_OUTPUTS]", values))
    body = _each(f"y[j] = {answer};")
    n = len(fitted.quantiles)
    if n:
        parts.append(c(_SORT))
        body += [f"for (int k = 0; k < NET_OUTPUTS; k += {n}) {{", f"    net_sort(y + k, {n});"]
        order = np.argsort(fitted.quantiles, kind="stable")
        if (order != np.arange(n)).any():
            parts.append(c(f"static $T net_sorted[{n}];"))
            body += [f"    net_sorted[{rank}] = y[k + {rank}];" for rank in range(n)]
            body += [f"    y[k + {at}] = net_sorted[{rank}];" for rank, at in enumerate(order)]
        body.append("}")
    return [*parts, _function(PREDICT[REGRESSION], body, c)]
