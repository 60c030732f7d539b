"""Whether a model passes: what it may lose and flip, and what each broken rule says. Runs nothing.

A figure breaks a rule where it is over its limit, and its exact 95 % interval shows that chance
alone does not explain it. So a few validation crops never refuse a good model.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from export.errors import ExportError
from export.metrics.exact import exact_interval
from export.parity.accuracy import Parity
from export.parity.rows import Row
from export.ports import FLOAT
from export.system.files import Json

DEFAULT_MAX_LOSS, DEFAULT_MAX_FLIPS = 1.0, 0.5


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a model may lose.

    Args:
      loss_points: accuracy against float, in percentage points.
      flips_percent: crops that get another class, of those that count.

    Raises:
      ExportError: a limit is below 0, or flips are above 100 percent.
    """

    loss_points: float = DEFAULT_MAX_LOSS
    flips_percent: float = DEFAULT_MAX_FLIPS

    def __post_init__(self) -> None:
        # In this form both checks refuse NaN too.
        if not self.loss_points >= 0:
            raise ExportError(f"--max-loss must be at least 0 points, got {self.loss_points}.")
        if not 0 <= self.flips_percent <= 100:
            raise ExportError(
                f"--max-flips must be from 0 to 100 percent, got {self.flips_percent}."
            )

    def to_dict(self) -> Json:
        """For the manifest's `validation`."""
        return {"loss_points": self.loss_points, "flips_percent": self.flips_percent}

    def wide_enough(self, faults: Sequence["Fault"]) -> "Limits":
        """The least limits, in hundredths, that let these faults pass."""
        return Limits(
            loss_points=max(self.loss_points, *(fault.loss_points for fault in faults)),
            flips_percent=max(self.flips_percent, *(fault.flips_percent for fault in faults)),
        )


@dataclass(frozen=True, kw_only=True)
class Fault:
    """A broken rule.

    Args:
      stage: which stage of the gate broke it.
      why: what was found and what the limit is, one sentence.
      advice: what helps, one sentence; empty if that depends on the layers.
      loss_points: the least --max-loss that lets it pass; 0 if another rule is broken.
      flips_percent: the least --max-flips that lets it pass; 0 if another rule is broken.
      by_rounding: the integers are to blame, so single layers can be.
    """

    stage: str
    why: str
    advice: str = ""
    loss_points: float = 0.0
    flips_percent: float = 0.0
    by_rounding: bool = False


def judge_loss(measured: Parity, *, kind: str, limits: Limits) -> Iterator[Fault]:
    """The accuracy that a model loses against its float twin, paired crop by crop."""
    low, high = measured.loss_interval_points
    if measured.loss_points <= limits.loss_points or low <= 0:
        return
    right = (measured.correct_float, measured.correct_model)
    of_float, of_model = (100 * count / measured.crops for count in right)
    yield Fault(
        stage=kind,
        why=f"{kind} loses {measured.loss_points:.2f} points of accuracy against float on "
        f"{measured.crops:,} validation crops (95 % interval {low:.2f} to {high:.2f}; float "
        f"{of_float:.2f} %, {kind} {of_model:.2f} %), more than --max-loss {limits.loss_points:g}.",
        loss_points=_up(measured.loss_points),
        by_rounding=True,
    )


def judge_rows(rows: Sequence[Row], limits: Limits) -> Iterator[Fault]:
    """Stages that change too many classes, in the order of the stages."""
    for row in rows:
        if row.judged is None or row.judged_flips is None:
            continue
        low, high = (100 * end for end in exact_interval(row.judged_flips, row.judged))
        if low <= limits.flips_percent:
            continue
        share = 100 * row.judged_flips / row.judged
        yield Fault(
            stage=row.stage,
            why=f"stage '{row.stage}' flips the label of {row.judged_flips:,} of {row.judged:,} "
            f"{row.crops_from} crops {_which(row)} ({share:.2f} %, 95 % interval {low:.2f} to "
            f"{high:.2f}), more than --max-flips {limits.flips_percent:g} %.",
            advice=_advice(row),
            flips_percent=_up(low),
            by_rounding=row.against == FLOAT,
        )


def _which(row: Row) -> str:
    if row.against == FLOAT:
        known = "gets right and is sure of" if row.crops_from == "validation" else "is sure of"
        return f"that '{row.against}' {known}"
    if row.stage == FLOAT:
        return f"against '{row.against}'"
    return f"that are no near ties in '{row.against}'"


def _advice(row: Row) -> str:
    if row.against == FLOAT:
        return ""
    if row.stage == FLOAT:
        return "The .tflite is not the network that was trained; write the model bundle again."
    return "Kernels disagree about the same integers; report it if they should not."


def _up(percent: float) -> float:
    """Rounded up to hundredths. Rounded first, since 100 * 1.1 gives 110.00000000000001."""
    return math.ceil(round(100 * percent, 6)) / 100
