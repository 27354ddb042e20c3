"""``skbackprop`` without a command: the tutorial's case study, the wheat seeds."""

import time

import numpy as np
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.metrics import confusion_matrix
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler
from sklearn.utils import shuffle

from .. import BackpropClassifier
from .._parameters import Interval, check_parameters
from ..datasets import WHEAT_VARIETIES, load_wheat_seeds
from ..presets import TEXTBOOK
from ..tables._differences import compare_scores
from .console import ProgressBar, print_heading, print_table, print_text

TUTORIAL = "the tutorial's network"
DEFAULT = "BackpropClassifier()"
SEARCH = "a small grid search"
# What the tutorial suggests to try next, each as a change to its settings.
EXTENSIONS = {
    "+ 4 times the epochs": {"max_iter": 2000},
    "+ two hidden layers": {
        "hidden_layer_sizes": (5, 5), "weight_init": "glorot_uniform", "max_iter": 1000,
    },
    "+ tanh activation": {
        "activation": "tanh", "weight_init": "glorot_uniform", "max_iter": 1000,
    },
    "+ batch learning": {
        "batch_size": "full", "learning_rate_init": 1.0, "momentum": 0.9, "max_iter": 3000,
    },
}  # fmt: skip
GRID = {
    "network__hidden_layer_sizes": [(16,), (64, 64)],
    "network__activation": ["tanh", "relu"],
    "network__alpha": ["auto", 0.0],
}


def add_options(parser):
    """Add the options of the case study."""
    add = parser.add_argument
    add("--hidden", type=int, nargs="*", default=[5], help="neurons in each hidden layer")
    add("--rate", type=float, default=0.3, help="learning rate")
    add("--epochs", type=int, default=500, help="epochs of training")
    add("--folds", type=int, default=5, help="folds of the cross-validation")
    add("--seed", type=int, default=1, help="seed of the folds and of the initial weights")
    add("--no-extensions", action="store_true", help="only the tutorial's network, the "
        "baseline and the default")  # fmt: skip
    parser.set_defaults(run=run)


def run(options, parser):
    """Run the case study; return the exit code."""
    _check_options(options, parser)
    # The file is sorted by variety, and the tutorial's network takes samples in given order.
    X, y = shuffle(*load_wheat_seeds(return_X_y=True), random_state=options.seed)
    _print_introduction(options, X, y)
    models = _make_models(options)
    results = {}
    with ProgressBar() as progress:
        for i, (name, model) in enumerate(models.items()):
            progress(i, len(models), name)
            results[name] = _cross_validate(model, X, y, KFold(options.folds))
        progress(len(models), len(models), "")
    _print_results(results, y)
    _print_differences(results, options.folds)
    _print_confusion(results, y)
    _print_next()
    return 0


def _check_options(options, parser):
    """End with exit code 2 and a message if an option is impossible."""
    try:
        check_parameters(_tutorial_classifier(options))
    except ValueError as error:
        parser.error(str(error))
    for name, allowed in (("folds", Interval(2, 210)), ("seed", Interval(0, 2**32 - 1))):
        if not allowed.accepts(getattr(options, name)):
            parser.error(f"--{name} must be {allowed}. Got {getattr(options, name)}.")


def _tutorial_classifier(options, **changes):
    """Return the tutorial's network with the options' settings, and some changes to them."""
    settings = {
        **TEXTBOOK,
        "hidden_layer_sizes": tuple(options.hidden),
        "learning_rate_init": options.rate,
        "max_iter": options.epochs,
        "random_state": options.seed,
    }
    return BackpropClassifier(**settings | changes)


def _make_models(options):
    default = BackpropClassifier(random_state=options.seed)
    models = {
        "majority class (baseline)": DummyClassifier(strategy="most_frequent"),
        TUTORIAL: make_pipeline(MinMaxScaler(), _tutorial_classifier(options)),
    }
    if not options.no_extensions:
        for name, changes in EXTENSIONS.items():
            classifier = _tutorial_classifier(options, **changes)
            models[name] = make_pipeline(MinMaxScaler(), classifier)
    models[DEFAULT] = default
    if not options.no_extensions:
        pipeline = Pipeline([("scale", MinMaxScaler()), ("network", clone(default))])
        models[SEARCH] = GridSearchCV(pipeline, GRID, scoring="neg_log_loss", cv=5)
    return models


