"""Read a recording of any length, a part at a time."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import soundfile

from pld_tf.data.audio.decode import Recording, to_mono
from pld_tf.data.audio.limits import (
    MAX_FILE_BYTES,
    MAX_VALUES,
    BadClip,
    check_header,
)
from pld_tf.data.audio.read import read_audio
from pld_tf.data.audio.resample import at_rate

PART_SECONDS = 600


def read_parts(path: Path, *, sample_rate_hz: int) -> Iterator[np.ndarray]:
    """The samples of a recording, as `read_audio` gives them, in parts of 10 minutes.

    A recording that fits into memory is one part, and must be whole. Of a longer one the parts that
    can be read count.

    Yields:
      int16 [samples] at `sample_rate_hz`.

    Raises:
      BadClip: the file is of another format, damaged or empty.
      OSError: the file cannot be read at all.
    """
    if _fits(path):
        yield read_audio(path, sample_rate_hz=sample_rate_hz)
        return
    try:
        with soundfile.SoundFile(path) as sound:
            check_header(sample_rate_hz=sound.samplerate, channels=sound.channels)
            frames = PART_SECONDS * sound.samplerate
            while len(values := sound.read(frames, dtype="float32", always_2d=True)):
                part = Recording(sample_rate_hz=sound.samplerate, mono=to_mono(values))
                yield at_rate(part, sample_rate_hz)
    except soundfile.LibsndfileError as error:
        raise BadClip(f"damaged, or of a kind that can't be read: {error.error_string}") from None


def _fits(path: Path) -> bool:
    if path.stat().st_size > MAX_FILE_BYTES:
        return False
    try:
        info = soundfile.info(path)
    except soundfile.LibsndfileError:
        return True  # read_audio says what is wrong
    return info.frames * info.channels <= MAX_VALUES
