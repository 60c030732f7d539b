"""What an export needs from a test harness. The caller passes it in: this package imports none.

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
# Takes a .tflite, gives `bytes`, `head_bytes`, `tail_bytes` and the `version` of TFLite Micro; None
# if TFLite Micro is not installed.
MeasureArena = Callable[[Path], Measured | None]
# The arena is measured here with the reference kernels. Their structures are larger than on a
# device, because pointers have 8 bytes and not 4. But optimized kernels need buffers of their own:
# CMSIS-NN on a Cortex-M55 needed 12 % more for the MLPerf Tiny keyword model than measured here.
MARGIN_PERCENT = 20
_ROUNDED_TO = 1024


def no_tflm(model: Path) -> None:
    """Measures nothing, because TFLite Micro is not installed."""


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
    """A stage that cannot run here, and a short reason."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class AudioRun:
    """Output of front end and model for audio.

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
      against: names of earlier stages; it is compared with the first of them that ran.
      run: takes the folder and crops as the model stores them, [crops, frames, bins]; gives its
        outputs as it stores them, [crops, classes]. If the model has several inputs or outputs,
        they follow each other in a row.
      exact: it computes the bytes of TFLite Micro. All stages of which this is true must agree.
    """

    name: str
    against: tuple[str, ...]
    run: Callable[[Path, NDArray[Any]], NDArray[Any] | Skipped]
    exact: bool = False


@dataclass(frozen=True, kw_only=True)
class AudioStage:
    """Runs the front end of a bundle folder, then the model on its features.

    Args:
      name: as the table shows it.
      run: takes the folder and int16 audio, [crops, samples].
    """

    name: str
    run: Callable[[Path, NDArray[np.int16]], AudioRun | Skipped]


@dataclass(frozen=True, kw_only=True)
class Stages:
    """The stages beyond TFLite's own kernels."""

    models: tuple[Stage, ...] = ()
    audio: tuple[AudioStage, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Harness:
    """All parts are optional. Without them a bundle holds less, or is proven less.

    Args:
      measure_arena: measures the arena of a .tflite on TFLite Micro.
      stages: stages of the parity gate beyond TFLite's own kernels.
      sources: C text by file name that is the same in all bundles: front end, decision, API.
    """

    measure_arena: MeasureArena = no_tflm
    stages: Stages = field(default_factory=Stages)
    sources: Mapping[str, str] = field(default_factory=dict[str, str])


NOTHING = Harness()
# Called only when needed, because a harness takes time to load.
BringHarness = Callable[[], Harness]
