"""DEPTHWISE_CONV_2D on the DSP extension."""

import numpy as np
from numpy.typing import NDArray

from export.c_code.model.c_text import call_text
from export.c_code.model.kernels.channels import make_channels
from export.c_code.model.kernels.depthwise import ACTIVATION, Depthwise, depthwise
from export.c_code.model.kernels.dsp.depthwise_c import (
    depthwise_kernel,
    depthwise_words,
    filter_3_kernel,
    filter_any_kernel,
    filter_any_name,
    filter_name,
)
from export.c_code.model.kernels.dsp.lines import Lines, lines, lines_table, undilated
from export.c_code.model.kernels.dsp.rounding import Rounding, fits, rounding
from export.c_code.model.kernels.dsp.words import words_text
from export.c_code.model.layer import Kernel, Layer, Variant, clamp
from export.c_code.optimize import Optimize

# Words that zeros between dilated taps may add before the portable code is the better one.
_MOST_WORDS_A_TAP = 3
_MOST_PLANE_WORDS = 2**20
# Instructions: to gather a value, of the filter of any window, and of that of three taps a line.
_A_VALUE = 5
_AN_OUTPUT, _A_WORD = 30, 6
_A_CHANNEL, _A_LINE, _A_PAIR = 70, 23, 15


def depthwise_conv_2d(layer: Layer, _: Optimize) -> Variant | None:
    """DEPTHWISE_CONV_2D, or None if its sums or scales do not fit, or its taps lie far apart."""
    given = depthwise(layer)
    channels = make_channels(layer, given.matrix, given.factors)
    where = undilated(given.where)
    placed = lines(where)
    taps = placed.along.taps * placed.across.taps
    if (
        not all(map(fits, channels))
        or placed.words_an_output > _MOST_WORDS_A_TAP * taps
        or placed.plane_words > _MOST_PLANE_WORDS
    ):
        return None
    rounded = rounding(layer, ACTIVATION)
    filter_kernel, name = _filter(placed, rounded)
    function = layer.node.function
    source, output = layer.image(layer.input()), layer.image(layer.output)
    clamping, clamp_kernel = clamp(layer, ACTIVATION)
    words = depthwise_words(_by_lines(given, placed), channels, zero_point=layer.output.zero_point)
    arranged = 2 * placed.words_an_output if name.startswith("filter_any") else 0
    return Variant(
        name=f"depthwise_{name}",
        body=call_text(
            f"depthwise_{name}",
            f"&{function}_lines", f"{function}_channels", "input", "output", "work",
        ) + clamping,
        tables=words_text(f"{function}_channels", words)
        + lines_table(
            f"{function}_lines",
            placed,
            columns=(where.columns.input, where.columns.output),
            depth=source[2],
            multiplier=output[2] // source[2],
            zero=layer.input().zero_point,
        ),
        kernels=(depthwise_kernel(filter_kernel, name), *clamp_kernel),
        work_bytes=4 * (2 * placed.plane_words + arranged),
        weight_bytes=4 * len(words),
        instructions=_instructions(
            placed, source[2], output, rounded, threes=not name.startswith("filter_any")
        ),
    )  # fmt: skip


def _filter(placed: Lines, rounded: Rounding) -> tuple[Kernel, str]:
    along, across = placed.along, placed.across
    if (along.taps, along.stride, along.dilation) == (3, 1, 1) and across.taps in (1, 3):
        return filter_3_kernel(across.taps, rounded), filter_name(across.taps, rounded)
    return filter_any_kernel(rounded), filter_any_name(rounded)


def _by_lines(given: Depthwise, placed: Lines) -> NDArray[np.int8]:
    """Weights as [channels, lines, taps of a line]."""
    rows, columns = given.where.pair("taps")
    taps = given.matrix.reshape(-1, rows, columns)
    return taps.transpose(0, 2, 1) if placed.rows_along else taps


def _instructions(
    placed: Lines, depth: int, output: tuple[int, int, int], rounded: Rounding, *, threes: bool
) -> int:
    gathered = _A_VALUE * placed.along.input * placed.across.input * depth
    if not threes:
        each = _AN_OUTPUT + _A_WORD * placed.words_an_output
        return gathered + output[0] * output[1] * output[2] * each
    pairs = -(-placed.along.output // 2)
    pair = _A_PAIR + 5 * placed.across.taps + 3 * rounded.negatives
    return gathered + output[2] * (_A_CHANNEL + placed.across.output * (_A_LINE + pairs * pair))
