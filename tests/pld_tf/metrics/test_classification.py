import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from pld_tf.metrics.classification import (
    accuracy,
    confusion_matrix,
    precision_recall,
    softmax,
    wilson_interval,
)

CLASSES = 4
PAIRS = st.lists(
    st.tuples(st.integers(0, CLASSES - 1), st.integers(0, CLASSES - 1)), min_size=1, max_size=60
)
COUNTS = st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
LOGITS = hnp.arrays(np.float32, (3, 5), elements=st.floats(-50, 50, width=32))


def split(pairs):
    labels, predictions = np.array(pairs, np.int32).T
    return labels, predictions


@pytest.mark.parametrize(
    ("correct", "total", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_interval_equals_the_published_examples(correct, total, low, high):
    """Newcombe 1998, table I, method 3."""
    assert wilson_interval(correct, total) == pytest.approx((low, high), abs=5e-5)


@given(COUNTS)
def test_wilson_interval_holds_the_share_and_stays_in_0_to_1(count):
    correct, total = count
    low, high = wilson_interval(correct, total)
    assert 0 <= low <= correct / total <= high <= 1
    assert low < high


@given(COUNTS)
def test_wilson_interval_of_the_errors_mirrors_that_of_the_hits(count):
    correct, total = count
    low, high = wilson_interval(correct, total)
    assert wilson_interval(total - correct, total) == pytest.approx((1 - high, 1 - low), abs=1e-12)


@given(COUNTS)
def test_wilson_ends_solve_the_score_equation(count):
    correct, total = count
    share = correct / total
    for end in wilson_interval(correct, total, z=2.0):
        assert (end - share) ** 2 == pytest.approx(4 * end * (1 - end) / total, abs=1e-12)


def test_a_wider_confidence_gives_a_wider_interval():
    narrow, wide = wilson_interval(90, 100, z=1), wilson_interval(90, 100, z=3)
    assert wide[0] < narrow[0] < 0.9 < narrow[1] < wide[1]


@pytest.mark.parametrize(("correct", "total"), [(-1, 5), (6, 5), (0, 0)])
def test_impossible_counts_are_refused(correct, total):
    with pytest.raises(ValueError, match=f"got {correct} of {total}"):
        wilson_interval(correct, total)


@pytest.mark.parametrize("z", [0.0, -1.0])
def test_a_confidence_of_nothing_is_refused(z):
    with pytest.raises(ValueError, match="z must be positive"):
        wilson_interval(1, 2, z=z)


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


def test_softmax_of_log_weights_gives_the_weights():
    np.testing.assert_allclose(softmax(np.log([1.0, 3.0, 4.0])), [0.125, 0.375, 0.5])


@given(LOGITS)
def test_softmax_rows_sum_to_one_and_ignore_a_shift(logits):
    probabilities = softmax(logits)
    np.testing.assert_allclose(probabilities.sum(axis=-1), 1)
    np.testing.assert_allclose(softmax(logits.astype(float) + 1e4), probabilities, atol=1e-9)
