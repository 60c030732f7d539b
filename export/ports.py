"""What an export takes of a test harness, which this package does not import: it is brought.

Light to import: no interpreter.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from export.measured_arena import MeasureArena, no_tflm
from export.parity_stages import Stages


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
