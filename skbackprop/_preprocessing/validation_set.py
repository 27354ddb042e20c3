"""The validation set: given, or held out from the training samples."""

import copy

import numpy as np
from sklearn.metrics import get_scorer

from .._engine.hashing import hash_data
from .._engine.sampling import hold_out
from .._engine.training import ValidationResult, mean_loss
from .input_encoding import InputEncoder


class ValidationSet:
    """Samples that are not trained on, and how a network does on them.

    Parameters
    ----------
    samples : Samples
    targets : ndarray
        The targets of these as the network takes them.
    """

    def __init__(self, samples, targets):
        self.X, self.y, self.targets = samples.X, samples.y, targets
        self.weights = np.ones(len(self.y)) if samples.weights is None else samples.weights

    def make_evaluator(self, estimator, network, scaling):
        """A function from parameters to an `ValidationResult`."""
        # Scorers see the rows as they came. The loss does not depend on their order.
        order = np.lexsort((self.weights, hash_data(self.X, self.targets)))
        X, Y = scaling.transform(self.X[order], self.targets[order])
        weights = self.weights[order]
        scorer = _scorer(estimator.scoring)
        view = None if scorer is None else _view(estimator, network, scaling)

        def evaluate(params):
            loss = mean_loss(network, params, X, Y, weights)
            if view is None:
                return ValidationResult(loss)
            if not np.isfinite(loss):
                return ValidationResult(loss, float("nan"))
            view._params = params
            return ValidationResult(loss, float(scorer(view, self.X, self.y, self.weights)))

        return evaluate


def _scorer(scoring):
    """``scorer(estimator, X, y, weights)``, or None for the loss."""
    if scoring is None:
        return None
    if scoring == "score":
        return lambda estimator, X, y, weights: estimator.score(X, y, sample_weight=weights)
    scorer = get_scorer(scoring) if isinstance(scoring, str) else scoring
    return lambda estimator, X, y, weights: scorer(estimator, X, y, **_weights(scorer, weights))


def _weights(scorer, weights):
    """Scorers of scikit-learn's kind take weights; a user's own function need not."""
    takes_them = hasattr(scorer, "_score_func")
    return {"sample_weight": weights} if takes_them and not (weights == 1).all() else {}


def _view(estimator, network, scaling):
    """The estimator as it would be if training ended now, for a scorer."""
    view = copy.copy(estimator)
    view._network, view._scaling = network, scaling
    # It is given inputs that are encoded already.
    view.n_features_in_ = network.layer_sizes[0]
    view._input_encoder = InputEncoder.identity(network.layer_sizes[0])
    # Rows reach the scorer as arrays, without the names of their columns.
    vars(view).pop("feature_names_in_", None)
    return view


# Relative to the mean weight of all rows; the sum of smaller ones has no exact inverse.
_SMALLEST_WEIGHT = 1e-200


def check_training_weights(weights, rows):
    """Raise an error if the validation set has taken the weight of all rows."""
    if weights is not None and weights[rows].max() < _SMALLEST_WEIGHT:
        raise ValueError(
            "All entries of sample_weight are zero, beside those of the validation set, for "
            "the rows that are left to train on. Give validation data as X_val and y_val, or "
            "weights of similar size."
        )


def copy_counts(weights, n_rows):
    """To be held out, a row counts as one, and a weight of several as so many copies."""
    return np.ones(n_rows) if weights is None else np.maximum(weights, 1.0)


def split(rows, hashes, strata, counts, fraction, seed):
    """Divide `rows` into those to train on and those to hold out, each in their order.

    `hashes` and `counts`, the number of copies that a row stands for, are of every row of
    the data, `strata` of `rows`. Where the strata are classes, each gives its share.

    Raises
    ------
    ValueError
        If there are too few rows to train on and to set aside.
    """
    chosen = hold_out(hashes[rows], strata, counts[rows], fraction, seed)
    if counts[rows][chosen].sum() < 2 or chosen.all():
        raise ValueError(
            "The validation set is too small. Increase 'validation_fraction' or the size of "
            f"your dataset. Got validation_fraction={fraction!r} of {len(rows)} rows."
        )
    return rows[~chosen], rows[chosen]


def split_frequent(rows, hashes, strata, counts, fraction, seed):
    """Divide `rows` as `split` does, and keep all rows of rare strata to train on.

    Rare are those of which the fraction is less than a row; nothing is held out if all are.
    """
    is_frequent = fraction * np.bincount(strata, counts[rows])[strata] >= 1
    frequent = rows[is_frequent]
    chosen = np.zeros(len(rows), dtype=bool)
    chosen[is_frequent] = hold_out(
        hashes[frequent], strata[is_frequent], counts[frequent], fraction, seed
    )
    return rows[~chosen], rows[chosen]
