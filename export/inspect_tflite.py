"""Read what a .tflite file computes, from its flatbuffer alone."""

# pyright: basic
# The schema reader that flatc generates has no types.

import math
import struct
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ai_edge_litert import schema_py_generated as schema

from export.errors import ExportError

IDENTIFIER = b"TFL3"
_TYPES = {value: name.lower() for name, value in vars(schema.TensorType).items() if name.isupper()}
_OPERATORS = {value: name for name, value in vars(schema.BuiltinOperator).items() if name.isupper()}
_FLOAT_TYPES = ("float16", "bfloat16", "float32", "float64")


@dataclass(frozen=True, kw_only=True)
class TensorInfo:
    """One end of a model; value = scale * (stored - zero_point), scale 0 when not quantized."""

    shape: tuple[int, ...]
    dtype: str
    scale: float
    zero_point: int


@dataclass(frozen=True, kw_only=True)
class ModelInfo:
    """What a .tflite computes.

    Args:
      operators: operator name to how often it occurs, sorted by name.
      float_operators: names of operators that read or write a float tensor, sorted.
      parameters: numbers in constant tensors that are float or quantized; shapes and axes are not.
      macs: multiply-accumulates of convolutions and dense layers, for one inference.
      input: the only input.
      output: the only output.
    """

    operators: dict[str, int]
    float_operators: tuple[str, ...]
    parameters: int
    macs: int
    input: TensorInfo
    output: TensorInfo

    def to_dict(self) -> dict[str, Any]:
        """For the manifest."""
        return {
            "parameters": self.parameters,
            "macs": self.macs,
            "operators": [{"name": name, "count": n} for name, n in self.operators.items()],
            "input": asdict(self.input),
            "output": asdict(self.output),
        }


def inspect(path: Path) -> ModelInfo:
    """Read a model of one graph with one input and one output.

    Raises:
      ExportError: the file cannot be read, or is not such a model.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise ExportError(f"cannot read {path}: {error.strerror}.") from error
    if content[4:8] != IDENTIFIER:
        raise ExportError(
            f"{path} is not a TFLite model: bytes 4 to 7 must be {IDENTIFIER!r}, "
            f"got {content[4:8]!r}."
        )
    try:
        return _model_info(schema.ModelT.InitFromPackedBuf(content))
    # The generated reader checks nothing: an offset that points astray ends in any of these.
    except (
        struct.error, IndexError, TypeError, ValueError, AttributeError, KeyError, OverflowError,
        MemoryError, RecursionError,
    ) as error:  # fmt: skip
        raise ExportError(
            f"{path} is not a TFLite model, or a damaged one ({type(error).__name__}: {error}); "
            "export it again."
        ) from error


def _model_info(model: Any) -> ModelInfo:
    if len(model.subgraphs) != 1:
        raise ValueError(f"one subgraph is expected, got {len(model.subgraphs)}")
    graph = model.subgraphs[0]
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise ValueError(
            f"one input and one output are expected, got {len(graph.inputs)} and "
            f"{len(graph.outputs)}"
        )
    names = [_operator_name(code) for code in model.operatorCodes]
    counts = Counter(names[op.opcodeIndex] for op in graph.operators)
    is_float = [_TYPES[tensor.type] in _FLOAT_TYPES for tensor in graph.tensors]
    floats = {
        names[op.opcodeIndex]
        for op in graph.operators
        if any(is_float[index] for index in (*op.inputs, *op.outputs) if index >= 0)
    }
    return ModelInfo(
        operators=dict(sorted(counts.items())),
        float_operators=tuple(sorted(floats)),
        parameters=_parameters(model, graph),
        macs=sum(_macs(names[op.opcodeIndex], op, graph.tensors) for op in graph.operators),
        input=_tensor_info(graph.tensors[graph.inputs[0]]),
        output=_tensor_info(graph.tensors[graph.outputs[0]]),
    )


def _operator_name(code: Any) -> str:
    # Codes over 127 do not fit the older field, which then holds 127.
    number = max(code.deprecatedBuiltinCode, code.builtinCode)
    name = _OPERATORS[number]
    return f"CUSTOM {code.customCode.decode()}" if name == "CUSTOM" else name


def _parameters(model: Any, graph: Any) -> int:
    def is_parameter(tensor: Any) -> bool:
        data = model.buffers[tensor.buffer].data
        known = _TYPES[tensor.type] in _FLOAT_TYPES or _is_quantized(tensor)
        return data is not None and len(data) > 0 and known

    return sum(math.prod(_shape(tensor)) for tensor in graph.tensors if is_parameter(tensor))


def _macs(name: str, op: Any, tensors: list[Any]) -> int:
    if name not in ("CONV_2D", "DEPTHWISE_CONV_2D", "FULLY_CONNECTED"):
        return 0
    weights = _shape(tensors[op.inputs[1]])
    outputs = math.prod(_shape(tensors[op.outputs[0]]))
    # [out, height, width, in], [1, height, width, out] and [out, in].
    per_output = weights[1:3] if name == "DEPTHWISE_CONV_2D" else weights[1:]
    return outputs * math.prod(per_output)


def _is_quantized(tensor: Any) -> bool:
    scale = tensor.quantization.scale if tensor.quantization else None
    return scale is not None and len(scale) > 0


def _shape(tensor: Any) -> tuple[int, ...]:
    return () if tensor.shape is None else tuple(int(size) for size in tensor.shape)


def _tensor_info(tensor: Any) -> TensorInfo:
    quantized = _is_quantized(tensor)
    return TensorInfo(
        shape=_shape(tensor),
        dtype=_TYPES[tensor.type],
        scale=float(tensor.quantization.scale[0]) if quantized else 0.0,
        zero_point=int(tensor.quantization.zeroPoint[0]) if quantized else 0,
    )
