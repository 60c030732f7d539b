"""A corpus of tones and a recipe small enough to climb its ladder in seconds."""

import wave
from pathlib import Path
from typing import Any

import numpy as np

RATE_HZ = 4000
# Hz of the tone that stands for each word; "three" is no keyword.
WORDS = {"one": 400, "two": 900, "three": 1600}
CLIPS = {"train": 12, "validation": 4, "test": 4}
VALUES: dict[str, Any] = {
    "description": "tones",
    "keywords": ["one", "two"],
    "unknown": 1.0,
    "silence": 1.0,
    "ladder_ms": [1000, 500],
    "models": [{"family": "tc_resnet", "size": "8", "width": 0.25}],
    "features": {
        "sample_rate_hz": RATE_HZ,
        "window_ms": 30,
        "hop_ms": 20,
        "fft_size": 128,
        "mel_bins": 10,
        "low_hz": 60,
        "high_hz": 2000,
    },
    "epochs": 2,
    "batch": 16,
    "warmup_epochs": 0,
}


def make_corpus(root: Path, *, seed: int = 0) -> Path:
    """Half a second of each word's tone somewhere in a second of faint noise, and the two lists."""
    rng = np.random.default_rng(seed)
    lists: dict[str, list[str]] = {split: [] for split in CLIPS}
    for word, tone_hz in WORDS.items():
        (root / word).mkdir(parents=True)
        for split, clips in CLIPS.items():
            for number in range(clips):
                path = f"{word}/{split}{number:02d}_nohash_0.wav"
                write_wav(root / path, _tone(tone_hz, rng))
                lists[split].append(path)
    (root / "validation_list.txt").write_text("\n".join(lists["validation"]) + "\n")
    (root / "testing_list.txt").write_text("\n".join(lists["test"]) + "\n")
    return root


def write_wav(path: Path, samples: np.ndarray) -> None:
    """Mono int16 samples at `RATE_HZ`."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE_HZ)
        file.writeframes(samples.astype("<i2").tobytes())


def _tone(tone_hz: int, rng: np.random.Generator) -> np.ndarray:
    samples = rng.normal(scale=30, size=RATE_HZ)
    start, length = rng.integers(RATE_HZ // 2), RATE_HZ // 2
    phase = 2 * np.pi * (tone_hz * np.arange(length) / RATE_HZ + rng.random())
    samples[start : start + length] += rng.uniform(3000, 9000) * np.sin(phase)
    return np.rint(samples).astype(np.int16)


def recipe_values(**changes: object) -> dict[str, Any]:
    """Plain values of the tiny recipe; `changes` replace some."""
    return VALUES | changes


def write_recipe(path: Path, **changes: object) -> Path:
    """The tiny recipe as a TOML file."""
    path.write_text(to_toml(recipe_values(**changes)), "utf-8")
    return path


def to_toml(values: dict[str, Any]) -> str:
    """TOML of a recipe's values, tables last."""
    plain = {key: value for key, value in values.items() if key not in ("models", "features")}
    lines = [_line(key, value) for key, value in plain.items()]
    lines += ["[features]", *(_line(key, value) for key, value in values["features"].items())]
    for model in values["models"]:
        lines += ["[[models]]", *(_line(key, value) for key, value in model.items())]
    return "\n".join(lines) + "\n"


def _line(key: str, value: object) -> str:
    # The repr of these strings, numbers and lists is TOML too.
    return f"{key} = {value!r}"


def make_recipe(**changes: object):
    """The tiny recipe, checked."""
    from pld_tf.recipe import parse_recipe

    return parse_recipe(recipe_values(**changes), "tiny")


def file_bytes(root: Path, pattern: str) -> dict[str, bytes]:
    """Content of the files that match, by path below `root`."""
    return {
        path.relative_to(root).as_posix(): path.read_bytes() for path in sorted(root.glob(pattern))
    }
