"""Facts about a .tflite, read from its flatbuffer alone."""

from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from export.errors import ExportError
from export.tflite.graph import Graph, Operator, Tensor, read_graph
from export.tflite.macs import operator_macs
from export.tflite.quantization import Quantization

FLOAT_TYPES = ("float16", "bfloat16", "float32", "float64")


@dataclass(frozen=True, kw_only=True)
class TensorInfo(Quantization):
    """The input or the output of a model."""

    shape: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class ModelInfo:
    """What a .tflite computes.

    Args:
      operators: number of each operator, sorted by name.
      float_operators: names of operators that read or write a float tensor, sorted.
      parameters: values in float or quantized constant tensors; shapes and axes do not count.
      macs: multiply-accumulates of one inference, as `export.tflite.macs` counts them.
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
    """Read a model with one graph, one input and one output.

    Raises:
      ExportError: the file cannot be read, or is another kind of model.
    """
    return model_info(read_graph(path), path)


def model_info(graph: Graph, path: Path) -> ModelInfo:
    """What a graph with one input and one output computes; `path` names it in errors.

    Raises:
      ExportError: it has several inputs or outputs.
    """
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise ExportError(
            f"{path} must have one input and one output, got {len(graph.inputs)} and "
            f"{len(graph.outputs)}; models of several ends are not supported."
        )
    return ModelInfo(
        operators=dict(sorted(Counter(op.name for op in graph.operators).items())),
        float_operators=tuple(sorted({op.name for op in float_operators(graph)})),
        parameters=sum(tensor.elements for tensor in graph.tensors if _is_parameter(tensor)),
        macs=sum(_macs(op, graph.tensors) for op in graph.operators),
        input=_tensor_info(graph.tensors[graph.inputs[0]]),
        output=_tensor_info(graph.tensors[graph.outputs[0]]),
    )


def float_operators(graph: Graph) -> list[Operator]:
    """Operators that read or write a float tensor, in order."""
    is_float = [tensor.dtype in FLOAT_TYPES for tensor in graph.tensors]
    return [
        op
        for op in graph.operators
        if any(is_float[index] for index in (*op.inputs, *op.outputs) if index >= 0)
    ]


def _is_parameter(tensor: Tensor) -> bool:
    return tensor.constant and (tensor.dtype in FLOAT_TYPES or tensor.channels > 0)


def _macs(op: Operator, tensors: tuple[Tensor, ...]) -> int:
    return operator_macs(
        op.name,
        inputs=[tensors[index].shape if index >= 0 else None for index in op.inputs],
        outputs=[tensors[index].shape for index in op.outputs],
    )


def _tensor_info(tensor: Tensor) -> TensorInfo:
    return TensorInfo(
        shape=tensor.shape,
        dtype=tensor.dtype,
        scale=tensor.scale,
        zero_point=tensor.zero_point,
    )
