"""TFLite Micro's integer arithmetic in Python: values worked by hand, and float mathematics."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from export.c_code.model.kernels import fixed_point
from export.c_code.model.kernels.mean import mean_multiplier
from export.c_code.model.kernels.softmax import exponentials
from export.c_code.model.requantize import (
    Multiplier,
    activation_range,
    divide_by_power_of_two,
    doubling_high,
    multiplier,
    single,
)

ONE = 2.0**31
INT32 = st.integers(-(2**31), 2**31 - 1)
INT8 = np.arange(-128, 128)
EXP_ERROR = 2**-15 / 120 + 8 * 2**-31
SCALES = st.floats(2**-20, 2.0, width=32)
ZEROS = st.integers(-128, 127)


# --- gemmlowp's two roundings ---


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        (2**30, 2**30, 2**29),  # 1/2 * 1/2
        (1, 2**30, 1),  # 0.5 goes up
        (-1, 2**30, 0),  # as does -0.5
        (-3, 2**30, -1),  # and -1.5
        (3, 2**30, 2),
        (1, 2**30 - 1, 0),
        (-(2**31), -(2**31), 2**31 - 1),  # the only product that does not fit
        (-(2**31), 2**31 - 1, -(2**31) + 1),
    ],
)
def test_the_high_half_of_a_doubled_product_rounds_up(a, b, expected):
    assert doubling_high(a, b) == expected


@given(a=INT32, b=INT32)
def test_the_high_half_is_gemmlowps(a, b):
    """SaturatingRoundingDoublingHighMul: a nudge by sign, then a division that truncates."""
    product = a * b
    nudged = product + (2**30 if product >= 0 else 1 - 2**30)
    truncated = abs(nudged) // 2**31 * (1 if nudged >= 0 else -1)
    assert doubling_high(a, b) == min(truncated, 2**31 - 1)


@pytest.mark.parametrize(
    ("number", "exponent", "expected"),
    [(5, 1, 3), (-5, 1, -3), (5, 2, 1), (6, 2, 2), (-6, 2, -2), (-7, 3, -1), (7, 0, 7)],
)
def test_a_division_by_a_power_of_two_rounds_halves_away_from_zero(number, exponent, expected):
    assert divide_by_power_of_two(number, exponent) == expected


@given(number=INT32, exponent=st.integers(0, 31))
def test_a_division_by_a_power_of_two_is_gemmlowps(number, exponent):
    """RoundingDivideByPOT: shifted, plus one where the remainder is above a threshold."""
    mask = (1 << exponent) - 1
    threshold = (mask >> 1) + (number < 0)
    expected = (number >> exponent) + ((number & mask) > threshold)
    assert divide_by_power_of_two(number, exponent) == expected


# --- factors between scales ---


@pytest.mark.parametrize(
    ("factor", "value", "shift"),
    [
        (1.0, 2**30, 1),
        (0.75, 3 * 2**29, 0),
        (0.001, 1099511628, -9),  # 0.001 * 2^9 * 2^31
        (1 - 2**-40, 2**30, 1),  # rounds up to the next power of two
        (2.0**-32, 2**30, -31),
        (2.0**-33, 0, 0),
        (0.0, 0, 0),
        (2.0**30, 2**30, 31),
    ],
)
def test_a_factor_is_a_fraction_of_31_bits_and_a_shift(factor, value, shift):
    assert multiplier(factor) == Multiplier(value=value, shift=shift)


@pytest.mark.parametrize("factor", [2.0**31, math.inf, math.nan])
def test_a_factor_past_31_bits_is_refused(factor):
    with pytest.raises((ValueError, OverflowError)):
        multiplier(factor)


@given(factor=st.floats(2**-20, 8.0), number=st.integers(-(2**24), 2**24))
def test_a_rescaled_number_is_within_one_step_of_the_exact_product(factor, number):
    """Half a step for each of two roundings, and the factor's last bit."""
    assert abs(multiplier(factor).apply(number) - factor * number) <= 1.01


def test_two_roundings_differ_from_one():
    """0.4999999998 * 1: to 31 bits it is a half, and halves go away from zero."""
    factor = Multiplier(value=2**31 - 1, shift=-1)
    assert factor.apply(1) == 1


@pytest.mark.parametrize(
    ("activation", "scale", "zero", "limits"),
    [
        (0, 0.1, 5, (-128, 127)),
        (1, 0.1, -128, (-128, 127)),
        (1, 0.1, 5, (5, 127)),
        (2, 0.1, 5, (-5, 15)),
        (3, 0.1, -100, (-100, -40)),
        (3, 0.01, -100, (-100, 127)),
    ],
)
def test_a_fused_activation_limits_outputs(activation, scale, zero, limits):
    assert activation_range(activation, scale=scale, zero_point=zero) == limits


