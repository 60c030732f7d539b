"""TFLite Micro's (TFLM's) integer arithmetic for rescaling sums, in Python.

TFLM rounds twice everywhere: once to 31 bits after the decimal point, then to a whole step.

Scales are combined in double precision, as the TFLM of the extra `tflm` in pyproject.toml does it.
TFLM's source up to August 2026 used 32 bits in FULLY_CONNECTED, RELU and HARD_SWISH.

Source: tflite-micro, tensorflow/lite/kernels/internal/common.cc and quantization_util.cc.
"""

import math
import struct
from dataclasses import dataclass

import numpy as np

from export.tflite.quantization import Quantization, quantize

_MOST_SHIFT = 31  # to the left; TFLM skips every value that would need a larger shift

# Fused activations by their number in the schema: lowest and highest real value.
ACTIVATIONS = {
    0: (-math.inf, math.inf),
    1: (0.0, math.inf),
    2: (-1.0, 1.0),
    3: (0.0, 6.0),
}


@dataclass(frozen=True, kw_only=True)
class Multiplier:
    """A real factor as TFLM stores it: value * 2**(shift - 31).

    Args:
      value: 0, or 2**30 to 2**31 - 1.
      shift: to the left; negative is to the right.
    """

    value: int
    shift: int

    def apply(self, number: int) -> int:
        """`number` times the factor, rounded twice.

        >>> half = Multiplier(value=1 << 30, shift=0)
        >>> half.apply(3), half.apply(-3)
        (2, -1)
        """
        high = doubling_high(number << max(0, self.shift), self.value)
        return divide_by_power_of_two(high, max(0, -self.shift))


def multiplier(factor: float) -> Multiplier:
    """The factor with a fraction of 31 bits; a factor under 2**-32 becomes 0.

    Args:
      factor: not negative, finite.

    >>> multiplier(0.5), multiplier(3.0)
    (Multiplier(value=1073741824, shift=0), Multiplier(value=1610612736, shift=2))
    """
    fraction, shift = math.frexp(factor)
    value = math.floor(fraction * 2**31 + 0.5)
    if value == 2**31:
        value, shift = 2**30, shift + 1
    if value == 0 or shift < -31:
        return Multiplier(value=0, shift=0)
    if shift > _MOST_SHIFT:
        raise ValueError(f"a factor of {factor:g} is more than int8 values can be scaled by")
    return Multiplier(value=value, shift=shift)


def doubling_high(a: int, b: int) -> int:
    """a * b / 2**31, halves rounded up: gemmlowp's SaturatingRoundingDoublingHighMul.

    >>> doubling_high(3, 1 << 30), doubling_high(-3, 1 << 30)
    (2, -1)
    """
    return min((a * b + 2**30) >> 31, 2**31 - 1)


def divide_by_power_of_two(number: int, exponent: int) -> int:
    """number / 2**exponent, halves rounded away from zero: gemmlowp's RoundingDivideByPOT.

    >>> [divide_by_power_of_two(number, 1) for number in (-3, -1, 0, 1, 3)]
    [-2, -1, 0, 1, 2]
    """
    if exponent == 0:
        return number
    half = 1 << (exponent - 1)
    return (number + half - (number < 0)) >> exponent


def activation_range(activation: int, *, scale: float, zero_point: int) -> tuple[int, int]:
    """Lowest and highest int8 value after a fused activation of `ACTIVATIONS`.

    >>> activation_range(3, scale=6 / 255, zero_point=-128)
    (-128, 127)
    """
    int8 = Quantization(dtype="int8", scale=scale, zero_point=zero_point)
    low, high = quantize(np.array(ACTIVATIONS[activation], np.float32), int8).tolist()
    return low, high


def single(value: float) -> float:
    """The nearest 32-bit float. TFLM stores scales as such, and finds limits of RELU6 as such."""
    return struct.unpack("<f", struct.pack("<f", value))[0]
