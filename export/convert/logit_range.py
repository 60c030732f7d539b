"""Give the int8 steps of the logits to those that decide.

The converter spreads 256 steps over every logit it has seen, down to -50 where the best stands at
15: most of them tell hopeless classes apart, and a step is so coarse that near ties change class. A
softmax makes nothing of a logit that lies ln(2^15) below the best. So the range begins that far
below the least of the crops' best logits, and what is lower saturates. Kernels take the output's
scale from the file; nothing else changes.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

import math
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as untyped
from numpy.typing import NDArray

from export.tflite.quantization import least_and_most

schema: Any = untyped
NEGLIGIBLE = math.log(2**15)  # a class so far below the best scores less than 1 of 32768


def narrow_logits(content: bytes, logits: NDArray[np.float32]) -> bytes:
    """A copy of an int8 .tflite whose logits have finer steps.

    Args:
      content: with one int8 output of one scale; trusted, as the converter writes it.
      logits: of the network as it was trained, on the crops that set the ranges, finite,
        [crops, classes].

    Returns:
      The same bytes but for scale and zero point of the output; all the same where no dense layer
      makes it (others may hand on their input's steps), or where the range is narrow already.
    """
    changed = bytearray(content)
    graph = schema.Model.GetRootAs(changed).Subgraphs(0)
    output = graph.Outputs(0)
    if not _is_dense(changed, output):
        return content
    quantization = graph.Tensors(output).Quantization()
    # Views of `changed`: what is written into them is written into the file.
    scales, zero_points = quantization.ScaleAsNumpy(), quantization.ZeroPointAsNumpy()
    lowest, highest = map(float, least_and_most("int8", scale=scales[0], zero_point=zero_points[0]))
    least = min(float(logits.max(axis=1).min()) - NEGLIGIBLE, 0.0)  # 0 has a step of its own
    if not lowest < least < highest:
        return content
    scales[0] = (highest - least) / 255
    zero_points[0] = round(-128 - least / float(scales[0]))
    return bytes(changed)


def _is_dense(content: bytearray, tensor: int) -> bool:
    """Whether a FULLY_CONNECTED operator writes a tensor."""
    model = schema.Model.GetRootAs(content)
    graph = model.Subgraphs(0)
    operators = map(graph.Operators, range(graph.OperatorsLength()))
    codes = [each.OpcodeIndex() for each in operators if tensor in each.OutputsAsNumpy()]
    dense = schema.BuiltinOperator.FULLY_CONNECTED
    return any(model.OperatorCodes(code).BuiltinCode() == dense for code in codes)
