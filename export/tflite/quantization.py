"""Between the values of a tensor and the integers that stand for them."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.tflite.facts import TensorInfo


def quantize(values: NDArray[np.float32], tensor: TensorInfo) -> NDArray[Any]:
    """Values as `tensor` stores them, halves rounded away from zero, clipped to its range.

    Away from zero because TFLite's reference QUANTIZE operator does so. A tensor that is not
    quantized takes the values as they are.

    >>> q = TensorInfo(shape=(4,), dtype="int8", scale=0.5, zero_point=-1)
    >>> quantize(np.float32([0.25, -0.25, 0.2, 1000]), q).tolist()
    [0, -2, -1, 127]
    """
    if tensor.scale == 0:
        return values
    steps = (values / np.float32(tensor.scale)).astype(np.float64)
    rounded = np.copysign(np.floor(np.abs(steps) + 0.5), steps) + tensor.zero_point
    limits = np.iinfo(tensor.dtype)
    return np.clip(rounded, limits.min, limits.max).astype(tensor.dtype)


def dequantize(stored: NDArray[Any], tensor: TensorInfo) -> NDArray[np.float32]:
    """The values that `stored` stands for."""
    if tensor.scale == 0:
        return stored
    return ((stored.astype(np.float64) - tensor.zero_point) * tensor.scale).astype(np.float32)


def lowest_value(output: TensorInfo) -> float:
    """What a logit too low for the output becomes."""
    if output.scale == 0:
        return -math.inf
    return float(dequantize(np.array(np.iinfo(output.dtype).min), output))


def in_steps(values: NDArray[Any], tensor: TensorInfo) -> NDArray[np.float64]:
    """Stored integers or floats on the scale of `tensor`'s integers, not rounded and not clipped.

    >>> q = TensorInfo(shape=(2,), dtype="int8", scale=0.5, zero_point=-1)
    >>> in_steps(np.float32([0.25, 100]), q).tolist(), in_steps(np.int8([3, -1]), q).tolist()
    ([-0.5, 199.0], [3.0, -1.0])
    """
    if values.dtype.kind == "f" and tensor.scale:
        return values.astype(np.float64) / tensor.scale + tensor.zero_point
    return values.astype(np.float64)
