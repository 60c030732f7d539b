"""One row of the parity table: two stages on the same crops. Counts, judges, prints; runs nothing.

The unit is the output step of the integer model, also for stages that compute in float.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.errors import ExportError
from export.ports import FLOAT
from export.system.files import Json
from export.system.tables import text_table
from export.tflite.facts import TensorInfo
from export.tflite.quantization import in_steps, reachable

DEFAULT_MAX_FLIPS = 0.5  # percent of the crops
_HEADINGS = (
    "stage", "compared with", "crops", "values that differ", "by steps", "flipped", "from float"
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


def count_flips(one: NDArray[Any], other: NDArray[Any]) -> int:
    """Crops to which two sets of logits give different classes; of equal logits the first wins."""
    return int(np.count_nonzero(one.argmax(axis=1) != other.argmax(axis=1)))


def allowed_flips(crops: int, max_flips_percent: float) -> int:
    """How many of `crops` may flip. One is always allowed, unless the limit is 0.

    >>> [allowed_flips(crops, 0.5) for crops in (16, 495, 1000, 2399)]
    [1, 2, 5, 11]
    >>> allowed_flips(16, 0)
    0
    """
    if max_flips_percent == 0:
        return 0
    # Rounded before the division, since 0.29 / 100 * 10,000 gives 28.999...
    return max(1, int(round(crops * max_flips_percent, 6) // 100))


def check_max_flips(max_flips_percent: float) -> None:
    """Check that a limit is a percentage.

    Raises:
      ExportError: it is not.
    """
    if not 0 <= max_flips_percent <= 100:  # in this form it also refuses NaN
        raise ExportError(f"--max-flips must be from 0 to 100 percent, got {max_flips_percent}.")


def refuse_flips(
    rows: Sequence[Row], *, max_flips_percent: float, blame: Callable[[], str]
) -> None:
    """Refuse the model at the first stage that flips too many labels.

    Args:
      rows: in the order of the stages.
      max_flips_percent: of a row's crops.
      blame: names the layer that costs most; called only if quantization is the cause.

    Raises:
      ExportError: a stage flips too many; the text names it, gives counts and says what helps.
    """
    for row in rows:
        if row.flipped is None or row.flipped <= allowed_flips(row.crops, max_flips_percent):
            continue
        raise ExportError(
            f"stage '{row.stage}' flips the label of {row.flipped:,} of {row.crops:,} "
            f"{row.crops_from} crops against '{row.against}' "
            f"({100 * row.flipped / row.crops:.2f} %), more than "
            f"--max-flips {max_flips_percent:g} %; nothing was written. {_way_out(row, blame)}"
        )


def _way_out(row: Row, blame: Callable[[], str]) -> str:
    if row.against == FLOAT:
        return (
            f"{blame()} Finish the student with quantization-aware training, try --int16x8, or "
            "allow more."
        )
    if row.stage == FLOAT:
        return "The .tflite is not the network that was trained; write the model bundle again."
    return (
        "Kernels disagree about the same integers. Report it if they should not, or allow more "
        "where the device runs others."
    )


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
