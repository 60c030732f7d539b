"""Turn a model bundle into a firmware bundle. Formats: docs/formats.md."""

import shutil
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export import c_array, c_headers, ops_header, parity, tflite
from export.bundle_reader import ORIGIN, ModelBundle, read_bundle
from export.errors import ExportError
from export.files import Json, inventory, new_folder, sha256, write_json, write_npz
from export.inspect_tflite import ModelInfo, inspect
from export.measured_arena import MeasureArena, Measured, arena_entry, no_tflm

FORMAT = 1
MODEL, FLOAT_MODEL = "model.tflite", "model_float.tflite"
MAX_VALIDATION_CROPS = 1000  # that the bundle carries
_COPIED = ("labels.json", "feature_spec.json", "feature_tables.npz")
_DTYPES = {"int8": "int8", "int16x8": "int16", "float": "float32"}


def export_bundle(
    run: Path,
    *,
    out: Path,
    rung: int | None = None,
    kind: str = "int8",
    max_loss_points: float = 1.0,
    measure_arena: MeasureArena = no_tflm,
    progress: Callable[[str], None] = lambda line: None,
) -> Json:
    """Convert the student of a run, measure it against its float twin and write its bundle.

    Args:
      run: a run folder, or the model bundle in it.
      out: folder to write; an older firmware bundle there is replaced once the new one is whole.
      rung: whose student, 0 first; None for the last one.
      kind: "int8", "int16x8" or "float".
      max_loss_points: accuracy that may be lost against float, in percentage points.
      measure_arena: of an integer model; what it gives goes into manifest and C header.
      progress: told in one line what happens next.

    Returns:
      the manifest.

    Raises:
      ExportError: a wrong bundle, a failed conversion, a float operator left, or too much
        accuracy lost; nothing is written then.
    """
    if not max_loss_points >= 0:  # so written, it refuses NaN too
        raise ExportError(f"--max-loss must be at least 0 points, got {max_loss_points}.")
    bundle = read_bundle(run, rung=rung)
    with new_folder(out) as stage:
        progress(f"converting {bundle.directory / 'saved_model'} to {kind}")
        model = _convert(bundle, kind=kind, stage=stage)
        crops = len(bundle.validation_labels)
        progress(f"measuring {kind} against float on {crops} validation crops")
        measured = _measure(bundle, model=model, stage=stage)
        _refuse_loss(measured, kind=kind, max_loss_points=max_loss_points)
        _write_crops(bundle, model=model, stage=stage)
        needs = arena_entry(measure_arena(stage / MODEL) if kind != "float" else None)
        _write_texts(bundle, model=model, needs=needs, stage=stage)
        manifest = _manifest(bundle, model=model, measured=measured, kind=kind, stage=stage)
        manifest["arena"] = needs
        write_json(stage / "manifest.json", manifest)
    return manifest


def summary(manifest: Json, *, out: Path) -> str:
    """What was written, for a person."""
    kind, model, measured = manifest["kind"], manifest["model"], manifest["validation"]
    needs = f", arena {manifest['arena']['bytes']:,} bytes" if manifest["arena"] else ""
    return (
        f"{out}: {kind}, {model['bytes']:,} bytes, {model['macs']:,} MACs{needs}; on "
        f"{measured['crops']:,} validation crops {100 * measured[f'accuracy_{kind}']:.2f} % "
        f"(float {100 * measured['accuracy_float']:.2f} %), "
        f"same class as float for {100 * measured['agreement']:.2f} %"
    )


