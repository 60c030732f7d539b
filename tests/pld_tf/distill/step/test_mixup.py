"""Mixup: shares, pairs and labels."""

import numpy as np
import pytest
import tensorflow as tf
from hypothesis import given, settings
from hypothesis import strategies as st

from pld_tf.distill.step.losses import label_probabilities
from pld_tf.distill.step.mixup import mixed

SIZE = 5


def batch(**more: object) -> dict[str, tf.Tensor]:
    features = np.random.default_rng(0).normal(size=(SIZE, 4, 3, 1))
    plain = {
        "features": tf.constant(features, tf.float32),
        "label": tf.range(SIZE),
        "clip": tf.range(10, 10 + SIZE, dtype=tf.int64),
    }
    return plain | {name: tf.constant(value, tf.float32) for name, value in more.items()}


def mix(given: dict, *, alpha: float = 0.5, seed: int = 1, step: int = 0) -> dict[str, np.ndarray]:
    found = mixed(given, alpha=alpha, seed=seed, step=tf.constant(step, tf.int64))
    return {name: value.numpy() for name, value in found.items()}


def test_each_crop_is_blended_with_the_next_and_the_last_with_the_first():
    plain = batch()["features"].numpy()
    found = mix(batch())
    for crop in range(SIZE):
        own, other = found["own_share"][crop], (crop + 1) % SIZE
        expected = own * plain[crop] + (1 - own) * plain[other]
        np.testing.assert_allclose(found["features"][crop], expected, atol=1e-6)
        assert found["other_label"][crop] == other


def test_labels_are_blended_by_the_share_of_the_features():
    found = mix(batch())
    probabilities = label_probabilities(found, classes=SIZE, smoothing=0.0).numpy()
    for crop, own in enumerate(found["own_share"]):
        assert probabilities[crop, crop] == pytest.approx(own)
        assert probabilities[crop, (crop + 1) % SIZE] == pytest.approx(1 - own)


def test_what_the_teacher_hears_is_blended_by_the_same_shares():
    heard = np.random.default_rng(1).normal(size=(SIZE, 7, 3, 1))
    found = mix(batch(teacher=heard, held=np.linspace(0, 1, SIZE)))
    own = found["own_share"]
    expected = own[:, None, None, None] * heard
    expected += (1 - own)[:, None, None, None] * np.roll(heard, -1, axis=0)
    np.testing.assert_allclose(found["teacher"], expected, atol=1e-6)
    held = np.linspace(0, 1, SIZE)
    np.testing.assert_allclose(found["held"], own * held + (1 - own) * np.roll(held, -1), atol=1e-6)


def test_the_label_of_a_blend_is_known_where_both_are():
    found = mix(batch(labelled=[1, 1, 0, 1, 1]))
    assert found["labelled"].tolist() == [1, 0, 0, 1, 1]


def test_clips_and_own_labels_stay():
    found = mix(batch())
    assert found["label"].tolist() == list(range(SIZE))
    assert found["clip"].tolist() == list(range(10, 10 + SIZE))
    assert set(found) == {"features", "label", "clip", "other_label", "own_share"}


@pytest.mark.slow
@settings(max_examples=20)  # each blends four times, operator by operator
@given(seed=st.integers(0, 2**40), step=st.integers(0, 2**31))
def test_shares_follow_from_seed_and_step(seed, step):
    first, again = (mix(batch(), seed=seed, step=step)["own_share"] for _ in range(2))
    assert np.array_equal(first, again)
    assert ((first >= 0) & (first <= 1)).all()
    for other in ({"seed": seed + 1, "step": step}, {"seed": seed, "step": step + 1}):
        assert not np.array_equal(first, mix(batch(), **other)["own_share"])


@pytest.mark.parametrize("alpha", [0.2, 1.0, 4.0])
def test_shares_are_beta_distributed(alpha):
    """Beta(a, a) has the mean 1/2 and the variance 1 / (4 (2a + 1))."""
    large = {
        "features": tf.zeros([20000, 1, 1, 1]),
        "label": tf.zeros([20000], tf.int32),
    }
    shares = mix(large, alpha=alpha)["own_share"]
    assert np.mean(shares) == pytest.approx(0.5, abs=0.015)
    assert np.var(shares) == pytest.approx(1 / (4 * (2 * alpha + 1)), rel=0.05)


def test_a_tiny_alpha_leaves_crops_apart_and_never_divides_by_zero():
    shares = mix(batch(), alpha=0.001)["own_share"]
    assert np.isfinite(shares).all()
    wide = {"features": tf.ones([2000, 1, 1, 1]), "label": tf.zeros([2000], tf.int32)}
    shares = mix(wide, alpha=0.001)["own_share"]
    assert np.isfinite(shares).all()
    assert np.mean(np.minimum(shares, 1 - shares) < 0.01) > 0.8
