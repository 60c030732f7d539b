"""Runs a model as phones and servers do: on optimized kernels and XNNPACK."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firmware_harness.bundle.read import read_tflite
from firmware_harness.runtimes.interpreter import Model


def run_model(path: Path, inputs: NDArray[Any]) -> NDArray[Any] | None:
    """First output of a .tflite of one input for each of its values; None where XNNPACK idles.

    Args:
      path: the model.
      inputs: as it stores them, shape [inputs, ...].

    Returns:
      As it stores them, shape [inputs, values].

    Raises:
      HarnessError: the interpreter refuses the model.
    """
    model = Model(read_tflite(path))
    if model.delegate() == "none":
        return None
    shape = model.inputs[0].shape
    return np.stack([model.run([each.reshape(shape)]).ravel() for each in inputs])
