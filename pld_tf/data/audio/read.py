"""Read one recording from disk as int16 mono samples at a wanted rate."""

import stat
from pathlib import Path

import numpy as np

from pld_tf.data.audio.decode import decode
from pld_tf.data.audio.limits import MAX_FILE_BYTES, BadClip, require
from pld_tf.data.audio.resample import at_rate

__all__ = ["BadClip", "read_audio", "read_file", "why_unread"]


def read_audio(path: Path, *, sample_rate_hz: int) -> np.ndarray:
    """The samples of a WAV, FLAC, Ogg, MP3, AIFF, AU, CAF or W64 file.

    Channels are averaged. 16-bit mono audio at the wanted rate is returned unchanged. Thread-safe.

    Returns:
      int16, shape [samples], at `sample_rate_hz`; values outside its range are clipped.

    Raises:
      BadClip: the file is of another format, truncated, damaged or empty.
      OSError: the file cannot be read at all.
    """
    return at_rate(decode(read_file(path)), sample_rate_hz)


def read_file(path: Path) -> bytes:
    """The bytes of a recording, if its size is plausible.

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


def why_unread(error: BadClip | OSError) -> str:
    """Why a recording can't be read, without its path."""
    return str(error.strerror if isinstance(error, OSError) else error)