class _Result:
    """The out-of-fold predictions of a model, and the accuracy and seconds of its folds."""

    def __init__(self, n_samples):
        self.predicted = np.zeros(n_samples, dtype=int)
        self.accuracies = []
        self.seconds = []
        self.found = []


def _cross_validate(model, X, y, folds):
    result = _Result(len(y))
    for train, test in folds.split(X):
        began = time.perf_counter()
        fitted = clone(model).fit(X[train], y[train])
        result.predicted[test] = fitted.predict(X[test])
        result.seconds.append(time.perf_counter() - began)
        result.accuracies.append(100 * np.mean(result.predicted[test] == y[test]))
        if hasattr(fitted, "best_params_"):
            result.found.append(fitted.best_params_)
    return result


def _print_introduction(options, X, y):
    print_text(
        "Jason Brownlee's tutorial \"How to Code a Neural Network with Backpropagation In "
        'Python (from scratch)" (Machine Learning Mastery, 2016) classifies the wheat seeds '
        "with 93.333% accuracy in 5-fold cross-validation."
    )
    print()
    print_text(f"wheat seeds: {X.shape[0]} rows, {X.shape[1]} inputs, {len(set(y))} classes; "
               f"{options.folds} folds, the same for all models")  # fmt: skip
    hidden = ", ".join(map(str, options.hidden)) or "no"
    print_text(f"{TUTORIAL}: {hidden} logistic hidden neurons, learning rate "
               f"{options.rate:g}, {options.epochs} epochs, online")  # fmt: skip
    network = _tutorial_classifier(options, max_iter=1)
    engine = network.fit(MinMaxScaler().fit_transform(X), y).engine_
    print_text(f"implementation: {engine}"
               + ("" if engine == "compiled" else " (no compiled kernel: slower)"))  # fmt: skip
    print(flush=True)


def _print_results(results, y):
    rows = [
        [name, f"{np.mean(result.accuracies):.3f}%", f"{np.std(result.accuracies):.3f}",
         f"{np.sum(result.seconds):.2f}"]
        for name, result in results.items()
    ]  # fmt: skip
    print_table(["model", "accuracy", "std", "seconds"], rows, {list(results).index(DEFAULT)})
    if SEARCH in results:
        found = results[SEARCH].found
        commonest = max(found, key=found.count)
        print_text(
            f"The search took most often ({found.count(commonest)} of {len(found)} folds): "
            + ", ".join(
                f"{name.removeprefix('network__')}={value!r}"
                for name, value in commonest.items()
            )
        )


def _print_differences(results, n_folds):
    """Print which models differ from the default by more than noise."""
    noise, real = [], []
    for name, result in results.items():
        if name == DEFAULT or name.startswith("majority"):
            continue
        difference = compare_scores(results[DEFAULT].accuracies, result.accuracies, n_folds)
        (noise if difference.is_noise else real).append(name)
    print()
    if noise:
        print_text(
            f"Within the noise of {n_folds} folds (corrected t interval, 95%), the accuracy of "
            f"the default, {DEFAULT}, does not differ from: {', '.join(noise)}."
        )
    if real:
        print_text(f"It differs by more than noise from: {', '.join(real)}.")


def _print_confusion(results, y):
    best = max(results, key=lambda name: np.mean(results[name].accuracies))
    print_heading(f"Confusion matrix of the best mean, {best} (true in rows):")
    counts = confusion_matrix(y, results[best].predicted)
    rows = [
        [variety, *map(str, row)] for variety, row in zip(WHEAT_VARIETIES, counts, strict=True)
    ]
    print_table(["", *WHEAT_VARIETIES], rows)


def _print_next():
    print_heading("What to try next")
    print_text("  your own table:  skbackprop fit TABLE.csv   (pip install "
               "'skbackprop[tables]')", " " * 19)  # fmt: skip
    print_text("  a notebook:      notebooks/01_wheat_seeds.ipynb, the tutorial step by step")
    print_text("  documentation:   docs/index.md, docs/guide/tables.md")
