"""Read tables of a FlatBuffer that may be damaged or hostile.

Every offset is checked, and the work is bounded.

Source: FlatBuffers internals, https://flatbuffers.dev/internals/.
"""

import struct
from collections.abc import Iterator

_ITEMS_PER_BYTE = 4  # of the file; a file that shares its parts too often would exceed it
_LEAST_ITEMS = 10_000


class Damaged(ValueError):
    """An offset, a length or a value that no correct writer produces."""


class FlatBuffer:
    """The bytes of a file, and how much more of them may be read.

    A small file may refer to one long vector a million times. So everything that is read counts,
    and the size of the file limits the count.
    """

    def __init__(self, content: bytes) -> None:
        self.content = content
        self._left = max(_LEAST_ITEMS, _ITEMS_PER_BYTE * len(content))

    def root(self) -> "Table":
        return Table(self, self.scalar("<I", 0))

    def scalar(self, kind: str, at: int) -> int | float:
        """One number; `kind` is a format of `struct`."""
        size = struct.calcsize(kind)
        self.spend(1)
        if not 0 <= at <= len(self.content) - size:
            raise Damaged(f"offset {at} lies outside the file of {len(self.content)} bytes")
        return struct.unpack_from(kind, self.content, at)[0]

    def vector(self, at: int, item_bytes: int) -> tuple[int, int]:
        """Where the items of a vector begin, and how many there are."""
        start = at + self.offset(at)
        items = self.offset(start)
        if start + 4 + items * item_bytes > len(self.content):
            raise Damaged(f"a vector of {items} items at {start} runs past the end of the file")
        return start + 4, items

    def offset(self, at: int) -> int:
        return int(self.scalar("<I", at))

    def spend(self, items: int) -> None:
        self._left -= items
        if self._left < 0:
            raise Damaged("its parts refer to the same bytes again and again")


class Table:
    """One table; fields are numbered as in the schema, from 0.

    A missing field has its default; a missing vector is empty.
    """

    def __init__(self, buffer: FlatBuffer, at: int | float) -> None:
        self._buffer = buffer
        self._at = int(at)
        vtable = self._at - int(buffer.scalar("<i", self._at))
        vtable_bytes = int(buffer.scalar("<H", vtable))
        if vtable_bytes < 4 or vtable_bytes % 2:
            raise Damaged(f"the table at {self._at} has a vtable of {vtable_bytes} bytes")
        self._vtable = vtable
        self._fields = (vtable_bytes - 4) // 2

    def number(self, field: int, kind: str = "<i", default: int = 0) -> int | float:
        at = self._place(field)
        return default if at is None else self._buffer.scalar(kind, at)

    def integer(self, field: int, kind: str = "<i", default: int = 0) -> int:
        return int(self.number(field, kind, default))

    def length(self, field: int, item_bytes: int = 1) -> int:
        """Number of items in a vector."""
        at = self._place(field)
        return 0 if at is None else self._buffer.vector(at, item_bytes)[1]

    def numbers(self, field: int, kind: str = "i", most: int = 2**31) -> tuple[int | float, ...]:
        """Items of a vector of numbers, at most the first `most`."""
        at = self._place(field)
        if at is None:
            return ()
        start, items = self._buffer.vector(at, struct.calcsize(f"<{kind}"))
        taken = min(items, most)
        self._buffer.spend(taken)
        return struct.unpack_from(f"<{taken}{kind}", self._buffer.content, start)

    def integers(self, field: int, most: int = 2**31) -> tuple[int, ...]:
        return tuple(int(value) for value in self.numbers(field, "i", most))

    def content(self, field: int) -> bytes:
        """The bytes of a vector of bytes."""
        at = self._place(field)
        if at is None:
            return b""
        start, items = self._buffer.vector(at, 1)
        self._buffer.spend(items)
        return self._buffer.content[start : start + items]

    def text(self, field: int) -> str:
        """A string; bytes that are not UTF-8 are replaced."""
        at = self._place(field)
        if at is None:
            return ""
        start, items = self._buffer.vector(at, 1)
        self._buffer.spend(items)
        return self._buffer.content[start : start + items].decode(errors="replace")

    def table(self, field: int) -> "Table | None":
        at = self._place(field)
        return None if at is None else Table(self._buffer, at + self._buffer.offset(at))

    @property
    def at(self) -> int:
        """Where the table begins in the file."""
        return self._at

    def field_at(self, field: int) -> int | None:
        """Where the value of a field is stored; None if the field is missing."""
        return self._place(field)

    def part_at(self, field: int) -> int | None:
        """Where the string, vector or table in a field begins; None if the field is missing."""
        at = self._place(field)
        return None if at is None else at + self._buffer.offset(at)

    def tables(self, field: int) -> "Iterator[Table]":
        """Items of a vector of tables."""
        at = self._place(field)
        if at is None:
            return
        start, items = self._buffer.vector(at, 4)
        for place in range(start, start + 4 * items, 4):
            yield Table(self._buffer, place + self._buffer.offset(place))

    def _place(self, field: int) -> int | None:
        if field >= self._fields:
            return None
        offset = int(self._buffer.scalar("<H", self._vtable + 4 + 2 * field))
        return self._at + offset if offset else None
