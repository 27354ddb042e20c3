"""The data that the examples use."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any, Literal, overload

import numpy as np
from sklearn.utils import Bunch

_HERE = Path(__file__).parent
# Inside the package where it is installed, beside it in a checkout.
_FOLDERS = (_HERE / "data", _HERE.parent / "data")

WHEAT_VARIETIES = ("Kama", "Rosa", "Canadian")


@overload
def load_wheat_seeds(
    *, return_X_y: Literal[True], as_frame: bool = False
) -> tuple[Any, Any]: ...


@overload
def load_wheat_seeds(
    *, return_X_y: Literal[False] = False, as_frame: bool = False
) -> Bunch: ...


def load_wheat_seeds(*, return_X_y: bool = False, as_frame: bool = False) -> Any:
    """Load the wheat seeds data: 210 kernels of three varieties, 7 measurements each.

    Parameters
    ----------
    return_X_y : bool, default=False
        Whether to return ``(data, target)`` alone.
    as_frame : bool, default=False
        Whether the data are a pandas DataFrame and the target is a Series.

    Returns
    -------
    bunch : sklearn.utils.Bunch
        ``data`` of shape (210, 7), lengths in millimeters and the area in square
        millimeters; ``target`` of shape (210,), the variety as 1, 2 or 3, 70 of each;
        ``feature_names``; ``target_names``; ``frame``, with `as_frame`; ``filename``.
    (data, target) : tuple
        With `return_X_y`.

    Raises
    ------
    ImportError
        If `as_frame` is asked for and pandas is not installed.

    References
    ----------
    Charytanowicz, M., Niewczas, J., Kulczycki, P., Kowalski, P. and Lukasik, S. (2010).
    Seeds. UCI Machine Learning Repository, https://doi.org/10.24432/C5H30K, CC BY 4.0.

    Examples
    --------
    >>> from skbackprop.datasets import load_wheat_seeds
    >>> X, y = load_wheat_seeds(return_X_y=True)
    >>> X.shape
    (210, 7)
    """
    path = _find("wheat-seeds.csv")
    with path.open(newline="", encoding="utf-8") as file:
        header, *lines = csv.reader(file)
    table = np.asarray(lines, dtype=np.float64)
    data, target = table[:, :-1], table[:, -1].astype(np.int64)
    frame = None
    if as_frame:
        frame = _as_frame(data, target, header)
        data, target = frame[header[:-1]], frame[header[-1]]
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        frame=frame,
        feature_names=header[:-1],
        target_names=np.array(WHEAT_VARIETIES),
        filename=str(path),
    )


def _find(name):
    for folder in _FOLDERS:
        if (folder / name).is_file():
            return folder / name
    raise FileNotFoundError(f"{name} is in none of {[str(folder) for folder in _FOLDERS]}")


def _as_frame(data, target, header):
    try:
        import pandas as pd
    except ImportError as error:
        raise ImportError(
            "as_frame=True needs pandas: python -m pip install 'skbackprop[pandas]'"
        ) from error
    return pd.DataFrame(data, columns=header[:-1]).assign(**{header[-1]: target})
