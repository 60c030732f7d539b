"""SOFTMAX: exponentials come from a table, since an int8 difference has at most 256 values."""

import math

from export.c_code.model.c_text import call_text, shape_text
from export.c_code.model.kernels import fixed_point
from export.c_code.model.layer import Kernel, Layer, LayerCode
from export.c_code.model.requantize import Multiplier, multiplier

_INTEGER_BITS = 5  # of a scaled difference
_MAX_CLASSES = 511  # with more equal inputs TFLM stops, because it divides by 2^31 at most

SOFTMAX = Kernel(
    text="""\
/* a * b / 2^31, halves rounded up. */
static inline int32_t doubling_high(int32_t a, int32_t b)
{
    return (int32_t)(((int64_t)a * b + ((int64_t)1 << 30)) >> 31);
}

/* value / 2^exponent, halves rounded away from zero. */
static inline int32_t divide_rounding(int32_t value, int32_t exponent)
{
    if (exponent == 0) return value;
    return (int32_t)(((int64_t)value + ((int64_t)1 << (exponent - 1)) - (value < 0)) >> exponent);
}

/* 2^62 / (2^31 + a), for 0 <= a < 2^31: Newton's method from 48/17 - 32/17 x, x = (1 + a) / 2. */
static int32_t reciprocal_of_one_plus(int32_t a)
{
    int32_t half = (int32_t)(((int64_t)a + ((int64_t)1 << 31)) >> 1);
    int32_t x = 1515870810 + doubling_high(half, -1010580540);
    for (int i = 0; i < 3; i++) {
        x += 4 * doubling_high(x, (1 << 29) - doubling_high(half, x));
    }
    return x > (1 << 30) - 1 ? INT32_MAX : 2 * x;
}

/* `exponentials` has 2^31 exp(-d * scale) for the differences d that count. */
static void softmax(const int32_t *exponentials, int32_t differences, const int8_t *input,
                    int8_t *output, int32_t rows, int32_t classes)
{
    for (int32_t row = 0; row < rows; row++) {
        int32_t most = -128;
        for (int32_t c = 0; c < classes; c++) most = input[c] > most ? input[c] : most;
        int32_t sum = 0; /* 12 bits before the point */
        for (int32_t c = 0; c < classes; c++) {
            if (most - input[c] < differences) {
                sum += divide_rounding(exponentials[most - input[c]], 12);
            }
        }
        int32_t headroom = 0;
        while (headroom < 31 && (((uint32_t)sum << headroom) & 0x80000000u) == 0) headroom++;
        int32_t scale =
            reciprocal_of_one_plus((int32_t)(((uint32_t)sum << headroom) - 0x80000000u));
        for (int32_t c = 0; c < classes; c++) {
            int32_t difference = most - input[c];
            int32_t share = 0;
            if (difference < differences) {
                share = divide_rounding(doubling_high(scale, exponentials[difference]),
                                        35 - headroom);
            }
            output[c] = (int8_t)((share > 255 ? 255 : share) - 128);
        }
        input += classes;
        output += classes;
    }
}
"""
)


def softmax(layer: Layer) -> LayerCode:
    """SOFTMAX over the last dimension; its only option is beta."""
    source, output = layer.input(), layer.output
    layer.require(source.shape == output.shape, "input and output differ in shape")
    layer.require(
        output.zero_point == -128 and output.scale == 1 / 256,
        "its output must have the scale 1/256 and the zero point -128",
    )
    classes = source.shape[-1] if source.shape else 1
    layer.require(
        classes <= _MAX_CLASSES,
        f"it has {classes} classes, and TFLite Micro's sums hold {_MAX_CLASSES}. End the model "
        "before SOFTMAX: the largest logit is the same class",
    )
    table = exponentials(_scaled(layer))
    rows = [", ".join(map(str, table[start : start + 6])) for start in range(0, len(table), 6)]
    name = layer.node.function
    return LayerCode(
        comment=shape_text(output.shape),
        arguments=(layer.index(0),),
        body=_call(name, len(table), source.elements // classes, classes),
        tables=f"static const int32_t {name}_exponentials[{len(table)}] = {{\n"
        + "".join(f"    {row},\n" for row in rows)
        + "};\n",
        kernels=(SOFTMAX,),
        in_place=(0,),
    )


def _call(name: str, differences: int, rows: int, classes: int) -> str:
    numbers = (f"{name}_exponentials", str(differences), "input", "output", str(rows), str(classes))
    return call_text("softmax", *numbers)


def _scaled(layer: Layer) -> Multiplier:
    options = layer.node.options
    beta = 0.0 if options is None else float(options.number(0, "<f", 0))
    layer.require(0 < beta < math.inf, f"its beta is {beta}")
    factor = min(beta * layer.input().scale * 2 ** (31 - _INTEGER_BITS), 2.0**31 - 1)
    layer.require(factor > 1, "its input's scale is too fine for TFLite Micro")
    return multiplier(factor)


def exponentials(factor: Multiplier) -> list[int]:
    """exp(-d) with 0 integer bits for each scaled difference that TFLM does not skip.

    >>> exponentials(multiplier(2.0**26))[:2]  # exp(0); exp(-1) to 22 bits, as gemmlowp has it
    [2147483647, 790015308]
    """
    radius = math.floor((2**_INTEGER_BITS - 1) * 2 ** (31 - _INTEGER_BITS) / 2.0**factor.shift)
    return [
        fixed_point.exp_of_negative(factor.apply(-difference), _INTEGER_BITS)
        for difference in range(min(256, radius + 1))
    ]
