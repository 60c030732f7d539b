"""Folders that appear whole or not at all."""

import json

import pytest

from export.errors import ExportError
from export.files import inventory, new_folder

MANIFEST = {"format": 1, "kind": "int8", "files": {}}


def test_the_folder_appears_when_the_body_succeeds(tmp_path):
    with new_folder(tmp_path / "deep" / "out") as stage:
        (stage / "a").write_text("new")
        assert not (tmp_path / "deep" / "out").exists()
    assert (tmp_path / "deep" / "out" / "a").read_text() == "new"
    assert [path.name for path in (tmp_path / "deep").iterdir()] == ["out"]


def test_an_older_firmware_bundle_is_replaced_with_all_its_files(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "manifest.json").write_text(json.dumps(MANIFEST))
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


def test_a_place_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with (
        pytest.raises(ExportError, match=r"cannot write --out .*file/out"),
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
