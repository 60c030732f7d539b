"""Check the frames of a FLAC file. Imports no TensorFlow.

Source: RFC 9639, sections 8 (STREAMINFO) and 9 (frames).
"""

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

import numpy as np

from pld_tf.data.audio.stream import AudioStream, BadClip, check_header, require

_SAMPLE_TYPES = {8: "uint8", 16: "int16", 24: "int24"}
_FRAME_BITS = {1: 8, 2: 12, 4: 16, 5: 20, 6: 24, 7: 32}
_STREAMINFO_BYTES = 34
_TOTAL_BITS = 36
_CRC8, _CRC16 = 0x107, 0x18005
# x to this power is 1 modulo x^16 + x^15 + x^2 + 1, so powers of x repeat.
_CRC16_PERIOD = 32767


class _Info(NamedTuple):
    sample_rate_hz: int
    channels: int
    bits: int
    total: int


class _Frame(NamedTuple):
    number: int
    samples: int
    header_bytes: int


def parse_flac(data: bytes) -> AudioStream:
    """A FLAC file all of whose frames are there and unchanged, without its other metadata.

    The decoder never returns when frames are missing at the end, gives noise for a changed one and
    nothing for a length of 0, which stands for unknown. So frames are counted and checked here.

    Raises:
      BadClip: not FLAC, other than 8, 16 or 24 bits, or a frame is missing or broken.
    """
    require(data[:4] == b"fLaC", f"not a FLAC file: starts with {data[:8]!r} instead of fLaC")
    streaminfo, frames = _metadata(data)
    info = _parse_streaminfo(streaminfo)
    if info.bits not in _SAMPLE_TYPES:
        raise BadClip(f"expected FLAC of 8, 16 or 24 bits, got {info.bits}")
    check_header(
        sample_rate_hz=info.sample_rate_hz, channels=info.channels, samples=info.total or 1
    )
    samples = sum(_frame_lengths(frames, info.bits))
    require(
        info.total in (0, samples),
        f"truncated: the header declares {info.total} samples, the frames hold {samples}",
    )
    check_header(sample_rate_hz=info.sample_rate_hz, channels=info.channels, samples=samples)
    return AudioStream(
        encoded=b"".join((b"fLaC\x80\0\0\x22", _with_total(streaminfo, samples), frames)),
        sample_rate_hz=info.sample_rate_hz,
        channels=info.channels,
        sample_type=_SAMPLE_TYPES[info.bits],
    )


def _metadata(data: bytes) -> tuple[bytes, bytes]:
    """STREAMINFO, which comes first, and all that follows the metadata."""
    position, is_last, streaminfo = 4, False, b""
    while not is_last:
        require(position + 4 <= len(data), "truncated in the FLAC metadata")
        kind, size = data[position], int.from_bytes(data[position + 1 : position + 4], "big")
        body = data[position + 4 : position + 4 + size]
        require(len(body) == size, "truncated in the FLAC metadata")
        if not streaminfo:
            require(
                kind & 0x7F == 0 and size == _STREAMINFO_BYTES,
                "expected the FLAC metadata to begin with STREAMINFO",
            )
            streaminfo = body
        is_last = bool(kind & 0x80)
        position += 4 + size
    return streaminfo, data[position:]


def _parse_streaminfo(block: bytes) -> _Info:
    bits = int.from_bytes(block[10:18], "big")  # rate 20, channels 3, bits 5, total 36
    return _Info(
        sample_rate_hz=bits >> 44,
        channels=(bits >> 41 & 7) + 1,
        bits=(bits >> 36 & 31) + 1,
        total=bits & (1 << _TOTAL_BITS) - 1,
    )


def _with_total(block: bytes, samples: int) -> bytes:
    bits = int.from_bytes(block[10:18], "big") >> _TOTAL_BITS << _TOTAL_BITS | samples
    return block[:10] + bits.to_bytes(8, "big") + block[18:]


def _frame_lengths(data: bytes, bits: int) -> Iterator[int]:
    """Samples of every frame. A frame tells no length in bytes: the next header ends it."""
    position, number = 0, 0
    while position < len(data):
        frame = _parse_header(data, position, bits)
        if frame is None or frame.number != number:
            raise BadClip(f"no FLAC frame {number} at byte {position} of the frames")
        # Variable-size frames are numbered by their first sample, others one by one.
        number += frame.samples if data[position + 1] & 1 else 1
        end = _frame_end(data, position, frame, number, bits)
        yield frame.samples
        position = end


def _frame_end(data: bytes, start: int, frame: _Frame, next_number: int, bits: int) -> int:
    sync = data[start : start + 2]
    end = data.find(sync, start + frame.header_bytes)
    while end >= 0:
        following = _parse_header(data, end, bits)
        if following and following.number == next_number and _crc16_holds(data[start:end]):
            return end
        end = data.find(sync, end + 1)
    require(
        _crc16_holds(data[start:]),
        f"truncated or damaged: FLAC frame {frame.number} fails its checksum",
    )
    return len(data)


def _parse_header(data: bytes, start: int, bits: int) -> _Frame | None:
    """The frame header at `start`, or None where these bytes are no header of this stream."""
    header = data[start : start + 16]
    if len(header) < 6 or header[0] != 0xFF or header[1] & 0xFE != 0xF8:
        return None
    if _FRAME_BITS.get(header[3] >> 1 & 7, bits) != bits or header[3] & 1:
        return None
    number_bytes = max(1, 8 - (header[4] ^ 0xFF).bit_length())  # coded as in UTF-8
    position = 4 + number_bytes
    samples, position = _block_samples(header, position)
    position += {12: 1, 13: 2, 14: 2}.get(header[2] & 15, 0)
    if position >= len(header) or _remainder(header[: position + 1], _CRC8) != 0 or samples == 0:
        return None
    return _Frame(_coded_number(header[4 : 4 + number_bytes]), samples, position + 1)


def _block_samples(header: bytes, position: int) -> tuple[int, int]:
    """Samples of a frame, and where its header goes on; 0 samples for a reserved code."""
    code = header[2] >> 4
    if code in (6, 7):
        width = code - 5
        return int.from_bytes(header[position : position + width], "big") + 1, position + width
    if code >= 8:
        return 256 << (code - 8), position
    return (0, 192, 576, 1152, 2304, 4608)[code], position


def _coded_number(code: bytes) -> int:
    number = code[0] & (0x7F >> len(code) if len(code) > 1 else 0x7F)
    for byte in code[1:]:
        number = number << 6 | byte & 0x3F
    return number


def _remainder(message: bytes, polynomial: int) -> int:
    width = polynomial.bit_length() - 1
    value = int.from_bytes(message, "big")
    while value.bit_length() > width:
        value ^= polynomial << (value.bit_length() - 1 - width)
    return value


def _crc16_holds(frame: bytes) -> bool:
    """A frame with its checksum at the end is a multiple of the polynomial."""
    bits = np.unpackbits(np.frombuffer(frame, np.uint8)[::-1], bitorder="little")
    return int(np.bitwise_xor.reduce(bits * np.resize(_powers_of_x(), bits.size))) == 0


@cache
def _powers_of_x() -> np.ndarray:
    powers = [1]
    while len(powers) < _CRC16_PERIOD:
        double = powers[-1] << 1
        powers.append(double ^ _CRC16 if double >> 16 else double)
    return np.array(powers, np.uint16)
