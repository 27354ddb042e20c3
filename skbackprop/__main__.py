"""The case study: ``python -m skbackprop`` classifies the wheat seeds by cross-validation."""

import argparse
import sys
import time

from sklearn.dummy import DummyClassifier
from sklearn.model_selection import KFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils import shuffle

from . import BackpropClassifier
from .datasets import load_wheat_seeds
from .parameters import Number, check_parameters
from .presets import TEXTBOOK

# The textbook's own list of what to try next, each as a change to its settings.
EXTENSIONS = {
    "4 times the epochs": {"max_iter": 2000},
    "two hidden layers": {"hidden_layer_sizes": (5, 5), "weight_init": "glorot_uniform",
                          "max_iter": 1000},
    "tanh hidden neurons": {"activation": "tanh", "weight_init": "glorot_uniform",
                            "max_iter": 1000},
    "batch instead of online": {"batch_size": "full", "learning_rate_init": 1.0,
                                "momentum": 0.9, "max_iter": 3000},
    "tuned: tanh, softmax, Adam": {"hidden_layer_sizes": (64,), "activation": "tanh",
                                   "loss": "log_loss", "solver": "adam", "batch_size": 16,
                                   "learning_rate": "cosine", "learning_rate_init": 0.01,
                                   "max_iter": 60, "shuffle": True, "standardize": True,
                                   "weight_init": "glorot_uniform"},
}  # fmt: skip


def parse(arguments):
    """The options; ends with exit code 2 and a message where one is impossible."""
    parser = argparse.ArgumentParser(
        prog="python -m skbackprop",
        description="Classify the wheat seeds with the textbook's network, cross-validated.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    add = parser.add_argument
    add("--hidden", type=int, nargs="*", default=[5], help="neurons in each hidden layer")
    add("--rate", type=float, default=0.3, help="learning rate")
    add("--epochs", type=int, default=500, help="epochs of training")
    add("--folds", type=int, default=5, help="folds of the cross-validation")
    add("--seed", type=int, default=1, help="seed of the folds and of the first weights")
    add(
        "--no-extensions", action="store_true", help="leave out what the textbook suggests next"
    )
    options = parser.parse_args(arguments)
    try:
        check_parameters(textbook_classifier(options))
    except ValueError as error:
        parser.error(str(error))
    for name, allowed in (("folds", Number(2, 210)), ("seed", Number(0, 2**32 - 1))):
        if not allowed.accepts(getattr(options, name)):
            parser.error(f"--{name} must be {allowed}. Got {getattr(options, name)}.")
    return options


def textbook_classifier(options, **changes):
    """The textbook's network with the options' settings, and some changes to them."""
    settings = {
        **TEXTBOOK,
        "hidden_layer_sizes": tuple(options.hidden),
        "learning_rate_init": options.rate,
        "max_iter": options.epochs,
        "random_state": options.seed,
    }
    return BackpropClassifier(**settings | changes)


def show_progress(done, total, name):
    """A bar on a terminal, nothing elsewhere; an empty name wipes it."""
    if not sys.stderr.isatty():
        return
    bar = f"[{'#' * done}{'.' * (total - done)}] {name}" if name else ""
    print(f"\r\033[K{bar}", end="", file=sys.stderr, flush=True)


def main(arguments=None):
    """Run the case study; returns the exit code."""
    options = parse(arguments)
    # The file is sorted by variety, and the textbook presents rows in their given order.
    X, y = shuffle(*load_wheat_seeds(return_X_y=True), random_state=options.seed)
    folds = KFold(options.folds)

    def accuracies(classifier):
        return 100 * cross_val_score(make_pipeline(MinMaxScaler(), classifier), X, y, cv=folds)

    baseline = accuracies(DummyClassifier(strategy="most_frequent")).mean()
    scaled = MinMaxScaler().fit_transform(X)
    engine = textbook_classifier(options, max_iter=1).fit(scaled, y).engine_
    print(f"wheat seeds: {X.shape[0]} rows, {X.shape[1]} inputs, {len(set(y))} classes")
    print(f"engine: {engine}")
    print(f"zero rule: {baseline:.3f}%")

    began = time.perf_counter()
    scores = accuracies(textbook_classifier(options))
    seconds = time.perf_counter() - began
    print(f"\nThe textbook: {tuple(options.hidden)} hidden, rate {options.rate:g}, "
          f"{options.epochs} epochs, online")  # fmt: skip
    print("folds: " + "  ".join(f"{score:.3f}%" for score in scores))
    print(f"mean: {scores.mean():.3f}%  spread: {scores.std():.3f}  time: {seconds:.3f} s")
    if not options.no_extensions:
        print("\nWhat the textbook suggests next, on the same folds:")
        for done, (name, changes) in enumerate(EXTENSIONS.items()):
            show_progress(done, len(EXTENSIONS), name)
            scores = accuracies(textbook_classifier(options, **changes))
            show_progress(done, len(EXTENSIONS), "")
            print(f"  {name:<28} mean: {scores.mean():.3f}%  spread: {scores.std():.3f}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
