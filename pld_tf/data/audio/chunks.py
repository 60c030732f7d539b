"""Check that a file made of chunks (WAV, AIFF, CAF, W64) or an AU file holds all its samples.

libsndfile reads what is left of a truncated file and reports no error.
"""

import struct
from typing import NamedTuple

from pld_tf.data.audio.limits import BadClip, require

# A program that writes into a pipe does not know the length. It writes 0, or nearly 2 or 4 GB.
_UNKNOWN_FROM = 0x7FFF0000
_MAX_CHUNKS = 10_000  # ahead of the samples; a hostile file could have millions


class _Layout(NamedTuple):
    order: str
    header: str  # of a chunk: its name, then its size
    first: int  # where the first chunk begins
    samples: bytes  # name of the chunk of samples
    ahead: int  # bytes of that chunk that come before its samples
    counted: int  # bytes of its own header that a chunk counts as its size
    align: int  # chunks begin at multiples of this


class _Chunk(NamedTuple):
    size: int
    body: int  # where it begins


class _Size(NamedTuple):
    """The field of a header that gives the bytes of samples, and its value."""

    at: int
    format: str
    declared: int
    held: int  # the value if the samples reach to the end of the file
    extra: int  # bytes that both values count beside the samples


class Whole(NamedTuple):
    """A file that holds all its samples."""

    data: bytes
    sample_bytes: int
    block_bytes: int | None  # one sample of every channel; None where the header does not give it


_RIFF = _Layout("<", "4sI", 12, b"data", 0, 0, 2)
_W64_DATA = b"data" + bytes.fromhex("f3acd3118cd100c04f8edb8a")
_LAYOUTS = {
    b"RIFF": _RIFF,
    b"RF64": _RIFF,
    b"RIFX": _RIFF._replace(order=">"),
    b"FORM": _Layout(">", "4sI", 12, b"SSND", 8, 0, 2),
    b"caff": _Layout(">", "4sQ", 8, b"data", 4, 0, 1),
    b"riff": _Layout("<", "16sQ", 40, _W64_DATA, 0, 24, 8),
}
_AU = b".snd"
MAGICS = frozenset({*_LAYOUTS, _AU})


def check_chunks(data: bytes) -> Whole:
    """Find the samples of a file that begins with one of `MAGICS`.

    If the header gives no true size, the samples reach to the end of the file. The header of the
    returned data then gives that size.

    Raises:
      BadClip: the file ends before its samples, or holds fewer than its header declares.
    """
    size, block_bytes = _au_size(data) if data[:4] == _AU else _samples_size(data)
    if size.declared >= _UNKNOWN_FROM or (size.declared == 0 and not _is_closed(data)):
        field = struct.pack(size.format, size.held)
        data = data[: size.at] + field + data[size.at + len(field) :]
        size = size._replace(declared=size.held)
    declared, held = size.declared - size.extra, max(0, size.held - size.extra)
    require(
        declared <= held,
        f"truncated: the header declares {declared} bytes of samples, the file holds {held}",
    )
    return Whole(data, declared, block_bytes)


def _au_size(data: bytes) -> tuple[_Size, None]:
    require(len(data) >= 24, "truncated in the AU header")
    start, declared = struct.unpack_from(">II", data, 4)
    return _Size(8, ">I", declared, max(0, len(data) - start), 0), None


def _samples_size(data: bytes) -> tuple[_Size, int | None]:
    layout = _LAYOUTS[data[:4]]
    chunks = _chunks(data, layout)
    samples = chunks[layout.samples]
    size_format = layout.order + layout.header[-1]
    size = _Size(
        at=samples.body - struct.calcsize(size_format),
        format=size_format,
        declared=samples.size,
        held=len(data) - samples.body + layout.counted,
        extra=layout.ahead + layout.counted,
    )
    if data[:4] == b"RF64" and b"ds64" in chunks:  # holds the sizes that need 64 bits
        at = chunks[b"ds64"].body + 8
        size = size._replace(at=at, format="<Q", declared=_number(data, at, 8, "<"))
    block = _number(data, chunks[b"fmt "].body + 12, 2, layout.order) if b"fmt " in chunks else None
    return size, block


def _chunks(data: bytes, layout: _Layout) -> dict[bytes, _Chunk]:
    """Chunks by name, up to the chunk of samples."""
    header = struct.Struct(layout.order + layout.header)
    chunks: dict[bytes, _Chunk] = {}
    position = layout.first
    for _ in range(_MAX_CHUNKS):
        require(position + header.size <= len(data), "truncated: the file ends before its samples")
        name, size = header.unpack_from(data, position)
        position += header.size
        chunks[name] = _Chunk(size, position)
        if name == layout.samples:
            return chunks
        body = max(0, size - layout.counted)
        position += -(-body // layout.align) * layout.align
    raise BadClip(f"more than {_MAX_CHUNKS} chunks before the samples")


def _number(data: bytes, at: int, width: int, order: str) -> int:
    return int.from_bytes(data[at : at + width], "little" if order == "<" else "big")


def _is_closed(data: bytes) -> bool:
    """Whether the program that wrote a WAV file came back to fill in its size."""
    return _number(data, 4, 4, "<") + 8 == len(data)
