import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from export.metrics.exact import exact_interval, paired_loss

COUNTS = st.integers(1, 300).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@pytest.mark.parametrize(
    ("count", "total", "low", "high"),
    [
        (81, 263, 0.2527, 0.3676),
        (15, 148, 0.0578, 0.1617),
        (0, 20, 0, 0.1684),
        (1, 29, 0.0009, 0.1776),
    ],
)
def test_the_exact_interval_equals_the_published_examples(count, total, low, high):
    """Newcombe 1998, table I, method 5."""
    assert exact_interval(count, total) == pytest.approx((low, high), abs=5e-5)


@given(COUNTS)
def test_the_exact_interval_holds_the_share_and_mirrors_itself(counted):
    count, total = counted
    low, high = exact_interval(count, total)
    assert 0 <= low <= count / total <= high <= 1
    assert exact_interval(total - count, total) == pytest.approx((1 - high, 1 - low), abs=1e-9)


def test_of_nothing_counted_nothing_is_known():
    assert exact_interval(0, 0) == (0, 1)


@pytest.mark.parametrize("count", [-1, 4])
def test_more_successes_than_trials_are_refused(count):
    with pytest.raises(ValueError, match=f"count must be 0 to total, got {count} of 3"):
        exact_interval(count, 3)


def mcnemar(lost: int, gained: int) -> float:
    """Chance that a fair coin shows at least `lost` heads: one side of McNemar's exact test."""
    changed = lost + gained
    return sum(math.comb(changed, n) for n in range(lost, changed + 1)) / 2**changed


@given(st.integers(0, 60), st.integers(0, 60))
def test_a_paired_interval_lies_above_zero_where_the_exact_test_of_mcnemar_finds_a_loss(lost, won):
    low, high = paired_loss(lost=lost, gained=won, crops=200)
    assert (low > 0) == (mcnemar(lost, won) < 0.025)
    assert -1 <= low <= (lost - won) / 200 <= high <= 1


def test_six_losses_without_a_gain_are_a_loss_and_five_are_chance():
    """A fair coin falls on one side six times in a row with 1/64, five times with 1/32."""
    assert paired_loss(lost=6, gained=0, crops=60)[0] > 0
    assert paired_loss(lost=5, gained=0, crops=60)[0] < 0


def test_where_no_crop_changes_sides_nothing_is_lost():
    assert paired_loss(lost=0, gained=0, crops=60) == (0, 0)
