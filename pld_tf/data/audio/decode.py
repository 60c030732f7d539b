"""Decode one recording to int16 mono samples at a wanted rate."""

import stat
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf
import tensorflow_io as tfio

# tfio.audio.resample traces a graph for every length: 30 ms a clip instead of 3.
from tensorflow_io.python.ops import core_ops

from pld_tf.data.audio.flac import parse_flac
from pld_tf.data.audio.mp3 import parse_mp3
from pld_tf.data.audio.ogg import parse_ogg
from pld_tf.data.audio.stream import AudioStream, BadClip, require
from pld_tf.data.audio.wav import parse_wav

__all__ = ["BadClip", "decode_audio", "parse_audio", "read_audio", "read_file"]

MAX_FILE_BYTES = 100 * 2**20
# The resampler's filter reaches this many samples to each side, counted at the lower rate.
_FILTER_REACH = 32

PARSERS = {".wav": parse_wav, ".flac": parse_flac, ".ogg": parse_ogg, ".mp3": parse_mp3}
_WAV_TYPES = {"int24": "int32", "int32": "float32"}
_FLAC_TYPES = {"int24": "int32"}


def read_audio(path: Path, *, sample_rate_hz: int) -> np.ndarray:
    """The samples of a WAV, FLAC, Ogg Vorbis or MP3 file.

    Channels are averaged. 16-bit mono audio that has the wanted rate comes back unchanged. May be
    called from several threads at a time.

    Returns:
      int16, shape [samples], at `sample_rate_hz`; values outside its range are clipped.

    Raises:
      BadClip: the file is no whole recording: of another format, truncated, damaged, empty.
      OSError: the file cannot be read at all.
    """
    suffix = path.suffix.lower()
    return decode_audio(parse_audio(read_file(path), suffix), suffix, sample_rate_hz=sample_rate_hz)


def read_file(path: Path) -> bytes:
    """The bytes of a recording of a size that is not absurd.

    Raises:
      BadClip: not a regular file, empty, or larger than `MAX_FILE_BYTES`.
      OSError: the file cannot be read at all.
    """
    status = path.stat()
    require(stat.S_ISREG(status.st_mode), "not a regular file")
    require(status.st_size > 0, "the file is empty")
    require(
        status.st_size <= MAX_FILE_BYTES,
        f"expected at most {MAX_FILE_BYTES} bytes, the file has {status.st_size}",
    )
    return path.read_bytes()


def parse_audio(data: bytes, suffix: str) -> AudioStream:
    """What a recording says of itself, its own rate for one; `suffix` is in lower case.

    Raises:
      BadClip: the file is no whole recording: of another format, truncated or damaged.
    """
    require(suffix in PARSERS, f"expected one of {', '.join(PARSERS)}, got {suffix!r}")
    return PARSERS[suffix](data)


def decode_audio(stream: AudioStream, suffix: str, *, sample_rate_hz: int) -> np.ndarray:
    """The samples of a parsed recording, as `read_audio` gives them.

    Raises:
      BadClip: the decoder refuses it, or it holds no samples.
    """
    values = _decode(stream, suffix)
    require(values.size > 0, "holds no samples")
    mono = _mono_int16_units(values)
    if stream.sample_rate_hz != sample_rate_hz:
        mono = _resample(mono, from_hz=stream.sample_rate_hz, to_hz=sample_rate_hz)
    if mono.dtype == np.int16:
        return mono
    return np.clip(np.rint(mono), -32768, 32767).astype(np.int16)


def _decode(stream: AudioStream, suffix: str) -> np.ndarray:
    decoders: dict[str, Callable[[AudioStream], tf.Tensor]] = {
        ".wav": lambda s: tfio.audio.decode_wav(s.encoded, dtype=_tf_type(s, _WAV_TYPES)),
        ".flac": lambda s: tfio.audio.decode_flac(s.encoded, dtype=_tf_type(s, _FLAC_TYPES)),
        ".ogg": lambda s: tfio.audio.decode_vorbis(s.encoded),
        ".mp3": lambda s: tfio.audio.decode_mp3(s.encoded),
    }
    try:
        values = decoders[suffix](stream).numpy()
    except tf.errors.OpError as error:
        raise BadClip(f"the decoder refuses it: {_first_line(error)}") from None
    require(
        values.ndim == 2 and values.shape[1] == stream.channels,
        f"expected {stream.channels} channels, decoded shape {values.shape}",
    )
    if stream.sample_type == "int32":
        return values.view(np.int32)  # the WAV decoder takes the bits of integers for floats
    if stream.sample_type == "float32":
        require(bool(np.isfinite(values).all()), "holds samples that are not finite numbers")
    return values


def _tf_type(stream: AudioStream, decoded_as: dict[str, str]) -> tf.DType:
    return tf.as_dtype(decoded_as.get(stream.sample_type, stream.sample_type))


def _first_line(error: tf.errors.OpError) -> str:
    text = str(error.message).splitlines()[0]
    return text.rpartition("}} ")[2].partition(" [Op:")[0]


def _mono_int16_units(values: np.ndarray) -> np.ndarray:
    """int16 where nothing is lost by it, else float64 in which 32768 is full scale."""
    if values.dtype == np.int16 and values.shape[1] == 1:
        return values[:, 0]
    mono = values.mean(axis=1, dtype=np.float64)
    if values.dtype == np.uint8:
        return (mono - 128) * 256
    scale = {"int16": 1.0, "int32": 2.0**-16, "float32": 2.0**15}[values.dtype.name]
    return np.clip(mono * scale, -32768, 32767)


def _resample(mono: np.ndarray, *, from_hz: int, to_hz: int) -> np.ndarray:
    """Resample without a shift in time, to the nearest whole number of samples.

    The resampler starts with silence and so comes late by the reach of its filter; zeros at the end
    push the last samples out.
    """
    length = max(1, round(mono.size * to_hz / from_hz))
    late = round(_FILTER_REACH * max(1.0, to_hz / from_hz))
    padding = np.zeros(-(-(late + 1) * from_hz // to_hz) + 1)
    padded = np.concatenate([mono, padding]).astype(np.float32) / np.float32(32768)
    out = core_ops.io_audio_resample(padded[:, np.newaxis], rate_in=from_hz, rate_out=to_hz)
    return out.numpy()[late : late + length, 0].astype(np.float64) * 32768
