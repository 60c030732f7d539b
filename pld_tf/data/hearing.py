"""One micro-batch of packed clips to features: cut, noise, voice, masks.

Cutting and features run on micro-batches of 16 clips: few enough to stay in the processor's cache,
enough to share the cost that tf.data has per element.
"""

# TensorFlow's type stubs lack paddings that mix numbers and tensors.
# pyright: reportArgumentType=false

from typing import Any

import tensorflow as tf

from pld_tf.data import crops
from pld_tf.data.training_data import Tables, TrainingData
from pld_tf.features.log_mel import log_mel
from pld_tf.features.voices import Voices
from pld_tf.recipe import MICRO_BATCH


def cut_crops(
    data: TrainingData,
    tables: Tables,
    clip: tf.Tensor,
    records: tf.Tensor,
    draws: tf.Tensor,
    which_length: tf.Tensor,
    voice: tf.Tensor,
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
    hear = Hearing(data, tables, records, draws, voice, label == data.classes.silence_class)
    crop = hear(starts, length)
    features = crops.spec_augment(hear.features(crop), draws, rules)
    batch = {"features": features, "label": label, "clip": clip}
    if data.train_fraction < 1:
        batch["labelled"] = tf.gather(tables.labelled, clip)
    if data.tells_crops:
        batch["start"], batch["length"] = starts, tf.fill(tf.shape(starts), length)
    heard = spec.samples(data.teacher_ms)
    if data.teacher_hears == "padded_crop":
        batch["teacher"] = hear.features(pad_crops(crop, hear.samples(heard)))
    if data.teacher_hears == "blend":
        begin, share = (tf.cast(x, tf.float32) / spec.clip_samples for x in (starts, length))
        batch["held"] = crops.speech_held(tf.gather(tables.speech, clip), begin, share)
    if data.teacher_hears in ("clip", "blend"):
        start = tf.clip_by_value(starts - (heard - length) // 2, 0, spec.clip_samples - heard)
        batch["teacher"] = hear.features(hear(start, heard))
    return batch


class Hearing:
    """Cuts pieces of one micro-batch: the same gain, noise and voice wherever a piece lies."""

    def __init__(
        self,
        data: TrainingData,
        tables: Tables,
        records: tf.Tensor,
        draws: tf.Tensor,
        voice: tf.Tensor,
        is_silence: tf.Tensor,
    ) -> None:
        spec, rules = data.spec, data.rules
        self._spec = spec
        self._voices = None
        margin = rules.shift
        if rules.tempo or rules.vocal_tract:
            self._voices = Voices(spec, tempo=rules.tempo, vocal_tract=rules.vocal_tract)
            self._hop, self._tract = self._voices.hop(voice[0]), voice[1]
            longest = self._voices.samples(spec.clip_samples, self._voices.longest_hop)
            margin += max(0, longest - spec.clip_samples)
        self._margin = margin
        audio = tf.ensure_shape(tf.io.decode_raw(records, tf.int16), [None, spec.clip_samples])
        self._audio = tf.pad(audio, [[0, 0], [margin, margin]])
        self._noise = tables.noise
        self._noise_starts = margin + crops.noise_starts(
            draws, len(tables.noise) - 2 * margin, spec.clip_samples
        )
        self._gain, self._volume = crops.loudness_factors(draws, is_silence, rules)

    def samples(self, length: Any) -> Any:
        """Samples of audio behind what is heard as `length` samples."""
        return self._voices.samples(length, self._hop) if self._voices else length

    def __call__(self, starts: tf.Tensor, length: Any) -> tf.Tensor:
        """Float32 [16, samples] in int16 units; a raised gain may go past their range."""
        heard = self.samples(length)
        starts += (length - heard) // 2
        width = self._audio.shape[1]
        rows = tf.range(MICRO_BATCH) * width + self._margin + starts
        audio = _slices(tf.reshape(self._audio, [-1]), rows, heard)
        noise = _slices(self._noise, self._noise_starts + starts, heard)
        return tf.cast(audio, tf.float32) * self._gain + tf.cast(noise, tf.float32) * self._volume

    def features(self, crop: tf.Tensor) -> tf.Tensor:
        if not self._voices:
            return log_mel(crop, self._spec)
        return self._voices.log_mel(crop, hop=self._hop, tract=self._tract)


def _slices(samples: tf.Tensor, starts: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
    """[16, length]: one slice of flat `samples` for each start; a gather is far slower."""
    size = tf.reshape(length, [1])
    return tf.stack([tf.slice(samples, start, size) for start in tf.split(starts, MICRO_BATCH)])


def pad_crops(crop: tf.Tensor, length: Any) -> tf.Tensor:
    """Crops [batch, samples] in the middle of `length` samples, zeros around."""
    missing = length - tf.shape(crop)[1]
    return tf.pad(crop, [[0, 0], [missing // 2, missing - missing // 2]])
