"""What a firmware bundle says of itself, and what it costs here, for `pld-tf report`."""

from pathlib import Path
from typing import Any

from firmware_harness.bench.bench import bench_tflite
from firmware_harness.errors import HarnessError
from pld_tf.bridge.for_export import generate_c
from pld_tf.bridge.report_bundle import OpenedBundle
from pld_tf.bridge.report_stream import on_stream
from pld_tf.report.bundle_files import LayerCosts
from pld_tf.report.checked import read_checked
from pld_tf.report.facts import Firmware
from pld_tf.system.progress import Advance

CORE, INT8 = "cortex-m4", "int8"
LAYER_COSTS = "quantization.json"


def firmware_of(
    opened: OpenedBundle, *, hours: float, data: Path, missing: dict[str, str], advance: Advance
) -> Firmware:
    """Its files, its cost on an emulated core, and its decision on a stream of test clips.

    Args:
      opened: the bundle.
      hours: length of the stream.
      data: names the corpus in commands.
      missing: gets the reason for each part that can't be measured here.
      advance: called with seconds of the stream done and in all.
    """
    costs = opened.path / LAYER_COSTS
    has_costs = LAYER_COSTS in opened.bundle.names
    if not has_costs and opened.manifest.kind == INT8:
        missing["layer_costs"] = (
            "The cost of each layer in accuracy was not measured: pld-tf export RUN --int8 "
            "--layers does."
        )
    return Firmware(
        path=str(opened.path),
        manifest=opened.manifest,
        layer_costs=read_checked(costs, LayerCosts) if has_costs else None,
        hop_ms=opened.recipe.features.hop_ms,
        core_name=CORE,
        core=_on_core(opened, missing),
        stream=on_stream(opened, hours=hours, data=data, missing=missing, advance=advance),
    )


def _on_core(opened: OpenedBundle, missing: dict[str, str]) -> dict[str, Any] | None:
    if opened.manifest.kind != INT8:
        missing["core"] = f"Flash, RAM and instructions are measured of {INT8} bundles alone."
        return None
    try:
        report = bench_tflite(
            opened.path, examples=None, targets=[CORE], generate_c=generate_c, layers=True
        )
    except HarnessError as error:
        missing["core"] = f"Flash, RAM and instructions were not measured: {error}"
        return None
    return report["targets"][CORE]
