"""Features as other voices and microphones would give them: pace, vocal tract, colour.

These changes cost nothing extra while features are computed. A hop longer than the spec's speeds
the audio up. Shifted mel filters move the formants. Louder or softer filters act like another
room or microphone.
"""

import math
from typing import Any

import numpy as np
import tensorflow as tf

from pld_tf.features.log_mel import frame_features, mel_matrix
from pld_tf.features.spec import FeatureSpec
from pld_tf.features.tables import Q15, fft_bins_hz, make_tables, mel_weights

Count = tf.Tensor | int
TRACTS = 17  # filter banks; the middle one is the spec's own
# Frequencies are scaled up to here. Above, a straight line leads to half the sample rate.
KNEE = 0.6
KNOTS = 4  # of a filter's curve


class Voices:
    """Paces and vocal tracts around the recorded ones.

    Args:
      spec: features.
      tempo: greatest change of pace, as a share.
      vocal_tract: greatest change of frequency, as a share.
      filter_db: greatest change of a mel bin's level.

    Sources: Jaitly & Hinton 2013, "Vocal tract length perturbation (VTLP) improves speech
    recognition"; Nam et al. 2022, "FilterAugment", arXiv:2110.03282 (its linear kind).
    """

    def __init__(
        self, spec: FeatureSpec, *, tempo: float, vocal_tract: float, filter_db: float = 0.0
    ) -> None:
        self._spec = spec
        self._step = _hop_step(spec)
        self._hop_steps = int(tempo * spec.hop_samples / self._step + 1e-9)
        factors = 1 + np.linspace(-vocal_tract, vocal_tract, TRACTS)
        banks = np.stack([mel_weights(_warped(fft_bins_hz(spec), f), spec) for f in factors])
        banks[TRACTS // 2] = make_tables(spec).mel / Q15
        self._banks = mel_matrix(banks)
        self._filter_db = filter_db
        self._curves = tf.constant(_curves(spec.mel_bins), tf.float32)

    def hop(self, draw: tf.Tensor) -> tf.Tensor:
        """Samples in a hop, int32, for a uniform `draw` in [0, 1)."""
        choices = 2 * self._hop_steps + 1
        steps = tf.cast(draw * choices, tf.int32) - self._hop_steps
        return self._spec.hop_samples + steps * self._step

    @property
    def shortest_hop(self) -> int:
        return self._spec.hop_samples - self._hop_steps * self._step

    @property
    def longest_hop(self) -> int:
        return self._spec.hop_samples + self._hop_steps * self._step

    def samples(self, length: Count, hop: Count) -> Any:
        """Samples that give as many frames at this hop as `length` samples at the spec's hop."""
        spec = self._spec
        return spec.window_samples + (length - spec.window_samples) // spec.hop_samples * hop

    def log_mel(
        self,
        samples: tf.Tensor,
        *,
        hop: tf.Tensor,
        tract: tf.Tensor,
        knots: tf.Tensor | None = None,
    ) -> tf.Tensor:
        """Features float32 [batch, frames, bins, 1] of crops [batch, samples].

        Args:
          samples: as many per crop as the method `samples` gives.
          hop: from the method `hop`.
          tract: uniform draw in [0, 1) that chooses the vocal tract.
          knots: uniform draws [KNOTS] that shape the filter; None keeps all levels.
        """
        bank = tf.gather(self._banks, tf.cast(tract * TRACTS, tf.int32))
        if self._filter_db and knots is not None:
            levels_db = self._filter_db * (2 * tf.linalg.matvec(self._curves, knots) - 1)
            bank *= tf.pow(10.0, levels_db / 10)
        return frame_features(self._frames(samples, hop), self._spec, bank)

    def _frames(self, samples: tf.Tensor, hop: tf.Tensor) -> tf.Tensor:
        """`tf.signal.frame` for a hop known only at run time, a multiple of the step."""
        window, step = self._spec.window_samples, self._step
        frames = 1 + (tf.shape(samples)[1] - window) // hop
        used = (window + (frames - 1) * hop) // step
        pieces = tf.reshape(samples[:, : used * step], [-1, used, step])
        first = tf.range(frames)[:, None] * (hop // step)
        picked = tf.gather(pieces, first + tf.range(window // step)[None], axis=1)
        return tf.reshape(picked, [-1, frames, window])


def _hop_step(spec: FeatureSpec) -> int:
    """Samples between selectable hops: divides hop and window, at most a 16th of the hop.

    >>> _hop_step(FeatureSpec())
    20
    """
    common = math.gcd(spec.window_samples, spec.hop_samples)
    widest = max(1, spec.hop_samples // 16)
    return max(step for step in range(1, min(common, widest) + 1) if common % step == 0)


def _curves(mel_bins: int) -> np.ndarray:
    """[mel_bins, KNOTS]: weights of evenly spaced knots in a piecewise linear curve over bins.

    >>> _curves(7)[:3].tolist()
    [[1.0, 0.0, 0.0, 0.0], [0.5, 0.5, 0.0, 0.0], [0.0, 1.0, 0.0, 0.0]]
    """
    places = np.linspace(0, KNOTS - 1, mel_bins)
    return np.maximum(0.0, 1 - np.abs(places[:, None] - np.arange(KNOTS)))


def _warped(hz: np.ndarray, factor: float) -> np.ndarray:
    """Frequencies scaled by `factor` up to the knee; above, linear up to the highest one.

    >>> _warped(np.array([0.0, 1000.0, 8000.0]), 1.1).round(1).tolist()
    [0.0, 1100.0, 8000.0]
    """
    top = hz[-1]
    knee = KNEE * top
    return np.interp(hz, [0.0, knee, top], [0.0, factor * knee, top])
