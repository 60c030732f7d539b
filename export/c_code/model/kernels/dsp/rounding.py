"""From doubled sums to int8 outputs on the DSP extension: one multiplication and three more.

A channel's output is ((2 * sum * multiplier / 2^32, rounded) + half) >> shift, cut to int8. `half`
is half a step of the output plus its zero point, in units of 2^-shift. TFLite Micro rounds halves
away from zero: a negative sum is one unit less. Where all outputs below the zero point are cut
away by the activation that makes no difference, and the instruction is saved.
"""

from dataclasses import dataclass

from export.c_code.model.kernels.channels import Channel
from export.c_code.model.layer import Kernel, Layer

_MOST_SUM = 2**30  # doubled, it fits 32 bits
HALF_SHIFTS = range(1, 23)  # so that 2^30 and the zero point, shifted, fit 32 bits together

FINISH = Kernel(
    text="""\
#ifdef KWS_MODEL_ASM
static inline int32_t multiply_high(int32_t a, int32_t b, int32_t sum)
{
    int32_t result;
    __asm__("smmlar %0, %1, %2, %3" : "=r"(result) : "r"(a), "r"(b), "r"(sum));
    return result;
}
static inline int32_t cut_to_int8(int32_t value)
{
    int32_t result;
    __asm__("ssat %0, #8, %1" : "=r"(result) : "r"(value));
    return result;
}
#else
static inline int32_t multiply_high(int32_t a, int32_t b, int32_t sum)
{
    return (int32_t)(((int64_t)a * b + ((int64_t)1 << 31)) >> 32) + sum;
}
static inline int32_t cut_to_int8(int32_t value)
{
    return value < -128 ? -128 : value > 127 ? 127 : value;
}
#endif

/* A doubled sum of products, rescaled and rounded as TFLite Micro does it. `scale` holds
 * multiplier, half a step with the zero point, and shift. |sum| < 2^31. */
static inline int8_t finish(int32_t sum, const uint32_t *scale, int negatives)
{
    int32_t value = multiply_high(sum, (int32_t)scale[0], (int32_t)scale[1]);
    if (negatives && sum < 0) value--;
    return (int8_t)cut_to_int8(value >> scale[2]);
}
"""
)


@dataclass(frozen=True, kw_only=True)
class Rounding:
    """Which rounding a layer needs.

    Args:
      negatives: True if outputs may be lower than the zero point.
    """

    negatives: bool

    @property
    def instructions(self) -> int:
        """Of `finish`."""
        return 4 if self.negatives else 3

    def finish(self, total: str, *, scale: tuple[str, str, str], free: str) -> str:
        """Instructions that turn a doubled sum into an output in the same register.

        Args:
          total: register of the sum.
          scale: registers of multiplier, half and shift.
          free: a register that may be overwritten; only used with `negatives`.
        """
        factor, half, shift = scale
        if not self.negatives:
            return (
                f"smmlar {total}, {total}, {factor}, {half}\n"
                f"asr {total}, {total}, {shift}\nssat {total}, #8, {total}\n"
            )
        return (
            f"smmlar {free}, {total}, {factor}, {half}\n"
            f"add {free}, {free}, {total}, asr #31\n"
            f"asr {total}, {free}, {shift}\nssat {total}, #8, {total}\n"
        )


def rounding(layer: Layer, activation: int) -> Rounding:
    """The rounding of a layer; `activation` is that option's field."""
    low, _ = layer.activation_limits(activation)
    return Rounding(negatives=low < layer.output.zero_point)


def fits(channel: Channel) -> bool:
    """True if `finish` cannot overflow."""
    shift = -channel.multiplier.shift
    return channel.most_with_bias < _MOST_SUM and (shift in HALF_SHIFTS or channel.dead)


def scale_words(channel: Channel, zero_point: int) -> tuple[int, int, int]:
    """Multiplier, half and shift, as `finish` reads them."""
    if channel.dead:
        return 0, half_step(1, zero_point), 1
    shift = -channel.multiplier.shift
    return channel.multiplier.value, half_step(shift, zero_point), shift


def half_step(shift: int, zero_point: int) -> int:
    """Half a step of the output plus its zero point, in units of 2^-shift.

    >>> half_step(3, -128)
    -1020
    """
    return (1 << (shift - 1)) + zero_point * (1 << shift)
