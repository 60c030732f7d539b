"""The least input that recipes allow is enough for every family, and not more than is needed."""

import numpy as np
import pytest
from by_family import every_family

from pld_tf.models import build
from pld_tf.models.names import MIN_BINS, MIN_FRAMES, SIZES

# What pools most in each family, else the smallest.
FIRST_TO_FAIL = {"res": "8-narrow", "edgespeechnet": "D"}


def logits(family: str, frames: int) -> np.ndarray:
    model = build(
        family=family,
        size=FIRST_TO_FAIL.get(family, SIZES[family][0]),
        width=0.25,
        dropout=0.0,
        frames=None,
        bins=MIN_BINS,
        classes=3,
    )
    return model(np.ones((2, frames, MIN_BINS, 1), np.float32)).numpy()


@every_family
def test_the_least_input_gives_finite_logits(family):
    found = logits(family, MIN_FRAMES)
    assert found.shape == (2, 3)
    assert np.isfinite(found).all()


def test_with_a_frame_less_res8_has_nothing_to_score():
    assert not np.isfinite(logits("res", MIN_FRAMES - 1)).any()


def test_a_model_of_fewer_frames_is_not_built():
    with pytest.raises(ValueError, match=r"model\.frames must be at least 4, or None, got 3"):
        build(family="res", size="8", width=1.0, dropout=0.0, frames=3, bins=40, classes=3)
