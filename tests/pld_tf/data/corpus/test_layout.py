"""What a corpus that lies otherwise is told, and what folders with a meaning are taken as."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from listed_corpus import make

from pld_tf.data.corpus.corpus import find_corpus
from pld_tf.data.corpus.folders import role_of
from pld_tf.errors import PldError

M4A = "2 files are not read: 2 .m4a (as yes/a.m4a). Recordings are .wav"


@pytest.mark.parametrize(
    ("paths", "told"),
    [
        ([], "found nothing."),
        (["yes/a.txt"], "found yes."),
        (["a.wav", "b.flac"], "2 recordings outside any word folder are not read, as a.wav. Put"),
        (["a.m4a"], "is the word, give the folder above it."),
        (["a.m4a"], "1 recordings outside any word folder are not read, as a.m4a."),
        (["yes/a.m4a", "yes/b.M4A"], M4A),
        (["_background_noise_/a.wav"], "found _background_noise_."),
        (["yes/ann/1.wav", "no/ben/1.m4a"], "2 recordings lie one level too deep and are not read"),
        (["yes/ann/1.wav"], "as yes/ann/1.wav. Put each into the folder of its word, and name the"),
        (
            ["a/b/c/d/1.wav"],
            "lie 3 levels too deep and are not read, as a/b/c/d/1.wav",
        ),
        (["words/yes/1.wav", "words/no/1.wav"], "Or give {root}/words, if it holds the words."),
        (["train/yes/1.wav", "test/no/1.wav"], "test, train: split folders with 2 recordings"),
        (["Val/yes/1.wav"], "name the clips for validation and test in validation_list.txt"),
        (["train/yes/ann/1.wav"], "train: split folders with 1 recordings, which are not read"),
        (["speech.zip"], "found speech.zip. Unpack speech.zip, and give the folder that"),
        (["speech.tar.gz", "LICENSE"], "Unpack speech.tar.gz,"),
    ],
)
def test_a_folder_without_words_is_refused_with_what_it_is_and_what_to_do(tmp_path, paths, told):
    make(tmp_path, *paths)
    with pytest.raises(PldError, match="expected recorded words as <word>/<speaker>") as caught:
        find_corpus(tmp_path)
    assert told.replace("{root}", str(tmp_path)) in str(caught.value)


@pytest.mark.parametrize("paths", [("a.wav",), ("no/ann/1.wav",), ("test/yes/1.wav",)])
def test_recordings_that_lie_wrongly_beside_words_are_told_too(tmp_path, paths):
    make(tmp_path, "yes/a_nohash_0.wav", *paths)
    assert any(f"as {paths[0]}." in note for note in find_corpus(tmp_path).notes)


def test_an_archive_in_place_of_a_folder_is_to_be_unpacked(tmp_path):
    make(tmp_path, "speech.zip")
    with pytest.raises(PldError, match=r"found an archive. Unpack speech\.zip, and give the"):
        find_corpus(tmp_path / "speech.zip")


def test_files_that_are_not_read_are_counted_by_suffix_and_named(tmp_path):
    make(tmp_path, "yes/a_nohash_0.wav", "yes/a.m4a", "no/b.M4A", "no/b.pdf ", "no/b", "no/._c.m4a")
    make(tmp_path, "no/d_nohash_0.wave", "_background_noise_/e.aac", "_background_noise_/README.md")
    make(tmp_path, "no/Thumbs.db", "no/.DS_Store")
    (tmp_path / "no" / "empty").mkdir()
    (note,) = find_corpus(tmp_path).notes
    assert note.startswith("5 files are not read: 2 .m4a (as no/b.M4A), 1 ")
    for count in ("1 .aac (as _b", "1 '.pdf ' (as", "1 without a suffix (as no/b)"):
        assert count in note


@given(st.sampled_from(["background noise", "background", "noise", "silence"]), st.data())
def test_noise_by_any_of_its_names_is_noise(name, data):
    folder = data.draw(st.sampled_from([name, name.upper(), name.replace(" ", "-"), f"_{name}_"]))
    assert role_of(folder) == "noise"


@pytest.mark.parametrize(
    ("folder", "told"),
    [
        ("_silence_", "_silence_ (1 recordings) is taken as background noise: `silence` is made"),
        ("silence", "Rename the folder if it is a spoken word."),
        ("_background_", "_background_ (1 recordings) is taken as background noise"),
    ],
)
def test_a_folder_of_silence_is_noise_and_said_so(tmp_path, folder, told):
    make(tmp_path, "yes/a_nohash_0.wav", f"{folder}/1.wav")
    corpus = find_corpus(tmp_path)
    assert corpus.noise == (f"{folder}/1.wav",)
    assert {clip.word for clip in corpus.clips} == {"yes"}
    (note,) = corpus.notes
    assert told in note


@pytest.mark.parametrize("folder", ["_unknown_", "unknown", "Unknown"])
def test_a_folder_of_unknown_words_is_a_word_and_said_so(tmp_path, folder):
    make(tmp_path, "yes/a_nohash_0.wav", f"{folder}/a_nohash_1.wav")
    corpus = find_corpus(tmp_path)
    assert {clip.word for clip in corpus.clips} == {"yes", folder}
    assert corpus.notes == (f"{folder} (1 recordings) is taken as one word that is no keyword.",)


def test_recordings_of_silence_are_in_the_split_of_their_list(tmp_path):
    make(
        tmp_path,
        "yes/a_nohash_0.wav",
        "_silence_/1.wav",
        "_silence_/2.wav",
        validation_list=[],
        testing_list=["_silence_/2.wav"],
    )
    expected = {"_silence_/1.wav": "train", "_silence_/2.wav": "test"}
    assert find_corpus(tmp_path).noise_splits == expected


def test_links_are_not_followed_into_the_deep(tmp_path):
    make(tmp_path, "yes/a_nohash_0.wav")
    (tmp_path / "yes" / "again").symlink_to(tmp_path)
    assert find_corpus(Path(tmp_path)).notes == ()
