"""Callbacks for training, on scikit-learn's own protocol: they need scikit-learn 1.9 or later.

``estimator.set_callbacks(...)`` takes these, scikit-learn's `ProgressBar` and
`ScoringMonitor`, and your own.
"""

from __future__ import annotations

import copy
import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sklearn.metrics import check_scoring

from ._base import BaseBackprop
from ._parameters import Interval, check_integer
from .persistence import load, save

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from ._typing import Rows, Scoring

__all__ = ["Checkpoint", "EarlyStopping", "WeightRecorder"]

_MIN_DELTA = Interval(0)


class _EpochCallback(ABC):
    """A callback that is told of epochs, and keeps apart the fits that it serves.

    Clones share their callbacks, and may be fitted side by side: what is remembered of a fit
    is kept under its place in the tree of tasks.
    """

    def setup(self, estimator: BaseBackprop, context: Any) -> None:
        """Called by `fit` before training."""
        if not isinstance(estimator, BaseBackprop):
            raise TypeError(
                f"{type(self).__name__} is for BackpropClassifier and BackpropRegressor. Got "
                f"{type(estimator).__name__}."
            )
        if estimator.n_members > 1:
            raise ValueError(
                f"{type(self).__name__} watches the training of one network: n_members must be "
                f"1. Got {estimator.n_members!r}."
            )
        self._fits()[_place(context)] = self._on_fit_begin(estimator)

    def on_fit_task_begin(self, estimator: BaseBackprop, context: Any) -> None:  # noqa: B027
        """Called by `fit` before each epoch: nothing is to be done then."""

    def on_fit_task_end(
        self,
        estimator: BaseBackprop,
        context: Any,
        *,
        fitted_estimator: BaseBackprop | None = None,
    ) -> bool:
        """Called by `fit` after each epoch, and when the estimator is fitted."""
        fits, place = self._fits(), _place(context)
        if place in fits:
            self._fit_ends(fits[place], estimator)
            return False
        # After a step that overflowed there is nothing to look at.
        if fitted_estimator is None:
            return False
        place = _place(context.parent)
        if fitted_estimator.n_iter_ == 1:  # also where training diverged and begins again
            fits[place] = self._on_fit_begin(estimator)
        return self._epoch_ends(fits[place], fitted_estimator)

    def teardown(self, estimator: BaseBackprop, context: Any) -> None:
        """Called by `fit` at the end, whether or not it went well."""
        self._fits().pop(_place(context), None)

    def _fits(self):
        return vars(self).setdefault("_running", {})

    def _on_fit_begin(self, estimator):
        """What to remember of a fit."""
        return None

    @abstractmethod
    def _epoch_ends(self, memory, fitted):
        """What to do after an epoch; whether to end training."""

    @abstractmethod
    def _fit_ends(self, memory, estimator):
        """What to do when the estimator is fitted."""

    def __getstate__(self):
        # Fits that run in this process are no business of another's.
        return {name: value for name, value in vars(self).items() if name != "_running"}


def _place(context):
    """What tells this task from all others, here and in a copy of the context."""
    ids = []
    root = context.root_uuid
    while context is not None:
        ids.append(context.task_id)
        context = context.parent
    return root, *ids


def _check_count(name, value, owner):
    check_integer(f"The {name!r} parameter of {owner}", value, 1)


