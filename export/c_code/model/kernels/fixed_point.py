"""TFLite Micro's fixed-point sigmoid, tanh, hard swish and exponential, in Python integers.

A 32-bit number with k integer bits has the value raw / 2**(31 - k).

Source: gemmlowp, fixedpoint/fixedpoint.h; tflite-micro,
tensorflow/lite/kernels/internal/reference/integer_ops/{logistic,tanh}.h and hard_swish.h.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from export.c_code.model.requantize import (
    Multiplier,
    divide_by_power_of_two,
    doubling_high,
    multiplier,
)

ONE = 2**31 - 1  # with 0 integer bits
_INT32_MIN = -(2**31)
_Q4_BITS = 4
# exp(-2**k) with 0 integer bits, for k from -2 to 4, as rounded constants.
EXP_STEPS = {
    -2: 1672461947,
    -1: 1302514674,
    0: 790015084,
    1: 290630308,
    2: 39332535,
    3: 720401,
    4: 242,
}
EXP_OF_EIGHTH = 1895147668  # exp(-1/8)
THIRD = 715827883


def saturating_shift(raw: int, exponent: int) -> int:
    """raw * 2**exponent, saturated to 32 bits; right shifts round halves away from zero."""
    if exponent < 0:
        return divide_by_power_of_two(raw, -exponent)
    return min(max(raw << exponent, _INT32_MIN), ONE)


def exp_of_negative(raw: int, integer_bits: int) -> int:
    """exp(a) with 0 integer bits, for a <= 0 with `integer_bits` integer bits.

    >>> round(exp_of_negative(-(1 << 26), 5) / 2**31, 5)  # exp(-1)
    0.36788
    """
    fraction_bits = 31 - integer_bits
    quarter = 1 << (fraction_bits - 2)
    remainder = (raw & (quarter - 1)) - quarter  # in [-1/4, 0)
    result = _exp_of_last_quarter(saturating_shift(remainder, integer_bits))
    rest = remainder - raw
    for exponent, step in EXP_STEPS.items():
        if rest & (1 << (fraction_bits + exponent)):
            result = doubling_high(result, step)
    return ONE if raw == 0 else result


def _exp_of_last_quarter(a: int) -> int:
    """exp(a) for a in [-1/4, 0), both with 0 integer bits: a Taylor series around -1/8."""
    x = a + (1 << 28)
    x2 = doubling_high(x, x)
    x3 = doubling_high(x2, x)
    x4 = doubling_high(x2, x2)
    x4_over_4 = divide_by_power_of_two(x4, 2)
    tail = divide_by_power_of_two(doubling_high(x4_over_4 + x3, THIRD) + x2, 1)
    return EXP_OF_EIGHTH + doubling_high(EXP_OF_EIGHTH, x + tail)


def reciprocal_of_one_plus(a: int) -> int:
    """1 / (1 + a) for a in [0, 1], both with 0 integer bits, in three steps of Newton's method.

    Source: gemmlowp, one_over_one_plus_x_for_x_in_0_1.
    """
    half = (a + ONE + 1) >> 1  # the sum is positive; halves round up
    x = 1515870810 + doubling_high(half, -1010580540)  # 48/17 - 32/17 * half, 2 integer bits
    for _ in range(3):
        left = (1 << 29) - doubling_high(half, x)
        x += saturating_shift(doubling_high(x, left), 2)
    return saturating_shift(x, 1)


def one_minus_over_one_plus(a: int) -> int:
    """(1 - a) / (1 + a) for a in [0, 1], both with 0 integer bits."""
    half = (a + ONE + 1) >> 1
    x = 1515870810 + doubling_high(half, -1010580540)
    for _ in range(3):
        left = (1 << 29) - doubling_high(half, x)
        x += saturating_shift(doubling_high(x, left), 2)
    return saturating_shift(x - (1 << 29), 2)


@dataclass(frozen=True, kw_only=True)
class InputScale:
    """Converts an int8 input to 4 integer bits; the function saturates beyond `radius`."""

    zero_point: int
    factor: Multiplier
    radius: int

    @classmethod
    def of(cls, *, scale: float, zero_point: int) -> "InputScale":
        factor = multiplier(scale * 2 ** (31 - _Q4_BITS))
        radius = math.floor((2**_Q4_BITS - 1) * 2 ** (31 - _Q4_BITS) / 2.0**factor.shift)
        return cls(zero_point=zero_point, factor=factor, radius=radius)

    def raw(self, stored: int) -> int | None:
        """The input with 4 integer bits; None beyond the radius."""
        value = stored - self.zero_point
        return None if abs(value) >= self.radius else self.factor.apply(value)


def logistic_int8(scale: InputScale) -> Callable[[int], int]:
    """Sigmoid of an int8 value; the output has scale 1/256 and zero point -128."""

    def apply(stored: int) -> int:
        raw = scale.raw(stored)
        if raw is None:
            return 127 if stored > scale.zero_point else -128
        return min(max(divide_by_power_of_two(_logistic(raw), 23) - 128, -128), 127)

    return apply


def _logistic(raw: int) -> int:
    positive = reciprocal_of_one_plus(exp_of_negative(-abs(raw), _Q4_BITS))
    return positive if raw > 0 else ONE - positive


def tanh_int8(scale: InputScale) -> Callable[[int], int]:
    """tanh of an int8 value; the output has scale 1/128 and zero point 0."""

    def apply(stored: int) -> int:
        raw = scale.raw(stored)
        if raw is None:
            return 127 if stored > scale.zero_point else -128
        return min(max(divide_by_power_of_two(_tanh(raw), 24), -128), 127)

    return apply


def _tanh(raw: int) -> int:
    # exp(-2a): the raw value of a with 4 integer bits, read with 5, is 2a.
    positive = one_minus_over_one_plus(exp_of_negative(-abs(raw), _Q4_BITS + 1))
    return positive if raw > 0 else -positive


def hard_swish_int8(
    *, input_scale: float, input_zero: int, output_scale: float, output_zero: int
) -> Callable[[int], int]:
    """x * relu6(x + 3) / 6 of an int8 value, with 16-bit intermediate values.

    Raises:
      ValueError: the output's scale is too fine for TFLM.
    """
    fine_scale = input_scale / 128
    to_output = multiplier(fine_scale / output_scale)
    to_gate = multiplier(fine_scale / (3 / 32768))
    if to_output.shift > 0:
        raise ValueError("its output's scale is too fine for TFLite Micro")

    def apply(stored: int) -> int:
        fine = (stored - input_zero) * 128
        ungated = _high_16(fine, _upper_16(to_output.value))
        gate = (_gate(fine, to_gate) + 2**15) >> 1
        product = gate * ungated
        high = int(math.copysign(abs(product) >> 15, product))
        return min(max(_divide_16(high, -to_output.shift) + output_zero, -128), 127)

    return apply


def _gate(fine: int, factor: Multiplier) -> int:
    """The value scaled so that 3 becomes 2**15, saturated to 16 bits."""
    if factor.shift > 0:
        fine = _cut_16(fine << (factor.shift - 1))
    scaled = _high_16(fine, _upper_16(factor.value))
    if factor.shift > 0:
        return _cut_16(scaled * 2)
    return _divide_16(scaled, -factor.shift)


def _divide_16(value: int, exponent: int) -> int:
    """value / 2**exponent as gemmlowp divides 16-bit values: its mask has 16 bits too.

    So division by more than 2**15 gives 1, or -1 for a negative value.
    """
    if exponent > 15:
        return 1 if value >= 0 else -1
    return divide_by_power_of_two(value, exponent)


def _high_16(a: int, b: int) -> int:
    """a * b / 2**15, halves rounded up."""
    return (a * b + 2**14) >> 15


def _upper_16(value: int) -> int:
    """A 32-bit multiplier reduced to 16 bits."""
    return 2**15 - 1 if value >= 2**31 - 2**15 else (value + 2**15) >> 16


def _cut_16(value: int) -> int:
    return min(max(value, -(2**15)), 2**15 - 1)
