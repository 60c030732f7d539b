"""The tiny corpus with hours, or rather seconds, of sound without keywords."""

import zlib
from pathlib import Path

import numpy as np
import tiny_corpus
from tiny_corpus import RATE

# Seconds of each recording.
SECONDS = {
    **{f"talk/{speaker}-10-{number}.wav": 3.0 for speaker in range(100, 106) for number in (0, 1)},
    **{f"town/noise/street{number}.wav": 2.5 for number in range(4)},
}


def sound(name: str, seconds: float) -> np.ndarray:
    """Noise of this name alone, int16; its last 1.2 s are 40 dB quieter if it is a talk of 3 s."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    samples = rng.normal(scale=3000, size=round(seconds * RATE))
    if seconds == 3.0:
        samples[-round(1.2 * RATE) :] /= 100
    return np.clip(np.rint(samples), -32768, 32767).astype(np.int16)


def write_corpus(root: Path) -> Path:
    """The tiny corpus and `_negatives_`."""
    tiny_corpus.write_corpus(root)
    for name, seconds in SECONDS.items():
        tiny_corpus.write_wav(root / "_negatives_" / name, sound(name, seconds))
    return root
