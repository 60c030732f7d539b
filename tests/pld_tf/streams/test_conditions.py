"""Words in noise and rooms: levels, places, what the seed decides."""

import numpy as np
import pytest
from tiny_corpus import RATE, read_wav

from pld_tf.streams.conditions import CONDITIONS, Condition, Words, spoken_words
from pld_tf.streams.synthesis import StreamParts

CLEAN = Condition(name="clean", snr_db=(200.0, 200.0))


@pytest.fixture
def words(store, classes) -> Words:
    parts = StreamParts(store=store, split="validation", classes=classes, noise_volume=0.1)
    return Words(parts=parts, speech=np.full(3 * RATE, 100, np.int16))


def samples_of(pieces):
    return np.concatenate([piece.samples for piece in pieces])


def rms(samples):
    return float(np.sqrt(np.mean(np.square(samples, dtype=float))))


def test_every_keyword_clip_is_spoken_once_where_its_time_says(words, corpus_root):
    pieces = list(spoken_words(words, CLEAN))
    clips = words.parts.store.splits["validation"].paths.tolist()
    keywords = {path.decode() for path in clips if path.startswith((b"yes", b"no"))}
    assert {piece.recording for piece in pieces} == keywords
    assert len(pieces) == len(keywords)
    heard = samples_of(pieces)
    for piece in pieces:
        clip = read_wav(corpus_root / piece.recording)
        loudest = int(np.argmax(np.convolve(np.square(clip, dtype=float), np.ones(800), "valid")))
        middle_s = (piece.spoken.start_s + piece.spoken.end_s) / 2
        near = heard[round((middle_s - 1.0) * RATE) : round((middle_s + 1.0) * RATE)]
        part = clip[loudest + 100 : loudest + 700]
        windows = np.lib.stride_tricks.sliding_window_view(near, len(part))
        assert (windows == part).all(axis=1).any()


def test_noise_lies_below_each_word_by_the_ratio(words):
    clean = spoken_words(words, CLEAN)
    noisy = spoken_words(words, Condition(name="noisy", snr_db=(10.0, 10.0)))
    index = words.parts.store.splits["validation"]
    levels = {
        path.decode(): np.sqrt(energy)
        for path, energy in zip(index.paths.tolist(), _loudest_200_ms(index.energies), strict=True)
    }
    for quiet, loud in zip(clean, noisy, strict=True):
        noise = loud.samples.astype(float) - quiet.samples
        ratio_db = 20 * np.log10(levels[quiet.recording] / rms(noise))
        assert ratio_db == pytest.approx(10, abs=0.2)


def _loudest_200_ms(energies):
    sums = np.lib.stride_tricks.sliding_window_view(energies, 20, axis=1).sum(axis=2)
    return sums.max(axis=1) / 800


def test_a_gain_changes_word_and_noise_alike(words):
    plain = samples_of(spoken_words(words, Condition(name="", snr_db=(20.0, 20.0))))
    quiet = samples_of(spoken_words(words, Condition(name="", snr_db=(20.0, 20.0), gain_db=-6.0)))
    loud = np.abs(plain) > 1000
    np.testing.assert_allclose(quiet[loud] / plain[loud], 10 ** (-6 / 20), atol=2e-3)


def test_a_room_goes_on_after_the_word_and_keeps_its_level(words):
    dry = list(spoken_words(words, CLEAN))
    wet = list(spoken_words(words, Condition(name="", snr_db=(200.0, 200.0), room_share=1.0)))
    assert [p.recording for p in wet] == [p.recording for p in dry]
    for one, other in zip(dry, wet, strict=True):
        assert len(other.samples) > len(one.samples)
        assert rms(other.samples) == pytest.approx(rms(one.samples), rel=0.3)


def test_words_in_a_row_follow_each_other_at_once(words):
    pieces = list(spoken_words(words, Condition(name="", snr_db=(40.0, 40.0), pairs=True)))
    assert len(pieces) % 2 == 0
    for first, second in zip(pieces[::2], pieces[1::2], strict=True):
        assert 0 <= second.spoken.start_s - first.spoken.end_s < 0.3


def test_the_seed_decides_everything_and_the_most_of_each_word_is_kept(words):
    few = Words(parts=words.parts, most_per_word=1, seed=5)
    again = [samples_of(spoken_words(few, CONDITIONS[2])) for _ in range(2)]
    np.testing.assert_array_equal(*again)
    assert len(few.clips()) == 2
    assert len({len(samples_of(spoken_words(few, CONDITIONS[i]))) for i in range(5)}) == 1


def test_speech_is_laid_under_words_where_asked(words):
    over = Condition(name="", snr_db=(0.0, 0.0), over="speech")
    (piece, *_) = spoken_words(words, over)
    pause = piece.samples[: round(0.5 * RATE)]
    assert (pause == pause[0]).all()  # this test's speech is a constant
    assert pause[0] != 0


def test_a_stream_under_a_condition_is_as_long_as_asked_at_most(pld, corpus_root, tmp_path):
    import listening_bundle
    import soundfile
    from stub_bundle import compiler

    compiler()
    bundle = listening_bundle.write(tmp_path / "bundle")
    out = tmp_path / "hard.wav"
    asked = ("data", "stream", out, "--bundle", bundle, "--data", corpus_root, "--seconds", 6)
    code, said, err = pld(*asked, "--condition", "in a room, noise at 20 dB")
    assert code == 0, err
    assert 3 < soundfile.info(out).duration <= 6
    assert len((tmp_path / "hard.csv").read_text().splitlines()) >= 3
    assert "words in up to 6 s" in said
    code, _, err = pld(*asked, "--condition", "over speech at 10 dB")
    assert code == 2
    assert "_negatives_" in err
    code, _, err = pld(*asked, "--condition", "loud")
    assert code == 2
    assert "must be one of 'noise at 40 dB', " in err
