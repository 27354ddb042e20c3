"""Labels to numbers and back."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import sparse

from skbackprop import BackpropClassifier
from skbackprop._preprocessing.label_types import refuse_mixture, union
from skbackprop._preprocessing.target_encoding import (
    MULTILABEL,
    MULTIOUTPUT,
    SINGLE,
    ClassEncoder,
    target_kind,
)

INDICATORS = np.array([[0, 1, 1], [1, 0, 1], [0, 0, 0]])
COLUMNS = np.array([["p", "odd"], ["q", "even"], ["r", "odd"]], dtype=object)


@pytest.mark.parametrize(
    ("y", "kind"),
    [
        (np.array([3, 7, 3]), SINGLE),
        (np.array(["a", "b", "c"]), SINGLE),
        (np.array([True, False]), SINGLE),
        (np.array([5, 5]), SINGLE),
        (INDICATORS, MULTILABEL),
        (sparse.csr_array(INDICATORS), MULTILABEL),
        (INDICATORS.astype(bool), MULTILABEL),
        (INDICATORS + 1, MULTIOUTPUT),
        (2 * INDICATORS, MULTIOUTPUT),
        (-INDICATORS, MULTIOUTPUT),
        (sparse.csr_array(3 * INDICATORS), MULTIOUTPUT),
        (COLUMNS, MULTIOUTPUT),
    ],
)
def test_kinds(y, kind):
    assert target_kind(y) == kind


@pytest.mark.parametrize(
    ("labels", "n_outputs", "shared"),
    [
        (ClassEncoder(SINGLE, np.array([3, 7])), 1, True),
        (ClassEncoder(SINGLE, np.array([3, 7])), 2, False),
        (ClassEncoder(SINGLE, np.array([3])), 1, False),
        (ClassEncoder(SINGLE, np.array([3, 7, 9])), 1, False),
        (ClassEncoder(SINGLE, np.array([3, 7, 9])), 3, False),
        (ClassEncoder(MULTILABEL, np.arange(2)), 1, False),
        (ClassEncoder(MULTIOUTPUT, [np.arange(2), np.arange(2)]), 1, False),
    ],
)
def test_two_classes_may_share_one_output(labels, n_outputs, shared):
    assert labels.has_single_output(n_outputs) is shared


def test_numbers_are_no_classes():
    with pytest.raises(ValueError, match="Unknown label type: continuous"):
        target_kind(np.array([0.5, 1.5]))


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=20), st.sets(st.integers(-9, 9)))
def test_single_labels_there_and_back(y, more):
    y, classes = np.array(y), sorted(set(y) | more)
    for labels in (ClassEncoder.learn(y), ClassEncoder.learn(y, classes)):
        numbers = labels.encode(y)
        assert labels.blocks == (len(labels.classes),)
        assert (np.diff(labels.classes) > 0).all()
        np.testing.assert_array_equal(labels.decode([numbers]), y)
        np.testing.assert_array_equal(labels.encode(y.astype(float)), numbers)
    np.testing.assert_array_equal(labels.classes, classes)


def test_columns_there_and_back():
    labels = ClassEncoder.learn(COLUMNS)
    assert labels.kind == MULTIOUTPUT and labels.blocks == (3, 2)
    numbers = labels.encode(COLUMNS)
    np.testing.assert_array_equal(numbers, [[0, 1], [1, 0], [2, 1]])
    np.testing.assert_array_equal(labels.decode(numbers.T), COLUMNS)
    one_hot = labels.one_hot(numbers, np.float32)
    assert one_hot.dtype == np.float32
    np.testing.assert_array_equal(one_hot, [[1, 0, 0, 0, 1], [0, 1, 0, 1, 0], [0, 0, 1, 0, 1]])
    first, second = labels.split(one_hot)
    np.testing.assert_array_equal(first, np.eye(3))
    np.testing.assert_array_equal(second, np.eye(2)[[1, 0, 1]])
    declared = ClassEncoder.learn(COLUMNS, [["r", "q", "p", "s"], ["odd", "even"]])
    assert [list(classes) for classes in declared.classes] == [list("pqrs"), ["even", "odd"]]
    with pytest.raises(ValueError, match="a list of 2 arrays, one per column of y. Got 3"):
        ClassEncoder.learn(COLUMNS, [[1], [2], [3]])


def test_outputs_apart_for_each_of_three_columns():
    y = np.array([[1, 5, 7], [2, 6, 8], [3, 5, 9], [3, 5, 6]])
    labels = ClassEncoder.learn(y)
    outputs = np.arange(18.0).reshape(2, 9)
    first, second, third = labels.split(outputs)
    np.testing.assert_array_equal(np.hstack([first, second, third]), outputs)
    assert (first.shape, second.shape, third.shape) == ((2, 3), (2, 2), (2, 4))


def test_columns_that_look_like_another_kind():
    """Two numbers only, though the whole had more; or labels, though they are classes."""
    labels = ClassEncoder.learn(np.array([[0, 1], [1, 2], [2, 0]]))
    np.testing.assert_array_equal(labels.encode(np.array([[0, 1], [1, 0]])), [[0, 1], [1, 0]])
    pairs = np.array([[2, 1], [1, 2]])
    np.testing.assert_array_equal(ClassEncoder.learn(pairs).encode(pairs), pairs - 1)


def test_indicators_are_their_own_numbers():
    labels = ClassEncoder.learn(INDICATORS)
    assert labels.kind == MULTILABEL
    np.testing.assert_array_equal(labels.classes, [0, 1, 2])
    assert labels.blocks == (3,)
    encoded = labels.encode(INDICATORS)
    assert encoded.dtype == np.float64
    np.testing.assert_array_equal(encoded, INDICATORS)


@pytest.mark.parametrize(
    ("learned", "y", "message"),
    [
        (INDICATORS, INDICATORS[:, :2], r"y of shape \(3, 2\) .* the 3 labels of"),
        (INDICATORS, np.array([0, 1, 0]), r"y of shape \(3,\) .* the 3 labels of"),
        (COLUMNS, COLUMNS[:, [0, 1, 0]], r"y of shape \(3, 3\) .* the 2 columns of classes"),
        (COLUMNS, COLUMNS[:, 0].astype(str), r"y of shape \(3,\) .* the 2 columns of classes"),
        (np.array([1, 2]), INDICATORS, r"y of shape \(3, 3\) .* the 2 classes of"),
        (
            np.array([1, 2]),
            np.array([1, 3, 4]),
            r"labels \[3, 4\], .* among the classes \[1, 2",
        ),
        (np.array([1, 2]), np.array([9, 0]), r"labels \[0, 9\], which are not"),
        (np.array(["a", "b"]), np.array([1, 0]), r"labels \[0, 1\], which .* \['a', 'b'\]"),
        (np.array([1, 2]), np.array([1.0, 3.0]), r"labels \[3.0\], which are not"),
    ],
)
def test_what_does_not_fit(learned, y, message):
    with pytest.raises(ValueError, match=message):
        ClassEncoder.learn(learned).encode(y)


def test_labels_of_another_dtype_are_the_same_labels():
    labels = ClassEncoder.learn(np.array([1, 2, 5]))
    np.testing.assert_array_equal(labels.encode(np.array([5.0, 1.0, 2.0])), [2, 0, 1])
    words = ClassEncoder.learn(np.array(["b", "a"]))
    np.testing.assert_array_equal(words.encode(np.array(["b", "a"], dtype=object)), [1, 0])


def test_new_labels_join_in_their_order():
    grown = ClassEncoder.learn(np.array([5, 2])).union_with(np.array([3, 5, 9]))
    assert grown.kind == SINGLE
    np.testing.assert_array_equal(grown.classes, [2, 3, 5, 9])


# ---- Labels of one type ----


def texts(*labels):
    return np.array(labels, dtype=object)


@pytest.mark.parametrize(
    ("classes", "labels", "expected"),
    [
        (np.array([0, 2]), np.array([1, 2]), np.array([0, 1, 2])),
        (np.array([0, 2]), np.array([2.0, 5.0]), np.array([0, 2, 5])),
        (np.array([0, 2]), np.array([3], np.uint64), np.array([0, 2, 3])),
        (np.array([0, 2], np.int8), np.array([5]), np.array([0, 2, 5], np.int8)),
        (np.array([0, 2], np.int8), np.array([300]), np.array([0, 2, 300])),
        (np.array([0, 2], np.uint8), np.array([-1]), np.array([-1, 0, 2])),
        (np.array([0.0, 2.0]), np.array([7]), np.array([0.0, 2.0, 7.0])),
        (np.array([0.5], np.float32), np.array([7]), np.array([0.5, 7.0], np.float32)),
        (np.array([0, 2], np.float32), np.array([2**24 + 1]), np.array([0.0, 2, 2**24 + 1])),
        (np.array(["a", "c"]), np.array(["bee", "c"]), np.array(["a", "bee", "c"])),
        (np.array(["a", "c"]), texts("bee"), np.array(["a", "bee", "c"])),
        (texts("a", "c"), np.array(["bee"]), texts("a", "bee", "c")),
        (np.array([True]), np.array([False, True]), np.array([False, True])),
        (np.array(["2020"], "M8[Y]"), np.array(["2019"], "M8[Y]"),
         np.array(["2019", "2020"], "M8[Y]")),
    ],
)  # fmt: skip
def test_union_keeps_the_type_of_the_classes(classes, labels, expected):
    found = union(classes, labels)
    np.testing.assert_array_equal(found, expected)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(union(found, labels), expected)


@pytest.mark.parametrize(
    ("classes", "labels", "message"),
    [
        (np.array([0, 1]), np.array(["1"]), "strings and numbers"),
        (np.array(["0", "1"]), np.array([1]), "numbers and strings"),
        (np.array([0, 1]), np.array([True]), "booleans and numbers"),
        (np.array([False, True]), np.array([1]), "numbers and booleans"),
        (np.array([0, 1]), np.array([0.5]), "float64 and int64"),
        (np.array([0, 1]), np.array([1e300]), "float64 and int64"),
        (np.array([-1, 1]), np.array([2**63], np.uint64), "uint64 and int64"),
        (np.array([0.5, 1]), np.array([2**53 + 1]), "int64 and float64"),
        (np.array([0, 1]), np.array(["2020"], "M8[Y]"), "dates and numbers"),
        (texts("a"), np.array([1]), "numbers and strings"),
    ],
)
def test_union_refuses_what_changes_a_class(classes, labels, message):
    with pytest.raises(ValueError, match=f"cannot join the classes so far.*are {message}"):
        union(classes, labels)


@pytest.mark.parametrize(
    "labels", [[1, "a"], ["a", 1.5], [None, "a"], ["a", np.nan], texts("a", 2), (1, None)]
)
def test_mixtures_are_refused(labels):
    with pytest.raises(ValueError, match="labels of one type.*Got a mixture of"):
        refuse_mixture(labels, "labels")


@pytest.mark.parametrize(
    "labels",
    [
        [1, 2.5, True], ["a", np.str_("b")], [], [[0, 1], [1, 0]], "ab", 5, texts("a", "b"),
        np.array([["a", 1], ["b", 2]], dtype=object), np.zeros((0, 2), dtype=object),
    ],
)  # fmt: skip
def test_labels_of_one_type_are_no_mixture(labels):
    refuse_mixture(labels, "labels")


@pytest.mark.parametrize(
    ("classes", "new"),
    [
        ([0, 1, 2], "other"), ([0, 1, 2], True), ([0, 1, 2], None), (["0", "1"], 1),
        ([True, False], 1), (["a", "b"], None), (["a", "b"], b"a"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("one_by_one", [True, False])
def test_a_label_of_another_type_joins_no_stream(classes, new, one_by_one):
    clf = BackpropClassifier((4,), random_state=0, grow_classes=True)
    for label in classes:
        clf.partial_fit([[0.0, 1.0]], [label])
    before = clf.classes_, clf.coefs_[0].copy(), clf.t_
    rows = [[[1.0, 1.0]], [new]] if one_by_one else [[[1.0, 1.0], [0.0, 2.0]], [new, new]]
    with pytest.raises((ValueError, TypeError), match="one type|join|Unknown label|bytes"):
        clf.partial_fit(*rows)
    assert clf.classes_ is before[0] and clf.t_ == before[2]
    np.testing.assert_array_equal(clf.coefs_[0], before[1])
    clf.partial_fit([[0.0, 1.0]], classes[:1])


def test_classes_are_of_one_type():
    clf = BackpropClassifier((4,), random_state=0)
    with pytest.raises(ValueError, match="^y must hold labels of one type"):
        clf.fit([[0.0], [1.0]], texts("a", 1))
    with pytest.raises(ValueError, match="classes must hold labels of one type"):
        clf.partial_fit([[0.0]], [1], classes=[1, "a"])
    with pytest.raises(ValueError, match="y must hold labels of one type"):
        clf.partial_fit([[0.0], [1.0]], [1, "a"], classes=["1", "a"])
    clf.partial_fit([[0.0]], [1], classes=[0, 1]).partial_fit([[0.0]], [True])
    np.testing.assert_array_equal(clf.classes_, [0, 1])
    with pytest.raises(ValueError, match="differ from those of the earlier call"):
        clf.partial_fit([[0.0]], [1], classes=["0", "1"])
