import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from pld_tf.metrics.bootstrap import REPLICATES, clip_weights, interval, replicates

WEIGHTS = clip_weights(50)
VALUES = st.integers(1, 4).flatmap(
    lambda seeds: arrays(np.float64, (seeds, 50), elements=st.sampled_from([0.0, 0.2, 1.0]))
)


def test_each_replicate_counts_as_many_clips_as_there_are():
    assert WEIGHTS.shape == (REPLICATES, 50)
    np.testing.assert_allclose(WEIGHTS.sum(axis=1), 1, rtol=1e-5)
    assert set(np.unique(np.rint(WEIGHTS * 50))) >= {0, 1, 2, 3}


def test_the_same_clips_are_drawn_each_time():
    np.testing.assert_array_equal(clip_weights(50), WEIGHTS)


def test_one_seed_gives_the_binomial_interval_over_clips():
    """0.8 of 1,000: 1.96 * sqrt(0.8 * 0.2 / 1000) = 0.0248 to either side."""
    values = (np.arange(1000) < 800)[None].astype(float)
    found = interval(values, clip_weights(1000), lowest=0.0)
    assert found.mean == pytest.approx(0.8)
    assert found.mean - found.low == pytest.approx(0.0248, abs=0.003)
    assert found.high - found.mean == pytest.approx(0.0248, abs=0.003)


def test_seeds_alone_spread_as_their_unbiased_standard_error():
    """Every clip agrees, so only seeds differ: standard error sqrt(0.01 / 3 / 3), s² = 0.01 / 3."""
    of_seed = np.array([0.4, 0.5, 0.5])
    values = np.repeat(of_seed[:, None], 50, axis=1)
    assert replicates(values, WEIGHTS).std() == pytest.approx(
        np.sqrt(of_seed.var(ddof=1) / 3), rel=0.05
    )


def test_seeds_that_differ_widen_the_interval_of_one_seed():
    clips = (np.arange(50) < 40).astype(float)
    alone = interval(clips[None], WEIGHTS, lowest=0.0)
    others = interval(np.stack([clips, clips, 0 * clips]), WEIGHTS, lowest=0.0)
    assert others.high - others.low > 2 * (alone.high - alone.low)


def test_a_pair_right_on_the_same_clips_differs_by_nothing_at_all():
    """Pairing: both miss the same clips, so no draw of clips tells them apart."""
    one = (np.arange(50) < 40)[None].astype(float)
    found = interval(one - one.copy(), WEIGHTS, lowest=-1.0)
    assert (found.mean, found.low, found.high) == (0.0, 0.0, 0.0)


@given(VALUES)
def test_the_ends_lie_in_order_and_in_range(values):
    found = interval(values, WEIGHTS, lowest=0.0)
    assert 0 <= found.low <= found.high <= 1
    assert found.mean == pytest.approx(values.mean())


@given(VALUES)
def test_a_difference_turned_round_has_its_interval_turned_round(values):
    there = interval(values - 0.5, WEIGHTS, lowest=-1.0)
    back = interval(0.5 - values, WEIGHTS, lowest=-1.0)
    np.testing.assert_allclose([back.low, back.high], [-there.high, -there.low], atol=1e-5)


@given(VALUES)
def test_values_that_are_all_the_same_have_an_interval_of_no_width(values):
    same = np.full_like(values, values[0, 0])
    found = interval(same, WEIGHTS, lowest=0.0)
    np.testing.assert_allclose([found.low, found.high], found.mean, atol=1e-5)
