"""The parity gate: what changes stage by stage, from audio to label, from float to the device."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.model_bundle.read import ModelBundle
from export.parity.rows import Row, count_steps, flips, is_no_tie, is_sure
from export.ports import FLOAT, REFERENCE, AudioStage, Skipped, Stage, Stages
from export.system.progress import Progress
from export.tflite import interpreter
from export.tflite.facts import ModelInfo, TensorInfo
from export.tflite.quantization import quantize

MODEL, FLOAT_MODEL = "model.tflite", "model_float.tflite"
TENSORFLOW = "TensorFlow"
MAX_CARRIED_CROPS = 1000  # validation crops in a firmware bundle; TFLite Micro takes 10 ms for one


@dataclass(frozen=True, kw_only=True)
class Measured:
    """The results of the gate.

    Args:
      rows: rows of the table, in the order of the stages.
      skipped: stages that could not run, and why.
    """

    rows: tuple[Row, ...]
    skipped: dict[str, str]

    def to_dict(self) -> dict[str, Any]:
        """For the manifest's `validation`."""
        return {
            "stages": [row.to_dict() for row in self.rows],
            "stages_skipped": self.skipped,
        }


@dataclass(frozen=True, kw_only=True)
class _Crops:
    """Crops of one origin, and the outputs of each stage that ran, by its name.

    `sure` tells of each crop whether a flip from float counts.
    """

    crops_from: str
    stored: NDArray[Any]
    sure: NDArray[np.bool_]
    outputs: dict[str, NDArray[Any]]

    def row(self, stage: str, *, against: tuple[str, ...], output: TensorInfo) -> Row:
        """The row that compares `stage` with the first stage of `against` that ran."""
        other = next(name for name in (*against, REFERENCE) if name in self.outputs)
        found, expected = self.outputs[stage], self.outputs[other]
        flipped, judged = flips(found, expected), self._judged(other)
        return Row(
            stage=stage,
            against=other,
            crops_from=self.crops_from,
            crops=len(found),
            what="logits",
            values=found.size,
            by_steps=count_steps(found, expected, output),
            flipped=int(flipped.sum()),
            flipped_from_float=int(flips(found, self.outputs[FLOAT]).sum()),
            judged=int(judged.sum()),
            judged_flips=int((flipped & judged).sum()),
        )

    def _judged(self, other: str) -> NDArray[np.bool_]:
        """Crops on which a flip from stage `other` counts."""
        if other == FLOAT:
            return self.sure
        if other == TENSORFLOW:
            return np.ones(len(self.stored), np.bool_)
        return is_no_tie(self.outputs[other])

    def part(self, kept: NDArray[np.intp]) -> "_Crops":
        outputs = {name: values[kept] for name, values in self.outputs.items()}
        return _Crops(
            crops_from=self.crops_from,
            stored=self.stored[kept],
            sure=self.sure[kept],
            outputs=outputs,
        )


def measure(
    folder: Path,
    *,
    bundle: ModelBundle,
    model: ModelInfo,
    float_model: Path,
    stages: Stages,
    progress: Progress = lambda line: None,
) -> Measured:
    """Run every stage on validation and golden crops.

    TFLite's own kernels run on all validation crops, the other stages on those that the firmware
    bundle holds. All stages run on golden crops. Front ends in C start from the golden audio.

    Args:
      folder: holds all files of the firmware bundle that a stage needs.
      bundle: of the student that became the model; gives crops, and TensorFlow's logits of the
        golden ones.
      model: the model in `folder`.
      float_model: the model's own float twin. For a student that was finished for integers, this
        is not the plain student in `folder`.
      stages: stages beyond TFLite's float and reference kernels.
      progress: called with one line before each step.

    Raises:
      ExportError: the interpreter refuses a model.
    """
    count = len(bundle.validation_labels)
    progress(f"running {FLOAT} and {REFERENCE} on {count} validation crops")
    paths = (float_model, folder / MODEL)
    every = _on_tflite(
        paths, bundle.validation_features, "validation", model, labels=bundle.validation_labels
    )
    golden = _on_tflite(paths, bundle.golden_features, "golden", model, labels=None)
    golden.outputs[TENSORFLOW] = bundle.golden_logits
    carried = every.part(evenly(count, MAX_CARRIED_CROPS))
    rows = [golden.row(FLOAT, against=(TENSORFLOW,), output=model.output)]
    rows += [each.row(REFERENCE, against=(FLOAT,), output=model.output) for each in (every, golden)]
    skipped: dict[str, str] = {}
    for stage in stages.models:
        progress(f"running {stage.name} on {len(carried.stored)} validation crops")
        found = _of_stage(stage, folder, (carried, golden), model)
        _note(found, stage.name, rows=rows, skipped=skipped)
    for stage in stages.audio:
        progress(f"running {stage.name} on {len(golden.stored)} golden crops")
        found = _of_audio(stage, folder, bundle.golden_audio, golden, model)
        _note(found, stage.name, rows=rows, skipped=skipped)
    return Measured(rows=tuple(rows), skipped=skipped)


def evenly(count: int, most: int) -> NDArray[np.intp]:
    """Positions of at most `most` of `count` crops, evenly spread: a class's crops may be adjacent.

    >>> evenly(10, 4).tolist(), evenly(3, 4).tolist()
    ([0, 2, 5, 7], [0, 1, 2])
    """
    return np.arange(min(count, most)) * count // min(count, most)


def _on_tflite(
    paths: tuple[Path, Path],
    features: NDArray[np.float32],
    crops_from: str,
    model: ModelInfo,
    *,
    labels: NDArray[np.int32] | None,
) -> _Crops:
    stored = quantize(features, model.input)
    logits = interpreter.run(paths[0], features, resolver=interpreter.FAST)
    outputs = {
        FLOAT: logits,
        REFERENCE: interpreter.run(paths[1], stored, resolver=interpreter.GOLDEN),
    }
    return _Crops(
        crops_from=crops_from, stored=stored, sure=is_sure(logits, labels), outputs=outputs
    )


def _note(
    found: list[Row] | Skipped, stage: str, *, rows: list[Row], skipped: dict[str, str]
) -> None:
    if isinstance(found, Skipped):
        skipped[stage] = found.reason
    else:
        rows += found


def _of_stage(
    stage: Stage, folder: Path, parts: tuple[_Crops, ...], model: ModelInfo
) -> list[Row] | Skipped:
    """Outputs of a stage for all crops, in one call: a stage may compile or start a process."""
    found = stage.run(folder, np.concatenate([part.stored for part in parts]))
    if isinstance(found, Skipped):
        return found
    ends = np.cumsum([len(part.stored) for part in parts])[:-1]
    for part, outputs in zip(parts, np.split(found, ends), strict=True):
        part.outputs[stage.name] = outputs
    return [part.row(stage.name, against=stage.against, output=model.output) for part in parts]


def _of_audio(
    stage: AudioStage, folder: Path, audio: NDArray[np.int16], golden: _Crops, model: ModelInfo
) -> list[Row] | Skipped:
    found = stage.run(folder, audio)
    if isinstance(found, Skipped):
        return found
    features = Row(
        stage=stage.name,
        against=TENSORFLOW,
        crops_from=golden.crops_from,
        crops=len(audio),
        what="features",
        values=found.features.size,
        by_steps=count_steps(found.features, golden.stored, model.input),
    )
    golden.outputs[stage.name] = found.outputs
    return [features, golden.row(stage.name, against=(REFERENCE,), output=model.output)]
