"""The packed corpus: what goes in comes out, and no stop, bad file or full disk breaks it."""

import errno
import gc
import os
import shutil
import subprocess
import weakref
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given
from hypothesis import strategies as st
from tiny_corpus import COUNTS, RATE, clip_audio, read_wav, write_wav
from tiny_store import pack, read_arrays, records, truncate, write_small_corpus

from pld_tf.data.corpus.corpus import find_corpus
from pld_tf.data.store import cache as cache_module
from pld_tf.data.store import pack as store_module
from pld_tf.data.store.loudness import block_energies
from pld_tf.data.store.noise import noise_by_split
from pld_tf.data.store.pack import SPLITS, fit_clip, open_store
from pld_tf.errors import PldError


@pytest.fixture
def root(tmp_path) -> Path:
    return write_small_corpus(tmp_path / "corpus")


@pytest.fixture
def small_shards(monkeypatch):
    monkeypatch.setattr(store_module, "SHARD_CLIPS", 4)


@pytest.fixture
def reads(monkeypatch) -> list[str]:
    """Names of the files decoded so far."""
    decoded: list[str] = []
    original = store_module.read_audio

    def read_audio(path: Path, *, sample_rate_hz: int) -> np.ndarray:
        decoded.append(path.name)
        return original(path, sample_rate_hz=sample_rate_hz)

    monkeypatch.setattr(store_module, "read_audio", read_audio)
    return decoded


def files(folder: Path) -> dict[str, bytes]:
    """Bytes of each file, but of .npz what it holds: a zip also keeps the time of writing."""
    found = {}
    for path in sorted(folder.iterdir()):
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as arrays:
                content = b"".join(name.encode() + arrays[name].tobytes() for name in arrays.files)
        else:
            content = path.read_bytes()
        found[path.name] = content
    return found


def test_audio_is_bit_exact_through_the_store(store, corpus_root):
    for split in SPLITS:
        packed = records(store, split)
        assert len(packed) == sum(COUNTS[split].values())
        for path, samples in packed.items():
            assert np.array_equal(samples, read_wav(corpus_root / path))


def test_a_clip_finds_the_number_of_its_word_without_a_search(tmp_path):
    """A search compares each clip with half of all words: hours for a million clips."""

    class Word(str):
        compared = 0
        __hash__ = str.__hash__

        def __eq__(self, other: object) -> bool:
            Word.compared += 1
            return str.__eq__(self, other)

    for number in range(40):
        name = f"word{number:02d}/{number}_nohash_0.wav"
        write_wav(tmp_path / "corpus" / name, clip_audio(name, samples=8))
    (tmp_path / "corpus" / "validation_list.txt").write_text("word00/0_nohash_0.wav")
    (tmp_path / "corpus" / "testing_list.txt").write_text("word01/1_nohash_0.wav")
    corpus = find_corpus(tmp_path / "corpus")
    clips = [replace(clip, word=Word(clip.word)) for clip in corpus.clips]
    store = open_store(replace(corpus, clips=clips), sample_rate_hz=RATE, cache=tmp_path)
    assert Word.compared <= 2 * len(clips)
    words = [store.words[number] for number in store.splits["train"].words]
    assert words == [path.decode()[:6] for path in store.splits["train"].paths]


