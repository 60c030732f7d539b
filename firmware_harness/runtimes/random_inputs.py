"""Inputs for timing and trials: the same on every call."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from firmware_harness.runtimes.interpreter import Model, TensorInfo

SEED = 20201


def random_inputs(model: Model) -> list[NDArray[Any]]:
    """The same inputs on every call: whole range for integers, standard normal for floats."""
    generator = np.random.default_rng(SEED)
    return [_random_input(info, generator) for info in model.inputs]


def _random_input(info: TensorInfo, generator: np.random.Generator) -> NDArray[Any]:
    if info.dtype in ("int8", "uint8", "int16"):
        raw = generator.bytes(info.elements * np.dtype(info.dtype).itemsize)
        return np.frombuffer(raw, info.dtype).reshape(info.shape)
    if info.dtype in ("float32", "float64"):
        return generator.standard_normal(info.shape).astype(info.dtype)
    # Wider integers may be indices into a table, where only 0 is always valid.
    return np.zeros(info.shape, info.dtype)
