"""Hints for values that are refused: what other libraries call it, and misspelled names."""

from difflib import get_close_matches
from numbers import Real

# What Keras, PyTorch, MATLAB and older versions of scikit-learn say, in lower case and without
# spaces, hyphens and underscores, and what it is here.
_SQUARED, _ABSOLUTE, _LOG = "loss='squared_error'", "loss='absolute_error'", "loss='log_loss'"
_FOR_CLASSES = "BackpropClassifier, whose loss is 'log_loss'"
_FOR_NUMBERS = "BackpropRegressor, which has this loss"
_SYNONYMS = {
    "activation": {
        "linear": "activation='identity'",
        "none": "activation='identity'",
        "swish": "activation='silu'",
        "sigm": "activation='logistic'",
        "logsig": "activation='logistic'",
        "expit": "activation='logistic'",
        "tansig": "activation='tanh'",
        "poslin": "activation='relu'",
        "purelin": "activation='identity'",
        "rectifier": "activation='relu'",
        "rectify": "activation='relu'",
        "lrelu": "activation='leaky_relu'",
        "softmax": "output_activation='softmax'",
    },
    "output_activation": {
        "linear": "output_activation='identity'",
        "none": "output_activation='auto'",
        "exponential": "output_activation='exp'",
    },
    "solver": {
        "gd": "solver='sgd'",
        "gradientdescent": "solver='sgd'",
        "traingd": "solver='sgd', batch_size='full'",
        "momentum": "solver='sgd', momentum=0.9",
        "nesterov": "solver='sgd', momentum=0.9",
        "adamw": "solver='adam' with weight_decay=0.01",
        "nadam": "solver='adam'",
        "adamax": "solver='adam'",
        "adagrad": "solver='rmsprop'",
        "adadelta": "solver='rmsprop'",
        "bfgs": "solver='lbfgs'",
        "lbfgsb": "solver='lbfgs'",
        "levenbergmarquardt": "solver='lm'",
        "marquardt": "solver='lm'",
        "trainlm": "solver='lm'",
        "resilient": "solver='rprop'",
        "trainrp": "solver='rprop'",
    },
    "weight_init": {
        "he": "weight_init='he_uniform'",
        "kaiming": "weight_init='he_uniform'",
        "kaiminguniform": "weight_init='he_uniform'",
        "kaimingnormal": "weight_init='he_normal'",
        "glorot": "weight_init='glorot_uniform'",
        "xavier": "weight_init='glorot_uniform'",
        "xavieruniform": "weight_init='glorot_uniform'",
        "xaviernormal": "weight_init='glorot_normal'",
        "lecun": "weight_init='lecun_normal'",
        "lecununiform": "weight_init='lecun_normal'",
        "random": "weight_init='auto'",
        "randomuniform": "weight_init='uniform'",
        "none": "weight_init='auto'",
    },
    "learning_rate": {"fixed": "learning_rate='constant'", "none": "learning_rate='auto'",
                      "reducelronplateau": "learning_rate='adaptive'",
                      "cosineannealing": "learning_rate='cosine'"},
    "batch_size": {"none": "batch_size='auto'", "all": "batch_size='full'",
                   "batch": "batch_size='full'", "online": "batch_size=1"},
    "class_weight": {"auto": "class_weight='balanced'",
                     "balancedsubsample": "class_weight='balanced'"},
    "hidden_layer_sizes": {"none": "hidden_layer_sizes=(), a network without a hidden layer"},
    "max_iter": {"none": "max_iter='auto'"},
    "alpha": {"none": "alpha=0"},
    "dropout": {"none": "dropout=0"},
    "momentum": {"none": "momentum=0"},
    "scoring": {"loss": "scoring=None, the loss", "valloss": "scoring=None, the loss",
                "auc": "scoring='roc_auc'", "acc": "scoring='accuracy'"},
}  # fmt: skip
_SQUARED_ERRORS = ("mse", "meansquarederror", "squared", "squarederror", "l2", "ls", "rmse")
_ABSOLUTE_ERRORS = ("mae", "meanabsoluteerror", "absolute", "l1", "lad", "mad")
_CROSS_ENTROPIES = (
    "crossentropy", "categoricalcrossentropy", "sparsecategoricalcrossentropy",
    "binarycrossentropy", "bce", "bcewithlogits", "nll", "log",
    "logloss", "deviance", "softmax", "logistic", "binomial", "multinomial",
)  # fmt: skip
_LOSSES = {
    "BackpropClassifier": {
        **dict.fromkeys(_SQUARED_ERRORS, _SQUARED),
        **dict.fromkeys((*_ABSOLUTE_ERRORS, "huber", "poisson", "quantile", "pinball"),
                        _FOR_NUMBERS),
        **dict.fromkeys(_CROSS_ENTROPIES, _LOG),
    },
    "BackpropRegressor": {
        **dict.fromkeys(_SQUARED_ERRORS, _SQUARED),
        **dict.fromkeys(_ABSOLUTE_ERRORS, _ABSOLUTE),
        **dict.fromkeys(_CROSS_ENTROPIES, _FOR_CLASSES),
        "smoothl1": "loss='huber'",
        "gaussian": _SQUARED,
        "poissonnll": "loss='poisson'",
    },
}  # fmt: skip


def hint_for(estimator, name, value, names):
    """Return a sentence with what was probably meant, or an empty string.

    Parameters
    ----------
    estimator : BaseBackprop
        The estimator; its class decides which losses there are.
    name : str
        The parameter.
    value : object
        The value that was refused.
    names : sequence of str
        The names that the parameter may have.
    """
    meant = _meant(estimator, name, value, names)
    return f" Did you mean {meant}?" if meant else ""


def _meant(estimator, name, value, names):
    if name == "learning_rate" and isinstance(value, Real) and not isinstance(value, bool):
        return f"learning_rate_init={value!r}"
    if isinstance(value, type):
        return f"an object of this class, {name}={value.__name__}()"
    word = "None" if value is None else value
    if not isinstance(word, str):
        return None
    synonyms = _SYNONYMS.get(name, {})
    if name == "loss":
        kind = next((k.__name__ for k in type(estimator).__mro__ if k.__name__ in _LOSSES), "")
        synonyms = _LOSSES.get(kind, {})
    plain = _plain(word)
    known = {_plain(each): each for each in names}
    if plain in known:
        return f"{name}={known[plain]!r}"
    for each in (plain, plain.removesuffix("loss")):
        if each in synonyms:
            return synonyms[each]
    near = get_close_matches(plain, known, n=1, cutoff=0.7)
    return f"{name}={known[near[0]]!r}" if near else None


def _plain(word):
    """Return a word in lower case, without what libraries separate its parts by."""
    return "".join(letter for letter in word.lower() if letter.isalnum())
