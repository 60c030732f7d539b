"""Background noise: a corpus' own recordings, or generated noise where it has none."""

from pathlib import Path

import numpy as np

from pld_tf.data.audio.read import BadClip, read_audio
from pld_tf.data.corpus.corpus import Corpus
from pld_tf.errors import PldError

SPLIT_SHARES = {"train": (0.0, 0.8), "validation": (0.8, 0.9), "test": (0.9, 1.0)}
# Training holds noise in memory. This much (38 MB) is enough.
MAX_SECONDS = 1200


def noise_by_split(corpus: Corpus, sample_rate_hz: int) -> dict[str, np.ndarray]:
    """Noise of each split, int16 [samples].

    Each recording is divided in time, 80 / 10 / 10 %, so no two splits share noise. Of long
    recordings only the first parts are used, equally long, up to 20 minutes in all.

    Raises:
      PldError: a noise recording can't be read, or there are too few seconds of noise.
    """
    if not corpus.noise:
        return {split: _generated(split, sample_rate_hz) for split in SPLIT_SHARES}
    limit = MAX_SECONDS * sample_rate_hz // len(corpus.noise)
    recordings = [_read(corpus.root / path, sample_rate_hz)[:limit] for path in corpus.noise]
    splits = {
        split: np.concatenate([_part(recording, share) for recording in recordings])
        for split, share in SPLIT_SHARES.items()
    }
    shortest = min(len(samples) for samples in splits.values())
    if shortest < 2 * sample_rate_hz:
        raise PldError(
            f"{corpus.root} holds too little background noise: 20 s are needed, so that each "
            f"split gets 2 s, and the smallest gets {shortest / sample_rate_hz:.1f} s. Add "
            "recordings, or remove the noise folder to use generated noise."
        )
    return splits


def _part(recording: np.ndarray, share: tuple[float, float]) -> np.ndarray:
    start, stop = (int(len(recording) * edge) for edge in share)
    return recording[start:stop]


def _read(path: Path, sample_rate_hz: int) -> np.ndarray:
    try:
        return read_audio(path, sample_rate_hz=sample_rate_hz)
    except (BadClip, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise PldError(
            f"background noise {path} can't be used: {reason}. Mend or remove it."
        ) from error


def _generated(split: str, sample_rate_hz: int) -> np.ndarray:
    """White, pink and brown noise in turn, 10 s each; the same on every machine."""
    rng = np.random.Generator(np.random.PCG64(list(SPLIT_SHARES).index(split)))
    seconds = {"train": 60, "validation": 30, "test": 30}[split]
    length = 10 * sample_rate_hz
    parts = []
    for index in range(seconds // 10):
        spectrum = np.fft.rfft(rng.standard_normal(length))
        slope = (0.0, 0.5, 1.0)[index % 3]
        spectrum /= np.maximum(np.arange(len(spectrum)), 20) ** slope
        noise = np.fft.irfft(spectrum, length)
        parts.append(np.rint(noise / noise.std() * 3000))
    return np.clip(np.concatenate(parts), -32768, 32767).astype(np.int16)