def test_single_is_the_nearest_number_of_32_bits():
    assert single(0.1) == np.float32(0.1) != 0.1


@given(factor=st.floats(2**-10, 2.0), count=st.integers(1, 2**20))
def test_a_mean_divides_the_factor_by_its_count(factor, count):
    """Truncated to 30 bits or more, after the factor was rounded to 31."""
    found = mean_multiplier(multiplier(factor), count)
    exact = factor / count
    assert exact * (1 - 2**-28) <= found.value * 2.0 ** (found.shift - 31) <= exact * (1 + 2**-28)
    assert found.value < 2**31


# --- curves ---


@given(raw=st.integers(-(2**31), 0), integer_bits=st.sampled_from([0, 4, 5]))
def test_the_exponential_is_as_near_as_its_series(raw, integer_bits):
    """Five terms of Taylor's series around -1/8, for |x| <= 1/8: the sixth is x^5 / 5!. Then up to
    seven products, each rounded to 31 bits."""
    exact = math.exp(raw / 2.0 ** (31 - integer_bits))
    assert abs(fixed_point.exp_of_negative(raw, integer_bits) / ONE - exact) < EXP_ERROR


def test_constants_of_the_exponential_are_rounded_to_31_bits():
    exact = {power: round(math.exp(-(2.0**power)) * ONE) for power in range(-2, 5)}
    assert exact == fixed_point.EXP_STEPS
    assert round(math.exp(-1 / 8) * ONE) == fixed_point.EXP_OF_EIGHTH
    assert round(ONE / 3) == fixed_point.THIRD


@given(raw=st.integers(0, 2**31 - 1))
def test_newtons_reciprocal_is_within_4_of_its_own_units(raw):
    """The first guess is within 1/17, each of three steps squares that; 2 integer bits leave 29."""
    exact = 1 / (1 + raw / ONE)
    assert abs(fixed_point.reciprocal_of_one_plus(raw) / ONE - exact) < 4 * 2**-29
    other = (1 - raw / ONE) * exact
    assert abs(fixed_point.one_minus_over_one_plus(raw) / ONE - other) < 8 * 2**-29


@given(scale=SCALES, zero=ZEROS)
def test_a_sigmoid_is_within_one_output_step(scale, zero):
    curve = fixed_point.logistic_int8(fixed_point.InputScale.of(scale=scale, zero_point=zero))
    exact = 256 / (1 + np.exp(-scale * (INT8 - zero))) - 128
    np.testing.assert_allclose([curve(value) for value in INT8.tolist()], exact, rtol=0, atol=1)


@given(scale=SCALES, zero=ZEROS)
def test_a_tanh_is_within_one_output_step(scale, zero):
    curve = fixed_point.tanh_int8(fixed_point.InputScale.of(scale=scale, zero_point=zero))
    exact = 128 * np.tanh(scale * (INT8 - zero))
    np.testing.assert_allclose([curve(value) for value in INT8.tolist()], exact, rtol=0, atol=1)


@given(scale=st.floats(2**-8, 2**-3, width=32), zero=ZEROS, output_zero=ZEROS)
def test_a_hard_swish_is_within_two_output_steps(scale, zero, output_zero):
    """16 bits in between: half a step each for input, gate and product, and the last rounding."""
    curve = fixed_point.hard_swish_int8(
        input_scale=scale, input_zero=zero, output_scale=scale, output_zero=output_zero
    )
    x = scale * (INT8 - zero)
    exact = np.clip(x * np.clip(x + 3, 0, 6) / 6 / scale + output_zero, -128, 127)
    np.testing.assert_allclose([curve(value) for value in INT8.tolist()], exact, rtol=0, atol=2)


def test_a_curve_is_flat_where_four_integer_bits_may_not_hold_the_input():
    """TFLM looks at the shift alone: 0.75 is 3/4 * 2^0, so it takes steps to be of 1."""
    scale = fixed_point.InputScale.of(scale=0.75, zero_point=2)
    assert scale.radius == 15
    assert (scale.raw(17), scale.raw(-13)) == (None, None)
    assert (scale.raw(16), scale.raw(-12)) == (14 * 3 * 2**25, -14 * 3 * 2**25)


@given(scale=st.floats(0.001, 4.0))
def test_exponentials_are_those_of_all_differences_that_count(scale):
    """Five integer bits hold 31, or half of it where the fraction of the scale is 1/2; what is
    further behind has no share in a sum of units of 2^-19."""
    table = exponentials(multiplier(scale * 2**26))
    assert len(table) >= min(256, math.floor(15.5 / scale))
    exact = np.exp(-scale * np.arange(len(table)))
    np.testing.assert_allclose(np.array(table) / ONE, exact, rtol=0, atol=EXP_ERROR)
