"""Clips to features of crops: room, cut, noise, voice, masks.

Cutting and features run on micro-batches of 16 clips. These stay in the processor's cache, and are
large enough to share the cost that tf.data has per element.
"""

# TensorFlow's type stubs lack paddings that mix numbers and tensors.
# pyright: reportArgumentType=false

from typing import Any, NamedTuple, Protocol

import tensorflow as tf

from pld_tf.data.batches import draws as drawn
from pld_tf.data.batches.records import Seeds
from pld_tf.data.batches.rooms import in_room
from pld_tf.data.batches.training_data import Tables, TrainingData
from pld_tf.data.crop_places import pad_crops
from pld_tf.data.store.loudness import BLOCK_MS
from pld_tf.features.log_mel import log_mel
from pld_tf.features.spec import FeatureSpec
from pld_tf.features.voices import KNOTS, Voices
from pld_tf.recipe.tables import MICRO_BATCH


class ClipFeatures(Protocol):
    """Features of any part of some clips, each with the gain, noise and voice of its clip."""

    def features(self, starts: tf.Tensor, length: Any) -> tf.Tensor:
        """Float32 [clips, frames, bins, 1] of crops of `length` samples from `starts` on."""
        ...

    def clean(self, starts: tf.Tensor, length: Any) -> tf.Tensor:
        """Features of the same crops without noise and room."""
        ...

    def padded(self, starts: tf.Tensor, length: Any, whole: int) -> tf.Tensor:
        """Features of the same crops, each centred between zeros in `whole` samples."""
        ...


class CropPlan(NamedTuple):
    """Where crops are cut and what is masked, one row per crop.

    Attributes:
      start: int32, first sample of each crop in its clip.
      teacher_start: int32, the same for the part of the clip that the teacher takes.
      masks: from `draws.draw_masks`; empty if there are none.
      told: columns that batches hold beside the features.
    """

    start: tf.Tensor
    teacher_start: tf.Tensor
    masks: tuple[tf.Tensor, ...]
    told: dict[str, tf.Tensor]


