"""What a layer with weights gives, in NumPy: all sums as written down, then two roundings."""

import numpy as np

from export.c_code.model.kernels.depthwise import depthwise
from export.c_code.model.kernels.matrix import conv_product, dense_product
from export.c_code.model.kernels.window import Axis
from export.c_code.model.layer import Layer
from export.c_code.model.requantize import multiplier


def oracle(layer: Layer, values: np.ndarray) -> np.ndarray:
    """Outputs for one input [1, ...], int8 and flat, before a fused activation."""
    source = values[0].astype(np.int64) - layer.input().zero_point
    sums, factors = {
        "CONV_2D": _conv,
        "DEPTHWISE_CONV_2D": _depthwise,
        "FULLY_CONNECTED": _dense,
    }[layer.node.operator](layer, source)
    if layer.index(2) >= 0:
        sums = sums + np.asarray(layer.constant(2, "int32").data)
    return _rescaled(sums, factors, layer.output.zero_point).ravel()


def _dense(layer: Layer, source: np.ndarray):
    product = dense_product(layer)
    weights = product.weights.astype(np.int64)
    return source.reshape(-1, weights.shape[1]) @ weights.T, product.factors


def _conv(layer: Layer, source: np.ndarray):
    product = conv_product(layer)
    rows, columns = product.where.pair("taps")
    weights = product.weights.astype(np.int64).reshape(-1, rows, columns, source.shape[2])
    sums = 0
    for y, x, seen in _taps(product.where, source):
        sums = sums + seen @ weights[:, y, x].T
    return sums, product.factors


def _depthwise(layer: Layer, source: np.ndarray):
    given = depthwise(layer)
    rows, columns = given.where.pair("taps")
    weights = given.matrix.astype(np.int64).reshape(-1, rows, columns)
    source = np.repeat(source, len(weights) // source.shape[2], axis=2)
    sums = 0
    for y, x, seen in _taps(given.where, source):
        sums = sums + seen * weights[:, y, x]
    return sums, given.factors


def _taps(where, source: np.ndarray):
    """Each tap with the value that every output sees there."""
    rows, columns = where.rows, where.columns
    padded = np.pad(source, (_padding(rows), _padding(columns), (0, 0)))
    for y in range(rows.taps):
        for x in range(columns.taps):
            yield y, x, padded[_seen(rows, y)][:, _seen(columns, x)]


def _padding(axis: Axis) -> tuple[int, int]:
    seen = (axis.output - 1) * axis.stride + axis.extent
    return axis.before, max(0, seen - axis.before - axis.input)


def _seen(axis: Axis, tap: int) -> np.ndarray:
    return tap * axis.dilation + axis.stride * np.arange(axis.output)


def _rescaled(sums: np.ndarray, factors: list[float], zero: int) -> np.ndarray:
    given = [multiplier(factor) for factor in factors]
    shifts = np.array([-each.shift for each in given])
    high = (sums * np.array([each.value for each in given]) + 2**30) >> 31
    rounded = (high + (1 << (shifts - 1)) - (high < 0)) >> shifts
    return np.clip(rounded + zero, -128, 127).astype(np.int8)
