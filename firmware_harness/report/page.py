"""Writes a bench report: JSON for machines, one Markdown page for people. Measures nothing."""

import json
from pathlib import Path
from typing import Any

from firmware_harness.errors import HarnessError
from firmware_harness.measure.accuracy import THROUGH_C
from firmware_harness.report.firmware import firmware_sections
from firmware_harness.report.tables import Part, cell, markdown, section, size_text
from firmware_harness.system.own_files import files_refusal, record_files
from firmware_harness.system.temporary import whole_file

_KIND_NAMES = {THROUGH_C: "int8, audio through C"}
TARGET_NAMES = {"tflite": "TFLite", "tflite_float": "TFLite, float model"}


def write_report(report: dict[str, Any], out: Path) -> tuple[Path, Path]:
    """Write OUT.json and OUT.md, each completely or not at all.

    Args:
      report: as `bench_tflite` returns it.
      out: path of both without extension; a final .json or .md is dropped.

    Returns:
      The two paths, JSON first.

    Raises:
      OSError: the folder cannot be written to.
      HarnessError: as `report_paths`.
    """
    paths = report_paths(out)
    texts = json.dumps(report, indent=2, allow_nan=False) + "\n", render_markdown(report)
    for path, text in zip(paths, texts, strict=True):
        _write(path, text)
    record_files(paths)
    return paths


def report_paths(out: Path) -> tuple[Path, Path]:
    """OUT.json and OUT.md.

    Raises:
      HarnessError: `out` has no name, or one of them is there and not as pld-tf wrote it.
    """
    stem = out.name.removesuffix(".json").removesuffix(".md")
    if not stem:
        raise HarnessError(f"the report needs a file name, got {str(out)!r}. Give --out a name.")
    paths = out.with_name(f"{stem}.json"), out.with_name(f"{stem}.md")
    if refusal := files_refusal(paths, option="--out"):
        raise HarnessError(refusal)
    return paths


def render_markdown(report: dict[str, Any]) -> str:
    """The report as one Markdown page; ends with a line feed."""
    head = f"# Bench report: {cell(report['model']['name'])}"
    lines = [head, *(markdown(part) for part in report_parts(report))]
    if report["command"]:
        lines.append(f"## Command\n\n    {' '.join(report['command'].splitlines())}")
    return "\n\n".join(lines) + "\n"


def report_parts(report: dict[str, Any]) -> list[Part]:
    """Tables and paragraphs of the report in order, without its title and command."""
    parts = [
        section("Model", ["", ""], _model_rows(report["model"])),
        *_latency_sections(report["targets"]),
        *_tflm_sections(report["targets"].get("tflm")),
        *firmware_sections(report["targets"]),
        *_ethos_u_sections(report["targets"]),
        *_accuracy_sections(report["accuracy"], report["model"]["kind"]),
        section("Machine", ["", ""], _machine_rows(report)),
    ]
    return [part for part in parts if part]


_LATENCY_HEADER = ["target", "resolver", "delegate", "threads", "median ms", "p90 ms", "p99 ms"]
_ETHOS_U_HEADER = ["target", "cycles", "of the accelerator", "MHz", "SRAM", "flash", "on the CPU"]


def _model_rows(model: dict[str, Any]) -> list[list[str]]:
    operators = ", ".join(f"{o['count']} {o['name']}" for o in model["operators"])
    rows = [
        ["file", f"{model['file']} ({model['kind']})"],
        ["recipe", model["recipe_name"]],
        ["trained at commit", model["commit"]],
        ["refused by pld-tf export", model["refused"]],
        ["SHA-256", model["sha256"]],
        ["size", size_text(model["bytes"])],
        ["size of the float model", size_text(model["float_bytes"])],
        ["MACs", f"{model['macs']:,}"],
        ["parameters", f"{model['parameters']:,}"],
        ["operators", operators],
        ["input", _tensor(model["input"])],
        ["output", _tensor(model["output"])],
    ]
    return [row for row in rows if row[1]]


def _latency_sections(targets: dict[str, Any]) -> list[Part]:
    timed = {name: target for name, target in targets.items() if "latency_ms" in target}
    if not timed:
        return []
    return [section("Latency", _LATENCY_HEADER, _latency_rows(timed)), _latency_note(timed)]


def _latency_rows(targets: dict[str, Any]) -> list[list[str]]:
    rows: list[list[str]] = []
    for name, target in targets.items():
        latency = target["latency_ms"]
        figures = [f"{latency[key]:.3f}" for key in ("median", "p90", "p99")]
        how = [target["resolver"], target["delegate"], str(target["threads"])]
        rows.append([TARGET_NAMES.get(name, name), *how, *figures])
    return rows