def test_the_index_tells_word_split_and_energies_of_each_record(store):
    assert store.words == ("bird", "no", "tree", "yes")
    for split in SPLITS:
        index = store.splits[split]
        for position, (path, samples) in enumerate(records(store, split).items()):
            word, name = path.split("/")
            assert store.words[index.words[position]] == word
            assert name.startswith(split)
            assert np.array_equal(index.energies[position], block_energies(samples, RATE // 100))


def test_clips_are_shuffled_by_name(store):
    words = store.splits["train"].words
    assert len(set(words[:16].tolist())) >= 3
    assert sorted(words.tolist()) != words.tolist()


def test_noise_comes_back_as_it_went_in(store, corpus_root):
    for split, expected in noise_by_split(find_corpus(corpus_root), RATE).items():
        assert np.array_equal(store.noise(split), expected)


def test_shards_are_cut_and_counted(root, tmp_path, small_shards):
    store = pack(root, tmp_path / "cache")
    assert [store.splits[split].shard_clips.tolist() for split in SPLITS] == [[4, 4, 2], [2], [2]]
    for split in SPLITS:
        for path, samples in records(store, split).items():
            assert np.array_equal(samples, read_wav(root / path))


def test_short_clips_are_centred_and_long_ones_cut_to_the_loudest_second(root, tmp_path):
    short, long = clip_audio("short", 1001), clip_audio("long", RATE)
    write_wav(root / "no" / "0_nohash_0.wav", short)
    write_wav(root / "yes" / "0_nohash_0.wav", np.concatenate([np.zeros(RATE), long, np.zeros(99)]))
    store = pack(root, tmp_path / "cache")
    packed = records(store, "train")
    centred = packed["no/0_nohash_0.wav"]
    assert np.array_equal(centred[1499:2500], short)
    assert not centred[:1499].any()
    assert not centred[2500:].any()
    assert np.array_equal(packed["yes/0_nohash_0.wav"], long)
    assert store.notes == (
        "1 clips shorter than a second were centred and padded with zeros.",
        "1 clips longer than a second were cut to their loudest second.",
    )


@given(size=st.integers(1, 60000), length=st.sampled_from([4000, 11025, 16000, 22050]))
def test_a_fitted_clip_has_exactly_the_length(size, length):
    samples = np.arange(size).astype(np.int16)
    fitted = fit_clip(samples, length)
    assert len(fitted) == length
    assert fitted.tobytes().find(samples.tobytes()) >= 0 or fitted.tobytes() in samples.tobytes()


def test_a_packed_corpus_is_not_decoded_again(root, tmp_path, reads):
    first = pack(root, tmp_path / "cache")
    assert len(reads) == 14
    second = pack(root, tmp_path / "cache")
    assert len(reads) == 14
    assert second.folder == first.folder
    assert list((tmp_path / "cache").iterdir()) == [first.folder]


def test_the_cache_is_where_pld_tf_cache_says(root, tmp_path, monkeypatch):
    monkeypatch.setenv("PLD_TF_CACHE", str(tmp_path / "elsewhere"))
    store = open_store(find_corpus(root), sample_rate_hz=RATE)
    assert store.folder.parent == tmp_path / "elsewhere"


def test_the_key_follows_the_audio_and_not_where_or_when_it_lies(root, tmp_path):
    first = pack(root, tmp_path / "cache")
    copy = shutil.copytree(root, tmp_path / "copy", copy_function=shutil.copyfile)
    os.utime(copy / "yes" / "0_nohash_0.wav", (1, 1))
    moved = pack(copy, tmp_path / "cache")
    assert moved.key == first.key
    assert moved.folder != first.folder
    (copy / "yes" / "0_nohash_0.wav").rename(copy / "yes" / "8_nohash_0.wav")
    assert pack(copy, tmp_path / "cache").key != first.key


def test_a_changed_file_and_another_rate_make_another_store(root, tmp_path):
    first = pack(root, tmp_path / "cache")
    other_rate = open_store(find_corpus(root), sample_rate_hz=2 * RATE, cache=tmp_path / "cache")
    write_wav(root / "yes" / "0_nohash_0.wav", clip_audio("changed", RATE - 1))
    changed = pack(root, tmp_path / "cache")
    assert len({first.key, other_rate.key, changed.key}) == 3
    assert not np.array_equal(
        records(first, "train")["yes/0_nohash_0.wav"],
        records(changed, "train")["yes/0_nohash_0.wav"],
    )


def test_progress_counts_clips_to_the_end(root, tmp_path, small_shards):
    told: list[tuple[int, int]] = []
    pack(root, tmp_path / "cache", progress=lambda done, total: told.append((done, total)))
    assert told == [(4, 14), (8, 14), (10, 14), (12, 14), (14, 14)]


def test_packing_goes_on_at_the_first_missing_shard(
    root, tmp_path, small_shards, reads, monkeypatch
):
    cache = tmp_path / "cache"
    write_npz = store_module.write_npz

    def stop_in_second_shard(path: Path, **arrays: np.ndarray) -> None:
        if path.name == "train-00001.npz":
            raise KeyboardInterrupt
        write_npz(path, **arrays)

    with monkeypatch.context() as stopped:
        stopped.setattr(store_module, "write_npz", stop_in_second_shard)
        with pytest.raises(KeyboardInterrupt):
            pack(root, cache)
    assert [path.suffix for path in cache.iterdir()] == [".partial"]
    assert len(reads) == 8
    resumed = pack(root, cache)
    assert len(reads) == 8 + 10
    fresh = pack(root, tmp_path / "other")
    assert files(resumed.folder) == files(fresh.folder)
    assert [path.name for path in cache.iterdir()] == [resumed.folder.name]


def lose_the_arrays(partial: Path) -> None:
    (partial / "train-00002.npz").unlink()


def cut_the_arrays(partial: Path) -> None:
    truncate(partial / "train-00002.npz")


def take_the_digest_away(partial: Path) -> None:
    arrays = read_arrays(partial / "train-00002.npz")
    del arrays["digest"]
    np.savez(partial / "train-00002.npz", **arrays)


def cut_the_records(partial: Path) -> None:
    truncate(partial / "train-00002.tfrecord")


def lose_the_records(partial: Path) -> None:
    (partial / "train-00002.tfrecord").unlink()


def put_another_shard_in_its_place(partial: Path) -> None:
    for suffix in ("npz", "tfrecord"):
        shutil.copy(partial / f"train-00000.{suffix}", partial / f"train-00002.{suffix}")


def cut_the_noise(partial: Path) -> None:
    truncate(partial / "noise-train.npz")


@pytest.mark.parametrize(
    ("harm", "read_again"),
    [
        (lose_the_arrays, 2),
        (cut_the_arrays, 2),
        (take_the_digest_away, 2),
        (cut_the_records, 2),
        (lose_the_records, 2),
        (put_another_shard_in_its_place, 2),
        (cut_the_noise, 0),
    ],
)
def test_a_harmed_piece_of_a_stopped_packing_is_made_again(
    root, tmp_path, small_shards, reads, monkeypatch, harm, read_again
):
    cache = tmp_path / "cache"
    with monkeypatch.context() as stopped:
        stopped.setattr(store_module, "_finish", interrupt)
        with pytest.raises(KeyboardInterrupt):
            pack(root, cache)
    (partial,) = cache.iterdir()
    harm(partial)
    assert len(reads) == 14
    resumed = pack(root, cache)
    assert len(reads) == 14 + read_again
    assert files(resumed.folder) == files(pack(root, tmp_path / "other").folder)


def interrupt(*arguments: object) -> None:
    raise KeyboardInterrupt


def test_bad_clips_stop_packing_and_the_first_ten_are_named(root, tmp_path):
    for number in range(12):
        (root / "no" / f"bad{number:02d}_nohash_0.wav").write_bytes(b"not audio")
    for _ in range(2):
        with pytest.raises(PldError, match="12 clips can't be read") as caught:
            pack(root, tmp_path / "cache")
        text = str(caught.value)
        assert "\n" not in text
        assert [f"no/bad{n:02d}_nohash_0.wav: expected WAV" in text for n in range(12)] == (
            [True] * 10 + [False] * 2
        )
        assert "and 2 more" in text
        assert "--skip-bad" in text


def test_bad_clips_are_left_out_only_when_asked(root, tmp_path, reads):
    (root / "no" / "bad_nohash_0.wav").write_bytes(b"not audio")
    with pytest.raises(PldError, match=r"1 clips can't be read: no/bad_nohash_0\.wav"):
        pack(root, tmp_path / "cache")
    store = pack(root, tmp_path / "cache", skip_bad=True)
    assert len(reads) == 15
    assert store.notes == ("1 unreadable clips were left out.",)
    assert "no/bad_nohash_0.wav" not in records(store, "train")
    for path, samples in records(store, "train").items():
        assert np.array_equal(samples, read_wav(root / path))
    with pytest.raises(PldError, match=r"1 clips can't be read: no/bad_nohash_0\.wav"):
        pack(root, tmp_path / "cache")


def test_a_split_without_clips_is_refused(root, tmp_path):
    (root / "testing_list.txt").write_text("")
    with pytest.raises(
        PldError, match=r"no clip of .* is in the test split: testing_list\.txt is empty"
    ):
        pack(root, tmp_path / "cache")


def test_a_split_of_bad_clips_alone_names_them(root, tmp_path):
    for word in ("no", "yes"):
        (root / word / "6_nohash_0.wav").write_bytes(b"not audio")
    with pytest.raises(PldError, match="2 clips can't be read: no/6_nohash_0"):
        pack(root, tmp_path / "cache", skip_bad=True)


def full_disk(*arguments: object, **keywords: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def full_disk_in_tensorflow(*arguments: object, **keywords: object) -> None:
    raise tf.errors.ResourceExhaustedError(None, None, "No space left on device")


@pytest.mark.parametrize(
    ("place", "name", "failure"),
    [
        (store_module, "write_npz", full_disk),
        (store_module, "write_json", full_disk),
        (tf.io.TFRecordWriter, "write", full_disk_in_tensorflow),
    ],
    ids=["arrays", "store.json", "records"],
)
def test_a_full_disk_is_one_line_and_leaves_nothing(
    root, tmp_path, monkeypatch, place, name, failure
):
    cache = tmp_path / "cache"
    with monkeypatch.context() as filled:
        filled.setattr(place, name, failure)
        assert_told_that_disk_is_full(root, cache)
    assert len(records(pack(root, cache), "train")) == 10


def assert_told_that_disk_is_full(root: Path, cache: Path) -> None:
    with pytest.raises(PldError) as caught:
        pack(root, cache)
    assert str(caught.value) == (
        f"the disk of {cache} is full: packing takes about 0 MB. Free some space, or name another "
        "disk in PLD_TF_CACHE."
    )
    assert list(cache.iterdir()) == []


@pytest.mark.parametrize("kilobytes", [100, 500, 1020])
def test_a_really_full_disk_is_one_line_and_leaves_nothing(root, tmp_path, kilobytes):
    """1.05 MB are needed: noise is 960 kB of it, records 112 kB."""
    cache = tmp_path / "mounted"
    cache.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(cache)]
    if os.geteuid() or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("needs the right to mount a small disk")
    try:
        assert_told_that_disk_is_full(root, cache)
    finally:
        subprocess.run(["umount", str(cache)], check=True)


def test_a_cache_that_cannot_be_written_is_one_line(root, tmp_path):
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(PldError, match=r"can't be written to .*cache: Not a directory"):
        pack(root, tmp_path / "cache")


def no_home(name: str) -> str:
    raise RuntimeError("could not determine the home directory")


@pytest.mark.parametrize("asked", [no_home, lambda name: "~/.cache/pld-tf"])
def test_a_user_without_a_home_is_told_to_name_a_cache(monkeypatch, asked):
    monkeypatch.delenv("PLD_TF_CACHE")
    monkeypatch.setattr(cache_module, "user_cache_dir", asked)
    with pytest.raises(PldError, match=r"no home\. Name one in PLD_TF_CACHE"):
        cache_module.cache_folder()


def test_packing_holds_no_more_than_a_shard_of_audio(root, tmp_path, small_shards, monkeypatch):
    alive: list[weakref.ref] = []
    most = 0
    original = store_module.read_audio

    def read_audio(path: Path, *, sample_rate_hz: int) -> np.ndarray:
        nonlocal most
        samples = original(path, sample_rate_hz=sample_rate_hz).copy()
        alive.append(weakref.ref(samples))
        most = max(most, sum(reference() is not None for reference in alive))
        return samples

    monkeypatch.setattr(store_module, "read_audio", read_audio)
    gc.collect()
    pack(root, tmp_path / "cache")
    assert len(alive) == 14
    assert most <= store_module.SHARD_CLIPS + 1


def test_clips_without_a_word_are_counted(root, tmp_path):
    write_wav(root / "no/silent_nohash_0.wav", np.full(RATE, 3))
    write_wav(root / "no/hum_nohash_0.wav", np.arange(RATE) % 40 * 50)
    (note,) = pack(root, tmp_path / "cache").notes
    assert note.startswith("2 clips are silent or as loud throughout, as no/hum_nohash_0.wav: they")


def test_a_decomposed_name_is_read_and_packed_composed(root, tmp_path):
    path = "no/ze\u0301_nohash_0.wav"
    write_wav(root / path, clip_audio(path))
    packed = records(pack(root, tmp_path / "cache"), "train")
    assert np.array_equal(packed["no/z\u00e9_nohash_0.wav"], read_wav(root / path))
