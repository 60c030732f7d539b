"""Starts, gain, noise and masks of crops, drawn for each clip of an epoch.

Every draw is a pure function of (seed, epoch, clip). So a run repeats to the byte, a stopped run
resumes with the same draws, and a teacher gets exactly its student's crop.
"""

import numpy as np
import tensorflow as tf

from pld_tf.features.spec import FeatureSpec
from pld_tf.recipe.tables import AugmentChoices, CropChoices

# Columns of the table of draws, one row per clip, uniform in [0, 1).
_WHERE, _START, _GAIN, _NOISE_ON, _NOISE_VOLUME, _NOISE_START = range(6)
_MASKS = 6


def draws_per_crop(augment: AugmentChoices) -> int:
    """Random numbers that one crop needs."""
    return _MASKS + 2 * (augment.time_masks + augment.mel_masks)


def draw_table(*, seed: int, epoch: tf.Tensor, clips: int, draws: int) -> tf.Tensor:
    """Uniform float32 [clips, draws]; row c depends on seed, epoch and c alone."""
    return tf.random.stateless_uniform([clips, draws], seed=tf.stack([np.int64(seed), epoch]))


def draw_lengths(seed: tf.Tensor, *, steps: int, lengths: int) -> tf.Tensor:
    """Index of each batch's length, 0 to `lengths` - 1, int32 [steps] for one epoch."""
    # One draw more than needed: removing it would change the crops of every seed.
    drawn = tf.random.stateless_uniform([steps + 1], seed=seed, maxval=lengths, dtype=tf.int32)
    return drawn[:steps]


def crop_starts(
    draws: tf.Tensor,
    loudest: tf.Tensor,
    *,
    length: tf.Tensor,
    spec: FeatureSpec,
    crops: CropChoices,
    is_placed: tf.Tensor | bool = False,
) -> tf.Tensor:
    """First sample of each crop.

    Args:
      draws: float32 [batch, draws].
      loudest: int32 [batch], start of the loudest part of `length` samples.
      length: int32 [batch] or scalar, samples in a crop.
      spec: gives the sample rate.
      crops: share around the loudest part, its jitter, shift of the clip.
      is_placed: bool [batch], crops that always lie around `loudest`.

    Returns:
      int32 [batch], from -shift to clip samples - length + shift. Zeros lie outside the clip.
    """
    shift, most_jitter = (
        float(spec.samples(ms)) for ms in (crops.shift_ms, crops.loudest_jitter_ms)
    )
    room = tf.cast(spec.clip_samples - length, tf.float32)
    # Room inside the clip already allows a shift. Only the rest reaches past the edges.
    margin = tf.maximum(0.0, shift - room / 2)
    anywhere = draws[:, _START] * (room + 2 * margin) - margin
    jitter = (2 * draws[:, _START] - 1) * most_jitter
    around = tf.clip_by_value(tf.cast(loudest, tf.float32) + jitter, -margin, room + margin)
    is_around = (draws[:, _WHERE] < crops.loudest_share) | is_placed
    start = tf.where(is_around, around, anywhere)
    return tf.cast(tf.round(start), tf.int32)


def speech_held(so_far: tf.Tensor, starts: tf.Tensor, length: tf.Tensor) -> tf.Tensor:
    """Share of each clip's speech that lies in its crop, float32 [batch].

    Args:
      so_far: float32 [batch, points], share of the speech before evenly spaced points of the clip,
        the first at its start and the last at its end.
      starts: float32 [batch], start of the crop, as a share of the clip.
      length: float32 [batch] or scalar, its length, as a share of the clip.
    """
    last = tf.shape(so_far)[1] - 1

    def before(point: tf.Tensor) -> tf.Tensor:
        place = tf.clip_by_value(point, 0.0, 1.0) * tf.cast(last, tf.float32)
        left = tf.minimum(tf.cast(place, tf.int32), last - 1)
        low, high = (tf.gather(so_far, index, batch_dims=1) for index in (left, left + 1))
        return low + (high - low) * (place - tf.cast(left, tf.float32))

    return before(starts + length) - before(starts)


