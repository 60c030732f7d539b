import os
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from listed_corpus import make

from pld_tf.data.corpus.corpus import find_corpus
from pld_tf.data.corpus.file_names import AUDIO_SUFFIXES
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
    assert corpus.notes == ("_unused: passed over. Folders whose names begin with _ are no words.",)


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
    with pytest.raises(PldError, match=r"no/a\.wav is on both"):
        find_corpus(tmp_path)


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


def test_a_missing_folder_and_a_file_are_refused(tmp_path):
    with pytest.raises(PldError, match="found nothing"):
        find_corpus(tmp_path / "absent")
    make(tmp_path, "file")
    with pytest.raises(PldError, match="found a file"):
        find_corpus(tmp_path / "file")


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


@pytest.mark.parametrize("suffix", [*AUDIO_SUFFIXES, ".wav ", ".FLAC"])
def test_files_of_every_suffix_are_found(tmp_path, suffix):
    make(tmp_path, f"yes/a_nohash_0{suffix}")
    (clip,) = find_corpus(tmp_path).clips
    assert clip.path == f"yes/a_nohash_0{suffix.strip()}"
    assert clip.on_disk == f"yes/a_nohash_0{suffix}"


def test_a_folder_that_is_a_link_to_nothing_is_noted(tmp_path):
    make(tmp_path, "yes/a_nohash_0.wav")
    (tmp_path / "no").symlink_to(tmp_path / "absent")
    assert find_corpus(tmp_path).notes == ("no is a link to nothing and is left out.",)


def test_names_decomposed_and_with_blanks_are_composed_words_that_are_read_from_the_disk(tmp_path):
    make(
        tmp_path,
        "cafe\u0301 /ze\u0301_nohash_0.wav",
        testing_list=["caf\u00e9/z\u00e9_nohash_0.wav"],
    )
    corpus = find_corpus(tmp_path)
    (clip,) = corpus.clips
    assert (clip.path, clip.word, clip.speaker, clip.split) == (
        "caf\u00e9/z\u00e9_nohash_0.wav",
        "caf\u00e9",
        "z\u00e9",
        "test",
    )
    assert corpus.file(clip).read_bytes() == b"x"
    assert corpus.notes[1:] == ()  # nothing but the missing list


@pytest.mark.parametrize(
    "paths",
    [
        ("cafe\u0301/a.wav", "caf\u00e9/b.wav"),
        ("yes/a.wav", "yes /b.wav"),
        ("yes/e\u0301.wav", "yes/\u00e9.wav"),
        ("yes/a.wav", "yes/a.wav "),
    ],
)
def test_names_that_look_the_same_are_refused(tmp_path, paths):
    make(tmp_path, *paths)
    with pytest.raises(PldError, match=r"are the same name, written in two ways") as caught:
        find_corpus(tmp_path)
    for name in sorted({path.split("/")[0] for path in paths} - {"yes"}):
        assert ascii(name) in str(caught.value)


def test_folders_that_differ_in_capitals_are_two_words_and_noted(tmp_path):
    make(tmp_path, "Yes/a_nohash_0.wav", "yes/b_nohash_0.wav")
    corpus = find_corpus(tmp_path)
    assert {clip.word for clip in corpus.clips} == {"Yes", "yes"}
    assert corpus.notes == ("Yes and yes differ in capitals only; they are two words.",)


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
        lambda: make(tmp_path, testing_list=["yes/b_nohash_0.wav"]),
    ):
        change()
        seen.append(find_corpus(tmp_path).fingerprint)
    assert len(set(seen)) == len(seen)


@pytest.mark.slow
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
