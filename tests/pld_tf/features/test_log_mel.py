"""Features in TensorFlow against an obvious oracle, and what a streaming device may rely on."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from pld_tf.features.log_mel import log_mel
from pld_tf.features.spec import FeatureSpec
from pld_tf.features.tables import Q15, make_tables

SPECS = {
    "default": FeatureSpec(),
    "mfcc": FeatureSpec(mfcc=10),
    "8 kHz": FeatureSpec(
        sample_rate_hz=8000, window_ms=25, hop_ms=10, fft_size=256, mel_bins=16, high_hz=3800
    ),
}
every_spec = pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS.keys())


def oracle(samples: np.ndarray, spec: FeatureSpec) -> np.ndarray:
    """Frame by frame, bin by bin, in float64: [frames, bins] of one crop."""
    tables = make_tables(spec)
    rows = []
    for frame in range(spec.frames(len(samples))):
        start = frame * spec.hop_samples
        windowed = samples[start : start + spec.window_samples] * (tables.window / Q15)
        power = np.abs(np.fft.fft(windowed, spec.fft_size)[: spec.fft_size // 2 + 1]) ** 2
        energies = [power @ (tables.mel[:, bin] / Q15) for bin in range(spec.mel_bins)]
        row = (np.log2(np.array(energies) + spec.log_floor) - spec.log2_offset) / spec.log2_scale
        if spec.mfcc:
            row = np.array([row @ (tables.dct[:, k] / Q15) for k in range(spec.mfcc)])
        rows.append(row)
    return np.array(rows)


def noise(*shape: int, seed: int = 0, loud: int = 20000) -> np.ndarray:
    return np.random.default_rng(seed).integers(-loud, loud, shape).astype(np.float32)


def features(samples: np.ndarray, spec: FeatureSpec) -> np.ndarray:
    return log_mel(tf.constant(samples), spec).numpy()


@every_spec
@pytest.mark.parametrize("loud", [1, 300, 32767])
def test_features_equal_the_oracle(spec, loud):
    crops = noise(3, spec.samples(500), loud=loud)
    expected = np.stack([oracle(crop, spec) for crop in crops])[..., None]
    actual = features(crops, spec)
    assert actual.dtype == np.float32
    np.testing.assert_allclose(actual, expected, atol=1e-4)


@settings(deadline=None, max_examples=10)
@given(hz=st.floats(100, 7000), amplitude=st.floats(1, 32767))
def test_a_tone_equals_the_oracle(hz, amplitude):
    """A tone leaves the other bins near the floor, where rounding would show."""
    samples = (amplitude * np.sin(2 * np.pi * hz * np.arange(1600) / 16000)).astype(np.float32)
    np.testing.assert_allclose(
        features(samples[None], FeatureSpec())[0, :, :, 0],
        oracle(samples, FeatureSpec()),
        atol=2e-3,
    )


@every_spec
def test_silence_is_the_log_floor(spec):
    quiet = (np.log2(spec.log_floor) - spec.log2_offset) / spec.log2_scale
    expected = np.full((spec.frames(spec.samples(100)), spec.mel_bins), quiet)
    if spec.mfcc:
        expected = expected @ (make_tables(spec).dct / Q15)
    actual = features(np.zeros((1, spec.samples(100)), np.float32), spec)
    np.testing.assert_allclose(actual[0, :, :, 0], expected, atol=1e-5)


@every_spec
@pytest.mark.parametrize("length_ms", [1000, 800, 500])
def test_frames_are_as_many_as_the_spec_says(spec, length_ms):
    samples = spec.samples(length_ms)
    shape = features(np.zeros((2, samples), np.float32), spec).shape
    assert shape == (2, spec.frames(samples), spec.bins, 1)


@settings(deadline=None, max_examples=20)
@given(frame=st.integers(0, 23), seed=st.integers(0, 9))
def test_a_frame_depends_on_no_later_sample(frame, seed):
    spec = FeatureSpec()
    crop = noise(1, 8000, seed=seed)
    end = frame * spec.hop_samples + spec.window_samples
    changed = crop.copy()
    changed[:, end:] = noise(1, 8000 - end, seed=seed + 100)
    before, after = features(crop, spec), features(changed, spec)
    assert np.array_equal(before[:, : frame + 1], after[:, : frame + 1])
    # The first window's sample 0 weighs nothing, so a change there would not show.
    if frame < 23:
        assert not np.array_equal(before[:, frame + 1], after[:, frame + 1])


@every_spec
def test_a_crop_does_not_depend_on_its_batch(spec):
    crops = noise(5, spec.samples(500))
    crops[1] *= 0.001
    together = features(crops, spec)
    alone = np.concatenate([features(crop[None], spec) for crop in crops])
    np.testing.assert_allclose(together, alone, atol=1e-5)


def test_a_crop_that_starts_one_hop_later_has_the_same_frames():
    """A device that slides by a hop computes one new frame, not all of them."""
    spec = FeatureSpec()
    clip = noise(1, 16000)
    whole, later = features(clip, spec), features(clip[:, 3 * spec.hop_samples :], spec)
    np.testing.assert_allclose(whole[:, 3:], later, atol=1e-5)


def test_twice_the_amplitude_is_two_log2_energies():
    spec = FeatureSpec()
    loud, louder = noise(1, 8000, loud=10000), 2 * noise(1, 8000, loud=10000)
    np.testing.assert_allclose(
        features(louder, spec) - features(loud, spec), 2 / spec.log2_scale, atol=1e-3
    )


def test_length_and_batch_may_be_unknown_to_the_graph():
    spec = FeatureSpec()
    graph = tf.function(
        lambda samples: log_mel(samples, spec),
        input_signature=[tf.TensorSpec([None, None], tf.float32)],
    )
    crops = noise(2, 8000)
    np.testing.assert_allclose(graph(crops).numpy(), features(crops, spec), atol=1e-5)
