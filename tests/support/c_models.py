"""Small int8 models built layer by layer, for tests of the C that `export.c_code.model` writes.

Weights, scales and zero points are drawn; outputs are scaled so that some of them saturate.
"""

import math
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

SAME, VALID = schema.Padding.SAME, schema.Padding.VALID
_TYPES = {"int8": schema.TensorType.INT8, "int32": schema.TensorType.INT32}


class Net:
    """A model that grows: methods named as operators take tensors by index and give their output.

    Args:
      shape: of the input, which is tensor 0.
      seed: decides all that is drawn.
      scale, zero: of the input.
    """

    def __init__(self, shape: Sequence[int], *, seed=0, scale=0.05, zero=-3) -> None:
        self.rng = np.random.default_rng(seed)
        self.shapes: list[tuple[int, ...]] = []
        self._tensors, self._operators, self._codes = [], [], []
        self._buffers = [schema.BufferT()]
        self.input = self.tensor(shape, scale=scale, zero=zero)

    # --- parts ---

    def tensor(self, shape, *, scale=None, zero=None, scales=None, axis=0, dtype="int8") -> int:
        """Without a scale one is drawn, as is a zero point."""
        made = schema.TensorT()
        made.shape, made.type, made.name = list(shape), _TYPES[dtype], f"t{len(self._tensors)}"
        if scales is None and dtype == "int8":
            scales = [np.float32(self.rng.uniform(0.02, 0.2)) if scale is None else scale]
            zero = int(self.rng.integers(-128, 128)) if zero is None else zero
        if scales is not None:
            made.quantization = schema.QuantizationParametersT()
            made.quantization.scale = list(scales)
            made.quantization.zeroPoint = [zero or 0] * len(scales)
            made.quantization.quantizedDimension = axis
        self.shapes.append(tuple(shape))
        self._tensors.append(made)
        return len(self._tensors) - 1

    def constant(self, values: np.ndarray, **quantization) -> int:
        index = self.tensor(values.shape, dtype=values.dtype.name, **quantization)
        buffer = schema.BufferT()
        buffer.data = np.frombuffer(values.tobytes(), np.uint8)
        self._buffers.append(buffer)
        self._tensors[index].buffer = len(self._buffers) - 1
        return index

    def scale(self, index: int) -> float:
        return float(np.float32(self._tensors[index].quantization.scale[0]))

    def zero(self, index: int) -> int:
        return self._tensors[index].quantization.zeroPoint[0]

    def layer(self, name: str, inputs: Sequence[int], output: int, options=None) -> int:
        operator = schema.OperatorT()
        operator.inputs, operator.outputs = list(inputs), [output]
        if options is not None:
            member = type(options).__name__.removesuffix("T")
            operator.builtinOptionsType = getattr(schema.BuiltinOptions, member)
            operator.builtinOptions = options
        if name not in self._codes:
            self._codes.append(name)
        operator.opcodeIndex = self._codes.index(name)
        self._operators.append(operator)
        return output

    def model(self, output: int) -> bytes:
        """The .tflite."""
        model, graph = schema.ModelT(), schema.SubGraphT()
        graph.tensors, graph.operators = self._tensors, self._operators
        graph.inputs, graph.outputs = [self.input], [output]
        model.version, model.subgraphs, model.buffers = 3, [graph], self._buffers
        model.operatorCodes = [_code(name) for name in self._codes]
        builder = flatbuffers.Builder(1024)
        builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
        return bytes(builder.Output())

    # --- layers with weights ---

    def conv_2d(
        self, x, *, channels=3, kernel=(3, 3), stride=(1, 1), dilation=(1, 1), padding=SAME,
        activation="NONE", **weights,
    ) -> int:  # fmt: skip
        depth = self.shapes[x][3]
        inputs, fitting = self._weights(x, (channels, *kernel, depth), axis=0, **weights)
        options = schema.Conv2DOptionsT()
        _window(options, stride, dilation, padding, activation)
        shape = _image(self.shapes[x], kernel, stride, dilation, padding, channels)
        return self.layer("CONV_2D", inputs, self.tensor(shape, scale=fitting), options)

    def depthwise_conv_2d(
        self, x, *, multiplier=1, kernel=(3, 3), stride=(1, 1), dilation=(1, 1), padding=SAME,
        activation="NONE", **weights,
    ) -> int:  # fmt: skip
        channels = self.shapes[x][3] * multiplier
        inputs, fitting = self._weights(x, (1, *kernel, channels), axis=3, **weights)
        options = schema.DepthwiseConv2DOptionsT()
        options.depthMultiplier = multiplier
        _window(options, stride, dilation, padding, activation)
        shape = _image(self.shapes[x], kernel, stride, dilation, padding, channels)
        return self.layer("DEPTHWISE_CONV_2D", inputs, self.tensor(shape, scale=fitting), options)

    def fully_connected(self, x, *, units=5, activation="NONE", keep_dims=False, **weights) -> int:
        depth = self.shapes[x][-1] if keep_dims else math.prod(self.shapes[x][1:])
        inputs, fitting = self._weights(x, (units, depth), axis=0, **weights)
        options = schema.FullyConnectedOptionsT()
        options.keepNumDims = keep_dims
        options.fusedActivationFunction = getattr(schema.ActivationFunctionType, activation)
        shape = (*self.shapes[x][:-1], units) if keep_dims else (1, units)
        return self.layer("FULLY_CONNECTED", inputs, self.tensor(shape, scale=fitting), options)

    def _weights(self, x, shape, *, axis, per_channel=True, bias=True, values=None, coarse=1.0):
        """Indices of input, weights and bias; and a scale for the output, times `coarse`."""
        count = shape[axis] if per_channel else 1
        scales = self.rng.uniform(0.5, 1.5, count).astype(np.float32) / 128
        drawn = self.rng.integers(-127, 128, shape).astype(np.int8) if values is None else values
        taps = drawn.size // shape[axis]
        indices = [x, self.constant(drawn, scales=scales, axis=axis)]
        if bias:
            most = 2000 * math.isqrt(taps)
            biases = self.rng.integers(-most, most + 1, shape[axis]).astype(np.int32)
            indices.append(self.constant(biases, scales=scales * np.float32(self.scale(x))))
        spread = 128 * math.sqrt(taps) * self.scale(x) * float(scales.mean())
        return indices, np.float32(coarse * spread * self.rng.uniform(0.6, 1.2))

    # --- layers without ---

    def add(self, one, two, *, activation="NONE", scale=None) -> int:
        return self._elementwise("ADD", one, two, activation, scale)

    def mul(self, one, two, *, activation="NONE", scale=None) -> int:
        fine = self.scale(one) * self.scale(two) * 60 if scale is None else scale
        return self._elementwise("MUL", one, two, activation, fine)

    def _elementwise(self, name, one, two, activation, scale) -> int:
        options = schema.AddOptionsT() if name == "ADD" else schema.MulOptionsT()
        options.fusedActivationFunction = getattr(schema.ActivationFunctionType, activation)
        shape = np.broadcast_shapes(self.shapes[one], self.shapes[two])
        return self.layer(name, [one, two], self.tensor(shape, scale=scale), options)

    def pool(self, name, x, *, window=(2, 2), stride=(2, 2), padding=VALID, activation="NONE"):
        """AVERAGE_POOL_2D or MAX_POOL_2D."""
        options = schema.Pool2DOptionsT()
        _window(options, stride, None, padding, activation)
        options.filterHeight, options.filterWidth = window
        shape = _image(self.shapes[x], window, stride, (1, 1), padding, self.shapes[x][3])
        return self.layer(name, [x], self.like(x, shape), options)

    def mean(self, x, axes, *, keep_dims=False, scale=None) -> int:
        options = schema.ReducerOptionsT()
        options.keepDims = keep_dims
        rank = len(self.shapes[x])
        gone = {axis % rank for axis in axes}
        sizes = enumerate(self.shapes[x])
        shape = [1 if at in gone else size for at, size in sizes if keep_dims or at not in gone]
        made = self.tensor(shape, scale=self.scale(x) * 0.7 if scale is None else scale)
        return self.layer("MEAN", [x, self.constant(np.array(axes, np.int32))], made, options)

    def pad(self, x, pairs) -> int:
        shape = [size + sum(pair) for size, pair in zip(self.shapes[x], pairs, strict=True)]
        inputs = [x, self.constant(np.array(pairs, np.int32))]
        return self.layer("PAD", inputs, self.like(x, shape), schema.PadOptionsT())

    def strided_slice(self, x, begins, ends, strides=None, *, gone=()) -> int:
        """None stands for the tensor's own begin or end; dimensions `gone` leave one place."""
        options = schema.StridedSliceOptionsT()
        spans = list(zip(begins, ends, strides or [1] * len(begins), strict=True))
        options.beginMask = sum(1 << at for at, (begin, _, _) in enumerate(spans) if begin is None)
        options.endMask = sum(1 << at for at, (_, end, _) in enumerate(spans) if end is None)
        options.shrinkAxisMask = sum(1 << at for at in gone)
        sizes = self.shapes[x]
        counts = [len(range(*slice(*s).indices(n))) for s, n in zip(spans, sizes, strict=True)]
        shape = [count for at, count in enumerate(counts) if at not in gone]
        numbers = np.array([[each or 0 for each in span] for span in spans], np.int32).T
        inputs = [x, *(self.constant(np.ascontiguousarray(row)) for row in numbers)]
        return self.layer("STRIDED_SLICE", inputs, self.like(x, shape), options)

    def concatenation(self, *inputs, axis=-1) -> int:
        options = schema.ConcatenationOptionsT()
        options.axis = axis
        shape = list(self.shapes[inputs[0]])
        shape[axis] = sum(self.shapes[each][axis] for each in inputs)
        return self.layer("CONCATENATION", inputs, self.like(inputs[0], shape), options)

    def reshape(self, x, shape) -> int:
        inputs = [x, self.constant(np.array(shape, np.int32))]
        options = schema.ReshapeOptionsT()
        options.newShape = list(shape)
        return self.layer("RESHAPE", inputs, self.like(x, shape), options)

    def quantize(self, x, *, scale=None, zero=None) -> int:
        made = self.tensor(self.shapes[x], scale=scale, zero=zero)
        return self.layer("QUANTIZE", [x], made, schema.QuantizeOptionsT())

    def unary(self, name, x, *, scale=None, zero=None) -> int:
        """RELU, RELU6, LOGISTIC, TANH or HARD_SWISH."""
        fixed = {"LOGISTIC": (1 / 256, -128), "TANH": (1 / 128, 0)}
        scale, zero = fixed.get(name, (scale, zero))
        options = schema.HardSwishOptionsT() if name == "HARD_SWISH" else None
        return self.layer(name, [x], self.tensor(self.shapes[x], scale=scale, zero=zero), options)

    def softmax(self, x, *, beta=1.0) -> int:
        options = schema.SoftmaxOptionsT()
        options.beta = beta
        made = self.tensor(self.shapes[x], scale=1 / 256, zero=-128)
        return self.layer("SOFTMAX", [x], made, options)

    def like(self, x, shape) -> int:
        """A tensor with the quantization of `x`."""
        return self.tensor(shape, scale=self.scale(x), zero=self.zero(x))


