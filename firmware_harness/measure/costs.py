"""What a model costs by its graph alone: operators, MACs, parameters. Runs no inference."""

from collections import Counter
from dataclasses import dataclass

from firmware_harness.runtimes.interpreter import Operator, TensorInfo

_LSTM = "UNIDIRECTIONAL_SEQUENCE_LSTM"
# Operands of an LSTM: 1-4 input weights, 5-8 recurrent weights, 16 projection,
# 18 and 19 its state. Source: the TFLite kernel's lstm_shared.h.
_LSTM_MATRICES = (*range(1, 9), 16)
_LSTM_STATE = (18, 19)
_FLOATS = ("float16", "float32", "float64")


@dataclass(frozen=True, kw_only=True)
class ModelCosts:
    """MACs are of one inference. `operators` keeps the order of first use."""

    macs: int
    parameters: int
    operators: tuple[tuple[str, int], ...]


def model_costs(
    *, operators: tuple[Operator, ...], tensors: dict[int, TensorInfo], inputs: frozenset[int]
) -> ModelCosts:
    """Count operators, MACs and parameters of a graph without delegates.

    MACs are those of CONV_2D, DEPTHWISE_CONV_2D, TRANSPOSE_CONV, FULLY_CONNECTED and
    UNIDIRECTIONAL_SEQUENCE_LSTM, padding included, as papers count them; bias additions,
    pooling and element-wise operators count nothing. Parameters are the elements of every
    constant that is floating or quantized (weights and biases), each constant once; shapes and
    axes are neither. Branches and loop bodies are other graphs and are not counted.

    Args:
      operators: nodes of the main graph, from a model on the reference resolver.
      tensors: every tensor those nodes name, by index.
      inputs: indices of the graph's inputs, which are no constants.
    """
    return ModelCosts(
        macs=sum(_macs(operator, tensors) for operator in operators),
        parameters=_parameters(operators, tensors, inputs),
        operators=tuple(Counter(operator.name for operator in operators).items()),
    )


def _macs(operator: Operator, tensors: dict[int, TensorInfo]) -> int:
    operands = [tensors.get(index) for index in operator.inputs]
    if operator.name == _LSTM:
        return _lstm_macs(operands)
    output = tensors.get(operator.outputs[0]) if operator.outputs else None
    weights = operands[1] if len(operands) > 1 else None
    if output is None or weights is None:
        return 0
    if operator.name in ("CONV_2D", "FULLY_CONNECTED"):
        return output.elements * (weights.elements // max(1, weights.shape[0]))
    if operator.name == "DEPTHWISE_CONV_2D":
        return output.elements * (weights.elements // max(1, weights.shape[-1]))
    data = operands[2] if len(operands) > 2 else None
    if operator.name == "TRANSPOSE_CONV" and data is not None:
        return data.elements * (weights.elements // max(1, weights.shape[-1]))
    return 0


def _lstm_macs(operands: list[TensorInfo | None]) -> int:
    data = operands[0]
    if data is None:
        return 0
    matrices = (operands[i] for i in _LSTM_MATRICES if i < len(operands))
    steps = data.elements // max(1, data.shape[-1])  # batch times time, in either order
    return steps * sum(matrix.elements for matrix in matrices if matrix is not None)


def _parameters(
    operators: tuple[Operator, ...], tensors: dict[int, TensorInfo], inputs: frozenset[int]
) -> int:
    computed = inputs.union(*(operator.outputs for operator in operators))
    read = {index for operator in operators for index in _constant_candidates(operator)}
    constants = (tensors[index] for index in read - computed if index in tensors)
    return sum(info.elements for info in constants if info.quantized or info.dtype in _FLOATS)


def _constant_candidates(operator: Operator) -> tuple[int, ...]:
    if operator.name != _LSTM:
        return operator.inputs
    return tuple(i for place, i in enumerate(operator.inputs) if place not in _LSTM_STATE)
