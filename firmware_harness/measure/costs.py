"""What a model costs by its graph alone: operators, MACs, parameters. Runs no inference."""

from collections import Counter
from dataclasses import dataclass

from firmware_harness.runtimes.interpreter import Operator, TensorInfo
from firmware_harness.tflite.macs import LSTM, operator_macs

_LSTM_STATE = (18, 19)  # operands; source: the TFLite kernel's lstm_shared.h
_FLOATS = ("float16", "float32", "float64")


@dataclass(frozen=True, kw_only=True)
class ModelCosts:
    """MACs of one inference. `operators` are in the order of first use."""

    macs: int
    parameters: int
    operators: tuple[tuple[str, int], ...]


def model_costs(
    *, operators: tuple[Operator, ...], tensors: dict[int, TensorInfo], inputs: frozenset[int]
) -> ModelCosts:
    """Count operators, MACs and parameters of a graph without delegates.

    MACs are those of `operator_macs`. Parameters are the elements of every floating or quantized
    constant (weights and biases), each constant once; shapes and axes do not count. Branches and
    loop bodies are other graphs and do not count.

    Args:
      operators: nodes of the main graph, from a model on the reference resolver.
      tensors: every tensor of those nodes, by index.
      inputs: indices of the graph's inputs, which are not constants.
    """
    return ModelCosts(
        macs=sum(_macs(operator, tensors) for operator in operators),
        parameters=_parameters(operators, tensors, inputs),
        operators=tuple(Counter(operator.name for operator in operators).items()),
    )


def _macs(operator: Operator, tensors: dict[int, TensorInfo]) -> int:
    inputs, outputs = (
        [tensors[index].shape if index in tensors else None for index in indices]
        for indices in (operator.inputs, operator.outputs)
    )
    given = [shape for shape in outputs if shape is not None]
    return operator_macs(operator.name, inputs=inputs, outputs=given)


def _parameters(
    operators: tuple[Operator, ...], tensors: dict[int, TensorInfo], inputs: frozenset[int]
) -> int:
    computed = inputs.union(*(operator.outputs for operator in operators))
    read = {index for operator in operators for index in _constant_candidates(operator)}
    constants = (tensors[index] for index in read - computed if index in tensors)
    return sum(info.elements for info in constants if info.quantized or info.dtype in _FLOATS)


def _constant_candidates(operator: Operator) -> tuple[int, ...]:
    if operator.name != LSTM:
        return operator.inputs
    return tuple(i for place, i in enumerate(operator.inputs) if place not in _LSTM_STATE)
