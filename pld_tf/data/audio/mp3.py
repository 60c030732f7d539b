"""Count the frames of an MP3 file, and write the number where the decoder looks for it.

If a file does not state its length, the decoder guesses it and stops there. It also skips broken
frames. Each frame states its own length, so a file is whole if its frames join up to the end.
"""

from collections.abc import Iterator
from typing import NamedTuple

from pld_tf.data.audio.limits import BadClip, require

_LAYER_3 = 1
_MPEG_1 = 3
# By the version bits of a frame header: MPEG-2.5, (reserved), MPEG-2, MPEG-1.
_RATES_HZ = {0: (11025, 12000, 8000), 2: (22050, 24000, 16000), 3: (44100, 48000, 32000)}
_KBPS_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_KBPS_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_COUNT_GIVEN = 1  # flag of a Xing or Info tag


class _Header(NamedTuple):
    is_mpeg_1: bool
    channels: int
    size: int  # bytes of the frame


def is_mp3(data: bytes) -> bool:
    """Whether `data` begins as a frame does."""
    return len(data) >= 2 and data[0] == 0xFF and data[1] & 0xE0 == 0xE0


def with_frame_count(data: bytes) -> bytes:
    """MP3 frames without tags, after a Xing frame that gives their number.

    Raises:
      BadClip: not MP3, a frame is cut off, or frames are missing.
    """
    frames = sum(1 for _ in _frames(data))
    first = _header(data[:4], 0)
    tag = _count_at(data, first)
    if not tag:
        return _xing_frame(data[:4], frames) + data
    declared = int.from_bytes(data[tag : tag + 4], "big")
    # Some encoders count the tag's frame, too.
    require(
        frames >= declared,
        f"truncated: the header declares {declared} MP3 frames, the file holds {frames - 1}",
    )
    return data[:tag] + (frames - 1).to_bytes(4, "big") + data[tag + 4 :]


def _frames(data: bytes) -> Iterator[_Header]:
    position = 0
    while position < len(data):
        frame = _header(data[position : position + 4], position)
        left = len(data) - position
        require(
            frame.size <= left,
            f"truncated: the MP3 frame at byte {position} has {left} of {frame.size} bytes",
        )
        yield frame
        position += frame.size


def _header(header: bytes, position: int) -> _Header:
    bits = int.from_bytes(header.ljust(4, b"\0"), "big")
    version, layer = bits >> 19 & 3, bits >> 17 & 3
    kbps_index, rate_index = bits >> 12 & 15, bits >> 10 & 3
    is_frame = bits >> 21 == 0x7FF and version in _RATES_HZ and layer == _LAYER_3
    if not is_frame or rate_index == 3 or kbps_index == 15:
        raise BadClip(f"no MP3 frame at byte {position}: found {header!r}")
    require(kbps_index != 0, f"the MP3 frame at byte {position} has a free bit rate, unsupported")
    kbps = (_KBPS_1 if version == _MPEG_1 else _KBPS_2)[kbps_index]
    bytes_a_kbps = (144_000 if version == _MPEG_1 else 72_000) * kbps
    size = bytes_a_kbps // _RATES_HZ[version][rate_index] + (bits >> 9 & 1)
    return _Header(version == _MPEG_1, 1 if bits >> 6 & 3 == 3 else 2, size)


def _tag_at(header: _Header) -> int:
    """Where a Xing tag lies in a frame: after the side information."""
    mono, stereo = (17, 32) if header.is_mpeg_1 else (9, 17)
    return 4 + (mono if header.channels == 1 else stereo)


def _count_at(data: bytes, first: _Header) -> int:
    """Position of the frame count in the first frame; 0 if there is none."""
    at = _tag_at(first)
    is_tag = data[at : at + 4] in (b"Xing", b"Info") and first.size >= at + 12
    return at + 8 if is_tag and data[at + 7] & _COUNT_GIVEN else 0


def _xing_frame(header: bytes, frames: int) -> bytes:
    """A silent frame with the format of `header`, of the greatest length, with the count."""
    longest = bytes((0xFF, header[1] | 1, header[2] & 0x0C | 0xE0, header[3]))
    frame = _header(longest, 0)
    tag = b"Xing" + _COUNT_GIVEN.to_bytes(4, "big") + frames.to_bytes(4, "big")
    return (longest + bytes(_tag_at(frame) - 4) + tag).ljust(frame.size, b"\0")
