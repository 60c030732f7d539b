"""A packed corpus that is damaged, or of another format, is named with the way out."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from tiny_corpus import RATE
from tiny_store import pack, read_arrays, records, truncate, write_small_corpus

from pld_tf.data.store.packed import BLOCKS
from pld_tf.errors import PldError


@pytest.fixture
def root(tmp_path) -> Path:
    return write_small_corpus(tmp_path / "corpus")


@pytest.fixture
def packed(root, tmp_path) -> Path:
    return pack(root, tmp_path / "cache").folder


def assert_named_as_damaged(root: Path, folder: Path, name: str) -> None:
    with pytest.raises(PldError, match=rf"is damaged: {name}: .*Remove that folder") as caught:
        records(pack(root, folder.parent), "train")
    assert "\n" not in str(caught.value)
    assert str(folder) in str(caught.value)
    shutil.rmtree(folder)
    assert len(records(pack(root, folder.parent), "train")) == 10


@pytest.mark.parametrize(
    "name", ["train-00000.tfrecord", "store.json", "index.npz", "noise-train.npz", "noise-test.npz"]
)
@pytest.mark.parametrize("size", [0, 3, -1, None], ids=["empty", "start", "end cut", "gone"])
def test_a_damaged_store_is_named_with_the_way_out(root, packed, name, size):
    path = packed / name
    if size is None:
        path.unlink()
    elif name == "store.json":
        truncate(path, size and size - 1)  # its last byte is the end of a line
    else:
        truncate(path, size)
    assert_named_as_damaged(root, packed, name)


def test_an_index_cut_anywhere_is_named(root, packed):
    path = packed / "index.npz"
    whole = path.read_bytes()
    for size in range(1, len(whole), 97):
        path.write_bytes(whole[:size])
        with pytest.raises(PldError, match=r"is damaged: index\.npz: "):
            pack(root, packed.parent)


def test_noise_with_a_changed_byte_is_named_when_it_is_read(root, packed):
    path = packed / "noise-train.npz"
    content = bytearray(path.read_bytes())
    content[5000] ^= 1
    path.write_bytes(content)
    store = pack(root, packed.parent)
    with pytest.raises(PldError, match=r"is damaged: noise-train\.npz: Bad CRC-32.*Remove that"):
        store.noise("train")
    assert len(store.noise("test")) > 0


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('"key"', '"old_key"'),
        (f'"sample_rate_hz": {RATE}', '"sample_rate_hz": "fast"'),
        (f'"sample_rate_hz": {RATE}', f'"old_rate": {RATE}'),
        ('"yes"', "3"),
        ('"bad": []', '"bad": [1]'),
        ('"notes": []', '"notes": {}'),
    ],
)
def test_a_store_of_another_format_is_named(root, packed, before, after):
    path = packed / "store.json"
    text = path.read_text()
    assert text.count(before) == 1
    path.write_text(text.replace(before, after))
    assert_named_as_damaged(root, packed, "store.json")


@pytest.mark.parametrize(
    ("name", "changed", "reason"),
    [
        ("train_words", lambda words: words + 1, "a clip for train has a word that"),
        ("train_words", lambda words: words[1:], "its columns for train do not fit"),
        ("test_paths", lambda paths: paths[1:], "its columns for test do not fit"),
        ("test_energies", lambda energies: energies[:, : BLOCKS - 1], "its columns for test do"),
        ("test_shard_clips", lambda counts: counts + 1, "its columns for test do not fit"),
        ("validation_energies", None, "validation_energies is not a file in the archive"),
    ],
)
def test_an_index_that_does_not_fit_is_named(root, packed, name, changed, reason):
    arrays = read_arrays(packed / "index.npz")
    column = arrays.pop(name)
    if changed:
        arrays[name] = changed(column)
    np.savez(packed / "index.npz", **arrays)
    with pytest.raises(PldError, match=reason):
        pack(root, packed.parent)
    assert_named_as_damaged(root, packed, "index.npz")


def test_a_shard_of_another_size_is_named_with_both_sizes(root, packed):
    truncate(packed / "test-00000.tfrecord", -1)
    size = 2 * (2 * RATE + 16)
    with pytest.raises(PldError, match=f"expected {size} bytes, found {size - 1}"):
        pack(root, packed.parent)
