"""Folders that appear whole or not at all."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from places import ROOT

from export.errors import ExportError
from export.system.files import inventory, new_folder, read_npz, write_npz
from export.system.temporary import beside

MANIFEST = {"format": 1, "kind": "int8", "files": {}}
OLD = {"sha256": hashlib.sha256(b"old").hexdigest(), "bytes": 3}


def test_the_folder_appears_when_the_body_succeeds(tmp_path):
    with new_folder(tmp_path / "deep" / "out") as stage:
        (stage / "a").write_text("new")
        assert not (tmp_path / "deep" / "out").exists()
    assert (tmp_path / "deep" / "out" / "a").read_text() == "new"
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["out"]


def test_an_older_firmware_bundle_is_replaced_with_all_its_files(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "manifest.json").write_text(json.dumps(MANIFEST | {"files": {"stale.c": OLD}}))
    (out / "stale.c").write_text("old")
    with new_folder(out) as stage:
        (stage / "a").write_text("new")
        assert (out / "stale.c").read_text() == "old"
    assert [path.name for path in out.iterdir()] == ["a"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_failing_body_leaves_the_older_bundle_and_nothing_else(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "manifest.json").write_text(json.dumps(MANIFEST))
    with pytest.raises(KeyError), new_folder(out) as stage:
        (stage / "half").write_text("x")
        raise KeyError
    assert [path.name for path in out.iterdir()] == ["manifest.json"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize("manifest", [None, "{}", "not json"])
def test_a_folder_of_something_else_is_refused_and_kept(manifest, tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    if manifest is not None:
        (tmp_path / "manifest.json").write_text(manifest)
    with (
        pytest.raises(ExportError, match="is not a firmware bundle; it stays"),
        new_folder(tmp_path),
    ):
        raise AssertionError
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize(
    ("name", "text"), [("main.c", "mine"), ("stale.c", "edited"), ("deep/notes.txt", "mine")]
)
def test_a_firmware_bundle_with_work_of_the_user_in_it_is_kept(name, text, tmp_path):
    manifest = MANIFEST | {"files": {"stale.c": OLD}}
    (tmp_path / "manifest.json").write_text(json.dumps(manifest))
    (tmp_path / "stale.c").write_text("old")
    (tmp_path / name).parent.mkdir(exist_ok=True)
    (tmp_path / name).write_text(text)
    with (
        pytest.raises(ExportError, match=rf"did not write, or .* changed since: {name}; it stays"),
        new_folder(tmp_path),
    ):
        raise AssertionError
    assert (tmp_path / name).read_text() == text


@pytest.fixture
def dead():
    """The number of a process that has ended."""
    child = subprocess.Popen([sys.executable, "-I", "-S", "-c", ""])
    child.wait()
    return child.pid


def firmware(folder: Path) -> Path:
    folder.mkdir()
    (folder / "manifest.json").write_text(json.dumps(MANIFEST))
    return folder


def test_leftovers_of_killed_exports_are_cleared(dead, tmp_path):
    firmware(tmp_path / "out")
    for pid in (dead, os.getpid()):  # in a container every process may have the same number
        beside(tmp_path / "out", f"{pid}.new").mkdir()
        (beside(tmp_path / "out", f"{pid}.new") / "half").write_text("x")
    firmware(beside(tmp_path / "out", f"{dead}.old"))
    with new_folder(tmp_path / "out") as stage:
        (stage / "a").write_text("new")
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_a_bundle_that_a_killed_export_had_moved_is_put_back(dead, tmp_path):
    firmware(beside(tmp_path / "out", f"{dead}.old"))
    with pytest.raises(KeyError), new_folder(tmp_path / "out"):
        raise KeyError
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert json.loads((tmp_path / "out" / "manifest.json").read_text()) == MANIFEST


def test_what_is_not_a_leftover_stays(dead, tmp_path):
    out = tmp_path / "out"
    others = [beside(out, ending) for ending in ("1.new", "x.old", "0.new")]
    others += [beside(tmp_path / "other", f"{dead}.new"), tmp_path / f"out.{dead}.old"]
    for other in others:
        other.mkdir()
    beside(tmp_path / "out", f"{dead}.old").write_text("a file")
    with new_folder(tmp_path / "out"):
        pass
    assert set(tmp_path.iterdir()) == {*others, out, beside(out, f"{dead}.old")}


def test_a_disk_that_fills_up_at_an_array_is_told_once(tmp_path):
    """In a process of its own: what NumPy leaves to the garbage collector goes to its stderr."""
    code = (
        "import resource, sys\n"
        "from pathlib import Path\n"
        "import numpy as np\n"
        "from export.system.files import new_folder, write_npz\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))\n"
        "try:\n"
        "    with new_folder(Path(sys.argv[1])) as stage:\n"
        "        write_npz(stage / 'a.npz', a=np.zeros(10_000))\n"
        "except OSError as error:\n"
        "    sys.exit(f'{error.filename}: {error.strerror}')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path / "out")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == f"{tmp_path / 'out'}: File too large\n"
    assert list(tmp_path.iterdir()) == []


def test_arrays_read_back_as_written(tmp_path):
    write_npz(tmp_path / "a.npz", a=np.arange(3, dtype=np.int16), b=np.zeros((0, 2)))
    read = read_npz(tmp_path / "a.npz")
    assert {name: (array.dtype.name, array.tolist()) for name, array in read.items()} == {
        "a": ("int16", [0, 1, 2]), "b": ("float64", []),
    }  # fmt: skip


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with (
        pytest.raises(NotADirectoryError, match=r"file/out'$"),
        new_folder(tmp_path / "file" / "out"),
    ):
        raise AssertionError


def test_inventory_names_files_below_the_folder_with_worked_hashes(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "empty").write_bytes(b"")
    (tmp_path / "a").write_bytes(b"abc")
    assert list(inventory(tmp_path).items()) == [
        ("a", {"sha256": "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
               "bytes": 3}),
        ("b/empty", {"sha256": "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                     "bytes": 0}),
    ]  # fmt: skip
