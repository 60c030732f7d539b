"""An evaluation report as text for a terminal."""

from typing import Any


def evaluation_text(report: dict[str, Any]) -> str:
    """Tables of accuracy, classes, confusion and position."""
    head = (
        f"{report['run']}, rung {report['rung']} ({report['length_ms']} ms), "
        f"{report['parameters']:,} parameters, {report['macs']:,} MACs, "
        f"{report['clips']} {report['split']} clips"
    )
    return "\n\n".join(
        [head, _protocols(report), _classes(report), _confusion(report), _positions(report)]
    )


def _protocols(report: dict[str, Any]) -> str:
    lines = [f"{'protocol':10}{'accuracy':>10}   95 % interval"]
    for name, values in report["protocols"].items():
        interval = f"{100 * values['low']:.1f} to {100 * values['high']:.1f}"
        lines.append(f"{name:10}{100 * values['accuracy']:>8.1f} %   {interval}")
    return "\n".join(lines)


def _classes(report: dict[str, Any]) -> str:
    loudest = report["protocols"]["loudest"]
    lines = [f"{'loudest':14}{'precision':>10}{'recall':>10}"]
    lines += [
        f"{name:14}{_percent(loudest['precision'][name])}{_percent(loudest['recall'][name])}"
        for name in report["classes"]
    ]
    return "\n".join(lines)


def _percent(value: float | None) -> str:
    return f"{'none':>10}" if value is None else f"{100 * value:>8.1f} %"


def _confusion(report: dict[str, Any]) -> str:
    names, rows = report["classes"], report["protocols"]["loudest"]["confusion"]
    widest = max(len(name) for name in names) + 2
    lines = ["confusion (loudest): rows are right, columns predicted"]
    lines.append(" " * widest + "".join(f"{name[:7]:>8}" for name in names))
    for name, row in zip(names, rows, strict=True):
        lines.append(f"{name:{widest}}" + "".join(f"{count:>8}" for count in row))
    return "\n".join(lines)


def _positions(report: dict[str, Any]) -> str:
    lines = ["loudest part lies this far from the crop (random)"]
    lines += [
        f"{row['from_ms']:>5} to {row['to_ms']:>3} ms{100 * row['accuracy']:>8.1f} %   "
        f"{row['crops']} crops"
        for row in report["protocols"]["random"]["by_distance_ms"]
    ]
    return "\n".join(lines)
