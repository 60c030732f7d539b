"""STRIDED_SLICE: every few values along each dimension."""

from dataclasses import dataclass

import numpy as np

from export.c_code.model.c_text import braced, call_text, shape_text, struct_text
from export.c_code.model.kernels.copying import MAX_RANK
from export.c_code.model.layer import Kernel, Layer, LayerCode

TAKE = Kernel(
    text="""\
/* Sizes of an output of four dimensions, and how far the input moves along them. */
struct taken {
    int32_t start;
    int32_t sizes[4];
    int32_t steps[4];
};

static void take(const struct taken *t, const int8_t *input, int8_t *output)
{
    for (int32_t a = 0; a < t->sizes[0]; a++) {
        for (int32_t b = 0; b < t->sizes[1]; b++) {
            for (int32_t c = 0; c < t->sizes[2]; c++) {
                const int8_t *from = input + t->start + a * t->steps[0] + b * t->steps[1] +
                                     c * t->steps[2];
                for (int32_t d = 0; d < t->sizes[3]; d++) *output++ = from[d * t->steps[3]];
            }
        }
    }
}
"""
)


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What of a dimension is taken: `count` values from `start` on, `step` apart."""

    start: int
    count: int
    step: int


def strided_slice(layer: Layer) -> LayerCode:
    """STRIDED_SLICE in portable C."""
    source, name = layer.input(), layer.node.function
    layer.require(
        len(source.shape) <= MAX_RANK, f"it has {len(source.shape)} dimensions, 4 are supported"
    )
    layer.require(
        (source.scale, source.zero_point) == (layer.output.scale, layer.output.zero_point),
        "input and output differ in scale",
    )
    taken = slice_of(layer)
    steps = [int(np.prod(source.shape[at + 1 :])) for at in range(len(taken))]
    start = sum(each.start * step for each, step in zip(taken, steps, strict=True))
    lead = MAX_RANK - len(taken)
    sizes = (1,) * lead + tuple(each.count for each in taken)
    moves = (0,) * lead + tuple(each.step * step for each, step in zip(taken, steps, strict=True))
    return LayerCode(
        comment=f"{shape_text(source.shape)} -> {shape_text(layer.output.shape)}",
        arguments=(layer.index(0),),
        body=call_text("take", f"&{name}_shape", "input", "output"),
        tables=struct_text(
            "taken",
            f"{name}_shape",
            ((start,), "first value"),
            ([braced(sizes)], "sizes"),
            ([braced(moves)], "steps"),
        ),
        kernels=(TAKE,),
    )


def slice_of(layer: Layer) -> tuple[Taken, ...]:
    """What is taken of each dimension.

    Inputs: begin, end, strides. Options: masks of begins and ends that are left out, then of
    ellipses, new axes and axes that go.
    """
    shape = layer.input().shape
    begins, ends, strides = (_numbers(layer, at, len(shape)) for at in (1, 2, 3))
    layer.require(not layer.node.option(2), "it has an ellipsis")
    layer.require(not layer.node.option(3), "it has a new axis")
    layer.require(not layer.node.option(5, kind="<b"), "its ends are counted from its begins")
    layer.require(min(strides) > 0, f"its strides are {strides}; positive ones are supported")
    taken: list[Taken] = []
    for at, size in enumerate(shape):
        start, stop, step = begins[at], ends[at], strides[at]
        one = layer.node.option(4) >> at & 1
        layer.require(not one or -size <= start < size, f"it takes place {start} of {size}")
        span = slice(
            None if layer.node.option(0) >> at & 1 else start,
            None if layer.node.option(1) >> at & 1 else stop,
            step,
        )
        found = range(start % size, start % size + 1) if one else range(*span.indices(size))
        taken.append(Taken(start=found.start, count=len(found), step=step))
    kept = tuple(e.count for at, e in enumerate(taken) if not layer.node.option(4) >> at & 1)
    layer.require(
        kept == layer.output.shape,
        f"it takes {list(kept)}, but the file says {list(layer.output.shape)}",
    )
    return tuple(taken)


def _numbers(layer: Layer, position: int, rank: int) -> list[int]:
    values = [int(each) for each in np.asarray(layer.constant(position, "int32").data).ravel()]
    layer.require(len(values) == rank, f"input {position} must hold a number for each dimension")
    return values
