"""Make a firmware bundle from a foreign int8 .tflite: C array, generated C, operators."""

from importlib.metadata import version
from pathlib import Path

from export.c_code.files import (
    apply_prefix,
    check_prefix,
    lone_model_texts,
    model_c,
    model_data_texts,
)
from export.c_code.optimize import Optimize
from export.errors import ExportError
from export.jobs.exact_bytes import check_bytes
from export.model_bundle.read import ORIGIN
from export.parity.measure import MODEL
from export.ports import NOTHING, BringHarness, arena_entry
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
from export.system.prefix import DEFAULT
from export.system.progress import Progress
from export.tflite.ends import border_conversions, without_border_conversions
from export.tflite.facts import model_info
from export.tflite.graph import parse_graph, read_content


def export_tflite(
    model: Path,
    *,
    out: Path,
    optimize: Optimize = Optimize.BALANCED,
    prefix: str = DEFAULT,
    harness: BringHarness = lambda: NOTHING,
    progress: Progress = lambda line: None,
) -> Json:
    """Write the bundle of a lone model. It takes no audio: its features and words are unknown.

    Args:
      model: any int8 .tflite; need not be trusted.
      out: folder to write; replaces an older firmware bundle there once the new one is complete.
      optimize: what the C for the DSP extension is to be good at.
      prefix: of all names in C, in place of kws.
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
    check_prefix(prefix)
    content, ends = _from_int8_to_int8(model)
    info = model_info(parse_graph(content, name=str(model)), model)
    if info.float_operators:
        raise ExportError(
            f"{model} computes in float ({', '.join(info.float_operators)}); C is written for "
            "models that are int8 from the first layer to the last. Convert it with full integer "
            "quantization, and leave out layers that stay float."
        )
    inference = model_c(content, optimize=optimize)
    if ends:
        progress(f"took {' and '.join(ends)} off the ends: give and take int8, see kws_model.h")
    brought = harness()
    with new_folder(out) as stage:
        (stage / MODEL).write_bytes(content)
        progress("measuring the arena")
        needs = arena_entry(brought.measure_arena(stage / MODEL))
        digest = sha256(stage / MODEL)
        texts = model_data_texts(content, info, digest=digest, needs=needs)
        write_texts(stage, texts | inference.texts | lone_model_texts(brought.sources))
        compared = check_bytes(stage, info, stages=brought.stages, progress=progress)
        manifest: Json = {
            **apply_prefix(stage, prefix),
            "format": FIRMWARE_BUNDLE_FORMAT,
            "kind": "int8",
            "excluded": [],
            **dict.fromkeys((*ORIGIN, "commit", "validation", "decision")),
            **dict.fromkeys(("variant", "compared", "model_bundle_sha256", "c_model_refused")),
            "export_versions": {"ai-edge-litert": version("ai-edge-litert")},
            "model": {"bytes": len(content), **info.to_dict()},
            "arena": needs,
            "c_model": inference.entry,
            "ends_taken_off": ends,
            "parity": compared,
            "files": inventory(stage),
        }
        write_json(stage / "manifest.json", manifest)
    return manifest


def _from_int8_to_int8(model: Path) -> tuple[bytes, list[str]]:
    """The model without the QUANTIZE and DEQUANTIZE at its ends, and which of them it had."""
    content = read_content(model)
    graph = parse_graph(content, name=str(model))
    found = [number for number in border_conversions(graph) if number is not None]
    taken = [graph.operators[number].name for number in found]
    return without_border_conversions(content, graph), taken


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
        f"{row['stage']} against {row['against']}, {row['what']}: {row['differing']:,} of "
        f"{row['values']:,} bytes differ on {row['inputs']:,} inputs"
        for row in manifest["parity"]["stages"]
    ]
    lines += [f"{name}: not run, {why}" for name, why in manifest["parity"]["skipped"].items()]
    return "\n".join(lines)
