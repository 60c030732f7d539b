"""Make the int8 steps of the logits finer where they decide.

The converter spreads 256 steps over all logits it has seen, for example from -50 to a best logit of
15. Most steps then only separate hopeless classes. The steps become so coarse that near ties change
class. Softmax ignores a logit that lies ln(2^15) below the best. So the range starts that far below
the lowest of the crops' best logits, and lower logits saturate. Kernels read the output's scale
from the file; nothing else changes.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

import math
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as untyped
from numpy.typing import NDArray

from export.tflite.quantization import least_and_most

schema: Any = untyped
NEGLIGIBLE = math.log(2**15)  # a class so far below the best scores less than 1 / 32768


def narrow_logits(content: bytes, logits: NDArray[np.float32]) -> bytes:
    """A copy of an int8 .tflite whose logits have finer steps.

    Args:
      content: model with one int8 output with one scale; trusted, as the converter writes it.
      logits: of the network before conversion, on the crops that set the ranges; finite,
        [crops, classes].

    Returns:
      The same bytes with another scale and zero point of the output. Unchanged if the output does
      not come from a dense layer (others may pass on their input's scale), or if the range is
      already narrow.
    """
    changed = bytearray(content)
    graph = schema.Model.GetRootAs(changed).Subgraphs(0)
    output = graph.Outputs(0)
    if not _is_dense(changed, output):
        return content
    quantization = graph.Tensors(output).Quantization()
    # Views of `changed`: writing to them changes the file.
    scales, zero_points = quantization.ScaleAsNumpy(), quantization.ZeroPointAsNumpy()
    lowest, highest = map(float, least_and_most("int8", scale=scales[0], zero_point=zero_points[0]))
    least = min(float(logits.max(axis=1).min()) - NEGLIGIBLE, 0.0)  # 0 has a step of its own
    if not lowest < least < highest:
        return content
    scales[0] = (highest - least) / 255
    zero_points[0] = round(-128 - least / float(scales[0]))
    return bytes(changed)


def _is_dense(content: bytearray, tensor: int) -> bool:
    """True if a FULLY_CONNECTED operator writes the tensor."""
    model = schema.Model.GetRootAs(content)
    graph = model.Subgraphs(0)
    operators = map(graph.Operators, range(graph.OperatorsLength()))
    codes = [each.OpcodeIndex() for each in operators if tensor in each.OutputsAsNumpy()]
    dense = schema.BuiltinOperator.FULLY_CONNECTED
    return any(model.OperatorCodes(code).BuiltinCode() == dense for code in codes)
