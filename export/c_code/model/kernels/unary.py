"""Operators on single values. An int8 value has 256 cases, so a table gives exact results."""

import math
from collections.abc import Callable

from export.c_code.model.c_text import bytes_text, call_text, shape_text
from export.c_code.model.kernels import fixed_point
from export.c_code.model.layer import Kernel, Layer, LayerCode
from export.c_code.model.requantize import activation_range, single

_MOST_SHIFT = 22  # to the left: a difference of 255, shifted, fits 32 bits

LOOK_UP = Kernel(
    text="""\
/* `table` has an output for each input, -128 first. */
static void look_up(const int8_t *table, const int8_t *input, int8_t *output, int32_t count)
{
    for (int32_t i = 0; i < count; i++) output[i] = table[input[i] + 128];
}
"""
)


def logistic(layer: Layer) -> LayerCode:
    """LOGISTIC: TFLM's fixed-point sigmoid."""
    layer.require(layer.output.zero_point == -128, "its output's zero point must be -128")
    return _code(layer, fixed_point.logistic_int8(_in_q4(layer)))


def tanh(layer: Layer) -> LayerCode:
    """TANH: TFLM's fixed-point tanh."""
    layer.require(layer.output.zero_point == 0, "its output's zero point must be 0")
    return _code(layer, fixed_point.tanh_int8(_in_q4(layer)))


def _in_q4(layer: Layer) -> fixed_point.InputScale:
    source = layer.input()
    layer.require(source.scale < 16, f"its input's scale {source.scale:g} is too coarse")
    return fixed_point.InputScale.of(scale=source.scale, zero_point=source.zero_point)


def hard_swish(layer: Layer) -> LayerCode:
    """HARD_SWISH: TFLM's 16-bit arithmetic."""
    source, output = layer.input(), layer.output
    try:
        apply = fixed_point.hard_swish_int8(
            input_scale=source.scale, input_zero=source.zero_point,
            output_scale=output.scale, output_zero=output.zero_point,
        )  # fmt: skip
    except ValueError as error:
        raise layer.refuse(str(error)) from error
    return _code(layer, apply)


def quantize(layer: Layer) -> LayerCode:
    """QUANTIZE from one int8 scale to another."""
    return _code(layer, _rescaled(layer, low=-128, high=127))


def relu(layer: Layer) -> LayerCode:
    """RELU, which may also rescale."""
    low, high = activation_range(1, scale=layer.output.scale, zero_point=layer.output.zero_point)
    return _code(layer, _rescaled(layer, low=low, high=high))


def relu6(layer: Layer) -> LayerCode:
    """RELU6, which only clips: TFLM derives its limits from the input's scale."""
    source = layer.input()
    six = math.floor(single(6.0 / source.scale) + 0.5) + source.zero_point
    high = min(127, six)
    return _code(layer, lambda value: min(max(value, source.zero_point), high))


def _rescaled(layer: Layer, *, low: int, high: int) -> Callable[[int], int]:
    source, output = layer.input(), layer.output
    factor = layer.multiplier(source.scale / output.scale)
    layer.require(factor.shift <= _MOST_SHIFT, "its output's scale is too fine")

    def apply(value: int) -> int:
        moved = factor.apply(value - source.zero_point) + output.zero_point
        return min(max(moved, low), high)

    return apply


def _code(layer: Layer, apply: Callable[[int], int]) -> LayerCode:
    layer.require(
        layer.input().elements == layer.output.elements, "input and output differ in size"
    )
    name = layer.node.function
    return LayerCode(
        comment=shape_text(layer.output.shape),
        arguments=(layer.index(0),),
        body=call_text("look_up", f"{name}_table", "input", "output", str(layer.output.elements)),
        tables=bytes_text(f"{name}_table", [apply(value) for value in range(-128, 128)]),
        kernels=(LOOK_UP,),
        in_place=(0,),
    )
