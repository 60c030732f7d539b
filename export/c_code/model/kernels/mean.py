"""MEAN over neighbouring dimensions."""

import math

import numpy as np

from export.c_code.model.c_text import call_text, shape_text, struct_text
from export.c_code.model.kernels.rescale import RESCALE, SATURATE
from export.c_code.model.layer import Kernel, Layer, LayerCode
from export.c_code.model.requantize import Multiplier
from export.c_code.model.sums import Sums

_MAX_COUNT = 2**23  # values in one sum: 2^23 * 2^8 fits 32 bits

MEAN_SHAPE = Kernel(
    text="""\
/* The mean over the middle one of three dimensions. */
struct mean_shape {
    int32_t outer, count, inner;
    int32_t input_zero, output_zero;
    int32_t multiplier, shift;
};
"""
)

MEAN = Kernel(
    text="""\
static void mean(const struct mean_shape *m, const int8_t *input, int8_t *output)
{
    for (int32_t a = 0; a < m->outer; a++) {
        for (int32_t c = 0; c < m->inner; c++) {
            const int8_t *from = input + a * m->count * m->inner + c;
            int32_t sum = -m->count * m->input_zero;
            for (int32_t b = 0; b < m->count; b++) {
                sum += *from;
                from += m->inner;
            }
            *output++ = saturate(rescale(sum, m->multiplier, m->shift) + m->output_zero);
        }
    }
}
""",
    needs=(MEAN_SHAPE, RESCALE, SATURATE),
)


def mean(layer: Layer) -> LayerCode:
    """MEAN in portable C."""
    return mean_code(layer, MEAN, "mean")


def mean_code(layer: Layer, kernel: Kernel, name: str) -> LayerCode:
    """MEAN: the second input holds the axes. `kernel` is a function `name` as `mean` is one."""
    shape = layer.input().shape
    axes = _axes(layer, len(shape))
    first, last = axes[0], axes[-1]
    layer.require(
        axes == list(range(first, last + 1)),
        f"its axes {axes} are not neighbours; take the mean over rows and columns",
    )
    outer, count, inner = (
        math.prod(part) for part in (shape[:first], shape[first : last + 1], shape[last + 1 :])
    )
    layer.require(layer.output.elements == outer * inner, "its axes do not fit its output")
    layer.require(count <= _MAX_COUNT, f"it sums {count} values; {_MAX_COUNT} are supported")
    factor = mean_multiplier(layer.multiplier(layer.input().scale / layer.output.scale), count)
    most = 255 * count << max(0, factor.shift)
    layer.require(most < 2**31, f"a sum may reach {most}, which 32 bits do not hold")
    function = layer.node.function
    return LayerCode(
        comment=f"{shape_text(shape)} -> {shape_text(layer.output.shape)}, mean of {count}",
        arguments=(layer.index(0),),
        body=call_text(name, f"&{function}_shape", "input", "output"),
        tables=struct_text(
            "mean_shape",
            f"{function}_shape",
            ((outer, count, inner), "dimensions: before, averaged, after"),
            ((layer.input().zero_point, layer.output.zero_point), "zero points"),
            ((factor.value, -factor.shift), "scale: multiplier, shift"),
        ),
        kernels=(kernel,),
        sums=Sums(
            weights=np.ones((1, count), np.int8),
            places=np.arange(count)[None] * inner,
            biases=[-count * layer.input().zero_point],
            multipliers=[factor],
            input_zero=layer.input().zero_point,
            output_zero=layer.output.zero_point,
        ),
    )


def mean_multiplier(factor: Multiplier, count: int) -> Multiplier:
    """The factor divided by `count` as TFLM does it: truncated, with as many bits as fit."""
    shift = min(count.bit_length() - 1, 32, 31 + factor.shift)
    return Multiplier(value=(factor.value << shift) // count, shift=factor.shift - shift)


def _axes(layer: Layer, rank: int) -> list[int]:
    """Distinct axes from 0, in order."""
    given = layer.constant(1, "int32")
    axes = {
        int(axis) % rank if -rank <= axis < rank else -1
        for axis in np.asarray(given.data).ravel()[: rank + 1]
    }
    layer.require(bool(axes) and -1 not in axes, "its axes are not those of its input")
    return sorted(axes)
