"""Whether a difference between two models over the same folds is more than noise."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import t


@dataclass(frozen=True)
class Difference:
    """The mean difference of two scores over the same folds, and its 95% interval.

    Attributes
    ----------
    mean, low, high : float
        The mean and the bounds of the interval.
    """

    mean: float
    low: float
    high: float

    @property
    def is_noise(self):
        """Whether the interval holds zero."""
        return self.low <= 0 <= self.high


def compare_scores(scores, others, n_folds):
    """Return the Difference of two arrays of scores, one number per fold.

    The folds share most of their training samples, so the variance is the corrected one of the
    reference: it is multiplied by 1 / k + 1 / (k - 1) for k folds.

    References
    ----------
    Nadeau, C. and Bengio, Y. (2003). Inference for the generalization error. Machine Learning,
    52, 239-281.
    """
    differences = np.asarray(scores, dtype=float) - np.asarray(others, dtype=float)
    mean = differences.mean()
    variance = differences.var(ddof=1) * (1 / n_folds + 1 / (n_folds - 1))
    half = t.ppf(0.975, n_folds - 1) * np.sqrt(variance)
    return Difference(float(mean), float(mean - half), float(mean + half))
