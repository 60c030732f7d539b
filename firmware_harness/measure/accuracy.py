"""Accuracy of an exported model beside its float model, on the same test crops."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firmware_harness.errors import HarnessError
from firmware_harness.metrics.probabilities import decide_together
from firmware_harness.metrics.wilson import wilson_interval
from firmware_harness.runtimes.interpreter import Model, TensorInfo
from firmware_harness.system.progress import Progress
from firmware_harness.tflite.quantization import (
    dequantize,
    is_quantized,
    most_steps_apart,
    quantize,
)

FLOAT = "float"
THROUGH_C = "audio_through_c"  # listed beside the kinds of models: front end and model in C


@dataclass(frozen=True, kw_only=True)
class Examples:
    """Test crops as features.

    Args:
      features: float32, shape [crops, frames, bins] or [crops, frames, bins, 1], finite; crops of
        one clip are adjacent.
      labels: integer class of each crop, shape [crops].
      protocol: how the crops were cut: centre, random, loudest, sliding.
      clips: number of clips they were cut from, silence included, 1 to crops.
      recordings: what is known of these clips, for the report; None if nothing is.
      audio: int16 [crops, samples], the same crops as audio; None if not available.
      other_data: what the data is to the model, for the report, with sentences as `notes`; None
        for the corpus of its training.

    Raises:
      HarnessError: shapes, types or numbers disagree, or there is no crop.
    """

    features: NDArray[Any]
    labels: NDArray[Any]
    protocol: str
    clips: int
    recordings: dict[str, Any] | None = None
    audio: NDArray[np.int16] | None = None
    other_data: dict[str, Any] | None = None

    def __post_init__(self) -> None:
        features, labels = self.features, self.labels
        one_channel = features.ndim == 3 or (features.ndim == 4 and features.shape[3] == 1)
        if features.dtype != np.float32 or not one_channel:
            raise HarnessError(
                "features must be float32 of shape [crops, frames, bins] or "
                f"[crops, frames, bins, 1], got {features.dtype} of shape {list(features.shape)}."
            )
        if labels.shape != features.shape[:1] or labels.dtype.kind not in "iu":
            raise HarnessError(
                f"labels must be one integer for each of the {len(features)} crops, got "
                f"{labels.dtype} of shape {list(labels.shape)}."
            )
        if not 1 <= self.clips <= len(features):
            raise HarnessError(
                f"clips must be 1 to the number of crops ({len(features)}), got {self.clips}."
            )
        if len(features) % self.clips:
            raise HarnessError(
                f"every clip must give as many crops, got {len(features)} crops of {self.clips} "
                "clips."
            )
        if self.audio is not None and len(self.audio) != len(features):
            raise HarnessError(
                f"audio must have each of the {len(features)} crops, got {len(self.audio)}."
            )
        if not np.isfinite(features).all():
            crop = int(np.flatnonzero(~np.isfinite(features.reshape(len(features), -1)).all(1))[0])
            raise HarnessError(
                f"features of crop {crop} are not finite. Look for that clip with pld-tf doctor."
            )

    @property
    def crops_per_decision(self) -> int:
        """The sliding crops of a clip decide together; in other protocols each crop decides."""
        return len(self.labels) // self.clips if self.protocol == "sliding" else 1


def measure_accuracy(
    models: Mapping[str, Model],
    examples: Examples,
    *,
    through_c: NDArray[Any] | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Run every model on the same crops.

    A decision's class is the first with the highest value, either of one crop's logits or of the
    mean probabilities of a clip's sliding crops. If `models` holds "float" and one other model,
    their agreement (share of equal decisions) and largest logit difference are measured too.

    Args:
      models: by kind: "float", "int8", "int16x8".
      examples: the crops.
      through_c: outputs of a bundle's C for their audio, as the integer model stores them.
      progress: called with ("accuracy", done, total) after each crop.

    Returns:
      The `accuracy` object of the report; docs/formats.md names its fields.

    Raises:
      HarnessError: a model takes other features, has too few classes for the labels, or has an
        integer output without one scale.
    """
    for model in models.values():
        _check_classes(model, examples)
        _check_scale(model.inputs[0], "input")
        _check_scale(model.outputs[0], "output")
    total = len(models) * len(examples.labels)
    logits = {
        kind: _run_crops(
            model, examples.features, done=i * len(examples.labels), total=total, progress=progress
        )
        for i, (kind, model) in enumerate(models.items())
    }
    if through_c is not None:
        stored = next(model for kind, model in models.items() if kind != FLOAT)
        logits[THROUGH_C] = dequantize(through_c, stored.outputs[0])
    together = examples.crops_per_decision
    labels = examples.labels[::together]
    classes = {
        kind: decide_together(values.reshape(len(labels), together, -1))
        for kind, values in logits.items()
    }
    fractions = {kind: _share(found == labels) for kind, found in classes.items()}
    report: dict[str, Any] = {
        "protocol": examples.protocol,
        "clips": examples.clips,
        "recordings": examples.recordings,
        "crops": len(examples.labels),
        "decisions": len(labels),
        "other_data": examples.other_data,
        **fractions,
        "intervals": {
            kind: list(wilson_interval(fraction * examples.clips, examples.clips))
            for kind, fraction in fractions.items()
        },
    }
    for kind in [kind for kind in models if kind != FLOAT and FLOAT in models]:
        report["agreement"] = _share(classes[kind] == classes[FLOAT])
        output = models[kind].outputs[0]
        apart = most_steps_apart(logits[kind], logits[FLOAT], output)
        report["max_logit_difference_steps"] = apart if is_quantized(output) else None
    return report


