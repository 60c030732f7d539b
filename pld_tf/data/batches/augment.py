"""Clips to features of crops: cut, noise, voice, masks.

Cutting and features run on micro-batches of 16 clips: few enough to stay in the processor's cache,
enough to share the cost that tf.data has per element.
"""

# TensorFlow's type stubs lack paddings that mix numbers and tensors.
# pyright: reportArgumentType=false

from typing import Any, NamedTuple, Protocol

import tensorflow as tf

from pld_tf.data.batches import draws as crops
from pld_tf.data.batches.records import Seeds
from pld_tf.data.batches.training_data import Tables, TrainingData
from pld_tf.data.crop_places import pad_crops
from pld_tf.features.log_mel import log_mel
from pld_tf.features.voices import KNOTS, Voices
from pld_tf.recipe.schema import MICRO_BATCH


class Heard(Protocol):
    """Clips of a batch, heard once: any piece of them has the same gain, noise and voice."""

    def features(self, starts: tf.Tensor, length: Any) -> tf.Tensor:
        """Float32 [clips, frames, bins, 1] of crops of `length` samples from `starts` on."""
        ...

    def padded(self, starts: tf.Tensor, length: Any, whole: int) -> tf.Tensor:
        """The same of those crops in the middle of `whole` samples, zeros around."""
        ...


class CropPlan(NamedTuple):
    """Where crops are to be cut and what is masked, a row for each; nothing is heard yet.

    Attributes:
      start: int32, first sample of each crop in its clip.
      teacher_start: int32, the same of as much of the clip as a teacher hears, where one does.
      masks: from `crops.draw_masks`; empty where the rules ask for none.
      told: columns that batches hold beside features.
    """

    start: tf.Tensor
    teacher_start: tf.Tensor
    masks: tuple[tf.Tensor, ...]
    told: dict[str, tf.Tensor]


