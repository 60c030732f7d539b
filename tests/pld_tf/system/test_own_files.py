"""Only what pld-tf wrote, and nobody changed since, is replaced."""

import pytest

from pld_tf.system.own_files import LIST_NAME, files_refusal, record_files


@pytest.fixture
def written(tmp_path):
    path = tmp_path / "report.json"
    path.write_text("ours")
    record_files([path])
    return path


def test_a_file_that_was_written_may_be_replaced(written):
    assert files_refusal([written, written.with_name("absent")], option="--out") is None


def test_a_file_that_was_written_and_edited_is_refused_by_name(written):
    written.write_text("ours, and my notes")
    refusal = files_refusal([written], option="--out")
    assert refusal == (
        f"{written} exists, and pld-tf did not write it, or it was changed since; nothing was "
        "written. Rename or remove it, or give another --out."
    )


@pytest.mark.parametrize("make", ["file", "folder", "link to nothing"])
def test_whatever_else_is_at_the_path_is_refused(written, make):
    path = written.with_name("mine")
    if make == "file":
        path.write_text("ours")  # the same bytes under another name are not ours
    elif make == "folder":
        path.mkdir()
    else:
        path.symlink_to("nowhere")
    assert f"{path} exists" in str(files_refusal([path], option="--out"))


def test_several_files_are_named_together(tmp_path):
    paths = [tmp_path / "a.wav", tmp_path / "a.csv"]
    for path in paths:
        path.write_text("mine")
    assert str(files_refusal(paths, option="OUT.wav")).startswith(
        f"{paths[0]} and {paths[1]} exist,"
    )


def test_a_copied_folder_keeps_its_list(written, tmp_path):
    moved = tmp_path.rename(tmp_path.with_name("moved")) / written.name
    assert files_refusal([moved], option="--out") is None
    moved.parent.rename(tmp_path)


def test_the_list_is_that_of_sha256sum_and_forgets_what_is_gone(written):
    other = written.with_name("other.md")
    other.write_text("x")
    record_files([other])
    written.unlink()
    record_files([other])
    digest = "2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881"  # of "x"
    assert (written.parent / LIST_NAME).read_text() == f"{digest}  other.md\n"


@pytest.mark.parametrize("content", [b"", b"\xff\xfe", b"nonsense\n" * 10, b"a" * 2**21])
def test_with_a_damaged_list_every_file_is_the_users(written, content):
    (written.parent / LIST_NAME).write_bytes(content)
    assert files_refusal([written], option="--out") is not None
