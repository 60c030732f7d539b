import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from listed_corpus import make

from pld_tf.data.corpus.corpus import find_corpus
from pld_tf.data.corpus.scan import AUDIO_SUFFIXES
from pld_tf.data.corpus.split import speaker_split
from pld_tf.errors import PldError


def splits(root: Path) -> dict[str, str]:
    return {clip.path: clip.split for clip in find_corpus(root).clips}


def test_clips_are_sorted_and_know_their_word_and_speaker(tmp_path):
    make(tmp_path, "yes/004ae714_nohash_1.wav", "no/7a49163e_nohash_0.WAV")
    no, yes = find_corpus(tmp_path).clips
    assert (no.path, no.word, no.speaker, no.split) == (
        "no/7a49163e_nohash_0.WAV",
        "no",
        "7a49163e",
        "validation",
    )
    assert (yes.path, yes.speaker, yes.split) == ("yes/004ae714_nohash_1.wav", "004ae714", "train")


def test_folders_with_underscore_or_dot_are_no_words_but_noise_is_noise(tmp_path):
    make(
        tmp_path,
        "yes/a_nohash_0.wav",
        "_unused/a_nohash_0.wav",
        ".git/a_nohash_0.wav",
        "_background_noise_/tap.wav",
        "_background_noise_/README.md",
        "yes/._a_nohash_0.wav",
        "yes/notes.txt",
    )
    corpus = find_corpus(tmp_path)
    assert [clip.path for clip in corpus.clips] == ["yes/a_nohash_0.wav"]
    assert corpus.noise == ("_background_noise_/tap.wav",)
    assert corpus.notes == ()


def test_lists_decide_whatever_the_suffix_and_whatever_the_hash(tmp_path):
    make(
        tmp_path,
        "yes/a_nohash_0.flac",
        "yes/b_nohash_0.mp3",
        "yes/c_nohash_0.ogg",
        validation_list=["yes/a_nohash_0.wav"],
        testing_list=["yes/b_nohash_0.wav", ""],
    )
    assert splits(tmp_path) == {
        "yes/a_nohash_0.flac": "validation",
        "yes/b_nohash_0.mp3": "test",
        "yes/c_nohash_0.ogg": "train",
    }


def test_a_speaker_in_two_splits_is_refused_with_both_clips(tmp_path):
    make(
        tmp_path,
        "no/ann_nohash_0.wav",
        "yes/ann_nohash_0.wav",
        validation_list=["no/ann_nohash_0.wav"],
        testing_list=["yes/ann_nohash_0.wav"],
    )
    with pytest.raises(
        PldError, match=r"speaker ann in two: no/ann_nohash_0\.wav is for validation, yes/ann"
    ):
        find_corpus(tmp_path)


def test_a_speaker_on_a_list_and_off_it_is_refused(tmp_path):
    make(
        tmp_path,
        "no/ann_nohash_0.wav",
        "yes/ann_nohash_0.wav",
        validation_list=[],
        testing_list=["yes/ann_nohash_0.wav"],
    )
    with pytest.raises(PldError, match=r"is for train, yes/ann_nohash_0\.wav for test"):
        find_corpus(tmp_path)


def test_a_clip_on_both_lists_is_refused(tmp_path):
    make(tmp_path, "no/a.wav", validation_list=["no/a.wav"], testing_list=["no/a.wav"])
    with pytest.raises(PldError, match="no/a is on both"):
        find_corpus(tmp_path)


def test_lists_that_are_missing_or_name_absent_clips_are_noted(tmp_path):
    make(tmp_path, "no/a_nohash_0.wav", testing_list=["no/b_nohash_0.wav", "no/c_nohash_0.wav"])
    assert find_corpus(tmp_path).notes == (
        "validation_list.txt is missing, the other list is there: no clip is for validation.",
        "testing_list.txt names 2 clip(s) that are not here, as no/b_nohash_0.",
    )


def test_names_without_a_speaker_are_noted_and_split_by_word_and_name(tmp_path):
    make(tmp_path, *(f"{word}/{n}.wav" for word in ("yes", "no") for n in range(300)))
    corpus = find_corpus(tmp_path)
    assert len(corpus.notes) == 1
    assert corpus.notes[0].startswith("600 of 600 clips have no speaker in their names")
    found = {clip.path: clip.split for clip in corpus.clips}
    assert Counter(found.values())["train"] == pytest.approx(480, abs=30)
    assert [found[f"yes/{n}.wav"] for n in range(300)] != [found[f"no/{n}.wav"] for n in range(300)]


def test_an_empty_word_folder_is_noted(tmp_path):
    make(tmp_path, "yes/a_nohash_0.wav")
    (tmp_path / "maybe").mkdir()
    assert find_corpus(tmp_path).notes == ("1 word folder(s) without audio are left out: maybe.",)


@pytest.mark.parametrize(
    ("paths", "found"),
    [
        ([], "found nothing"),
        (["a.wav", "b.flac"], "found 2 audio files outside any word folder"),
        (["yes/a.txt"], "found yes"),
        (["yes/a.m4a", "yes/b.m4a"], r"found yes\. 2 files are not read: 2 \.m4a\."),
        (["_background_noise_/a.wav"], "found _background_noise_"),
    ],
)
def test_a_folder_without_words_is_refused_with_the_layout_and_what_is_there(
    tmp_path, paths, found
):
    make(tmp_path, *paths)
    with pytest.raises(PldError, match=rf"expected recorded words as <word>/<speaker>.*{found}"):
        find_corpus(tmp_path)


