"""A bench report as one HTML file, in the style of the report page."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pld_tf.report import figures
from pld_tf.report.page import finished
from pld_tf.report.summary import Tile
from pld_tf.report.text import between, kib, large, percent, plural

Json = dict[str, Any]
_NUMBER = re.compile(r"[-\d.,]+( %| bytes)?|")


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table of a bench report with its title."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]

    @property
    def numbers(self) -> list[int]:
        """Columns of numbers, which stand on the right."""
        columns = list(zip(*self.rows, strict=True))
        return [
            place
            for place, cells in enumerate(columns)
            if place and all(_NUMBER.fullmatch(cell) for cell in cells)
        ]


def render_bench(report: Json, parts: Sequence[Table | str]) -> str:
    """The HTML.

    Args:
      report: as `pld-tf bench --json` prints it.
      parts: its tables and paragraphs, in order.
    """
    return finished(
        "bench.html",
        report=report,
        tiles=_tiles(report),
        bars=[
            (name, figures.bars(rows, name=f"layers-{name}", title=f"layers on {name}", series=0))
            for name, rows in _layers(report["targets"])
        ],
        parts=parts,
    )


def _tiles(report: Json) -> list[Tile]:
    accuracy, targets = report["accuracy"], report["targets"]
    tiles = [] if accuracy is None else [_accuracy(accuracy, report["model"]["kind"])]
    tiles.append(Tile(label="size", value=kib(report["model"]["bytes"]), detail="of the .tflite"))
    if "tflite" in targets:
        median = targets["tflite"]["latency_ms"]["median"]
        tiles.append(
            Tile(label="latency", value=f"{median:.3f} ms", detail="median on this machine, TFLite")
        )
    for name, target in targets.items():
        if target.get("instructions_per_inference") is not None:
            tiles += _on_a_core(name, target)
    return tiles


def _accuracy(accuracy: Json, kind: str) -> Tile:
    low, high = accuracy["intervals"][kind]
    crops = plural(accuracy["clips"], "test clip")
    return Tile(
        label="accuracy",
        value=percent(accuracy[kind]),
        detail=f"{between(low, high)}; {kind}, {accuracy['protocol']} crops of {crops}",
    )


def _on_a_core(name: str, target: Json) -> list[Tile]:
    inference = target["instructions_per_inference"]
    return [
        Tile(label="instructions", value=large(inference), detail=f"an inference on {name}"),
        Tile(label="flash", value=kib(target["flash_bytes"]), detail=f"program and model, {name}"),
        Tile(label="RAM", value=kib(target["ram_bytes"]), detail=f"with its stack, {name}"),
    ]


def _layers(targets: Json) -> list[tuple[str, list[tuple[str, float, str]]]]:
    """Bars of each target that counted its layers."""
    return [
        (
            name,
            [
                (f"{place} {layer['operator']}", layer["instructions"], percent(layer["share"]))
                for place, layer in enumerate(target["layers"])
            ],
        )
        for name, target in targets.items()
        if target.get("layers")
    ]