def _convert(bundle: ModelBundle, *, kind: str, stage: Path) -> ModelInfo:
    outputs = {"float": stage / FLOAT_MODEL}
    if kind != "float":
        outputs[kind] = stage / MODEL
    tflite.convert(
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


def _check_ends(model: ModelInfo, bundle: ModelBundle, *, kind: str) -> None:
    """The converted model must take the bundle's crops and score its classes."""
    shapes = (1, bundle.frames, bundle.bins, 1), (1, len(bundle.labels))
    ends = (("input", model.input, shapes[0]), ("output", model.output, shapes[1]))
    for name, tensor, shape in ends:
        if tensor.shape != shape or tensor.dtype != _DTYPES[kind]:
            raise ExportError(
                f"the {name} of {bundle.directory / 'saved_model'} must become {_DTYPES[kind]} "
                f"{list(shape)}, got {tensor.dtype} {list(tensor.shape)}; the bundle mixes two "
                "runs. Write it again."
            )


def _refuse_floats(model: ModelInfo) -> None:
    if model.float_operators:
        names = ", ".join(model.float_operators)
        raise ExportError(
            f"{len(model.float_operators)} kinds of operators stayed float ({names}); the device "
            "has integers only. End the model at its logits and use layers that quantize."
        )


def _measure(bundle: ModelBundle, *, model: ModelInfo, stage: Path) -> parity.Parity:
    crops = bundle.validation_features
    return parity.compare(
        float_logits=parity.run(stage / FLOAT_MODEL, crops, resolver=parity.FAST),
        stored=parity.run(stage / MODEL, parity.quantize(crops, model.input), resolver=parity.FAST),
        output=model.output,
        labels=bundle.validation_labels,
    )


def _refuse_loss(measured: parity.Parity, *, kind: str, max_loss_points: float) -> None:
    if measured.loss_points > max_loss_points:
        right = (measured.correct_float, measured.correct_model)
        raise ExportError(
            f"{kind} loses {measured.loss_points:.2f} points of accuracy against float on "
            f"{measured.crops} validation crops (float {100 * right[0] / measured.crops:.2f} %, "
            f"{kind} {100 * right[1] / measured.crops:.2f} %), more than --max-loss "
            f"{max_loss_points:g}; nothing was written. Allow more, or try --int16x8."
        )


def _write_crops(bundle: ModelBundle, *, model: ModelInfo, stage: Path) -> None:
    stored: NDArray[Any] = parity.quantize(bundle.golden_features, model.input)
    write_npz(
        stage / "golden.npz",
        audio=bundle.golden_audio,
        features=bundle.golden_features,
        logits=bundle.golden_logits,
        model_input=stored,
        model_output=parity.run(stage / MODEL, stored, resolver=parity.GOLDEN),
    )
    crops = len(bundle.validation_labels)
    # Spread evenly, because crops of a class may stand together.
    kept = np.arange(MAX_VALIDATION_CROPS) * crops // MAX_VALIDATION_CROPS
    kept = kept if crops > MAX_VALIDATION_CROPS else np.arange(crops)
    write_npz(
        stage / "validation.npz",
        model_input=parity.quantize(bundle.validation_features[kept], model.input),
        labels=bundle.validation_labels[kept],
    )


def _write_texts(
    bundle: ModelBundle, *, model: ModelInfo, needs: Measured | None, stage: Path
) -> None:
    for name in _COPIED:
        shutil.copyfile(bundle.directory / name, stage / name)
    content = (stage / MODEL).read_bytes()
    texts = {
        "kws_model_data.h": c_array.model_data_header(
            content, arena_bytes=None if needs is None else int(needs["bytes_with_margin"])
        ),
        "kws_model_data.c": c_array.model_data_source(content),
        "kws_ops.h": ops_header.ops_header(model.operators, digest=sha256(stage / MODEL)),
        "kws_labels.h": c_headers.labels_header(
            bundle.labels, num_keywords=bundle.num_keywords, digest=sha256(stage / "labels.json")
        ),
        "kws_feature_spec.h": c_headers.feature_spec_header(
            bundle.feature_spec,
            model=model,
            crop_samples=bundle.golden_audio.shape[1],
            digest=sha256(stage / "feature_spec.json"),
        ),
    }
    for name, text in texts.items():
        (stage / name).write_text(text, encoding="ascii")


def _manifest(
    bundle: ModelBundle, *, model: ModelInfo, measured: parity.Parity, kind: str, stage: Path
) -> Json:
    header = bundle.header
    return {
        "format": FORMAT,
        "kind": kind,
        **{name: header[name] for name in ORIGIN},
        "excluded": header.get("excluded", []),
        "commit": header.get("commit"),
        "export_versions": {name: version(name) for name in ("tensorflow", "ai-edge-litert")},
        "model_bundle_sha256": sha256(bundle.directory / "bundle.json"),
        "model": {"bytes": (stage / MODEL).stat().st_size, **model.to_dict()},
        "validation": measured.to_dict(kind),
        "files": inventory(stage),
    }
