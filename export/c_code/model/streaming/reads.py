"""Which rows of its inputs a layer needs for one row of its output.

Rows run over time. A layer can be computed row by row if a row does not depend on where in the
window it lies: it has no padding over time, and each row is made of its inputs in the same way.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from export.c_code.model.kernels.depthwise import depthwise
from export.c_code.model.kernels.matrix import conv_product
from export.c_code.model.kernels.pool import pool_window
from export.c_code.model.kernels.slicing import slice_of
from export.c_code.model.kernels.window import Window
from export.c_code.model.layer import Layer

_ROWS = 1  # axis of the rows: [1, rows, ...]
_LEAST_RANK = 3


@dataclass(frozen=True, kw_only=True)
class Reads:
    """Rows that output row i needs: offset + i * stride + k * dilation for k < taps.

    Args:
      renames: the output is these rows of the input as they are; no code runs.
    """

    taps: int = 1
    stride: int = 1
    dilation: int = 1
    offset: int = 0
    renames: bool = False


Rule = Callable[[Layer], Reads | None]
_EACH = Reads()


def row_reads(layer: Layer) -> Reads | None:
    """How rows become rows; None for a layer that needs the whole window."""
    rule = _RULES.get(layer.node.operator)
    shapes = [layer.output.shape, *(layer.input(at).shape for at in _computed(layer))]
    if rule is None or any(len(shape) < _LEAST_RANK or shape[0] != 1 for shape in shapes):
        return None
    return rule(layer)


def _computed(layer: Layer) -> list[int]:
    """Positions of the inputs that are no constants."""
    values = layer.model.values
    return [
        at
        for at, index in enumerate(layer.node.inputs)
        if index >= 0 and values[index].data is None
    ]


def _of_window(where: Window | None) -> Reads | None:
    if where is None or where.rows.before or where.rows.after:
        return None
    rows, columns = where.rows, where.columns
    if rows.taps > 1 and (columns.before or columns.after):
        return None  # then the padding of the columns is that of a layer that pads over time
    return Reads(taps=rows.taps, stride=rows.stride, dilation=rows.dilation)


def _convolution(layer: Layer) -> Reads | None:
    return _of_window(conv_product(layer).where)


def _depthwise(layer: Layer) -> Reads | None:
    return _of_window(depthwise(layer).where)


def _pool(layer: Layer) -> Reads | None:
    return _of_window(pool_window(layer))


def _same_rows(layer: Layer) -> Reads | None:
    """For layers that work value by value, or along other axes than the rows."""
    rows = layer.output.shape[_ROWS]
    for at in range(len(layer.node.inputs)):
        given = layer.input(at)
        if given.data is None and given.shape[_ROWS] != rows:
            return None
        aligned = (1,) * (len(layer.output.shape) - len(given.shape)) + given.shape
        if given.data is not None and aligned[_ROWS] != 1:
            return None
    return _EACH


def _concatenation(layer: Layer) -> Reads | None:
    axis = layer.node.option(0) % len(layer.output.shape)
    constants = len(layer.node.inputs) - len(_computed(layer))
    return _EACH if axis > _ROWS and not constants else None


def _pad(layer: Layer) -> Reads | None:
    pairs = np.asarray(layer.constant(1, "int32").data)
    return _EACH if not pairs[: _ROWS + 1].any() else None


def _mean(layer: Layer) -> Reads | None:
    axes = np.asarray(layer.constant(1, "int32").data).ravel() % len(layer.input().shape)
    return _EACH if min(axes) > _ROWS else None


def _dense(layer: Layer) -> Reads | None:
    return _EACH if layer.input().shape[:-1] == layer.output.shape[:-1] else None


def _softmax(layer: Layer) -> Reads | None:
    return _EACH


def _reshape(layer: Layer) -> Reads | None:
    same = layer.input().shape[: _ROWS + 1] == layer.output.shape[: _ROWS + 1]
    return Reads(renames=True) if same else None


def _slice(layer: Layer) -> Reads | None:
    taken = slice_of(layer)
    others = (*taken[:_ROWS], *taken[_ROWS + 1 :])
    sizes = (*layer.input().shape[:_ROWS], *layer.input().shape[_ROWS + 1 :])
    if taken[_ROWS].step != 1 or any(
        (axis.start, axis.count, axis.step) != (0, size, 1)
        for axis, size in zip(others, sizes, strict=True)
    ):
        return None
    return Reads(offset=taken[_ROWS].start, renames=True)


_RULES: Mapping[str, Rule] = {
    "ADD": _same_rows,
    "AVERAGE_POOL_2D": _pool,
    "CONCATENATION": _concatenation,
    "CONV_2D": _convolution,
    "DEPTHWISE_CONV_2D": _depthwise,
    "FULLY_CONNECTED": _dense,
    "HARD_SWISH": _same_rows,
    "LOGISTIC": _same_rows,
    "MAX_POOL_2D": _pool,
    "MEAN": _mean,
    "MUL": _same_rows,
    "PAD": _pad,
    "QUANTIZE": _same_rows,
    "RELU": _same_rows,
    "RELU6": _same_rows,
    "RESHAPE": _reshape,
    "SOFTMAX": _softmax,
    "STRIDED_SLICE": _slice,
    "TANH": _same_rows,
}
