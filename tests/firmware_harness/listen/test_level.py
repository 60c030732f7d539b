"""Input much quieter or louder than the training is told, once."""

import listening_bundle
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_harness.listen.level import FIRST_SECONDS, LevelWatch, level_line, word_level_db
from pld_tf.data.store.loudness import BLOCK_MS, block_energies, word_levels_db

RATE = 1000


def seconds(level_db: float, count: int, *, word_ms: int = 300) -> np.ndarray:
    """A square wave of a level in each second, between silence."""
    second = np.zeros(RATE, np.int16)
    second[100 : 100 + word_ms] = round(32768 * 10 ** (level_db / 20))
    second[100 : 100 + word_ms : 2] *= -1
    return np.tile(second, count)


def told(samples: np.ndarray, trained_db: float | None = -20.0, piece: int = 777) -> list[str]:
    said: list[str] = []
    watch = LevelWatch(trained_db, RATE, said.append)
    for start in range(0, len(samples), piece):
        watch.add(samples[start : start + piece])
    watch.end()
    return said


def test_a_level_is_that_of_the_loudest_200_ms():
    """Half of full scale is -6.0 dB; 100 ms of it in 200 ms are 3.0 dB less."""
    assert word_level_db(seconds(-6.0, 1), RATE) == pytest.approx(-6.0, abs=0.1)
    assert word_level_db(seconds(-6.0, 1, word_ms=100), RATE) == pytest.approx(-9.0, abs=0.1)
    assert word_level_db(np.zeros(RATE, np.int16), RATE) < -100


@given(st.lists(st.integers(-32768, 32767), min_size=200, max_size=1500))
def test_streams_are_measured_as_corpora_are(samples):
    clip = np.array(samples, np.int16)
    block = RATE * BLOCK_MS // 1000
    of_corpus = word_levels_db(block_energies(clip, block)[None], block)[0]
    assert word_level_db(clip, RATE) == pytest.approx(of_corpus, abs=0.01)


@pytest.mark.parametrize(("level_db", "how"), [(-32, "12 dB quieter"), (-8, "12 dB louder")])
@pytest.mark.parametrize("count", [3, 60])
def test_words_12_db_from_the_training_are_told_once(level_db, how, count):
    (line,) = told(seconds(level_db, count))
    assert f"the words of the input are {how} than those that the model was trained on (-20" in line


def test_words_8_db_from_the_training_and_silence_between_words_are_not_told():
    assert told(seconds(-28, 12)) == []
    pauses = np.concatenate([seconds(-20, 3), np.zeros(30 * RATE, np.int16)])
    assert told(pauses) == []


def test_one_word_is_told_only_where_it_is_20_db_away():
    assert told(seconds(-35, 1)) == []
    assert len(told(seconds(-41, 1))) == 1
    assert len(told(seconds(-41, 1)[:700])) == 1


def test_a_live_stream_is_judged_after_ten_seconds():
    said: list[str] = []
    watch = LevelWatch(-20.0, RATE, said.append)
    watch.add(seconds(-40, FIRST_SECONDS - 1))
    assert said == []
    watch.add(seconds(-40, 1))
    assert len(said) == 1


def test_a_bundle_that_knows_no_level_and_a_stream_without_samples_tell_nothing():
    assert told(seconds(-60, 12), None) == []
    assert told(np.zeros(0, np.int16)) == []


def test_only_quiet_input_may_be_nobody_speaking():
    assert "if nobody spoke" in str(level_line([-50.0] * 3, -20.0))
    assert "if nobody spoke" not in str(level_line([-5.0] * 3, -20.0))


def test_the_command_tells_of_a_quiet_recording_on_standard_error(pld, tmp_path):
    import audio_files
    from stub_bundle import RATE as STUB_RATE
    from stub_bundle import compiler

    compiler()
    assert STUB_RATE == RATE
    bundle = listening_bundle.write(tmp_path / "bundle", word_level_db=-20.0)
    quiet = tmp_path / "quiet.wav"
    quiet.write_bytes(audio_files.wav(seconds(-40, 4).astype("<i2").tobytes(), rate=RATE))
    code, _, err = pld("listen", quiet, "--bundle", bundle)
    assert code == 0
    assert err.count("20 dB quieter than those that the model was trained on") == 1
