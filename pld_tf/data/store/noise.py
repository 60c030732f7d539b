"""Background noise: a corpus' own recordings, or generated noise where it has none."""

import math
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np

from pld_tf.data.audio.read import BadClip, read_audio, why_unread
from pld_tf.data.corpus.corpus import Corpus
from pld_tf.errors import PldError

SPLIT_SHARES = {"train": (0.0, 0.8), "validation": (0.8, 0.9), "test": (0.9, 1.0)}
# Training holds noise in memory. This much (38 MB) is enough.
MAX_SECONDS = 1200
LEAST_SECONDS = 2  # of a split


def noise_by_split(corpus: Corpus, sample_rate_hz: int) -> dict[str, np.ndarray]:
    """Noise of each split, int16 [samples]: recorded, and generated where that is too little.

    Raises:
      PldError: a noise recording can't be read.
    """
    recorded = recorded_noise(corpus, sample_rate_hz)
    return with_generated(recorded, sample_rate_hz)


def recorded_noise(corpus: Corpus, sample_rate_hz: int) -> dict[str, np.ndarray]:
    """Recorded noise of each split, int16 [samples].

    Each recording is divided in time, 80 / 10 / 10 %, so no two splits share noise. If the lists of
    the corpus name recordings of noise, each is in its split as a whole. Of long recordings only
    the first parts are used, equally long, up to 20 minutes in all.

    Raises:
      PldError: a noise recording can't be read.
    """
    parts = {split: [np.zeros(0, np.int16)] for split in SPLIT_SHARES}
    for path, limit in _chosen(corpus.noise, sample_rate_hz):
        recording = _read(corpus.root / path, sample_rate_hz)[:limit]
        if corpus.noise_splits:
            parts[corpus.noise_splits[path]].append(recording)
            continue
        for split, share in SPLIT_SHARES.items():
            parts[split].append(_part(recording, share))
    return {split: np.concatenate(of_split) for split, of_split in parts.items()}


def with_generated(recorded: dict[str, np.ndarray], sample_rate_hz: int) -> dict[str, np.ndarray]:
    """The noise, and generated noise after it in each split that has too little."""
    short = _short_splits(recorded, sample_rate_hz)
    return {
        split: np.concatenate([noise, _generated(split, sample_rate_hz)])
        if split in short
        else noise
        for split, noise in recorded.items()
    }


def noise_notes(recorded: dict[str, np.ndarray], sample_rate_hz: int) -> list[str]:
    """A line if there are recordings of noise, but too short."""
    short = _short_splits(recorded, sample_rate_hz)
    seconds = sum(map(len, recorded.values())) / sample_rate_hz
    if not short or not seconds:
        return []
    return [
        f"{seconds:.1f} s of background noise are too little for {', '.join(short)}: each split "
        f"takes {LEAST_SECONDS} s, so 20 s are needed. Generated noise is added."
    ]


def _short_splits(recorded: dict[str, np.ndarray], sample_rate_hz: int) -> list[str]:
    least = LEAST_SECONDS * sample_rate_hz
    return [split for split, noise in recorded.items() if len(noise) < least]


def _chosen(paths: Sequence[str], sample_rate_hz: int) -> Iterator[tuple[str, int]]:
    """Recordings to use, each with its greatest number of samples.

    Each folder has the same share of `MAX_SECONDS`. A folder of many short clips, as `_silence_`
    often is, gives a second of some of them, and leaves the other folders their share.
    """
    folders = {folder: list(found) for folder, found in groupby(paths, key=_folder)}
    for found in folders.values():
        seconds = MAX_SECONDS / len(folders)
        step = math.ceil(len(found) / seconds)
        limit = max(sample_rate_hz, int(seconds * sample_rate_hz / len(found)))
        yield from ((path, limit) for path in found[::step])


def _folder(path: str) -> str:
    return path.split("/")[0]


def _part(recording: np.ndarray, share: tuple[float, float]) -> np.ndarray:
    start, stop = (int(len(recording) * edge) for edge in share)
    return recording[start:stop]


def _read(path: Path, sample_rate_hz: int) -> np.ndarray:
    try:
        return read_audio(path, sample_rate_hz=sample_rate_hz)
    except (BadClip, OSError) as error:
        raise PldError(
            f"background noise {path} can't be used: {why_unread(error)}. Mend or remove it."
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
