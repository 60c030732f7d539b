"""An evaluation report as text for a terminal."""

from typing import Any

from pld_tf.data.corpus.recordings import recordings_text
from pld_tf.data.other_data import other_data_text
from pld_tf.system.tables import text_table

_MATRIX_CLASSES = 12  # a matrix of more classes is too wide to read
_PAIRS = 20


def evaluation_text(report: dict[str, Any]) -> str:
    """Tables of accuracy, classes, confusion and position."""
    head = (
        f"{report['run']}, rung {report['rung']} ({report['length_ms']} ms), "
        f"{report['parameters']:,} parameters, {report['macs']:,} MACs, "
        f"{report['clips']} {report['split']} clips{other_data_text(report['other_data'])} "
        f"{recordings_text(report['recordings'])}"
    )
    return "\n\n".join(
        [head, _protocols(report), _classes(report), _confusion(report), _positions(report)]
    )


def _protocols(report: dict[str, Any]) -> str:
    rows = [
        (
            name,
            f"{100 * values['accuracy']:.1f} %",
            f"{100 * values['low']:.1f} to {100 * values['high']:.1f}",
        )
        for name, values in report["protocols"].items()
    ]
    return text_table(rows, head=("protocol", "accuracy", "95 % interval"), right=[1])


def _classes(report: dict[str, Any]) -> str:
    loudest = report["protocols"]["loudest"]
    rows = [
        (name, _percent(loudest["precision"][name]), _percent(loudest["recall"][name]))
        for name in report["classes"]
    ]
    return text_table(rows, head=("loudest", "precision", "recall"), right=[1, 2])


def _percent(value: float | None) -> str:
    return "none" if value is None else f"{100 * value:.1f} %"


def _confusion(report: dict[str, Any]) -> str:
    names, rows = report["classes"], report["protocols"]["loudest"]["confusion"]
    if len(names) > _MATRIX_CLASSES:
        return _confused(names, rows)
    table = text_table(
        [(name, *map(str, row)) for name, row in zip(names, rows, strict=True)],
        head=("", *(name[:7] for name in names)),
        right=range(1, len(names) + 1),
    )
    return f"confusion (loudest): rows are right, columns predicted\n{table}"


def _confused(names: list[str], rows: list[list[int]]) -> str:
    """The pairs of classes that are confused most often, most frequent first."""
    pairs = [
        (count, right, predicted, sum(row))
        for right, row in zip(names, rows, strict=True)
        for predicted, count in zip(names, row, strict=True)
        if count and predicted != right
    ]
    pairs.sort(key=lambda pair: -pair[0])
    if not pairs:
        return "confusion (loudest): none"
    table = text_table(
        [
            (right, predicted, str(count), f"{100 * count / clips:.1f} %")
            for count, right, predicted, clips in pairs[:_PAIRS]
        ],
        head=("right", "predicted", "clips", "of its class"),
        right=[2, 3],
    )
    shown = min(_PAIRS, len(pairs))
    return f"confusion (loudest): {shown} of {len(pairs)} pairs; --json has the matrix\n{table}"


def _positions(report: dict[str, Any]) -> str:
    rows = [
        (
            f"{row['from_ms']} to {row['to_ms']} ms",
            f"{100 * row['accuracy']:.1f} %",
            f"{row['crops']} crops",
        )
        for row in report["protocols"]["random"]["by_distance_ms"]
    ]
    table = text_table(rows, right=[0, 1, 2])
    return f"loudest part lies this far from the crop (random)\n{table}"
