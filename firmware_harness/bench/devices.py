"""The targets that run the exported C: this machine, and emulated Cortex-M boards."""

from collections.abc import Sequence
from typing import Any

from firmware_harness.bench.comparison import comparison
from firmware_harness.bench.cortex import BOARDS, cortex_target
from firmware_harness.bundle.c_files import KwsSources
from firmware_harness.bundle.read import Bundle
from firmware_harness.firmware.host import FLAGS, run_on_host
from firmware_harness.measure.workload import make_workload, require_int8
from firmware_harness.runtimes.interpreter import Model
from firmware_harness.system.progress import Progress
from firmware_harness.system.toolchain import arm_compiler, emulator, host_compiler, version_of

HOST = "host"
DEVICES = (HOST, *BOARDS)


def require_tools(name: str) -> None:
    """Refuse a target of `DEVICES` whose compiler or emulator is missing.

    Raises:
      HarnessError: one is missing; the text names the package.
    """
    host_compiler()  # every target is compared with the features of the same C on this machine
    if name != HOST:
        arm_compiler()
        emulator()


def device_targets(
    names: Sequence[str],
    bundle: Bundle,
    plain: Model,
    sources: KwsSources,
    *,
    layers: bool,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Measure the C on each target, all on the same inputs.

    Args:
      names: targets of `DEVICES`.
      bundle: gives inputs and audio.
      plain: its model on the reference resolver.
      sources: its C.
      layers: also count the instructions of each layer.
      progress: called with ("devices", done, total).

    Returns:
      The targets' objects of the report by name.

    Raises:
      HarnessError: the model is not int8, crops are damaged, or the C does not build or run.
    """
    require_int8(plain, target=names[0])
    workload = make_workload(bundle, plain, frontend=sources.has_frontend)
    on_host = run_on_host(sources, workload)
    measured: dict[str, Any] = {}
    for name in names:
        if name == HOST:
            measured[name] = {
                **_host_fields(),
                **comparison(on_host, workload, plain, host_features=None),
            }
        else:
            measured[name] = cortex_target(
                name, sources, workload, plain, host_features=on_host.features, layers=layers
            )
        if progress is not None:
            progress("devices", len(measured), len(names))
    return measured


def _host_fields() -> dict[str, Any]:
    """No counts: those of a desktop processor say nothing about a device."""
    counts = (
        "instructions_per_inference", "instructions_per_step", "step_frames",
        "instructions_per_hop", "instructions_per_mac",
    )  # fmt: skip
    return {
        "compiler": version_of(*host_compiler()),
        "flags": " ".join(FLAGS),
        **dict.fromkeys((*counts, "flash_bytes", "ram_bytes", "stack_bytes", "layers")),
    }
