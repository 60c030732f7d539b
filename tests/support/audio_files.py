"""Audio files for tests: written byte by byte, or encoded by libsndfile."""

import io
import struct
from typing import Any

import numpy as np
import soundfile

PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE


def wav(
    body: bytes,
    *,
    bits: int = 16,
    channels: int = 1,
    rate: int = 16000,
    code: int = PCM,
    extensible: bool = False,
    before: bytes = b"",
    declared: int | None = None,
    block: int | None = None,
) -> bytes:
    """A WAV file.

    `before` goes between format and samples; `declared` is a false length, `block` a false size of
    one sample of all channels.
    """
    block = channels * bits // 8 if block is None else block
    outer = EXTENSIBLE if extensible else code
    fmt = struct.pack("<HHIIHH", outer, channels, rate, rate * block, block, bits)
    if extensible:
        guid = struct.pack("<H", code) + bytes.fromhex("000000001000800000aa00389b71")
        fmt += struct.pack("<HHI", 22, bits, 0) + guid
    size = len(body) if declared is None else declared
    chunks = b"".join(
        (struct.pack("<4sI", b"fmt ", len(fmt)), fmt, before, struct.pack("<4sI", b"data", size))
    )
    return struct.pack("<4sI4s", b"RIFF", 4 + len(chunks) + len(body), b"WAVE") + chunks + body


def pcm(samples: np.ndarray, *, bits: int) -> bytes:
    """int16 samples as PCM of another width; the bytes that int16 lacks are zero."""
    if bits == 8:
        return ((samples.astype(np.int32) >> 8) + 128).astype(np.uint8).tobytes()
    wide = (samples.astype(np.int64) << (bits - 16)).astype("<i8").reshape(-1, 1)
    return wide.view(np.uint8)[:, : bits // 8].tobytes()


def mp3(frames: int, *, line: int) -> bytes:
    """Mono 44.1 kHz frames in which one spectral line sounds, at (line + 0.5) * 38.28 Hz.

    Source: ISO 11172-3, layer III: two granules, no big values, quads coded by table B, whose codes
    are the quads themselves inverted; one quad is not zero.
    """
    quad = f"{'1111' * (line // 4)}{15 ^ (8 >> line % 4):04b}0"
    granule = f"{len(quad):012b}{0:09b}{190:08b}{0:04b}{0:01b}{0:022b}{0:02b}1"
    bits = "0" * 18 + granule * 2 + quad * 2
    size = 144 * 64000 // 44100
    body = int(bits.ljust((size - 4) * 8, "0"), 2).to_bytes(size - 4, "big")
    return (b"\xff\xfb\x50\xc4" + body) * frames


def flac(samples: np.ndarray, rate: int = 16000) -> bytes:
    """`samples` of shape [samples, channels]; int16, or int32 whose upper 24 bits count."""
    bits = 16 if samples.dtype == np.int16 else 24
    return encoded(samples, rate, format="FLAC", subtype=f"PCM_{bits}")


def ogg(samples: np.ndarray, rate: int, subtype: str = "VORBIS") -> bytes:
    """`samples` float of shape [samples, channels]."""
    return encoded(samples, rate, format="OGG", subtype=subtype)


def encoded(samples: np.ndarray, rate: int = 16000, **how: Any) -> bytes:
    """`how` as `soundfile.write` takes it."""
    file = io.BytesIO()
    soundfile.write(file, samples, rate, **how)
    return file.getvalue()
