"""The rounding of kernels for the DSP extension, in Python: TFLite Micro's for every sum."""

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from export.c_code.model.kernels.channels import Channel
from export.c_code.model.kernels.dsp.rounding import fits, scale_words
from export.c_code.model.requantize import Multiplier, multiplier

MOST = 2**20
SUMS = st.integers(-MOST, MOST)
ZEROS = st.integers(-128, 127)


def finish(total: int, words: tuple[int, int, int], *, negatives: bool) -> int:
    """As the C function of that name; `total` is doubled."""
    factor, half, shift = words
    value = ((total * factor + 2**31) >> 32) + half
    assert -(2**31) <= value < 2**31
    if negatives and total < 0:
        value -= 1
    return min(max(value >> shift, -128), 127)


def tflm(number: int, factor: Multiplier, zero: int) -> int:
    return min(max(factor.apply(number) + zero, -128), 127)


def channel(factor: Multiplier) -> Channel:
    return Channel(bias=0, multiplier=factor, most=MOST)


@given(number=SUMS, factor=st.floats(2**-34, 0.49), zero=ZEROS)
@example(number=-3, factor=0.25, zero=0)  # -3/4 is -1, and so is -1/2
@example(number=-2, factor=0.25, zero=0)
@example(number=0, factor=2.0**-30, zero=-128)
def test_halves_of_both_signs_round_away_from_zero(number, factor, zero):
    given_channel = channel(multiplier(factor))
    assume(fits(given_channel))
    words = scale_words(given_channel, zero)
    assert finish(2 * number, words, negatives=True) == tflm(number, multiplier(factor), zero)


@given(number=SUMS, factor=st.floats(2**-34, 0.49), zero=ZEROS)
def test_what_is_not_below_the_zero_point_needs_no_care_for_signs(number, factor, zero):
    given_channel = channel(multiplier(factor))
    assume(fits(given_channel))
    found = finish(2 * number, scale_words(given_channel, zero), negatives=False)
    assert max(found, zero) == max(tflm(number, multiplier(factor), zero), zero)


@pytest.mark.parametrize(
    ("factor", "fitting", "constant"),
    [
        (0.4, True, False),
        (0.6, False, False),  # has no shift to the right
        (2.0**-22, True, True),  # 2^20 sums make a quarter of a step
        (2.0**-21, True, False),  # half a step, which rounds up
        (2.0**-31, True, True),
        (0.0, True, True),
    ],
)
def test_a_channel_of_less_than_half_a_step_is_constant(factor, fitting, constant):
    made = channel(multiplier(factor))
    assert (fits(made), made.dead) == (fitting, constant)


def test_a_dead_channel_gives_the_zero_point():
    assert scale_words(channel(multiplier(0.0)), -5) == (0, 1 - 10, 1)
