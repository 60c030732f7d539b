"""Dense networks as a float .tflite and its int8 twin, made from the schema, and in NumPy.

No converter, so that a test says itself how each layer is quantized, well or badly.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as untyped

schema: Any = untyped
# Kernels disagree about ties: with scales that have no common factor there are none.
INPUT_SCALE, WEIGHT_SCALE = 3 / 128, 3 / 256
SCALES = {"first": 67 / 1024, "middle": 97 / 1024, "logits": 227 / 1024}


@dataclass(frozen=True, kw_only=True)
class Dense:
    """One layer without bias or activation; zero points are 0.

    Args:
      name: of its output.
      weights: float32 [outputs, inputs].
      weight_scale: one step of its int8 weights.
      scale: one step of its int8 output.
    """

    name: str
    weights: np.ndarray
    weight_scale: float
    scale: float

    @property
    def stored(self) -> np.ndarray:
        return on_grid(self.weights, self.weight_scale).astype(np.int8)


def three_layers(*, seed: int = 0, **badly: float) -> tuple[Dense, ...]:
    """120 inputs to 4 logits. `badly` gives output scales of layers by name."""
    rng = np.random.default_rng(seed)
    sizes = {"first": (8, 120), "middle": (8, 8), "logits": (4, 8)}
    return tuple(
        Dense(
            name=name,
            weights=rng.integers(-8, 9, size=size).astype(np.float32) / 8,
            weight_scale=WEIGHT_SCALE,
            scale=(SCALES | badly)[name],
        )
        for name, size in sizes.items()
    )


def crops(count: int = 40, seed: int = 1) -> np.ndarray:
    """float32 [crops, 12, 10], small eighths."""
    rng = np.random.default_rng(seed)
    return rng.integers(-4, 5, size=(count, 12, 10)).astype(np.float32) / 8


def on_grid(values: np.ndarray, scale: float) -> np.ndarray:
    """Nearest int8 steps."""
    return np.clip(np.rint(values / scale), -128, 127)


def logits(
    layers: Sequence[Dense], features: np.ndarray, *, rounded: Collection[str] = ()
) -> np.ndarray:
    """float32 [crops, outputs], with the weights and output of the `rounded` layers on grids."""
    x = features.reshape(len(features), -1)
    if "input" in rounded:
        x = on_grid(x, INPUT_SCALE) * INPUT_SCALE
    for layer in layers:
        weights = layer.stored * layer.weight_scale if layer.name in rounded else layer.weights
        x = x @ weights.T
        if layer.name in rounded:
            x = on_grid(x, layer.scale) * layer.scale
    return x.astype(np.float32)


def float_model(layers: Sequence[Dense]) -> bytes:
    """The float .tflite, from [1, 12, 10, 1]."""
    return _chain(layers, integer=False)


def int8_model(layers: Sequence[Dense]) -> bytes:
    """Its int8 twin."""
    return _chain(layers, integer=True)


def _chain(layers: Sequence[Dense], *, integer: bool) -> bytes:
    model, graph, code = schema.ModelT(), schema.SubGraphT(), schema.OperatorCodeT()
    code.builtinCode = code.deprecatedBuiltinCode = schema.BuiltinOperator.FULLY_CONNECTED
    code.version = 4 if integer else 1
    model.version, model.operatorCodes, model.subgraphs = 3, [code], [graph]
    model.buffers = [schema.BufferT()]
    scale = INPUT_SCALE if integer else 0.0
    graph.tensors, graph.operators = [_tensor("features:0", (1, 12, 10, 1), scale)], []
    read = 0  # what the layer before gives
    for layer in layers:
        buffer = schema.BufferT()
        values = layer.stored if integer else layer.weights
        buffer.data = np.frombuffer(values.tobytes(), np.uint8)
        model.buffers.append(buffer)
        ends = (layer.weight_scale, layer.scale) if integer else (0.0, 0.0)
        weights = _tensor(f"weights of {layer.name}", layer.weights.shape, ends[0])
        weights.buffer = len(model.buffers) - 1
        given = _tensor(f"{layer.name}:0", (1, len(layer.weights)), ends[1])
        # Twins number their tensors each in its own way.
        order = [given, weights] if integer else [weights, given]
        first = len(graph.tensors)
        graph.tensors += order
        places = [first + order.index(each) for each in (weights, given)]
        graph.operators.append(_dense(read, *places))
        read = places[1]
    graph.inputs, graph.outputs = [0], [read]
    return packed(model)


def packed(model: Any) -> bytes:
    """A model of the schema as the content of a file."""
    builder = flatbuffers.Builder(1024)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def _tensor(name: str, shape: Sequence[int], scale: float) -> Any:
    tensor = schema.TensorT()
    tensor.name, tensor.shape, tensor.buffer = name, list(shape), 0
    tensor.type = schema.TensorType.INT8 if scale else schema.TensorType.FLOAT32
    if scale:
        tensor.quantization = schema.QuantizationParametersT()
        tensor.quantization.scale, tensor.quantization.zeroPoint = [scale], [0]
    return tensor


def _dense(read: int, weights: int, given: int) -> Any:
    operator = schema.OperatorT()
    operator.opcodeIndex, operator.inputs, operator.outputs = 0, [read, weights], [given]
    operator.builtinOptionsType = schema.BuiltinOptions.FullyConnectedOptions
    operator.builtinOptions = schema.FullyConnectedOptionsT()
    return operator
