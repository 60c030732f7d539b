"""DEPTHWISE_CONV_2D: channels are independent, so the output may overwrite the input."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from export.c_code.model.c_text import bytes_text, call_text, shape_text, struct_text
from export.c_code.model.kernels.channels import (
    channels_text,
    make_channels,
    sums_of,
    way_of,
    weight_scales,
)
from export.c_code.model.kernels.depthwise_c import DEPTHWISE
from export.c_code.model.kernels.window import Window, middle_pixels, window, window_rows
from export.c_code.model.layer import Layer, LayerCode, clamp

_MAX_PLANE_WORDS = 2**20
ACTIVATION = 4  # field of the options


@dataclass(frozen=True, kw_only=True)
class Depthwise:
    """A depthwise layer: weights are [output channels, taps], with a factor for each channel."""

    where: Window
    matrix: NDArray[np.int8]
    factors: list[float]


def depthwise_conv_2d(layer: Layer) -> LayerCode:
    """DEPTHWISE_CONV_2D in portable C."""
    return _code(layer, depthwise(layer))


def depthwise(layer: Layer) -> Depthwise:
    """DEPTHWISE_CONV_2D: options padding, strides, multiplier, activation, dilations."""
    depth, out_depth = layer.image(layer.input())[2], layer.image(layer.output)[2]
    weights = layer.constant(1, "int8")
    layer.require(
        len(weights.shape) == 4
        and weights.shape[0] == 1
        and weights.shape[3] == out_depth
        and out_depth % depth == 0
        and weights.elements > 0,
        f"its weights {list(weights.shape)} do not fit {depth} and {out_depth} channels",
    )
    where = window(
        layer,
        taps=(weights.shape[1], weights.shape[2]),
        strides=(layer.size(2, "stride"), layer.size(1, "stride")),
        dilations=(
            layer.size(6, "dilation", default=1),
            layer.size(5, "dilation", default=1),
        ),
    )
    matrix = np.ascontiguousarray(np.asarray(weights.data).reshape(-1, out_depth).T)
    factors = layer.sum_factors(weight_scales(layer, weights, axis=3))
    return Depthwise(where=where, matrix=matrix, factors=factors)


def _code(layer: Layer, given: Depthwise) -> LayerCode:
    where, matrix = given.where, given.matrix
    channels = make_channels(layer, matrix, given.factors)
    way = way_of(channels, pairs=True)
    half = _half(where)
    plane = tuple(
        (count - 1) * axis.stride + axis.extent
        for count, axis in zip(half, (where.rows, where.columns), strict=True)
    )
    layer.require(plane[0] * plane[1] <= _MAX_PLANE_WORDS, "its window is too large")
    name = layer.node.function
    call = call_text(
        f"convolve_depthwise{way.value}",
        f"&{name}_shape", f"{name}_weights", f"{name}_channels", "input", "output", "work",
    )  # fmt: skip
    clamping, clamp_kernel = clamp(layer, ACTIVATION)
    shape, out_shape = layer.input().shape, layer.output.shape
    return LayerCode(
        comment=f"{shape_text(shape)} -> {shape_text(out_shape)}, {where.text}",
        arguments=(layer.index(0),),
        body=call + clamping,
        tables=bytes_text(f"{name}_weights", matrix.ravel().tolist())
        + channels_text(f"{name}_channels", channels, way)
        + _shape(layer, where, half, plane),
        kernels=(DEPTHWISE[way], *clamp_kernel),
        work_bytes=4 * plane[0] * plane[1],
        in_place=(0,) if shape == out_shape else (),
        sums=sums_of(layer, matrix, channels, places=_places(layer, where)),
    )


def _places(layer: Layer, where: Window) -> NDArray[np.int64]:
    """Where the taps of one output lie in the input, for each channel."""
    depth, out_depth = layer.input().shape[3], layer.output.shape[3]
    own = np.arange(out_depth)[:, None] // (out_depth // depth)
    pixels = middle_pixels(where)
    return np.where(pixels < 0, -1, pixels * depth + own)


def _half(where: Window) -> tuple[int, int]:
    """Rows and columns of the first half of the outputs; each is computed with one of the other."""
    if where.rows.output > 1:
        return -(-where.rows.output // 2), where.columns.output
    return 1, -(-where.columns.output // 2)


def _shape(layer: Layer, where: Window, half: tuple[int, int], plane: tuple[int, ...]) -> str:
    source, output = layer.image(layer.input()), layer.image(layer.output)
    return struct_text(
        "depthwise",
        f"{layer.node.function}_shape",
        (source, "input: rows, columns, channels"),
        *window_rows(where),
        (output[1:], "output: columns, channels"),
        (half, "rows and columns of half the output"),
        ((output[0] - half[0], output[1] - half[1]), "where its second half begins"),
        (plane, "rows and columns that one half sees"),
        ((output[2] // source[2],), "outputs of each channel"),
        ((layer.input().zero_point, layer.output.zero_point), "zero points"),
    )
