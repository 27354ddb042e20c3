"""Whether an ONNX model predicts what the estimator predicts, on some rows."""

import numpy as np
from sklearn.base import is_classifier, is_regressor

# Rows that are compared; what probabilities may differ by, and predictions, as a share of the
# largest of them. Single precision stays far below both.
_ROWS = 1000
_TOLERANCE = 1e-3
_SHARE = 1e-2


def check_predictions(model, estimator, X, cells):
    """Raise a ValueError if an ONNX model predicts something else than its estimator.

    Parameters
    ----------
    model : onnx.ModelProto
        As `to_onnx` makes it: without dictionaries of probabilities.
    estimator : estimator
        A classifier or a regressor; of anything else, and without onnxruntime, nothing is
        compared.
    X : ndarray or DataFrame of shape (n_samples, n_features)
        The first 1000 rows are predicted.
    cells : ndarray or DataFrame of shape (n_samples, n_features)
        The same as the model takes them.
    """
    if not (is_classifier(estimator) or is_regressor(estimator)) or not len(X):
        return
    try:
        import onnxruntime
    except ImportError:
        return
    X, cells = X[:_ROWS], cells[:_ROWS]
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    if hasattr(cells, "iloc"):
        columns = (cells.iloc[:, [at]].to_numpy() for at in range(cells.shape[1]))
    else:
        columns = [cells]
    names = [each.name for each in session.get_inputs()]
    answers = session.run(None, dict(zip(names, columns, strict=True)))
    compare = _compare_classes if is_classifier(estimator) else _compare_numbers
    found = compare(estimator, X, answers)
    if found:
        raise ValueError(
            f"The ONNX model that skl2onnx makes of this {type(estimator).__name__} is not "
            f"right: {found} on the rows of X. See the page on export for the compositions "
            "that skl2onnx cannot convert. Where the rows ask for more than single precision "
            "holds, pass X in float64. skl2onnx.to_onnx compares nothing."
        )


def _compare_numbers(estimator, X, answers):
    expected, found = estimator.predict(X), answers[0]
    if not _fits(found, expected):
        return f"it has predictions of shape {found.shape} in place of {expected.shape}"
    gap = _largest_gap(found.reshape(expected.shape), expected)
    largest = np.abs(expected[np.isfinite(expected)]).max(initial=0)
    return f"its predictions differ by up to {gap:.2g}" if gap > _SHARE * largest else None


def _fits(found, expected):
    """Whether it has the same shape; ONNX may have one column where there is none."""
    return found.shape in (expected.shape, (*expected.shape, 1)[:2])


def _compare_classes(estimator, X, answers):
    labels, predicted = answers[0], estimator.predict(X)
    if not _fits(labels, predicted):
        return f"it has labels of shape {labels.shape} in place of {predicted.shape}"
    differ = labels.reshape(predicted.shape) != predicted
    if hasattr(estimator, "predict_proba"):
        p = estimator.predict_proba(X)
        expected, found = (
            np.hstack(each) if isinstance(each, list) else each for each in (p, answers[1])
        )
        if found.shape != expected.shape:
            return f"it has probabilities of shape {found.shape} in place of {expected.shape}"
        gap = _largest_gap(found, expected)
        if gap > _TOLERANCE:
            return f"its probabilities differ by up to {gap:.2g}"
        differ &= ~_is_tied(p, predicted)
    return f"{differ.sum()} of {differ.size} labels differ" if differ.any() else None


def _is_tied(p, predicted):
    """Where a label may be another for a difference within the tolerance."""
    if isinstance(p, list):  # several columns of classes
        columns = zip(p, predicted.T, strict=True)
        return np.column_stack([_is_tied(each, column) for each, column in columns])
    if predicted.ndim == 2:  # several labels
        return np.abs(p - 0.5) <= _TOLERANCE
    return np.ptp(np.sort(p, axis=1)[:, -2:], axis=1) <= 2 * _TOLERANCE


def _largest_gap(found, expected):
    """The largest difference; infinite where one is not a number and the other is."""
    with np.errstate(invalid="ignore"):
        gaps = np.abs(found - expected)
    gaps[(found == expected) | (np.isnan(found) & np.isnan(expected))] = 0
    return float(np.nan_to_num(gaps, nan=np.inf).max())
