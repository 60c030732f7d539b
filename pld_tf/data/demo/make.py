"""Make the demo corpus: words spoken by eSpeak NG's voices, split by voice. No TensorFlow."""

import json
import wave
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pld_tf.data.corpus.folders import NOISE_FOLDER
from pld_tf.data.corpus.lists import LISTS
from pld_tf.data.demo import sound
from pld_tf.data.demo.espeak import Utterance, speak
from pld_tf.data.demo.sound import SAMPLE_RATE_HZ
from pld_tf.errors import PldError
from pld_tf.system.files import outside_working_folder
from pld_tf.system.progress import Advance
from pld_tf.system.whole_folder import whole_folder

DEMO_KEYWORDS = ("yes", "no", "up", "down", "left", "right", "stop", "go")
DEMO_UNKNOWN = ("cat", "house", "bird", "one", "two", "wow")
DEMO_WORDS = DEMO_KEYWORDS + DEMO_UNKNOWN


def _names(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# Voice variants that sound human. Variants that sound alike, such as iven to iven4, share a split.
VOICES = {
    "train": _names(
        "Alex Andrea Andy AnxiousAndy Henrique Hugo Marco Mario Michael Mike Reed RicishayMax "
        "RicishayMax2 RicishayMax3 Storm Tweaky adam anika antonio belinda benjamin david ed "
        "edward edward2 f1 f3 grandma gustave iven iven2 iven3 iven4 john kaukovalta m1 m4 m5 m6 "
        "marcelo michel miguel mike2 pablo paul quincy rob sandro shelby travis zac"
    ),
    "validation": _names("Annie Diogo Gene Gene2 Jacky boris f4 ian linda m2 m8 max pedro victor"),
    "test": _names(
        "Alicia Denis Lee Nguyen aunty caleb f2 f5 grandpa m3 m7 norbert robert steph steph2 steph3"
    ),
}
ACCENTS = _names(
    "en en-us en-us-nyc en-029 en-gb-scotland en-gb-x-gbclan en-gb-x-gbcwmd en-gb-x-rp"
)
MARKER = "demo.json"

_VERSION = 1  # of the corpus; raised whenever its bytes change
# Splits of every 20 clips: 14, 3 and 3. The first 7 clips cover all splits.
_SPLITS = tuple(
    {"t": "train", "v": "validation", "e": "test"}[letter] for letter in "tttvttetttvttetttvte"
)
_NOISE_SECONDS = 30
_MAX_CLIPS_PER_WORD = 10_000


class _Plan(NamedTuple):
    name: str  # of the file, without suffix
    split: str
    utterance: Utterance


def make_demo_corpus(
    directory: Path,
    *,
    clips_per_word: int = 300,
    progress: Advance | None = None,
) -> None:
    """Write the demo corpus in the layout of Speech Commands: one-second 16 kHz WAV files.

    70 % of the clips of each word are for training, 15 % each for validation and test. Every voice
    belongs to one split. The same call writes the same bytes. A folder that already holds this
    corpus stays as it is.

    Args:
      directory: created if absent; must be empty or hold this corpus.
      clips_per_word: 1 to 10,000.
      progress: called after each word with clips written and clips in all.

    Raises:
      PldError: the folder holds something else or is the working folder, or eSpeak NG is missing.
    """
    if not 1 <= clips_per_word <= _MAX_CLIPS_PER_WORD:
        raise ValueError(f"clips_per_word must be 1 to {_MAX_CLIPS_PER_WORD}, got {clips_per_word}")
    parameters = {
        "demo_corpus": _VERSION,
        "clips_per_word": clips_per_word,
        "words": list(DEMO_WORDS),
    }
    if _is_made(directory, parameters):
        return
    directory = outside_working_folder(directory)
    with whole_folder(directory, refuse=lambda out: _is_made(out, parameters)) as stage:
        _write_corpus(stage, clips_per_word, progress)
        (stage / MARKER).write_text(json.dumps(parameters, indent=2) + "\n", encoding="utf-8")


def _is_made(directory: Path, parameters: dict[str, object]) -> bool:
    if not directory.exists():
        return False
    if not directory.is_dir():
        raise PldError(
            f"{directory}: expected a folder for the demo corpus, found a file. Name another."
        )
    marker = directory / MARKER
    if not marker.is_file():
        if any(directory.iterdir()):
            raise PldError(
                f"{directory}: expected an empty folder or an earlier demo corpus, found other "
                "files. Name a new folder."
            )
        return False
    try:
        found = json.loads(marker.read_text(encoding="utf-8"))
    except ValueError:
        found = "not JSON"
    if found != parameters:
        raise PldError(
            f"{directory}: holds another demo corpus ({json.dumps(found)}, expected "
            f"{json.dumps(parameters)}). Remove it, or name a new folder."
        )
    return True


def _write_corpus(root: Path, clips_per_word: int, progress: Advance | None) -> None:
    lists: dict[str, list[str]] = {split: [] for split in LISTS}
    chatter: list[np.ndarray] = []
    for word_number, word in enumerate(DEMO_WORDS):
        (root / word).mkdir()
        plans = [_plan(word_number, n) for n in range(clips_per_word)]
        for n, (plan, spoken) in enumerate(
            zip(plans, speak([plan.utterance for plan in plans]), strict=True)
        ):
            voice = sound.trim_silence(sound.resample_spoken(spoken))
            clip = _clip(voice, _generator(1, word_number, n))
            path = f"{word}/{plan.name}.wav"
            write_wav(root / path, sound.to_int16(clip))
            if plan.split in lists:
                lists[plan.split].append(path)
            elif word in DEMO_UNKNOWN:  # noise with a keyword in it would not be silence
                chatter.append(voice)
        if progress:
            progress((word_number + 1) * clips_per_word, len(DEMO_WORDS) * clips_per_word)
    for split, paths in lists.items():
        lines = "".join(f"{path}\n" for path in sorted(paths))
        (root / LISTS[split]).write_text(lines, encoding="utf-8", newline="\n")
    _write_noise(root / NOISE_FOLDER, chatter)


def _plan(word_number: int, n: int) -> _Plan:
    rng = _generator(0, word_number, n)
    split = _SPLITS[n % len(_SPLITS)]
    variant = VOICES[split][rng.integers(len(VOICES[split]))]
    accent = ACCENTS[rng.integers(len(ACCENTS))]
    utterance = Utterance(
        text=DEMO_WORDS[word_number],
        voice=f"{accent}+{variant}",
        rate_wpm=int(rng.integers(115, 171)),
        pitch=int(rng.integers(25, 76)),
        pitch_range=int(rng.integers(20, 81)),
    )
    return _Plan(f"{accent}-{variant}_nohash_{n}", split, utterance)


def _clip(voice: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One second with the word near its middle, at a random level, over mild noise."""
    voice = voice[:SAMPLE_RATE_HZ]
    room = SAMPLE_RATE_HZ - voice.size
    start = int(np.clip(room / 2 + rng.normal(scale=0.08) * SAMPLE_RATE_HZ, 0, room))
    noise_db = rng.uniform(-45, -20)  # relative to the word
    noise = sound.coloured_noise(rng, SAMPLE_RATE_HZ, slope=rng.uniform(0, 1.5))
    clip = noise * sound.rms(voice) * 10 ** (noise_db / 20)
    clip[start : start + voice.size] += voice
    return clip * (10 ** (rng.uniform(-16, -1) / 20) / np.abs(clip).max())


def _write_noise(folder: Path, chatter: list[np.ndarray]) -> None:
    folder.mkdir()
    rng = _generator(2, 0, 0)
    samples = _NOISE_SECONDS * SAMPLE_RATE_HZ
    recordings = {
        "white_noise": sound.coloured_noise(rng, samples, slope=0),
        "pink_noise": sound.coloured_noise(rng, samples, slope=1),
        "hum": sound.hum(rng, samples),
        "babble": sound.babble(rng, samples, chatter),
    }
    for name, recording in recordings.items():
        write_wav(folder / f"{name}.wav", sound.to_int16(recording * 0.1))


def _generator(purpose: int, word_number: int, n: int) -> np.random.Generator:
    return np.random.default_rng([_VERSION, purpose, word_number, n])


def write_wav(path: Path, samples: np.ndarray) -> None:
    """int16 samples at 16 kHz."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(SAMPLE_RATE_HZ)
        file.writeframes(samples.astype("<i2").tobytes())
