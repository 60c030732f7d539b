import errno
import sys
from pathlib import Path

import pytest

from export.system import whole_folder as module
from export.system.whole_folder import exchange, whole_folder

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="needs Linux' renameat2")


@LINUX
def test_two_folders_change_places(tmp_path):
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / name).write_text("")
    assert exchange(tmp_path / "one", tmp_path / "other")
    assert (tmp_path / "one" / "other").exists()
    assert (tmp_path / "other" / "one").exists()


@LINUX
def test_a_folder_that_is_missing_is_an_error(tmp_path):
    (tmp_path / "one").mkdir()
    with pytest.raises(FileNotFoundError):
        exchange(tmp_path / "one", tmp_path / "other")


@LINUX
@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOSYS])
def test_a_file_system_that_cannot_exchange_is_no_error(number, tmp_path, monkeypatch):
    monkeypatch.setattr(module.ctypes, "CDLL", lambda *given, **options: NoExchange(number))
    assert not exchange(tmp_path, tmp_path)


class NoExchange:
    """A C library whose renameat2 fails with a number."""

    def __init__(self, number: int) -> None:
        self._number = number

    def renameat2(self, *arguments) -> int:
        module.ctypes.set_errno(self._number)
        return -1


def test_other_systems_have_no_exchange(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert not exchange(tmp_path, tmp_path)


def old_folder(folder: Path) -> Path:
    folder.mkdir()
    (folder / "text").write_text("old")
    return folder


def anything(out: Path) -> None:
    """Whatever is there may be replaced."""


@pytest.mark.parametrize("can", [True, False])
def test_with_or_without_exchange_the_new_folder_takes_the_place_of_the_old(
    can, tmp_path, monkeypatch
):
    if not can:
        monkeypatch.setattr(module, "exchange", lambda one, other: False)
    out = old_folder(tmp_path / "out")
    with whole_folder(out, refuse=anything) as stage:
        (stage / "text").write_text("new")
    assert (out / "text").read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_without_exchange_a_second_step_that_fails_is_taken_back(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "exchange", lambda one, other: False)
    out = old_folder(tmp_path / "out")
    rename = Path.rename

    def fail_for_stage(self, target):
        if self.name.endswith(".new"):
            raise OSError(errno.EIO, "no")
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", fail_for_stage)
    with pytest.raises(OSError, match="no"), whole_folder(out, refuse=anything):
        pass
    assert (out / "text").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_what_came_to_the_place_meanwhile_is_not_replaced(tmp_path):
    def refuse(out: Path) -> None:
        if out.exists():
            raise KeyError

    with pytest.raises(KeyError), whole_folder(tmp_path / "out", refuse=refuse):
        old_folder(tmp_path / "out")
    assert (tmp_path / "out" / "text").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
