"""Check the pages of an Ogg Vorbis file. Imports no TensorFlow."""

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

from pld_tf.data.audio.stream import AudioStream, BadClip, check_header, require

_HEADER = struct.Struct("<4sBBqIIIB")
_FIRST, _LAST = 2, 4  # flags of a page
_BITS_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


class _Page(NamedTuple):
    flags: int
    end_sample: int
    stream: int
    number: int
    body: bytes


def parse_ogg(data: bytes) -> AudioStream:
    """An Ogg Vorbis file all of whose pages are there and unchanged.

    The decoder itself passes over broken pages and gives what is left; so they are looked for here.

    Raises:
      BadClip: not Ogg Vorbis, several streams in one file, or a page is missing or broken.
    """
    require(data[:4] == b"OggS", f"not an Ogg file: starts with {data[:8]!r} instead of OggS")
    pages = list(_pages(data))
    first, last = pages[0], pages[-1]
    sample_rate_hz, channels = _identification(first.body)
    for number, page in enumerate(pages):
        require(page.stream == first.stream, "several streams in one file; expected one of Vorbis")
        require(page.number == number, f"Ogg page {number} is missing")
        require(
            bool(page.flags & _FIRST) == (number == 0), "expected one stream, another one begins"
        )
    require(bool(last.flags & _LAST), "truncated: no page is marked as the last one")
    check_header(sample_rate_hz=sample_rate_hz, channels=channels, samples=last.end_sample)
    return AudioStream(
        encoded=data, sample_rate_hz=sample_rate_hz, channels=channels, sample_type="float32"
    )


def _pages(data: bytes) -> Iterator[_Page]:
    position = 0
    while position < len(data):
        require(position + _HEADER.size <= len(data), "truncated in an Ogg page header")
        magic, version, flags, end_sample, stream, number, _, segments = _HEADER.unpack_from(
            data, position
        )
        require(magic == b"OggS" and version == 0, f"no Ogg page at byte {position}")
        body = position + _HEADER.size + segments
        end = body + sum(data[position + _HEADER.size : body])
        require(end <= len(data), f"truncated: Ogg page {number} ends at byte {end} of {len(data)}")
        require(_checksum_holds(data[position:end]), f"Ogg page {number} fails its checksum")
        yield _Page(flags, end_sample, stream, number, data[body:end])
        position = end


def _checksum_holds(page: bytes) -> bool:
    """Ogg's CRC-32 is zlib's with bits the other way round, nothing inverted, its field zero."""
    blank = page[:22] + bytes(4) + page[26:]
    remainder = zlib.crc32(blank.translate(_BITS_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return remainder.to_bytes(4, "little").translate(_BITS_REVERSED)[::-1] == page[22:26]


def _identification(packet: bytes) -> tuple[int, int]:
    if packet[:8] == b"OpusHead":
        raise BadClip("holds Opus; expected Vorbis. Convert it to WAV or FLAC")
    require(packet[:7] == b"\x01vorbis" and len(packet) >= 30, "holds no Vorbis stream")
    channels, sample_rate_hz = struct.unpack_from("<BI", packet, 11)
    return sample_rate_hz, channels
