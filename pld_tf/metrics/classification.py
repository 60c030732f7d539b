"""Figures of merit for classifiers, on plain arrays. Imports NumPy only."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray


def softmax(logits: NDArray[Any]) -> NDArray[np.float64]:
    """Probabilities from logits, over the last axis.

    Args:
      logits: finite numbers, shape [..., classes].

    Returns:
      float64, same shape; each row sums to 1.

    >>> softmax(np.array([1000.0, 1000.0])).tolist()
    [0.5, 0.5]
    """
    wide = np.asarray(logits, dtype=np.float64)
    powers = np.exp(wide - wide.max(axis=-1, keepdims=True))  # at most 1: nothing overflows
    return powers / powers.sum(axis=-1, keepdims=True)


def accuracy(*, labels: NDArray[Any], predictions: NDArray[Any]) -> float:
    """Share of predictions equal to their label, 0 to 1.

    Args:
      labels: integer classes, shape [crops].
      predictions: integer classes, shape [crops].

    Raises:
      ValueError: the shapes differ, there is no crop, or a class is not an integer.
    """
    _check_classes(labels, predictions)
    return float(np.count_nonzero(labels == predictions) / labels.size)


def wilson_interval(correct: float, total: int, *, z: float = 1.959964) -> tuple[float, float]:
    """Wilson score interval of the share `correct` / `total`.

    Args:
      correct: successes, 0 to `total`; a fraction where several crops of a clip share its vote.
      total: independent trials, at least 1. Several crops of one clip are not independent.
      z: quantile of the normal distribution; 1.959964 gives 95 %.

    Returns:
      Lower and upper end, 0 to 1, around the share.

    Raises:
      ValueError: `correct` is not in 0 to `total`, or `total` or `z` is not positive.

    Source: Wilson 1927; worked examples in Newcombe 1998, method 3.

    >>> [round(end, 4) for end in wilson_interval(81, 263)]
    [0.2553, 0.3662]
    """
    if total < 1 or not 0 <= correct <= total:
        raise ValueError(f"correct must be 0 to total, total at least 1, got {correct} of {total}.")
    if z <= 0:
        raise ValueError(f"z must be positive, got {z}.")
    share = correct / total
    z2 = z * z / total
    middle = share + z2 / 2
    reach = math.sqrt(z2 * (share * (1 - share) + z2 / 4))
    low, high = (middle - reach) / (1 + z2), (middle + reach) / (1 + z2)
    # Rounding can leave the ends a hair inside the share where it is 0 or 1.
    return max(0.0, min(low, share)), min(1.0, max(high, share))


def confusion_matrix(
    *, labels: NDArray[Any], predictions: NDArray[Any], classes: int
) -> NDArray[np.int64]:
    """How often each class was taken for each.

    Args:
      labels: integer classes, shape [crops].
      predictions: integer classes, shape [crops].
      classes: number of classes; all labels and predictions lie in 0 to classes - 1.

    Returns:
      int64, shape [classes, classes]: row is the label, column the prediction.

    Raises:
      ValueError: the shapes differ, there is no crop, or a class is out of range.
    """
    _check_classes(labels, predictions)
    low = int(min(labels.min(), predictions.min()))
    high = int(max(labels.max(), predictions.max()))
    if low < 0 or high >= classes:
        raise ValueError(f"classes must lie in 0 to {classes - 1}, got {low} to {high}.")
    cells = labels.astype(np.int64) * classes + predictions.astype(np.int64)
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes)


def precision_recall(
    confusion: NDArray[np.int64],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Precision and recall of each class.

    Args:
      confusion: as `confusion_matrix` gives it, shape [classes, classes].

    Returns:
      Two arrays, float64, shape [classes], 0 to 1. Precision is NaN for a class that was never
      predicted and recall for one that has no crop: 0/0 is unknown, and a 0 would be a verdict.
    """
    hits = np.diag(confusion).astype(np.float64)
    return _share(hits, confusion.sum(axis=0)), _share(hits, confusion.sum(axis=1))


def _share(hits: NDArray[np.float64], counts: NDArray[np.int64]) -> NDArray[np.float64]:
    return np.divide(hits, counts, out=np.full_like(hits, np.nan), where=counts > 0)


def _check_classes(labels: NDArray[Any], predictions: NDArray[Any]) -> None:
    if labels.ndim != 1 or labels.shape != predictions.shape or labels.size == 0:
        raise ValueError(
            "labels and predictions must be one class for each of one or more crops, got shapes "
            f"{list(labels.shape)} and {list(predictions.shape)}."
        )
    if labels.dtype.kind not in "iu" or predictions.dtype.kind not in "iu":
        raise ValueError(
            f"classes must be integers, got {labels.dtype} labels and "
            f"{predictions.dtype} predictions."
        )
