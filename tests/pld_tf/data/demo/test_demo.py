import hashlib
import importlib.util
import json
import re
import wave
from pathlib import Path

import numpy as np
import pytest

from pld_tf.data.corpus.corpus import find_corpus
from pld_tf.data.demo import espeak, sound
from pld_tf.data.demo.espeak import Utterance, speak
from pld_tf.data.demo.make import ACCENTS, DEMO_WORDS, VOICES, make_demo_corpus
from pld_tf.errors import PldError

needs_espeak = pytest.mark.skipif(
    importlib.util.find_spec("espeakng_loader") is None,
    reason="needs pip install 'espeakng-loader==0.2.4'",
)
CLIPS = 20


@pytest.fixture(scope="module")
def demo(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("voices") / "demo"
    make_demo_corpus(root, clips_per_word=CLIPS)
    return root


def hashes(root: Path) -> dict[str, str]:
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files
    }


def samples(path: Path) -> np.ndarray:
    with wave.open(str(path)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (16000, 1, 2)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2")


def variant(speaker: str) -> str:
    return speaker.rpartition("-")[2]


@needs_espeak
def test_every_word_is_split_70_15_15_by_variant(demo):
    corpus = find_corpus(demo)
    assert corpus.notes == ()
    for word in DEMO_WORDS:
        of_word = [clip.split for clip in corpus.clips if clip.word == word]
        assert [of_word.count(split) for split in ("train", "validation", "test")] == [14, 3, 3]
    heard = {split: set() for split in VOICES}
    for clip in corpus.clips:
        heard[clip.split].add(variant(clip.speaker))
    assert all(heard[split] <= set(VOICES[split]) for split in VOICES)


def test_no_voice_and_no_family_of_voices_is_in_two_splits():
    family = {
        split: {re.sub(r"(?<=[a-z]{2})\d+$", "", name).lower() for name in names}
        for split, names in VOICES.items()
    }
    assert not family["train"] & family["validation"]
    assert not family["train"] & family["test"]
    assert not family["validation"] & family["test"]


@needs_espeak
def test_every_clip_is_one_second_with_a_word_at_a_sensible_level(demo):
    clips = [samples(demo / clip.path) for clip in find_corpus(demo).clips]
    assert {clip.size for clip in clips} == {16000}
    peaks = np.array([np.abs(clip.astype(int)).max() for clip in clips])
    assert peaks.min() > 32768 * 10 ** (-17 / 20)
    assert peaks.max() < 32767


@needs_espeak
def test_words_last_a_quarter_to_three_quarters_of_a_second():
    spoken = speak([Utterance(word, "en-us+m1", 140, 50, 50) for word in DEMO_WORDS])
    seconds = [sound.trim_silence(sound.resample_spoken(word)).size / 16000 for word in spoken]
    assert min(seconds) > 0.2
    assert max(seconds) < 0.75


@needs_espeak
def test_all_voices_exist_and_no_two_sound_the_same():
    variants = [name for names in VOICES.values() for name in names]
    voices = {f"en-us+{name}" for name in variants} | {f"{accent}+m1" for accent in ACCENTS}
    spoken = speak([Utterance("right", voice, 140, 50, 50) for voice in sorted(voices)])
    assert len({word.tobytes() for word in spoken}) == len(voices) == 81 + 8 - 1


@needs_espeak
def test_the_same_corpus_has_the_same_bytes(demo, tmp_path):
    done = []
    make_demo_corpus(tmp_path / "again", clips_per_word=CLIPS, progress=lambda *at: done.append(at))
    assert hashes(tmp_path / "again") == hashes(demo)
    total = CLIPS * len(DEMO_WORDS)
    assert done[0] == (CLIPS, total)
    assert done[-1] == (total, total)
    assert [path.name for path in tmp_path.iterdir()] == ["again"]


@needs_espeak
def test_noise_is_half_a_minute_each_and_neither_silent_nor_clipped(demo):
    corpus = find_corpus(demo)
    assert len(corpus.noise) == 4
    for path in corpus.noise:
        noise = samples(demo / path)
        assert noise.size == 30 * 16000
        assert sound.rms(noise / 32768) == pytest.approx(0.1, rel=0.05)
        assert np.mean(np.abs(noise.astype(int)) >= 32767) < 1e-3


@needs_espeak
def test_a_finished_corpus_is_left_as_it_is(demo, monkeypatch):
    monkeypatch.setattr("pld_tf.data.demo.make.speak", None)  # would fail if it were called
    before = {path: path.stat().st_mtime_ns for path in demo.rglob("*")}
    make_demo_corpus(demo, clips_per_word=CLIPS)
    assert {path: path.stat().st_mtime_ns for path in demo.rglob("*")} == before


@needs_espeak
def test_a_corpus_of_another_size_is_refused(demo):
    with pytest.raises(PldError, match=r'"clips_per_word": 20.*expected.*"clips_per_word": 21'):
        make_demo_corpus(demo, clips_per_word=21)


@pytest.mark.parametrize("marker", ["{", json.dumps({"mine": 1})])
def test_a_damaged_or_foreign_marker_is_refused(tmp_path, marker):
    (tmp_path / "demo.json").write_text(marker)
    with pytest.raises(PldError, match="holds another demo corpus"):
        make_demo_corpus(tmp_path)


def test_a_folder_with_other_files_and_a_file_are_refused(tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(PldError, match="found other files"):
        make_demo_corpus(tmp_path)
    with pytest.raises(PldError, match="found a file"):
        make_demo_corpus(tmp_path / "mine.txt")


def test_the_working_folder_is_refused_and_left(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in (".", "../" + tmp_path.name):
        with pytest.raises(PldError, match=r"is the folder you are in.* Name a new folder"):
            make_demo_corpus(Path(name))
    assert list(tmp_path.iterdir()) == []


def test_a_failure_leaves_nothing_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(PldError, match=r"GPL-3.*pip install 'espeakng-loader==0\.2\.4'"):
        make_demo_corpus(tmp_path / "demo")
    assert list(tmp_path.iterdir()) == []


@needs_espeak
def test_a_voice_that_does_not_exist_is_named():
    with pytest.raises(PldError, match="eSpeak has no voice en-xx"):
        speak([Utterance("yes", "en-xx", 140, 50, 50)])


def test_impossible_sizes_are_refused(tmp_path):
    with pytest.raises(ValueError, match="clips_per_word must be 1 to 10000, got 0"):
        make_demo_corpus(tmp_path / "demo", clips_per_word=0)


def test_resampling_keeps_a_tone_and_drops_what_16_khz_cannot_hold():
    """A tone faded in and out, as a word is: sampled at either rate it is the same function."""

    def tone(rate: int, hz: float) -> np.ndarray:
        seconds = np.arange(rate // 2) / rate
        return np.sin(2 * np.pi * hz * seconds) * np.sin(2 * np.pi * seconds) ** 4

    heard = sound.resample_spoken(tone(espeak.SAMPLE_RATE_HZ, 1000) * 32768)[:8000]
    np.testing.assert_allclose(heard, tone(16000, 1000), atol=1e-3)
    assert np.abs(sound.resample_spoken(tone(espeak.SAMPLE_RATE_HZ, 9500) * 32768)).max() < 60e-6


def test_trimming_keeps_the_loud_part_and_survives_silence():
    assert sound.trim_silence(np.array([0, 0.01, 1.0, 0, -0.5, 0.01])).tolist() == [1, 0, -0.5]
    assert sound.trim_silence(np.zeros(3)).tolist() == [0, 0, 0]


@pytest.mark.parametrize(("slope", "octave_ratio"), [(0, 2.0), (1, 1.0)])
def test_white_noise_doubles_its_power_per_octave_and_pink_keeps_it(slope, octave_ratio):
    noise = sound.coloured_noise(np.random.default_rng(0), 160_000, slope=slope)
    power = np.abs(np.fft.rfft(noise)) ** 2  # one bin is 0.1 Hz
    assert power[20_000:40_000].sum() / power[10_000:20_000].sum() == pytest.approx(
        octave_ratio, rel=0.05
    )
    assert sound.rms(noise) == pytest.approx(1)
