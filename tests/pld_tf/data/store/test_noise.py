"""Background noise: each split has its own."""

import numpy as np
import pytest
from tiny_corpus import NOISE_SECONDS, RATE, background, clip_audio, write_wav

from pld_tf.data.corpus.corpus import find_corpus
from pld_tf.data.store import noise
from pld_tf.data.store.noise import SPLIT_SHARES, noise_by_split
from pld_tf.errors import PldError


@pytest.fixture
def quiet_root(tmp_path):
    """A corpus of one clip and no noise."""
    write_wav(tmp_path / "yes" / "a_nohash_0.wav", clip_audio("a"))
    return tmp_path


def add_noise(root, **recordings: np.ndarray) -> None:
    for name, samples in recordings.items():
        write_wav(root / "_background_noise_" / f"{name}.wav", samples)


def test_a_recording_is_cut_in_time_80_10_10(corpus_root):
    splits = noise_by_split(find_corpus(corpus_root), RATE)
    assert list(splits) == ["train", "validation", "test"]
    assert [len(part) for part in splits.values()] == [
        NOISE_SECONDS * RATE * tenths // 10 for tenths in (8, 1, 1)
    ]
    assert np.array_equal(np.concatenate(list(splits.values())), background())


def test_every_recording_gives_to_every_split(quiet_root):
    lengths = {"a": 20 * RATE + 7, "b": 11 * RATE + 3}
    add_noise(quiet_root, **{n: np.full(size, ord(n)) for n, size in lengths.items()})
    splits = noise_by_split(find_corpus(quiet_root), RATE)
    for part in splits.values():
        assert set(part.tolist()) == {ord("a"), ord("b")}
    assert sum(map(len, splits.values())) == sum(lengths.values())


def test_long_recordings_give_their_first_parts_equally(quiet_root, monkeypatch):
    monkeypatch.setattr(noise, "MAX_SECONDS", 40)
    rising = np.arange(30 * RATE) // RATE
    add_noise(quiet_root, a=rising, b=rising)
    splits = noise_by_split(find_corpus(quiet_root), RATE)
    assert sum(map(len, splits.values())) == 40 * RATE
    assert max(part.max() for part in splits.values()) == 19


def test_too_little_noise_is_filled_up_with_generated_noise_and_noted(quiet_root):
    add_noise(quiet_root, a=np.ones(12 * RATE))
    corpus = find_corpus(quiet_root)
    splits = noise_by_split(corpus, RATE)
    assert [len(part) / RATE for part in splits.values()] == [9.6, 31.2, 31.2]
    assert set(splits["test"][: 12 * RATE // 10].tolist()) == {1}
    (note,) = noise.noise_notes(noise.recorded_noise(corpus, RATE), RATE)
    assert note.startswith("12.0 s of background noise are too little for validation, test:")


def test_generated_noise_alone_needs_no_note(quiet_root):
    assert noise.noise_notes(noise.recorded_noise(find_corpus(quiet_root), RATE), RATE) == []


def test_many_short_recordings_leave_another_folder_its_share(quiet_root, monkeypatch):
    """A folder `_silence_` of thousands of clips would leave 0.1 s of each recording of noise."""
    monkeypatch.setattr(noise, "MAX_SECONDS", 40)
    add_noise(quiet_root, a=np.full(30 * RATE, 2))
    for number in range(50):
        write_wav(quiet_root / f"_silence_/{number}.wav", np.full(RATE, 1))
    splits = noise_by_split(find_corpus(quiet_root), RATE)
    whole = np.concatenate(list(splits.values()))
    assert [np.count_nonzero(whole == value) / RATE for value in (1, 2)] == [17, 20]


def test_recordings_on_a_list_are_in_its_split_as_a_whole(quiet_root):
    for number, value in enumerate((1, 2, 3)):
        write_wav(quiet_root / f"silence/{number}.wav", np.full(3 * RATE, value))
    (quiet_root / "validation_list.txt").write_text("silence/1.wav\n")
    (quiet_root / "testing_list.txt").write_text("silence/2.wav\n")
    splits = noise_by_split(find_corpus(quiet_root), RATE)
    assert [set(part.tolist()) for part in splits.values()] == [{1}, {2}, {3}]


def test_a_broken_noise_recording_is_named(quiet_root):
    add_noise(quiet_root, a=np.ones(4 * RATE))
    (quiet_root / "_background_noise_" / "a.wav").write_bytes(b"not audio")
    with pytest.raises(
        PldError, match=r"background noise .*a\.wav can't be used.*Mend or remove it"
    ):
        noise_by_split(find_corpus(quiet_root), RATE)


def test_a_noise_recording_that_vanished_is_named(quiet_root):
    add_noise(quiet_root, a=np.ones(4 * RATE))
    corpus = find_corpus(quiet_root)
    (quiet_root / "_background_noise_" / "a.wav").unlink()
    with pytest.raises(PldError, match=r"noise .*a\.wav can't be used: No such file or directory"):
        noise_by_split(corpus, RATE)


def test_generated_noise_is_the_same_each_time(quiet_root):
    first, second = (noise_by_split(find_corpus(quiet_root), RATE) for _ in range(2))
    for split in SPLIT_SHARES:
        assert first[split].dtype == np.int16
        assert first[split].tobytes() == second[split].tobytes()


def test_generated_noise_differs_between_splits(quiet_root):
    splits = noise_by_split(find_corpus(quiet_root), RATE)
    heads = {part[: 2 * RATE].tobytes() for part in splits.values()}
    assert len(heads) == 3


def test_generated_noise_is_white_then_pink_then_brown(quiet_root):
    """Power falls by 0, 1 and 2 powers of frequency: 0, 10 and 20 dB from 100 to 1000 Hz."""
    train = noise_by_split(find_corpus(quiet_root), RATE)["train"]
    assert len(train) == 60 * RATE
    for part, fall_db in zip(train.reshape(6, -1), (0, 10, 20) * 2, strict=True):
        assert abs(part.std() - 3000) < 100
        power = np.abs(np.fft.rfft(part)) ** 2
        low, high = (power[hz * 9 : hz * 11].mean() for hz in (100, 1000))
        assert abs(10 * np.log10(low / high) - fall_db) < 1