def test_a_missing_folder_and_a_file_are_refused(tmp_path):
    with pytest.raises(PldError, match="found nothing"):
        find_corpus(tmp_path / "absent")
    make(tmp_path, "file")
    with pytest.raises(PldError, match="found a file"):
        find_corpus(tmp_path / "file")


def test_a_list_that_is_no_text_is_refused(tmp_path):
    make(tmp_path, "yes/a_nohash_0.wav")
    (tmp_path / "testing_list.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(PldError, match="expected one clip per line in UTF-8"):
        find_corpus(tmp_path)


def test_a_name_that_no_index_can_store_is_refused(tmp_path):
    (tmp_path / "yes").mkdir()
    try:
        (Path(os.fsdecode(b"%s/yes/\xff.wav" % os.fsencode(tmp_path)))).write_bytes(b"x")
    except OSError:
        pytest.skip("this file system stores UTF-8 names only")
    with pytest.raises(PldError, match="expected file names in UTF-8"):
        find_corpus(tmp_path)


def test_a_folder_linked_to_itself_ends(tmp_path):
    make(tmp_path, "yes/a_nohash_0.wav")
    (tmp_path / "yes" / "again").symlink_to(tmp_path)
    (tmp_path / "no").symlink_to(tmp_path / "yes")
    (tmp_path / "yes" / "gone.wav").symlink_to(tmp_path / "absent")
    links = {"yes/gone.wav", "no/gone.wav"}  # reading them will fail
    assert set(splits(tmp_path)) == {"yes/a_nohash_0.wav", "no/a_nohash_0.wav", *links}


def test_what_is_not_read_is_counted_by_suffix(tmp_path):
    make(tmp_path, "yes/a_nohash_0.wav", "yes/a.m4a", "no/b.M4A", "no/b.wav ", "no/b", "no/._c.m4a")
    make(tmp_path, "no/d_nohash_0.wave", "_background_noise_/e.aac", "_background_noise_/README.md")
    (tmp_path / "no" / "deeper").mkdir()
    (note,) = find_corpus(tmp_path).notes
    assert note.startswith("6 files are not read: 2 .m4a, 1 ")
    for count in ("1 .aac", "1 '.wav '", "1 folder", "1 without a suffix"):
        assert count in note.split(". Recordings are ")[0]


@pytest.mark.parametrize("suffix", AUDIO_SUFFIXES)
def test_files_of_every_suffix_are_found(tmp_path, suffix):
    make(tmp_path, f"yes/a_nohash_0{suffix}")
    assert list(splits(tmp_path)) == [f"yes/a_nohash_0{suffix}"]


def test_a_folder_that_is_a_link_to_nothing_is_noted(tmp_path):
    make(tmp_path, "yes/a_nohash_0.wav")
    (tmp_path / "no").symlink_to(tmp_path / "absent")
    assert find_corpus(tmp_path).notes == ("no is a link to nothing and is left out.",)


def test_a_folder_that_cannot_be_opened_is_refused(tmp_path, monkeypatch):
    make(tmp_path, "yes/a_nohash_0.wav")

    def forbidden(folder: Path):
        raise PermissionError(13, "Permission denied", str(folder))

    monkeypatch.setattr("pld_tf.data.corpus.scan.os.scandir", forbidden)
    with pytest.raises(PldError, match=r"can't be opened \(Permission denied\)"):
        find_corpus(tmp_path)


def test_the_fingerprint_changes_with_every_file_and_list_and_with_nothing_else(tmp_path):
    make(tmp_path, "yes/a_nohash_0.wav", "_background_noise_/n.wav")
    seen = [find_corpus(tmp_path).fingerprint]
    assert find_corpus(tmp_path).fingerprint == seen[0]
    (tmp_path / "yes" / "unrelated.txt").write_text("x")
    assert find_corpus(tmp_path).fingerprint == seen[0]
    clip = tmp_path / "yes" / "a_nohash_0.wav"
    for change in (
        lambda: clip.write_bytes(b"longer"),
        lambda: os.utime(clip, ns=(0, 123)),
        lambda: clip.rename(tmp_path / "yes" / "b_nohash_0.wav"),
        lambda: os.utime(tmp_path / "_background_noise_" / "n.wav", ns=(0, 123)),
        lambda: make(tmp_path, testing_list=[]),
        lambda: make(tmp_path, testing_list=["yes/c.wav"]),
    ):
        change()
        seen.append(find_corpus(tmp_path).fingerprint)
    assert len(set(seen)) == len(seen)


@given(st.text(min_size=1))
def test_a_speaker_hash_gives_one_of_three_splits(name):
    assert speaker_split(name) in {"train", "validation", "test"}


def test_hashed_speakers_come_near_the_official_shares():
    counts = Counter(speaker_split(f"{n:08x}") for n in range(20_000))
    assert counts["validation"] == pytest.approx(2000, abs=150)
    assert counts["test"] == pytest.approx(2000, abs=150)


def test_the_speaker_hash_agrees_with_the_official_lists(shared):
    corpus = find_corpus(shared / "data" / "speech_commands_8kw")
    assert len(corpus.clips) == 13_142
    assert [clip for clip in corpus.clips if speaker_split(clip.speaker or "") != clip.split] == []
    assert corpus.notes == ()
    assert len(corpus.noise) == 6
