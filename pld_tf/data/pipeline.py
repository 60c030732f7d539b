"""Packed clips to batches of features: crop, noise, features and masks, all in tf.data.

Cutting and features run on micro-batches of 16 clips: few enough to stay in the processor's cache,
enough to share the cost that tf.data has per element.
"""

# TensorFlow's type stubs lack stateless_shuffle, tensor seeds and predicates of tuples.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
import tensorflow as tf

from pld_tf.data import crops
from pld_tf.data.classes import Classes, require_keyword_clips, word_quotas
from pld_tf.data.loudness import loudest_start_ms
from pld_tf.data.store import SplitIndex, Store
from pld_tf.features.log_mel import log_mel
from pld_tf.recipe import MICRO_BATCH
from pld_tf.spec import FeatureSpec

# Clips are packed in a shuffled order, so a small buffer is enough; it stays in the cache.
SHUFFLE_CLIPS = 1024
TeacherHears = Literal["crop", "padded_crop", "clip"]


@dataclass(frozen=True, kw_only=True)
class TrainingData:
    """All that decides the batches of one training.

    Attributes:
      store: packed corpus.
      classes: classes over its words.
      spec: features.
      rules: how crops are drawn.
      lengths_ms: each batch takes crops of one of these lengths.
      teacher_hears: `crop` gives the teacher the student's features; otherwise batches also hold
        `teacher`: the crop between zeros, or the clip around it, `teacher_ms` long.
      teacher_ms: see above.
      batch: crops in a batch, a multiple of 16.
      seed: of every draw.
    """

    store: Store
    classes: Classes
    spec: FeatureSpec
    rules: crops.CropRules
    lengths_ms: tuple[int, ...]
    teacher_hears: TeacherHears = "crop"
    teacher_ms: int = 0
    batch: int
    seed: int

    @property
    def index(self) -> SplitIndex:
        return self.store.splits["train"]

    def quotas(self) -> tuple[np.ndarray, int]:
        counts = self.store.word_counts("train")
        require_keyword_clips(self.classes, counts, "train")
        return word_quotas(self.classes, counts)

    @property
    def steps_per_epoch(self) -> int:
        quotas, silence = self.quotas()
        return int(quotas.sum() + silence) // self.batch


def training_batches(data: TrainingData, *, first_epoch: int, epochs: int) -> tf.data.Dataset:
    """Batches of epochs `first_epoch` to `epochs` - 1, `steps_per_epoch` each, without a gap.

    Returns:
      Dataset of dicts: `features` float32 [batch, frames, bins, 1], `label` int32 [batch], `clip`
      int64 [batch] (position in the split's index; numbers past its end are silence), and
      `teacher` like `features` where the teacher hears something else.
    """
    tables = _Tables.of(data)
    dataset = tf.data.Dataset.range(first_epoch, epochs).flat_map(
        lambda epoch: _epoch(data, tables, epoch)
    )
    return dataset.prefetch(4)


@dataclass(frozen=True, kw_only=True)
class _Tables:
    """What the graph looks up by clip: silence clips follow the corpus' clips."""

    labels: tf.Tensor
    words: tf.Tensor
    quotas: tf.Tensor
    loudest: tf.Tensor  # int32 [lengths, clips], in samples
    noise: tf.Tensor
    clips: int
    silence: int

    @classmethod
    def of(cls, data: TrainingData) -> "_Tables":
        index, classes = data.index, data.classes
        quotas, silence = data.quotas()
        loudest = [
            np.pad(loudest_start_ms(index.energies, length_ms), (0, silence))
            * data.spec.sample_rate_hz
            // 1000
            for length_ms in data.lengths_ms
        ]
        labels = np.pad(
            classes.of_word[index.words], (0, silence), constant_values=classes.silence_class
        )
        return cls(
            labels=tf.constant(labels, tf.int32),
            words=tf.constant(index.words, tf.int64),
            quotas=tf.constant(quotas, tf.int64),
            loudest=tf.constant(np.stack(loudest), tf.int32),
            noise=tf.constant(data.store.noise("train"), tf.int16),
            clips=len(index),
            silence=silence,
        )


class _Seeds(NamedTuple):
    """Of one epoch: a stream of its own for each thing that is drawn, beside the crops' table."""

    lengths: tf.Tensor
    clips: tf.Tensor
    shards: tf.Tensor
    silence: tf.Tensor
    shuffle: tf.Tensor

    @classmethod
    def of(cls, seed: int, epoch: tf.Tensor) -> "_Seeds":
        pair = tf.stack([np.int64(seed), epoch])
        return cls(*tf.unstack(tf.random.split(pair, num=len(cls._fields))))


