"""The activation functions and their slopes, in C."""

import re

# The value, from z.
VALUES = {
    "identity": "return z;",
    "logistic": "return 1 / (1 + exp$f(-z));",
    "hard_sigmoid": """z = z / 6 + 0.5$f;
    return z < 0 ? 0 : z > 1 ? 1 : z;""",
    "tanh": "return tanh$f(z);",
    "relu": "return z > 0 ? z : 0;",
    "leaky_relu": "return z > 0 ? z : 0.01$f * z;",
    "elu": "return z > 0 ? z : expm1$f(z);",
    "selu": "return 1.0507009873554805$f * (z > 0 ? z : 1.6732632423543772$f * expm1$f(z));",
    "softplus": "return (z > 0 ? z : 0) + log1p$f(exp$f(z > 0 ? -z : z));",
    "silu": "return z / (1 + exp$f(-z));",
    "gelu": "return 0.5$f * z * erfc$f(-0.70710678118654752$f * z);",
    "mish": "return z * tanh$f((z > 0 ? z : 0) + log1p$f(exp$f(z > 0 ? -z : z)));",
    "exp": "return exp$f(z);",
}
# The derivative, from z and the value a.
SLOPES = {
    "identity": "return 1;",
    "logistic": "return a * (1 - a);",
    "hard_sigmoid": "return a > 0 && a < 1 ? 0.16666666666666667$f : 0;",
    "tanh": "return 1 - a * a;",
    "relu": "return z > 0 ? 1 : 0;",
    "leaky_relu": "return z > 0 ? 1 : 0.01$f;",
    "elu": "return z > 0 ? 1 : a + 1;",
    "selu": "return z > 0 ? 1.0507009873554805$f : a + 1.7580993408473766$f;",
    "softplus": "return 1 / (1 + exp$f(-z));",
    "silu": """const $T s = 1 / (1 + exp$f(-z));
    return s + a * (1 - s);""",
    "gelu": """return 0.5$f * erfc$f(-0.70710678118654752$f * z)
           + 0.39894228040143268$f * z * exp$f(-0.5$f * z * z);""",
    "mish": """const $T s = 1 / (1 + exp$f(-z));
    const $T t = tanh$f((z > 0 ? z : 0) + log1p$f(exp$f(z > 0 ? -z : z)));
    return t + z * s * (1 - t * t);""",
    "exp": "return a;",
}
SOFTMAX = """
static void net_softmax(const $T *z, $T *p, int n)
{
    $T largest = z[0], total = 0;
    for (int j = 1; j < n; j++) {
        largest = z[j] > largest ? z[j] : largest;
    }
    for (int j = 0; j < n; j++) {
        p[j] = exp$f(z[j] - largest);
        total += p[j];
    }
    for (int j = 0; j < n; j++) {
        p[j] /= total;
    }
}
"""


def output_name(network):
    """The function of each output alone; a softmax comes after it."""
    name = network.output_activation
    return "identity" if name == "softmax" else name


def write_values(names, c):
    """The definitions of some activation functions."""
    return [
        c(f"static $T net_{name}($T z)\n{{\n    {VALUES[name]}\n}}") for name in sorted(names)
    ]


def write_slopes(names, c):
    """The definitions of their derivatives."""
    return [_slope(name, c) for name in sorted(names)]


def _slope(name, c):
    body = SLOPES[name]
    unused = "".join(f"    (void){v};\n" for v in "za" if not re.search(rf"\b{v}\b", body))
    return c(f"static $T net_slope_of_{name}($T z, $T a)\n{{\n{unused}    {body}\n}}")
