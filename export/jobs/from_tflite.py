"""Make a firmware bundle from a foreign int8 .tflite: C array, generated C, operators."""

from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.c_code.files import model_c, model_data_texts
from export.errors import ExportError
from export.model_bundle.read import ORIGIN
from export.parity.measure import MODEL
from export.parity.rows import count_steps
from export.ports import NOTHING, BringHarness, Skipped, Stages, arena_entry
from export.system.files import (
    FIRMWARE_BUNDLE_FORMAT,
    Json,
    inventory,
    new_folder,
    sha256,
    write_json,
    write_texts,
)
from export.system.folder_kind import folder_kind
from export.system.progress import Progress
from export.tflite.facts import ModelInfo, inspect

RANDOM_INPUTS = 200
_SEED = 20201  # pld-tf bench has the same, so both use the same inputs


def export_tflite(
    model: Path,
    *,
    out: Path,
    harness: BringHarness = lambda: NOTHING,
    progress: Progress = lambda line: None,
) -> Json:
    """Write the bundle of a lone model. It takes no audio: its features and words are unknown.

    Args:
      model: any int8 .tflite; need not be trusted.
      out: folder to write; replaces an older firmware bundle there once the new one is complete.
      harness: gives what measures the arena and runs the model beside the generated C.
      progress: called with one line before each step.

    Returns:
      the manifest; fields that only a run can fill are null.

    Raises:
      ExportError: the file is damaged or not int8 throughout, has a layer without C code, or its C
        gives other bytes than TFLite Micro; nothing is written then.
    """
    if model.is_dir():
        what = folder_kind(model) or "folder"
        raise ExportError(
            f"{model} is a {what}, but a .tflite file is needed behind --from-tflite. A run or its "
            "model bundle is exported without that option."
        )
    info = inspect(model)
    if info.float_operators:
        raise ExportError(
            f"{model} has float operators ({', '.join(info.float_operators)}); a firmware bundle "
            "is made of "
            "models that are int8 throughout. Convert it with full integer quantization."
        )
    content = model.read_bytes()
    inference = model_c(content)
    brought = harness()
    with new_folder(out) as stage:
        (stage / MODEL).write_bytes(content)
        progress("measuring the arena")
        needs = arena_entry(brought.measure_arena(stage / MODEL))
        digest = sha256(stage / MODEL)
        texts = model_data_texts(content, info, digest=digest, needs=needs)
        write_texts(stage, texts | inference.texts)
        compared = _compare(stage, info, stages=brought.stages, progress=progress)
        manifest: Json = {
            "format": FIRMWARE_BUNDLE_FORMAT,
            "kind": "int8",
            "excluded": [],
            **dict.fromkeys((*ORIGIN, "commit", "validation", "decision")),
            **dict.fromkeys(("variant", "compared", "model_bundle_sha256", "c_model_refused")),
            "export_versions": {"ai-edge-litert": version("ai-edge-litert")},
            "model": {"bytes": len(content), **info.to_dict()},
            "arena": needs,
            "c_model": inference.entry,
            "parity": compared,
            "files": inventory(stage),
        }
        write_json(stage / "manifest.json", manifest)
    return manifest


def tflite_summary(manifest: Json, *, out: Path) -> str:
    """What was written, for people."""
    model, inference = manifest["model"], manifest["c_model"]
    needs = f", arena {manifest['arena']['bytes']:,} bytes" if manifest["arena"] else ""
    lines = [
        f"{out}: int8, {model['bytes']:,} bytes, {model['macs']:,} MACs, "
        f"{len(inference['layers'])} layers in C with {inference['scratch_bytes']:,} bytes of "
        f"scratch{needs}"
    ]
    lines += [
        f"{row['stage']} against {row['against']}: {row['differing']:,} of {row['values']:,} "
        f"values differ on {row['inputs']} random inputs"
        for row in manifest["parity"]["stages"]
    ]
    lines += [f"{name}: not run, {why}" for name, why in manifest["parity"]["skipped"].items()]
    return "\n".join(lines)


def _compare(folder: Path, info: ModelInfo, *, stages: Stages, progress: Progress) -> Json:
    """Run each stage on random inputs, and compare it with the first stage that it must equal.

    TFLite's own interpreter is left out: it runs in this process, and the file may be hostile.
    """
    inputs = _random_inputs(info)
    outputs: dict[str, NDArray[Any]] = {}
    rows: list[Json] = []
    skipped: dict[str, str] = {}
    for stage in stages.models:
        progress(f"running {stage.name} on {len(inputs)} random inputs")
        found = stage.run(folder, inputs)
        if isinstance(found, Skipped):
            skipped[stage.name] = found.reason
            continue
        against = next((name for name in stage.against if name in outputs), None)
        outputs[stage.name] = found
        if against is not None:
            rows.append(_row(stage.name, against, found, outputs[against], info))
    return {"stages": rows, "skipped": skipped}


def _row(
    stage: str, against: str, found: NDArray[Any], other: NDArray[Any], info: ModelInfo
) -> Json:
    by_steps = count_steps(found, other, info.output)
    if by_steps:
        raise ExportError(
            f"{stage} gives other bytes than {against} for {sum(by_steps.values()):,} of "
            f"{found.size:,} outputs; nothing was written. Please report the model."
        )
    return {
        "stage": stage,
        "against": against,
        "inputs": len(found),
        "values": found.size,
        "differing": 0,
    }


def _random_inputs(info: ModelInfo) -> NDArray[np.int8]:
    size = int(np.prod(info.input.shape))
    generator = np.random.default_rng(_SEED)
    return np.frombuffer(generator.bytes(RANDOM_INPUTS * size), np.int8).reshape(-1, size)
