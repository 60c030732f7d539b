"""Read the clips that a run leaves out: a CSV of pld-tf doctor, or a plain list of paths."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from pld_tf.data.corpus.corpus import holds_clip
from pld_tf.errors import PldError

COLUMN = "path"
MAX_BYTES = 64 * 2**20


def read_excluded(path: Path, root: Path) -> frozenset[str]:
    """Paths of the clips in a list, relative to the corpus `root`, with slashes.

    If the first line is a CSV header with a column `path`, the file is read as a CSV. Its other
    columns are ignored. Any other file has one path per line. Empty lines are skipped.

    Raises:
      PldError: the file can't be read, or a line names no clip of `root`.
    """
    lines = _read_lines(path)
    excluded = set()
    try:
        for number, clip in _paths(lines):
            if clip and not holds_clip(root, clip):
                raise PldError(
                    f"{path}, line {number}: expected a clip of {root} as <word>/<file>, got "
                    f"{clip[:200]!r}. Mend that line, or give the --data that the list is of."
                )
            excluded.add(clip)
    except csv.Error as error:
        raise PldError(f"{path} can't be read as CSV: {error}. Mend it, or give a list.") from error
    return frozenset(excluded - {""})


def _read_lines(path: Path) -> list[str]:
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise PldError(f"{path}: expected a list of clips under 64 MB, got {size} bytes.")
        text = path.read_text("utf-8-sig")  # spreadsheets write a byte order mark
    except OSError as error:
        raise PldError(
            f"the list of excluded clips {path} can't be read: {error.strerror}. Give --exclude a "
            "CSV of pld-tf doctor, or a list of paths."
        ) from error
    except UnicodeDecodeError as error:
        raise PldError(f"{path}: expected one clip per line in UTF-8, got {error}.") from None
    return list(io.StringIO(text, newline=""))


def _paths(lines: list[str]) -> Iterator[tuple[int, str]]:
    """Line number and path of each line or row; the path is empty where there is none."""
    if COLUMN not in next(csv.reader(lines[:1]), []):
        yield from ((number, _plain(line)) for number, line in enumerate(lines, start=1))
        return
    rows = csv.DictReader(lines, restval="")
    for row in rows:
        yield rows.line_num, row[COLUMN]


def _plain(line: str) -> str:
    return line.strip().removeprefix("./")
