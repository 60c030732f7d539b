"""The targets cortex-m4, -m7, -m33 and -m55: firmware for an emulated board, run in QEMU.

The counts are instructions, never cycles: QEMU models no pipeline, no cache and no wait states.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from firmware_harness.bench.comparison import comparison
from firmware_harness.bundle.c_files import KwsSources
from firmware_harness.errors import HarnessError
from firmware_harness.firmware.boards import Board, load_board
from firmware_harness.firmware.build import (
    COMMON_FLAGS,
    FOOTPRINT_FILES,
    QEMU_FILES,
    Sections,
    link_image,
)
from firmware_harness.firmware.emulator import emulate, instructions
from firmware_harness.firmware.run_files import Measured, layers_of, read_measured, write_workload
from firmware_harness.measure.costs import model_costs
from firmware_harness.measure.workload import Workload
from firmware_harness.runtimes.interpreter import Model, Operator
from firmware_harness.system.temporary import temporary_folder
from firmware_harness.system.toolchain import arm_compiler, emulator, version_of

BOARDS = {
    "cortex-m4": "mps2-an386",
    "cortex-m7": "mps2-an500",
    "cortex-m33": "mps2-an505",
    "cortex-m55": "mps3-an547",
}
PROFILED_INPUTS = 5  # a layer takes the same instructions for each, except for a few branches
MOST_STACK_BYTES = 65536  # stack_paint.c paints this much


def cortex_target(
    name: str,
    sources: KwsSources,
    workload: Workload,
    plain: Model,
    *,
    host_features: NDArray[np.int8] | None,
    layers: bool,
) -> dict[str, Any]:
    """Measure a model and its front end on one core.

    Args:
      name: one of `BOARDS`.
      sources: the C to measure.
      workload: what it runs on.
      plain: its model on the reference resolver.
      host_features: from the same C on this machine; None without a front end.
      layers: also count the instructions of each layer.

    Returns:
      The target's object of the report; docs/formats.md names its fields.

    Raises:
      HarnessError: no compiler or emulator, or the C does not build or run.
    """
    board = load_board(BOARDS[name])
    measured = run_on_board(board, sources, workload)
    sections = footprint(board, sources)
    macs = _macs(plain, plain.operators())
    stack = _stack_bytes(measured)
    per_inference = _per(board, measured, "inference_ticks", "inputs")
    return {
        "board": board.name,
        "emulator": version_of(emulator()),
        "compiler": version_of(arm_compiler()),
        "flags": " ".join((*board.core_flags, *COMMON_FLAGS)),
        **comparison(measured, workload, plain, host_features=host_features),
        "instructions_per_inference": per_inference,
        "instructions_per_step": _per(board, measured, "step_ticks", "steps"),
        "step_frames": measured.numbers.get("step_frames"),
        "instructions_per_hop": _per(board, measured, "hop_ticks", "hops"),
        "instructions_per_mac": per_inference / macs if per_inference and macs else None,
        "flash_bytes": sections.flash_bytes,
        "ram_bytes": sections.ram_bytes + stack,
        "stack_bytes": stack,
        "scratch_bytes": measured.numbers["scratch_bytes"],
        "step_scratch_bytes": measured.numbers.get("step_scratch_bytes"),
        "state_bytes": measured.numbers.get("state_bytes"),
        "frontend_state_bytes": measured.numbers.get("frontend_state_bytes"),
        "layers": _layers(board, sources, workload, plain) if layers else None,
    }


def run_on_board(
    board: Board, sources: KwsSources, workload: Workload, *, profile: bool = False
) -> Measured:
    """Build the benchmark for an emulated board and run it.

    Raises:
      HarnessError: as `cortex_target`.
    """
    with temporary_folder() as folder:
        sources.write(folder)
        write_workload(folder, workload)
        defines = sources.defines(crops=workload.crops, profile=profile)
        elf = folder / "bench.elf"
        link_image(board, sources, files=QEMU_FILES, out=elf, defines=defines)
        emulate(board, elf)
        return read_measured(folder, workload)


def footprint(board: Board, sources: KwsSources) -> Sections:
    """Sizes of the smallest program with start-up code, front end and model; see footprint.c.

    Raises:
      HarnessError: no compiler, or the C does not build.
    """
    with temporary_folder() as folder:
        sources.write(folder)
        return link_image(
            board,
            sources,
            files=FOOTPRINT_FILES,
            out=folder / "footprint.elf",
            defines=sources.defines(),
        )


def _per(board: Board, measured: Measured, ticks: str, count: str) -> int | None:
    if not measured.numbers.get(count):
        return None
    return round(instructions(board, measured.numbers[ticks]) / measured.numbers[count])


def _stack_bytes(measured: Measured) -> int:
    parts = ("step" if "steps" in measured.numbers else "model", "frontend")
    needed = max(measured.numbers.get(f"{part}_stack_bytes", 0) for part in parts)
    if needed >= MOST_STACK_BYTES:
        raise HarnessError(
            f"the C needs {MOST_STACK_BYTES} bytes of stack or more; large arrays belong into "
            "scratch. Export the bundle again."
        )
    return needed


def _layers(
    board: Board, sources: KwsSources, workload: Workload, plain: Model
) -> list[dict[str, Any]]:
    few = workload.first(PROFILED_INPUTS)
    measured = run_on_board(board, sources, few, profile=True)
    operators = layers_of(measured, plain)
    counts = [round(instructions(board, t) / len(few.inputs)) for t in measured.layer_ticks]
    tensors = plain.tensors()
    return [
        {
            "operator": operator.name,
            "output_shape": list(tensors[operator.outputs[0]].shape),
            "macs": _macs(plain, (operator,)),
            "instructions": count,
            "share": count / max(1, sum(counts)),
        }
        for operator, count in zip(operators, counts, strict=True)
    ]


def _macs(plain: Model, operators: tuple[Operator, ...]) -> int:
    inputs = frozenset(info.index for info in plain.inputs)
    return model_costs(operators=operators, tensors=plain.tensors(), inputs=inputs).macs
