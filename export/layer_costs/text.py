"""quantization.json for people: tensors, worst first; layers by cost; the most costly layer."""

from collections.abc import Sequence

from export.system.files import Json
from export.system.tables import text_table

_TENSORS = ("layer", "operator", "tensor", "range", "holds", "scale", "clipped", "SNR", "worst")
_LAYERS = ("layer", "operator", "divergence", "flipped", "accuracy lost")


def layers_text(report: Json) -> str:
    """Two tables, and a last line with the layer that costs most."""
    layers = [
        *(_layer(entry) for entry in report["layers"]),
        ("all of them", "", *_costs(report["all_layers"])),
        ("the model", "", *_costs(report["model"])),
    ]
    lines = [
        f"Each tensor between float and integer, on {report['crops']} validation crops:",
        text_table(map(_tensor, report["tensors"]), head=_TENSORS),
        "",
        "Each layer rounded alone, the others in float:",
        text_table(layers, head=_LAYERS),
        "",
        *(f"{name}: not compared, it has no twin" for name in report["unmatched"]),
        costs_most(report),
    ]
    return "\n".join(lines)


def costs_most(report: Json) -> str:
    """The layer that costs most accuracy, in one sentence."""
    worst, every = report["layers"][0], report["all_layers"]
    operator = f" ({worst['operator']})" if worst["operator"] else ""
    return (
        f"{worst['layer']}{operator} costs most: rounded alone it flips {worst['flipped']} of "
        f"{report['crops']} labels, loses {100 * worst['accuracy_lost']:.2f} points of accuracy "
        f"and diverges from float by {worst['divergence']:.2g} nats; all layers together do by "
        f"{every['divergence']:.2g}."
    )


def _tensor(entry: Json) -> tuple[str, ...]:
    channels = entry["channels"]
    return (
        entry["layer"],
        entry["operator"],
        entry["what"],
        _span(entry["range"]),
        _span(entry["holds"]),
        f"{entry['scale']:.3g}" + (f" in {channels} channels" if channels > 1 else ""),
        f"{100 * entry['clipped']:.2f} %",
        _decibels(entry["snr_db"]),
        _decibels(entry["worst_channel_snr_db"]) if channels > 1 else "",
    )


def _layer(entry: Json) -> tuple[str, ...]:
    return entry["layer"], entry["operator"], *_costs(entry)


def _costs(entry: Json) -> tuple[str, str, str]:
    points = 100 * entry["accuracy_lost"]
    return f"{entry['divergence']:.2g} nats", str(entry["flipped"]), f"{points:.2f} points"


def _span(ends: Sequence[float]) -> str:
    return f"{ends[0]:.3g} to {ends[1]:.3g}"


def _decibels(value: float | None) -> str:
    return "exact" if value is None else f"{value:.1f} dB"
