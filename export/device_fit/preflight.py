"""Would a recipe's last student fit a device? Answered before training.

`export` does not know recipes: the caller passes in what writes an untrained student.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from export.convert.converter import Conversion, ConversionError, convert_all
from export.device_fit.limits import (
    KIB,
    Layers,
    Limits,
    device_costs,
    kib,
    refused_operators,
    too_large,
)
from export.errors import ExportError
from export.system.temporary import temporary_folder
from export.tflite.facts import model_info
from export.tflite.graph import read_graph

PREFLIGHT_FORMAT = 1
_SHARES = (1.0, 0.93, 0.85, 0.75, 0.6)  # of the calculated width; each is tried
_LEAST_WIDTH = 0.05
_REPORTED = 3  # violations per line
OTHER_LAYERS = "Take layers that quantize: convolutions, pooling, dense layers, ReLU"
OTHER_WAYS = (
    "a smaller size or family, a shorter last rung (ladder.input_lengths_ms) or fewer "
    "features.mel_bins need less, or raise the limit in [device]"
)


@dataclass(frozen=True, kw_only=True)
class Student:
    """A student that can be written before it is trained.

    Args:
      name: of the recipe.
      width: the recipe's multiplier of channels.
      width_key: the recipe's key of `width`.
      write: takes a folder and a width, and writes an untrained student of that width to it:
        `saved_model` and `representative.npz`. Returns the layer of each node of its graph.
    """

    name: str
    width: float
    width_key: str
    write: Callable[[Path, float], Mapping[str, str]]


def preflight(student: Student, limits: Limits) -> dict[str, Any]:
    """Convert the untrained student to int8 and compare it with a device's limits.

    Returns:
      The JSON report; docs/formats.md, section "Preflight report", names its fields. The student
      fits if `violations` is empty.

    Raises:
      ExportError: the conversion fails, and no layer can be named as the reason.
    """
    report = {
        "format": PREFLIGHT_FORMAT,
        "recipe": student.name,
        "width": student.width,
        "limits": _limits_json(limits),
    }
    with temporary_folder() as folder:
        by_node = student.write(folder, student.width)
        try:
            convert_all([_conversion(folder)])
        except ConversionError as error:
            if not error.refused:
                raise
            texts = [_unconverted(node, said, by_node) for node, said in error.refused.items()]
            return report | {"violations": texts, "way_out": OTHER_LAYERS}
        costs, refused = _examine(folder, by_node, limits)
        large = too_large(costs, limits)
        way_out = _way_out(student, costs, limits, folder) if large and not refused else None
    if refused:
        way_out = OTHER_LAYERS
    return report | costs | {"violations": [*refused, *large], "way_out": way_out}


def require_fit(report: dict[str, Any]) -> str:
    """What a student needs, in one line.

    Raises:
      ExportError: it does not fit; the text says why and what helps.
    """
    violations = report["violations"]
    if not violations:
        return _needs(report)
    more = len(violations) - _REPORTED
    listed = "; ".join(violations[:_REPORTED]) + (f"; and {more} more" if more > 0 else "")
    raise ExportError(f"recipe {report['recipe']} does not fit: {listed}. {report['way_out']}.")


def _needs(report: dict[str, Any]) -> str:
    flash, ram = (_of(report[key], report["limits"][key]) for key in ("flash_bytes", "ram_bytes"))
    return (
        f"{report['recipe']} fits: {flash} of flash, about {ram} of RAM, {report['macs']:,} MACs, "
        "before training"
    )


def _of(needed: int, limit: int | None) -> str:
    return kib(needed) if limit is None else f"{needed / KIB:.1f} of {limit / KIB:g} KiB"


def report_text(report: dict[str, Any]) -> str:
    """The report for people.

    Raises:
      ExportError: it does not fit; the text says why and what helps.
    """
    operators = ", ".join(f"{op['count']} {op['name']}" for op in report["operators"])
    lines = [
        require_fit(report),
        f"operators: {operators}",
        f"arena: {kib(report['ram_tensor_bytes'])} of tensors, as TFLite Micro plans them, and "
        f"about {kib(report['ram_fixed_bytes'])} of structures",
        "largest tensors: "
        + ", ".join(
            f"{each['layer']} {' x '.join(map(str, each['shape']))} ({kib(each['bytes'])})"
            for each in report["largest_tensors"]
        ),
        "The code of runtime and front end comes on top of flash, audio and stack on top of RAM.",
    ]
    return "\n".join(lines)


def _conversion(folder: Path) -> Conversion:
    return Conversion(
        saved_model=folder / "saved_model",
        representative=folder / "representative.npz",
        outputs={"int8": folder / "model.tflite"},
    )


def _unconverted(node: str, said: str, by_node: Mapping[str, str]) -> str:
    return f"layer {by_node.get(node, node)} does not convert to int8 ({said.strip()})"


def _examine(
    folder: Path, by_node: Mapping[str, str], limits: Limits
) -> tuple[dict[str, Any], list[str]]:
    """The costs of the model in `folder`, and a text for each layer that no device runs."""
    path = folder / "model.tflite"
    graph = read_graph(path)
    layers = Layers(graph, by_node)
    info = model_info(graph, path).to_dict()
    costs = {
        **{name: info[name] for name in ("parameters", "macs", "operators")},
        **device_costs(graph, model_bytes=path.stat().st_size, layers=layers),
    }
    return costs, refused_operators(graph, limits, layers)


def _way_out(student: Student, costs: dict[str, Any], limits: Limits, folder: Path) -> str:
    """The widest narrower student that fits. Each is converted, not only calculated."""
    widths = narrower_widths(student.width, costs, limits)
    if not widths:
        return f"No narrower student fits: {OTHER_WAYS}"
    places = {width: folder / f"{width:g}" for width in widths}
    by_node = {width: student.write(place, width) for width, place in places.items()}
    convert_all([_conversion(place) for place in places.values()])
    for width, place in places.items():
        narrower, _ = _examine(place, by_node[width], limits)
        if not too_large(narrower, limits):
            return (
                f"{student.width_key} = {width:g} would fit ({kib(narrower['flash_bytes'])} of "
                f"flash, about {kib(narrower['ram_bytes'])} of RAM); so would others: {OTHER_WAYS}"
            )
    return f"Down to {student.width_key} = {widths[-1]:g} none fits: {OTHER_WAYS}"


def narrower_widths(width: float, costs: dict[str, Any], limits: Limits) -> list[float]:
    """Widths that may fit, widest first. Weights grow with the square of the width, tensors with
    the width."""
    share = 1.0
    if limits.flash_bytes is not None:
        share = min(share, math.sqrt(limits.flash_bytes / costs["flash_bytes"]))
    if limits.ram_bytes is not None:
        share = min(share, limits.ram_bytes / costs["ram_bytes"])
    tried = [math.floor(100 * width * share * part) / 100 for part in _SHARES]
    return [each for each in dict.fromkeys(tried) if _LEAST_WIDTH <= each < width]


def _limits_json(limits: Limits) -> dict[str, Any]:
    return {
        "flash_bytes": limits.flash_bytes,
        "ram_bytes": limits.ram_bytes,
        "ops": "any" if limits.any_ops else "tflm",
    }
