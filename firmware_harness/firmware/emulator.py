"""Runs an image in QEMU. It counts instructions with its own clock, so counts repeat exactly."""

import subprocess
from pathlib import Path

from firmware_harness.errors import HarnessError
from firmware_harness.firmware.boards import Board
from firmware_harness.system.child import ending, run_command
from firmware_harness.system.toolchain import emulator

# One instruction takes 2^6 ns of the emulated clock.
ICOUNT_SHIFT = 6
MAX_SECONDS = 1800
_FAULT = 3  # exit code of stream_semihosting.c


def emulate(board: Board, elf: Path, *, max_seconds: float = MAX_SECONDS) -> None:
    """Run an image to its end, in its own folder, where it reads and writes files.

    Raises:
      HarnessError: no QEMU, a fault, or no end in time.
    """
    command = [
        emulator(), "-M", str(board.qemu_machine), "-nographic", "-monitor", "none",
        "-serial", "none", "-semihosting-config", "enable=on,target=native",
        "-icount", f"shift={ICOUNT_SHIFT}", "-kernel", elf.name,
    ]  # fmt: skip
    try:
        ended = run_command(command, folder=elf.parent, seconds=max_seconds)
    except subprocess.TimeoutExpired:
        raise HarnessError(
            f"{board.qemu_machine} was still running after {max_seconds:g} s and was stopped; "
            "the model is too slow to be emulated, or its code never ends."
        ) from None
    if ended.returncode == _FAULT:
        raise HarnessError(
            f"the firmware stopped with a fault on {board.qemu_machine}: it reads or writes "
            "outside of its memory, or its stack is too small."
        )
    if ended.returncode != 0:
        raise HarnessError(f"QEMU {ending(ended)}, emulating {board.qemu_machine}.")


def instructions(board: Board, ticks: int) -> int:
    """Instructions in `ticks` of the board's SysTick, under this module's -icount.

    >>> from firmware_harness.firmware.boards import load_board
    >>> instructions(load_board("mps2-an386"), 16)
    10
    """
    nanoseconds = ticks * 1_000_000_000 / (board.qemu_systick_hz or 1)
    return round(nanoseconds / 2**ICOUNT_SHIFT)
