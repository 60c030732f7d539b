"""CONV_2D and FULLY_CONNECTED: every output is a row of weights times a patch of the input."""

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
from export.c_code.model.kernels.matrix_c import CONVOLVE, MULTIPLY_ROW
from export.c_code.model.kernels.rescale import Way
from export.c_code.model.kernels.window import Window, middle_pixels, window, window_rows
from export.c_code.model.layer import Layer, LayerCode, clamp

_LEAST_CHANNELS = 2  # the quick kernel computes two at a time
MAX_TAPS = 2**16


@dataclass(frozen=True, kw_only=True)
class Product:
    """A layer as rows of weights times patches.

    Args:
      input, output: rows, columns, channels.
      where: the window of each output's patch; None if a patch is one pixel.
      weights: [channels, taps].
      factors: from steps of a channel's sum to steps of the output.
      activation: its field in the options.
    """

    input: tuple[int, int, int]
    output: tuple[int, int, int]
    where: Window | None
    weights: NDArray[np.int8]
    factors: list[float]
    activation: int

    @property
    def one_row(self) -> bool:
        """True for a dense layer of a single row."""
        return self.where is None and self.input[0] == 1


def conv_2d(layer: Layer) -> LayerCode:
    """CONV_2D in portable C."""
    return _code(layer, conv_product(layer))


def fully_connected(layer: Layer) -> LayerCode:
    """FULLY_CONNECTED in portable C."""
    return _code(layer, dense_product(layer))


def conv_product(layer: Layer) -> Product:
    """CONV_2D: options padding, strides (columns, rows), activation, dilations."""
    source = layer.image(layer.input())
    weights = layer.constant(1, "int8")
    layer.require(
        len(weights.shape) == 4 and weights.shape[3] == source[2] and weights.elements > 0,
        f"its weights {list(weights.shape)} do not fit an input of {source[2]} channels",
    )
    where = window(
        layer,
        taps=(weights.shape[1], weights.shape[2]),
        strides=(layer.size(2, "stride"), layer.size(1, "stride")),
        dilations=(
            layer.size(5, "dilation", default=1),
            layer.size(4, "dilation", default=1),
        ),
    )
    output = layer.image(layer.output)
    layer.require(output[2] == weights.shape[0], "weights and output differ in channels")
    return Product(
        input=source,
        output=output,
        where=where,
        weights=np.asarray(weights.data).reshape(output[2], -1),
        factors=layer.sum_factors(weight_scales(layer, weights, axis=0)),
        activation=3,
    )


def dense_product(layer: Layer) -> Product:
    """FULLY_CONNECTED as a 1x1 convolution over rows; options begin with the activation."""
    weights = layer.constant(1, "int8")
    layer.require(len(weights.shape) == 2 and weights.elements > 0, "its weights must be a matrix")
    out_depth, depth = weights.shape
    rows = layer.input().elements // depth
    layer.require(
        layer.input().elements == rows * depth and layer.output.elements == rows * out_depth,
        f"its weights {list(weights.shape)} do not fit its input and output",
    )
    layer.require(layer.node.option(1, kind="<b") == 0, "its weights are shuffled")
    return Product(
        input=(rows, 1, depth),
        output=(rows, 1, out_depth),
        where=None,
        weights=np.asarray(weights.data),
        factors=layer.sum_factors(weight_scales(layer, weights, axis=0)),
        activation=0,
    )


def _code(layer: Layer, product: Product) -> LayerCode:
    depth, out_depth = product.input[2], product.output[2]
    taps = product.weights.shape[1]
    layer.require(taps <= MAX_TAPS, f"each output sums {taps} products; {MAX_TAPS} are supported")
    channels = make_channels(layer, product.weights, product.factors)
    way = way_of(channels, pairs=not product.one_row)
    if out_depth < _LEAST_CHANNELS and not product.one_row:
        way = Way.ANY
    name, where = layer.node.function, product.where
    clamping, clamp_kernel = clamp(layer, product.activation)
    return LayerCode(
        comment=f"{shape_text(layer.input().shape)} -> {shape_text(layer.output.shape)}"
        + (f", {where.text}" if where else ""),
        arguments=(layer.index(0),),
        body=(_row_call if product.one_row else _call)(layer, product, way) + clamping,
        tables=bytes_text(f"{name}_weights", product.weights.ravel().tolist())
        + channels_text(f"{name}_channels", channels, way)
        + ("" if product.one_row else shape_table(layer, product)),
        kernels=((MULTIPLY_ROW if product.one_row else CONVOLVE)[way], *clamp_kernel),
        work_bytes=0 if product.one_row else 4 * taps + depth,
        # Pixel by pixel: an output only overwrites what has been read. Not so with one row, which
        # is read again for each output.
        in_place=(0,) if not product.one_row and (where is None or where.pointwise) else (),
        sums=sums_of(layer, product.weights, channels, places=_places(product)),
    )


def _call(layer: Layer, product: Product, way: Way) -> str:
    name = layer.node.function
    return call_text(
        f"convolve{way.value}",
        f"&{name}_shape", f"{name}_weights", f"{name}_channels", "input", "output", "work",
    )  # fmt: skip


def _row_call(layer: Layer, product: Product, way: Way) -> str:
    name, (count, taps) = layer.node.function, product.weights.shape
    zero = str(2 * layer.output.zero_point + 1)
    return call_text(
        f"multiply_row{way.value}",
        "input", str(taps), f"{name}_weights", f"{name}_channels", str(count), zero, "output",
    )  # fmt: skip


def _places(product: Product) -> NDArray[np.int64]:
    """Where the taps of one output lie in the input."""
    pixels = np.zeros(1, np.int64) if product.where is None else middle_pixels(product.where)
    depth = product.input[2]
    places = np.where(pixels < 0, -depth, pixels * depth)[:, None] + np.arange(depth)
    return np.maximum(places, -1).reshape(1, -1)


def shape_table(layer: Layer, product: Product) -> str:
    """The constant of type `struct conv`, named after the layer."""
    return struct_text(
        "conv",
        f"{layer.node.function}_shape",
        (product.input, "input: rows, columns, channels"),
        *window_rows(product.where),
        (product.output, "output: rows, columns, channels"),
        ((layer.input().zero_point, layer.output.zero_point), "zero points"),
    )
