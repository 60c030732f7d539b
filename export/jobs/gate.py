"""Run the parity gate on an exported model; a failure names the stage and the layer."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from export.convert import converter
from export.errors import ExportError
from export.layer_costs.report import layer_report
from export.layer_costs.text import costs_most
from export.model_bundle.read import ModelBundle
from export.parity.measure import FLOAT_MODEL, MODEL, measure
from export.parity.rows import check_max_flips, refuse_flips
from export.ports import Stages
from export.system.files import Json, write_json
from export.system.progress import Progress
from export.system.temporary import temporary_folder
from export.tflite.facts import inspect

LAYERS = "quantization.json"


def check_options(*, max_flips_percent: float, layers: bool, kind: str) -> None:
    """Check the options before anything is converted.

    Raises:
      ExportError: the limit is not a percentage, or `layers` is set for a float model.
    """
    check_max_flips(max_flips_percent)
    if layers and kind == "float":
        raise ExportError("--layers tells what quantization costs; leave it out with --float.")


def pass_gate(
    folder: Path,
    student: ModelBundle,
    *,
    plain: bool,
    stages: Stages,
    max_flips_percent: float,
    layers: bool,
    progress: Progress,
) -> Json:
    """Run every stage and refuse a model that changes too many labels at one of them.

    Args:
      folder: holds the files of the firmware bundle except the manifest; gets quantization.json if
        `layers` is set.
      student: the student that became the model.
      plain: the float model in `folder` is this student's. Another student is compared with a
        float twin of its own. It was trained further, so other labels may change rightly.
      stages: stages beyond TFLite's float and reference kernels.
      max_flips_percent: of the crops; see `allowed_flips`.
      layers: also measure what quantizing each layer costs.
      progress: called with one line before each step.

    Returns:
      `stages` and `stages_skipped` of the manifest's `validation`.

    Raises:
      ExportError: a stage changes too many labels. The text names the stage and, if quantization
        is the cause, the layer that costs most.
    """
    with _float_twin(folder, student, plain=plain) as float_model:

        def report() -> Json:
            return layer_report(
                folder / MODEL,
                float_model=float_model,
                features=student.validation_features,
                labels=student.validation_labels,
                progress=progress,
            )

        measured = measure(
            folder,
            bundle=student,
            model=inspect(folder / MODEL),
            float_model=float_model,
            stages=stages,
            progress=progress,
        )
        refuse_flips(
            measured.rows,
            max_flips_percent=max_flips_percent,
            blame=lambda: costs_most(report()),
        )
        if layers:
            write_json(folder / LAYERS, report())
    return measured.to_dict()


@contextmanager
def _float_twin(folder: Path, student: ModelBundle, *, plain: bool) -> Generator[Path]:
    if plain:
        yield folder / FLOAT_MODEL
        return
    with temporary_folder() as folder:
        path = folder / FLOAT_MODEL
        converter.convert(
            saved_model=student.directory / "saved_model",
            representative=student.directory / "representative.npz",
            outputs={"float": path},
        )
        yield path
