"""From the columns of a table to the inputs of a network, in ONNX."""

import numpy as np

_MISSING_TEXT = ""


def encode(graph, inputs, fitted):
    """Return the inputs of the network.

    Parameters
    ----------
    graph : _Graph
    inputs : list of variables of skl2onnx
        One with all columns, or one for each.
    fitted : FittedView

    Raises
    ------
    ValueError
        If a column holds text, or categories of both text and numbers, and ONNX cannot.
    """
    encoder = fitted.encoder
    if len(inputs) == 1:
        whole = inputs[0].full_name
        columns = [graph.columns(whole, k, 1) for k in range(encoder.n_features)]
        is_text = [_is_text(inputs[0])] * encoder.n_features
    else:
        columns = [each.full_name for each in inputs]
        is_text = [_is_text(each) for each in inputs]
    numbers = [graph.cast(columns[k], graph.dtype) for k in encoder.numeric]
    is_missing = [graph.node("IsNaN", column) for column in numbers]
    filled = [
        graph.node("Where", missing, graph.constant(fill), column)
        for missing, fill, column in zip(is_missing, fitted.fill, numbers, strict=True)
    ]
    binned = zip(filled, encoder.bins, strict=True)
    parts = [
        *filled,
        *(_bins(graph, column, ends) for column, ends in binned if len(ends)),
        *(
            graph.cast(is_missing[place], graph.dtype)
            for place in np.flatnonzero(encoder.has_indicator)
        ),
        *(
            _levels(
                graph,
                columns[category.levels.column],
                is_text[category.levels.column],
                category,
            )
            for category in encoder.categories
            if category.n_inputs
        ),
    ]
    return graph.node("Concat", *parts, axis=1)


def _is_text(variable):
    from skl2onnx.common.data_types import StringTensorType

    return isinstance(variable.type, StringTensorType)


def _bins(graph, column, ends):
    shares = graph.in_double(column, [("Sub", ends[:-1]), ("Div", np.diff(ends))])
    return graph.node("Min", graph.node("Max", shares, graph.constant(0)), graph.constant(1))


def _levels(graph, column, is_text, category):
    """The inputs of a categorical column."""
    levels = category.levels
    if is_text != bool(levels.texts) or (levels.texts and len(levels.numbers)):
        raise ValueError(
            f"Column {levels.column} has the categories {levels.values()[:5]}: pass X as a "
            "DataFrame in which all of them are text, or numbers, and fit on such."
        )
    positions = np.arange(len(levels))
    if is_text:
        keys = {"keys_strings": list(levels.texts)}
        if _MISSING_TEXT not in levels.texts:
            keys["keys_strings"].append(_MISSING_TEXT)
            positions = np.append(positions, len(levels) + 1)
    else:
        keys = {"keys_floats": _as_single(levels).tolist()}
        column = graph.cast(column, np.float32)
        is_missing = graph.node("IsNaN", column)
    place = graph.node(
        "LabelEncoder", column, op_domain="ai.onnx.ml", op_version=2, **keys,
        values_int64s=positions.tolist(), default_int64=len(levels),
    )  # fmt: skip
    if not is_text:
        missing = graph.constant(len(levels) + 1, np.int64)
        place = graph.node("Where", is_missing, missing, place)
    flat = graph.node("Reshape", place, graph.constant([-1], np.int64))
    return graph.node("Gather", graph.constant(category.table), flat, axis=0)


def _as_single(levels):
    with np.errstate(over="ignore"):
        single = levels.numbers.astype(np.float32)
    if (single != levels.numbers).any():
        raise ValueError(
            f"Column {levels.column} has categories that single precision does not hold, such "
            f"as {levels.numbers[single != levels.numbers][0]!r}. Fit on text or whole numbers."
        )
    return single


def as_plain_columns(X):
    """Return a DataFrame of the types that skl2onnx knows: NumPy's numbers, and text."""
    return X.assign(**{name: _plain(X[name]) for name in X.columns})


def _plain(column):
    categories = getattr(column, "cat", None)
    dtype = column.dtype if categories is None else categories.categories.dtype
    if categories is None and isinstance(dtype, np.dtype) and dtype.kind in "fiub":
        return column
    if dtype.kind in "fiub":
        of_numpy = getattr(dtype, "numpy_dtype", dtype)
        return column.astype(np.float64 if column.isna().any() else of_numpy)
    return column.astype(object).fillna(_MISSING_TEXT)
