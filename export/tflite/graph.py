"""The graph in a .tflite file: tensors, operators, which tensor feeds which. Runs nothing.

Field numbers are those of TFLite's schema.fbs, version 3.
"""

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ai_edge_litert import (  # pyright: ignore[reportMissingTypeStubs]
    schema_py_generated as schema,
)

from export.errors import ExportError
from export.tflite.flatbuffer import Damaged, FlatBuffer, Table
from export.tflite.quantization import Quantization

IDENTIFIER = b"TFL3"
VERSION = 3
MAX_MODEL_BYTES = 2**27  # far more than any microcontroller holds
MAX_RANK = 8
MAX_ELEMENTS = 2**40  # of one tensor; a larger size means damage


def _names(enum: Any) -> dict[int, str]:
    """Names by number of an enumeration of the schema, which has no type hints."""
    members: dict[str, Any] = {**vars(enum)}
    return {int(value): name for name, value in members.items() if name.isupper()}


_TYPES = {number: name.lower() for number, name in _names(schema.TensorType).items()}
_OPERATORS = _names(schema.BuiltinOperator)
# Other types (strings, resources, packed 4-bit numbers) have no fixed number of bytes per element.
_ITEM_BYTES = {
    "bool": 1, "int8": 1, "uint8": 1, "int16": 2, "uint16": 2, "float16": 2, "bfloat16": 2,
    "int32": 4, "uint32": 4, "float32": 4, "int64": 8, "uint64": 8, "float64": 8,
    "complex64": 8, "complex128": 16,
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Tensor(Quantization):
    """A tensor of the main graph; if it has several scales, those of the first channel.

    Args:
      name: as the converter gave it.
      shape: empty for a scalar.
      constant: its values are in the file.
      variable: it keeps its value from one inference to the next.
      channels: number of its scales; 0 if not quantized.
    """

    name: str
    shape: tuple[int, ...]
    constant: bool = False
    variable: bool = False
    scale: float = 0.0
    zero_point: int = 0
    channels: int = 0

    @property
    def elements(self) -> int:
        return math.prod(self.shape)

    @property
    def bytes(self) -> int:
        """Bytes in memory; types without a fixed size count one byte per element."""
        return self.elements * _ITEM_BYTES.get(self.dtype, 1)


@dataclass(frozen=True, kw_only=True)
class Operator:
    """One node; tensors by index, -1 for an omitted optional input."""

    name: str
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Graph:
    """The main graph of a model, operators in running order."""

    tensors: tuple[Tensor, ...]
    operators: tuple[Operator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]


def read_graph(path: Path) -> Graph:
    """Read the main graph of a model; safe with untrusted files.

    Raises:
      ExportError: the file cannot be read, is too large, or is another kind of model.
    """
    return parse_graph(read_content(path), name=str(path))


def parse_graph(content: bytes, *, name: str) -> Graph:
    """As `read_graph`, for a model in memory; errors call it `name`."""
    if content[4:8] != IDENTIFIER:
        raise ExportError(
            f"{name} is not a TFLite model: bytes 4 to 7 must be {IDENTIFIER!r}, "
            f"got {content[4:8]!r}."
        )
    try:
        return _graph(FlatBuffer(content).root())
    except Damaged as error:
        raise ExportError(
            f"{name} is not a TFLite model that can be read, or a damaged one: {error}. "
            "Convert it again, or copy it again from where it came."
        ) from error


def read_content(path: Path) -> bytes:
    """The bytes of a file that is no larger than any model.

    Raises:
      ExportError: it cannot be read, or is too large.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_MODEL_BYTES + 1)
    except OSError as error:
        raise ExportError(f"cannot read {path}: {error.strerror}.") from error
    if len(content) > MAX_MODEL_BYTES:
        raise ExportError(f"{path} must have at most {MAX_MODEL_BYTES} bytes, but has more.")
    return content


def _graph(model: Table) -> Graph:
    version = model.integer(0, "<I")
    if version != VERSION:
        raise Damaged(f"schema version {VERSION} is expected, got {version}")
    # The first one runs. Operators such as CALL_ONCE and WHILE may run the others.
    graphs = list(model.tables(2))
    if not graphs:
        raise Damaged("it holds no graph")
    stored = [buffer.length(0) for buffer in model.tables(4)]
    tensors = tuple(_tensor(table, stored) for table in graphs[0].tables(0))
    names = [_operator_name(code) for code in model.tables(1)]
    return Graph(
        tensors=tensors,
        operators=tuple(_operator(op, names, len(tensors)) for op in graphs[0].tables(3)),
        inputs=_indices(graphs[0].integers(1), len(tensors)),
        outputs=_indices(graphs[0].integers(2), len(tensors)),
    )


def _tensor(table: Table, stored: list[int]) -> Tensor:
    shape = table.integers(0, most=MAX_RANK + 1)
    dtype = _known(_TYPES, table.integer(1, "<b"), "type of tensor")
    if len(shape) > MAX_RANK or min(shape, default=0) < 0 or math.prod(shape) > MAX_ELEMENTS:
        raise Damaged(f"a tensor has the shape {list(shape)}")
    buffer = table.integer(2, "<I")
    if buffer >= len(stored):
        raise Damaged(f"a tensor is kept in buffer {buffer}, but there are {len(stored)}")
    expected = math.prod(shape) * _ITEM_BYTES.get(dtype, 0)
    if stored[buffer] and expected and stored[buffer] != expected:
        raise Damaged(f"a constant of {expected} bytes is kept in {stored[buffer]} bytes")
    scale, zero_point, channels = _quantization(table.table(4))
    return Tensor(
        name=table.text(3),
        shape=shape,
        dtype=dtype,
        constant=stored[buffer] > 0,
        variable=bool(table.integer(5, "<B")),
        scale=scale,
        zero_point=zero_point,
        channels=channels,
    )


def _quantization(table: Table | None) -> tuple[float, int, int]:
    scales = table.numbers(2, "f", most=1) if table else ()
    if not table or not scales:
        return 0.0, 0, 0
    scale = float(scales[0])
    if not math.isfinite(scale) or scale < 0:
        raise Damaged(f"a tensor has the scale {scale}")
    zero_points = table.numbers(3, "q", most=1)
    return scale, int(zero_points[0]) if zero_points else 0, table.length(2, item_bytes=4)


def _operator_name(code: Table) -> str:
    # Codes over 127 do not fit the older field, which then holds 127.
    number = max(code.integer(0, "<b"), code.integer(3))
    name = _known(_OPERATORS, number, "operator")
    return f"CUSTOM {code.text(1)}" if name == "CUSTOM" else name


def _operator(table: Table, names: list[str], tensors: int) -> Operator:
    code = table.integer(0, "<I")
    if code >= len(names):
        raise Damaged(f"an operator has code {code}, but there are {len(names)}")
    return Operator(
        name=names[code],
        inputs=_indices(table.integers(1), tensors, least=-1),
        outputs=_indices(table.integers(2), tensors),
    )


def _indices(values: tuple[int, ...], tensors: int, least: int = 0) -> tuple[int, ...]:
    wrong = [value for value in values if not least <= value < tensors]
    if wrong:
        raise Damaged(f"tensor {wrong[0]} is referred to, but there are {tensors}")
    return values


def _known(names: dict[int, str], number: int, what: str) -> str:
    if number not in names:
        raise Damaged(f"{what} {number} is not known")
    return names[number]
