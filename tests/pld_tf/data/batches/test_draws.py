"""Draws, starts, loudness, masks and fixed crops: worked values and bounds."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st
from plain_choices import PLAIN_AUGMENT, PLAIN_CROPS

from pld_tf.data.batches import draws as drawn
from pld_tf.data.batches.draws import crop_starts, draw_table, draws_per_crop
from pld_tf.data.crop_places import fixed_starts_ms
from pld_tf.features.spec import FeatureSpec
from pld_tf.recipe.tables import AugmentChoices, CropChoices

# One row per clip: where, start, gain, noise on, noise volume, noise start, then the masks.
UNIFORM = st.floats(0, 1, exclude_max=True, width=32)


def row(*, where=0.0, start=0.0, gain=0.5, noise_on=0.0, volume=0.0, noise_start=0.0, masks=()):
    return tf.constant([[where, start, gain, noise_on, volume, noise_start, *masks]], tf.float32)


# A sample a millisecond.
SPEC = FeatureSpec(
    sample_rate_hz=1000, window_ms=30, hop_ms=20, fft_size=32, mel_bins=4, low_hz=60, high_hz=500
)


def crops_of(**changes) -> CropChoices:
    return CropChoices(**(PLAIN_CROPS.model_dump() | changes))


def augment_of(**changes) -> AugmentChoices:
    return AugmentChoices(**(PLAIN_AUGMENT.model_dump() | changes))


def start_of(draws, *, loudest=0, length=500, spec=SPEC, crops=PLAIN_CROPS):
    starts = crop_starts(
        draws,
        tf.constant([loudest], tf.int32),
        length=tf.constant(length),
        spec=spec,
        crops=crops,
    )
    return int(starts[0])


def table(*, seed=1, epoch=2, clips=50, draws=10) -> np.ndarray:
    epoch = tf.constant(epoch, tf.int64)
    return draw_table(seed=seed, epoch=epoch, clips=clips, draws=draws).numpy()


# --- draws ---


def test_a_crop_takes_six_draws_and_two_for_each_mask():
    assert draws_per_crop(augment_of()) == 6
    assert draws_per_crop(augment_of(time_masks=2, mel_masks=1)) == 12


def test_a_row_of_draws_depends_on_seed_epoch_and_clip_alone():
    assert np.array_equal(table(), table())
    assert np.array_equal(table(clips=50), table(clips=80)[:50])
    for other in (table(seed=2), table(epoch=3)):
        assert not (table() == other).any()


def test_draws_are_uniform():
    drawn = table(clips=20000)
    assert drawn.min() >= 0
    assert drawn.max() < 1
    np.testing.assert_allclose(drawn.mean(axis=0), 0.5, atol=0.01)
    np.testing.assert_allclose(np.corrcoef(drawn.T), np.eye(10), atol=0.03)


# --- starts ---


def test_worked_starts_in_a_clip_with_room():
    """500 samples of room; a shift of 100 lies within it and changes nothing."""
    for shift in (0, 100, 250):
        found = [start_of(row(start=u), crops=crops_of(shift_ms=shift)) for u in (0.0, 0.5, 0.999)]
        assert found == [0, 250, 500]


def test_worked_starts_past_the_edges():
    """No room and a shift of 100: from 100 before the clip to 100 after its start."""
    shifted = crops_of(shift_ms=100)
    found = [start_of(row(start=u), length=1000, crops=shifted) for u in (0.0, 0.5, 0.75)]
    assert found == [-100, 0, 50]
    # 100 samples of room: 50 to either side are missing.
    found = [start_of(row(start=u), length=900, crops=shifted) for u in (0.0, 0.5, 0.75)]
    assert found == [-50, 50, 100]


def test_worked_starts_around_the_loudest_part():
    near = crops_of(loudest_share=0.3, loudest_jitter_ms=60)
    found = [start_of(row(where=0.29, start=u), loudest=200, crops=near) for u in (0, 0.5, 0.75)]
    assert found == [140, 200, 230]
    assert start_of(row(where=0.31, start=0.0), loudest=200, crops=near) == 0
    assert start_of(row(where=0.0, start=0.0), loudest=20, crops=near) == 0
    assert start_of(row(where=0.0, start=0.999), loudest=490, crops=near) == 500


@pytest.mark.slow
@settings(deadline=None, max_examples=200)
@given(
    where=UNIFORM,
    start=UNIFORM,
    length=st.integers(100, 1000),
    shift=st.integers(0, 500),
    jitter=st.integers(0, 1000),
    data=st.data(),
)
def test_a_start_never_leaves_the_padded_clip(where, start, length, shift, jitter, data):
    loudest = data.draw(st.integers(0, 1000 - length))
    found = start_of(
        row(where=where, start=start),
        loudest=loudest,
        length=length,
        crops=crops_of(loudest_share=0.5, loudest_jitter_ms=jitter, shift_ms=shift),
    )
    assert -shift <= found <= 1000 - length + shift
    if shift <= (1000 - length) / 2:
        assert 0 <= found <= 1000 - length


# --- loudness and noise ---


@pytest.mark.parametrize(("draw", "factor"), [(0.0, 0.5012), (0.5, 1.0), (1.0, 1.9953)])
def test_worked_gain_of_6_db(draw, factor):
    gain, _ = drawn.loudness_factors(row(gain=draw), tf.constant([False]), augment_of(gain_db=6.0))
    np.testing.assert_allclose(gain, [[factor]], atol=1e-4)


def test_worked_noise_volume():
    noisy = augment_of(noise_share=0.8, noise_volume=0.1)

    def volume(silence: bool, **draws) -> float:
        return float(drawn.loudness_factors(row(**draws), tf.constant([silence]), noisy)[1][0, 0])

    assert volume(False, noise_on=0.79, volume=0.5) == pytest.approx(0.05)
    assert volume(False, noise_on=0.81, volume=0.5) == 0
    assert volume(True, noise_on=0.81, volume=0.5) == pytest.approx(0.5)


@settings(deadline=None)
@given(draw=UNIFORM, noise_samples=st.integers(1000, 16_000_000))
def test_a_second_of_noise_lies_within_the_noise(draw, noise_samples):
    start = int(drawn.noise_starts(row(noise_start=draw), noise_samples, 1000)[0])
    assert 0 <= start <= noise_samples - 1000


# --- speech held ---

SO_FAR = tf.constant([[0.0, 0.0, 0.5, 1.0, 1.0]])  # all speech in the middle half of the clip


def held(start: float, length: float, so_far: tf.Tensor = SO_FAR) -> float:
    return float(drawn.speech_held(so_far, tf.constant([start]), tf.constant(length))[0])


@pytest.mark.parametrize(
    ("start", "length", "expected"),
    [
        (0.0, 1.0, 1.0),
        (0.25, 0.5, 1.0),
        (0.0, 0.25, 0.0),
        (0.75, 0.25, 0.0),
        (0.0, 0.5, 0.5),
        (0.375, 0.25, 0.5),
        (0.25, 0.125, 0.25),
        (-0.5, 1.0, 0.5),
        (0.5, 1.0, 0.5),
        (-0.25, 1.5, 1.0),
    ],
)
def test_worked_shares_of_the_speech_held(start, length, expected):
    assert held(start, length) == pytest.approx(expected, abs=1e-6)


def test_each_crop_has_its_own_clip_and_a_silent_clip_holds_none():
    so_far = tf.concat([SO_FAR, tf.zeros([1, 5])], axis=0)
    found = drawn.speech_held(so_far, tf.constant([0.0, 0.0]), tf.constant(0.5))
    np.testing.assert_allclose(found, [0.5, 0.0], atol=1e-6)


@settings(deadline=None, max_examples=100)
@given(
    speech=st.lists(st.integers(0, 5), min_size=2, max_size=12).filter(any),
    start=st.floats(-0.5, 1, width=32),
    length=st.floats(0, 1, width=32),
)
def test_the_share_held_is_the_part_of_the_area_under_the_speech(speech, start, length):
    """Speech is even within a block: summing its thousandths is the oracle."""
    so_far = np.append(0, np.cumsum(speech)) / sum(speech)
    middles = (np.arange(1000 * len(speech)) + 0.5) / (1000 * len(speech))
    inside = (middles >= start) & (middles < start + length)
    expected = (np.repeat(speech, 1000) * inside).sum() / (1000 * sum(speech))
    found = held(start, length, tf.constant(so_far[None], tf.float32))
    assert found == pytest.approx(expected, abs=2e-3)


# --- masks ---


def masked(*masks: float, time=(0, 0), mel=(0, 0)) -> np.ndarray:
    """Which of 6 frames x 4 bins are covered."""
    found = augment_of(
        time_masks=time[0], time_mask_frames=time[1], mel_masks=mel[0], mel_mask_bins=mel[1]
    )
    return spec_augment(tf.ones([1, 6, 4, 1]), row(masks=masks), found).numpy()[0, :, :, 0] == 0


def spec_augment(features: tf.Tensor, draws: tf.Tensor, augment: AugmentChoices) -> tf.Tensor:
    """Masks drawn among longer crops: they must not care."""
    batch, frames, bins, _ = features.shape
    masks = drawn.draw_masks(
        draws, tf.fill([batch], frames), most_frames=frames + 5, bins=bins, augment=augment
    )
    return drawn.mask(features, *masks)


def test_worked_time_mask():
    """floor(0.7 * 4) = 2 frames wide; floor(0.5 * (6 - 2 + 1)) = 2 is its first."""
    assert masked(0.7, 0.5, time=(1, 3)).all(axis=1).tolist() == [0, 0, 1, 1, 0, 0]
    assert masked(0.7, 0.5, time=(1, 3)).sum() == 2 * 4


def test_worked_mel_mask():
    """floor(0.99 * 3) = 2 bins wide; floor(0.99 * 3) = 2 is its first."""
    assert masked(0.99, 0.99, mel=(1, 2)).all(axis=0).tolist() == [0, 0, 1, 1]
    assert masked(0.99, 0.99, mel=(1, 2)).sum() == 2 * 6


def test_each_mask_has_its_own_draws():
    found = masked(0.5, 0.0, 0.5, 0.99, 0.5, 0.5, time=(2, 1), mel=(1, 1))
    assert found.all(axis=1).tolist() == [1, 0, 0, 0, 0, 1]
    assert found.all(axis=0).tolist() == [0, 0, 1, 0]


@settings(deadline=None, max_examples=50)
@given(width=UNIFORM, start=UNIFORM, widest=st.integers(0, 9))
def test_a_mask_is_one_band_of_at_most_its_width(width, start, widest):
    covered = masked(width, start, time=(1, widest)).all(axis=1)
    expected = int(np.float32(width) * np.float32(widest + 1))
    assert covered.sum() <= expected
    # A band wider than the features covers a part of them, or all.
    if expected <= 6:
        assert covered.sum() == expected
    assert np.abs(np.diff(np.pad(covered.astype(int), 1))).sum() in (0, 2)


def test_without_masks_features_pass():
    features = tf.random.stateless_normal([2, 6, 4, 1], seed=[1, 2])
    assert np.array_equal(spec_augment(features, row(), PLAIN_AUGMENT), features)


# --- fixed crops ---


def test_worked_fixed_starts():
    loudest = np.array([120, 500], np.int32)
    expected = {
        "centre": [[250], [250]],
        "loudest": [[120], [500]],
        "sliding": [[0, 60, 120, 180, 240, 300, 360, 420, 480]] * 2,
    }
    for protocol, starts in expected.items():
        found = fixed_starts_ms(protocol, length_ms=500, loudest_ms=loudest)
        assert found.dtype == np.int32
        assert found.tolist() == starts


def test_random_starts_are_a_fixed_list_of_their_seed():
    loudest = np.zeros(400, np.int32)

    def found(seed, clips=400):
        return fixed_starts_ms("random", length_ms=500, loudest_ms=loudest[:clips], seed=seed)

    assert found(0).shape == (400, 5)
    assert found(0).dtype == np.int32
    assert np.array_equal(found(0), found(0))
    assert np.array_equal(found(0)[:7], found(0, clips=7))
    assert not np.array_equal(found(0), found(1))
    assert (found(0).min(), found(0).max()) == (0, 500)


@pytest.mark.parametrize("protocol", ["centre", "random", "loudest", "sliding"])
def test_a_crop_as_long_as_the_clip_starts_with_it(protocol):
    found = fixed_starts_ms(protocol, length_ms=1000, loudest_ms=np.zeros(3, np.int32))
    assert not found.any()
    assert len(found) == 3
