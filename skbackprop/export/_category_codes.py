"""The numbers that stand for categories where a network is written for another language."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._fitted_view import check_estimator_type

if TYPE_CHECKING:
    from .._base import BaseBackprop


def category_codes(estimator: BaseBackprop) -> dict[Any, dict[Any, int]]:
    """Return the code of each category, as networks in C and PyTorch take them.

    Parameters
    ----------
    estimator : BackpropClassifier or BackpropRegressor
        A fitted estimator.

    Returns
    -------
    codes : dict
        For each categorical column, by its name or else its number, a dictionary from its
        categories to 0, 1, 2, ... Any other number is a category that training lacked, and NaN
        a missing cell. Empty for an estimator without categories.

    Raises
    ------
    TypeError
        If `estimator` is of another class.
    sklearn.exceptions.NotFittedError
        If it is not fitted.

    Examples
    --------
    >>> import pandas as pd
    >>> from skbackprop import BackpropClassifier
    >>> from skbackprop.export import category_codes
    >>> X = pd.DataFrame({"color": ["red", "blue", "red", "blue"]})
    >>> clf = BackpropClassifier((2,), max_iter=5, random_state=0).fit(X, [0, 1, 0, 1])
    >>> category_codes(clf)
    {'color': {'blue': 0, 'red': 1}}
    """
    check_estimator_type(estimator)
    names = getattr(estimator, "feature_names_in_", None)
    codes = {}
    for levels in estimator._input_encoder.levels:
        name = levels.column if names is None else str(names[levels.column])
        codes[name] = {level: code for code, level in enumerate(levels.values())}
    return codes
