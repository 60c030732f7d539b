"""Check that all pages of an Ogg file are present and unchanged.

libsndfile skips broken and missing pages and decodes the rest.
"""

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from pld_tf.data.audio.limits import require

_HEADER = struct.Struct("<4sBBqIIIB")
_FIRST, _LAST = 2, 4  # flags of a page
_BITS_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class _Page(NamedTuple):
    flags: int
    stream: int
    number: int


def check_pages(data: bytes) -> None:
    """Check every page of a file that begins with `OggS`.

    Raises:
      BadClip: a page is missing, broken or cut off, or the file holds several streams.
    """
    pages = list(_pages(data))
    for number, page in enumerate(pages):
        is_one_stream = page.stream == pages[0].stream and bool(page.flags & _FIRST) == (
            number == 0
        )
        require(is_one_stream, "holds several Ogg streams; expected one")
        require(page.number == number, f"Ogg page {number} is missing")
    require(bool(pages[-1].flags & _LAST), "truncated: no Ogg page is marked as the last one")


def _pages(data: bytes) -> Iterator[_Page]:
    position = 0
    while position < len(data):
        require(position + _HEADER.size <= len(data), "truncated in an Ogg page header")
        magic, version, flags, _, stream, number, _, segments = _HEADER.unpack_from(data, position)
        require(magic == b"OggS" and version == 0, f"no Ogg page at byte {position}")
        body = position + _HEADER.size + segments
        end = body + sum(data[position + _HEADER.size : body])
        require(end <= len(data), f"truncated: Ogg page {number} ends at byte {end} of {len(data)}")
        require(_checksum_holds(data[position:end]), f"Ogg page {number} fails its checksum")
        yield _Page(flags, stream, number)
        position = end


def _checksum_holds(page: bytes) -> bool:
    """Ogg's CRC-32 is zlib's with reversed bits and no inversion; its own field counts as zero."""
    blank = page[:22] + bytes(4) + page[26:]
    remainder = zlib.crc32(blank.translate(_BITS_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return remainder.to_bytes(4, "little").translate(_BITS_REVERSED)[::-1] == page[22:26]
