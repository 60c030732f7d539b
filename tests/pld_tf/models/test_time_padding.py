"""Networks without padding over time: what they take, and that nothing is padded."""

from functools import cache

import numpy as np
import pytest

from pld_tf.errors import PldError
from pld_tf.models import build
from pld_tf.models.names import SIZES, VALID_MIN_FRAMES, least_frames

BINS = 10
SMALLEST = {family: min(sizes, key=sizes.__getitem__) for family, sizes in VALID_MIN_FRAMES.items()}
# Frames that a network's strides over time take together.
STRIDES = {"tc_resnet": 1, "ds_cnn": 2}


@cache
def built(family, size):
    return build(
        family=family, size=size, width=0.1, dropout=0.0, frames=None, bins=BINS, classes=3,
        time_padding="valid",
    )  # fmt: skip


def logits(family, size, features):
    return built(family, size)(features[None, :, :, None]).numpy()[0]


def drawn(frames):
    return np.random.default_rng(0).normal(size=(frames, BINS)).astype(np.float32)


@pytest.mark.parametrize(
    ("family", "size"),
    [
        pytest.param(family, size, marks=() if size == SMALLEST[family] else pytest.mark.slow)
        for family, sizes in VALID_MIN_FRAMES.items()
        for size in sizes
    ],
)
def test_the_least_frames_are_enough_and_one_fewer_is_not(family, size):
    least = VALID_MIN_FRAMES[family][size]
    assert np.isfinite(logits(family, size, drawn(least))).all()
    try:
        found = logits(family, size, drawn(least - 1))
    except ValueError:  # nothing is left to cut a shortcut from
        return
    assert not np.isfinite(found).any()  # the mean of no frames


@pytest.mark.parametrize("family", SMALLEST)
def test_a_longer_input_has_the_mean_of_the_logits_of_its_parts(family):
    """So no frame is computed otherwise at an edge, and no shortcut is cut at the wrong place."""
    size, stride = SMALLEST[family], STRIDES[family]
    least = VALID_MIN_FRAMES[family][size]
    features = drawn(least + 3 * stride)
    parts = [
        logits(family, size, features[start:][:least]) for start in range(0, 4 * stride, stride)
    ]
    np.testing.assert_allclose(
        logits(family, size, features), np.mean(parts, axis=0), rtol=1e-4, atol=1e-5
    )


def test_too_few_frames_are_refused_with_the_number():
    with pytest.raises(ValueError, match=r"model\.frames must be at least 23, or None, got 22"):
        build(
            family="tc_resnet", size="8", width=1.0, dropout=0.0, frames=22, bins=BINS, classes=3,
            time_padding="valid",
        )  # fmt: skip


@pytest.mark.parametrize("family", sorted(set(SIZES) - set(VALID_MIN_FRAMES)))
def test_other_families_are_refused(family):
    with pytest.raises(PldError, match=f"{family} has no time_padding = 'valid'; ds_cnn and tc_"):
        build(
            family=family, size=SIZES[family][0], width=1.0, dropout=0.0, frames=None, bins=BINS,
            classes=3, time_padding="valid",
        )  # fmt: skip


def test_with_padding_all_networks_take_four_frames():
    assert least_frames(family="tc_resnet", size="8", time_padding="same") == 4
