"""A model with everything that its C code needs: options of operators, values of constants.

Builds on `export.tflite.graph` and relies on its checks; it reads the same bytes a second time.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from export.errors import ExportError
from export.tflite.flatbuffer import Damaged, FlatBuffer, Table
from export.tflite.graph import Graph, Tensor, parse_graph

NAME = "the .tflite"  # in errors, because the bytes have no path
MAX_MODEL_BYTES = 2**23  # flash of the largest microcontrollers; as C text it is six times larger
MAX_TENSOR_BYTES = 2**24
MAX_SIZE = 2**15  # of one dimension, stride or dilation
MAX_OPERATORS = 2000


@dataclass(frozen=True, kw_only=True)
class Value:
    """A tensor: value = scale * (stored - zero_point).

    Args:
      name: as the converter gave it.
      shape: empty for a scalar.
      dtype: NumPy's name of the type.
      scales: one for the tensor, or one for each index of `axis`; empty if not quantized.
      zero_points: as many as `scales`.
      axis: the dimension that has several scales.
      data: values of a constant; None for a computed tensor.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str
    scales: tuple[float, ...]
    zero_points: tuple[int, ...]
    axis: int
    data: NDArray[np.int8] | NDArray[np.int32] | None

    @property
    def elements(self) -> int:
        return int(np.prod(self.shape, dtype=np.int64))

    @property
    def scale(self) -> float:
        return self.scales[0]

    @property
    def zero_point(self) -> int:
        return self.zero_points[0]


@dataclass(frozen=True, kw_only=True)
class Node:
    """One operator of the model, which becomes one layer of the C code.

    Args:
      number: position in running order, from 0.
      operator: operator name in the schema.
      inputs: indices of values; -1 for an omitted input.
      output: index of its only output.
      options: the operator's table of options; None if it has none.
      changed: options with another value than in the file, by field.
      prefix: begins the name of its C function.
    """

    number: int
    operator: str
    inputs: tuple[int, ...]
    output: int
    options: Table | None
    changed: Mapping[int, int] = field(default_factory=dict[int, int])
    prefix: str = ""

    @property
    def function(self) -> str:
        """Name of its C function."""
        return f"{self.prefix}{self.operator.lower()}_{self.number}"

    def option(self, field: int, *, kind: str = "<i", default: int = 0) -> int:
        """An integer option by its field in the schema."""
        if field in self.changed:
            return self.changed[field]
        return default if self.options is None else self.options.integer(field, kind, default)


@dataclass(frozen=True, kw_only=True)
class Model:
    """A model with one int8 input and one int8 output."""

    values: tuple[Value, ...]
    nodes: tuple[Node, ...]
    input: int
    output: int

    def refuse(self, node: Node, reason: str) -> ExportError:
        """The error for a layer that has no C code; the caller raises it."""
        name = self.values[node.output].name
        return ExportError(
            f"{node.operator} (layer {node.number}, {name!r}) cannot become C code: {reason}"
        )


def read_model(content: bytes, *, known: Collection[str] | None = None) -> Model:
    """Read a .tflite with one int8 input and one int8 output; safe with untrusted bytes.

    Args:
      content: the file.
      known: operators that are taken; None for all.

    Raises:
      ExportError: it is damaged, too large, another kind of model, or has other operators. The
        text names all of them.
    """
    if len(content) > MAX_MODEL_BYTES:
        raise ExportError(
            f"{NAME} has {len(content)} bytes; C code is written for at most {MAX_MODEL_BYTES}."
        )
    graph = parse_graph(content, name=NAME)
    _check_ends(graph)
    if known is not None:
        _check_operators(graph, known)
    try:
        model = _model(graph, FlatBuffer(content).root())
    except Damaged as error:
        raise ExportError(
            f"{NAME} is damaged: {error}. Convert it again, or copy it again from where it came."
        ) from error
    _check_sizes(model)
    return model


def check_order(model: Model) -> None:
    """Check that operators read only constants and earlier results, and write each tensor once.

    Raises:
      ExportError: a tensor is read before it is written, written twice, or the output never is.
    """
    made = {model.input}
    for node in model.nodes:
        for index in node.inputs:
            if index >= 0 and index not in made and model.values[index].data is None:
                raise model.refuse(node, f"it reads tensor {index}, which nothing has made")
        if node.output in made or model.values[node.output].data is not None:
            raise model.refuse(node, "its output has a value already")
        made.add(node.output)
    if model.output not in made:
        raise ExportError(f"no operator of {NAME} makes its output. Convert it again.")


