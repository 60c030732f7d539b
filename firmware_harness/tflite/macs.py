"""Multiply-accumulates (MACs) of TFLite's operators, from shapes alone."""

import math
from collections.abc import Sequence

Shape = tuple[int, ...]
LSTM = "UNIDIRECTIONAL_SEQUENCE_LSTM"
# Inputs of an LSTM, four gates each: weights of its input, then of its state. A projection of the
# state may follow. Source: the TFLite kernel's lstm_shared.h.
_LSTM_MATRICES = (*range(1, 9), 16)


def operator_macs(name: str, *, inputs: Sequence[Shape | None], outputs: Sequence[Shape]) -> int:
    """MACs of one run of an operator.

    Multiplications with padding count, as in papers. Biases, pooling and element-wise operators
    count nothing. An operator without its weights counts 0: no interpreter runs it.

    Args:
      name: operator name in the schema.
      inputs: shape of each input, None for an omitted one.
      outputs: shape of each output.
    """
    if name == LSTM:
        return _lstm_macs(inputs)
    weights = inputs[1] if len(inputs) > 1 else None
    if weights is None or not outputs:
        return 0
    if name in ("CONV_2D", "FULLY_CONNECTED"):  # [out, height, width, in] and [out, in]
        return math.prod(outputs[0]) * math.prod(weights[1:])
    if name == "DEPTHWISE_CONV_2D":  # [1, height, width, out]
        return math.prod(outputs[0]) * math.prod(weights[:-1])
    data = inputs[2] if len(inputs) > 2 else None
    if name == "TRANSPOSE_CONV" and data is not None:  # [out, height, width, in]
        return math.prod(data) * math.prod(weights[:-1])  # each input value meets the whole kernel
    return 0


def _lstm_macs(inputs: Sequence[Shape | None]) -> int:
    data = inputs[0] if inputs else None
    if data is None:
        return 0
    shapes = [inputs[place] for place in _LSTM_MATRICES if place < len(inputs)]
    steps = math.prod(data[:-1])  # batch times time, in either order
    return steps * sum(math.prod(shape) for shape in shapes if shape is not None)
