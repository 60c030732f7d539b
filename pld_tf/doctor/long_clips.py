"""Clips longer than a second, and what is heard of them."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pld_tf.data.store.loudness import BLOCK_MS, WORD_MS, block_energies
from pld_tf.data.store.pack import loudest_part
from pld_tf.features.spec import CLIP_MS

AS_LOUD_DB = 6  # a sound outside of what is heard may be a word if it is at most this much quieter


@dataclass(frozen=True, kw_only=True)
class Heard:
    """The part of a long clip that is heard.

    Attributes:
      length_ms: of the whole clip.
      start_ms: where the second that is heard begins.
      misses_sound: whether something about as loud lies outside.
    """

    length_ms: int
    start_ms: int
    misses_sound: bool


def heard_of(samples: np.ndarray, sample_rate_hz: int) -> Heard | None:
    """What is heard of a clip, int16 [samples]; None if that is all of it."""
    second = sample_rate_hz * CLIP_MS // 1000
    if len(samples) <= second:
        return None
    start = loudest_part(samples, second)
    block = max(1, sample_rate_hz * BLOCK_MS // 1000)
    inside = _loudest(samples[start : start + second], block)
    outside = max(_loudest(part, block) for part in (samples[:start], samples[start + second :]))
    return Heard(
        length_ms=round(1000 * len(samples) / sample_rate_hz),
        start_ms=round(1000 * start / sample_rate_hz),
        misses_sound=outside * 10 ** (AS_LOUD_DB / 10) >= inside > 0,
    )


def long_clip_notes(heard: Sequence[tuple[str, Heard]]) -> list[str]:
    """A line on clips longer than a second, given with their paths."""
    if not heard:
        return []
    path, first = max(heard, key=lambda item: item[1].length_ms)
    line = (
        f"{len(heard):,} clips are longer than a second: only the loudest second of each is heard, "
        f"as {first.start_ms:,} to {first.start_ms + CLIP_MS:,} ms of {path} ({first.length_ms:,} "
        "ms)."
    )
    missed = sorted(path for path, one in heard if one.misses_sound)
    if missed:
        line += (
            f" In {len(missed):,} of them something about as loud is not heard, as in {missed[0]}: "
            "cut such clips into one for each word."
        )
    return [line]


def _loudest(samples: np.ndarray, block: int) -> float:
    """Mean energy of the loudest 200 ms; 0 if there are less."""
    energies = block_energies(samples, block).astype(np.float64)
    width = WORD_MS // BLOCK_MS
    if len(energies) < width:
        return 0.0
    return float(np.convolve(energies, np.ones(width), "valid").max() / width)
