"""A reproduction's report as Markdown, and one protocol's tables for a terminal."""

from collections.abc import Iterable
from typing import Any

from rich.box import MARKDOWN

from pld_tf.recipe.tables import PROTOCOLS, Protocol
from pld_tf.reproduce import paper
from pld_tf.system.tables import text_table

Report = dict[str, Any]
NOT_YET = "not yet"
# Rungs between the teacher and the target, the paper's columns.
_BETWEEN_MS = (900, 800, 700, 600)


def markdown(report: Report, protocol: Protocol) -> str:
    """The whole report; tables of `protocol` come first.

    Args:
      report: as `run.reproduce_paper` gives it.
      protocol: of the first tables.
    """
    others: list[Protocol] = [other for other in PROTOCOLS if other != protocol]
    return "\n\n".join(
        [
            f"# {paper.SOURCE}: the paper's tables, and ours",
            _head(report),
            "![Accuracy of each ladder at 500 ms under the four protocols](paper.png)",
            "## Direct distillation",
            _direct_table(report),
            *(_section(report, each) for each in (protocol, *others)),
            "## What the paper leaves open",
            _choices_table(report),
            "## Method",
            _method(report),
        ]
    ) + "\n"  # fmt: skip


def protocol_text(report: Report, protocol: Protocol) -> str:
    """Ladders and baselines under one protocol."""
    return "\n\n".join([_head(report), _section(report, protocol)])


def _head(report: Report) -> str:
    nets, seeds = report["nets"], report["seeds"]
    state = (
        "complete"
        if nets["tested"] == nets["all"]
        else "half finished; the same command goes on with the rest"
    )
    return (
        f"Accuracy on {report['clips']} test clips, %, with a 95 % interval over {_over(seeds)}. "
        f"{nets['tested']} of {nets['all']} networks tested: {state}."
    )


def _over(seeds: int) -> str:
    return "clips (one seed)" if seeds == 1 else f"{seeds} seeds and clips"


def _section(report: Report, protocol: Protocol) -> str:
    return "\n\n".join(
        [
            f"## Ladders, {protocol} crops",
            "Paper / ours; gains in points, paired by clip and seed.",
            _ladder_table(report, protocol),
            _best_line(report, protocol),
            f"Baselines at {paper.TARGET_MS} ms that the paper lacks, {protocol} crops:",
            _baseline_table(report, protocol),
        ]
    )


def _direct_table(report: Report) -> str:
    rows = [report["teacher"] | {"paper": None}, *report["direct"]]
    lengths = [row["tested_ms"] for row in rows]
    costs = [report["costs"][str(length_ms)] for length_ms in lengths]
    return table(
        ["", *(f"C{length_ms}" for length_ms in lengths)],
        [
            ["paper", *("" if row["paper"] is None else f"{row['paper']:.2f}" for row in rows)],
            *(
                [f"ours, {protocol}", *(_accuracy(row, protocol, report) for row in rows)]
                for protocol in PROTOCOLS
            ),
            ["MACs", *(f"{cost['macs']:,}" for cost in costs)],
            ["int8 bytes", *(_bytes(cost) for cost in costs)],
        ],
    )


def _ladder_table(report: Report, protocol: Protocol) -> str:
    head = ["steps", *(f"C{length_ms}" for length_ms in _BETWEEN_MS), "C500 paper", "C500 ours"]
    return table(
        [*head, "over direct", "over hard labels"],
        [_ladder_row(row, protocol, report) for row in report["ladders"]],
    )


def _ladder_row(row: dict[str, Any], protocol: Protocol, report: Report) -> list[str]:
    rungs = {rung["tested_ms"]: rung for rung in row["rungs"]}
    last = rungs.pop(paper.TARGET_MS)
    between = [
        f"{rungs[length_ms]['paper']:.2f} / {_mean(rungs[length_ms], protocol)}"
        if length_ms in rungs
        else ""
        for length_ms in _BETWEEN_MS
    ]
    is_direct = not rungs
    return [
        str(len(row["rungs"])),
        *between,
        f"{last['paper']:.2f}",
        _accuracy(last, protocol, report),
        "" if is_direct else _gain(row["gain_over_direct"], protocol),
        _gain(row["gain_over_hard_labels"], protocol),
    ]


def _baseline_table(report: Report, protocol: Protocol) -> str:
    return table(
        ["baseline", "accuracy", "MACs", "int8 bytes"],
        [
            [
                row["title"],
                _accuracy(row, protocol, report),
                f"{report['costs'][str(row['input_ms'])]['macs']:,}",
                _bytes(report["costs"][str(row["input_ms"])]),
            ]
            for row in report["baselines"]
        ],
    )


def _best_line(report: Report, protocol: Protocol) -> str:
    best = report["best_ladder"]
    if best is None:
        return "The best ladder is named once all of them are trained."
    (row,) = (row for row in report["ladders"] if row["ladder_ms"] == best)
    return (
        f"Best ladder, chosen on validation clips: {' > '.join(map(str, best))} ms, "
        f"{_gain(row['gain_over_hard_labels'], protocol)} points over hard labels on the same "
        "crops."
    )


def _choices_table(report: Report) -> str:
    return table(
        ["open in the paper", "here", "changed by"],
        [[row["open"], row["here"], row["keys"]] for row in report["open_choices"]],
    )


def _method(report: Report) -> str:
    return "\n\n".join(
        [
            f"Intervals: {report['method']} They are not widened for there being many ladders: "
            "the largest of eleven gains is flattered by its choice.",
            "Every network, a baseline too, is trained for the same number of epochs on the same "
            "number of crops; a ladder of n steps has n + 1 of them. The epoch kept is the best "
            "one on validation clips. Nothing is chosen by the test list.",
            f"The paper gives {paper.UNTAUGHT} % at {paper.TARGET_MS} ms without label "
            "distillation and does not say how that network was trained; hard labels on random "
            "crops are the nearest baseline here.",
            f"Made by `{report['command']}` at commit {report['commit'] or 'unknown'}, "
            f"TensorFlow {report['versions']['tensorflow']}.",
        ]
    )


def _accuracy(row: dict[str, Any], protocol: Protocol, report: Report) -> str:
    values = row["protocols"].get(protocol)
    if values is None:
        return NOT_YET
    seeds = len(row["seeds"])
    fewer = f" ({seeds} of {report['seeds']} seeds)" if seeds < report["seeds"] else ""
    mean, low, high = (f"{100 * values[key]:.1f}" for key in ("mean", "low", "high"))
    return f"{mean} [{low}, {high}]{fewer}"


def _mean(row: dict[str, Any], protocol: Protocol) -> str:
    values = row["protocols"].get(protocol)
    return NOT_YET if values is None else f"{100 * values['mean']:.1f}"


def _gain(gains: dict[str, Any], protocol: Protocol) -> str:
    values = gains["protocols"].get(protocol)
    if values is None:
        return NOT_YET
    mean, low, high = (f"{100 * values[key]:+.1f}" for key in ("mean", "low", "high"))
    return f"{mean} [{low}, {high}]"


def _bytes(cost: dict[str, int | None]) -> str:
    size = cost["int8_bytes"]
    return NOT_YET if size is None else f"{size:,}"


def table(head: list[str], rows: Iterable[list[str]]) -> str:
    """A Markdown table with aligned columns.

    >>> print(table(["a", "bc"], [["1", "2"]]))
    | a | bc |
    |---|----|
    | 1 | 2  |
    """
    return text_table(rows, head=head, box=MARKDOWN)
