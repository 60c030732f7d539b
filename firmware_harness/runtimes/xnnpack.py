"""Runs a model as phones and servers do: with optimized kernels and XNNPACK."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firmware_harness.bundle.read import read_tflite
from firmware_harness.runtimes.interpreter import Model


def run_model(path: Path, inputs: NDArray[Any]) -> NDArray[Any] | None:
    """First output of a .tflite with one input, for each input value; None if XNNPACK is unused.

    Args:
      path: the model.
      inputs: as the model stores them, shape [inputs, ...].

    Returns:
      Outputs as the model stores them, shape [inputs, values].

    Raises:
      HarnessError: the interpreter refuses the model.
    """
    model = Model(read_tflite(path))
    if model.delegate() == "none":
        return None
    shape = model.inputs[0].shape
    return np.stack([model.run([each.reshape(shape)]).ravel() for each in inputs])
