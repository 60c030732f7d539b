"""PAD and CONCATENATION: values are only copied to other places."""

import math

import numpy as np

from export.c_code.model.c_text import braced, call_text, shape_text, struct_text
from export.c_code.model.kernels.operands import operands
from export.c_code.model.layer import Kernel, Layer, LayerCode

MAX_RANK = 4

PAD = Kernel(
    text="""\
/* Sizes of the input's four dimensions, and how many zeros come before and after them. */
struct pad_shape {
    int32_t sizes[4];
    int32_t before[4];
    int32_t after[4];
    int8_t zero; /* zero point */
};

static int8_t *fill(int8_t *output, int32_t count, int8_t value)
{
    for (int32_t i = 0; i < count; i++) *output++ = value;
    return output;
}

static void pad(const struct pad_shape *p, const int8_t *input, int8_t *output)
{
    int32_t row = p->before[3] + p->sizes[3] + p->after[3];
    int32_t plane = row * (p->before[2] + p->sizes[2] + p->after[2]);
    int32_t block = plane * (p->before[1] + p->sizes[1] + p->after[1]);
    output = fill(output, p->before[0] * block, p->zero);
    for (int32_t a = 0; a < p->sizes[0]; a++) {
        output = fill(output, p->before[1] * plane, p->zero);
        for (int32_t b = 0; b < p->sizes[1]; b++) {
            output = fill(output, p->before[2] * row, p->zero);
            for (int32_t c = 0; c < p->sizes[2]; c++) {
                output = fill(output, p->before[3], p->zero);
                for (int32_t d = 0; d < p->sizes[3]; d++) *output++ = *input++;
                output = fill(output, p->after[3], p->zero);
            }
            output = fill(output, p->after[2] * row, p->zero);
        }
        output = fill(output, p->after[1] * plane, p->zero);
    }
    fill(output, p->after[0] * block, p->zero);
}
"""
)

PLACE = Kernel(
    text="""\
/* Blocks of `size` values go to places that lie `step` apart. */
static void place(const int8_t *input, int8_t *output, int32_t blocks, int32_t size, int32_t step)
{
    for (int32_t block = 0; block < blocks; block++) {
        for (int32_t i = 0; i < size; i++) output[i] = *input++;
        output += step;
    }
}
"""
)


def pad(layer: Layer) -> LayerCode:
    """PAD with zeros: the second input holds a pair for each dimension."""
    shape = layer.input().shape
    rank = len(shape)
    layer.require(rank <= MAX_RANK, f"it has {rank} dimensions, {MAX_RANK} are supported")
    layer.require(len(layer.node.inputs) == 2, "it pads with another value than zero")
    given = layer.constant(1, "int32")
    layer.require(given.shape == (rank, 2), "it needs a pair of paddings for each dimension")
    pairs = [(int(before), int(after)) for before, after in np.asarray(given.data)]
    expected = tuple(size + sum(pair) for size, pair in zip(shape, pairs, strict=True))
    layer.require(
        min(min(pair) for pair in pairs) >= 0 and expected == layer.output.shape,
        f"its paddings {pairs} do not fit {list(shape)} and {list(layer.output.shape)}",
    )
    lead = MAX_RANK - rank
    name = layer.node.function
    return LayerCode(
        comment=f"{shape_text(shape)} -> {shape_text(layer.output.shape)}",
        arguments=(layer.index(0),),
        body=call_text("pad", f"&{name}_shape", "input", "output"),
        tables=struct_text(
            "pad_shape",
            f"{name}_shape",
            ([braced((1,) * lead + shape)], "sizes"),
            ([braced((0,) * lead + tuple(before for before, _ in pairs))], "before"),
            ([braced((0,) * lead + tuple(after for _, after in pairs))], "after"),
            ((layer.output.zero_point,), "zero point"),
        ),
        kernels=(PAD,),
    )


def concatenation(layer: Layer) -> LayerCode:
    """CONCATENATION of inputs with equal scales; options: axis, activation."""
    rank = len(layer.output.shape)
    axis = layer.node.option(0)
    layer.require(-rank <= axis < rank, f"its axis is {axis}")
    axis %= rank
    layer.require(layer.activation_limits(1) == (-128, 127), "it has a fused activation")
    given = operands(layer)
    inputs = [layer.input(position) for position in range(len(given.names))]
    for each in inputs:
        layer.require(
            (each.scale, each.zero_point) == (layer.output.scale, layer.output.zero_point),
            "its inputs differ in scale from its output",
        )
    _check_shapes(layer, [each.shape for each in inputs], axis)
    outer = math.prod(layer.output.shape[:axis])
    step = layer.output.elements // outer
    body, offset = "", 0
    for name, each in zip(given.names, inputs, strict=True):
        size = each.elements // outer
        body += call_text("place", name, f"output + {offset}", str(outer), str(size), str(step))
        offset += size
    return LayerCode(
        comment=", ".join(shape_text(each.shape) for each in inputs)
        + f" -> {shape_text(layer.output.shape)}",
        arguments=given.arguments,
        body=body,
        tables=given.tables,
        kernels=(PLACE,),
    )


def _check_shapes(layer: Layer, shapes: list[tuple[int, ...]], axis: int) -> None:
    whole = layer.output.shape
    same = all(
        len(shape) == len(whole)
        and shape[:axis] + shape[axis + 1 :] == whole[:axis] + whole[axis + 1 :]
        for shape in shapes
    )
    layer.require(
        same and sum(shape[axis] for shape in shapes) == whole[axis],
        "its inputs' shapes do not fit its output's",
    )
