"""ADD and MUL on the DSP extension."""

from export.c_code.model.kernels.dsp.rounding import FINISH, HALF_SHIFTS, half_step
from export.c_code.model.kernels.elementwise import (
    LOOPS,
    STRIDES,
    add_factors,
    elementwise_code,
    mul_factor,
)
from export.c_code.model.layer import Kernel, Layer, LayerCode, Variant
from export.c_code.model.requantize import Multiplier
from export.c_code.optimize import Optimize

_ADD_INSTRUCTIONS, _MUL_INSTRUCTIONS = 32, 22  # for an output
_LEFT_SHIFT = 21  # of ADD's inputs: TFLM's 20, and doubled

ADD = Kernel(
    text="""\
/* Each input times `step`, plus `start`, is its distance from the zero point times 2^21, or 2^22.
 * Halves are half a unit of what is shifted away; the output's holds its zero point, too. */
struct add_scaled_scales {
    int32_t first_step, first_start, first_multiplier, first_half, first_shift;
    int32_t second_step, second_start, second_multiplier, second_half, second_shift;
    int32_t multiplier, half, shift;
};

/* Halves away from zero: a negative number is one unit less. */
static inline int32_t scale_down(int32_t doubled, int32_t multiplier, int32_t half, int32_t shift)
{
    return (multiply_high(doubled, multiplier, half) + (doubled >> 31)) >> shift;
}

static void add_scaled(const struct strides *s, const struct add_scaled_scales *given,
                       const int8_t *first, const int8_t *second, int8_t *output)
{
    const struct add_scaled_scales of = *given;
"""
    + LOOPS.replace(
        "*output++ = $CALL;",
        """\
int32_t sum = scale_down(*one * of.first_step + of.first_start,
                                             of.first_multiplier, of.first_half, of.first_shift) +
                                  scale_down(*two * of.second_step + of.second_start,
                                             of.second_multiplier, of.second_half, of.second_shift);
                    *output++ = (int8_t)cut_to_int8(
                        scale_down(2 * sum, of.multiplier, of.half, of.shift));""",
    )
    + "}\n",
    needs=(STRIDES, FINISH),
)

MUL = Kernel(
    text="""\
struct mul_scaled_scales {
    int32_t first_zero, second_zero;
    int32_t multiplier, half, shift;
};

static void mul_scaled(const struct strides *s, const struct mul_scaled_scales *given,
                       const int8_t *first, const int8_t *second, int8_t *output)
{
    const struct mul_scaled_scales m = *given;
"""
    + LOOPS.replace(
        "*output++ = $CALL;",
        """\
int32_t doubled = 2 * (*one - m.first_zero) * (*two - m.second_zero);
                    int32_t value = multiply_high(doubled, m.multiplier, m.half);
                    *output++ = (int8_t)cut_to_int8((value + (doubled >> 31)) >> m.shift);""",
    )
    + "}\n",
    needs=(STRIDES, FINISH),
)


def add(layer: Layer, _: Optimize) -> Variant | None:
    """ADD, or None if its scales lie too far apart."""
    one, two, out = add_factors(layer)
    first, second = layer.input(0), layer.input(1)
    if -out.shift not in HALF_SHIFTS or max(-one.shift, -two.shift) not in range(31):
        return None
    zero = layer.output.zero_point
    code = elementwise_code(
        layer,
        ADD,
        "add_scaled",
        (_input(first.zero_point, one), "first: step, start, multiplier, half, shift"),
        (_input(second.zero_point, two), "second"),
        ((out.value, half_step(-out.shift, zero), -out.shift), "output: multiplier, half, shift"),
    )
    return _variant(layer, code, "add_scaled", _ADD_INSTRUCTIONS)


def mul(layer: Layer, _: Optimize) -> Variant | None:
    """MUL, or None if its scales lie too far apart."""
    factor = mul_factor(layer)
    if -factor.shift not in HALF_SHIFTS:
        return None
    shift, zero = -factor.shift, layer.output.zero_point
    code = elementwise_code(
        layer,
        MUL,
        "mul_scaled",
        ((layer.input(0).zero_point, layer.input(1).zero_point), "zero points of the inputs"),
        ((factor.value, half_step(shift, zero), shift), "output: multiplier, half, shift"),
    )
    return _variant(layer, code, "mul_scaled", _MUL_INSTRUCTIONS)


def _variant(layer: Layer, code: LayerCode, name: str, instructions: int) -> Variant:
    return Variant(
        name=name,
        body=code.body,
        tables=code.tables,
        kernels=code.kernels,
        work_bytes=0,
        weight_bytes=0,
        instructions=instructions * layer.output.elements,
    )


def _input(zero: int, factor: Multiplier) -> tuple[int, int, int, int, int]:
    """Step, start, multiplier, half and shift of an input of ADD.

    A factor of one half has no shift, so nothing to round: it is written as a quarter of twice the
    number, which is even.

    >>> _input(1, Multiplier(value=1 << 30, shift=0))
    (4194304, -4194304, 1073741824, 1, 1)
    """
    shift = -factor.shift
    step = 1 << (_LEFT_SHIFT if shift else _LEFT_SHIFT + 1)
    shift = shift or 1
    return step, -zero * step, factor.value, 1 << (shift - 1), shift
