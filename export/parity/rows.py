"""One row of the parity table: two stages on the same crops. Counts and prints; runs nothing.

The unit is the output step of the integer model, also for stages that compute in float.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.metrics.probabilities import softmax
from export.system.files import Json
from export.system.tables import text_table
from export.tflite.facts import TensorInfo
from export.tflite.quantization import in_steps, reachable

SURE = 0.9  # the probability from which on float is sure of a class
NEAR_TIE_STEPS = 4  # a logit differs by at most 2 steps between XNNPACK and the reference kernels
_HEADINGS = (
    "stage", "compared with", "crops", "values that differ", "by steps", "flipped", "from float",
    "flips that count",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Row:
    """A stage compared with another one.

    Args:
      stage: its name.
      against: name of the other stage.
      crops_from: "validation" or "golden".
      crops: number of crops.
      what: "logits" or "features".
      values: number of logits or features.
      by_steps: number of values that differ, by difference in steps (rounded); fewest steps first.
      flipped: crops with another class than in `against`; None for features.
      flipped_from_float: crops with another class than in the float model; None for features.
      judged: crops on which a flip counts: see `is_sure` and `is_no_tie`; None for features.
      judged_flips: those of them with another class than in `against`; None for features.
    """

    stage: str
    against: str
    crops_from: str
    crops: int
    what: str
    values: int
    by_steps: dict[int, int]
    flipped: int | None = None
    flipped_from_float: int | None = None
    judged: int | None = None
    judged_flips: int | None = None

    @property
    def differing(self) -> int:
        return sum(self.by_steps.values())

    def to_dict(self) -> dict[str, Any]:
        """For the manifest."""
        return {
            "stage": self.stage,
            "against": self.against,
            "crops_from": self.crops_from,
            "crops": self.crops,
            "what": self.what,
            "values": self.values,
            "differing": self.differing,
            "by_steps": {str(steps): count for steps, count in self.by_steps.items()},
            "flipped": self.flipped,
            "flipped_from_float": self.flipped_from_float,
            "judged": self.judged,
            "judged_flips": self.judged_flips,
        }


def count_steps(one: NDArray[Any], other: NDArray[Any], tensor: TensorInfo) -> dict[int, int]:
    """Count values that differ by more than half a step, by number of steps.

    If the other array is integer, floats below its range count as its lowest value.

    >>> q = TensorInfo(shape=(2,), dtype="int8", scale=0.5, zero_point=-1)
    >>> count_steps(np.int8([3, -1, 5]), np.float32([2.1, 0, 1.6]), q)
    {3: 1}
    """
    if "i" in (one.dtype.kind, other.dtype.kind):
        one, other = reachable(one, tensor), reachable(other, tensor)
    apart = np.abs(in_steps(one, tensor) - in_steps(other, tensor))
    steps = np.rint(apart).astype(np.int64)
    sizes, counts = np.unique(steps[steps > 0], return_counts=True)
    return {int(size): int(count) for size, count in zip(sizes, counts, strict=True)}


def flips(one: NDArray[Any], other: NDArray[Any]) -> NDArray[np.bool_]:
    """Crops to which two sets of logits give different classes; of equal logits the first wins."""
    return one.argmax(axis=1) != other.argmax(axis=1)


def is_sure(logits: NDArray[np.float32], labels: NDArray[np.int32] | None) -> NDArray[np.bool_]:
    """Crops of which float is sure, and right where labels are given.

    Whatever an integer model says of other crops, nothing that float knew is lost.

    >>> is_sure(np.float32([[5, 0], [5, 0], [1, 0]]), np.int32([0, 1, 0])).tolist()
    [True, False, False]
    """
    sure = softmax(logits).max(axis=1) >= SURE
    return sure if labels is None else sure & (logits.argmax(axis=1) == labels)


def is_no_tie(stored: NDArray[Any]) -> NDArray[np.bool_]:
    """Crops whose highest integer logit is more than 4 steps above the second.

    Kernels that round otherwise decide nearer ones by chance.

    >>> is_no_tie(np.int8([[-100, 120, 115], [7, 3, 0]])).tolist()
    [True, False]
    """
    highest = np.sort(stored.astype(np.int64), axis=1)[:, -2:]
    return highest[:, -1] - highest[:, 0] > NEAR_TIE_STEPS


def table_text(validation: Json) -> str:
    """The table for people, from a manifest's `validation`, then the stages that did not run."""
    stages = text_table(map(_cells, validation["stages"]), head=_HEADINGS)
    skipped: dict[str, str] = validation["stages_skipped"]
    return "\n".join([stages, *(f"{name}: not run, {why}" for name, why in skipped.items())])


def _cells(row: Json) -> tuple[str, ...]:
    by_steps = {int(steps): count for steps, count in row["by_steps"].items()}
    flipped = row["flipped"]
    return (
        row["stage"],
        row["against"],
        f"{row['crops']:,} {row['crops_from']}",
        f"{row['differing']:,} of {row['values']:,} {row['what']}",
        _steps(by_steps),
        "" if flipped is None else f"{flipped:,} ({100 * flipped / row['crops']:.2f} %)",
        "" if flipped is None else f"{row['flipped_from_float']:,}",
        "" if flipped is None else f"{row['judged_flips']:,} of {row['judged']:,}",
    )


def _steps(by_steps: dict[int, int]) -> str:
    """How many values differ by 1, by 2 and by more steps, and the largest difference.

    >>> _steps({1: 40, 2: 3, 3: 1, 7: 2})
    '1: 40, 2: 3, 3 to 7: 3'
    >>> _steps({3: 5}), _steps({})
    ('3: 5', '')
    """
    few = {steps: count for steps, count in by_steps.items() if steps < 3}
    many = {steps: count for steps, count in by_steps.items() if steps >= 3}
    parts = [f"{steps}: {count:,}" for steps, count in few.items()]
    if many:
        span = f"{min(many)} to {max(many)}" if len(many) > 1 else f"{max(many)}"
        parts.append(f"{span}: {sum(many.values()):,}")
    return ", ".join(parts)
