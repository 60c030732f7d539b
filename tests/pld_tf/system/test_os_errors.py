"""One line for each error of the operating system, with the path that is to blame."""

import errno
import os

import pytest

from pld_tf.system.os_errors import os_error_line
from pld_tf.system.temporary import PREFIX


def line(number: int, *paths: object) -> str:
    names = [None if path is None else str(path) for path in paths]
    name, other = [*names, None, None][:2]
    return os_error_line(OSError(number, os.strerror(number), name, None, other))


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.EACCES, "a/b: Permission denied. Allow it, or name another place."),
        (errno.EROFS, "a/b: Read-only file system. Name a place that can be written to."),
        (errno.ENOSPC, "a/b: No space left on device. Make room there."),
        (errno.ENAMETOOLONG, "a/b: File name too long. Name a shorter one."),
        (errno.EISDIR, "a/b: Is a directory."),
        (errno.ENOENT, "a/b: No such file or directory. There is no folder a."),
    ],
)
def test_the_line_has_the_path_the_reason_and_what_to_do(number, said):
    assert line(number, "a/b") == said


def test_a_file_that_is_missing_from_a_folder_is_not_blamed_on_the_folder(tmp_path):
    assert line(errno.ENOENT, tmp_path / "b") == f"{tmp_path}/b: No such file or directory."


def test_a_temporary_folder_may_lie_elsewhere():
    said = line(errno.ENOSPC, f"/t/{PREFIX}x/model.tflite")
    assert said.endswith(
        "No space left on device. Make room there, or name another folder in TMPDIR."
    )


def test_both_paths_of_a_rename_are_told():
    assert line(errno.EXDEV, "a", "b") == "a to b: Invalid cross-device link."


@pytest.mark.parametrize(
    ("error", "said"),
    [(OSError("cannot do it."), "cannot do it."), (TimeoutError(), "TimeoutError.")],
)
def test_an_error_without_a_number_is_told_too(error, said):
    assert os_error_line(error) == said


def test_a_name_that_is_no_text_is_told():
    assert line(errno.EACCES, os.fsdecode(b"\xff")).startswith("\udcff: Permission denied.")
