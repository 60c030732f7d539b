"""Check the frames of an MP3 file. Imports no TensorFlow."""

from collections.abc import Iterator
from typing import NamedTuple

from pld_tf.data.audio.stream import AudioStream, BadClip, check_header, require

_LAYER_3 = 1
# By the version bits of a frame header: MPEG-2.5, (reserved), MPEG-2, MPEG-1.
_RATES_HZ = {0: (11025, 12000, 8000), 2: (22050, 24000, 16000), 3: (44100, 48000, 32000)}
_KBPS_1 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)
_KBPS_2 = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)
_MPEG_1 = 3


class _Frame(NamedTuple):
    sample_rate_hz: int
    channels: int
    samples: int
    size: int


def parse_mp3(data: bytes) -> AudioStream:
    """An MP3 file whose frames follow one another from its first byte to its last.

    The decoder itself skips what it does not understand; so that is looked for here.
    ID3 tags and an APE tag are left out.

    Raises:
      BadClip: not MP3, a frame is cut off, or the rate or channel count changes on the way.
    """
    frames_only = _without_tags(data)
    frames = list(_frames(frames_only))
    require(bool(frames), "holds no MP3 frames")
    rate, channels = frames[0].sample_rate_hz, frames[0].channels
    require(
        all((frame.sample_rate_hz, frame.channels) == (rate, channels) for frame in frames),
        "the sample rate or the channel count changes within the file",
    )
    _require_declared_frames(frames_only[: frames[0].size], len(frames))
    samples = sum(frame.samples for frame in frames)
    check_header(sample_rate_hz=rate, channels=channels, samples=samples)
    return AudioStream(
        encoded=frames_only, sample_rate_hz=rate, channels=channels, sample_type="float32"
    )


def _without_tags(data: bytes) -> bytes:
    start, end = 0, len(data)
    if data[:3] == b"ID3" and len(data) >= 10:
        size = 0
        for byte in data[6:10]:  # seven bits each
            size = size << 7 | byte & 0x7F
        start = 10 + size
        require(start <= end, f"truncated: an ID3 tag of {size} bytes in a file of {end}")
    if data[max(start, end - 128) : end][:3] == b"TAG":
        end -= 128
    footer = data[max(start, end - 32) : end]
    if footer[:8] == b"APETAGEX" and len(footer) == 32:
        with_header = 32 if footer[23] & 0x80 else 0
        end -= int.from_bytes(footer[12:16], "little") + with_header
    require(start <= end, "an APE tag longer than the file")
    return data[start:end]


def _frames(data: bytes) -> Iterator[_Frame]:
    position = 0
    while position < len(data):
        frame = _frame(data[position : position + 4], position)
        left = len(data) - position
        require(
            frame.size <= left,
            f"truncated: the MP3 frame at byte {position} has {left} of {frame.size} bytes",
        )
        yield frame
        position += frame.size


def _frame(header: bytes, position: int) -> _Frame:
    bits = int.from_bytes(header.ljust(4, b"\0"), "big")
    version, layer = bits >> 19 & 3, bits >> 17 & 3
    kbps_index, rate_index = bits >> 12 & 15, bits >> 10 & 3
    is_frame = bits >> 21 == 0x7FF and version in _RATES_HZ and layer == _LAYER_3
    if not is_frame or rate_index == 3 or kbps_index == 15:
        raise BadClip(f"no MP3 frame at byte {position}: found {header!r}")
    require(kbps_index != 0, f"the MP3 frame at byte {position} has a free bit rate, unsupported")
    kbps = (_KBPS_1 if version == _MPEG_1 else _KBPS_2)[kbps_index]
    rate = _RATES_HZ[version][rate_index]
    samples = 1152 if version == _MPEG_1 else 576
    padding = bits >> 9 & 1
    channels = 1 if bits >> 6 & 3 == 3 else 2
    return _Frame(rate, channels, samples, samples // 8 * kbps * 1000 // rate + padding)


def _require_declared_frames(first: bytes, frames: int) -> None:
    """A first frame with a Xing or Info tag may say how many frames follow it."""
    tag = max(first.find(b"Xing", 0, 64), first.find(b"Info", 0, 64))
    if tag < 0 or not first[tag + 7 : tag + 8] or not first[tag + 7] & 1:
        return
    declared = int.from_bytes(first[tag + 8 : tag + 12], "big")
    # Some encoders count the tag's own frame.
    require(
        frames >= declared,
        f"truncated: the header declares {declared} MP3 frames, the file holds {frames - 1}",
    )
