"""Compare the int8 students of a run: accuracy, size, size after compression."""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from export.convert import converter
from export.jobs.students import refuse_floats
from export.model_bundle.read import ModelBundle, read_bundle
from export.model_bundle.students import PLAIN, find_students
from export.parity import accuracy
from export.system.files import Json
from export.system.progress import Progress
from export.system.tables import text_table
from export.system.temporary import temporary_folder
from export.tflite import interpreter
from export.tflite.facts import inspect
from export.tflite.quantization import quantize

_ZLIB_LEVEL = 9
_HEADINGS = ("student", "accuracy", "agreement", "bytes", "compressed")


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One int8 student beside the float student that all of them come from.

    Args:
      name: "ptq", or how the student was finished.
      correct: validation crops it classifies correctly.
      same: crops that get the same class from it and from the float student.
      bytes: size of its .tflite.
      compressed_bytes: size of its .tflite after zlib.
    """

    name: str
    correct: int
    same: int
    bytes: int
    compressed_bytes: int


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """The students of a run on its validation crops.

    Args:
      crops: number of crops.
      float_correct: crops that the float student classifies correctly, before any finishing.
      float_bytes: size of its .tflite.
      float_compressed_bytes: size of its .tflite after zlib.
      students: plainest first.
    """

    crops: int
    float_correct: int
    float_bytes: int
    float_compressed_bytes: int
    students: tuple[Compared, ...]

    @property
    def ranked(self) -> tuple[str, ...]:
        """Names of the students, most accurate first; of equal ones the plainest first."""
        best_first = sorted(self.students, key=lambda student: -student.correct)
        return tuple(student.name for student in best_first)

    def to_dict(self) -> Json:
        """For the manifest; docs/formats.md has the fields."""
        return {
            "crops": self.crops,
            "best": self.ranked[0],
            "float": {
                "accuracy": self.float_correct / self.crops,
                "bytes": self.float_bytes,
                "compressed_bytes": self.float_compressed_bytes,
            },
            "students": [
                {
                    "name": student.name,
                    "accuracy": student.correct / self.crops,
                    "agreement": student.same / self.crops,
                    "bytes": student.bytes,
                    "compressed_bytes": student.compressed_bytes,
                }
                for student in self.students
            ],
        }


def compare_run(
    run: Path, *, rung: int | None = None, progress: Progress = lambda line: None
) -> Comparison:
    """Convert every student of a run to int8 and compare them; no file is kept.

    Raises:
      ExportError: a wrong bundle, a failed conversion, or a float operator left.
    """
    plain = read_bundle(run, rung=rung)
    students = find_students(plain)
    progress(f"converting {', '.join(students)} to int8")
    with temporary_folder() as folder:
        models = convert_students(students, folder, float_model=folder / "float.tflite")
        progress(f"comparing them on {len(plain.validation_labels)} validation crops")
        return compare(plain, float_model=folder / "float.tflite", models=models)


def convert_students(
    students: Mapping[str, ModelBundle], folder: Path, *, float_model: Path | None = None
) -> dict[str, Path]:
    """Write each int8 .tflite into `folder`, and the float one to `float_model` if given."""
    models = {name: folder / f"{name}.tflite" for name in students}
    outputs = {name: {"int8": path} for name, path in models.items()}
    if float_model is not None:
        outputs[PLAIN]["float"] = float_model
    converter.convert_all(
        [
            converter.Conversion(
                saved_model=bundle.directory / "saved_model",
                representative=bundle.directory / "representative.npz",
                outputs=outputs[name],
            )
            for name, bundle in students.items()
        ]
    )
    return models


def compare(plain: ModelBundle, *, float_model: Path, models: Mapping[str, Path]) -> Comparison:
    """Measure models on the validation crops of the float student's bundle.

    Args:
      plain: bundle of the float student.
      float_model: its float .tflite.
      models: int8 .tflite by name, plainest first.

    Raises:
      ExportError: a model keeps a float operator, or cannot be run.
    """
    crops, labels = plain.validation_features, plain.validation_labels
    float_logits = interpreter.run(float_model, crops, resolver=interpreter.FAST)
    students: list[Compared] = []
    for name, path in models.items():
        info = inspect(path)
        refuse_floats(info, name)
        stored = quantize(crops, info.input)
        found = accuracy.compare(
            float_logits=float_logits,
            stored=interpreter.run(path, stored, resolver=interpreter.FAST),
            output=info.output,
            labels=labels,
        )
        size, compressed = _sizes(path)
        students.append(
            Compared(
                name=name,
                correct=found.correct_model,
                same=found.same,
                bytes=size,
                compressed_bytes=compressed,
            )
        )
    size, compressed = _sizes(float_model)
    return Comparison(
        crops=len(labels),
        float_correct=int((float_logits.argmax(axis=1) == labels).sum()),
        float_bytes=size,
        float_compressed_bytes=compressed,
        students=tuple(students),
    )


def comparison_text(compared: Json) -> str:
    """The table for people, from `Comparison.to_dict`; the best one is marked."""
    crops, best = compared["crops"], compared["best"]
    rows = [_row({"name": "float", **compared["float"]}), *map(_row, compared["students"])]
    head = f"{crops:,} validation crops; sizes of the .tflite, and after zlib"
    return "\n".join([head, text_table(rows, head=_HEADINGS, right=range(1, 5)), f"best: {best}"])


def _row(student: Json) -> tuple[str, ...]:
    agreement = student.get("agreement")
    return (
        student["name"],
        f"{100 * student['accuracy']:.2f} %",
        "" if agreement is None else f"{100 * agreement:.2f} %",
        f"{student['bytes']:,}",
        f"{student['compressed_bytes']:,}",
    )


def _sizes(model: Path) -> tuple[int, int]:
    content = model.read_bytes()
    return len(content), len(zlib.compress(content, _ZLIB_LEVEL))
