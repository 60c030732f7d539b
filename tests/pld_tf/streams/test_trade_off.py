"""Other thresholds than those of a decision."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pld_tf.streams.decision import NEVER, SCORE_ONE
from pld_tf.streams.detections import Spoken
from pld_tf.streams.scored import ScoredStream
from pld_tf.streams.trade_off import SHIFTS, shifted, trade_off
from pld_tf.streams.tune import count

THRESHOLDS = st.lists(st.integers(1, NEVER), min_size=1, max_size=4).map(np.array)
STREAM = ScoredStream(
    keywords=("yes",),
    spoken=(Spoken(word="yes", start_s=0.8, end_s=1.0),),
    recordings=("yes/0.wav",),
    times_s=np.arange(1.0, 9.0),
    # The word at 0.6; what is none at 0.5 and 0.2, seconds later.
    scores=np.array([[19661], [0], [0], [16384], [0], [0], [6554], [0]]),
    seconds=8.0,
)


def test_without_a_shift_it_is_the_decision_itself():
    thresholds = np.array([18000])
    points = trade_off(STREAM, thresholds, smoothing=1, refractory=1)
    (own,) = [point for point in points if not point.shift]
    tally = count(STREAM, thresholds, smoothing=1, refractory=1)
    assert (own.false_accepts, own.misses) == (len(tally.false_accepts), len(tally.misses))
    assert (own.false_accepts, own.misses) == (0, 0)


def test_a_threshold_of_a_half_between_the_three_scores():
    """The logits of 0.6, 0.5, 0.2 are 0.41, 0, -1.39: above each, one fires less."""
    points = trade_off(STREAM, np.array([16384]), smoothing=1, refractory=1)
    counts = {point.shift: (point.false_accepts, point.misses) for point in points}
    assert counts[-1.5] == (2, 0)
    assert counts[-1.25] == counts[0.0] == (1, 0)
    assert counts[0.25] == (0, 0)
    assert counts[0.5] == (0, 1)
    assert tuple(counts) == SHIFTS


@given(thresholds=THRESHOLDS, shift=st.floats(-8, 8))
def test_thresholds_move_together_and_stay_thresholds(thresholds, shift):
    moved = shifted(thresholds, shift)
    never = thresholds >= NEVER
    assert (moved[never] == NEVER).all()
    assert ((moved[~never] >= 1) & (moved[~never] <= SCORE_ONE)).all()
    if shift > 0.01:
        assert (moved >= np.minimum(thresholds, SCORE_ONE - 1)).all()
    if shift < -0.01:
        assert (moved[~never] <= thresholds[~never]).all()


@given(thresholds=THRESHOLDS)
def test_no_shift_changes_nothing(thresholds):
    assert (shifted(thresholds, 0.0) == thresholds).all()
