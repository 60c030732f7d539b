"""Rewrite a .tflite so that equal parts are stored once: a quarter smaller, the same content.

The converter writes separate vectors for each tensor's shape, scales and zero points, a buffer for
each tensor, and options for each operator. Most zero points are rows of zeros of eight bytes each,
most buffers are empty, and most options repeat. FlatBuffers lets tables share all that. The
converter also names constants, which need no names, and joins the names of all fused nodes.
"""

# pyright: reportMissingTypeStubs=false, reportUnknownMemberType=false, reportUnknownArgumentType=false

from collections import Counter
from typing import Any

import flatbuffers
from ai_edge_litert import schema_py_generated as untyped
from numpy.typing import NDArray

schema: Any = untyped
_ALIGNMENT = 16  # of weights, from TensorFlow Lite's schema: devices read them in place


def compact(content: bytes) -> bytes:
    """A copy of a .tflite in which equal parts are stored once, and names are short.

    Args:
      content: trusted, as the converter writes it.
    """
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    for graph in model.subgraphs:
        _shorten_names(graph, model.buffers)
    _share_buffers(model)
    return packed(model, size=len(content))


def packed(model: Any, *, size: int) -> bytes:
    """The .tflite of a `ModelT`, about `size` bytes; equal vectors, strings, options once."""
    _share_tables(model)
    builder = _Sharing(size)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def _shorten_names(graph: Any, buffers: list[Any]) -> None:
    """Name each operator after its first node, for example the convolution before its fused parts.

    The converter lists an operator's nodes last to first. It adds a digit if a constant of the
    operator has the same name. Constants need no names.
    """
    tensors = graph.tensors
    constants = {number for number, each in enumerate(tensors) if _bytes(buffers[each.buffer])}
    for operator in graph.operators:
        taken = {tensors[number].name for number in operator.inputs if number in constants}
        for made in (tensors[number] for number in operator.outputs):
            if made.name[-1:].isdigit() and made.name[:-1] in taken:
                made.name = made.name[:-1]
    for number in constants:
        tensors[number].name = b""
    short = [tensor.name.rpartition(b";")[2] for tensor in tensors]
    counts = Counter(short)
    for tensor, name in zip(tensors, short, strict=True):
        if counts[name] == 1:
            tensor.name = name


def _share_buffers(model: Any) -> None:
    """Store equal buffers once. The first is empty: in TensorFlow Lite it means no constant."""
    first = model.buffers[0]
    places = {_bytes(first): 0}
    kept = [first]
    numbers: list[int] = []
    for buffer in model.buffers:
        number = places.setdefault(_bytes(buffer), len(kept))
        if number == len(kept):
            kept.append(buffer)
        numbers.append(number)
    holders: list[Any] = [tensor for graph in model.subgraphs for tensor in graph.tensors]
    holders += model.metadata or []
    for holder in holders:
        holder.buffer = numbers[holder.buffer]
    model.buffers = kept


def _bytes(buffer: Any) -> bytes:
    return b"" if buffer.data is None else bytes(buffer.data)


def _share_tables(model: Any) -> None:
    """Share equal options of operators and equal quantization of tensors."""
    shared: dict[bytes, _Once] = {}
    for graph in model.subgraphs:
        for parts, name in ((graph.operators, "builtinOptions"), (graph.tensors, "quantization")):
            for part in parts:
                if (table := getattr(part, name)) is not None:
                    setattr(part, name, shared.setdefault(_alone(table), _Once(table)))


def _alone(table: Any) -> bytes:
    """The bytes of a table; equal tables give equal bytes."""
    builder = flatbuffers.Builder()
    builder.Finish(table.Pack(builder))
    return type(table).__name__.encode() + bytes(builder.Output())


class _Once:
    """A table that is written on first use, and only once."""

    def __init__(self, table: Any) -> None:
        self._table = table
        self._place: int | None = None

    def Pack(self, builder: flatbuffers.Builder) -> int:
        if self._place is None:
            self._place = int(self._table.Pack(builder))
        return self._place


class _Sharing(flatbuffers.Builder):
    """A builder that reuses an equal vector or string that it has already written."""

    def __init__(self, size: int) -> None:
        super().__init__(size)
        self._places: dict[tuple[str, bytes], int] = {}

    def StartVector(self, elemSize: int, numElems: int, alignment: int) -> int:
        alignment = _ALIGNMENT if elemSize == 1 else alignment
        return int(super().StartVector(elemSize, numElems, alignment))

    def CreateNumpyVector(self, x: NDArray[Any]) -> int:
        key = (x.dtype.str, x.tobytes())
        if key not in self._places:
            self._places[key] = int(super().CreateNumpyVector(x))
        return self._places[key]

    def CreateString(self, s: bytes, encoding: str = "utf-8", errors: str = "strict") -> int:
        key = ("string", s)
        if key not in self._places:
            self._places[key] = int(super().CreateString(s, encoding, errors))
        return self._places[key]
