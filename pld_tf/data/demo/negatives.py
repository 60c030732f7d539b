"""Make hours of sound without keywords: sentences in many voices and languages, and babble.

No TensorFlow. The same call writes the same bytes.
"""

import tomllib
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from pld_tf.data.demo import sound
from pld_tf.data.demo.espeak import Utterance, speak
from pld_tf.data.demo.make import ACCENTS, VOICES, write_wav
from pld_tf.data.demo.sound import SAMPLE_RATE_HZ
from pld_tf.errors import PldError
from pld_tf.system.files import outside_working_folder
from pld_tf.system.progress import Advance
from pld_tf.system.whole_folder import whole_folder

MOST_MINUTES = 600
_ENGLISH = "en"
_SECONDS = 20  # of a recording, about
_SENTENCES = 5  # in it
_BABBLE_SHARE = 0.15  # of the time
_BATCH = 32  # recordings spoken by one process


def make_negatives(directory: Path, *, minutes: int, progress: Advance) -> None:
    """Write recordings of about 20 s: half of English, a third of other languages, babble.

    No voice that tests the demo corpus is among them.

    Args:
      directory: a new folder, such as `speech/_negatives_`.
      minutes: in all, 1 to 600.
      progress: called with recordings done and recordings in all.

    Raises:
      PldError: the folder is there and not empty, or eSpeak NG is missing.
    """
    if directory.exists() and (not directory.is_dir() or any(directory.iterdir())):
        raise PldError(f"{directory}: expected a new folder, found other files. Name another.")
    directory = outside_working_folder(directory)
    recordings = max(2, round(60 * minutes * (1 - _BABBLE_SHARE) / _SECONDS))
    with whole_folder(directory, refuse=lambda out: None) as stage:
        spoken = []
        for number, (folder, name, samples) in enumerate(_recordings(recordings)):
            _write(stage / folder / f"{name}.wav", samples, _generator(1, number))
            spoken.append(samples)
            progress(number + 1, recordings)
        _write_babble(stage / "babble", spoken, seconds=60 * minutes * _BABBLE_SHARE)


def _recordings(count: int) -> Iterator[tuple[str, str, np.ndarray]]:
    """Folder, name and samples of each; two of three in English."""
    texts = tomllib.loads((Path(__file__).with_name("sentences.toml")).read_text("utf-8"))
    for first in range(0, count, _BATCH):
        plans = [_plan(number, texts) for number in range(first, min(count, first + _BATCH))]
        samples = speak([utterance for _, utterance in plans])
        for number, ((language, utterance), one) in enumerate(zip(plans, samples, strict=True)):
            folder = "english" if language == _ENGLISH else "other_languages"
            name = f"{utterance.voice.replace('+', '-')}_nohash_{first + number}"
            yield folder, name, sound.trim_silence(sound.resample_spoken(one))


def _plan(number: int, texts: dict[str, list[str]]) -> tuple[str, Utterance]:
    rng = _generator(0, number)
    others = [language for language in texts if language != _ENGLISH]
    language = others[rng.integers(len(others))] if number % 3 == 2 else _ENGLISH
    sentences = rng.choice(
        texts[language], size=min(_SENTENCES, len(texts[language])), replace=False
    )
    accent = ACCENTS[rng.integers(len(ACCENTS))] if language == _ENGLISH else language
    variant = VOICES["train"][rng.integers(len(VOICES["train"]))]
    return language, Utterance(
        text=" ".join(sentences.tolist()),
        voice=f"{accent}+{variant}",
        rate_wpm=int(rng.integers(120, 211)),
        pitch=int(rng.integers(25, 76)),
        pitch_range=int(rng.integers(20, 81)),
    )


def _write_babble(folder: Path, spoken: list[np.ndarray], *, seconds: float) -> None:
    """Many sentences at once."""
    recordings = max(1, round(seconds / _SECONDS))
    for number in range(recordings):
        rng = _generator(2, number)
        voices = [spoken[place] for place in rng.integers(len(spoken), size=12)]
        samples = sound.babble(rng, _SECONDS * SAMPLE_RATE_HZ, voices)
        _write(folder / f"babble{number:03d}.wav", samples, rng)


def _write(path: Path, samples: np.ndarray, rng: np.random.Generator) -> None:
    """At a level of its own, over a little noise."""
    path.parent.mkdir(exist_ok=True)
    noise = sound.coloured_noise(rng, len(samples), slope=rng.uniform(0, 1.5))
    samples = samples / sound.rms(samples) + noise * 10 ** (rng.uniform(-40, -15) / 20)
    peak_db = rng.uniform(-20, -2)
    write_wav(path, sound.to_int16(samples * (10 ** (peak_db / 20) / np.abs(samples).max())))


def _generator(purpose: int, number: int) -> np.random.Generator:
    return np.random.default_rng([3, purpose, number])
