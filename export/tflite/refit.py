"""Build a .tflite around parts of another: other ends, other operators, the same weights.

In a FlatBuffer every reference points forward. So a new front, with a root of its own, can stand
before the bytes of the old file and refer to its parts. Nothing of the old file is copied or moved.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from export.tflite.flatbuffer import Damaged

_ALIGNMENT = 16  # of constants in the old file, which must keep it
_SIZES = {"<b": 1, "<B": 1, "<i": 4, "<I": 4}


@dataclass(frozen=True)
class Old:
    """A part of the old file, by its place there."""

    at: int


@dataclass(frozen=True)
class Number:
    """A field that holds a number; `kind` is a format of `struct`."""

    kind: str
    value: int


@dataclass(frozen=True)
class Numbers:
    """A vector of numbers; `kind` is the format of one."""

    kind: str
    values: Sequence[int | float]


@dataclass(frozen=True)
class NewTable:
    """A table by field number of the schema; None leaves a field out."""

    fields: Mapping[int, "Number | Part | None"]


@dataclass(frozen=True)
class Tables:
    """A vector of tables."""

    items: Sequence["NewTable | Old"]


Part = Old | Numbers | NewTable | Tables


def with_front(content: bytes, root: NewTable) -> bytes:
    """The file that begins with `root`, followed by all of `content`."""
    front = _Front()
    front.lay(root)
    return front.joined(content)


class _Front:
    """New parts, each before the parts that it refers to."""

    def __init__(self) -> None:
        self._bytes = bytearray(struct.pack("<I4s", 0, b"TFL3"))
        self._references: list[tuple[int, Part]] = []
        self._places: dict[int, int] = {}  # of new parts, by id

    def lay(self, root: NewTable) -> None:
        """Write a table, then all that it needs."""
        waiting: list[Part] = [root]
        self._references = [(0, root)]
        for part in waiting:  # grows as it goes
            if isinstance(part, Old) or id(part) in self._places:
                continue
            begun = len(self._references)
            if isinstance(part, NewTable):
                self._table(part)
            elif isinstance(part, Tables):
                self._vector(part, "<I", [0] * len(part.items))
                first = len(self._bytes) - 4 * len(part.items)
                self._references += [(first + 4 * i, item) for i, item in enumerate(part.items)]
            else:
                self._vector(part, part.kind, part.values)
            waiting += [needed for _, needed in self._references[begun:]]

    def joined(self, content: bytes) -> bytes:
        self._pad(_ALIGNMENT)
        shift = len(self._bytes)
        for at, part in self._references:
            to = shift + part.at if isinstance(part, Old) else self._places[id(part)]
            if not at < to < 2**31:
                raise Damaged(f"a reference from {at} to {to} does not point forward")
            struct.pack_into("<I", self._bytes, at, to - at)
        return bytes(self._bytes) + content

    def _table(self, table: NewTable) -> None:
        fields = {number: field for number, field in table.fields.items() if field is not None}
        count = max(fields, default=-1) + 1
        places, size = [0] * count, 4
        for number, field in fields.items():
            width = _SIZES[field.kind] if isinstance(field, Number) else 4
            size = -(-size // width) * width
            places[number] = size
            size += width
        self._pad(4)
        vtable = struct.pack(f"<{2 + count}H", 4 + 2 * count, size, *places)
        self._bytes += vtable + bytes(-len(vtable) % 4)
        start = len(self._bytes)
        self._places[id(table)] = start
        self._bytes += struct.pack("<i", len(vtable) + -len(vtable) % 4) + bytes(size - 4)
        for number, field in fields.items():
            at = start + places[number]
            if isinstance(field, Number):
                struct.pack_into(field.kind, self._bytes, at, field.value)
            else:
                self._references.append((at, field))

    def _vector(self, part: Part, kind: str, values: Sequence[int | float]) -> None:
        packed = struct.pack(f"<{len(values)}{kind[-1]}", *values)
        width = struct.calcsize(kind)
        while len(self._bytes) % 4 or (len(self._bytes) + 4) % width:
            self._bytes += b"\0"
        self._places[id(part)] = len(self._bytes)
        self._bytes += struct.pack("<I", len(values)) + packed

    def _pad(self, to: int) -> None:
        self._bytes += bytes(-len(self._bytes) % to)
