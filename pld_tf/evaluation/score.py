"""A network's answers on test clips under the four protocols, whatever runs the network."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import tensorflow as tf

from pld_tf.data.corpus.classes import Classes
from pld_tf.data.held_out import HeldOut
from pld_tf.evaluation.protocol_report import protocol_report
from pld_tf.evaluation.protocols import protocol_starts
from pld_tf.metrics.probabilities import softmax
from pld_tf.recipe.tables import PROTOCOLS

# Logits float32 [clips, crops, classes] of a dataset of int16 crops [clips, crops, samples].
Infer = Callable[[tf.data.Dataset], np.ndarray]


@dataclass(frozen=True, kw_only=True)
class Scored:
    """What a network made of test clips.

    Attributes:
      protocols: the object `protocols` of the evaluation in docs/formats.md.
      loudest_ms: int32 [clips], where each clip's loudest crop begins.
      probabilities: float64 [clips, classes], for these crops.
    """

    protocols: dict[str, Any]
    loudest_ms: np.ndarray
    probabilities: np.ndarray


def score_clips(infer: Infer, clips: HeldOut, *, classes: Classes, length_ms: int) -> Scored:
    """Run a network on the crops of every protocol.

    Args:
      infer: the network.
      clips: to test it on.
      classes: of the network.
      length_ms: of its input.
    """
    reports: dict[str, Any] = {}
    logits, starts = {}, {}
    for protocol in PROTOCOLS:
        starts[protocol] = protocol_starts(clips, protocol, length_ms)
        logits[protocol] = infer(clips.crops(starts[protocol], length_ms))
        reports[protocol] = protocol_report(
            logits[protocol],
            starts[protocol],
            clips=clips,
            classes=classes,
            protocol=protocol,
            length_ms=length_ms,
        )
    return Scored(
        protocols=reports,
        loudest_ms=starts["loudest"][:, 0],
        probabilities=softmax(logits["loudest"][:, 0]),
    )
