"""How much a .tflite differs from its float twin on the same crops."""

# pyright: reportMissingTypeStubs=false

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.metrics.exact import paired_loss
from export.tflite.facts import TensorInfo
from export.tflite.quantization import dequantize, most_steps_apart


@dataclass(frozen=True, kw_only=True)
class Parity:
    """A model against its float twin on labelled crops.

    Args:
      crops: number of crops.
      correct_float: crops that the float twin classifies correctly.
      lost: crops that only the float twin classifies correctly.
      gained: crops that only the model classifies correctly.
      same: crops to which both give the same class.
      max_logit_difference_steps: largest difference of a logit, in output steps of the model. A
        logit below the output's range counts as its lowest value.
    """

    crops: int
    correct_float: int
    lost: int
    gained: int
    same: int
    max_logit_difference_steps: float

    @property
    def correct_model(self) -> int:
        """Crops that the model classifies correctly."""
        return self.correct_float - self.lost + self.gained

    @property
    def loss_points(self) -> float:
        """Accuracy lost against the float twin, in percentage points; a gain is negative.

        >>> counts = {"crops": 200, "correct_float": 190, "lost": 5, "gained": 2, "same": 9}
        >>> Parity(**counts, max_logit_difference_steps=0.0).loss_points
        1.5
        """
        # Computed from whole numbers, so that a loss of exactly one point is exactly 1.0.
        return 100 * (self.lost - self.gained) / self.crops

    @property
    def loss_interval_points(self) -> tuple[float, float]:
        """Exact paired 95 % interval of the loss."""
        low, high = paired_loss(lost=self.lost, gained=self.gained, crops=self.crops)
        return 100 * low, 100 * high

    def to_dict(self, kind: str) -> dict[str, Any]:
        """For the manifest; accuracies and agreement are shares from 0 to 1."""
        return {
            "crops": self.crops,
            "accuracy_float": self.correct_float / self.crops,
            f"accuracy_{kind}": self.correct_model / self.crops,
            "lost": self.lost,
            "gained": self.gained,
            "loss_points": self.loss_points,
            "loss_interval_points": [round(end, 4) for end in self.loss_interval_points],
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
    right_float, right_model = of_float == labels, of_model == labels
    apart = most_steps_apart(dequantize(stored, output), float_logits, output)
    return Parity(
        crops=len(labels),
        correct_float=int(right_float.sum()),
        lost=int((right_float & ~right_model).sum()),
        gained=int((right_model & ~right_float).sum()),
        same=int((of_float == of_model).sum()),
        max_logit_difference_steps=round(apart, 3),
    )
