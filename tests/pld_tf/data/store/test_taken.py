"""Taken clips come in order with their own samples; long runs of others are not read at all."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from pld_tf.data.store.packed import SplitIndex, record_bytes
from pld_tf.data.store.taken import SKIPPED, taken_records

RATE = 10  # samples in a clip
SHARDS = (90, 0, 7)
CLIPS = sum(SHARDS)


def content(clip: int) -> bytes:
    return np.full(RATE, clip, "<i2").tobytes()


def write_shards(folder: Path) -> SplitIndex:
    paths, clips = [], iter(range(CLIPS))
    for number, size in enumerate(SHARDS):
        paths.append(folder / f"train-{number}.tfrecord")
        with tf.io.TFRecordWriter(str(paths[-1])) as writer:
            for clip in itertools.islice(clips, size):
                writer.write(content(clip))
    return SplitIndex(
        shards=tuple(paths),
        shard_clips=np.array(SHARDS),
        paths=np.array([b""] * CLIPS),
        words=np.zeros(CLIPS, np.int32),
        energies=np.zeros((CLIPS, 100), np.float32),
    )


@pytest.fixture(scope="module")
def index(tmp_path_factory) -> SplitIndex:
    return write_shards(tmp_path_factory.mktemp("shards"))


def read(index: SplitIndex, taken: np.ndarray) -> list[tuple[int, bytes]]:
    shards = tf.data.Dataset.range(len(index.shards))
    of_shard = taken_records(index, tf.constant(taken), RATE)
    return [(int(clip), record) for clip, record in shards.flat_map(of_shard).as_numpy_iterator()]


@pytest.mark.parametrize("share", [0, 0.02, 0.1, 0.5, 1])
def test_each_taken_clip_comes_once_in_order_with_its_samples(index, share):
    taken = np.random.default_rng(0).random(CLIPS) < share
    expected = [(clip, content(clip)) for clip in np.flatnonzero(taken)]
    assert read(index, taken) == expected


@pytest.mark.parametrize(("between", "is_read"), [(SKIPPED - 1, True), (SKIPPED, False)])
def test_a_long_run_of_other_clips_is_not_read(tmp_path, between, is_read):
    """Clip 1 is damaged; nobody takes it."""
    index = write_shards(tmp_path)
    shard = bytearray(index.shards[0].read_bytes())
    shard[record_bytes(RATE) + 13] ^= 1
    index.shards[0].write_bytes(shard)
    taken = np.isin(np.arange(CLIPS), [0, between + 1])
    if is_read:
        with pytest.raises(tf.errors.DataLossError):
            read(index, taken)
    else:
        assert [clip for clip, _ in read(index, taken)] == [0, between + 1]
