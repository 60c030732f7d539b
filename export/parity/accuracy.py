"""Run a .tflite and its float twin on the same crops, and say how far they differ."""

# pyright: reportMissingTypeStubs=false

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.typing import NDArray

from export.errors import ExportError
from export.tflite.facts import TensorInfo

# XNNPACK, the default, is not bit-exact; these two resolvers never use it.
FAST = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
GOLDEN = OpResolverType.BUILTIN_REF


@dataclass(frozen=True, kw_only=True)
class Parity:
    """A model against its float twin on labelled crops.

    Args:
      crops: how many.
      correct_float: crops the float twin gets right.
      correct_model: crops the model gets right.
      same: crops to which both give the same class.
      max_logit_difference_steps: largest difference of a logit in output steps of the model; one
        too low for its output counts as the lowest.
    """

    crops: int
    correct_float: int
    correct_model: int
    same: int
    max_logit_difference_steps: float

    @property
    def loss_points(self) -> float:
        """Accuracy lost against the float twin, in percentage points; negative: gained.

        >>> counts = {"crops": 200, "correct_float": 190, "correct_model": 187, "same": 9}
        >>> Parity(**counts, max_logit_difference_steps=0.0).loss_points
        1.5
        """
        # From whole numbers, so that a loss of exactly one point is exactly 1.0.
        return 100 * (self.correct_float - self.correct_model) / self.crops

    def to_dict(self, kind: str) -> dict[str, int | float]:
        """For the manifest; accuracies and agreement are shares from 0 to 1."""
        return {
            "crops": self.crops,
            "accuracy_float": self.correct_float / self.crops,
            f"accuracy_{kind}": self.correct_model / self.crops,
            "agreement": self.same / self.crops,
            "max_logit_difference_steps": self.max_logit_difference_steps,
        }


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


def run(
    path: Path, crops: NDArray[Any], *, resolver: OpResolverType, threads: int = 1
) -> NDArray[Any]:
    """Output of a model for each crop, in the types that the model stores.

    Args:
      path: a batch-1 model from features to logits.
      crops: shape [crops, frames, bins], in the model's input type.
      resolver: which kernels.
      threads: of the interpreter.

    Returns:
      shape [crops, classes].

    Raises:
      ExportError: the interpreter refuses the model.
    """
    try:
        return np.concatenate(list(_outputs(path, crops, resolver=resolver, threads=threads)))
    except (ValueError, RuntimeError) as error:
        text = " ".join(str(error).split())
        raise ExportError(f"the TFLite interpreter cannot run {path}: {text}") from error


def _outputs(
    path: Path, crops: NDArray[Any], *, resolver: OpResolverType, threads: int
) -> Iterator[NDArray[Any]]:
    interpreter: Any = Interpreter(
        str(path), num_threads=threads, experimental_op_resolver_type=resolver
    )
    interpreter.allocate_tensors()
    into = interpreter.get_input_details()[0]["index"]
    out_of = interpreter.get_output_details()[0]["index"]
    for crop in crops:
        interpreter.reset_all_variables()  # a recurrent state must not reach the next crop
        interpreter.set_tensor(into, crop[None, ..., None])
        interpreter.invoke()
        yield interpreter.get_tensor(out_of)


def compare(
    *, float_logits: NDArray[np.float32], stored: NDArray[Any], output: TensorInfo,
    labels: NDArray[np.int32],
) -> Parity:  # fmt: skip
    """Measure a model's outputs against those of its float twin.

    Args:
      float_logits: of the twin, shape [crops, classes].
      stored: of the model, as it stores them, shape [crops, classes].
      output: how the model stores them.
      labels: true classes, shape [crops].
    """
    of_float, of_model = float_logits.argmax(axis=1), stored.argmax(axis=1)
    reachable = np.maximum(float_logits, _lowest(output))
    difference = np.abs(dequantize(stored, output) - reachable).max()
    return Parity(
        crops=len(labels),
        correct_float=int((of_float == labels).sum()),
        correct_model=int((of_model == labels).sum()),
        same=int((of_float == of_model).sum()),
        max_logit_difference_steps=round(float(difference / (output.scale or 1.0)), 3),
    )


def _lowest(output: TensorInfo) -> float:
    """What a logit too low for the output becomes."""
    if output.scale == 0:
        return -math.inf
    return float(dequantize(np.array(np.iinfo(output.dtype).min), output))
