"""What an export takes of a test harness, which this package does not import: it is brought.

Light to import: no interpreter.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


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


FLOAT = "float, TFLite"
REFERENCE = "TFLite reference kernels"


@dataclass(frozen=True, kw_only=True)
class Skipped:
    """A stage that cannot run here, and why, in a few words."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class AudioRun:
    """What front end and model make of audio.

    Args:
      features: as the model stores them, shape [crops, frames, bins].
      outputs: as the model stores them, shape [crops, classes].
    """

    features: NDArray[Any]
    outputs: NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Runs the model of a bundle folder.

    Args:
      name: as the table shows it.
      against: names of stages before it; it is compared with the first of them that ran.
      run: from the folder and crops as the model stores them, [crops, frames, bins], to its
        outputs as it stores them, [crops, classes].
    """

    name: str
    against: tuple[str, ...]
    run: Callable[[Path, NDArray[Any]], NDArray[Any] | Skipped]


@dataclass(frozen=True, kw_only=True)
class AudioStage:
    """Runs the front end of a bundle folder, and the model on what it gives.

    Args:
      name: as the table shows it.
      run: from the folder and int16 audio, [crops, samples].
    """

    name: str
    run: Callable[[Path, NDArray[np.int16]], AudioRun | Skipped]


@dataclass(frozen=True, kw_only=True)
class Stages:
    """Those beyond TFLite's own kernels."""

    models: tuple[Stage, ...] = ()
    audio: tuple[AudioStage, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Harness:
    """Nothing of it is needed; a bundle that is written without has less in it, or less proof.

    Args:
      measure_arena: of a .tflite, on TFLite Micro.
      stages: of the parity gate, beyond TFLite's own kernels.
      sources: text by name of the C that is the same in all bundles: front end, decision, API.
    """

    measure_arena: MeasureArena = no_tflm
    stages: Stages = field(default_factory=Stages)
    sources: Mapping[str, str] = field(default_factory=dict[str, str])


NOTHING = Harness()
# Gives one when it is asked for, since a harness takes time to load.
BringHarness = Callable[[], Harness]
