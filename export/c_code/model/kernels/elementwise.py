"""ADD and MUL of two int8 tensors; either may be broadcast along dimensions of size 1."""

import math
from collections.abc import Sequence

from export.c_code.model.c_text import braced, call_text, shape_text, struct_text
from export.c_code.model.kernels.operands import operands
from export.c_code.model.kernels.rescale import RESCALE, SATURATE
from export.c_code.model.layer import Kernel, Layer, LayerCode, clamp
from export.c_code.model.requantize import Multiplier

MAX_RANK = 4
_LEFT_SHIFT = 20  # ADD shifts its inputs left by this before it rescales; TFLM's value for int8

STRIDES = Kernel(
    text="""\
/* Sizes of an output of four dimensions, and how far each input moves along them: 0 where it is
 * repeated. */
struct strides {
    int32_t sizes[4];
    int32_t first[4];
    int32_t second[4];
};
"""
)

LOOPS = """\
    for (int32_t a = 0; a < s->sizes[0]; a++) {
        for (int32_t b = 0; b < s->sizes[1]; b++) {
            for (int32_t c = 0; c < s->sizes[2]; c++) {
                const int8_t *one = first + a * s->first[0] + b * s->first[1] + c * s->first[2];
                const int8_t *two = second + a * s->second[0] + b * s->second[1] +
                                    c * s->second[2];
                for (int32_t d = 0; d < s->sizes[3]; d++) {
                    *output++ = $CALL;
                    one += s->first[3];
                    two += s->second[3];
                }
            }
        }
    }
"""

ADD = Kernel(
    text="""\
/* Both inputs are brought to steps of half the coarser scale / 2^20, added, and rescaled. */
struct add_scales {
    int32_t first_zero, first_multiplier, first_shift;
    int32_t second_zero, second_multiplier, second_shift;
    int32_t output_zero, output_multiplier, output_shift;
};

static inline int8_t add_values(const struct add_scales *add, int32_t first, int32_t second)
{
    int32_t sum = rescale((first - add->first_zero) * (1 << 20), add->first_multiplier,
                          add->first_shift) +
                  rescale((second - add->second_zero) * (1 << 20), add->second_multiplier,
                          add->second_shift);
    return saturate(rescale(sum, add->output_multiplier, add->output_shift) + add->output_zero);
}

static void add(const struct strides *s, const struct add_scales *add, const int8_t *first,
                const int8_t *second, int8_t *output)
{
"""
    + LOOPS.replace("$CALL", "add_values(add, *one, *two)")
    + "}\n",
    needs=(STRIDES, SATURATE, RESCALE),
)

MUL = Kernel(
    text="""\
struct mul_scales {
    int32_t first_zero, second_zero;
    int32_t output_zero, multiplier, shift;
};

static inline int8_t mul_values(const struct mul_scales *mul, int32_t first, int32_t second)
{
    int32_t product = (first - mul->first_zero) * (second - mul->second_zero);
    return saturate(rescale(product, mul->multiplier, mul->shift) + mul->output_zero);
}

static void mul(const struct strides *s, const struct mul_scales *mul, const int8_t *first,
                const int8_t *second, int8_t *output)
{
"""
    + LOOPS.replace("$CALL", "mul_values(mul, *one, *two)")
    + "}\n",
    needs=(STRIDES, SATURATE, RESCALE),
)


def add(layer: Layer) -> LayerCode:
    """ADD in portable C."""
    first, second = layer.input(0), layer.input(1)
    one, two, out = ((factor.value, -factor.shift) for factor in add_factors(layer))
    return elementwise_code(
        layer,
        ADD,
        "add",
        ((first.zero_point, *one), "first: zero point, multiplier, shift"),
        ((second.zero_point, *two), "second"),
        ((layer.output.zero_point, *out), "output"),
    )


