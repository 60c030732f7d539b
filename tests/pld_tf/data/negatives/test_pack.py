from dataclasses import replace

import numpy as np
import pytest
from tiny_corpus import RATE, write_wav
from tiny_negatives import SECONDS, sound, write_corpus

from pld_tf.data.corpus.corpus import list_corpus
from pld_tf.data.negatives import pack as pack_module
from pld_tf.data.negatives.pack import open_negatives
from pld_tf.data.negatives.recordings import recordings
from pld_tf.data.store.clip import read_clip
from pld_tf.errors import PldError


def packed(root):
    return open_negatives(list_corpus(root), sample_rate_hz=RATE, progress=lambda done, total: None)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write_corpus(tmp_path_factory.mktemp("negatives"))


def test_every_recording_can_be_read_again_in_its_split(root):
    negatives, corpus = packed(root), list_corpus(root)
    for split in negatives.splits:
        expected = sorted(
            (one.folder, sound(name, SECONDS[name]).tolist())
            for one in corpus.negatives
            if one.split == split
            for name in [one.path.removeprefix("_negatives_/")]
        )
        again = sorted(
            (folder, samples.tolist()) for folder, samples in recordings(negatives, split)
        )
        assert again == expected


def test_pieces_know_their_folder_and_whether_they_are_pauses(root):
    negatives = packed(root)
    assert negatives.words == ("talk/sound", "talk/pause", "town/sound", "town/pause")
    index = negatives.splits["train"]
    for piece, path in enumerate(index.paths.tolist()):
        name, _, start_ms = path.decode().partition("#")
        folder = name.split("/")[1]
        is_pause = folder == "town" or start_ms == "2000"
        assert negatives.words[index.words[piece]] == f"{folder}/{'pause' if is_pause else 'sound'}"


def test_speech_to_lie_under_words_is_sound_of_the_split(root):
    negatives = packed(root)
    index = negatives.splits["test"]
    known = np.concatenate(
        [read_clip(index, piece, RATE) for piece in np.flatnonzero(index.words == 0)]
    )
    noise = negatives.noise("test")
    assert len(noise) >= 2 * RATE
    assert np.isin(noise, known).all()


def test_packing_that_was_stopped_goes_on_to_the_same_store(root, monkeypatch, tmp_path):
    monkeypatch.setattr(pack_module, "_SHARD_PIECES", 6)
    whole = packed(root)
    monkeypatch.setenv("PLD_TF_CACHE", str(tmp_path))
    write, written = pack_module.write_npz, []

    def stop_in_third_shard(path, **arrays):
        if len(written) == 2:
            raise KeyboardInterrupt
        written.append(path)
        write(path, **arrays)

    with monkeypatch.context() as stopped, pytest.raises(KeyboardInterrupt):
        stopped.setattr(pack_module, "write_npz", stop_in_third_shard)
        packed(root)
    again = packed(root)
    assert again.key == whole.key
    for split, index in whole.splits.items():
        np.testing.assert_array_equal(again.splits[split].paths, index.paths)
        assert [shard.read_bytes() for shard in again.splits[split].shards] == [
            shard.read_bytes() for shard in index.shards
        ]


def test_an_unreadable_recording_is_left_out_with_a_note(tmp_path):
    root = write_corpus(tmp_path)
    (root / "_negatives_" / "talk" / "broken.wav").write_bytes(b"no sound")
    negatives = packed(root)
    (note,) = (note for note in negatives.notes if "left out" in note)
    assert "1 recordings of _negatives_ are left out, as _negatives_/talk/broken.wav" in note


def test_more_hours_than_needed_are_not_packed(root, monkeypatch, tmp_path):
    monkeypatch.setenv("PLD_TF_CACHE", str(tmp_path))
    monkeypatch.setitem(pack_module.MOST_HOURS, "train", 6 / 3600)
    monkeypatch.setattr(pack_module, "_SHARD_PIECES", 4)
    negatives = packed(root)
    assert 12 <= len(negatives.splits["train"]) <= 16
    assert any("for train are not used" in note for note in negatives.notes)


def test_a_corpus_without_negatives_has_none(corpus_root):
    assert packed(corpus_root) is None


def test_the_key_of_a_training_is_that_of_the_words_and_of_the_negatives(root, store):
    with_negatives = replace(store, negatives=packed(root))
    assert store.training_key == store.key
    assert with_negatives.training_key not in (store.key, with_negatives.negatives.key)


def test_damaged_negatives_are_one_line(root, monkeypatch, tmp_path):
    monkeypatch.setenv("PLD_TF_CACHE", str(tmp_path))
    folder = packed(root).folder
    (folder / "index.npz").write_bytes(b"gone")
    with pytest.raises(PldError, match=r"is damaged: index\.npz"):
        packed(root)


def test_a_long_recording_is_read_in_parts(tmp_path, monkeypatch):
    from pld_tf.data.audio import long_recording

    samples = sound("long", 7.0)
    write_wav(tmp_path / "long.wav", samples)
    monkeypatch.setattr(long_recording, "MAX_FILE_BYTES", 1000)
    monkeypatch.setattr(long_recording, "PART_SECONDS", 3)
    parts = list(long_recording.read_parts(tmp_path / "long.wav", sample_rate_hz=RATE))
    assert [len(part) for part in parts] == [3 * RATE, 3 * RATE, RATE]
    np.testing.assert_array_equal(np.concatenate(parts), samples)
