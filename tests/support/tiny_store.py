"""A corpus of 14 clips of a second, packed and read back."""

from pathlib import Path

import numpy as np
import tensorflow as tf
from tiny_corpus import RATE, clip_audio, write_wav

from pld_tf.data.corpus.corpus import find_corpus
from pld_tf.data.store.pack import Store, open_store


def write_small_corpus(folder: Path) -> Path:
    """Ten clips for training, two for validation, two for test, all of a second."""
    names = [f"{word}/{n}_nohash_0.wav" for word in ("no", "yes") for n in range(7)]
    for name in names:
        write_wav(folder / name, clip_audio(name))
    (folder / "validation_list.txt").write_text("no/5_nohash_0.wav\nyes/5_nohash_0.wav")
    (folder / "testing_list.txt").write_text("no/6_nohash_0.wav\nyes/6_nohash_0.wav")
    return folder


def pack(root: Path, cache: Path, **options) -> Store:
    return open_store(find_corpus(root), sample_rate_hz=RATE, cache=cache, **options)


def records(store: Store, split: str) -> dict[str, np.ndarray]:
    """Samples of each clip by its path, in the order of the index."""
    shards = [str(path) for path in store.splits[split].shards]
    samples = [np.frombuffer(record.numpy(), "<i2") for record in tf.data.TFRecordDataset(shards)]
    paths = [path.decode() for path in store.splits[split].paths]
    return dict(zip(paths, samples, strict=True))


def truncate(path: Path, size: int = -100) -> None:
    """Keep the first `size` bytes; below 0, leave out that many."""
    path.write_bytes(path.read_bytes()[:size])


def read_arrays(path: Path) -> dict[str, np.ndarray]:
    with np.load(path, allow_pickle=False) as arrays:
        return dict(arrays)