def _epoch(data: TrainingData, tables: _Tables, epoch: tf.Tensor) -> tf.data.Dataset:
    # Of this function's own graph: `shuffle` mixes it with its seed, which must decide alone.
    tf.random.set_seed(1)
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

    def cut(position, batch):
        clip, records = batch
        return _cut(data, tables, clip, records, draws, lengths[position // micro_per_batch])

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


def _mixed_records(data: TrainingData, tables: _Tables, seeds: _Seeds) -> tf.data.Dataset:
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


def _chosen(tables: _Tables, seed: tf.Tensor) -> tf.Tensor:
    """Bool [clips]: exactly the quota of each word, other clips each epoch."""
    order = tf.random.stateless_uniform([tables.clips], seed=seed, dtype=tf.float64)
    by_word = tf.argsort(tf.cast(tables.words, tf.float64) + order, stable=True)
    counts = tf.math.bincount(
        tf.cast(tables.words, tf.int32), minlength=tf.size(tables.quotas, tf.int32)
    )
    firsts = tf.cast(tf.cumsum(counts, exclusive=True), tf.int64)
    word = tf.gather(tables.words, by_word)
    rank = tf.range(tables.clips, dtype=tf.int64) - tf.gather(firsts, word)
    return tf.scatter_nd(by_word[:, None], rank < tf.gather(tables.quotas, word), [tables.clips])


def _cut(
    data: TrainingData,
    tables: _Tables,
    clip: tf.Tensor,
    records: tf.Tensor,
    draws: tf.Tensor,
    which_length: tf.Tensor,
) -> dict[str, tf.Tensor]:
    """One micro-batch of crops as features."""
    spec, rules = data.spec, data.rules
    draws = tf.gather(draws, clip)
    label = tf.gather(tables.labels, clip)
    length = tf.gather([spec.samples(ms) for ms in data.lengths_ms], which_length)
    starts = crops.crop_starts(
        draws,
        tf.gather(tables.loudest[which_length], clip),
        length=length,
        clip_samples=spec.clip_samples,
        rules=rules,
    )
    hear = _Hearing(data, tables, records, draws, label == data.classes.silence_class)
    crop = hear(starts, length)
    features = crops.spec_augment(log_mel(crop, spec), draws, rules)
    batch = {"features": features, "label": label, "clip": clip}
    if data.teacher_hears == "padded_crop":
        batch["teacher"] = log_mel(pad_crops(crop, spec.samples(data.teacher_ms)), spec)
    if data.teacher_hears == "clip":
        heard = spec.samples(data.teacher_ms)
        start = tf.clip_by_value(starts - (heard - length) // 2, 0, spec.clip_samples - heard)
        batch["teacher"] = log_mel(hear(start, heard), spec)
    return batch


class _Hearing:
    """Cuts pieces of one micro-batch: the same gain and noise wherever a piece lies."""

    def __init__(
        self,
        data: TrainingData,
        tables: _Tables,
        records: tf.Tensor,
        draws: tf.Tensor,
        is_silence: tf.Tensor,
    ) -> None:
        spec = data.spec
        self._shift = data.rules.shift
        audio = tf.ensure_shape(tf.io.decode_raw(records, tf.int16), [None, spec.clip_samples])
        self._audio = tf.pad(audio, [[0, 0], [self._shift, self._shift]])
        self._noise = tables.noise
        margin = 2 * self._shift
        self._noise_starts = self._shift + crops.noise_starts(
            draws, len(tables.noise) - margin, spec.clip_samples
        )
        self._gain, self._volume = crops.loudness_factors(draws, is_silence, data.rules)

    def __call__(self, starts: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
        """Float32 [16, length] in int16 units; a raised gain may go past their range."""
        width = self._audio.shape[1]
        rows = tf.range(MICRO_BATCH) * width + self._shift + starts
        audio = _slices(tf.reshape(self._audio, [-1]), rows, length)
        noise = _slices(self._noise, self._noise_starts + starts, length)
        return tf.cast(audio, tf.float32) * self._gain + tf.cast(noise, tf.float32) * self._volume


def _slices(samples: tf.Tensor, starts: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
    """[16, length]: one slice of flat `samples` for each start; a gather is far slower."""
    size = tf.reshape(length, [1])
    return tf.stack([tf.slice(samples, start, size) for start in tf.split(starts, MICRO_BATCH)])


def pad_crops(crop: tf.Tensor, length: int) -> tf.Tensor:
    """Crops [batch, samples] in the middle of `length` samples, zeros around."""
    missing = length - tf.shape(crop)[1]
    return tf.pad(crop, [[0, 0], [missing // 2, missing - missing // 2]])


def fixed_crops(
    store: Store, split: str, *, clips: np.ndarray, starts: np.ndarray, length: int, batch: int = 64
) -> tf.data.Dataset:
    """Unaugmented crops of corpus clips, for validation and test.

    Args:
      store: packed corpus.
      split: which of its splits.
      clips: int [n], ascending positions in the split's index.
      starts: int32 [n, crops], first sample of each crop.
      length: samples in a crop.
      batch: clips per element.

    Returns:
      Dataset of int16 [clips, crops, length], in the order of `clips`.
    """
    wanted = np.zeros(len(store.splits[split]), bool)
    wanted[clips] = True
    records = tf.data.TFRecordDataset([str(path) for path in store.splits[split].shards])
    numbered = tf.data.Dataset.zip((tf.data.Dataset.from_tensor_slices(wanted), records))

    def is_wanted(keep, record):
        return keep

    def cut(numbered_record, start):
        _, record = numbered_record
        audio = tf.io.decode_raw(record, tf.int16)
        return tf.stack(
            [tf.slice(audio, start[i : i + 1], [length]) for i in range(starts.shape[1])]
        )

    paired = tf.data.Dataset.zip(
        (numbered.filter(is_wanted), tf.data.Dataset.from_tensor_slices(starts.astype(np.int32)))
    )
    return paired.map(cut, num_parallel_calls=2, deterministic=True).batch(batch).prefetch(2)
