"""What is heard of clips longer than a second."""

import numpy as np
import pytest
from tiny_corpus import write_wav

from pld_tf.doctor.doctor import doctor
from pld_tf.doctor.long_clips import heard_of

RATE = 16000


def said(*words_ms: int, length_ms: int = 3000) -> np.ndarray:
    """Faint noise with a loud word of 200 ms at each of these times, the first one loudest."""
    samples = np.rint(np.random.default_rng(0).normal(scale=30, size=length_ms * RATE // 1000))
    for number, start_ms in enumerate(words_ms):
        start = start_ms * RATE // 1000
        samples[start : start + RATE // 5] *= 100 / (1 + number / 4)
    return samples.astype(np.int16)


def test_a_second_or_less_is_heard_as_a_whole():
    assert heard_of(said(300, length_ms=1000), RATE) is None
    assert heard_of(said(300, length_ms=800), RATE) is None


@pytest.mark.parametrize(
    ("words_ms", "misses"), [((1800,), False), ((1800, 2000), False), ((1800, 200), True)]
)
def test_of_a_long_clip_the_second_around_its_loudest_word_is_heard(words_ms, misses):
    heard = heard_of(said(*words_ms), RATE)
    assert heard is not None
    assert (heard.length_ms, heard.misses_sound) == (3000, misses)
    assert heard.start_ms <= 1800 <= heard.start_ms + 800


def test_the_doctor_counts_long_clips_and_says_what_is_heard(tmp_path):
    write_wav(tmp_path / "yes/a_nohash_0.wav", said(300, length_ms=1000), RATE)
    write_wav(tmp_path / "yes/b_nohash_0.wav", said(1800, 200), RATE)
    report = doctor(tmp_path, make_judge=None, short_ms=500)
    (note,) = (line for line in report.notes if "longer" in line)
    assert note.startswith("1 clips are longer than a second: only the loudest second of each is")
    assert "ms of yes/b_nohash_0.wav (3,000 ms). In 1 of them something about as loud" in note
