"""Read the chunks of a WAV file. Imports no TensorFlow."""

import struct
from typing import NamedTuple

import numpy as np

from pld_tf.data.audio.stream import AudioStream, BadClip, check_header, require

_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_TYPES = {
    (_PCM, 8): "uint8",
    (_PCM, 16): "int16",
    (_PCM, 24): "int24",
    (_PCM, 32): "int32",
    (_FLOAT, 32): "float32",
    (_FLOAT, 64): "float64",
}
# The last 14 bytes of every SubFormat that stands for a plain format number.
_SUBFORMAT = bytes.fromhex("000000001000800000aa00389b71")
_OTHER_KINDS = {b"RF64": "RF64", b"BW64": "BW64", b"RIFX": "big-endian RIFX"}


class _Format(NamedTuple):
    code: int
    channels: int
    sample_rate_hz: int
    block_bytes: int
    bits: int


def parse_wav(data: bytes) -> AudioStream:
    """The format and samples of a WAV file, in a container with nothing else in it.

    The decoder loses its way at a chunk of odd length and reads others without a bound, so it is
    given the two chunks it needs and no others. 64-bit floats become 32-bit floats.

    Raises:
      BadClip: not a WAV file, a codec other than PCM or float, or the samples are cut off.
    """
    if data[:4] in _OTHER_KINDS:
        raise BadClip(f"expected a RIFF WAV file, this is {_OTHER_KINDS[data[:4]]}")
    require(
        data[:4] == b"RIFF" and data[8:12] == b"WAVE",
        f"not a WAV file: starts with {data[:12]!r} instead of RIFF....WAVE",
    )
    fmt, samples = _chunks(data)
    sample_type = _sample_type(fmt)
    require(
        len(samples) % fmt.block_bytes == 0,
        f"truncated: {len(samples)} bytes of samples are no multiple of {fmt.block_bytes}",
    )
    check_header(
        sample_rate_hz=fmt.sample_rate_hz,
        channels=fmt.channels,
        samples=len(samples) // fmt.block_bytes,
    )
    if sample_type == "float64":
        with np.errstate(over="ignore"):  # what overflows is refused as non-finite later
            samples = np.frombuffer(samples, "<f8").astype("<f4").tobytes()
        fmt = fmt._replace(bits=32, block_bytes=4 * fmt.channels)
        sample_type = "float32"
    return AudioStream(
        encoded=_container(fmt, samples),
        sample_rate_hz=fmt.sample_rate_hz,
        channels=fmt.channels,
        sample_type=sample_type,
    )


def _chunks(data: bytes) -> tuple[_Format, bytes]:
    position, fmt = 12, None
    while position + 8 <= len(data):
        name, size = struct.unpack_from("<4sI", data, position)
        body = data[position + 8 : position + 8 + size]
        require(
            len(body) == size,
            f"truncated: chunk {name!r} declares {size} bytes, the file holds {len(body)}",
        )
        if name == b"fmt ":
            fmt = _format(body)
        if name == b"data":
            if fmt is None:
                raise BadClip("no 'fmt ' chunk before the samples")
            return fmt, body
        position += 8 + size + size % 2  # chunks start at even bytes
    raise BadClip("truncated: no 'data' chunk")


def _format(body: bytes) -> _Format:
    require(len(body) >= 16, f"expected 16 bytes or more of format, got {len(body)}")
    code, channels, rate, _, block_bytes, bits = struct.unpack_from("<HHIIHH", body)
    if code == _EXTENSIBLE:
        require(len(body) >= 40, f"expected 40 bytes of extensible format, got {len(body)}")
        code = struct.unpack_from("<H", body, 24)[0]
        require(body[26:40] == _SUBFORMAT, "unknown SubFormat; expected PCM or float")
    return _Format(code, channels, rate, block_bytes, bits)


def _sample_type(fmt: _Format) -> str:
    require(
        (fmt.code, fmt.bits) in _TYPES,
        f"expected PCM of 8, 16, 24 or 32 bits or float of 32 or 64, "
        f"got format {fmt.code} of {fmt.bits} bits",
    )
    expected = fmt.channels * fmt.bits // 8
    require(
        fmt.block_bytes == expected and expected > 0,
        f"expected blocks of {expected} bytes for {fmt.channels} channels of {fmt.bits} bits, "
        f"the header says {fmt.block_bytes}",
    )
    return _TYPES[fmt.code, fmt.bits]


def _container(fmt: _Format, samples: bytes) -> bytes:
    rate = fmt.sample_rate_hz
    header = struct.pack(
        "<HHIIHH", fmt.code, fmt.channels, rate, rate * fmt.block_bytes, fmt.block_bytes, fmt.bits
    )
    size = 4 + 8 + len(header) + 8 + len(samples)
    return b"".join(
        (
            struct.pack("<4sI4s4sI", b"RIFF", size, b"WAVE", b"fmt ", len(header)),
            header,
            struct.pack("<4sI", b"data", len(samples)),
            samples,
        )
    )
