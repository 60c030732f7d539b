"""Streams on disk: a WAV file beside a CSV file of its words.

Light to import, because `pld-tf listen` reads words with it: no corpus, no TensorFlow.
"""

from __future__ import annotations

import csv
import math
import wave
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from pld_tf.errors import PldError
from pld_tf.streams.detections import Spoken
from pld_tf.system.files import refuse_foreign
from pld_tf.system.names import plain_name
from pld_tf.system.own_files import record_files
from pld_tf.system.people_csv import csv_rows, separator_of
from pld_tf.system.people_text import read_people_text
from pld_tf.system.temporary import whole_file

if TYPE_CHECKING:
    from pld_tf.streams.synthesis import Piece

_CSV_COLUMNS = ["word", "start_s", "end_s"]


def write_stream(path: Path, pieces: Iterable[Piece], *, sample_rate_hz: int) -> list[Spoken]:
    """Write a stream as PATH, a WAV file, and its words as a CSV file of the same name.

    Raises:
      PldError: a file is there and not as it was written.
      OSError: the files can't be written.
    """
    words_path = path.with_suffix(".csv")
    refuse_foreign([path, words_path], option="OUT.wav")
    spoken = _write_sound(path, pieces, sample_rate_hz)
    _write_words(words_path, spoken)
    record_files([path, words_path])
    return spoken


def _write_sound(path: Path, pieces: Iterable[Piece], sample_rate_hz: int) -> list[Spoken]:
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
    return spoken


def _write_words(path: Path, spoken: Iterable[Spoken]) -> None:
    with (
        whole_file(path) as csv_path,
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
    text = read_people_text(path, "the words", error=PldError)
    separator = separator_of(text, _CSV_COLUMNS)
    if separator is None:
        raise PldError(
            f"{path} must begin with the line {','.join(_CSV_COLUMNS)}; pld-tf data stream "
            "writes such files."
        )
    words: list[Spoken] = []
    for number, row in csv_rows(text, separator, what=f"the words {path}"):
        words.append(_word_of(row, f"{path}:{number}", words[-1].start_s if words else 0.0))
    return words


def _word_of(row: dict[str, str], where: str, earliest: float) -> Spoken:
    try:
        # Where a spreadsheet separates cells by semicolons, it writes 1,5 for one and a half.
        start_s, end_s = (float(row[key].replace(",", ".")) for key in _CSV_COLUMNS[1:])
    except (ValueError, KeyError):
        start_s, end_s = math.nan, math.nan
    if not earliest <= start_s <= end_s < math.inf:
        raise PldError(
            f"{where} must hold a word and its first and last second, none before the word above; "
            f"got {','.join(row.values())[:80]!r}."
        )
    return Spoken(word=plain_name(row.get("word", "")), start_s=start_s, end_s=end_s)
