"""A float .tflite in which only some layers compute as if they were quantized.

A layer's weights become the values that its integer twin's weights stand for. Its output passes
through a QUANTIZE and a DEQUANTIZE with the twin's scale. So each layer's cost can be measured
alone.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as untyped
from numpy.typing import NDArray

from export.tflite.compact import packed
from export.tflite.quantization import Quantization

schema: Any = untyped
_ROUNDING = ("QUANTIZE", "DEQUANTIZE", "FAKE_QUANT")
_QUANTIZE_VERSION, _DEQUANTIZE_VERSION = 1, 2
_TYPES = {"int8": schema.TensorType.INT8, "int16": schema.TensorType.INT16}


@dataclass(frozen=True, kw_only=True)
class Rounding:
    """What quantizing one layer changes.

    Args:
      operator: its position in the float graph.
      constants: rounded values by position of the operator's input; float32, same shape.
      outputs: by tensor index in the float graph, how the integer twin stores the tensor.
    """

    operator: int | None = None
    constants: Mapping[int, NDArray[np.float32]] = field(
        default_factory=dict[int, NDArray[np.float32]]
    )
    outputs: Mapping[int, Quantization] = field(default_factory=dict[int, Quantization])


def with_rounding(content: bytes, roundings: Sequence[Rounding]) -> bytes:
    """A copy of a float .tflite with some layers rounded.

    Args:
      content: model with one graph; trusted, as the converter writes it.
      roundings: at most one per layer.
    """
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    graph = model.subgraphs[0]
    for rounding in roundings:
        for position, values in rounding.constants.items():
            _replace_constant(model, graph.operators[rounding.operator], position, values)
    # From the end, so that inserted operators do not move the earlier ones.
    places = {index: _made_by(graph, index) for each in roundings for index in each.outputs}
    stored = {index: how for each in roundings for index, how in each.outputs.items()}
    for index in sorted(stored, key=lambda each: -places[each]):
        _round_tensor(model, index, after=places[index], stored=stored[index])
    return packed(model, size=len(content))


def without_rounding(content: bytes) -> bytes:
    """A copy of a float .tflite without the fake quantization of its training.

    Args:
      content: as for `with_rounding`. All its QUANTIZE, DEQUANTIZE and FAKE_QUANT operators go.
    """
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    graph = model.subgraphs[0]
    rounding = [getattr(schema.BuiltinOperator, name) for name in _ROUNDING]
    exact: dict[Any, Any] = {}  # from a rounded tensor to the tensor before rounding
    kept: list[Any] = []
    for operator in graph.operators:
        operator.inputs = [exact.get(each, each) for each in operator.inputs]
        if model.operatorCodes[operator.opcodeIndex].builtinCode in rounding:
            exact[operator.outputs[0]] = operator.inputs[0]
        else:
            kept.append(operator)
    graph.operators = kept
    graph.outputs = [exact.get(each, each) for each in graph.outputs]
    return packed(model, size=len(content))


def _made_by(graph: Any, index: int) -> int:
    """Position of the operator that writes a tensor; -1 for an input of the graph."""
    makers = [number for number, op in enumerate(graph.operators) if index in op.outputs]
    return makers[0] if makers else -1


def _replace_constant(
    model: Any, operator: Any, position: int, values: NDArray[np.float32]
) -> None:
    """Gives the operator a tensor of its own, because other layers may share the old one."""
    graph = model.subgraphs[0]
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(np.ascontiguousarray(values).tobytes(), np.uint8)
    model.buffers.append(buffer)
    old = graph.tensors[operator.inputs[position]]
    inputs = list(operator.inputs)
    inputs[position] = _add_tensor(graph, old.name, values.shape, schema.TensorType.FLOAT32)
    graph.tensors[-1].buffer = len(model.buffers) - 1
    operator.inputs = inputs


def _round_tensor(model: Any, index: int, *, after: int, stored: Quantization) -> None:
    """Make every reader of the tensor read its rounded value."""
    graph = model.subgraphs[0]
    tensor = graph.tensors[index]
    integers = _add_tensor(graph, tensor.name, tensor.shape, _TYPES[stored.dtype])
    quantization = schema.QuantizationParametersT()
    quantization.scale, quantization.zeroPoint = [stored.scale], [stored.zero_point]
    graph.tensors[integers].quantization = quantization
    rounded = _add_tensor(graph, tensor.name, tensor.shape, schema.TensorType.FLOAT32)
    for operator in graph.operators[after + 1 :]:
        operator.inputs = [rounded if each == index else each for each in operator.inputs]
    graph.outputs = [rounded if each == index else each for each in graph.outputs]
    graph.operators[after + 1 : after + 1] = [
        _operator(model, "QUANTIZE", _QUANTIZE_VERSION, index, integers),
        _operator(model, "DEQUANTIZE", _DEQUANTIZE_VERSION, integers, rounded),
    ]


def _add_tensor(graph: Any, name: object, shape: Sequence[int], kind: int) -> int:
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.type = name, list(shape), kind
    graph.tensors.append(tensor)
    return len(graph.tensors) - 1


def _operator(model: Any, name: str, version: int, read: int, made: int) -> Any:
    code = getattr(schema.BuiltinOperator, name)
    codes = [each.builtinCode for each in model.operatorCodes]
    if code not in codes:
        added = schema.OperatorCodeT()
        added.builtinCode = added.deprecatedBuiltinCode = code
        added.version = version
        model.operatorCodes.append(added)
        codes.append(code)
    operator = schema.OperatorT()
    operator.opcodeIndex = codes.index(code)
    operator.inputs, operator.outputs = [read], [made]
    return operator
