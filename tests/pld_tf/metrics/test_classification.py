import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pld_tf.metrics.classification import (
    accuracy,
    confusion_matrix,
    precision_recall,
)

CLASSES = 4
PAIRS = st.lists(
    st.tuples(st.integers(0, CLASSES - 1), st.integers(0, CLASSES - 1)), min_size=1, max_size=60
)


def split(pairs):
    labels, predictions = np.array(pairs, np.int32).T
    return labels, predictions


def test_rows_of_the_confusion_matrix_are_labels():
    labels, predictions = np.array([0, 0, 2]), np.array([0, 1, 1])
    matrix = confusion_matrix(labels=labels, predictions=predictions, classes=3)
    assert matrix.tolist() == [[1, 1, 0], [0, 0, 0], [0, 1, 0]]
    assert matrix.dtype == np.int64


@given(PAIRS)
def test_confusion_matrix_equals_counting_by_hand(pairs):
    labels, predictions = split(pairs)
    expected = [[pairs.count((i, j)) for j in range(CLASSES)] for i in range(CLASSES)]
    matrix = confusion_matrix(labels=labels, predictions=predictions, classes=CLASSES)
    assert matrix.tolist() == expected


@given(PAIRS)
def test_the_diagonal_of_the_confusion_matrix_gives_the_accuracy(pairs):
    labels, predictions = split(pairs)
    matrix = confusion_matrix(labels=labels, predictions=predictions, classes=CLASSES)
    expected = np.trace(matrix) / len(pairs)
    assert accuracy(labels=labels, predictions=predictions) == pytest.approx(expected)


@pytest.mark.parametrize(("labels", "predictions"), [([0, 3], [0, 0]), ([0, 0], [0, -1])])
def test_a_class_out_of_range_is_refused(labels, predictions):
    with pytest.raises(ValueError, match="0 to 2"):
        confusion_matrix(labels=np.array(labels), predictions=np.array(predictions), classes=3)


@pytest.mark.parametrize(("labels", "predictions"), [([1, 2], [1]), ([], []), ([[1]], [[1]])])
def test_labels_and_predictions_must_pair_up(labels, predictions):
    with pytest.raises(ValueError, match="one class for each"):
        accuracy(labels=np.array(labels, int), predictions=np.array(predictions, int))


def test_logits_in_place_of_classes_are_refused():
    with pytest.raises(ValueError, match="must be integers, got int64 labels and float64"):
        accuracy(labels=np.array([1]), predictions=np.array([0.9]))


def test_precision_reads_columns_and_recall_reads_rows():
    precision, recall = precision_recall(np.array([[8, 2], [4, 6]]))
    assert precision.tolist() == [8 / 12, 6 / 8]
    assert recall.tolist() == [0.8, 0.6]


def test_precision_or_recall_of_an_empty_class_is_nan():
    precision, recall = precision_recall(np.array([[3, 0, 0], [1, 0, 0], [0, 0, 0]]))
    np.testing.assert_array_equal(precision, [0.75, np.nan, np.nan])
    np.testing.assert_array_equal(recall, [1, 0, np.nan])
