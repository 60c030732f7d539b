"""Figures of merit for classifiers, on plain arrays. Imports NumPy only."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


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
      predicted. Recall is NaN for a class without crops. 0/0 is unknown, and 0 would be wrong.
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
