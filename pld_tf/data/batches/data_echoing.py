"""Data echoing: features of whole clips are computed once for several epochs.

Features are most of the cost of a batch. With `echo_epochs` above 1 a clip keeps its gain, noise
and voice for that many epochs (a block). The features of the whole clip are kept, too. Each epoch
cuts its own crops out of them. A crop then begins at a window of its clip; each block draws the
position of these windows. With `padded_crop`, the edge windows overlap crop and padding. A window
centred inside the crop uses the clip's features; the others count as silence.

Source: Choi et al. 2019, "Faster neural network training with data echoing", arXiv:1907.05550.
"""

# TensorFlow's type stubs lack stateless_shuffle and tensor seeds.
# pyright: reportArgumentType=false, reportAttributeAccessIssue=false

import itertools
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from pld_tf.data.batches.augment import (
    AugmentedClips,
    cut_crops,
    draw_settings,
    make_voices,
    plan_crops,
)
from pld_tf.data.batches.draws import draw_lengths, within_hop
from pld_tf.data.batches.records import Seeds, draw_crops, mixed_records
from pld_tf.data.batches.training_data import Tables, TrainingData
from pld_tf.features.log_mel import log_mel
from pld_tf.recipe.tables import MICRO_BATCH

# Steps per unit of features kept in 16 bits, which take half the memory of floats. The range is
# -64 to 64. Steps of int8 inputs are about twenty times as large.
STEPS = 512.0
# Micro-batches computed at a time. A third would compete with training for the processor.
_PARALLEL = 2


