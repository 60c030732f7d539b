"""Reads the clips of an epoch from the packed shards, in a drawn order."""

# TensorFlow's type stubs lack stateless_shuffle and tensor seeds.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from pld_tf.data.batches.draws import draw_table, draws_per_crop
from pld_tf.data.batches.training_data import Tables, TrainingData
from pld_tf.data.store.taken import taken_records
from pld_tf.recipe.tables import MICRO_BATCH


class Seeds(NamedTuple):
    """Seeds of one epoch: one stream for each kind of draw outside the table of crops."""

    lengths: tf.Tensor
    clips: tf.Tensor
    shards: tf.Tensor
    silence: tf.Tensor
    shuffle: tf.Tensor
    voices: tf.Tensor
    filters: tf.Tensor
    rooms: tf.Tensor

    @classmethod
    def of(cls, seed: int, epoch: tf.Tensor) -> "Seeds":
        pair = tf.stack([np.int64(seed), epoch])
        return cls(*tf.unstack(tf.random.split(pair, num=len(cls._fields))))


def draw_crops(data: TrainingData, tables: Tables, epoch: tf.Tensor) -> tf.Tensor:
    """Draws of an epoch's crops: one row of `draw_table` per clip, silence included."""
    return draw_table(
        seed=data.seed,
        epoch=epoch,
        clips=tables.clips + tables.silence,
        draws=draws_per_crop(data.augment),
    )


def mixed_records(data: TrainingData, tables: Tables, seeds: Seeds) -> tf.data.Dataset:
    """(clip, record) of the epoch's clips; negatives and silence are spread evenly among words."""
    index, words = data.index, len(data.store.words)
    read = taken_records(index, chosen(tables, seeds.clips), data.store.sample_rate_hz)
    order = tf.random.experimental.stateless_shuffle(
        tf.range(len(data.words.shards)), seed=seeds.shards
    )
    kinds = [_interleaved(order, read, cycle=4)]
    counts = [tf.reduce_sum(tables.quotas[:words])]
    if data.negatives:
        # Neighbours in a shard are of one recording: a batch takes pieces of many shards.
        shards = tf.range(len(data.words.shards), len(index.shards))
        order = tf.random.experimental.stateless_shuffle(shards, seed=seeds.shards)
        kinds.append(_interleaved(order, read, cycle=16))
        counts.append(tf.reduce_sum(tables.quotas[words:]))
    if tables.silence:
        zeros = tf.constant(bytes(2 * data.spec.clip_samples))
        silence = tf.data.Dataset.range(tables.clips, tables.clips + tables.silence)
        kinds.append(silence.map(lambda clip: (clip, zeros)))
        counts.append(tf.constant(tables.silence, tf.int64))
    if len(kinds) == 1:
        return kinds[0]
    ends = tf.cumsum(tf.stack(counts))
    which = tf.searchsorted(ends, tf.range(ends[-1]), side="right", out_type=tf.int64)
    which = tf.random.experimental.stateless_shuffle(which, seed=seeds.silence)
    return tf.data.Dataset.choose_from_datasets(kinds, tf.data.Dataset.from_tensor_slices(which))


def _interleaved(order: tf.Tensor, read: Any, *, cycle: int) -> tf.data.Dataset:
    return tf.data.Dataset.from_tensor_slices(order).interleave(
        read, cycle_length=cycle, block_length=MICRO_BATCH
    )


def chosen(tables: Tables, seed: tf.Tensor) -> tf.Tensor:
    """Bool [clips]: exactly the quota of each word, different clips in each epoch."""
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
