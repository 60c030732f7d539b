"""Who packs, who waits, and who need not."""

import os
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tiny_corpus import RATE
from tiny_store import pack, write_small_corpus

from pld_tf.data.corpus.corpus import find_corpus
from pld_tf.data.store import pack as store_module
from pld_tf.data.store.lock import claimed


@pytest.fixture
def root(tmp_path) -> Path:
    return write_small_corpus(tmp_path / "corpus")


@pytest.fixture
def shards_packed(monkeypatch) -> list[str]:
    packed: list[str] = []
    original = store_module._pack_shard

    def pack_shard(corpus, target, clips, sample_rate_hz):
        packed.append(target.name)
        original(corpus, target, clips, sample_rate_hz)

    monkeypatch.setattr(store_module, "_pack_shard", pack_shard)
    return packed


def partial_of(root: Path, cache: Path) -> Path:
    name = store_module._folder_name(find_corpus(root), RATE)
    return cache / f"{name}.partial"


def test_a_second_process_says_that_it_waits_for_the_one_that_packs(root, tmp_path):
    cache, said, told = tmp_path / "cache", [], threading.Event()

    def say(line: str) -> None:
        said.append(line)
        told.set()

    with ThreadPoolExecutor(1) as pool:
        with claimed(partial_of(root, cache), waits=lambda: None):
            waiting = pool.submit(pack, root, cache, say=say)
            assert told.wait(timeout=60)
            assert not waiting.done()
            assert list(cache.iterdir()) == [partial_of(root, cache)]
        folder = waiting.result(timeout=60).folder
    assert said == ["waiting for another pld-tf that packs this corpus."]
    assert list(cache.iterdir()) == [folder]


def test_of_several_that_pack_at_once_one_does(root, tmp_path, shards_packed):
    with ThreadPoolExecutor(4) as pool:
        stores = list(pool.map(lambda _: pack(root, tmp_path / "cache"), range(4)))
    assert len({store.folder for store in stores}) == 1
    assert shards_packed == ["train-00000", "validation-00000", "test-00000"]
    assert list((tmp_path / "cache").iterdir()) == [stores[0].folder]


def test_another_corpus_does_not_wait(root, tmp_path):
    cache, said = tmp_path / "cache", []
    other = shutil.copytree(root, tmp_path / "other", copy_function=shutil.copyfile)
    os.utime(other / "yes" / "0_nohash_0.wav", (1, 1))
    with claimed(partial_of(other, cache), waits=lambda: None):
        assert len(pack(root, cache, say=said.append).splits["train"]) == 10
    assert said == []


def test_who_waited_for_a_folder_that_was_removed_makes_it_again(tmp_path):
    folder, waits, claims = tmp_path / "partial", threading.Event(), []

    def claim() -> None:
        with claimed(folder, waits=waits.set):
            claims.append(folder.is_dir())

    with ThreadPoolExecutor(1) as pool:
        with claimed(folder, waits=lambda: None):
            second = pool.submit(claim)
            assert waits.wait(timeout=60)
            shutil.rmtree(folder)
        second.result(timeout=60)
    assert claims == [True]


def test_a_folder_that_goes_away_while_it_is_made_is_made_again(tmp_path, monkeypatch):
    """`Path.mkdir` tells of a folder that exists, though it is gone when it looks."""
    folder, make, calls = tmp_path / "partial", os.mkdir, []

    def mkdir(path, mode=0o777):
        calls.append(path)
        if len(calls) == 1:
            raise FileExistsError(17, "File exists", str(path))
        make(path, mode)

    monkeypatch.setattr(os, "mkdir", mkdir)
    with claimed(folder, waits=lambda: None):
        assert folder.is_dir()
    assert calls == [folder, folder]


def test_a_file_in_the_folders_place_is_an_error(tmp_path):
    (tmp_path / "partial").write_text("mine")
    with pytest.raises(FileExistsError), claimed(tmp_path / "partial", waits=lambda: None):
        pass
