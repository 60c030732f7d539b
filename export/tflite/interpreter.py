"""Run a .tflite on this machine with bit-exact kernels.

XNNPACK, the default, is not bit-exact; the two resolvers here never use it.
"""

# pyright: reportMissingTypeStubs=false

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.typing import NDArray

from export.errors import ExportError

FAST = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
GOLDEN = OpResolverType.BUILTIN_REF


def run(
    path: Path, crops: NDArray[Any], *, resolver: OpResolverType, threads: int = 1
) -> NDArray[Any]:
    """Output of a model for each crop, as the model stores it.

    Args:
      path: a batch-1 model from features to logits.
      crops: shape [crops, frames, bins], in the model's input type.
      resolver: which kernels.
      threads: of the interpreter.

    Returns:
      shape [crops, classes], in the model's output type.

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
        interpreter.reset_all_variables()  # recurrent state must not reach the next crop
        interpreter.set_tensor(into, crop[None, ..., None])
        interpreter.invoke()
        yield interpreter.get_tensor(out_of)
