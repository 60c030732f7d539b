"""Text files as editors and spreadsheets of several systems write them."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pld_tf.errors import PldError
from pld_tf.system.people_csv import csv_rows, separator_of
from pld_tf.system.people_text import read_people_text

MARKED = ("utf-8-sig", "utf-16", "utf-32")  # Python writes a mark with these


@pytest.fixture(scope="module")
def path(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("text") / "list.txt"


def read(path: Path, content: bytes) -> str:
    path.write_bytes(content)
    return read_people_text(path, "the list", error=PldError, max_bytes=10_000)


@given(
    lines=st.lists(st.text(st.characters(exclude_characters="\r\n\0\ufeff", codec="utf-8"))),
    line_end=st.sampled_from(["\n", "\r\n", "\r"]),
    encoding=st.sampled_from(["utf-8", *MARKED]),
)
def test_the_same_lines_are_read_whatever_editor_wrote_them(path, lines, line_end, encoding):
    content = "".join(line + line_end for line in lines).encode(encoding)
    assert read(path, content) == "".join(line + "\n" for line in lines)


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"a\nb\r\nc\xe9\n", "line 3: expected UTF-8 text, got the byte 0xe9"),
        (b"a\rb\0\n", "line 2: expected UTF-8 text, got a NUL byte"),
        ("a\nb".encode("utf-16-le"), "line 1: expected UTF-8 text, got a NUL byte"),
        (b"\xff\xfea\0\n\0\0\xd8a\0", "line 2: expected UTF-8 text, got the byte 0x00"),
        (b"x" * 10_001, "must have at most 10,000 bytes"),
    ],
)
def test_what_is_no_text_is_one_line_with_path_and_line_number(path, content, found):
    with pytest.raises(PldError, match=found) as caught:
        read(path, content)
    assert str(caught.value).startswith(f"the list {path}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "reason"), [("absent", "No such file"), ("", "directory"), ("a\0b", "null")]
)
def test_what_can_not_be_opened_is_one_line(path, name, reason):
    with pytest.raises(PldError, match=f"can't be read: .*{reason}"):
        read_people_text(path.parent / name, "the list", error=PldError)


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_table_is_read_whatever_separates_its_cells(separator):
    text = f" Word {separator}n\n\n'a'{separator} 1 \n{separator}\n"
    assert separator_of(text, ["word"]) == separator
    assert list(csv_rows(text, separator, what="it")) == [(3, {"word": "'a'", "n": "1"})]


def test_a_first_line_without_the_columns_is_no_header():
    assert separator_of("yes/a.wav\n", ["path"]) is None
    assert separator_of("x" * 200_000, ["path"]) is None


def test_a_row_with_more_cells_than_the_header_is_refused():
    with pytest.raises(PldError, match="it, line 2: expected 1 cells as in the first line, got 2"):
        list(csv_rows("path\na, b.wav\n", ",", what="it"))
