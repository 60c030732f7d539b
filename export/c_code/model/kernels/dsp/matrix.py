"""CONV_2D and FULLY_CONNECTED on the DSP extension."""

from export.c_code.model.c_text import call_text
from export.c_code.model.kernels.channels import make_channels
from export.c_code.model.kernels.dsp.matrix_c import convolve_kernel, convolve_name
from export.c_code.model.kernels.dsp.multiply import (
    PATCHES,
    QUAD,
    pair_instructions,
    pair_starts,
    weight_words,
)
from export.c_code.model.kernels.dsp.optimize import Optimize, weight_bits
from export.c_code.model.kernels.dsp.rounding import fits, rounding
from export.c_code.model.kernels.dsp.words import words_text
from export.c_code.model.kernels.matrix import Product, conv_product, dense_product, shape_table
from export.c_code.model.layer import Layer, Variant, clamp

_LEAST_ROWS = 2  # the kernel computes two at a time
_QUAD_BYTES = 8  # of a patch of 16-bit values


def conv_2d(layer: Layer, optimize: Optimize) -> Variant | None:
    """CONV_2D, or None if its sums or scales do not fit."""
    return _variant(layer, conv_product(layer), optimize)


def fully_connected(layer: Layer, optimize: Optimize) -> Variant | None:
    """FULLY_CONNECTED, or None if its sums or scales do not fit."""
    return _variant(layer, dense_product(layer), optimize)


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
    one_tap = taps == product.input[2]
    return Variant(
        name=convolve_name(bits, rounded),
        body=call_text(
            convolve_name(bits, rounded),
            f"&{name}_shape", f"{name}_weights", "input", "output", "work",
        ) + clamping,
        tables=words_text(f"{name}_weights", words) + shape_table(layer, product),
        kernels=(convolve_kernel(bits, rounded), *clamp_kernel),
        work_bytes=PATCHES * _QUAD_BYTES * quads + (0 if one_tap else QUAD * quads),
        instructions=-(-outputs // PATCHES)
        * (len(pair_starts(len(channels))) * pair_instructions(quads, bits, rounded)
           + PATCHES * (7 if one_tap else 14) * quads),
    )  # fmt: skip
