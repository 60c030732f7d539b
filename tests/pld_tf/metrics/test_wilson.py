import pytest
from hypothesis import given
from hypothesis import strategies as st

from pld_tf.metrics.wilson import wilson_interval

COUNTS = st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@pytest.mark.parametrize(
    ("correct", "total", "low", "high"),
    [
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_interval_equals_the_published_examples(correct, total, low, high):
    """Newcombe 1998, table I, method 3."""
    assert wilson_interval(correct, total) == pytest.approx((low, high), abs=5e-5)


@given(COUNTS)
def test_wilson_interval_holds_the_share_and_stays_in_0_to_1(count):
    correct, total = count
    low, high = wilson_interval(correct, total)
    assert 0 <= low <= correct / total <= high <= 1
    assert low < high


@given(COUNTS)
def test_wilson_interval_of_the_errors_mirrors_that_of_the_hits(count):
    correct, total = count
    low, high = wilson_interval(correct, total)
    assert wilson_interval(total - correct, total) == pytest.approx((1 - high, 1 - low), abs=1e-12)


@pytest.mark.slow
@given(COUNTS)
def test_wilson_ends_solve_the_score_equation(count):
    correct, total = count
    share = correct / total
    for end in wilson_interval(correct, total, z=2.0):
        assert (end - share) ** 2 == pytest.approx(4 * end * (1 - end) / total, abs=1e-12)


def test_a_wider_confidence_gives_a_wider_interval():
    narrow, wide = wilson_interval(90, 100, z=1), wilson_interval(90, 100, z=3)
    assert wide[0] < narrow[0] < 0.9 < narrow[1] < wide[1]


@pytest.mark.parametrize(("correct", "total"), [(-1, 5), (6, 5), (0, 0)])
def test_impossible_counts_are_refused(correct, total):
    with pytest.raises(ValueError, match=f"got {correct} of {total}"):
        wilson_interval(correct, total)


@pytest.mark.parametrize("z", [0.0, -1.0])
def test_a_confidence_of_nothing_is_refused(z):
    with pytest.raises(ValueError, match="z must be positive"):
        wilson_interval(1, 2, z=z)
