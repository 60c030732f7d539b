"""From the bytes of a recording to its samples, by libsndfile. Imports no TensorFlow.

The library knows a format by the first bytes of a file; the suffix says nothing here. What it does
not check is checked before: that a file is whole.
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
_UNKNOWN_SAMPLES = 2**63 - 1  # what libsndfile calls the length of a FLAC file that gives none
# Bytes of a value, where all values have the same.
_WIDTHS = {
    "PCM_S8": 1, "PCM_U8": 1, "ALAW": 1, "ULAW": 1, "PCM_16": 2, "PCM_24": 3, "PCM_32": 4,
    "FLOAT": 4, "DOUBLE": 8,
}  # fmt: skip
_READ_AS_FLOAT = ("FLOAT", "DOUBLE", "VORBIS", "OPUS", "MPEG_LAYER_III")
_READ_AS_INT32 = ("PCM_24", "PCM_32", "ALAC_20", "ALAC_24", "ALAC_32")
_INT16_UNITS = {"int16": 1.0, "int32": 2.0**-16, "float32": 2.0**15}


@dataclass(frozen=True, kw_only=True)
class Recording:
    """What a file holds, its channels averaged.

    Attributes:
      sample_rate_hz: its own rate.
      mono: [samples], int16 where nothing is lost by it, else float64 in which 32768 is full scale.
    """

    sample_rate_hz: int
    mono: np.ndarray


class _Forward(soundfile.SoundFile):
    """Reads on without seeking, which soundfile else does after every block.

    A seek at the end of a FLAC file of unknown length fails, and one in a compressed file is slow.
    """

    def seekable(self) -> bool:
        return False


def decode(data: bytes) -> Recording:
    """The samples of a WAV, FLAC, Ogg, MP3, AIFF, AU, CAF or W64 file.

    Raises:
      BadClip: the file is no whole recording: of another format, truncated, damaged, empty.
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
    return Recording(sample_rate_hz=sound.samplerate, mono=_mono(values))


def _other(data: bytes) -> bytes:
    """What the library may read of a file that is not made of chunks."""
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
    """The library takes no notice of a header's own size of blocks, nor of half a block."""
    require(
        whole.block_bytes in (None, width),
        f"expected blocks of {width} bytes, the header says {whole.block_bytes}",
    )
    require(
        whole.sample_bytes == samples * width,
        f"truncated: {whole.sample_bytes} bytes of samples are no multiple of {width}",
    )


def _read(sound: soundfile.SoundFile) -> np.ndarray:
    """All values, [samples, channels], never more than the limit of memory."""
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


def _mono(values: np.ndarray) -> np.ndarray:
    if values.dtype == np.int16 and values.shape[1] == 1:
        return values[:, 0]
    if values.dtype == np.float32:
        require(bool(np.isfinite(values).all()), "holds samples that are not finite numbers")
    mono = values.mean(axis=1, dtype=np.float64) * _INT16_UNITS[values.dtype.name]
    return np.clip(mono, -32768, 32767)