def model_logits(model: Model, features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Logits of crops, float32 [crops, classes], one crop at a time as on a device.

    Args:
      model: the model.
      features: float32, shape [crops, frames, bins], finite.

    Raises:
      HarnessError: the model takes other features, or has an integer output without one scale.
    """
    _check_input(model, features.shape[1:3])
    _check_scale(model.inputs[0], "input")
    _check_scale(model.outputs[0], "output")
    return _run_crops(model, features, done=0, total=len(features), progress=None)


def _run_crops(
    model: Model, features: NDArray[Any], *, done: int, total: int, progress: Progress | None
) -> NDArray[np.float32]:
    # One crop at a time, as on a device; a larger batch may use other kernels.
    crops = quantize(features, model.inputs[0]).reshape(-1, *model.inputs[0].shape)
    logits = np.zeros((len(crops), model.outputs[0].elements), np.float32)
    for i, crop in enumerate(crops):
        logits[i] = dequantize(model.run([crop]), model.outputs[0]).ravel()
        if progress is not None:
            progress("accuracy", done + i + 1, total)
    if not np.isfinite(logits).all():
        raise HarnessError(
            f"{model.file.name} gives logits that are not finite. Train and export it again."
        )
    return logits


def _share(holds: NDArray[np.bool_]) -> float:
    return float(np.count_nonzero(holds) / holds.size)


def _check_input(model: Model, given: tuple[int, ...]) -> None:
    expected = model.inputs[0].shape
    if len(model.inputs) != 1 or expected not in ((1, *given), (1, *given, 1)):
        raise HarnessError(
            f"{model.file.name} takes {len(model.inputs)} input(s), the first {list(expected)}, "
            f"but a crop's features are {list(given)}. Use the recipe of this model."
        )


def _check_classes(model: Model, examples: Examples) -> None:
    _check_input(model, examples.features.shape[1:3])
    classes = model.outputs[0].elements
    low, high = int(examples.labels.min()), int(examples.labels.max())
    if low < 0 or high >= classes:
        raise HarnessError(
            f"{model.file.name} knows classes 0 to {classes - 1}, but the labels go from {low} "
            f"to {high}. Use the recipe of this model."
        )


def _check_scale(info: TensorInfo, what: str) -> None:
    integers = info.scale > 0 and info.dtype in ("int8", "uint8", "int16")
    if info.dtype != "float32" and not integers:
        raise HarnessError(
            f"the model's {what} must be float32, or int8, uint8 or int16 with one scale; got "
            f"{info.dtype} with scale {info.scale}. Export it again with pld-tf export."
        )
