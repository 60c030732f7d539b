"""Detect words in any recording that a corpus may hold, of any rate and number of channels.

A WAV file that needs no change for the bundle is read piece by piece, so it may have any length.
"""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

import soundfile

from firmware_harness.listen.listen import (
    Detection,
    detect,
    level_watch,
    listen,
    open_listener,
)
from pld_tf.data.audio.decode import decode
from pld_tf.data.audio.limits import BadClip
from pld_tf.data.audio.read import read_file
from pld_tf.data.audio.resample import at_rate
from pld_tf.errors import PldError
from pld_tf.system.progress import Say
from pld_tf.system.stderr import load_tensorflow


def detected_words(bundle: Path, source: Path, *, say: Say | None = None) -> Iterator[Detection]:
    """Words of a recording or a live stream, each as soon as it is detected.

    Args:
      bundle: folder of `pld-tf export`; its C is compiled and run.
      source: a recording; `-` for standard input: bare samples or a WAV file.
      say: called at most once, where the sound is much quieter or louder than the training.

    Raises:
      PldError: the recording can't be read.
      HarnessError: as `firmware_harness.listen.listen.listen`.
    """
    if not source.is_file():  # standard input, a pipe, or nothing
        yield from listen(bundle, source, say=say)
        return
    library = open_listener(bundle)
    rate = library.sample_rate_hz
    level = level_watch(bundle, library, say)
    try:
        if _needs_no_change(source, rate):
            with source.open("rb") as file:
                yield from detect(library, file, name=str(source), raw=False, level=level)
        else:
            samples = io.BufferedReader(io.BytesIO(_decoded(source, rate)))
            yield from detect(library, samples, name=str(source), raw=True, level=level)
    except BadClip as error:
        raise PldError(f"{source} can't be read: {error}.") from error
    except OSError as error:
        raise PldError(f"{source} can't be read: {error.strerror or error}.") from error


def _needs_no_change(source: Path, sample_rate_hz: int) -> bool:
    with source.open("rb") as file:
        return file.read(4) == b"RIFF" and _is_mono_of_16_bits(file, sample_rate_hz)


def _is_mono_of_16_bits(file: BinaryIO, sample_rate_hz: int) -> bool:
    file.seek(0)
    try:
        info = soundfile.info(file)
    except soundfile.LibsndfileError:
        return False
    return (info.subtype, info.channels, info.samplerate) == ("PCM_16", 1, sample_rate_hz)


def _decoded(source: Path, sample_rate_hz: int) -> bytes:
    """Bare samples as standard input gives them: 16 bits, little-endian, mono."""
    recording = decode(read_file(source))
    if recording.sample_rate_hz != sample_rate_hz:
        load_tensorflow()  # resamples
    return at_rate(recording, sample_rate_hz).astype("<i2").tobytes()
