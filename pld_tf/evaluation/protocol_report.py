"""What a network's logits say under one protocol: accuracy, confusion, and by position."""

from typing import Any

import numpy as np

from pld_tf.data.corpus.classes import Classes
from pld_tf.data.held_out import HeldOut
from pld_tf.evaluation.protocols import decide
from pld_tf.metrics.classification import confusion_matrix, precision_recall
from pld_tf.metrics.wilson import wilson_interval
from pld_tf.recipe.tables import Protocol

POSITION_BIN_MS = 50


def protocol_report(
    logits: np.ndarray,
    starts: np.ndarray,
    *,
    clips: HeldOut,
    classes: Classes,
    protocol: Protocol,
    length_ms: int,
) -> dict[str, Any]:
    """The object `protocols.NAME` of the evaluation in docs/formats.md.

    Args:
      logits: float32 [clips, crops, classes].
      starts: int32 [clips, crops], where the crops begin, as `protocol_starts` gives them.
      clips: that the crops were cut from.
      classes: of the network.
      protocol: how the crops were cut.
      length_ms: of a crop.
    """
    predictions, labels = decide(logits, clips.labels, protocol)
    confusion = confusion_matrix(labels=labels, predictions=predictions, classes=len(classes.names))
    precision, recall = precision_recall(confusion)
    values = {
        **accuracy_with_interval(predictions == labels, clips=len(clips)),
        "precision": _by_class(classes, precision),
        "recall": _by_class(classes, recall),
        "confusion": confusion.tolist(),
    }
    if protocol == "random":
        spoken = len(clips.clips)
        off_centre = np.abs(starts - clips.loudest_ms(length_ms)[:, None])[:spoken].reshape(-1)
        values["by_distance_ms"] = _by_distance(
            off_centre, (predictions == labels)[: len(off_centre)]
        )
    return values


def accuracy_with_interval(right: np.ndarray, *, clips: int) -> dict[str, Any]:
    """Accuracy with its 95 % Wilson interval over `clips` independent clips.

    Several crops of one clip are not independent. In the interval they count as one clip.
    """
    accuracy = float(right.mean())
    low, high = wilson_interval(accuracy * clips, clips)
    return {"accuracy": accuracy, "low": low, "high": high, "decisions": len(right)}


def _by_class(classes: Classes, values: np.ndarray) -> dict[str, float | None]:
    """Values by class name; None for a class without clips."""
    return {
        name: None if np.isnan(value) else float(value)
        for name, value in zip(classes.names, values, strict=True)
    }


def _by_distance(distance_ms: np.ndarray, right: np.ndarray) -> list[dict[str, Any]]:
    """Accuracy by the distance of the loudest part from the crop, in bins of 50 ms."""
    bins = distance_ms // POSITION_BIN_MS
    return [
        {
            "from_ms": int(number) * POSITION_BIN_MS,
            "to_ms": int(number + 1) * POSITION_BIN_MS,
            "crops": int((bins == number).sum()),
            "accuracy": float(right[bins == number].mean()),
        }
        for number in np.unique(bins)
    ]
