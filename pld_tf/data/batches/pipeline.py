"""From packed clips to batches, epoch after epoch, all in tf.data."""

# TensorFlow's type stubs lack tensor seeds.
# pyright: reportArgumentType=false

import tensorflow as tf

from pld_tf.data.batches import data_echoing
from pld_tf.data.batches.augment import AugmentedClips, cut_crops, draw_settings, plan_crops
from pld_tf.data.batches.draws import draw_lengths
from pld_tf.data.batches.records import Seeds, draw_crops, mixed_records
from pld_tf.data.batches.training_data import Tables, TrainingData
from pld_tf.recipe.tables import MICRO_BATCH

# Clips are packed in a shuffled order, so a small buffer is enough. It fits in the cache.
SHUFFLE_CLIPS = 1024


def training_batches(data: TrainingData, *, first_epoch: int, epochs: int) -> tf.data.Dataset:
    """Batches of epochs `first_epoch` to `epochs` - 1, `steps_per_epoch` each, in one dataset.

    Returns:
      Dataset of dicts: `features` float32 [batch, frames, bins, 1], `label` int32 [batch], `clip`
      int64 [batch] (position in the split's index; numbers past its end are silence). Also
      `teacher`, like `features`, if the teacher's input differs from the student's; `held` float32
      [batch] if that input is a blend; `labelled` float32 [batch], 0 or 1, if some labels are
      unknown.
    """
    tables = Tables.of(data)
    if data.crops.echo_epochs > 1:
        dataset = data_echoing.batches(data, tables, first_epoch=first_epoch, epochs=epochs)
    else:
        dataset = tf.data.Dataset.range(first_epoch, epochs).flat_map(
            lambda epoch: _epoch(data, tables, data.drawn_epoch(epoch))
        )
    return dataset.prefetch(4)


def _epoch(data: TrainingData, tables: Tables, epoch: tf.Tensor) -> tf.data.Dataset:
    # Sets this graph's seed, which `shuffle` mixes with its own. Only the latter may vary.
    tf.random.set_seed(1)
    seeds = Seeds.of(data.seed, epoch)
    draws = draw_crops(data, tables, epoch)
    steps = data.steps_per_epoch
    lengths = draw_lengths(seeds.lengths, steps=steps, lengths=len(data.lengths_ms))
    records = mixed_records(data, tables, seeds).shuffle(
        SHUFFLE_CLIPS, seed=tf.cast(seeds.shuffle[0], tf.int64), reshuffle_each_iteration=False
    )
    micro = records.batch(MICRO_BATCH, drop_remainder=True)
    micro_per_batch = data.batch // MICRO_BATCH
    settings = draw_settings(seeds, steps * micro_per_batch)

    def cut(position, batch):
        clip, records = batch
        drawn = tf.gather(draws, clip)
        source = AugmentedClips(data, tables, clip, records, drawn, settings.at(position))
        length = lengths[position // micro_per_batch]
        plan = plan_crops(
            data, tables, clip=clip, draws=drawn, lengths=tf.fill([MICRO_BATCH], length)
        )
        return cut_crops(data, plan, length, source)

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
