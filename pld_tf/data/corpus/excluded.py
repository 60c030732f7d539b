"""Read the clips that a run leaves out: a CSV of pld-tf doctor, or a plain list of paths."""

from collections.abc import Iterator
from pathlib import Path

from pld_tf.data.corpus.scan import scan
from pld_tf.data.corpus.written_names import WrittenNames
from pld_tf.errors import PldError
from pld_tf.system.people_csv import csv_rows, separator_of
from pld_tf.system.people_text import read_people_text

COLUMN = "path"


def read_excluded(path: Path, root: Path) -> frozenset[str]:
    """Paths of the clips in a list, relative to the corpus `root`, with slashes.

    If the first line is a CSV header with a column `path`, the file is read as a CSV. Its other
    columns are ignored. Any other file has one path per line. Empty lines are skipped, and lines
    that begin with `#` and name no clip.

    Raises:
      PldError: the file can't be read, or a line names no clip of `root`.
    """
    text = read_people_text(path, "the list of excluded clips", error=PldError)
    words = scan(root).words
    names = WrittenNames(file.path for files in words.values() for file in files)
    excluded = set()
    for number, line in _lines(text, f"the list of excluded clips {path}"):
        clip = names.find(line)
        if clip:
            excluded.add(clip)
        elif not line.startswith("#"):
            raise PldError(
                f"{path}, line {number}: expected a clip of {root} as <word>/<file>, got "
                f"{line[:200]!r}. Mend that line, or give the --data that the list is of."
            )
    return frozenset(excluded)


def _lines(text: str, what: str) -> Iterator[tuple[int, str]]:
    """Line number and path of each line or row that holds a path."""
    separator = separator_of(text, [COLUMN])
    if separator:
        rows = csv_rows(text, separator, what=what)
        found = ((number, row.get(COLUMN, "")) for number, row in rows)
    else:
        found = ((number, line.strip()) for number, line in enumerate(text.split("\n"), start=1))
    yield from ((number, path) for number, path in found if path)
