"""Packed clips to batches, epoch after epoch, all in tf.data: which clips, in which order."""

# TensorFlow's type stubs lack stateless_shuffle, tensor seeds and predicates of tuples.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false

from typing import NamedTuple

import numpy as np
import tensorflow as tf

from pld_tf.data import crops
from pld_tf.data.hearing import cut_crops
from pld_tf.data.training_data import Tables, TrainingData
from pld_tf.recipe import MICRO_BATCH

# Clips are packed in a shuffled order, so a small buffer is enough; it stays in the cache.
SHUFFLE_CLIPS = 1024


def training_batches(data: TrainingData, *, first_epoch: int, epochs: int) -> tf.data.Dataset:
    """Batches of epochs `first_epoch` to `epochs` - 1, `steps_per_epoch` each, without a gap.

    Returns:
      Dataset of dicts: `features` float32 [batch, frames, bins, 1], `label` int32 [batch], `clip`
      int64 [batch] (position in the split's index; numbers past its end are silence), `teacher`
      like `features` where the teacher hears something else, `held` float32 [batch] where it hears
      a blend, and `labelled` float32 [batch], 0 or 1, where some labels are not known.
    """
    tables = Tables.of(data)
    dataset = tf.data.Dataset.range(first_epoch, epochs).flat_map(
        lambda epoch: _epoch(data, tables, epoch)
    )
    return dataset.prefetch(4)


class _Seeds(NamedTuple):
    """Of one epoch: a stream of its own for each thing that is drawn, beside the crops' table."""

    lengths: tf.Tensor
    clips: tf.Tensor
    shards: tf.Tensor
    silence: tf.Tensor
    shuffle: tf.Tensor
    voices: tf.Tensor

    @classmethod
    def of(cls, seed: int, epoch: tf.Tensor) -> "_Seeds":
        pair = tf.stack([np.int64(seed), epoch])
        return cls(*tf.unstack(tf.random.split(pair, num=len(cls._fields))))


def _epoch(data: TrainingData, tables: Tables, epoch: tf.Tensor) -> tf.data.Dataset:
    # Of this function's own graph: `shuffle` mixes it with its seed, which must decide alone.
    tf.random.set_seed(1)
    if data.crops_per_clip:
        epoch = tf.math.floormod(epoch, data.crops_per_clip)
    seeds = _Seeds.of(data.seed, epoch)
    draws = crops.draw_table(
        seed=data.seed, epoch=epoch, clips=tables.clips + tables.silence, draws=data.rules.draws
    )
    steps = data.steps_per_epoch
    lengths = tf.random.stateless_uniform(
        [steps + 1], seed=seeds.lengths, maxval=len(data.lengths_ms), dtype=tf.int32
    )
    records = _mixed_records(data, tables, seeds).shuffle(
        SHUFFLE_CLIPS, seed=tf.cast(seeds.shuffle[0], tf.int64), reshuffle_each_iteration=False
    )
    micro = records.batch(MICRO_BATCH, drop_remainder=True)
    micro_per_batch = data.batch // MICRO_BATCH
    voices = tf.random.stateless_uniform([steps * micro_per_batch, 2], seed=seeds.voices)

    def cut(position, batch):
        clip, records = batch
        length = lengths[position // micro_per_batch]
        return cut_crops(data, tables, clip, records, draws, length, voices[position])

    batches = (
        micro.take(steps * micro_per_batch)
        .enumerate()
        .map(cut, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True)
        .batch(micro_per_batch, drop_remainder=True)
    )
    return batches.map(lambda batch: {name: _join(value) for name, value in batch.items()})


def _join(value: tf.Tensor) -> tf.Tensor:
    """[micro-batches, 16, ...] to [batch, ...]."""
    return tf.reshape(value, tf.concat([[-1], tf.shape(value)[2:]], axis=0))


def _mixed_records(data: TrainingData, tables: Tables, seeds: _Seeds) -> tf.data.Dataset:
    """(clip, record) of the epoch's clips, silence spread evenly among them."""
    index = data.index
    paths = tf.constant([str(path) for path in index.shards])
    firsts = tf.constant(np.cumsum(index.shard_clips) - index.shard_clips, tf.int64)
    counts = tf.constant(index.shard_clips, tf.int64)

    taken = _chosen(tables, seeds.clips)

    # Functions that only pick an argument cost tf.data nothing; a look-up would cost more than
    # reading the record.
    def is_taken(taken, clip, record):
        return taken

    def clip_and_record(taken, clip, record):
        return clip, record

    def shard(number):
        first, last = firsts[number], firsts[number] + counts[number]
        flags = tf.data.Dataset.from_tensor_slices(taken[first:last])
        clips = tf.data.Dataset.range(first, last)
        records = tf.data.TFRecordDataset(paths[number])
        return tf.data.Dataset.zip((flags, clips, records)).filter(is_taken).map(clip_and_record)

    order = tf.random.experimental.stateless_shuffle(tf.range(len(index.shards)), seed=seeds.shards)
    clips = tf.data.Dataset.from_tensor_slices(order).interleave(
        shard, cycle_length=4, block_length=MICRO_BATCH
    )
    if not tables.silence:
        return clips
    zeros = tf.constant(bytes(2 * data.spec.clip_samples))
    silence = tf.data.Dataset.range(tables.clips, tables.clips + tables.silence).map(
        lambda clip: (clip, zeros)
    )
    taken_clips = tf.reduce_sum(tables.quotas)
    which = tf.cast(tf.range(taken_clips + tables.silence) >= taken_clips, tf.int64)
    which = tf.random.experimental.stateless_shuffle(which, seed=seeds.silence)
    return tf.data.Dataset.choose_from_datasets(
        [clips, silence], tf.data.Dataset.from_tensor_slices(which)
    )


def _chosen(tables: Tables, seed: tf.Tensor) -> tf.Tensor:
    """Bool [clips]: exactly the quota of each word, other clips each epoch."""
    order = tf.random.stateless_uniform([tables.clips], seed=seed, dtype=tf.float64)
    last = tf.cast(tf.logical_not(tables.usable), tf.float64)
    by_word = tf.argsort(2 * tf.cast(tables.words, tf.float64) + last + order, stable=True)
    counts = tf.math.bincount(
        tf.cast(tables.words, tf.int32), minlength=tf.size(tables.quotas, tf.int32)
    )
    firsts = tf.cast(tf.cumsum(counts, exclusive=True), tf.int64)
    word = tf.gather(tables.words, by_word)
    rank = tf.range(tables.clips, dtype=tf.int64) - tf.gather(firsts, word)
    return tf.scatter_nd(by_word[:, None], rank < tf.gather(tables.quotas, word), [tables.clips])