def _check_ends(graph: Graph) -> None:
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        raise ExportError(
            f"{NAME} must have one input and one output, got {len(graph.inputs)} and "
            f"{len(graph.outputs)}; models of several ends have no C code."
        )
    for name, index in (("input", graph.inputs[0]), ("output", graph.outputs[0])):
        tensor = graph.tensors[index]
        if tensor.dtype != "int8" or not tensor.channels or tensor.constant:
            what = f"a constant of {tensor.dtype}" if tensor.constant else tensor.dtype
            raise ExportError(
                f"the {name} of {NAME} must be int8 with a scale to become C code, got {what}. "
                "Convert the model with full integer quantization and "
                f"inference_{name}_type = int8."
            )


def _check_operators(graph: Graph, known: Collection[str]) -> None:
    first: dict[str, str] = {}
    for number, operator in enumerate(graph.operators):
        if operator.name not in known:
            name = "".join(f", {graph.tensors[index].name!r}" for index in operator.outputs[:1])
            first.setdefault(operator.name, f"{operator.name} (layer {number}{name})")
    if first:
        state = "It keeps a state from one run to the next. " if "VAR_HANDLE" in first else ""
        raise ExportError(
            f"{', '.join(first.values())} cannot become C code: there is code for "
            f"{', '.join(sorted(known))}. {state}Build the network of these, or run it on TFLite "
            "Micro, which pld-tf bench MODEL --target tflm does here."
        )


def _model(graph: Graph, root: Table) -> Model:
    if len(graph.operators) > MAX_OPERATORS:
        raise ExportError(
            f"{NAME} has {len(graph.operators)} operators; C code is written for at most "
            f"{MAX_OPERATORS}."
        )
    subgraph = next(root.tables(2))
    buffers = list(root.tables(4))
    values = tuple(
        _value(table, tensor, buffers)
        for table, tensor in zip(subgraph.tables(0), graph.tensors, strict=True)
    )
    nodes: list[Node] = []
    for number, (op, table) in enumerate(zip(graph.operators, subgraph.tables(3), strict=True)):
        if len(op.outputs) != 1 or not op.inputs:
            raise ExportError(
                f"{op.name} (layer {number}) cannot become C code: it has {len(op.inputs)} inputs "
                f"and {len(op.outputs)} outputs, where inputs and one output are supported."
            )
        nodes.append(
            Node(
                number=number,
                operator=op.name,
                inputs=op.inputs,
                output=op.outputs[0],
                options=table.table(4),
            )
        )
    return Model(values=values, nodes=tuple(nodes), input=graph.inputs[0], output=graph.outputs[0])


def _value(table: Table, tensor: Tensor, buffers: Sequence[Table]) -> Value:
    if table.table(6) is not None:
        raise ExportError(
            f"tensor {tensor.name!r} is stored sparse, which has no C code. Convert it dense."
        )
    read = tensor.dtype in ("int8", "int32")
    content = buffers[table.integer(2, "<I")].content(0) if read else b""
    quantization = table.table(4)
    scales = () if quantization is None else tuple(map(float, quantization.numbers(2, "f")))
    given = () if quantization is None else tuple(map(int, quantization.numbers(3, "q")))
    zero_points = given if len(given) == len(scales) else (*given[:1], 0)[:1] * len(scales)
    return Value(
        name=tensor.name,
        shape=tensor.shape,
        dtype=tensor.dtype,
        scales=scales,
        zero_points=zero_points,
        axis=0 if quantization is None else quantization.integer(6),
        data=_data(content, tensor) if content else None,
    )


def _data(content: bytes, tensor: Tensor) -> NDArray[np.int8] | NDArray[np.int32]:
    if len(content) != tensor.bytes:
        raise Damaged(f"a constant of {tensor.bytes} bytes is kept in {len(content)} bytes")
    if tensor.dtype == "int8":
        return np.frombuffer(content, np.int8).reshape(tensor.shape)
    return np.frombuffer(content, "<i4").astype(np.int32).reshape(tensor.shape)


def _check_sizes(model: Model) -> None:
    """Check the bounds that all arithmetic on the model relies on."""
    for value in model.values:
        if value.dtype == "int8" and not all(map(_is_scale, value.scales)):
            raise ExportError(
                f"tensor {value.name!r} must have scales of 2^-60 to 2^60, got "
                f"{min(value.scales):g} to {max(value.scales):g}."
            )
        if value.elements > MAX_TENSOR_BYTES or max(value.shape, default=0) > MAX_TENSOR_BYTES:
            raise ExportError(
                f"tensor {value.name!r} has {value.elements} elements; C code is written for at "
                f"most {MAX_TENSOR_BYTES}."
            )


def _is_scale(scale: float) -> bool:
    """True for a valid scale. 0 is valid: a channel whose weights are all zero has it."""
    return scale == 0 or 2.0**-60 <= scale <= 2.0**60
