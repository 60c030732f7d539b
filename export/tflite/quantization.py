"""Converts between real values and the integers that a tensor stores for them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Numbers = float | NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Quantization:
    """How a tensor stores values: value = scale * (stored - zero_point).

    Args:
      dtype: NumPy's name of the type.
      scale: 0 if the tensor is not quantized, or has several scales.
      zero_point: the integer that stands for 0.
    """

    dtype: str
    scale: float
    zero_point: int


def is_quantized(tensor: Quantization) -> bool:
    """False for a tensor that stores values as they are."""
    return tensor.scale != 0 and "int" in tensor.dtype


def quantize(values: NDArray[np.float32], tensor: Quantization) -> NDArray[Any]:
    """Values as `tensor` stores them, halves rounded away from zero, clipped to its range.

    TFLite's reference QUANTIZE operator also rounds away from zero, and also divides in 32 bits.
    Values of a tensor that is not quantized are returned as they are.

    >>> q = Quantization(dtype="int8", scale=0.5, zero_point=-1)
    >>> quantize(np.float32([0.25, -0.25, 0.2, 1000]), q).tolist()
    [0, -2, -1, 127]
    """
    if not is_quantized(tensor):
        return values
    steps = (values / np.float32(tensor.scale)).astype(np.float64)
    rounded = np.copysign(np.floor(np.abs(steps) + 0.5), steps) + tensor.zero_point
    limits = np.iinfo(tensor.dtype)
    return np.clip(rounded, limits.min, limits.max).astype(tensor.dtype)


def dequantize(stored: NDArray[Any], tensor: Quantization) -> NDArray[np.float32]:
    """The values that `stored` stands for."""
    if not is_quantized(tensor):
        return stored
    exact = real_values(stored, scale=tensor.scale, zero_point=tensor.zero_point)
    return exact.astype(np.float32)


def real_values(stored: Numbers, *, scale: Numbers, zero_point: Numbers) -> NDArray[np.float64]:
    """The values that integers stand for. Scales per channel come as arrays that broadcast.

    >>> real_values(np.int8([[1, 2]]), scale=np.float32([0.5, 4]), zero_point=-1).tolist()
    [[1.0, 12.0]]
    """
    moved = np.asarray(stored, np.float64) - zero_point
    return moved * np.asarray(scale, np.float64)


def least_and_most(
    dtype: str, *, scale: Numbers, zero_point: Numbers
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The least and greatest value that an integer type can store."""
    limits = np.iinfo(dtype)
    return (
        real_values(limits.min, scale=scale, zero_point=zero_point),
        real_values(limits.max, scale=scale, zero_point=zero_point),
    )


def reachable(values: NDArray[Any], tensor: Quantization) -> NDArray[Any]:
    """Real values; those too low for `tensor` become the lowest value that it stores.

    Hopeless classes may saturate there, because the int8 steps are for logits that decide. High
    values decide classes and are not cut off. Stored integers are returned as they are.

    >>> q = Quantization(dtype="int8", scale=0.5, zero_point=-1)
    >>> reachable(np.float32([-70, 0, 70]), q).tolist()
    [-63.5, 0.0, 70.0]
    """
    if values.dtype.kind != "f" or not is_quantized(tensor):
        return values
    return np.maximum(values, dequantize(np.array(np.iinfo(tensor.dtype).min), tensor))


def in_steps(values: NDArray[Any], tensor: Quantization) -> NDArray[np.float64]:
    """Stored integers or floats on the scale of `tensor`'s integers, not rounded and not clipped.

    >>> q = Quantization(dtype="int8", scale=0.5, zero_point=-1)
    >>> in_steps(np.float32([0.25, 100]), q).tolist(), in_steps(np.int8([3, -1]), q).tolist()
    ([-0.5, 199.0], [3.0, -1.0])
    """
    if values.dtype.kind == "f" and is_quantized(tensor):
        return values.astype(np.float64) / tensor.scale + tensor.zero_point
    return values.astype(np.float64)


def most_steps_apart(one: NDArray[Any], other: NDArray[Any], tensor: Quantization) -> float:
    """Largest difference of real values that `tensor` can reach, in its steps.

    If the tensor is not quantized, the difference is not divided.

    >>> q = Quantization(dtype="int8", scale=0.25, zero_point=0)
    >>> most_steps_apart(np.float32([1, -32]), np.float32([2, -99]), q)
    4.0
    """
    wide = [reachable(values, tensor).astype(np.float64) for values in (one, other)]
    step = tensor.scale if is_quantized(tensor) else 1.0
    return float(np.abs(wide[0] - wide[1]).max() / step)
