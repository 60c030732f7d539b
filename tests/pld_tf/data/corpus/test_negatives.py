from collections import defaultdict

import tiny_corpus
from tiny_negatives import SECONDS, write_corpus

from pld_tf.data.corpus.corpus import list_corpus
from pld_tf.data.corpus.negatives import folder_of, voice_of


def test_negatives_are_found_at_any_depth_and_are_no_word(tmp_path):
    corpus = list_corpus(write_corpus(tmp_path))
    assert [one.path for one in corpus.negatives] == sorted(f"_negatives_/{n}" for n in SECONDS)
    assert {clip.word for clip in corpus.clips} == {"bird", "no", "tree", "yes"}
    assert not any("_negatives_" in note for note in corpus.notes)
    assert {one.folder for one in corpus.negatives} == {"talk", "town"}
    assert {one.folder for one in corpus.negatives if one.is_noise} == {"town"}


def test_each_split_has_recordings_of_each_folder_and_no_voice_is_in_two(tmp_path):
    splits, voices = defaultdict(set), defaultdict(set)
    for one in list_corpus(write_corpus(tmp_path)).negatives:
        splits[one.folder].add(one.split)
        voices[voice_of(one.path)].add(one.split)
    assert all(found == {"train", "validation", "test"} for found in splits.values())
    assert all(len(found) == 1 for found in voices.values())
    assert len(voices) == 6 + 4


def test_lists_of_the_corpus_decide_if_they_name_negatives(tmp_path):
    write_corpus(tmp_path)
    with (tmp_path / "testing_list.txt").open("a") as lines:
        lines.write("\n_negatives_/talk/100-10-0.wav\n")
    splits = {one.path: one.split for one in list_corpus(tmp_path).negatives}
    assert splits.pop("_negatives_/talk/100-10-0.wav") == "test"
    assert set(splits.values()) == {"train"}


def test_a_linked_folder_is_read(tmp_path):
    elsewhere = tmp_path / "elsewhere"
    tiny_corpus.write_wav(elsewhere / "deep" / "a.wav", tiny_corpus.background())
    root = tiny_corpus.write_corpus(tmp_path / "corpus")
    (root / "_negatives_").mkdir()
    (root / "_negatives_" / "radio").symlink_to(elsewhere)
    (one,) = list_corpus(root).negatives
    assert (one.path, one.folder) == ("_negatives_/radio/deep/a.wav", "radio")


def test_negatives_change_no_key_of_the_words(tmp_path):
    plain = list_corpus(tiny_corpus.write_corpus(tmp_path / "plain"))
    root = write_corpus(tmp_path / "more")
    for name in ("validation_list.txt", "testing_list.txt"):
        assert (root / name).read_bytes() == (plain.root / name).read_bytes()
    more = list_corpus(root)
    assert [clip.split for clip in more.clips] == [clip.split for clip in plain.clips]


def test_known_layouts_tell_voices_and_places():
    for path, voice in {
        "_negatives_/libri/dev/84/121123/84-121123-0000.flac": "84",
        "_negatives_/vctk/p225/p225_001_mic1.flac": "p225",
        "_negatives_/dipco/S01_U01.CH1.wav": "S01",
        "_negatives_/demand/DKITCHEN/ch16.wav": "_negatives_/demand/DKITCHEN/",
        "_negatives_/own/anna_nohash_3.wav": "anna",
        "_negatives_/musan/music/fma/music-fma-0001.wav": (
            "_negatives_/musan/music/fma/music-fma-0001"
        ),
    }.items():
        assert voice_of(path) == voice
    assert folder_of("_negatives_/libri/dev/84/121123/84-121123-0000.flac") == "libri"
