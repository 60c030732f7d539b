"""The report of `pld-tf evaluate --streams` as text."""

from typing import Any

from pld_tf.system.tables import text_table

Json = dict[str, Any]


def listening_text(report: Json) -> str:
    """Three tables: false accepts by folder, misses by condition, the curve."""
    tables = [
        text_table(
            map(_folder, report["folders"]),
            head=("sound without keywords", "hours", "false accepts/h", "interval", "by word"),
            right=(1, 2, 3),
        )
        if report["folders"]
        else "",
        text_table(
            map(_condition, report["conditions"]),
            head=("words", "spoken", "missed", "interval", "wrong", "double", "delay"),
            right=(1, 2, 3, 4, 5, 6),
        )
        if report["conditions"]
        else "",
        _curve(report["curve"]) if report["folders"] and report["conditions"] else "",
    ]
    return "\n\n".join(filter(None, tables))


def _folder(row: Json) -> tuple[str, ...]:
    low, high = row["per_hour_interval"]
    words = ", ".join(f"{word} {count}" for word, count in row["by_word"].items())
    hours, rate = f"{row['hours']:.2f}", f"{row['per_hour']:.1f}"
    return row["folder"] or "recordings", hours, rate, f"{low:.1f} to {high:.1f}", words


def _condition(row: Json) -> tuple[str, ...]:
    low, high = row["missed_interval"]
    delay = row["delay_ms"]["median"]
    return (
        row["condition"],
        str(row["words"]),
        f"{100 * row['missed_share']:.1f} %",
        f"{100 * low:.1f} to {100 * high:.1f}",
        str(row["other_word"] + row["no_word"]),
        str(row["double"]),
        "" if delay is None else f"{delay:.0f} ms",
    )


def _curve(points: list[Json]) -> str:
    names = list(points[0]["missed_share"])[:3]
    rows = [
        (
            f"{point['per_hour']:.1f}",
            *(f"{100 * point['missed_share'][name]:.1f} %" for name in names),
        )
        for point in points
    ]
    head = ("false accepts/h", *(f"missed, {name}" for name in names))
    return text_table(rows, head=head, right=range(len(head)))
