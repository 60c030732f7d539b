"""A corpus of a few seconds at 4 kHz: every clip sounds different, and noise tells its split."""

import wave
import zlib
from pathlib import Path

import numpy as np

from pld_tf.features.spec import FeatureSpec

RATE = 4000
SPEC = FeatureSpec(
    sample_rate_hz=RATE, window_ms=20, hop_ms=10, fft_size=128, mel_bins=8, low_hz=60, high_hz=1900
)
# Clips per word and split. With keywords yes and no an epoch takes 20 + 12 of them, 16 unknown
# (all 6 of tree, 10 of bird) and 16 silences: 4 batches of 16, nothing left over.
COUNTS = {
    "train": {"bird": 30, "no": 12, "tree": 6, "yes": 20},
    "validation": {"bird": 4, "no": 3, "tree": 2, "yes": 3},
    "test": {"bird": 2, "no": 2, "tree": 2, "yes": 2},
}
KEYWORDS = ["yes", "no"]
NOISE_SECONDS = 24


def write_wav(path: Path, samples: np.ndarray, rate: int = RATE) -> None:
    """A 16-bit mono WAV file; makes its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.astype("<i2").tobytes())


def read_wav(path: Path) -> np.ndarray:
    """Samples by the standard library alone: an oracle for what the store holds."""
    with wave.open(str(path), "rb") as file:
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")


def clip_audio(name: str, samples: int = RATE) -> np.ndarray:
    """Noise of this name alone, 12 dB louder for 200 ms somewhere in it; never 0."""
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    audio = rng.integers(1, 2000, samples) * rng.choice([-1, 1], samples)
    start = int(rng.integers(0, max(1, samples - RATE // 5)))
    audio[start : start + RATE // 5] *= 4
    return audio.astype(np.int16)


def background() -> np.ndarray:
    """Noise that is positive in its first 80 % (training) and negative in the rest."""
    samples = NOISE_SECONDS * RATE
    loudness = np.random.default_rng(0).integers(500, 1500, samples)
    return np.where(np.arange(samples) < samples * 8 // 10, loudness, -loudness).astype(np.int16)


def write_corpus(root: Path) -> Path:
    """The corpus of `COUNTS`, one speaker per clip number and split, with lists and noise."""
    lists: dict[str, list[str]] = {split: [] for split in COUNTS}
    for split, words in COUNTS.items():
        for word, count in words.items():
            for number in range(count):
                path = f"{word}/{split}{number:02d}_nohash_0.wav"
                write_wav(root / path, clip_audio(path))
                lists[split].append(path)
    (root / "validation_list.txt").write_text("\n".join(lists["validation"]))
    (root / "testing_list.txt").write_text("\n".join(lists["test"]))
    write_wav(root / "_background_noise_" / "hum.wav", background())
    return root
