"""Turn a model bundle into a firmware bundle. Formats: docs/formats.md."""

import shutil
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

from numpy.typing import NDArray

from export.c_code import files
from export.convert import converter
from export.errors import ExportError
from export.jobs import compare
from export.jobs.gate import check_options, pass_gate
from export.model_bundle.read import ORIGIN, ModelBundle, read_bundle
from export.model_bundle.students import PLAIN, find_students
from export.parity import accuracy
from export.parity.measure import FLOAT_MODEL, MAX_CARRIED_CROPS, MODEL, evenly
from export.parity.rows import DEFAULT_MAX_FLIPS
from export.ports import NOTHING, BringHarness, Harness, arena_entry
from export.system.files import (
    FIRMWARE_BUNDLE_FORMAT,
    Json,
    inventory,
    new_folder,
    sha256,
    write_json,
    write_npz,
    write_texts,
)
from export.system.progress import Progress
from export.tflite import interpreter
from export.tflite.facts import ModelInfo, inspect
from export.tflite.quantization import quantize

_COPIED = ("labels.json", "feature_spec.json", "feature_tables.npz")
# Hashes of the training clips, with which `pld-tf bench` tests on other data.
_TRAINED_ON = "trained_on.json"
_DTYPES = {"int8": "int8", "int16x8": "int16", "float": "float32"}


def export_bundle(
    run: Path,
    *,
    out: Path,
    rung: int | None = None,
    kind: str = "int8",
    variant: str | None = None,
    max_loss_points: float = 1.0,
    max_flips_percent: float = DEFAULT_MAX_FLIPS,
    layers: bool = False,
    harness: BringHarness = lambda: NOTHING,
    progress: Progress = lambda line: None,
) -> Json:
    """Convert the student of a run, measure it against its float twin and write its bundle.

    Args:
      run: a run folder, or the model bundle in it.
      out: folder to write; replaces an older firmware bundle there once the new one is complete.
      rung: which rung's student, from 0; None for the last.
      kind: "int8", "int16x8" or "float".
      variant: which int8 student, "ptq" or a way of finishing. None for the most accurate one on
        the validation crops; if several are equal, the plainest.
      max_loss_points: accuracy that may be lost against float, in percentage points.
      max_flips_percent: crops whose label may change at one stage of the parity gate.
      layers: also write quantization.json, what quantizing each layer costs.
      harness: gives what measures the arena, runs further stages, and holds the C of all bundles.
      progress: called with one line before each step.

    Returns:
      the manifest.

    Raises:
      ExportError: a wrong bundle, a failed conversion, a float operator left, too much accuracy
        lost, or too many labels changed at one stage; nothing is written then.
    """
    check_options(max_flips_percent=max_flips_percent, layers=layers, kind=kind)
    _check_asked(kind=kind, variant=variant, max_loss_points=max_loss_points)
    bundle = read_bundle(run, rung=rung)
    students = find_students(bundle, variant=variant) if kind == "int8" else {PLAIN: bundle}
    brought = harness()
    with new_folder(out) as stage:
        progress(f"converting {', '.join(students)} of {bundle.directory} to {kind}")
        model = _convert(bundle, kind=kind, stage=stage)
        taken, compared = PLAIN, None
        if len(students) > 1:
            taken, compared = _take(students, variant=variant, stage=stage)
            model = inspect(stage / MODEL)
        progress(f"measuring {kind} against float on {len(bundle.validation_labels)} crops")
        measured = _measure(bundle, model=model, stage=stage)
        _refuse_loss(measured, kind=kind, max_loss_points=max_loss_points)
        _write_crops(bundle, model=model, stage=stage)
        about_c = _write_texts(bundle, model, kind=kind, brought=brought, stage=stage)
        if about_c["c_model_refused"]:
            progress(f"no kws_model.c: {about_c['c_model_refused']}")
        passed: Json = {"stages": [], "stages_skipped": {}}
        if kind != "float":
            passed = pass_gate(
                stage,
                students[taken],
                plain=taken == PLAIN,
                stages=brought.stages,
                max_flips_percent=max_flips_percent,
                layers=layers,
                progress=progress,
            )
        manifest = _manifest(bundle, model=model, kind=kind, stage=stage) | about_c
        manifest["validation"] = measured.to_dict(kind) | passed
        manifest["variant"] = taken if kind == "int8" else None
        manifest["compared"] = compared
        manifest["model_bundle_sha256"] = sha256(students[taken].directory / "bundle.json")
        write_json(stage / "manifest.json", manifest)
    return manifest


def _check_asked(*, kind: str, variant: str | None, max_loss_points: float) -> None:
    if not max_loss_points >= 0:  # in this form it also refuses NaN
        raise ExportError(f"--max-loss must be at least 0 points, got {max_loss_points}.")
    if variant is not None and kind != "int8":
        raise ExportError(f"--variant chooses among int8 students; leave it out with --{kind}.")


def _convert(bundle: ModelBundle, *, kind: str, stage: Path) -> ModelInfo:
    outputs = {"float": stage / FLOAT_MODEL}
    if kind != "float":
        outputs[kind] = stage / MODEL
    converter.convert(
        saved_model=bundle.directory / "saved_model",
        representative=bundle.directory / "representative.npz",
        outputs=outputs,
    )
    if kind == "float":
        shutil.copyfile(stage / FLOAT_MODEL, stage / MODEL)
    model = inspect(stage / MODEL)
    _check_ends(model, bundle, kind=kind)
    if kind != "float":
        _refuse_floats(model)
    return model