def _latency_note(targets: dict[str, Any]) -> str:
    target = targets["tflite"]
    latency = target["latency_ms"]
    note = (
        f"{latency['runs']} timed inferences of each model after {latency['warmup']} to warm up, "
        "batch 1, models in alternation; the clock runs around the inference alone."
    )
    ratio = target.get("ratio_to_float")
    return note if ratio is None else f"{note} Median against float: {ratio:.2f} times."


def _tflm_sections(target: dict[str, Any] | None) -> list[Part]:
    if target is None:
        return []
    origins = ", ".join(f"{count:,} {name}" for name, count in target["inputs_from"].items())
    mismatched = (
        f"{target['mismatched_bytes']:,} of {target['compared_bytes']:,}, in "
        f"{target['mismatched_inputs']:,} of {target['inputs']:,} inputs ({origins})"
    )
    rows = [
        ["smallest arena", size_text(target["arena_bytes"])],
        ["head, shared by tensors", size_text(target["arena_head_bytes"])],
        ["tail, persistent", size_text(target["arena_tail_bytes"])],
        ["output bytes unlike TFLite's reference kernels", mismatched],
        ["tflite-micro", target["version"]],
    ]
    note = (
        "Pointers of this machine take 8 bytes, a device's 4: with the same kernels it needs less."
    )
    return [section("TFLite Micro", ["", ""], rows), note, target["explanation"] or ""]


def _ethos_u_sections(targets: dict[str, Any]) -> list[Part]:
    compiled = {name: target for name, target in targets.items() if "cpu_operators" in target}
    if not compiled:
        return []
    versions = sorted({target["version"] for target in compiled.values()})
    note = f"Estimates of the compiler Vela {', '.join(versions)}; nothing of this was run."
    rows = [_ethos_u_row(name, target) for name, target in compiled.items()]
    return [section("Ethos-U", _ETHOS_U_HEADER, rows), note]


def _ethos_u_row(name: str, target: dict[str, Any]) -> list[str]:
    on_cpu = ", ".join(f"{each['count']} {each['name']}" for each in target["cpu_operators"])
    return [
        name,
        f"{target['cycles']:,}",
        f"{target['npu_cycles']:,}",
        f"{target['clock_hz'] / 1e6:g}",
        size_text(target["sram_bytes"]),
        size_text(target["off_chip_flash_bytes"]),
        on_cpu or "none",
    ]


def _accuracy_sections(accuracy: dict[str, Any] | None, kind: str) -> list[Part]:
    if accuracy is None:
        return []
    kinds = list(dict.fromkeys([kind, "float", THROUGH_C]))
    rows = [
        [
            _KIND_NAMES.get(k, k),
            _percent(accuracy[k]),
            " to ".join(map(_percent, accuracy["intervals"][k])),
        ]
        for k in kinds
        if k in accuracy
    ]
    counts = f"{accuracy['crops']:,} crops of {accuracy['clips']:,} clips"
    note = f"{counts}{_recordings(accuracy.get('recordings'))}, protocol {accuracy['protocol']}."
    if "agreement" in accuracy:
        note += f" Same class from both models: {_percent(accuracy['agreement'])}."
    steps = accuracy.get("max_logit_difference_steps")
    if steps is not None:
        note += f" Largest logit difference: {steps:.2f} output steps."
    other = accuracy.get("other_data")
    notes: list[Part] = list(other["notes"]) if other else []
    return [section("Accuracy", ["model", "accuracy", "95 % interval"], rows), note, *notes]


def _recordings(counts: dict[str, Any] | None) -> str:
    if counts is None:
        return ""
    speakers = "not named" if counts["speakers"] is None else f"{counts['speakers']:,}"
    return (
        f", from {counts['of_keywords']:,} recordings of {counts['keywords']} of "
        f"{counts['all_keywords']} keywords and {counts['of_other_words']:,} of other words "
        f"(speakers: {speakers})"
    )


def _machine_rows(report: dict[str, Any]) -> list[list[str]]:
    machine = report["machine"]
    packages = ", ".join(f"{name} {version}" for name, version in machine["packages"].items())
    return [
        ["CPU", f"{machine['cpu']}, {machine['cores']} core(s) usable"],
        ["system", machine["os"]],
        ["Python", machine["python"]],
        ["packages", packages],
        ["commit", report["commit"] or "unknown (not a git checkout)"],
    ]


def _tensor(tensor: dict[str, Any]) -> str:
    shape = " x ".join(map(str, tensor["shape"]))
    if not tensor["scale"]:
        return f"{tensor['dtype']} {shape}"
    return (
        f"{tensor['dtype']} {shape}, scale {tensor['scale']:.6g}, zero point {tensor['zero_point']}"
    )


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.2f} %"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as unfinished:
        unfinished.write_text(text, encoding="utf-8")