def _code(name: str):
    code = schema.OperatorCodeT()
    code.builtinCode = getattr(schema.BuiltinOperator, name)
    code.deprecatedBuiltinCode = min(code.builtinCode, 127)
    code.version = 1
    return code


def _window(options, stride, dilation, padding, activation) -> None:
    options.padding = padding
    options.strideH, options.strideW = stride
    if dilation is not None:
        options.dilationHFactor, options.dilationWFactor = dilation
    options.fusedActivationFunction = getattr(schema.ActivationFunctionType, activation)


def _image(shape, taps, stride, dilation, padding, channels) -> tuple[int, ...]:
    sizes = [
        -(-(size if padding == SAME else size - (tap - 1) * apart) // step)
        for size, tap, step, apart in zip(shape[1:3], taps, stride, dilation, strict=True)
    ]
    return (1, *sizes, channels)


@dataclass(frozen=True, kw_only=True)
class Case:
    """A model and int8 inputs of shape [inputs, *shape]."""

    model: bytes
    inputs: np.ndarray


def case(name: str, shape: Sequence[int], build: Callable[[Net], int], **given) -> Case:
    """What `build` makes of a new net and its input; the name seeds what is drawn."""
    net = Net(shape, seed=zlib.crc32(name.encode()), **given)
    return Case(model=net.model(build(net)), inputs=random_inputs(shape))


def random_inputs(shape: Sequence[int], *, seed: int = 0, count: int = 4) -> np.ndarray:
    """int8 [count + 3, *shape]: drawn, of extremes only, all lowest, all highest.

    Where an input has 256 values, the first has each of them once.
    """
    rng = np.random.default_rng(seed)
    inputs = np.concatenate(
        [
            rng.integers(-128, 128, (count, *shape)),
            rng.choice([-128, 127], (1, *shape)),
            np.full((1, *shape), -128),
            np.full((1, *shape), 127),
        ]
    ).astype(np.int8)
    if math.prod(shape) == 256:
        inputs[0] = rng.permutation(np.arange(-128, 128)).reshape(shape)
    return inputs
