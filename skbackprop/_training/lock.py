"""One thread at a time trains an estimator; others wait for it."""

import os
from threading import RLock
from weakref import WeakKeyDictionary


class _Locks:
    """The locks of the estimators of this process, which are no part of their state."""

    def __init__(self):
        self.forget()

    def forget(self):
        self.by_estimator = WeakKeyDictionary()


_LOCKS = _Locks()
if hasattr(os, "register_at_fork"):
    # A thread that holds a lock does not come along, and would never release it.
    os.register_at_fork(after_in_child=_LOCKS.forget)


def training_lock(estimator):
    """Return the lock of an estimator.

    A thread may acquire it again, so that a callback can train the estimator that called it.
    """
    locks = _LOCKS.by_estimator
    lock = locks.get(estimator)
    return locks.setdefault(estimator, RLock()) if lock is None else lock