def loudness_factors(
    draws: tf.Tensor,
    is_silence: tf.Tensor,
    augment: AugmentChoices,
    *,
    word_to_noise: tf.Tensor | float = 1.0,
) -> tuple:
    """Factors of clip and noise, float32 [batch, 1] each.

    A `silence` crop is zeros plus noise, at any volume from 0 to the recorded one.

    Args:
      draws: float32 [batch, draws].
      is_silence: bool [batch].
      augment: gain; share and volume of noise, or its distance below the word in dB.
      word_to_noise: float32 [batch], level of the clip's word over that of its noise, both as
        recorded. Only `noise_snr_db` needs it.
    """
    gain = tf.pow(10.0, (2 * draws[:, _GAIN] - 1) * augment.gain_db / 20)
    noisy = tf.cast(draws[:, _NOISE_ON] < augment.noise_share, tf.float32)
    volume = augment.noise_volume * draws[:, _NOISE_VOLUME]
    if augment.noise_snr_db:
        least, most = augment.noise_snr_db
        below_db = least + (most - least) * draws[:, _NOISE_VOLUME]
        volume = gain * word_to_noise * tf.pow(10.0, -below_db / 20)
    noise = tf.where(is_silence, draws[:, _NOISE_VOLUME], noisy * volume)
    return gain[:, None], noise[:, None]


def noise_starts(
    draws: tf.Tensor,
    noise_samples: int,
    clip_samples: int,
    *,
    recorded: int | None = None,
    takes_speech: tf.Tensor | bool = False,
) -> tf.Tensor:
    """Start of each clip's second of noise, int32 [batch].

    Args:
      draws: float32 [batch, draws].
      noise_samples: of all noise.
      clip_samples: of a clip.
      recorded: samples of recorded noise; speech to lie under words follows. None: there is none.
      takes_speech: bool [batch], clips that take their noise from that speech.
    """
    place = draws[:, _NOISE_START]
    recorded = noise_samples if recorded is None else recorded
    start = place * float(recorded - clip_samples)
    if noise_samples > recorded:
        in_speech = recorded + place * float(noise_samples - recorded - clip_samples)
        start = tf.where(takes_speech, in_speech, start)
    return tf.cast(start, tf.int32)


def takes_speech(draws: tf.Tensor, is_silence: tf.Tensor, augment: AugmentChoices) -> tf.Tensor:
    """Crops whose noise is speech of others, bool [batch]; of silence none."""
    most = augment.noise_share * augment.speech_share
    return tf.logical_and(draws[:, _NOISE_ON] < most, tf.logical_not(is_silence))


def within_hop(draws: tf.Tensor, hop: tf.Tensor) -> tf.Tensor:
    """Int32 [batch], 0 to `hop` - 1: offset of a clip's windows within a hop."""
    return tf.cast(draws[:, _START] * tf.cast(hop, tf.float32), tf.int32)


def draw_masks(
    draws: tf.Tensor, frames: tf.Tensor, *, most_frames: int, bins: int, augment: AugmentChoices
) -> tuple[tf.Tensor, tf.Tensor]:
    """Draw the bands of time and of mel bins that `mask` covers.

    Args:
      draws: float32 [crops, draws].
      frames: int32 [crops], frames of each crop.
      most_frames: the greatest number of frames.
      bins: mel bins.
      augment: number of masks, and their greatest width in frames and bins.

    Returns:
      float32 [crops, most_frames] and [crops, bins]: 0 in a band, 1 elsewhere.

    Source: Park et al. 2019, arXiv:1904.08779.
    """
    times = _uncovered(
        draws, _MASKS, augment.time_masks, augment.time_mask_frames, frames, most_frames
    )
    first = _MASKS + 2 * augment.time_masks
    all_bins = tf.fill(tf.shape(frames), bins)
    return times, _uncovered(draws, first, augment.mel_masks, augment.mel_mask_bins, all_bins, bins)


def mask(features: tf.Tensor, times: tf.Tensor, bins: tf.Tensor) -> tf.Tensor:
    """Cover bands of features [batch, frames, bins, 1] with zeros, the level of average speech.

    A matrix product combines both kinds of bands far faster than `where`.
    """
    times = times[:, : tf.shape(features)[1]]
    cells = tf.matmul(times[:, :, None], bins[:, None, :])
    return features * tf.expand_dims(cells, -1)


def _uncovered(
    draws: tf.Tensor, column: int, masks: int, widest: int, size: tf.Tensor, most: int
) -> tf.Tensor:
    """Float32 [crops, most]: 0 in bands 0 to `widest` wide in the first `size` cells, else 1."""
    cells = tf.range(float(most))[None]
    found = tf.ones([tf.shape(draws)[0], most])
    for place in range(column, column + 2 * masks, 2):
        width = tf.floor(draws[:, place, None] * float(widest + 1))
        room = tf.cast(size, tf.float32)[:, None] - width + 1
        start = tf.floor(draws[:, place + 1, None] * room)
        found *= 1 - tf.cast((cells >= start) & (cells < start + width), tf.float32)
    return found
