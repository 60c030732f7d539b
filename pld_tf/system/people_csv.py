"""Read CSV files that people write, in an editor or a spreadsheet."""

import csv
from collections.abc import Iterator, Sequence

from pld_tf.errors import PldError

# A spreadsheet takes the separator of its user's country.
_SEPARATORS = ",;\t"


def separator_of(text: str, columns: Sequence[str]) -> str | None:
    """The separator with which the first line names all `columns`; None if it names them not.

    >>> separator_of("Path ;word", ["path"])
    ';'
    """
    first = text.split("\n", 1)[0]
    for separator in _SEPARATORS:
        if set(columns) <= set(_header(first, separator)):
            return separator
    return None


def csv_rows(text: str, separator: str, *, what: str) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and cells by column of each row that is not empty.

    Raises:
      PldError: not CSV. The message begins with `what`, which names the file.
    """
    lines = text.split("\n")
    rows = csv.reader((f"{line}\n" for line in lines[1:]), delimiter=separator)
    header = _header(lines[0], separator)
    try:
        for row in rows:
            cells = [cell.strip() for cell in row]
            if len(cells) > len(header) and any(cells[len(header) :]):
                raise PldError(
                    f"{what}, line {rows.line_num + 1}: expected {len(header)} cells as in the "
                    f"first line, got {len(cells)}: {separator.join(cells)[:80]!r}."
                )
            if any(cells):
                yield rows.line_num + 1, dict(zip(header, cells, strict=False))
    except csv.Error as error:
        raise PldError(f"{what}, line {rows.line_num + 1}, can't be read as CSV: {error}.") from (
            error
        )


def _header(line: str, separator: str) -> list[str]:
    try:
        cells = next(csv.reader([line], delimiter=separator), [])
    except csv.Error:  # a line too long for a header
        cells = []
    return [cell.strip().lower() for cell in cells]