def _take(
    students: dict[str, ModelBundle], *, variant: str | None, stage: Path
) -> tuple[str, Json]:
    """Replace the plain student by the requested one, or by the best one.

    Everything else in the bundle stays the plain student's, also the float twin: finished students
    are measured against it.
    """
    plain = students[PLAIN]
    finished = {name: bundle for name, bundle in students.items() if name != PLAIN}
    with tempfile.TemporaryDirectory() as folder:
        models = {PLAIN: stage / MODEL, **compare.convert_students(finished, Path(folder))}
        compared = compare.compare(plain, float_model=stage / FLOAT_MODEL, models=models)
        taken = variant or compared.best.name
        _check_ends(inspect(models[taken]), students[taken], kind="int8")
        if taken != PLAIN:
            shutil.copyfile(models[taken], stage / MODEL)
    return taken, compared.to_dict()


def _check_ends(model: ModelInfo, bundle: ModelBundle, *, kind: str) -> None:
    """Check that the converted model takes the bundle's crops and scores its classes."""
    shapes = (1, bundle.frames, bundle.bins, 1), (1, len(bundle.labels))
    ends = (("input", model.input, shapes[0]), ("output", model.output, shapes[1]))
    for name, tensor, shape in ends:
        if tensor.shape != shape or tensor.dtype != _DTYPES[kind]:
            raise ExportError(
                f"the {name} of {bundle.directory / 'saved_model'} must become {_DTYPES[kind]} "
                f"{list(shape)}, got {tensor.dtype} {list(tensor.shape)}; the model bundle "
                "mixes two runs. Write it again."
            )


def _refuse_floats(model: ModelInfo) -> None:
    if model.float_operators:
        names = ", ".join(model.float_operators)
        raise ExportError(
            f"{len(model.float_operators)} kinds of operators stayed float ({names}); the device "
            "has integers only. End the model at its logits and use layers that quantize."
        )


def _measure(bundle: ModelBundle, *, model: ModelInfo, stage: Path) -> accuracy.Parity:
    crops = bundle.validation_features
    return accuracy.compare(
        float_logits=interpreter.run(stage / FLOAT_MODEL, crops, resolver=interpreter.FAST),
        stored=interpreter.run(
            stage / MODEL, quantize(crops, model.input), resolver=interpreter.FAST
        ),
        output=model.output,
        labels=bundle.validation_labels,
    )


def _refuse_loss(measured: accuracy.Parity, *, kind: str, max_loss_points: float) -> None:
    if measured.loss_points > max_loss_points:
        right = (measured.correct_float, measured.correct_model)
        raise ExportError(
            f"{kind} loses {measured.loss_points:.2f} points of accuracy against float on "
            f"{measured.crops} validation crops (float {100 * right[0] / measured.crops:.2f} %, "
            f"{kind} {100 * right[1] / measured.crops:.2f} %), more than --max-loss "
            f"{max_loss_points:g}; nothing was written. Allow more, or try --int16x8."
        )


def _write_crops(bundle: ModelBundle, *, model: ModelInfo, stage: Path) -> None:
    stored: NDArray[Any] = quantize(bundle.golden_features, model.input)
    write_npz(
        stage / "golden.npz",
        audio=bundle.golden_audio,
        features=bundle.golden_features,
        logits=bundle.golden_logits,
        model_input=stored,
        model_output=interpreter.run(stage / MODEL, stored, resolver=interpreter.GOLDEN),
    )
    kept = evenly(len(bundle.validation_labels), MAX_CARRIED_CROPS)
    write_npz(
        stage / "validation.npz",
        model_input=quantize(bundle.validation_features[kept], model.input),
        labels=bundle.validation_labels[kept],
    )


def _write_texts(
    bundle: ModelBundle,
    model: ModelInfo,
    *,
    kind: str,
    brought: Harness,
    stage: Path,
) -> Json:
    """Write labels, numbers and all C. Returns the manifest's fields on what the C needs."""
    needs = arena_entry(brought.measure_arena(stage / MODEL) if kind != "float" else None)
    for name in _COPIED:
        shutil.copyfile(bundle.directory / name, stage / name)
    if _TRAINED_ON in bundle.header["files"]:  # an earlier version wrote none
        shutil.copyfile(bundle.directory / _TRAINED_ON, stage / _TRAINED_ON)
    content = (stage / MODEL).read_bytes()
    hashes = {name: sha256(stage / name) for name in (*_COPIED, MODEL)}
    texts = {
        **files.model_data_texts(content, model, digest=hashes[MODEL], needs=needs),
        **files.spec_texts(bundle, model, hashes),
    }
    inference, decision = files.ModelC(), None
    if kind == "int8":
        inference = files.model_c_or_tflm(content)
        decision = files.decision_of(bundle)
        texts |= inference.texts | files.audio_texts(
            bundle, model, decision=decision, digest=hashes[MODEL], sources=brought.sources
        )
    write_texts(stage, texts)
    return {
        "arena": needs,
        "c_model": inference.entry,
        "c_model_refused": inference.refused,
        "decision": decision if files.DECISION_HEADER in texts else None,
    }


def _manifest(bundle: ModelBundle, *, model: ModelInfo, kind: str, stage: Path) -> Json:
    header = bundle.header
    return {
        "format": FIRMWARE_BUNDLE_FORMAT,
        "kind": kind,
        **{name: header[name] for name in ORIGIN},
        "excluded": header.get("excluded", []),
        "commit": header.get("commit"),
        "export_versions": {name: version(name) for name in ("tensorflow", "ai-edge-litert")},
        "model": {"bytes": (stage / MODEL).stat().st_size, **model.to_dict()},
        "files": inventory(stage),
    }
