"""Compiles and links firmware for a board, and reports the sizes of its sections."""

import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from firmware_harness.bundle.c_files import KwsSources
from firmware_harness.errors import HarnessError
from firmware_harness.firmware.boards import Board
from firmware_harness.system.child import ending, run_command
from firmware_harness.system.toolchain import arm_compiler, arm_tool, said_by

BENCH = Path(__file__).parents[1] / "src" / "bench"
OPTIMIZATION = "-O2"
# The options meant for the firmware bundle's own C, but with each function in its own section.
COMMON_FLAGS = ("-std=c99", OPTIMIZATION, "-ffunction-sections", "-fdata-sections", "-Wall")
_LINK_FLAGS = ("-nostartfiles", "--specs=nano.specs", "-Wl,--gc-sections", "-Wl,--fatal-warnings")
_SECONDS = 600
QEMU_FILES = ("bench_main.c", "counter_systick.c", "stack_paint.c", "stream_semihosting.c")
BOARD_FILES = ("bench_main.c", "counter_dwt.c", "stack_paint.c", "stream_embedded.c")
FOOTPRINT_FILES = ("footprint.c",)


@dataclass(frozen=True, kw_only=True)
class Sections:
    """Sizes of an image. Flash: code, constants, initial values. RAM: data and zeroed data."""

    flash_bytes: int
    ram_bytes: int


def link_image(
    board: Board,
    sources: KwsSources,
    *,
    files: Sequence[str],
    out: Path,
    defines: Sequence[str] = (),
) -> Sections:
    """Compile and link one image.

    Args:
      board: gives core and memory.
      sources: C that already lies in the folder of `out`.
      files: further C files, in `BENCH` or in the folder of `out`.
      out: the ELF file to write.
      defines: options of the preprocessor.

    Raises:
      HarnessError: no compiler, the C does not compile, or the image does not fit the board.
    """
    folder = out.parent
    (folder / "memory.ld").write_text(board.memory_map(), encoding="utf-8")
    own = ["startup.c", *files, *([f"image_def_{board.image_def}.c"] if board.image_def else [])]
    compiled = [folder / name if (folder / name).exists() else BENCH / name for name in own]
    command = [
        arm_compiler(), *board.core_flags, *COMMON_FLAGS, *defines, *_LINK_FLAGS,
        f"-I{folder}", f"-I{BENCH}", f"-L{folder}", "-T", str(BENCH / "link.ld"),
        *(str(folder / name) for name in sources.compiled), *map(str, compiled), "-o", str(out),
    ]  # fmt: skip
    run_tool(command, folder=folder, doing=f"building firmware for {board.name}")
    return sections_of(out)


def sections_of(elf: Path) -> Sections:
    """Sizes from the tool `size`: text and data are in flash, data and bss in RAM."""
    row = said_by([arm_tool("size"), str(elf)]).splitlines()[1].split()
    text, data, bss = (int(number) for number in row[:3])
    return Sections(flash_bytes=text + data, ram_bytes=data + bss)


def run_tool(command: Sequence[str], *, folder: Path, doing: str) -> None:
    """Run a tool in a folder.

    Raises:
      HarnessError: it fails; the text has its last lines.
    """
    try:
        ended = run_command(command, folder=folder, seconds=_SECONDS)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise HarnessError(f"{doing} failed: {error}.") from error
    if ended.returncode != 0:
        raise HarnessError(
            f"{doing} failed: {Path(command[0]).name} {ending(ended)}. Export the firmware bundle "
            "again, "
            "or take a board with more memory."
        )
