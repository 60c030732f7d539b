"""Clips that can't be opened: listed as bad, and read once they can be."""

import errno
import os
from pathlib import Path

import numpy as np
import pytest
from tiny_corpus import RATE
from tiny_store import pack, write_small_corpus

from pld_tf.data.corpus import scan as scan_module
from pld_tf.data.corpus.corpus import find_corpus
from pld_tf.data.store import pack as store_module
from pld_tf.data.store.pack import open_store
from pld_tf.errors import PldError


@pytest.fixture
def root(tmp_path) -> Path:
    return write_small_corpus(tmp_path / "corpus")


def test_a_clip_that_vanished_is_bad_and_can_be_left_out(root, tmp_path):
    corpus = find_corpus(root)
    (root / "no" / "0_nohash_0.wav").unlink()
    options = {"sample_rate_hz": RATE, "cache": tmp_path / "cache"}
    for _ in range(2):
        with pytest.raises(PldError, match=r"1 clips can't be read: no/0_nohash_0\.wav: can't"):
            open_store(corpus, **options)
    store = open_store(corpus, **options, skip_bad=True)
    assert store.notes == ("1 unreadable clips were left out.",)
    assert len(store.splits["train"]) == 9


def test_a_link_to_nothing_is_a_clip_that_cannot_be_opened(root, tmp_path):
    (root / "no" / "9_nohash_0.wav").symlink_to(tmp_path / "absent.wav")
    with pytest.raises(PldError, match=r"no/9_nohash_0\.wav: can't be opened \(No such file"):
        pack(root, tmp_path / "cache")
    options = {"sample_rate_hz": RATE, "cache": tmp_path / "cache"}
    store = open_store(find_corpus(root), **options, skip_bad=True)
    assert "1 unreadable clips were left out." in store.notes


def test_a_clip_without_permission_is_read_once_it_is_given(root, tmp_path, monkeypatch):
    read_audio = store_module.read_audio

    def refuse(path: Path, *, sample_rate_hz: int) -> np.ndarray:
        if path.name == "0_nohash_0.wav":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))
        return read_audio(path, sample_rate_hz=sample_rate_hz)

    with monkeypatch.context() as forbidden:
        forbidden.setattr(store_module, "read_audio", refuse)
        message = r"2 clips can't be read: no/0_.*can't be opened \(Permission denied\); yes/0_"
        with pytest.raises(PldError, match=message):
            pack(root, tmp_path / "cache")
    assert len(pack(root, tmp_path / "cache").splits["train"]) == 10


def test_a_permission_given_later_makes_another_store(root, monkeypatch):
    allowed = find_corpus(root).fingerprint
    monkeypatch.setattr(
        scan_module.os, "access", lambda path, mode: not path.endswith("0_nohash_0.wav")
    )
    assert find_corpus(root).fingerprint != allowed