def batches(
    data: TrainingData, tables: Tables, *, first_epoch: int, epochs: int
) -> tf.data.Dataset:
    """As `training_batches`, but features of whole clips serve `crops.echo_epochs` epochs."""
    drawn = [data.drawn_epoch(epoch) for epoch in range(first_epoch, epochs)]
    groups = itertools.groupby(drawn, key=lambda epoch: epoch // data.crops.echo_epochs)
    blocks = [(block, list(members)) for block, members in groups]
    firsts = np.cumsum([0, *(len(members) for _, members in blocks)])
    table = tf.constant(drawn, tf.int64)

    def epochs_of(whole: WholeClips, first: tf.Tensor, last: tf.Tensor) -> tf.data.Dataset:
        taken = tf.data.Dataset.from_tensor_slices(table[first:last])
        return taken.flat_map(lambda epoch: _epoch(data, tables, whole, epoch))

    numbers = np.array([block for block, _ in blocks], np.int64)
    return (
        tf.data.Dataset.from_tensor_slices((numbers, firsts[:-1], firsts[1:]))
        .map(lambda block, first, last: (_whole_clips(data, tables, block), first, last))
        .prefetch(1)  # the next block is computed while this one is trained on
        .flat_map(epochs_of)
    )


class WholeClips(NamedTuple):
    """Features of a block's clips from edge to edge and a little beyond.

    Attributes:
      features: int16 [clips, frames, bins], in steps of 1 / `STEPS`; zeros after the last frame.
      clean: the same without noise and room, for a teacher that hears it so; else no bins.
      clip: int64 [clips], positions in the split's index.
      origin: int32 [clips], start of the first window in its clip, in samples.
      hop: int32 [clips], from one window to the next, in samples.
    """

    features: tf.Tensor
    clean: tf.Tensor
    clip: tf.Tensor
    origin: tf.Tensor
    hop: tf.Tensor


def _whole_clips(data: TrainingData, tables: Tables, block: tf.Tensor) -> WholeClips:
    tf.random.set_seed(1)
    number = -1 - block  # negative: blocks and epochs never share draws
    seeds = Seeds.of(data.seed, number)
    draws = draw_crops(data, tables, number)
    micro_batches = data.clips_per_epoch // MICRO_BATCH
    settings = draw_settings(seeds, micro_batches)
    voices, hop = make_voices(data), data.spec.hop_samples
    shortest, longest = (voices.shortest_hop, voices.longest_hop) if voices else (hop, hop)
    most_frames = _frames(data, shortest)

    def compute(position, batch):
        clip, records = batch
        drawn, setting = tf.gather(draws, clip), settings.at(position)
        source = AugmentedClips(
            data, tables, clip, records, drawn, setting, beyond=2 * longest + _outside(data)
        )
        hop = tf.fill([MICRO_BATCH], source.hop)
        origin = within_hop(drawn, hop) - hop // 2 - _reach(data)
        frames = _frames(data, source.hop)

        def stored(is_clean: bool) -> tf.Tensor:
            features = source.windows(origin, frames, is_clean=is_clean)[..., 0]
            features = tf.pad(features, [[0, 0], [0, most_frames - frames], [0, 0]])
            features = tf.ensure_shape(features, [MICRO_BATCH, most_frames, data.spec.bins])
            return tf.saturate_cast(tf.round(features * STEPS), tf.int16)

        is_needed = data.teacher_input == "clean_crop"
        clean = stored(True) if is_needed else tf.zeros([MICRO_BATCH, most_frames, 0], tf.int16)
        return WholeClips(stored(False), clean, clip, origin, hop)

    whole = (
        mixed_records(data, tables, seeds)
        .batch(MICRO_BATCH, drop_remainder=True)
        .enumerate()
        .map(compute, num_parallel_calls=_PARALLEL, deterministic=True)
        .batch(micro_batches)
        .get_single_element()
    )
    return WholeClips(*(tf.reshape(part, [-1, *part.shape[2:]]) for part in whole))


def _epoch(
    data: TrainingData, tables: Tables, whole: WholeClips, epoch: tf.Tensor
) -> tf.data.Dataset:
    seeds = Seeds.of(data.seed, epoch)
    draws = draw_crops(data, tables, epoch)
    steps = data.steps_per_epoch
    lengths = draw_lengths(seeds.lengths, steps=steps, lengths=len(data.lengths_ms))
    order = tf.random.experimental.stateless_shuffle(
        tf.range(tf.size(whole.clip)), seed=seeds.shuffle
    )
    rows = order[: steps * data.batch]
    clip = tf.gather(whole.clip, rows)
    # All crops of the epoch are planned at once: planning a single batch costs too much per crop.
    plan = plan_crops(
        data,
        tables,
        clip=clip,
        draws=tf.gather(draws, clip),
        lengths=tf.repeat(lengths, data.batch),
    )

    def cut(rows, plan, length):
        return cut_crops(data, plan, length, EchoedClips(data, whole, rows))

    def by_batch(value):
        return tf.reshape(value, [steps, data.batch, *value.shape[1:]])

    planned = tf.nest.map_structure(by_batch, (rows, plan))
    return tf.data.Dataset.from_tensor_slices((*planned, lengths)).map(
        cut, num_parallel_calls=tf.data.AUTOTUNE, deterministic=True
    )


class EchoedClips:
    """`ClipFeatures` of rows of `WholeClips`: a crop begins at the window nearest to its start."""

    def __init__(self, data: TrainingData, whole: WholeClips, rows: tf.Tensor) -> None:
        self._data = data
        self._whole = whole
        self._rows = rows
        self._origin = tf.gather(whole.origin, rows)
        self._hop = tf.gather(whole.hop, rows)

    def features(self, starts: tf.Tensor, length: Any) -> tf.Tensor:
        return self._picked(self._whole.features, starts, length)

    def clean(self, starts: tf.Tensor, length: Any) -> tf.Tensor:
        return self._picked(self._whole.clean, starts, length)

    def _picked(self, table: tf.Tensor, starts: tf.Tensor, length: Any) -> tf.Tensor:
        spec, voices = self._data.spec, make_voices(self._data)
        if voices:
            starts += (length - voices.samples(length, self._hop)) // 2
        place = tf.cast(starts - self._origin, tf.float32) / tf.cast(self._hop, tf.float32)
        frames = 1 + (length - spec.window_samples) // spec.hop_samples
        # If a crop's last samples fill no window, its start may round up past the last window.
        last = _frames(self._data, self._hop) - frames
        first = tf.clip_by_value(tf.cast(tf.round(place), tf.int32), 0, last)
        picked = (self._rows * tf.shape(table)[1] + first)[:, None] + tf.range(frames)
        features = tf.gather(tf.reshape(table, [-1, spec.bins]), picked)
        return tf.cast(features[..., None], tf.float32) / STEPS

    def padded(self, starts: tf.Tensor, length: Any, whole: int) -> tf.Tensor:
        spec = self._data.spec
        hop, middle, before = spec.hop_samples, spec.window_samples // 2, (whole - length) // 2
        frames = spec.frames(whole)

        def begun(sample: Any) -> tf.Tensor:
            """Number of windows whose middle lies before a sample."""
            return tf.clip_by_value((sample - middle + hop - 1) // hop, 0, frames)

        first, beyond = begun(before), begun(before + length)
        inside = spec.window_samples + (beyond - first - 1) * hop
        crop = self.features(starts + first * hop - before, inside)
        zeros = log_mel(tf.zeros([1, spec.window_samples]), spec)
        left, right = (
            tf.broadcast_to(zeros, [tf.shape(crop)[0], count, spec.bins, 1])
            for count in (first, frames - beyond)
        )
        return tf.concat([left, crop, right], axis=1)


def _outside(data: TrainingData) -> int:
    """Samples by which a crop's own windows may reach past its start or end."""
    return data.spec.window_samples // 2 if data.teacher_input == "padded_crop" else 0


def _reach(data: TrainingData) -> int:
    """Samples past the clip's edges in which crops may lie."""
    spec, voices = data.spec, make_voices(data)
    reach = spec.samples(data.crops.shift_ms) + _outside(data)
    if voices:
        longest = voices.samples(spec.clip_samples, voices.longest_hop)
        reach += max(0, longest - spec.clip_samples + 1) // 2
    return reach


def _frames(data: TrainingData, hop: Any) -> Any:
    """Windows of a whole clip: enough for a crop at either end, for any start within a hop."""
    spec = data.spec
    return 2 + (spec.clip_samples + 2 * _reach(data) - spec.window_samples) // hop
