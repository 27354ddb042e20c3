"""A chain of scalers as one subtraction and one product per input."""

from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler
from sklearn.utils.validation import check_is_fitted

# What each scaler subtracts, and what it multiplies by.
_SCALERS = {
    MaxAbsScaler: lambda step: (0.0, 1 / step.scale_),
    MinMaxScaler: lambda step: (-step.min_ / step.scale_, step.scale_),
    RobustScaler: lambda step: (_or(step.center_, 0.0), 1 / _or(step.scale_, 1.0)),
    StandardScaler: lambda step: (
        step.mean_ if step.with_mean else 0.0,
        1 / _or(step.scale_, 1.0),
    ),
}


def _or(value, default):
    return default if value is None else value


def split(estimator):
    """The last step of a fitted pipeline, and what the steps before it amount to.

    Parameters
    ----------
    estimator : estimator or Pipeline
        The steps before the last must be scalers of scikit-learn or "passthrough".

    Returns
    -------
    last : estimator
    center, gain : float or ndarray of shape (n_inputs,)
        The last step is given ``(x - center) * gain``.

    Raises
    ------
    ValueError
        If a step does anything else.
    """
    center, gain = 0.0, 1.0
    while isinstance(estimator, Pipeline):
        *steps, (_, estimator) = estimator.steps
        for name, step in steps:
            if step is not None and step != "passthrough":
                center, gain = compose(center, gain, *_read(name, step))
    return estimator, center, gain


def compose(first_center, first_gain, center, gain):
    """``(x - first_center) * first_gain``, then ``(x - center) * gain``, as one of the two."""
    return first_center + center / first_gain, first_gain * gain


def _read(name, step):
    if type(step) not in _SCALERS:
        names = ", ".join(scaler.__name__ for scaler in _SCALERS)
        raise ValueError(
            f"The pipeline's step {name!r} must be 'passthrough' or one of {names}, which "
            f"the network's inputs can absorb. Got {type(step).__name__}."
        )
    check_is_fitted(step)
    if getattr(step, "clip", False):
        raise ValueError(
            f"The pipeline's step {name!r} clips its output: clip must be False. Got True."
        )
    return _SCALERS[type(step)](step)