class EarlyStopping(_EpochCallback):
    """End training when a loss or score no longer improves, and keep the best network [1]_.

    Monitored is the training loss or, if validation data are given, the score on them; NaN is
    worse than any number. The estimator's own ``early_stopping=True`` does the same with rows
    that it holds out. This callback is for data, scorers and patience that should stay out of
    the parameters.

    Parameters
    ----------
    X_val : {array-like, sparse matrix} of shape (n_val, n_features), default=None
        Rows that are not trained on. None monitors the training loss.
    y_val : array-like of shape (n_val,) or (n_val, n_outputs), default=None
        The targets of `X_val`.
    scoring : str, callable or None, default=None
        How `X_val` is scored, larger being better: the name of a scorer of scikit-learn, a
        callable ``scoring(estimator, X, y) -> float``, or the estimator's own `score`.
    patience : int >= 1, default=10
        How many epochs in a row may bring no improvement before training ends.
    min_delta : float >= 0, default=0.0
        An improvement of the loss or score by no more than this counts as none.
    restore_best : bool, default=True
        Whether the network of the best epoch is the one that predicts in the end, and not
        that of the last. Training that is resumed goes on from the last in either case. Of
        epochs with equal scores, that with the smallest training loss is the best.

    Attributes
    ----------
    best_ : float
        The smallest loss or the largest score in the latest fit; NaN if there was no other.
    best_epoch_ : int
        Its epoch, counted from 0 within the call of `fit`. Neither attribute comes back from
        another process.
    stopped_ : bool
        Whether the callback ended the training.

    Raises
    ------
    ValueError
        If a parameter is not as described.

    See Also
    --------
    Checkpoint : Writes the network to a file now and then.

    References
    ----------
    .. [1] Prechelt, L. (1998). Early stopping - but when? In: Neural Networks: Tricks of the
       Trade, LNCS 1524, 55-69.

    Examples
    --------
    >>> from sklearn.model_selection import train_test_split
    >>> from skbackprop import BackpropClassifier
    >>> from skbackprop.callbacks import EarlyStopping
    >>> from skbackprop.datasets import load_wheat_seeds
    >>> X, y = load_wheat_seeds(return_X_y=True)
    >>> X, X_val, y, y_val = train_test_split(X, y, random_state=0)
    >>> stopping = EarlyStopping(X_val, y_val, scoring="neg_log_loss", patience=5)
    >>> clf = BackpropClassifier((8,), batch_size=8, max_iter=2000, random_state=0)
    >>> _ = clf.set_callbacks(stopping).fit(X, y)
    >>> stopping.stopped_, clf.n_iter_ < 2000
    (True, True)
    """

    def __init__(
        self,
        X_val: Rows | None = None,
        y_val: ArrayLike | None = None,
        *,
        scoring: Scoring = None,
        patience: int = 10,
        min_delta: float = 0.0,
        restore_best: bool = True,
    ) -> None:
        if (X_val is None) != (y_val is None):
            raise ValueError("X_val and y_val must be given together, or neither of them.")
        if X_val is None and scoring is not None:
            raise ValueError(
                f"The 'scoring' parameter needs X_val and y_val. Got scoring={scoring!r}."
            )
        _check_count("patience", patience, "EarlyStopping")
        if not _MIN_DELTA.accepts(min_delta):
            raise ValueError(
                f"The 'min_delta' parameter of EarlyStopping must be {_MIN_DELTA}. Got "
                f"{min_delta!r}."
            )
        self.X_val, self.y_val, self.scoring = X_val, y_val, scoring
        self.patience, self.min_delta, self.restore_best = patience, min_delta, restore_best

    def _on_fit_begin(self, estimator):
        return _Best(None if self.X_val is None else check_scoring(estimator, self.scoring))

    def _epoch_ends(self, best, fitted):
        if self.X_val is None:
            value = -float(fitted.loss_)
        else:
            value = float(best.scorer(fitted, self.X_val, self.y_val))
        epoch, score = fitted.n_iter_ - 1, -math.inf if math.isnan(value) else value
        improved = best.params is None or score > best.score + self.min_delta
        if improved:
            best.improved_at = epoch
        if improved or (score == best.score and fitted.loss_ < best.loss):
            best.value, best.score, best.loss = value, score, fitted.loss_
            best.epoch, best.params = epoch, fitted._params
        best.stopped = epoch - best.improved_at >= self.patience
        return best.stopped

    def _fit_ends(self, best, estimator):
        self.best_ = -best.value if self.X_val is None else best.value
        self.best_epoch_, self.stopped_ = best.epoch, best.stopped
        if self.restore_best and best.params is not None:
            estimator._predict_with(best.params)


class _Best:
    """The best network of a fit so far.

    `value` is what was monitored; `score` is the same, with NaN below any number.
    """

    def __init__(self, scorer):
        self.scorer = scorer
        self.value, self.epoch, self.params = math.nan, None, None
        self.score, self.loss = -math.inf, math.inf
        self.improved_at = 0
        self.stopped = False