def plan_crops(
    data: TrainingData, tables: Tables, *, clip: tf.Tensor, draws: tf.Tensor, lengths: tf.Tensor
) -> CropPlan:
    """Plan one crop of each clip.

    Args:
      data: features, crops, augmentation.
      tables: columns by clip.
      clip: int64 [crops], positions in the split's index.
      draws: float32 [crops, draws], one row of the table per crop.
      lengths: int32 [crops], index of each crop's length in `data.lengths_ms`.
    """
    spec, augment = data.spec, data.augment
    length = tf.gather([spec.samples(ms) for ms in data.lengths_ms], lengths)
    loudest = tf.gather_nd(tables.loudest, tf.stack([lengths, tf.cast(clip, tf.int32)], axis=1))
    start = drawn.crop_starts(
        draws,
        loudest,
        length=length,
        spec=spec,
        crops=data.crops,
        is_placed=tf.gather(tables.is_mined, clip),
    )
    masks = ()
    if augment.time_masks or augment.mel_masks:
        frames = [spec.frames(spec.samples(ms)) for ms in data.lengths_ms]
        masks = drawn.draw_masks(
            draws,
            tf.gather(frames, lengths),
            most_frames=max(frames),
            bins=spec.bins,
            augment=augment,
        )
    begin, share = (tf.cast(x, tf.float32) / spec.clip_samples for x in (start, length))
    told = {"label": _labels(data, tables, clip, begin, share), "clip": clip}
    if data.train_fraction < 1:
        told["labelled"] = tf.gather(tables.labelled, clip)
    if data.tells_crops:
        told["start"], told["length"] = start, length
    if data.teacher_input == "blend":
        told["held"] = drawn.speech_held(tf.gather(tables.speech, clip), begin, share)
    taken = spec.samples(data.teacher_ms)
    around = tf.clip_by_value(start - (taken - length) // 2, 0, spec.clip_samples - taken)
    return CropPlan(start, around, masks, told)


def _labels(
    data: TrainingData, tables: Tables, clip: tf.Tensor, begin: tf.Tensor, share: tf.Tensor
) -> tf.Tensor:
    """Class of each crop, int32 [crops]: `unknown` if it holds too little of its word."""
    labels = tf.gather(tables.labels, clip)
    least = data.crops.least_word_share
    if not least:
        return labels
    unknown = data.classes.unknown_class
    held = drawn.speech_held(tf.gather(tables.speech, clip), begin, share)
    return tf.where(tf.logical_and(labels < unknown, held < least), unknown, labels)


def cut_crops(
    data: TrainingData, plan: CropPlan, which_length: tf.Tensor, source: ClipFeatures
) -> dict[str, tf.Tensor]:
    """Crops of one length, as `training_batches` gives them."""
    spec = data.spec
    length = tf.gather([spec.samples(ms) for ms in data.lengths_ms], which_length)
    batch = {"features": _masked(source.features(plan.start, length), plan), **plan.told}
    taken = spec.samples(data.teacher_ms)
    if data.teacher_input == "clean_crop":
        batch["teacher"] = _masked(source.clean(plan.start, length), plan)
    if data.teacher_input == "padded_crop":
        batch["teacher"] = source.padded(plan.start, length, taken)
    if data.teacher_input in ("clip", "blend"):
        batch["teacher"] = source.features(plan.teacher_start, taken)
    return batch


def _masked(features: tf.Tensor, plan: CropPlan) -> tf.Tensor:
    return drawn.mask(features, *plan.masks) if plan.masks else features


def make_voices(data: TrainingData) -> Voices | None:
    """None if every crop keeps its own voice."""
    augment = data.augment
    if not (augment.tempo or augment.vocal_tract or augment.filter_db):
        return None
    return Voices(
        data.spec,
        tempo=augment.tempo,
        vocal_tract=augment.vocal_tract,
        filter_db=augment.filter_db,
    )


class Setting(NamedTuple):
    """Uniform draws that the clips of a micro-batch share, one row per micro-batch.

    Attributes:
      pace, tract: float32.
      filter: float32 [KNOTS].
      in_room: float32, whether there is a room.
      room: float32, which one.
    """

    pace: tf.Tensor
    tract: tf.Tensor
    filter: tf.Tensor
    in_room: tf.Tensor
    room: tf.Tensor

    def at(self, position: tf.Tensor) -> "Setting":
        """The setting of one micro-batch."""
        return Setting(*(draws[position] for draws in self))


def draw_settings(seeds: Seeds, micro_batches: int) -> Setting:
    """The settings of an epoch."""
    voices = tf.random.stateless_uniform([micro_batches, 2], seed=seeds.voices)
    filters = tf.random.stateless_uniform([micro_batches, KNOTS], seed=seeds.filters)
    rooms = tf.random.stateless_uniform([micro_batches, 2], seed=seeds.rooms)
    return Setting(voices[:, 0], voices[:, 1], filters, rooms[:, 0], rooms[:, 1])


class AugmentedClips:
    """`ClipFeatures` of a micro-batch of recordings, with room, gain, noise and voice applied.

    Args:
      data: features, crops, augmentation.
      tables: noise, rooms and labels.
      clip: int64 [16], positions in the split's index.
      records: string [16], the clips' samples.
      draws: float32 [16, draws], one row of the table per clip.
      setting: one row of `draw_settings`, shared by all 16.
      beyond: samples past the region of crops that may be requested.
    """

    def __init__(
        self,
        data: TrainingData,
        tables: Tables,
        clip: tf.Tensor,
        records: tf.Tensor,
        draws: tf.Tensor,
        setting: Setting,
        *,
        beyond: int = 0,
    ) -> None:
        spec = data.spec
        self._spec = spec
        self._voices = make_voices(data)
        self.hop: Any = spec.hop_samples
        margin = spec.samples(data.crops.shift_ms) + beyond
        if self._voices:
            self.hop = self._voices.hop(setting.pace)
            self._tract, self._filter = setting.tract, setting.filter
            longest = self._voices.samples(spec.clip_samples, self._voices.longest_hop)
            margin += max(0, longest - spec.clip_samples)
        self._margin = margin
        audio = tf.ensure_shape(tf.io.decode_raw(records, tf.int16), [None, spec.clip_samples])
        audio = tf.pad(audio, [[0, 0], [margin, margin]])
        self._dry = audio
        self._audio = _maybe_in_room(audio, setting, tables, data.augment.room_share)
        is_silence = clip >= tables.clips
        noise_start = drawn.noise_starts(
            draws,
            len(tables.noise) - 2 * margin,
            spec.clip_samples,
            recorded=tables.recorded - 2 * margin,
            takes_speech=drawn.takes_speech(draws, is_silence, data.augment),
        )
        self._noise = tables.noise
        self._noise_starts = margin + noise_start
        self._gain, self._volume = drawn.loudness_factors(
            draws,
            is_silence,
            data.augment,
            word_to_noise=tf.gather(tables.levels, clip)
            / _noise_levels(tables, self._noise_starts, spec),
        )

    def features(self, starts: tf.Tensor, length: Any) -> tf.Tensor:
        return self._features(self._crop(starts, length))

    def clean(self, starts: tf.Tensor, length: Any) -> tf.Tensor:
        return self._features(self._crop(starts, length, is_clean=True))

    def padded(self, starts: tf.Tensor, length: Any, whole: int) -> tf.Tensor:
        return self._features(pad_crops(self._crop(starts, length), self._samples(whole)))

    def windows(self, starts: tf.Tensor, frames: Any, *, is_clean: bool = False) -> tf.Tensor:
        """Features of `frames` windows, the first at sample `starts` of its clip."""
        samples = self._spec.window_samples + (frames - 1) * self.hop
        return self._features(self._cut(starts, samples, is_clean=is_clean))

    def _samples(self, length: Any) -> Any:
        """Recorded samples that become `length` samples at the voice's pace."""
        return self._voices.samples(length, self.hop) if self._voices else length

    def _crop(self, starts: tf.Tensor, length: Any, *, is_clean: bool = False) -> tf.Tensor:
        recorded = self._samples(length)
        return self._cut(starts + (length - recorded) // 2, recorded, is_clean=is_clean)

    def _cut(self, starts: tf.Tensor, samples: Any, *, is_clean: bool = False) -> tf.Tensor:
        """Float32 [16, samples] in int16 units; a raised gain may exceed int16's range."""
        width = self._audio.shape[1]
        rows = tf.range(MICRO_BATCH) * width + self._margin + starts
        if is_clean:
            dry = _slices(tf.reshape(self._dry, [-1]), rows, samples)
            return tf.cast(dry, tf.float32) * self._gain
        audio = _slices(tf.reshape(self._audio, [-1]), rows, samples)
        noise = _slices(self._noise, self._noise_starts + starts, samples)
        return tf.cast(audio, tf.float32) * self._gain + tf.cast(noise, tf.float32) * self._volume

    def _features(self, crop: tf.Tensor) -> tf.Tensor:
        if not self._voices:
            return log_mel(crop, self._spec)
        return self._voices.log_mel(crop, hop=self.hop, tract=self._tract, knots=self._filter)


def _maybe_in_room(
    audio: tf.Tensor, setting: Setting, tables: Tables, room_share: float
) -> tf.Tensor:
    """The audio as it is, or in the room of its setting."""
    if not room_share:
        return audio
    rooms = len(tables.rooms)
    room = tf.minimum(tf.cast(setting.room * rooms, tf.int32), rooms - 1)
    return tf.cond(
        setting.in_room < room_share,
        lambda: in_room(audio, tables.rooms[room]),
        lambda: tf.cast(audio, tf.float32),
    )


def _noise_levels(tables: Tables, starts: tf.Tensor, spec: FeatureSpec) -> tf.Tensor:
    """RMS of a clip's length of noise from `starts` on, at least 1; float32 [clips]."""
    block = spec.samples(BLOCK_MS)
    first, blocks = starts // block, spec.clip_samples // block
    energy = tf.gather(tables.noise_so_far, first + blocks) - tf.gather(tables.noise_so_far, first)
    return tf.maximum(1.0, tf.cast(tf.sqrt(energy / (blocks * block)), tf.float32))


def _slices(samples: tf.Tensor, starts: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
    """[16, length]: one slice of flat `samples` for each start; a gather is far slower."""
    size = tf.reshape(length, [1])
    return tf.stack([tf.slice(samples, start, size) for start in tf.split(starts, MICRO_BATCH)])
