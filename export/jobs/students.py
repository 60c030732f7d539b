"""The students of a run as .tflite files, and in which order they are tried."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from export.convert import converter
from export.errors import ExportError
from export.model_bundle.read import ModelBundle
from export.model_bundle.students import PLAIN
from export.parity.measure import FLOAT_MODEL, MODEL
from export.system.progress import Progress
from export.tflite.facts import ModelInfo, inspect

_DTYPES = {"int8": "int8", "int16x8": "int16", "float": "float32"}


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """A converted student.

    Args:
      name: "ptq", or how it was finished.
      student: its model bundle.
      folder: becomes the firmware bundle; holds its model and the plain student's float model.
      twin: its own float model; for a finished student another than that in `folder`.
    """

    name: str
    student: ModelBundle
    folder: Path
    twin: Path


@dataclass(frozen=True, kw_only=True)
class Work:
    """Where candidates are made, below the folder of the bundle to come."""

    root: Path

    def folder(self, name: str) -> Path:
        return self.root / "candidates" / name

    def twin(self, name: str) -> Path:
        return self.root / "twins" / f"{name}.tflite"

    def leave(self, candidate: Candidate) -> None:
        """Leave the files of one candidate alone, right below the root."""
        for path in candidate.folder.iterdir():
            path.rename(self.root / path.name)
        for folder in (self.root / "candidates", self.root / "twins"):
            shutil.rmtree(folder)


def convert_candidates(
    students: Mapping[str, ModelBundle],
    *,
    kind: str,
    needed: str | None,
    work: Work,
    progress: Progress,
) -> tuple[dict[str, Candidate], dict[str, str]]:
    """Convert every student, the plain one first; others are measured against its float model.

    Args:
      students: by name, plainest first.
      kind: "int8", "int16x8" or "float".
      needed: the only finished student that is wanted; None if any may be taken.
      work: where to write.
      progress: called with one line before each conversion.

    Returns:
      Candidates by name, and why finished students that cannot be taken were passed over.

    Raises:
      ExportError: the plain student or the needed one cannot be converted.
    """
    candidates: dict[str, Candidate] = {}
    passed_over: dict[str, str] = {}
    for name, student in students.items():
        progress(f"converting {name} of {student.directory} to {kind}")
        try:
            candidates[name] = _convert(name, student, kind=kind, work=work)
        except ExportError as error:
            if name in (PLAIN, needed):
                raise
            passed_over[name] = str(error)
    return candidates, passed_over


def _convert(name: str, student: ModelBundle, *, kind: str, work: Work) -> Candidate:
    folder, twin = work.folder(name), work.twin(name)
    folder.mkdir(parents=True)
    twin.parent.mkdir(exist_ok=True)
    outputs = {"float": twin}
    if kind != "float":
        outputs[kind] = folder / MODEL
    converter.convert(
        saved_model=student.directory / "saved_model",
        representative=student.directory / "representative.npz",
        outputs=outputs,
    )
    if kind == "float":
        shutil.copyfile(twin, folder / MODEL)
    shutil.copyfile(work.twin(PLAIN), folder / FLOAT_MODEL)
    model = inspect(folder / MODEL)
    _check_ends(model, student, kind=kind)
    if kind != "float":
        refuse_floats(model, name)
    return Candidate(name=name, student=student, folder=folder, twin=twin)


def _check_ends(model: ModelInfo, bundle: ModelBundle, *, kind: str) -> None:
    """Check that the converted model takes the bundle's crops and scores its classes."""
    shapes = (1, bundle.frames, bundle.bins, 1), (1, len(bundle.labels))
    ends = (("input", model.input, shapes[0]), ("output", model.output, shapes[1]))
    for name, tensor, shape in ends:
        if tensor.shape != shape or tensor.dtype != _DTYPES[kind]:
            raise ExportError(
                f"the {name} of {bundle.directory / 'saved_model'} must become {_DTYPES[kind]} "
                f"{list(shape)}, got {tensor.dtype} {list(tensor.shape)}; the bundle mixes two "
                "runs. Write it again."
            )


def refuse_floats(model: ModelInfo, name: str) -> None:
    """Refuse an integer model that computes in float.

    Raises:
      ExportError: it does; the text names the operators.
    """
    if model.float_operators:
        names = ", ".join(model.float_operators)
        raise ExportError(
            f"{len(model.float_operators)} kinds of operators of student {name} stayed float "
            f"({names}); the device has integers only. End the model at its logits and use layers "
            "that quantize."
        )