def add_factors(layer: Layer) -> tuple[Multiplier, Multiplier, Multiplier]:
    """ADD: of both inputs and of the output; the options begin with the activation."""
    first, second = layer.input(0), layer.input(1)
    twice = 2 * max(first.scale, second.scale)
    factors = (
        layer.multiplier(first.scale / twice),
        layer.multiplier(second.scale / twice),
        layer.multiplier(twice / (2**_LEFT_SHIFT * layer.output.scale)),
    )
    layer.require(
        all(factor.shift <= 0 for factor in factors), "its output's scale is too fine for TFLM"
    )
    return factors


def mul_factor(layer: Layer) -> Multiplier:
    """MUL: from products to the output; the options begin with the activation."""
    first, second = layer.input(0), layer.input(1)
    factor: Multiplier = layer.multiplier(first.scale * second.scale / layer.output.scale)
    layer.require(factor.shift <= 14, "its output's scale is too fine")  # 2^16 << 14 fits
    return factor


def mul(layer: Layer) -> LayerCode:
    """MUL in portable C."""
    first, second = layer.input(0), layer.input(1)
    factor = mul_factor(layer)
    return elementwise_code(
        layer,
        MUL,
        "mul",
        ((first.zero_point, second.zero_point), "zero points of the inputs"),
        (
            (layer.output.zero_point, factor.value, -factor.shift),
            "output: zero point, multiplier, shift",
        ),
    )


def elementwise_code(
    layer: Layer, kernel: Kernel, name: str, *scales: tuple[Sequence[int], str]
) -> LayerCode:
    """The code of a layer that combines two tensors.

    Args:
      layer: the layer.
      kernel: a function `name` with the parameters of `add`.
      name: of the function; the struct that holds its scales is `name`_scales.
      scales: rows of that struct.
    """
    layer.require(len(layer.node.inputs) == 2, "it needs two inputs")
    given = operands(layer)
    function = layer.node.function
    sizes, strides = _broadcast(layer)
    clamping, clamp_kernel = clamp(layer, 0)
    first, second, output = (layer.input(0), layer.input(1), layer.output)
    return LayerCode(
        comment=f"{shape_text(first.shape)}, {shape_text(second.shape)} -> "
        f"{shape_text(output.shape)}",
        arguments=given.arguments,
        body=call_text(name, f"&{function}_strides", f"&{function}_scales", *given.names, "output")
        + clamping,
        tables=given.tables
        + struct_text(
            "strides",
            f"{function}_strides",
            ([braced(sizes)], "sizes"),
            ([braced(strides[0])], "first"),
            ([braced(strides[1])], "second"),
        )
        + struct_text(f"{name}_scales", f"{function}_scales", *scales),
        kernels=(kernel, *clamp_kernel),
        # If the input is as large as the output, reads and writes advance together.
        in_place=tuple(range(len(given.computed))),
    )


def _broadcast(layer: Layer) -> tuple[list[int], list[list[int]]]:
    """Four sizes of the output, and each input's strides along them; merged into few loops."""
    shape = layer.output.shape
    layer.require(
        len(shape) <= MAX_RANK, f"it has {len(shape)} dimensions, {MAX_RANK} are supported"
    )
    shapes = [_padded(layer.input(position).shape) for position in (0, 1)]
    sizes = _padded(shape)
    fits = all(
        size == max(one, two) and {one, two} <= {1, size}
        for size, one, two in zip(sizes, *shapes, strict=True)
    )
    layer.require(fits, "its inputs' shapes do not fit its output's")
    if shapes[0] == shapes[1]:
        return [1, 1, 1, math.prod(sizes)], [[0, 0, 0, 1], [0, 0, 0, 1]]
    return list(sizes), [_strides(each) for each in shapes]


def _padded(shape: Sequence[int]) -> tuple[int, ...]:
    return (1,) * (MAX_RANK - len(shape)) + tuple(shape)


def _strides(shape: Sequence[int]) -> list[int]:
    return [0 if size == 1 else math.prod(shape[place + 1 :]) for place, size in enumerate(shape)]
