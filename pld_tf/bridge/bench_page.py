"""Writes a bench report as a page."""

from pathlib import Path
from typing import Any

from firmware_harness.report.page import report_parts
from firmware_harness.report.tables import Part
from pld_tf.report.bench_page import Table, render_bench
from pld_tf.system.files import write_text
from pld_tf.system.own_files import record_files


def write_bench(report: dict[str, Any], out: Path) -> None:
    """Write the page of a bench report; `report` is as `bench_tflite` returns it."""
    out.parent.mkdir(parents=True, exist_ok=True)
    write_text(out, render_bench(report, [_part(part) for part in report_parts(report)]))
    record_files([out])


def _part(part: Part) -> Table | str:
    if isinstance(part, str):
        return part
    return Table(title=part.title, head=part.head, rows=part.rows)
