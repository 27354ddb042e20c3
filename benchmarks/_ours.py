"""Our estimators and scikit-learn's, set to do the same work."""

from sklearn.neural_network import MLPClassifier

from skbackprop import BackpropClassifier, presets

from ._measure import Contender, repeated

RATE = 0.01

# An update after every row, by plain gradient descent, the rows in their given order.
_ONLINE = {
    "activation": "logistic", "solver": "sgd", "batch_size": 1, "learning_rate_init": RATE,
    "momentum": 0.0, "alpha": 0.0, "shuffle": False, "random_state": 0,
}  # fmt: skip
_MINIBATCH = {"activation": "relu", "solver": "adam", "random_state": 0}


def online(problem, **changes):
    """Ours, to be changed: logistic neurons, and the log loss unless said otherwise."""
    settings = presets.MLP | _ONLINE | {"hidden_layer_sizes": problem.hidden, "tol": None}
    return BackpropClassifier(**settings | changes)


def textbook(problem, **changes):
    """Ours as plain C, FANN and the textbook have it: squared error, given initial weights."""
    return online(problem, loss="squared_error", weight_init=problem.first_weights(), **changes)


def mlp_online(problem, **changes):
    """scikit-learn's, with the log loss: it has no other for classes."""
    return MLPClassifier(
        **_ONLINE | {"hidden_layer_sizes": problem.hidden, "n_iter_no_change": 10**9} | changes
    )


def minibatch(problem, batch_size):
    changes = {"hidden_layer_sizes": problem.hidden, "batch_size": batch_size, "tol": None}
    return BackpropClassifier(**presets.MLP | _MINIBATCH | changes)


def mlp_minibatch(problem, batch_size):
    return MLPClassifier(
        **_MINIBATCH, hidden_layer_sizes=problem.hidden, batch_size=batch_size,
        n_iter_no_change=10**9,
    )  # fmt: skip


def epochs_of(estimator, problem, least=1):
    """A contender whose repeats are epochs of one call of `fit`."""

    def run(epochs):
        estimator.set_params(max_iter=epochs).fit(problem.X, problem.y)

    return Contender(run, len(problem.y), least)


def one_row(estimator, problem):
    """A contender whose repeats are calls of `partial_fit` with one row."""
    classes = range(problem.sizes[-1])
    first = problem.head(1)
    estimator.partial_fit(first.X, first.y, classes=list(classes))
    x, y = problem.X[:1], problem.y[:1]
    return repeated(lambda: estimator.partial_fit(x, y))
