"""What both estimators document in the same words, and how it comes into their docstrings.

A line ``{name}`` in the docstring of a class stands for the entry of that name below.
"""

import re

_ENTRIES = """
groups
    Touch these five first: `hidden_layer_sizes`, `max_iter`, `learning_rate_init`, `alpha` and
    `early_stopping`. The others by what they are for:

    - network: `activation`, `output_activation`, `loss`, `weight_init`;
    - optimizer: `solver`, `batch_size`, `learning_rate`, `power_t`, `momentum`,
      `nesterovs_momentum`, `beta_1`, `beta_2`, `epsilon`, `clip_norm`, `max_fun`,
      `max_restarts`;
    - regularization: `dropout`, `weight_decay`, `l1`, `max_norm`;
    - stopping: `tol`, `n_iter_no_change`, `validation_fraction`, `scoring`, `restore_best`;
hidden_layer_sizes : int, sequence of ints or "auto", default=(64, 64)
    The number of neurons in each hidden layer; ``()`` is a network without one. "auto" is
    one layer of half as many neurons as there are inputs and outputs together (Weka's "a"),
    at least 2, and at most 256 and one for every two samples.
activation : str, Activation, or sequence of these, default="relu"
    The activation function of the hidden layers, or one for each: "identity", "logistic"
    (alias "sigmoid"), "hard_sigmoid" (Courbariaux et al., 2015), "tanh", "relu",
    "leaky_relu", "elu" (Clevert et al., 2016), "selu" (Klambauer et al., 2017), "softplus",
    "silu" (Elfwing et al., 2018), "gelu" (Hendrycks & Gimpel, 2016), "mish" (Misra, 2020), or
    a `skbackprop.Activation` of your own. The page on mathematics has the formulas.
solver : str or Solver, default="auto"
    The optimizer. After each batch: "sgd", gradient descent with `momentum` (Sutskever et
    al., 2013); "adam" (Kingma & Ba, 2015); "amsgrad" (Reddi et al., 2018); "rmsprop"
    (Tieleman & Hinton, 2012). By the gradient of all samples: "rprop" (iRprop-, Igel &
    Huesken, 2003); "lbfgs" (Liu & Nocedal, 1989); "lm", Levenberg-Marquardt for squared
    error and at most 5000 parameters or residuals (Hagan & Menhaj, 1994). A
    `skbackprop.Solver` is one of your own. "auto" is "sgd", and "adam" in `fit` from 5000
    samples on (regressors 10,000), unless `batch_size`, `learning_rate_init`, `alpha`,
    `momentum` or a schedule for "sgd" is set. A parameter that a solver has no use for is
    ignored; "not with" means that only the value that turns it off is allowed.
alpha : float >= 0 or "auto", default="auto"
    Strength of the L2 penalty: each batch minimizes the mean loss of its samples plus
    ``alpha / 2 * sum(weights ** 2) / n_samples_of_batch``, as in scikit-learn's MLP. "auto"
    is ``c * batch_size / n_samples``, where the nearest neighbors among at most 500 samples
    tell how noisy the targets are, and c is from 0.5 to 8. From 1000 samples on, short runs on
    4/5 of them pick the multiple with the least loss on the rest. 0 in `partial_fit`.
batch_size : int, "auto" or "full", default="auto"
    Samples per update. 1 is online learning, "full" is batch gradient descent, "auto" is 1
    for "sgd" and 32 for the other solvers. Ignored by "rprop", "lbfgs" and "lm".
learning_rate : str, default="auto"
    The schedule that `learning_rate_init` follows, one of "constant"; "invscaling", divided
    by ``(t_ + 1) ** power_t``; "adaptive", divided by 5 each time that training stalls,
    down to 1e-6; "linear" and "cosine", which reach zero after `max_iter` epochs
    (Loshchilov & Hutter, 2017); "auto", which is "linear" in `fit` and "constant" in
    `partial_fit`. "invscaling" and "adaptive" are for "sgd" alone; "rprop", "lbfgs" and
    "lm" ignore it.
learning_rate_init : float > 0 or "auto", default="auto"
    The learning rate of the first epoch; with "rprop" the first step of every weight.
    "auto" is ``0.03 * (1 - momentum)`` for "sgd", 0.01 for "rprop", else 0.005. Ignored by
    "lbfgs" and "lm".
power_t : float >= 0, default=0.5
    The exponent of "invscaling".
max_iter : int >= 1 or "auto", default="auto"
    The largest number of epochs of a call of `fit`, or iterations of "lbfgs" and "lm".
    "auto" is 60 where the learning rate falls to zero, but at most ``3_000_000 / n_samples``,
    or a third of that with "adam", "amsgrad" and "rmsprop", and at least 5; else 200.
shuffle : bool, default=True
    Whether each epoch uses the samples in a new random order, however `X` is sorted.
random_state : int, RandomState instance or None, default=None
    Seeds all that is drawn. Pass an int for bit-identical results in every call.
tol : float >= 0, None or "auto", default="auto"
    Training ends when the loss, or the validation loss or score with `early_stopping`, has
    not improved by `tol` for more than `n_iter_no_change` epochs in a row; "lbfgs" and "lm"
    end when no component of the gradient is larger. None never ends it. "auto" is None
    where the learning rate falls to zero and there is no `early_stopping`, else 1e-4.
verbose : int or bool, default=0
    1 prints a line per epoch, in the tutorial's form; 2 says more.
warm_start : bool, default=False
    Whether `fit` goes on from where the last call ended, for up to `max_iter` epochs more.
momentum : float in [0, 1], default=0.0
    Momentum of "sgd"; 0 is plain gradient descent.
nesterovs_momentum : bool, default=True
    Whether to use Nesterov's momentum. Without effect for ``momentum=0``.
validation_fraction : float in (0, 1), default=0.1
    The share of the samples to hold out. Copies of a sample stay together.
beta_1, beta_2 : float in [0, 1), default=0.9 and 0.999
    Decay rates of the moments of "adam" and "amsgrad"; "rmsprop" uses `beta_2`.
epsilon : float > 0, default=1e-8
    Keeps "adam", "amsgrad" and "rmsprop" from dividing by zero.
n_iter_no_change : int >= 1 or inf, default=10
    See `tol`.
max_fun : int >= 1, default=15000
    The number of gradients that "lbfgs" may compute in a call.
weight_decay : float >= 0, default=0.0
    Decoupled decay: each update shrinks the weights by the learning rate times
    `weight_decay` (Loshchilov & Hutter, 2019). Not with "rprop", "lbfgs" and "lm".
l1 : float >= 0, default=0.0
    The L1 penalty, ``l1 * sum(abs(weights)) / n_samples_of_batch``. Not with "lbfgs", "lm".
dropout : float in [0, 1), or sequence of these, default=0.0
    The share of hidden neurons that are left out at each use of a sample, in all hidden
    layers or in each (Srivastava et al., 2014). Not with "rprop", "lbfgs" and "lm".
clip_norm : float > 0 or None, default=5.0
    The norm to which the gradient of a batch is shortened, if it is longer (Pascanu et al.,
    2013). Ignored by "rprop", "lbfgs" and "lm".
max_norm : float > 0 or None, default=None
    The largest norm that the incoming weights of a neuron may have after an update (Srebro
    & Shraibman, 2005). Not with "lbfgs" and "lm".
weight_init : str, callable or (coefs, intercepts), default="auto"
    How to draw the initial weights: "glorot_uniform", "glorot_normal" (Glorot & Bengio,
    2010), "he_uniform", "he_normal" (He et al., 2015), "lecun_normal" (LeCun et al., 1998),
    "nguyen_widrow" (Nguyen & Widrow, 1990), "uniform" from [0, 1) as in the tutorial, or
    "mlp" as scikit-learn's MLP from the same `random_state`. "auto" is "he_uniform" into
    relu, leaky_relu, elu, silu, gelu and mish, "lecun_normal" into selu, else
    "glorot_uniform". A callable ``(fan_in, fan_out, rng)`` returns an array of shape
    ``(fan_in + 1, fan_out)``, biases last. Two lists are like `coefs_` and `intercepts_`.
categorical_features : "from_dtype", None or array-like, default="from_dtype"
    The columns with categories: a mask, column numbers or names, or those of a data frame
    that hold neither numbers nor dates. A level is an input of 0 or 1; levels of a single
    sample share theirs with unseen ones; missing is a level. Not for sparse `X`.
numeric_encoding : {"auto", "none", "piecewise_linear"}, default="auto"
    "piecewise_linear" adds an input for each bin between seven quantiles of a numeric column
    (Gorishniy et al., 2022), of dense `X`. "auto" is "none".
scoring : None, "score", str or callable, default=None
    What is measured on the validation set besides the loss, and decides in its place with
    `early_stopping`: the estimator's `score`, the name of a scorer, or a callable
    ``scoring(estimator, X, y) -> float``, larger being better, where X is encoded.
restore_best : bool, default=True
    Whether `early_stopping` keeps the best network on the validation set, and not the last.
max_restarts : int >= 0, default=3
    How often training starts again with half the learning rate, and warns, where it
    diverges or a hidden layer ends saturated. Ignored by "rprop", "lbfgs" and "lm".
n_members : int >= 1, default=1
    How many networks are trained, and joined into one that averages their output sums. Of the
    first tell `history_` and the like. Above 1, there is no `partial_fit` or `warm_start`.
attributes
    coefs_, intercepts_ : lists of ndarrays of shapes (n_in, n_out) and (n_out,)
        The weights and biases of each layer; read-only where standardization is folded in.
    input_limits_ : ndarray of shape (2, `n_encoded_features_`) or None
        The smallest and the largest value to which each input is clipped.
    n_features_in_, feature_names_in_, is_categorical_, n_encoded_features_
        The number of columns of `X`; their names, if all are strings; which are categorical, or
        None; the number of inputs of the network, which `get_feature_names_out` names.
    n_layers_, n_outputs_, out_activation_ : int, int, str
        The layers, inputs and outputs included; the outputs; the output activation.
    n_iter_, converged_, t_ : int, bool, int
        The epochs of the last call; whether nothing was left to improve; samples used so far.
    loss_curve_, loss_, best_loss_ : list, float, float
        The mean loss of every epoch, each sample before its own update, plus penalties; the
        last, and the smallest, which is None with `early_stopping`.
    validation_loss_curve_, validation_scores_, best_validation_score_ : list, list, float
        The loss and the score on the validation set after every epoch, and the largest score.
    history_ : dict of lists
        The record of every epoch: "epoch", "loss", "learning_rate", "seconds",
        "validation_loss", "validation_score" and, with squared error, "sum_squared_error".
    feature_importances_ : ndarray of shape (`n_features_in_`,)
        The share of each column in the products of the weights along all paths.
    alpha_, alpha_selection_ : float, dict of lists
        The L2 penalty; what `fit` tried: "factor", "alpha" and "validation_loss", or nothing.
    engine_, solver_ : str
        The implementation that trained, "compiled" or "numpy", and the name of the solver.
"""
# Entries that stand for a whole section, without a heading of their own.
_SECTIONS = ("groups", "attributes")


def _parse(text):
    """Return the entries by the first word of their heading."""
    parts = re.split(r"^(?=\w)", text, flags=re.M)[1:]
    entries = {}
    for part in parts:
        name = re.match(r"\w+", part)[0]
        lines = part.rstrip().split("\n")
        if name in _SECTIONS:
            lines = [line[4:] for line in lines[1:]]
        entries[name] = lines
    return entries


def fill_docstring(cls):
    """Put the shared entries into the docstring of a class."""
    if cls.__doc__ is None:  # as under python -OO
        return cls
    entries = _parse(_ENTRIES)
    lines = []
    for line in cls.__doc__.split("\n"):
        found = re.fullmatch(r"( *)\{(\w+)\}", line)
        if found is None:
            lines.append(line)
        else:
            indent, name = found.groups()
            lines += [(indent + entry).rstrip() for entry in entries[name]]
    cls.__doc__ = "\n".join(lines)
    return cls
