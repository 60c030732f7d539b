"""Models of one operator, made from the schema alone, for tests that need no converter."""

from collections.abc import Sequence

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

SCALE, ZERO_POINT = 0.5, -3


def tensor(shape: Sequence[int], *, buffer: int = 0, kind: str = "INT8"):
    """A tensor; all that are int8 have the same quantization."""
    made = schema.TensorT()
    made.shape, made.type, made.buffer = list(shape), getattr(schema.TensorType, kind), buffer
    made.name = f"tensor of {list(shape)}"
    if kind == "INT8":
        made.quantization = schema.QuantizationParametersT()
        made.quantization.scale, made.quantization.zeroPoint = [SCALE], [ZERO_POINT]
    return made


def one_operator(
    name: str, tensors: Sequence, *, inputs: int, constants: Sequence[np.ndarray] = (), options=None
) -> bytes:
    """A .tflite of one operator: its inputs come first in `tensors`, its output last.

    Args:
      name: of the operator, in the schema.
      tensors: as `tensor` makes them; constant i has buffer i + 1.
      inputs: how many of them are inputs of the model; the others up to the last are constants.
      constants: their values.
      options: the operator's, an object of the schema named as its union's member and a T.
    """
    model, graph, operator = schema.ModelT(), schema.SubGraphT(), schema.OperatorT()
    last = len(tensors) - 1
    operator.inputs, operator.outputs = list(range(last)), [last]
    if options is not None:
        member = type(options).__name__.removesuffix("T")
        operator.builtinOptionsType = getattr(schema.BuiltinOptions, member)
        operator.builtinOptions = options
    code = schema.OperatorCodeT()
    code.builtinCode = getattr(schema.BuiltinOperator, name)
    code.deprecatedBuiltinCode = min(code.builtinCode, 127)
    code.version = 1
    graph.tensors, graph.operators = list(tensors), [operator]
    graph.inputs, graph.outputs = list(range(inputs)), [last]
    model.version, model.operatorCodes, model.subgraphs = 3, [code], [graph]
    model.buffers = [schema.BufferT() for _ in range(1 + len(constants))]
    for buffer, value in zip(model.buffers[1:], constants, strict=True):
        buffer.data = np.frombuffer(value.tobytes(), np.uint8)
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def add_of_two(shape: Sequence[int]) -> bytes:
    """Two int8 inputs, added."""
    return one_operator("ADD", [tensor(shape)] * 3, inputs=2, options=schema.AddOptionsT())


def tile() -> bytes:
    """[1, 2] repeated to [1, 4]: TFLite has the operator, TFLite Micro has not."""
    tensors = [tensor([1, 2]), tensor([2], buffer=1, kind="INT32"), tensor([1, 4])]
    return one_operator("TILE", tensors, inputs=1, constants=[np.array([1, 2], np.int32)])
