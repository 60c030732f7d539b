"""What an export measured and wrote, for the terminal."""

from pathlib import Path

from export.jobs.compare import comparison_text
from export.jobs.gate import LAYERS
from export.layer_costs.text import layers_text
from export.parity.rows import table_text
from export.system.files import Json, read_json


def export_text(manifest: Json, *, out: Path) -> str:
    """Tables of what was measured, then a summary.

    Args:
      manifest: of the bundle.
      out: the bundle's folder; its quantization.json is shown if there is one.
    """
    parts: list[str] = []
    if manifest["compared"]:
        parts.append(comparison_text(manifest["compared"]))
    if manifest["passed_over"]:
        over = manifest["passed_over"].items()
        parts.append("\n".join(f"{name} is not taken: {why}" for name, why in over))
    if manifest["validation"]["stages"]:
        parts.append(table_text(manifest["validation"]))
    if LAYERS in manifest["files"]:
        parts.append(layers_text(read_json(out / LAYERS)))
    return "\n\n".join([*parts, summary(manifest, out=out)])


def summary(manifest: Json, *, out: Path) -> str:
    """What was written, in one line."""
    kind, model, measured = manifest["kind"], manifest["model"], manifest["validation"]
    name = f"{kind} ({manifest['variant']})" if manifest["compared"] else kind
    needs = f", arena {manifest['arena']['bytes']:,} bytes" if manifest["arena"] else ""
    low, high = measured["loss_interval_points"]
    return (
        f"{out}: {name}, {model['bytes']:,} bytes, {model['macs']:,} MACs{needs}; on "
        f"{measured['crops']:,} validation crops {100 * measured[f'accuracy_{kind}']:.2f} % "
        f"(float {100 * measured['accuracy_float']:.2f} %; loss {measured['loss_points']:.2f} "
        f"points, 95 % interval {low:.2f} to {high:.2f}), same class as float for "
        f"{100 * measured['agreement']:.2f} %"
    )
