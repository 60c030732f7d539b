"""Run the parity gate on one converted student. What breaks a rule is told, not raised."""

from dataclasses import dataclass
from pathlib import Path

from export.errors import ExportError
from export.jobs.students import Candidate
from export.layer_costs.report import layer_report
from export.layer_costs.text import costs_most
from export.parity.measure import MODEL, measure
from export.parity.verdict import Fault, Limits, judge_rows
from export.ports import Stages
from export.system.files import Json, write_json
from export.system.progress import Progress
from export.tflite.facts import inspect

LAYERS = "quantization.json"


@dataclass(frozen=True, kw_only=True)
class Gate:
    """What the gate is asked for.

    Args:
      stages: stages beyond TFLite's float and reference kernels.
      limits: what a model may lose and flip.
      layers: also measure what quantizing each layer costs.
      progress: called with one line before each step.
    """

    stages: Stages
    limits: Limits
    layers: bool
    progress: Progress


def run_gate(folder: Path, candidate: Candidate, gate: Gate) -> tuple[Json, list[Fault]]:
    """Run every stage on a student's model.

    It is compared with the student's own float twin. A finished student was trained further, so
    other labels than the plain student's may be right.

    Args:
      folder: holds the files of the firmware bundle except the manifest.
      candidate: the student and its models.
      gate: what is asked for.

    Returns:
      `stages` and `stages_skipped` of the manifest's `validation`, and the broken rules.

    Raises:
      ExportError: the interpreter refuses a model.
    """
    student = candidate.student
    measured = measure(
        folder,
        bundle=student,
        model=inspect(folder / MODEL),
        float_model=candidate.twin,
        stages=gate.stages,
        progress=gate.progress,
    )
    return measured.to_dict(), list(judge_rows(measured.rows, gate.limits))


def explain_rounding(
    folder: Path, candidate: Candidate, gate: Gate, faults: list[Fault]
) -> str | None:
    """Write what quantizing each layer costs, if that was asked for or rounding broke a rule.

    Returns:
      The layer that costs most, in a sentence; None if nothing was measured.

    Raises:
      ExportError: it was asked for and cannot be measured.
    """
    if not gate.layers and not any(fault.by_rounding for fault in faults):
        return None
    student = candidate.student
    try:
        report = layer_report(
            folder / MODEL,
            float_model=candidate.twin,
            features=student.validation_features,
            labels=student.validation_labels,
            progress=gate.progress,
        )
    except ExportError:
        if gate.layers:
            raise
        return None  # a broken rule must not be hidden by a network that cannot be taken apart
    write_json(folder / LAYERS, report)
    return costs_most(report)
