"""Files are whole or absent."""

import numpy as np
import pytest

from pld_tf.errors import PldError
from pld_tf.system.files import told_when_damaged, write_json, write_npz, write_text
from pld_tf.system.temporary import beside


def test_what_was_written_can_be_read(tmp_path):
    write_text(tmp_path / "a.txt", "größer")
    write_json(tmp_path / "a.json", {"a": [1, 2]})
    write_npz(tmp_path / "a.npz", x=np.arange(3), y=np.array("text"))
    assert (tmp_path / "a.txt").read_text("utf-8") == "größer"
    assert (tmp_path / "a.json").read_text("utf-8") == '{\n "a": [\n  1,\n  2\n ]\n}\n'
    with np.load(tmp_path / "a.npz", allow_pickle=False) as arrays:
        assert arrays["x"].tolist() == [0, 1, 2]
        assert str(arrays["y"]) == "text"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "a.npz", "a.txt"]


@pytest.mark.parametrize(
    "write",
    [write_text, write_json, lambda path, text: write_npz(path, text=np.array(text))],
    ids=["text", "json", "npz"],
)
def test_a_write_that_fails_leaves_the_old_file(tmp_path, write):
    path = tmp_path / "a"
    write(path, "old")
    before = path.read_bytes()
    beside(path, "tmp").mkdir()  # in the way of the temporary file
    with pytest.raises(IsADirectoryError) as refused:
        write(path, "new")
    assert refused.value.filename == str(path)
    assert path.read_bytes() == before


def test_a_file_that_may_not_be_read_is_not_called_damaged(tmp_path):
    """Nobody shall remove a folder of work for want of a permission."""
    with pytest.raises(PermissionError), told_when_damaged(tmp_path):
        raise PermissionError(13, "Permission denied", "weights.npz")
    with pytest.raises(PldError, match="is damaged"), told_when_damaged(tmp_path):
        raise FileNotFoundError(2, "No such file or directory", "weights.npz")
