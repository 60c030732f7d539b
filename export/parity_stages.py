"""What the parity gate compares: ways to compute a model's outputs. The caller brings most of them.

Light to import: no interpreter, no NumPy.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

FLOAT = "float, TFLite"
REFERENCE = "TFLite reference kernels"


@dataclass(frozen=True, kw_only=True)
class Skipped:
    """A stage that cannot run here, and why, in a few words."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What a device makes of audio.

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
      hear: from the folder and int16 audio, [crops, samples].
    """

    name: str
    hear: Callable[[Path, NDArray[np.int16]], Heard | Skipped]


@dataclass(frozen=True, kw_only=True)
class Stages:
    """Those beyond TFLite's own kernels."""

    models: tuple[Stage, ...] = ()
    audio: tuple[AudioStage, ...] = ()