def plan_crops(
    data: TrainingData, tables: Tables, *, clip: tf.Tensor, draws: tf.Tensor, lengths: tf.Tensor
) -> CropPlan:
    """One crop of each clip.

    Args:
      data: spec and rules.
      tables: what is known of the clips.
      clip: int64 [crops], positions in the split's index.
      draws: float32 [crops, draws], a row of the table for each.
      lengths: int32 [crops], which of `data.lengths_ms` each has.
    """
    spec, rules = data.spec, data.rules
    length = tf.gather([spec.samples(ms) for ms in data.lengths_ms], lengths)
    loudest = tf.gather_nd(tables.loudest, tf.stack([lengths, tf.cast(clip, tf.int32)], axis=1))
    start = crops.crop_starts(
        draws, loudest, length=length, clip_samples=spec.clip_samples, rules=rules
    )
    masks = ()
    if rules.time_masks or rules.mel_masks:
        frames = [spec.frames(spec.samples(ms)) for ms in data.lengths_ms]
        masks = crops.draw_masks(
            draws, tf.gather(frames, lengths), most_frames=max(frames), bins=spec.bins, rules=rules
        )
    told = {"label": tf.gather(tables.labels, clip), "clip": clip}
    if data.train_fraction < 1:
        told["labelled"] = tf.gather(tables.labelled, clip)
    if data.tells_crops:
        told["start"], told["length"] = start, length
    if data.teacher_hears == "blend":
        begin, share = (tf.cast(x, tf.float32) / spec.clip_samples for x in (start, length))
        told["held"] = crops.speech_held(tf.gather(tables.speech, clip), begin, share)
    heard = spec.samples(data.teacher_ms)
    around = tf.clip_by_value(start - (heard - length) // 2, 0, spec.clip_samples - heard)
    return CropPlan(start, around, masks, told)


def hear_crops(
    data: TrainingData, plan: CropPlan, which_length: tf.Tensor, hear: Heard
) -> dict[str, tf.Tensor]:
    """Crops of one length, as `training_batches` gives them."""
    spec = data.spec
    length = tf.gather([spec.samples(ms) for ms in data.lengths_ms], which_length)
    features = hear.features(plan.start, length)
    if plan.masks:
        features = crops.mask(features, *plan.masks)
    batch = {"features": features, **plan.told}
    heard = spec.samples(data.teacher_ms)
    if data.teacher_hears == "padded_crop":
        batch["teacher"] = hear.padded(plan.start, length, heard)
    if data.teacher_hears in ("clip", "blend"):
        batch["teacher"] = hear.features(plan.teacher_start, heard)
    return batch


def make_voices(data: TrainingData) -> Voices | None:
    """None where all crops are heard as they were recorded."""
    rules = data.rules
    if not (rules.tempo or rules.vocal_tract or rules.filter_db):
        return None
    return Voices(
        data.spec, tempo=rules.tempo, vocal_tract=rules.vocal_tract, filter_db=rules.filter_db
    )


def draw_voices(seeds: Seeds, micro_batches: int) -> tf.Tensor:
    """Uniform draws of pace, vocal tract and filter, float32 [micro_batches, 2 + KNOTS]."""
    voices = tf.random.stateless_uniform([micro_batches, 2], seed=seeds.voices)
    filters = tf.random.stateless_uniform([micro_batches, KNOTS], seed=seeds.filters)
    return tf.concat([voices, filters], axis=1)


class Hearing:
    """`Heard` from the recordings of a micro-batch: gain, noise and voice are laid on them here.

    Args:
      data: spec and rules.
      tables: noise and labels.
      clip: int64 [16], positions in the split's index.
      records: string [16], their samples.
      draws: float32 [16, draws], a row of the table for each.
      voice: a row of `draw_voices`: pace, vocal tract and filter of all of them.
      beyond: samples that may be asked for past what the rules ask for.
    """

    def __init__(
        self,
        data: TrainingData,
        tables: Tables,
        clip: tf.Tensor,
        records: tf.Tensor,
        draws: tf.Tensor,
        voice: tf.Tensor,
        *,
        beyond: int = 0,
    ) -> None:
        spec, rules = data.spec, data.rules
        self._spec = spec
        self._voices = make_voices(data)
        self.hop: Any = spec.hop_samples
        margin = rules.shift + beyond
        if self._voices:
            self.hop, self._tract, self._filter = self._voices.hop(voice[0]), voice[1], voice[2:]
            longest = self._voices.samples(spec.clip_samples, self._voices.longest_hop)
            margin += max(0, longest - spec.clip_samples)
        self._margin = margin
        audio = tf.ensure_shape(tf.io.decode_raw(records, tf.int16), [None, spec.clip_samples])
        self._audio = tf.pad(audio, [[0, 0], [margin, margin]])
        self._noise = tables.noise
        self._noise_starts = margin + crops.noise_starts(
            draws, len(tables.noise) - 2 * margin, spec.clip_samples
        )
        is_silence = tf.gather(tables.labels, clip) == data.classes.silence_class
        self._gain, self._volume = crops.loudness_factors(draws, is_silence, rules)

    def features(self, starts: tf.Tensor, length: Any) -> tf.Tensor:
        return self._features(self._crop(starts, length))

    def padded(self, starts: tf.Tensor, length: Any, whole: int) -> tf.Tensor:
        return self._features(pad_crops(self._crop(starts, length), self._samples(whole)))

    def windows(self, starts: tf.Tensor, frames: Any) -> tf.Tensor:
        """Features of so many windows, the first of which begins at sample `starts` of its clip."""
        return self._features(
            self._cut(starts, self._spec.window_samples + (frames - 1) * self.hop)
        )

    def _samples(self, length: Any) -> Any:
        """Samples of audio behind what is heard as `length` samples."""
        return self._voices.samples(length, self.hop) if self._voices else length

    def _crop(self, starts: tf.Tensor, length: Any) -> tf.Tensor:
        heard = self._samples(length)
        return self._cut(starts + (length - heard) // 2, heard)

    def _cut(self, starts: tf.Tensor, samples: Any) -> tf.Tensor:
        """Float32 [16, samples] in int16 units; a raised gain may go past their range."""
        width = self._audio.shape[1]
        rows = tf.range(MICRO_BATCH) * width + self._margin + starts
        audio = _slices(tf.reshape(self._audio, [-1]), rows, samples)
        noise = _slices(self._noise, self._noise_starts + starts, samples)
        return tf.cast(audio, tf.float32) * self._gain + tf.cast(noise, tf.float32) * self._volume

    def _features(self, crop: tf.Tensor) -> tf.Tensor:
        if not self._voices:
            return log_mel(crop, self._spec)
        return self._voices.log_mel(crop, hop=self.hop, tract=self._tract, knots=self._filter)


def _slices(samples: tf.Tensor, starts: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
    """[16, length]: one slice of flat `samples` for each start; a gather is far slower."""
    size = tf.reshape(length, [1])
    return tf.stack([tf.slice(samples, start, size) for start in tf.split(starts, MICRO_BATCH)])
