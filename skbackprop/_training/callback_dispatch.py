"""scikit-learn's callbacks: what they see of training, and their absence before 1.9."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import sklearn

from .configuration import solver_class
from .history import extend_history

try:
    from sklearn.callback import CallbackSupportMixin
    from sklearn.callback import with_callbacks as _with_callbacks
except ImportError:  # scikit-learn before 1.9: the same shape, and nothing in it

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """An estimator that nobody can listen to."""

        def set_callbacks(self, *callbacks: Any) -> Any:
            """Refuse callbacks, which this version of scikit-learn knows nothing of."""
            raise ImportError(
                "Callbacks need scikit-learn 1.9 or later: python -m pip install "
                f"'scikit-learn>=1.9'. This is scikit-learn {sklearn.__version__}."
            )

        def _init_callback_context(self, **of_the_task):
            return _NullCallbackContext()

    class _NullCallbackContext:
        """A context without callbacks."""

        def call_on_fit_task_begin(self, **shown):
            return self

        def call_on_fit_task_end(self, **shown):
            return False

    def _with_callbacks(method):
        return method


Method = TypeVar("Method", bound=Callable[..., Any])


def with_callbacks(method: Method) -> Method:
    """Clean up after the callbacks that a call of the method had."""
    return _with_callbacks(method)


class CallbackDispatcher:
    """The callbacks of one call of `fit`.

    The call is a task of scikit-learn's kind, and each epoch is a task inside it. As long as
    nobody listens, an epoch costs nothing.

    Parameters
    ----------
    estimator : BaseBackprop
        Its parameters are checked.
    X, y, sample_weight : object
        As the user gave them, so that names of columns and the like are still there.
    """

    def __init__(self, estimator, X, y, sample_weight):
        metadata = {} if sample_weight is None else {"sample_weight": sample_weight}
        self._shown = {"estimator": estimator, "X": X, "y": y, "metadata": metadata}
        self._fit = estimator._init_callback_context(max_subtasks=None)
        # scikit-learn's own estimators ask in this way, too.
        self.listens = hasattr(estimator, "_skl_callbacks")
        # A solver of the whole problem may find that it is done instead of another epoch.
        self._calls_on_epoch_begin = not solver_class(estimator).whole_problem

    def fit_begins(self, max_epochs, state_of, before):
        """Tell that training is about to begin.

        Parameters
        ----------
        max_epochs : int
        state_of : callable
            ``state_of(train_state, result, history)``: the `FittedState` of training that
            has come that far.
        before : dict of lists
            The record of earlier calls.
        """
        self._state_of, self._before = state_of, before
        self._fit.max_subtasks = max_epochs
        self._fit.call_on_fit_task_begin(**self._shown)

    def training_begins(self, is_restart):
        """Training begins, or begins again because it diverged."""
        self._history, self._n_recorded = self._before, 0
        self._epoch = None
        if is_restart:
            self._fit.max_subtasks = None  # nobody knows any longer
        if self._calls_on_epoch_begin:
            self.epoch_begins()

    def epoch_begins(self):
        """Tell of an epoch that is about to begin."""
        self._epoch = self._fit.subcontext(task_name="epoch")
        self._epoch.call_on_fit_task_begin(**self._shown)

    def epoch_ends(self, train_state, result, is_sound):
        """Tell of an epoch that was trained; whether training should stop.

        An estimator with the weights of this moment is made only for those who ask, and
        only if it `is_sound`.
        """
        if self._epoch is None:
            self.epoch_begins()
        stop = self._epoch.call_on_fit_task_end(
            **self._shown,
            reconstruction_attributes=(
                (lambda: self._state_now(train_state, result)) if is_sound else None
            ),
        )
        self._epoch = None
        return stop

    def another_epoch(self):
        """Tell of the next epoch, if it is certain."""
        if self._calls_on_epoch_begin:
            self.epoch_begins()

    def fit_ends(self):
        """Tell that the estimator is fitted."""
        self._fit.call_on_fit_task_end(**self._shown, reconstruction_attributes={})

    def _state_now(self, train_state, result):
        new = result.records[self._n_recorded :]
        self._history = extend_history(self._history, new)
        self._n_recorded += len(new)
        return self._state_of(train_state.snapshot(), result, self._history).attributes()
