"""CONV_2D and FULLY_CONNECTED on the DSP extension."""

from export.c_code.model.c_text import call_text
from export.c_code.model.kernels import matrix as portable
from export.c_code.model.kernels.channels import make_channels, way_of
from export.c_code.model.kernels.dsp.gather_c import ANYWHERE, INSIDE, PADDED, PIXELS, Gather
from export.c_code.model.kernels.dsp.matrix_c import (
    MULTIPLY_ROW,
    convolve_kernel,
    convolve_name,
)
from export.c_code.model.kernels.dsp.multiply import (
    PATCHES,
    QUAD,
    pair_instructions,
    pair_starts,
    weight_words,
)
from export.c_code.model.kernels.dsp.rounding import fits, rounding
from export.c_code.model.kernels.dsp.weights import weight_bits
from export.c_code.model.kernels.dsp.words import words_text
from export.c_code.model.kernels.matrix import Product, conv_product, dense_product, shape_table
from export.c_code.model.layer import Layer, Variant, clamp
from export.c_code.optimize import Optimize

_LEAST_ROWS = 2  # the kernel computes two at a time
_QUAD_BYTES = 8  # of a patch of 16-bit values
_INSTRUCTIONS = {"pixels": 9, "inside": 12, "padded": 12, "anywhere": 25}  # to gather four taps
_CHANNEL_BYTES = 12
_A_ROW, _FOUR_TAPS, _A_TAP = 12, 8, 3  # instructions of a single row's sums
_MOST_PADDED_BYTES = 2048  # of an input that is copied into its padding


def conv_2d(layer: Layer, optimize: Optimize) -> Variant | None:
    """CONV_2D, or None if its sums or scales do not fit."""
    return _variant(layer, conv_product(layer), optimize)


def fully_connected(layer: Layer, optimize: Optimize) -> Variant | None:
    """FULLY_CONNECTED, or None if its sums or scales do not fit.

    One row is read from where it is, with the weights of the portable code.
    """
    product = dense_product(layer)
    if not product.one_row:
        return _variant(layer, product, optimize)
    code, (count, taps) = portable.fully_connected(layer), product.weights.shape
    way = way_of(make_channels(layer, product.weights, product.factors), pairs=False)
    return Variant(
        name=f"multiply_row{way.value}",
        body=code.body,
        tables=code.tables,
        kernels=(MULTIPLY_ROW[way], *code.kernels[1:]),
        work_bytes=0,
        weight_bytes=count * (taps + _CHANNEL_BYTES),
        instructions=count * (_A_ROW + _FOUR_TAPS * (taps // 4) + _A_TAP * (taps % 4)),
    )


def _variant(layer: Layer, product: Product, optimize: Optimize) -> Variant | None:
    channels = make_channels(layer, product.weights, product.factors)
    if len(channels) < _LEAST_ROWS or not all(map(fits, channels)):
        return None
    outputs = product.output[0] * product.output[1]
    taps = product.weights.shape[1]
    bits = weight_bits(optimize, outputs=outputs)
    rounded = rounding(layer, product.activation)
    name = layer.node.function
    clamping, clamp_kernel = clamp(layer, product.activation)
    words = weight_words(product.weights, channels, zero_point=layer.output.zero_point, bits=bits)
    quads = -(-taps // QUAD)
    gather = _gather(product)
    kernel = convolve_name(gather, bits, rounded)
    return Variant(
        name=kernel,
        body=call_text(kernel, f"&{name}_shape", f"{name}_weights", "input", "output", "work")
        + clamping,
        tables=words_text(f"{name}_weights", words) + shape_table(layer, product),
        kernels=(convolve_kernel(gather, bits, rounded), *clamp_kernel),
        work_bytes=(PATCHES * _QUAD_BYTES + QUAD) * quads
        + (_padded_bytes(product) if gather.padded else 0),
        weight_bytes=4 * len(words),
        instructions=-(-outputs // PATCHES)
        * (
            len(pair_starts(len(channels))) * pair_instructions(quads, bits, rounded)
            + PATCHES * _INSTRUCTIONS[gather.name] * quads
        ),
    )


def _gather(product: Product) -> Gather:
    where = product.where
    if where is None or where.pointwise:
        return PIXELS
    padding = sum(axis.before + axis.after for axis in (where.rows, where.columns))
    if padding == 0:
        return INSIDE
    return PADDED if _padded_bytes(product) <= _MOST_PADDED_BYTES else ANYWHERE


def _padded_bytes(product: Product) -> int:
    where = product.where
    return 0 if where is None else where.rows.padded * where.columns.padded * product.input[2]
