"""Temporary files have short names, and errors do not speak of them."""

import errno
import os
import tempfile
from pathlib import Path

import pytest

from pld_tf.system import temporary
from pld_tf.system.files import outside_working_folder
from pld_tf.system.temporary import beside, errors_name, temporary_folder, whole_file
from pld_tf.system.whole_folder import whole_folder

LONGEST = "ü" * 127  # 254 bytes


def full(path: object = None) -> OSError:
    return OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)


def test_a_name_as_long_as_may_be_can_be_written(tmp_path):
    with whole_file(tmp_path / LONGEST) as file:
        file.write_text("whole")
    with whole_folder(tmp_path / ("n" * 255), refuse=lambda out: None) as folder:
        (folder / "a").write_text("whole")
    assert {path.name for path in tmp_path.iterdir()} == {LONGEST, "n" * 255}


def test_two_names_have_two_temporary_names(tmp_path):
    assert beside(tmp_path / "a", "tmp") != beside(tmp_path / "b", "tmp")
    assert beside(tmp_path / "a", "tmp").parent == tmp_path


def test_a_link_stays_and_its_folder_is_replaced(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    (tmp_path / "dangling").symlink_to("new")
    for name in ("link", "dangling"):
        with whole_folder(tmp_path / name, refuse=lambda out: None) as folder:
            (folder / "a").write_text("whole")
        assert (tmp_path / name).is_symlink()
    assert {path.name for path in tmp_path.glob("*/a")} == {"a"}
    assert {path.name for path in tmp_path.iterdir()} == {"real", "link", "dangling", "new"}


def test_a_link_to_itself_is_told_before_anything_is_done(tmp_path):
    loop = tmp_path / "loop"
    loop.symlink_to("loop")
    with (
        pytest.raises(OSError, match="symbolic links") as refused,
        whole_folder(loop, refuse=lambda out: None),
    ):
        pytest.fail("went on")
    assert (refused.value.errno, refused.value.filename) == (errno.ELOOP, str(loop))
    assert outside_working_folder(loop) == loop


@pytest.mark.parametrize("named", [None, "inside", "itself", "elsewhere"])
def test_an_error_names_the_final_path(tmp_path, named):
    out = tmp_path / "out"
    expected = {None: out, "inside": out / "a", "itself": out, "elsewhere": tmp_path / "x"}
    with (
        pytest.raises(OSError, match="No space") as refused,
        whole_folder(out, refuse=lambda out: None) as stage,
    ):
        names = {None: None, "inside": stage / "a", "itself": stage, "elsewhere": tmp_path / "x"}
        raise full(names[named] and str(names[named]))
    assert refused.value.filename == str(expected[named])


def test_a_file_whose_disk_fills_up_leaves_nothing_and_is_named(tmp_path):
    path = tmp_path / "a"
    with pytest.raises(OSError, match="No space") as refused, whole_file(path) as file:
        file.write_text("half")
        raise full()
    assert refused.value.filename == str(path)
    assert list(tmp_path.iterdir()) == []


def test_the_second_path_of_a_rename_is_left_out_if_it_is_the_first(tmp_path):
    with (
        pytest.raises(OSError, match="No space") as refused,
        errors_name(tmp_path / "a", temporary=tmp_path / "t"),
    ):
        raise OSError(errno.ENOSPC, "No space", f"{tmp_path}/t", None, f"{tmp_path}/a")
    assert (refused.value.filename, refused.value.filename2) == (f"{tmp_path}/a", None)


def test_a_full_temporary_folder_is_blamed_itself_and_removed(tmp_path):
    """Not the folder that was to be written in the end."""
    with (
        pytest.raises(OSError, match="No space") as refused,
        whole_folder(tmp_path / "out", refuse=lambda out: None),
        temporary_folder() as folder,
    ):
        raise full()
    assert refused.value.filename == str(folder)
    assert not folder.exists()


def test_no_place_for_temporary_folders_is_told_with_what_to_do(monkeypatch):
    def none() -> str:
        raise FileNotFoundError(errno.ENOENT, "No usable temporary directory found in ['/tmp']")

    monkeypatch.setattr(tempfile, "gettempdir", none)
    with (
        pytest.raises(FileNotFoundError, match=r"in \['/tmp'\]\. Make room .* TMPDIR$"),
        temporary_folder(),
    ):
        pass


def test_temporary_folders_lie_where_tmpdir_says(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with temporary.temporary_folder() as folder:
        assert folder.parent == Path(tmp_path)
