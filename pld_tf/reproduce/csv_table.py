"""A reproduction's report as CSV: one line per network and protocol."""

import csv
import io
from collections.abc import Iterator
from typing import Any

from pld_tf.recipe.tables import PROTOCOLS

_ENDS = ("mean", "low", "high")
COLUMNS = (
    "table", "row", "length_ms", "protocol", "paper", *_ENDS, "seeds", "validation", "macs",
    "parameters", "int8_bytes",
    *(f"over_{other}_{end}" for other in ("direct", "hard_labels") for end in _ENDS),
)  # fmt: skip


def csv_text(report: dict[str, Any]) -> str:
    """The report as CSV. Shares are 0 to 1; the paper's figures stay in per cent.

    Networks that are not tested yet have empty cells.
    """
    text = io.StringIO()
    lines = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    lines.writeheader()
    lines.writerows(_lines(report))
    return text.getvalue()


def _lines(report: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield from _of_net(report, "teacher", report["teacher"]["name"], report["teacher"])
    for net in report["direct"]:
        yield from _of_net(report, "direct", net["name"], net)
    for ladder in report["ladders"]:
        title = " > ".join(str(length_ms) for length_ms in ladder["ladder_ms"])
        for net in ladder["rungs"][:-1]:
            yield from _of_net(report, "ladder", title, net)
        yield from _of_net(report, "ladder", title, ladder["rungs"][-1], ladder)
    for net in report["baselines"]:
        yield from _of_net(report, "baseline", net["title"], net)


def _of_net(
    report: dict[str, Any],
    table: str,
    title: str,
    net: dict[str, Any],
    ladder: dict[str, Any] | None = None,
) -> Iterator[dict[str, Any]]:
    """Lines of one net. `ladder` is given for a ladder's last net, which alone has gains."""
    for protocol in PROTOCOLS:
        line = {"table": table, "row": title, "length_ms": net["tested_ms"], "protocol": protocol}
        line |= {"paper": net.get("paper"), "seeds": len(net["seeds"])}
        line |= {"validation": net["validation"]} | report["costs"][str(net["input_ms"])]
        line |= _ends(net["protocols"].get(protocol))
        yield line | (_gains(ladder, protocol) if ladder else {})


def _gains(ladder: dict[str, Any], protocol: str) -> dict[str, float]:
    return {
        f"over_{other}_{end}": value
        for other in ("direct", "hard_labels")
        for end, value in _ends(ladder[f"gain_over_{other}"]["protocols"].get(protocol)).items()
    }


def _ends(values: dict[str, Any] | None) -> dict[str, float]:
    return {end: values[end] for end in _ENDS} if values else {}
