"""Decode the bytes of a recording with libsndfile. Imports no TensorFlow.

The library recognizes a format by the first bytes of a file, not by its suffix. It does not check
that a file is whole, so this module does.
"""

import io
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import soundfile

from pld_tf.data.audio.chunks import MAGICS, Whole, check_chunks
from pld_tf.data.audio.limits import BadClip, check_header, check_length, require
from pld_tf.data.audio.mp3 import is_mp3, with_frame_count
from pld_tf.data.audio.ogg import check_pages
from pld_tf.data.audio.tags import without_leading_tags, without_trailing_tags

_BLOCK_SAMPLES = 2**16
_UNKNOWN_SAMPLES = 2**63 - 1  # libsndfile's length of a FLAC file that states none
# Bytes per value, for encodings in which all values have the same size.
_WIDTHS = {
    "PCM_S8": 1, "PCM_U8": 1, "ALAW": 1, "ULAW": 1, "PCM_16": 2, "PCM_24": 3, "PCM_32": 4,
    "FLOAT": 4, "DOUBLE": 8,
}  # fmt: skip
_READ_AS_FLOAT = ("FLOAT", "DOUBLE", "VORBIS", "OPUS", "MPEG_LAYER_III")
_READ_AS_INT32 = ("PCM_24", "PCM_32", "ALAC_20", "ALAC_24", "ALAC_32")
_INT16_UNITS = {"int16": 1.0, "int32": 2.0**-16, "float32": 2.0**15}


@dataclass(frozen=True, kw_only=True)
class Recording:
    """The contents of a file, its channels averaged.

    Attributes:
      sample_rate_hz: the file's own rate.
      mono: [samples], int16 if that loses nothing, else float64 with 32768 as full scale.
    """

    sample_rate_hz: int
    mono: np.ndarray


class _Forward(soundfile.SoundFile):
    """Reads without seeking. soundfile otherwise seeks after every block.

    A seek fails at the end of a FLAC file of unknown length, and is slow in a compressed file.
    """

    def seekable(self) -> bool:
        return False


def decode(data: bytes) -> Recording:
    """The samples of a WAV, FLAC, Ogg, MP3, AIFF, AU, CAF or W64 file.

    Raises:
      BadClip: the file is of another format, truncated, damaged or empty.
    """
    data = without_leading_tags(data)
    whole = check_chunks(data) if data[:4] in MAGICS else None
    try:
        with _Forward(io.BytesIO(whole.data if whole else _other(data))) as sound:
            check_header(sample_rate_hz=sound.samplerate, channels=sound.channels)
            values = _read(sound)
            width = _WIDTHS.get(sound.subtype)
    except soundfile.LibsndfileError as error:
        raise BadClip(f"damaged, or of a kind that can't be read: {_reason(error)}") from None
    if whole and width:
        _check_blocks(whole, samples=len(values), width=width * sound.channels)
    return Recording(sample_rate_hz=sound.samplerate, mono=to_mono(values))


def _other(data: bytes) -> bytes:
    """The part of a file without chunks that the library may read."""
    if data[:4] == b"OggS":
        check_pages(data)
        return data
    data = without_trailing_tags(data)
    if data[:4] == b"fLaC":
        return data
    if is_mp3(data):
        return with_frame_count(data)
    raise BadClip(
        f"expected WAV, FLAC, Ogg, MP3, AIFF, AU, CAF or W64, the file starts with {data[:12]!r}"
    )


def _check_blocks(whole: Whole, *, samples: int, width: int) -> None:
    """The library ignores the header's block size and an incomplete last block."""
    require(
        whole.block_bytes in (None, width),
        f"expected blocks of {width} bytes, the header says {whole.block_bytes}",
    )
    require(
        whole.sample_bytes == samples * width,
        f"truncated: {whole.sample_bytes} bytes of samples are no multiple of {width}",
    )


def _read(sound: soundfile.SoundFile) -> np.ndarray:
    """All values, [samples, channels]; memory stays below its limit."""
    declared, channels = sound.frames, sound.channels
    if declared != _UNKNOWN_SAMPLES:
        check_length(samples=declared, channels=channels)
    blocks, samples = [], 0
    for block in _blocks(sound):
        blocks.append(block)
        samples += len(block)
        check_length(samples=samples, channels=channels)
    require(
        declared in (samples, _UNKNOWN_SAMPLES),
        f"truncated: the header declares {declared} samples, the file holds {samples}",
    )
    check_length(samples=samples, channels=channels)
    return np.concatenate(blocks)


def _blocks(sound: soundfile.SoundFile) -> Iterator[np.ndarray]:
    dtype = "int16"
    if sound.subtype in _READ_AS_FLOAT:
        dtype = "float32"
    elif sound.subtype in _READ_AS_INT32:
        dtype = "int32"
    while len(block := sound.read(_BLOCK_SAMPLES, dtype=dtype, always_2d=True)):
        yield block


def _reason(error: soundfile.LibsndfileError) -> str:
    return error.error_string.removeprefix("Error : ").rstrip(".")


def to_mono(values: np.ndarray) -> np.ndarray:
    if values.dtype == np.int16 and values.shape[1] == 1:
        return values[:, 0]
    if values.dtype == np.float32:
        require(bool(np.isfinite(values).all()), "holds samples that are not finite numbers")
    mono = values.mean(axis=1, dtype=np.float64) * _INT16_UNITS[values.dtype.name]
    return np.clip(mono, -32768, 32767)