class Checkpoint(_EpochCallback):
    """Write the network to a file every few epochs, so that a killed training can be resumed.

    The file is always whole: a new one replaces the old in one step. It holds all that
    training needs, and resumed training ends at the same bits as training that was never
    interrupted.

    Parameters
    ----------
    path : str or path-like
        The file, as `skbackprop.persistence.save` writes it. Estimators that are fitted side
        by side need a path each.
    every : int >= 1, default=1
        After how many epochs to write. The network at the end of `fit` is always written.

    Raises
    ------
    ValueError
        If `every` is not an integer >= 1.

    See Also
    --------
    skbackprop.persistence.load : Reads the file without going on.

    Notes
    -----
    The same bits need the same data, parameters and version of the package. Training that
    diverges after it was resumed starts again from where it was resumed, and not from the
    beginning. Other callbacks do not remember what they saw before.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from skbackprop import BackpropClassifier
    >>> from skbackprop.callbacks import Checkpoint
    >>> from skbackprop.datasets import load_wheat_seeds
    >>> X, y = load_wheat_seeds(return_X_y=True)
    >>> clf = BackpropClassifier((5,), max_iter=40, random_state=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     checkpoint = Checkpoint(Path(folder) / "seeds.skbp", every=10)
    ...     _ = clf.set_callbacks(checkpoint).fit(X, y)
    ...     # Had the process been killed, this would go on from the last whole file.
    ...     same = checkpoint.resume(X, y)
    >>> bool((same.predict_proba(X) == clf.predict_proba(X)).all())
    True
    """

    def __init__(self, path: str | PathLike[str], *, every: int = 1) -> None:
        _check_count("every", every, "Checkpoint")
        self.path, self.every = Path(path), every

    def resume(
        self, X: Rows, y: ArrayLike, *, callbacks: Sequence[Any] = (), **fit_params: Any
    ) -> BaseBackprop:
        """Go on with the training that wrote the file, up to its `max_iter` epochs.

        Parameters
        ----------
        X, y : array-like
            The data of the interrupted call of `fit`.
        callbacks : sequence of callbacks, default=()
            More callbacks, besides this one, which goes on writing.
        **fit_params : object
            What else `fit` was given, such as ``sample_weight``.

        Returns
        -------
        estimator : BackpropClassifier or BackpropRegressor
            Fitted, with the parameters of the interrupted one. If all epochs were made, or
            nothing was left to improve, it is as the file has it.

        Raises
        ------
        OSError, ValueError
            If there is no file, or it is refused; and as `fit` does.
        """
        estimator = load(self.path)
        estimator.set_callbacks(self, *callbacks)
        asked = {name: getattr(estimator, name) for name in ("max_iter", "warm_start")}
        done = estimator.n_iter_
        counters = estimator._train_state.counters
        left = counters.target_epoch - counters.epochs
        if estimator.converged_ or left <= 0:
            return estimator
        self._resumed = done, asked
        try:
            estimator.set_params(max_iter=left, warm_start=True)
            estimator.fit(X, y, **fit_params)
        finally:
            del self._resumed
        return _as_if_uninterrupted(estimator, done, asked)

    def _epoch_ends(self, memory, fitted):
        if fitted.n_iter_ % self.every == 0:
            self._write(fitted)
        return False

    def _fit_ends(self, memory, estimator):
        self._write(copy.copy(estimator))

    def _write(self, fitted):
        if "_resumed" in vars(self):
            _as_if_uninterrupted(fitted, *self._resumed)
        save(fitted, self.path)


def _as_if_uninterrupted(estimator, done, asked):
    """Make the last of two calls of `fit` look as if it had been the only one."""
    estimator.n_iter_ += done
    return estimator.set_params(**asked)


class WeightRecorder(_EpochCallback):
    """Keep the weights of every few epochs, for pictures that move.

    Parameters
    ----------
    every : int >= 1, default=1
        After how many epochs to take a copy: epoch 0 and every so many after it.

    Attributes
    ----------
    epochs_ : list of int
        The epochs after which a copy was taken, counted from 0 within the call of `fit`.
    coefs_ : list of lists of ndarrays
        For each of them the estimator's `coefs_`.
    intercepts_ : list of lists of ndarrays
        For each of them its `intercepts_`.

    Raises
    ------
    ValueError
        If `every` is not an integer >= 1.

    Notes
    -----
    The attributes are of the fit that ended last, and do not come back from another process.

    Examples
    --------
    >>> from skbackprop import BackpropClassifier
    >>> from skbackprop.callbacks import WeightRecorder
    >>> from skbackprop.datasets import load_wheat_seeds
    >>> X, y = load_wheat_seeds(return_X_y=True)
    >>> recorder = WeightRecorder(every=10)
    >>> clf = BackpropClassifier((5,), max_iter=40, random_state=0)
    >>> _ = clf.set_callbacks(recorder).fit(X, y)
    >>> recorder.epochs_
    [0, 10, 20, 30]
    >>> [layer.shape for layer in recorder.coefs_[-1]]
    [(7, 5), (5, 3)]
    """

    def __init__(self, *, every: int = 1) -> None:
        _check_count("every", every, "WeightRecorder")
        self.every = every

    def _on_fit_begin(self, estimator):
        return [], [], []

    def _epoch_ends(self, memory, fitted):
        epoch = fitted.n_iter_ - 1
        if epoch % self.every == 0:
            for kept, value in zip(
                memory, (epoch, fitted.coefs_, fitted.intercepts_), strict=True
            ):
                kept.append(value)
        return False

    def _fit_ends(self, memory, estimator):
        self.epochs_, self.coefs_, self.intercepts_ = memory
