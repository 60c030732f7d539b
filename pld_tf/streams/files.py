"""Streams on disk: a WAV file beside a CSV file of its words.

Light to import, because `pld-tf listen` reads words with it: no corpus, no TensorFlow.
"""

from __future__ import annotations

import csv
import math
import wave
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from pld_tf.errors import PldError
from pld_tf.streams.detections import Spoken
from pld_tf.system.files import refuse_foreign, written_whole
from pld_tf.system.own_files import record_files

if TYPE_CHECKING:
    from pld_tf.streams.synthesis import Piece

_CSV_COLUMNS = ["word", "start_s", "end_s"]
_MAX_CSV_BYTES = 64 * 2**20


def write_stream(path: Path, pieces: Iterable[Piece], *, sample_rate_hz: int) -> list[Spoken]:
    """Write a stream as PATH, a WAV file, and its words as a CSV file of the same name.

    Raises:
      PldError: the files cannot be written, or one is there and not as it was written.
    """
    words_path = path.with_suffix(".csv")
    refuse_foreign([path, words_path], option="OUT.wav")
    with _told(path):
        spoken = _write_sound(path, pieces, sample_rate_hz)
    with _told(words_path):
        _write_words(words_path, spoken)
    record_files([path, words_path])
    return spoken


def _write_sound(path: Path, pieces: Iterable[Piece], sample_rate_hz: int) -> list[Spoken]:
    spoken: list[Spoken] = []
    # wave gets an open file. If it fails to open a path itself, its destructor raises again.
    with (
        written_whole(path) as wav_path,
        wav_path.open("wb") as opened,
        wave.open(opened, "wb") as file,
    ):
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sample_rate_hz)
        for piece in pieces:
            file.writeframesraw(piece.samples.astype("<i2").tobytes())
            if piece.spoken:
                spoken.append(piece.spoken)
    return spoken


def _write_words(path: Path, spoken: Iterable[Spoken]) -> None:
    with (
        written_whole(path) as csv_path,
        csv_path.open("w", encoding="utf-8", newline="") as file,
    ):
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(_CSV_COLUMNS)
        lines.writerows((w.word, f"{w.start_s:.3f}", f"{w.end_s:.3f}") for w in spoken)


def read_words(path: Path) -> list[Spoken]:
    """Words of a stream, from a CSV file of `write_stream` or one written by hand.

    Raises:
      PldError: no such file, or a line is not a word with its times in order.
    """
    try:
        if path.stat().st_size > _MAX_CSV_BYTES:
            raise PldError(f"{path} must have at most {_MAX_CSV_BYTES} bytes.")
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise PldError(f"the words {path} can't be read: {reason}.") from error
    if not rows or rows[0] != _CSV_COLUMNS:
        raise PldError(
            f"{path} must begin with the line {','.join(_CSV_COLUMNS)}; pld-tf data stream "
            "writes such files."
        )
    words: list[Spoken] = []
    for number, row in enumerate(rows[1:], start=2):
        words.append(_word_of(row, f"{path}:{number}", words[-1].start_s if words else 0.0))
    return words


def _word_of(row: Sequence[str], where: str, earliest: float) -> Spoken:
    try:
        name, start_s, end_s = row[0], float(row[1]), float(row[2])
    except (ValueError, IndexError):
        name, start_s, end_s = "", math.nan, math.nan
    if len(row) != 3 or not earliest <= start_s <= end_s < math.inf:
        raise PldError(
            f"{where} must hold a word and its first and last second, none before the word above; "
            f"got {','.join(row)[:80]!r}."
        )
    return Spoken(word=name, start_s=start_s, end_s=end_s)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turn an error in writing `path` into one line."""
    try:
        yield
    except OSError as error:
        raise PldError(f"{path} can't be written: {error.strerror or error}.") from error
