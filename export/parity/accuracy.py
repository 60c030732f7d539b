"""How much a .tflite differs from its float twin on the same crops."""

# pyright: reportMissingTypeStubs=false

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.tflite.facts import TensorInfo
from export.tflite.quantization import dequantize, most_steps_apart


@dataclass(frozen=True, kw_only=True)
class Parity:
    """A model against its float twin on labelled crops.

    Args:
      crops: number of crops.
      correct_float: crops that the float twin classifies correctly.
      correct_model: crops that the model classifies correctly.
      same: crops to which both give the same class.
      max_logit_difference_steps: largest difference of a logit, in output steps of the model. A
        logit below the output's range counts as its lowest value.
    """

    crops: int
    correct_float: int
    correct_model: int
    same: int
    max_logit_difference_steps: float

    @property
    def loss_points(self) -> float:
        """Accuracy lost against the float twin, in percentage points; a gain is negative.

        >>> counts = {"crops": 200, "correct_float": 190, "correct_model": 187, "same": 9}
        >>> Parity(**counts, max_logit_difference_steps=0.0).loss_points
        1.5
        """
        # Computed from whole numbers, so that a loss of exactly one point is exactly 1.0.
        return 100 * (self.correct_float - self.correct_model) / self.crops

    def to_dict(self, kind: str) -> dict[str, int | float]:
        """For the manifest; accuracies and agreement are shares from 0 to 1."""
        return {
            "crops": self.crops,
            "accuracy_float": self.correct_float / self.crops,
            f"accuracy_{kind}": self.correct_model / self.crops,
            "agreement": self.same / self.crops,
            "max_logit_difference_steps": self.max_logit_difference_steps,
        }


def compare(
    *, float_logits: NDArray[np.float32], stored: NDArray[Any], output: TensorInfo,
    labels: NDArray[np.int32],
) -> Parity:  # fmt: skip
    """Compare a model's outputs with those of its float twin.

    Args:
      float_logits: of the twin, shape [crops, classes].
      stored: outputs as the model stores them, shape [crops, classes].
      output: how the model stores them.
      labels: true classes, shape [crops].
    """
    of_float, of_model = float_logits.argmax(axis=1), stored.argmax(axis=1)
    apart = most_steps_apart(dequantize(stored, output), float_logits, output)
    return Parity(
        crops=len(labels),
        correct_float=int((of_float == labels).sum()),
        correct_model=int((of_model == labels).sum()),
        same=int((of_float == of_model).sum()),
        max_logit_difference_steps=round(apart, 3),
    )
