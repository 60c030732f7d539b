"""What the page reads of a run: the history of a rung, and a reproduction's figures."""

from typing import Annotated, Literal

from pydantic import Field

from pld_tf.report.checked import Checked, Count, Fraction, Name


class Epoch(Checked):
    """A line of a training's history."""

    epoch: Count
    loss: float
    accuracy: Fraction


class RungMetrics(Checked):
    """`metrics.json` of a rung."""

    number: Count
    network: Count
    length_ms: Count
    protocol: Name
    validation_clips: Count
    student_accuracy: Fraction
    teacher_accuracy: Fraction | None
    best_epoch: Count
    epochs: Count
    history: list[Epoch]


class Interval(Checked):
    """An accuracy with its interval."""

    mean: Fraction
    low: Fraction
    high: Fraction


class PaperNet(Checked):
    """A network of a reproduction; `paper` is the paper's figure in percent."""

    title: Name | None = None
    paper: float | None = None
    protocols: dict[str, Interval]


class PaperLadder(Checked):
    """A ladder of a reproduction, its last rung last."""

    ladder_ms: list[int]
    rungs: Annotated[list[PaperNet], Field(min_length=1)]


class PaperReport(Checked):
    """`paper.json`."""

    format: Literal[1]
    command: Name
    commit: Name | None
    data_key: Name
    seeds: Count
    clips: Count
    ladders: list[PaperLadder]
    baselines: list[PaperNet]
