"""Lists of clips for validation and test, as people and systems write them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from listed_corpus import make

from pld_tf.data.corpus.corpus import find_corpus, list_corpus
from pld_tf.data.corpus.written_names import WrittenNames
from pld_tf.errors import PldError

CLIPS = ("no/ann_nohash_0.wav", "yes/ben_nohash_0.wav", "yes/caf\u00e9_nohash_0.wav")


@pytest.fixture
def root(tmp_path) -> Path:
    return make(tmp_path / "speech", *CLIPS, validation_list=[])


def in_test(root: Path, *lines: str, content: bytes | None = None) -> set[str]:
    """The clips that a testing_list.txt of these lines puts into the test."""
    whole = "".join(f"{line}\n" for line in lines).encode()
    (root / "testing_list.txt").write_bytes(whole if content is None else content)
    return {clip.path for clip in find_corpus(root).clips if clip.split == "test"}


@pytest.mark.parametrize(
    "line",
    [
        "yes/ben_nohash_0.wav",
        "  yes/ben_nohash_0.wav\t",
        "./yes/ben_nohash_0.wav",
        "yes\\ben_nohash_0.wav",
        ".\\yes\\ben_nohash_0.wav",
        "yes//ben_nohash_0.wav",
        "{root}/yes/ben_nohash_0.wav",
        "C:\\speech\\yes\\ben_nohash_0.wav",
        "../speech/yes/ben_nohash_0.wav",
        "/elsewhere/speech/yes/ben_nohash_0.wav",
        '"yes/ben_nohash_0.wav"',
        "Yes/Ben_nohash_0.WAV",
        "yes/ben_nohash_0",
        "yes/ben_nohash_0.flac",
    ],
)
def test_a_line_means_its_clip_however_it_is_written(root, line):
    assert in_test(root, line.replace("{root}", str(root))) == {"yes/ben_nohash_0.wav"}


@pytest.mark.parametrize("name", ["caf\u00e9", "cafe\u0301"])
def test_an_accent_may_be_composed_or_not(root, name):
    assert in_test(root, f"yes/{name}_nohash_0.wav") == {CLIPS[2]}


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
@pytest.mark.parametrize("line_end", ["\r\n", "\r"])
def test_the_first_line_of_any_editor_counts(root, encoding, line_end):
    content = "".join(path + line_end for path in CLIPS[:2]).encode(encoding)
    assert in_test(root, content=content) == set(CLIPS[:2])


def test_a_comment_is_no_clip_unless_a_clip_is_named_so(root):
    make(root, "#1/dan_nohash_0.wav")
    lines = ("# of Monday", "#1/dan_nohash_0.wav", "", "no/ann_nohash_0.wav")
    assert in_test(root, *lines) == {"#1/dan_nohash_0.wav", "no/ann_nohash_0.wav"}
    assert find_corpus(root).notes == ()


def test_what_is_read_otherwise_than_it_is_written_is_noted(root):
    in_test(root, "no/ann_nohash_0.wav", "yes\\ben_nohash_0.wav")
    (note,) = find_corpus(root).notes
    assert note == (
        "1 lines of testing_list.txt are read as <word>/<file>, as line 2: "
        r"'yes\\ben_nohash_0.wav'."
    )


def test_capitals_that_leave_two_clips_name_none(root):
    make(root, "yes/Ben_nohash_0.wav")
    in_test(root, "no/ann_nohash_0.wav", "yes/BEN_nohash_0.wav")
    (note,) = find_corpus(root).notes
    assert "1 of 2 lines of testing_list.txt name no clip here, as line 2" in note


@pytest.mark.parametrize("line", ["no/zoe_nohash_0.wav", "ann_nohash_0.wav", "no", "no/ann,1"])
def test_a_list_of_another_corpus_is_refused_with_count_and_example(root, line):
    with pytest.raises(PldError, match="None of its 2 lines names one, as line 1") as caught:
        in_test(root, line, line)
    assert repr(line) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_the_doctor_lists_such_a_corpus_and_notes_the_list(root):
    (root / "testing_list.txt").write_text("no/zoe_nohash_0.wav\n")
    (note,) = list_corpus(root).notes
    assert note.startswith("1 of 1 lines of testing_list.txt name no clip here")


def test_missing_lists_and_absent_clips_are_noted(tmp_path):
    lines = ["no/a_nohash_0.wav", "no/b_nohash_0.wav", "no/c_nohash_0.wav"]
    make(tmp_path, "no/a_nohash_0.wav", testing_list=lines)
    assert find_corpus(tmp_path).notes == (
        "validation_list.txt is missing, the other list is there: no clip is for validation.",
        "2 of 3 lines of testing_list.txt name no clip here, as line 2: 'no/b_nohash_0.wav'.",
    )


@pytest.mark.parametrize(
    ("content", "found"),
    [(b"yes/a\nb\xe9\n", "line 2: expected UTF-8"), (b"a\0\n", "line 1: .* a NUL byte")],
)
def test_a_list_that_is_no_text_is_refused(root, content, found):
    with pytest.raises(PldError, match=rf"the list .*testing_list\.txt, {found}"):
        in_test(root, content=content)


def test_a_list_that_is_a_link_to_nothing_is_not_a_missing_list(root):
    (root / "testing_list.txt").symlink_to(root / "absent")
    with pytest.raises(PldError, match=r"testing_list\.txt can't be read: No such file"):
        find_corpus(root)


def test_nameless_clips_are_not_told_to_be_split_by_themselves_where_lists_split(tmp_path):
    make(tmp_path, "no/1.wav", "no/2.wav", testing_list=["no/1.wav"], validation_list=["no/2.wav"])
    assert find_corpus(tmp_path).notes == ()


@pytest.mark.parametrize(
    "name", ["test_list.txt", "Testing_list.txt", "val.csv", "testing_list.txt.txt"]
)
def test_a_list_by_another_name_is_told(tmp_path, name):
    make(tmp_path, "no/a_nohash_0.wav", name)
    assert find_corpus(tmp_path).notes == (
        f"{name}: not read. The lists of clips are named validation_list.txt and testing_list.txt.",
    )


@pytest.mark.parametrize(
    ("lists", "split", "cause"),
    [
        ({"testing_list": []}, "validation", "validation_list.txt is missing, and the other"),
        ({"testing_list": []}, "test", "testing_list.txt is empty, or its clips are excluded."),
        ({"testing_list": ["no/b", "no/c"]}, "test", "2 of 2 lines of testing_list.txt name no"),
        ({"testing_list": ["no/a_nohash_0.wav"]}, "train", "name every clip."),
        ({}, "test", ""),
    ],
)
def test_the_lists_say_why_a_split_is_empty(tmp_path, lists, split, cause):
    make(tmp_path, "no/a_nohash_0.wav", **lists)
    said = list_corpus(tmp_path).lists.empty_because(split)
    assert cause in said
    assert bool(cause) == bool(said)


@given(st.lists(st.from_regex(r"[a-c]/[A-Ca-c.]{1,3}\.(wav|mp3)", fullmatch=True), unique=True))
def test_every_clip_is_found_by_its_own_name(paths):
    names = WrittenNames(paths)
    assert [names.find(path) for path in paths] == paths
    assert [names.find(path.replace("/", "\\")) for path in paths] == paths
