"""Voices: plain features where nothing changes, worked hops, and filters that lie elsewhere."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from pld_tf.features.log_mel import log_mel
from pld_tf.features.spec import FeatureSpec
from pld_tf.features.tables import fft_bins_hz, mel_weights
from pld_tf.features.voices import KNEE, KNOTS, TRACTS, Voices, _warped

SPEC = FeatureSpec()
EIGHT_KHZ = FeatureSpec(
    sample_rate_hz=8000, window_ms=25, hop_ms=10, fft_size=256, mel_bins=16, high_hz=3800
)
# Hop and window of 11 ms and 7 ms share 8 samples; a 16th of the hop is 3: steps of 2.
ODD = FeatureSpec(
    sample_rate_hz=8000, window_ms=11, hop_ms=7, fft_size=128, mel_bins=12, high_hz=3800
)
every_spec = pytest.mark.parametrize("spec", [SPEC, EIGHT_KHZ, ODD], ids=["16k", "8k", "odd"])
MIDDLE = (TRACTS // 2 + 0.5) / TRACTS
DRAW = st.floats(0, 1, exclude_max=True, width=32)
VARIED = Voices(SPEC, tempo=0.3, vocal_tract=0.1)


def noise(*shape: int) -> tf.Tensor:
    samples = np.random.default_rng(0).integers(-20000, 20000, shape)
    return tf.constant(samples, tf.float32)


def hop_of(voices: Voices, draw: float) -> int:
    return int(voices.hop(tf.constant(draw)))


def tract(number: int) -> tf.Tensor:
    """A draw that chooses filter bank `number`."""
    return tf.constant((number + 0.5) / TRACTS)


@every_spec
def test_at_the_recorded_pace_and_tract_features_are_the_plain_ones(spec):
    voices = Voices(spec, tempo=0.0, vocal_tract=0.2)
    crops = noise(3, spec.samples(500))
    heard = voices.log_mel(crops, hop=voices.hop(tf.constant(0.9)), tract=tf.constant(MIDDLE))
    assert np.array_equal(heard, log_mel(crops, spec))


def test_worked_hops():
    """A tenth of 320 samples is one step of 20 and a rest: 300, 320 or 340."""
    voices = Voices(SPEC, tempo=0.1, vocal_tract=0.0)
    assert [hop_of(voices, draw) for draw in (0.0, 0.33, 0.34, 0.66, 0.67, 0.999)] == [
        *(300, 300, 320, 320, 340, 340)
    ]
    assert voices.longest_hop == 340


def test_a_share_that_falls_on_a_step_reaches_it():
    """A quarter of 320 is four steps of 20; a hair less is three."""
    hops = [Voices(SPEC, tempo=tempo, vocal_tract=0.0).longest_hop for tempo in (0.25, 0.2499)]
    assert hops == [400, 380]


@given(draw=DRAW)
def test_no_hop_is_longer_than_the_longest_or_as_much_shorter(draw):
    assert abs(hop_of(VARIED, draw) - SPEC.hop_samples) <= VARIED.longest_hop - SPEC.hop_samples


@settings(max_examples=30)
@given(length=st.integers(480, 16000), draw=DRAW)
def test_every_pace_has_the_frames_of_the_recorded_one(length, draw):
    hop = VARIED.hop(tf.constant(draw))
    crops = tf.zeros([2, int(VARIED.samples(length, hop))])
    features = VARIED.log_mel(crops, hop=hop, tract=tf.constant(draw))
    assert features.shape == (2, SPEC.frames(length), SPEC.bins, 1)


@every_spec
@pytest.mark.parametrize("draw", [0.0, 0.3, 0.5, 0.99])
def test_frames_are_those_of_tensorflow_at_that_hop(spec, draw):
    voices = Voices(spec, tempo=0.4, vocal_tract=0.0)
    hop = hop_of(voices, draw)
    assert draw == 0.5 or hop != spec.hop_samples
    # A rest that fills no window is dropped here as there.
    crops = noise(2, voices.samples(spec.samples(500), hop) + hop - 1)
    expected = tf.signal.frame(crops, spec.window_samples, hop)
    assert np.array_equal(voices._frames(crops, tf.constant(hop)), expected)


@settings(max_examples=30)
@given(number=st.integers(0, TRACTS - 1), hz=st.floats(200, 3500))
def test_a_longer_or_shorter_tract_hears_a_tone_at_another_height(number, hz):
    """Filters warped by a factor take of a tone what plain ones take of `factor` times its Hz.

    Worked on the filters themselves: bins of the plain ones that lie at the warped frequencies.
    """
    factor = 0.8 + 0.4 * number / (TRACTS - 1)
    ours = mel_weights(_warped(fft_bins_hz(SPEC), factor), SPEC)
    bin_number = round(hz / 16000 * 512)
    plain = mel_weights(np.array([bin_number * 16000 / 512 * factor]), SPEC)
    np.testing.assert_allclose(ours[bin_number], plain[0], atol=1e-9)


@pytest.mark.parametrize(("number", "factor"), [(0, 0.8), (TRACTS - 1, 1.2)])
def test_worked_tracts_move_the_loudest_bin_of_a_tone(number, factor):
    """1500 Hz with the longest and the shortest tract sounds as 1200 and 1800 Hz do plainly."""
    voices = Voices(SPEC, tempo=0.0, vocal_tract=0.2)
    warped = voices.log_mel(tone(1500), hop=tf.constant(SPEC.hop_samples), tract=tract(number))
    plain = log_mel(tone(1500 * factor), SPEC)
    own = log_mel(tone(1500), SPEC)
    loudest = [int(np.argmax(np.mean(each, axis=(0, 1, 3)))) for each in (warped, plain, own)]
    assert loudest[0] == loudest[1]
    assert loudest[0] != loudest[2]


def tone(hz: float) -> tf.Tensor:
    phase = 2 * np.pi * hz * np.arange(8000) / 16000
    return tf.constant(5000 * np.sin(phase)[None], tf.float32)


@given(factor=st.floats(0.7, 1.3))
def test_warping_keeps_the_ends_and_the_order(factor):
    hz = fft_bins_hz(SPEC)
    warped = _warped(hz, factor)
    assert (warped[0], warped[-1]) == (hz[0], hz[-1])
    assert (np.diff(warped) > 0).all()
    below = hz <= KNEE * hz[-1]
    np.testing.assert_allclose(warped[below], factor * hz[below], rtol=1e-12)


def test_every_draw_chooses_one_of_all_tracts_alike():
    voices = Voices(SPEC, tempo=0.0, vocal_tract=0.2)
    crops, hop = noise(1, 800), tf.constant(SPEC.hop_samples)
    heard = [
        voices.log_mel(crops, hop=hop, tract=tract(n)).numpy().tobytes() for n in range(TRACTS)
    ]
    assert len(set(heard)) == TRACTS
    first, last = (voices.log_mel(crops, hop=hop, tract=tf.constant(d)) for d in (0.0, 0.999999))
    assert (first.numpy().tobytes(), last.numpy().tobytes()) == (heard[0], heard[-1])


def filtered(knots: list[float], filter_db: float = 12.0) -> np.ndarray:
    """By how many dB a filter changes each bin of loud noise, [bins]."""
    voices = Voices(SPEC, tempo=0.0, vocal_tract=0.0, filter_db=filter_db)
    crops, hop = noise(1, 8000), tf.constant(SPEC.hop_samples)
    plain = voices.log_mel(crops, hop=hop, tract=tf.constant(MIDDLE))
    heard = voices.log_mel(
        crops, hop=hop, tract=tf.constant(MIDDLE), knots=tf.constant(knots, tf.float32)
    )
    change = (heard - plain).numpy()[0, :, :, 0] * SPEC.log2_scale * 10 * np.log10(2)
    assert np.ptp(change, axis=0).max() < 0.01
    return change.mean(axis=0)


def test_a_filter_changes_levels_along_straight_lines_between_its_knots():
    change = filtered([0.0, 0.5, 1.0, 0.5])
    corners = [0, 13, 26, 39]
    expected = np.interp(np.arange(40), corners, [-12.0, 0.0, 12.0, 0.0])
    np.testing.assert_allclose(change, expected, atol=0.01)


def test_draws_of_a_half_and_no_decibels_change_nothing():
    assert np.abs(filtered([0.5] * KNOTS)).max() < 1e-3
    assert not filtered([0.1, 0.9, 0.3, 0.2], filter_db=0.0).any()
