"""Streams on disk: a WAV file beside a CSV file of its words.

Light to import, because `pld-tf listen` reads words with it: no corpus, no TensorFlow.
"""

from __future__ import annotations

import csv
import math
import wave
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pld_tf.errors import PldError
from pld_tf.streams.detections import Spoken
from pld_tf.system.temporary import whole_file

if TYPE_CHECKING:
    from pld_tf.streams.synthesis import Piece

_CSV_COLUMNS = ["word", "start_s", "end_s"]
_MAX_CSV_BYTES = 64 * 2**20


def write_stream(path: Path, pieces: Iterable[Piece], *, sample_rate_hz: int) -> list[Spoken]:
    """Write a stream as PATH, a WAV file, and its words as a CSV file of the same name.

    Raises:
      OSError: the files cannot be written.
    """
    spoken: list[Spoken] = []
    # wave gets an open file. If it fails to open a path itself, its destructor raises again.
    with (
        whole_file(path) as wav_path,
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
    with (
        whole_file(path.with_suffix(".csv")) as csv_path,
        csv_path.open("w", encoding="utf-8", newline="") as file,
    ):
        lines = csv.writer(file, lineterminator="\n")
        lines.writerow(_CSV_COLUMNS)
        lines.writerows((w.word, f"{w.start_s:.3f}", f"{w.end_s:.3f}") for w in spoken)
    return spoken


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
