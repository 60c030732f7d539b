"""The arena to give a model on a device, from the one measured here. Measures nothing itself."""

from collections.abc import Callable
from pathlib import Path

Measured = dict[str, int | str]
# What measures: given a .tflite, `bytes`, `head_bytes`, `tail_bytes` and the `version` of TFLite
# Micro; None where that is not installed. The caller brings it: export imports no harness.
MeasureArena = Callable[[Path], Measured | None]

# Measured with the reference kernels, whose structures are the largest here: pointers take 8
# bytes, a device's 4. But optimized kernels ask for buffers of their own: CMSIS-NN on a Cortex-M55
# needed 12 % more for the MLPerf Tiny keyword model than the reference kernels do here.
MARGIN_PERCENT = 20
_ROUNDED_TO = 1024


def no_tflm(model: Path) -> None:
    """Measures nothing: TFLite Micro is not here."""


def with_margin(arena_bytes: int) -> int:
    """An arena with 20 % to spare, rounded up to 1 KiB.

    >>> with_margin(10_240), with_margin(854), with_margin(853)
    (12288, 2048, 1024)
    """
    spared = -(-arena_bytes * (100 + MARGIN_PERCENT) // 100)
    return -(-spared // _ROUNDED_TO) * _ROUNDED_TO


def arena_entry(measured: Measured | None) -> Measured | None:
    """The manifest's `arena`."""
    if measured is None:
        return None
    return {
        **measured,
        "margin_percent": MARGIN_PERCENT,
        "bytes_with_margin": with_margin(int(measured["bytes"])),
    }
