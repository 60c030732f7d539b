"""Labels that a trained network disputes."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import tensorflow as tf

from pld_tf.data.corpus.classes import IGNORED, Classes
from pld_tf.data.corpus.corpus import Clip
from pld_tf.data.store.loudness import BLOCK_MS, block_energies, loudest_start_ms
from pld_tf.doctor.findings import Finding, finding
from pld_tf.features.log_mel import log_mel
from pld_tf.features.spec import FeatureSpec
from pld_tf.metrics.probabilities import softmax


@dataclass(frozen=True, kw_only=True)
class RunJudge:
    """The first rung of a run. Finds the clips that it assigns to another class.

    Attributes:
      spec: features of the rung.
      length_ms: its input length. It gets the loudest part of each clip.
      classes: of the run over `words`.
      class_of_word: class by word; IGNORED for words that the run was not trained on.
      confidence: least probability of another class for a finding.
      trained_level_db: median level of the words of its training; None if it does not say.
      infer: logits [clips, classes] of features [clips, frames, bins, 1].
    """

    spec: FeatureSpec
    length_ms: int
    classes: Classes
    class_of_word: dict[str, int]
    confidence: float
    trained_level_db: float | None
    infer: tf.types.experimental.PolymorphicFunction

    def __call__(self, clips: list[Clip], seconds: np.ndarray) -> Iterator[Finding]:
        labels = np.array([self.class_of_word[clip.word] for clip in clips])
        known = np.flatnonzero(labels != IGNORED)
        if not len(known):
            return
        probabilities = softmax(self._logits(seconds[known]))
        for place, row in zip(known, probabilities, strict=True):
            said = int(row.argmax())
            if said != labels[place] and row[said] >= self.confidence:
                name = self.classes.names[said]
                yield finding(clips[place], "disputed", f"model says {name}, {row[said]:.3f}")

    def _logits(self, seconds: np.ndarray) -> np.ndarray:
        crops = _loudest(seconds, self.spec, self.length_ms)
        return self.infer(log_mel(tf.constant(crops, tf.float32), self.spec)).numpy()


def _loudest(seconds: np.ndarray, spec: FeatureSpec, length_ms: int) -> np.ndarray:
    """The loudest part of each clip, int16 [clips, samples]."""
    block = spec.samples(BLOCK_MS)
    energies = np.stack([block_energies(second, block) for second in seconds])
    starts = loudest_start_ms(energies, length_ms) * spec.sample_rate_hz // 1000
    length = spec.samples(length_ms)
    return np.stack(
        [second[start : start + length] for second, start in zip(seconds, starts, strict=True)]
    )
