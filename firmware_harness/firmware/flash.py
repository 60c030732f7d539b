"""Builds the benchmark for a board, flashes it, and reads the board's counts."""

import shutil
import tempfile
from importlib import metadata
from pathlib import Path
from typing import Any

from firmware_harness.bundle.c_files import GenerateC, sources_of
from firmware_harness.bundle.read import open_bundle
from firmware_harness.errors import HarnessError
from firmware_harness.firmware.boards import Board
from firmware_harness.firmware.emulator import emulate, instructions
from firmware_harness.firmware.host import run_on_host
from firmware_harness.firmware.image import EMBEDDED_INPUTS, BoardImage, build_board_image
from firmware_harness.firmware.pyocd_child import REFUSED
from firmware_harness.firmware.run_files import parse_result, read_measured
from firmware_harness.measure.workload import Workload, make_workload, require_int8
from firmware_harness.runtimes.interpreter import Model
from firmware_harness.runtimes.trial import try_models
from firmware_harness.system.child import ending, run_module

PACKAGE = "pyocd"


def require_pyocd(board: Board) -> None:
    """Refuse a real board that cannot be flashed with pyOCD here.

    Raises:
      HarnessError: the package is missing, or the record names no chip.
    """
    try:
        metadata.version(PACKAGE)
    except metadata.PackageNotFoundError:
        raise HarnessError(
            "flashing needs the package pyocd, which is not installed: pip install "
            "'pyocd==0.46.0'. --build-only writes the files without it."
        ) from None
    if board.pyocd_target is None:
        raise HarnessError(
            f"the record of {board.name} has no pyocd_target. Add the chip's name in pyocd list "
            "--targets, or use --build-only."
        )


def build_for_board(
    path: Path, *, board: Board, out: Path, generate_c: GenerateC | None = None
) -> tuple[BoardImage, Workload]:
    """Build the benchmark of a firmware bundle, or of a lone int8 .tflite.

    Args:
      path: of the bundle or the .tflite.
      board: the board to build for.
      out: folder for the files.
      generate_c: generates the C of a model that has none.

    Returns:
      The image, and what it runs on; features are the host's.

    Raises:
      HarnessError: the bundle is damaged, the model is not int8, or nothing can be built from it.
    """
    bundle = open_bundle(path)
    try_models([bundle.model])
    plain = Model(bundle.model, resolver="reference")
    require_int8(plain, target=board.core)
    sources = sources_of(bundle, path, generate_c)
    workload = make_workload(bundle, plain, frontend=sources.has_frontend)
    if sources.has_frontend:
        workload = workload.with_features(run_on_host(sources, workload).features)
    return build_board_image(board, sources, workload, out=out), workload


def image_report(image: BoardImage) -> dict[str, Any]:
    """What was built; docs/formats.md names the fields."""
    board = image.board
    return {
        "format": 1,
        "board": board.name,
        "core": board.core,
        "files": {
            kind: {"path": str(path), "bytes": path.stat().st_size}
            for kind, path in image.files.items()
        },
        "image_flash_bytes": image.sections.flash_bytes,
        "image_ram_bytes": image.sections.ram_bytes,
        "board_flash_bytes": board.flash_bytes,
        "board_ram_bytes": board.ram_bytes,
    }


def run_image(image: BoardImage, workload: Workload) -> dict[str, Any]:
    """Run the image on the attached board, or in the emulator.

    Returns:
      Cycles or instructions, stack, and differing bytes; docs/formats.md names the fields.

    Raises:
      HarnessError: no pyOCD, no probe, or the image does not run.
    """
    board = image.board
    if board.emulated:
        numbers, mismatched = _emulated(image, workload)
    else:
        numbers = _flashed(image)
        mismatched = numbers["mismatched_bytes"]
    unit = "instructions" if board.emulated else "cycles"
    return {
        f"{unit}_per_inference": _per(board, numbers, "inference_ticks", "inputs"),
        f"{unit}_per_hop": _per(board, numbers, "hop_ticks", "hops"),
        "clock_hz": board.clock_hz,
        "stack_bytes": max(numbers["model_stack_bytes"], numbers.get("frontend_stack_bytes", 0)),
        "inputs": numbers["inputs"],
        "mismatched_bytes": mismatched,
    }


def _emulated(image: BoardImage, workload: Workload) -> tuple[dict[str, int], int]:
    few = workload.first(EMBEDDED_INPUTS)
    with tempfile.TemporaryDirectory() as name:  # the firmware writes beside its image
        folder = Path(name)
        for path in image.files.values():
            shutil.copyfile(path, folder / path.name)
        emulate(image.board, folder / image.files["elf"].name)
        measured = read_measured(folder, few)
    mismatched = int((measured.outputs != few.outputs).sum())
    if measured.features is not None and few.features is not None:
        mismatched += int((measured.features != few.features).sum())
    return measured.numbers, mismatched


def _flashed(image: BoardImage) -> dict[str, int]:
    board, elf = image.board, image.files["elf"].resolve()
    require_pyocd(board)
    arguments = [str(elf), str(board.pyocd_target), hex(image.rtt_address())]
    ended = run_module("firmware_harness.firmware.pyocd_child", *arguments, folder=elf.parent)
    if ended.returncode == REFUSED:
        raise HarnessError(ended.stderr.strip().splitlines()[-1])
    if ended.returncode != 0:
        raise HarnessError(f"pyOCD {ending(ended)}. Check the board and its probe.")
    numbers, _ = parse_result(ended.stdout.strip().splitlines()[-1])
    if "fault" in numbers:
        raise HarnessError(
            f"the firmware stopped with a fault on {board.name}: its record may give more memory "
            "than the board has."
        )
    return numbers


def _per(board: Board, numbers: dict[str, int], ticks: str, count: str) -> int | None:
    if not numbers.get(count):
        return None
    total = instructions(board, numbers[ticks]) if board.emulated else numbers[ticks]
    return round(total / numbers[count])
