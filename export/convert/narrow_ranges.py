"""Choose the ranges of int8 activations with the least error, not those that hold every value.

A range has 255 steps. If it reaches the largest value of a thousand crops, each step is coarse for
all other values, and rounding costs more than saturating a few values. So each tensor gets the
narrower range with the least squared error on the crops that set the ranges (Nagel et al. 2021,
arXiv:2106.08295, section 3.1).
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownVariableType=false
# pyright: reportUnknownArgumentType=false

from collections.abc import Iterable
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as untyped
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from numpy.typing import NDArray

schema: Any = untyped
_STEPS = 255
_BINS = 2048  # of a histogram: several per step, even in the narrowest range
_SHARES = np.linspace(0.3, 1.0, 29)  # shares of the seen range, above and below zero
# These feed their output back as input, in the same range.
_RECURRENT = ("LSTM", "UNIDIRECTIONAL_SEQUENCE_LSTM", "BIDIRECTIONAL_SEQUENCE_LSTM")


def narrow_ranges(calibrated: bytes, crops: Iterable[NDArray[np.float32]]) -> bytes:
    """A copy of a calibrated model whose activations have the ranges with the least error.

    Args:
      calibrated: float .tflite with the least and greatest value of each tensor; trusted, as the
        converter's calibrator writes it. Its input and outputs keep their ranges.
      crops: the model inputs that it was calibrated with.
    """
    model = schema.ModelT.InitFromPackedBuf(calibrated, 0)
    graph = model.subgraphs[0]
    seen = {
        index: (min(float(found.min[0]), 0.0), max(float(found.max[0]), 0.0))
        for index in _activations(model)
        if (found := graph.tensors[index].quantization) is not None and found.min is not None
    }
    for index, counts in _histograms(calibrated, seen, crops).items():
        low, high = least_error(counts, *seen[index])
        quantization = graph.tensors[index].quantization
        quantization.min = np.array([low], np.float32)
        quantization.max = np.array([high], np.float32)
    builder = flatbuffers.Builder(len(calibrated))
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def least_error(counts: NDArray[np.int64], low: float, high: float) -> tuple[float, float]:
    """The part of a range with the least squared error of rounding and saturation; includes 0.

    Args:
      counts: how many values lie in each of equally wide bins from `low` to `high`. Values that
        are exactly 0 are not counted, because 0 has a step of its own.
      low: the least value, at most 0.
      high: the greatest value, at least 0.
    """
    edges = np.linspace(low, high, len(counts) + 1)
    values, counts = ((edges[:-1] + edges[1:]) / 2)[counts > 0], counts[counts > 0]
    ranges = [
        (least, most) for least in np.unique(_SHARES * low) for most in np.unique(_SHARES * high)
    ]
    errors = [counts @ np.square(_stored(values, *ends) - values) for ends in ranges]
    least, most = ranges[int(np.argmin(errors))]
    return float(least), float(most)


def _stored(values: NDArray[np.float64], low: float, high: float) -> NDArray[np.float64]:
    """Values after rounding to the int8 steps of a range; 0 is one of the steps."""
    step = (high - low) / _STEPS
    first = np.round(low / step)
    return step * np.clip(np.round(values / step), first, first + _STEPS)


def _activations(model: Any) -> list[int]:
    """Tensors that operators write, without the model's outputs and recurrent layers' outputs."""
    recurrent = [getattr(schema.BuiltinOperator, name) for name in _RECURRENT]
    graph = model.subgraphs[0]
    written = {
        int(index)
        for operator in graph.operators
        if model.operatorCodes[operator.opcodeIndex].builtinCode not in recurrent
        for index in operator.outputs
    }
    return sorted(written - {int(index) for index in graph.outputs})


def _histograms(
    content: bytes, ranges: dict[int, tuple[float, float]], crops: Iterable[NDArray[np.float32]]
) -> dict[int, NDArray[np.int64]]:
    """How many values of each tensor lie in each bin of its range; zeros are not counted."""
    interpreter = Interpreter(
        model_content=content,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        experimental_preserve_all_tensors=True,
    )
    interpreter.allocate_tensors()
    input_index = interpreter.get_input_details()[0]["index"]
    counts = {index: np.zeros(_BINS, np.int64) for index in ranges}
    for crop in crops:
        interpreter.reset_all_variables()
        interpreter.set_tensor(input_index, crop)
        interpreter.invoke()
        for index, ends in ranges.items():
            values = interpreter.get_tensor(index)
            counts[index] += np.histogram(values[values != 0], _BINS, ends)[0]
    return {index: found for index, found in counts.items() if found.any()}
