"""Reads the clips of a split that are taken. Long runs of other clips are skipped unread."""

# TensorFlow's type stubs lack predicates of tuples and this raw operator's arguments.
# pyright: reportArgumentType=false

from collections.abc import Callable

import numpy as np
import tensorflow as tf

from pld_tf.data.store.packed import SplitIndex, record_bytes

# To open a shard anew costs as much processor time as to read and drop about this many records.
SKIPPED = 24


def taken_records(
    index: SplitIndex, taken: tf.Tensor, sample_rate_hz: int
) -> Callable[[tf.Tensor], tf.data.Dataset]:
    """A function from the number of a shard to its taken clips, in order.

    Args:
      index: of the split.
      taken: bool [clips].
      sample_rate_hz: of the store.

    Returns:
      Datasets of (clip, record): int64, position in the index; and the samples as bytes.
    """
    ends = np.cumsum(index.shard_clips)
    starts = tf.constant(ends - index.shard_clips, tf.int64)
    ends = tf.constant(ends, tf.int64)
    paths = tf.constant([str(path) for path in index.shards])
    size = record_bytes(sample_rate_hz)

    # Functions that only pick an argument cost tf.data nothing. A look-up would cost more than
    # reading the record.
    def is_taken(taken, clip, record):
        return taken

    def clip_and_record(taken, clip, record):
        return clip, record

    def of_shard(number: tf.Tensor) -> tf.data.Dataset:
        start, path = starts[number], paths[number]

        def read(first: tf.Tensor, last: tf.Tensor) -> tf.data.Dataset:
            flags = tf.data.Dataset.from_tensor_slices(taken[first:last])
            clips = tf.data.Dataset.range(first, last)
            records = _records(path, (first - start) * size, size)
            return (
                tf.data.Dataset.zip((flags, clips, records)).filter(is_taken).map(clip_and_record)
            )

        firsts, lasts = _stretches(taken[start : ends[number]])
        stretches = tf.data.Dataset.from_tensor_slices((start + firsts, start + lasts))
        return stretches.flat_map(read)

    return of_shard


def _stretches(taken: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """First place of each stretch to read, and the place after its last, int64."""
    places = tf.where(taken)[:, 0]
    skips = tf.where(places[1:] - places[:-1] > SKIPPED)[:, 0]
    firsts = tf.concat([places[:1], tf.gather(places, skips + 1)], axis=0)
    lasts = tf.concat([tf.gather(places, skips), places[-1:]], axis=0)
    return firsts, lasts + 1


def _records(path: tf.Tensor, offset: tf.Tensor, buffer_bytes: int) -> tf.data.Dataset:
    """The records of a shard from a byte on; `tf.data.TFRecordDataset` can't begin there."""
    variant = tf.raw_ops.TFRecordDatasetV2(
        filenames=[path], compression_type="", buffer_size=buffer_bytes, byte_offsets=[offset]
    )
    return tf.data.experimental.from_variant(variant, tf.TensorSpec([], tf.string))
