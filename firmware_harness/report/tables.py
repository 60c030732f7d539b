"""Pieces of Markdown that all sections of a page use."""

from collections.abc import Iterable


def section(title: str, header: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """A heading and a table.

    >>> print(section("T", ["a"], [["1|2"]]))
    ## T
    <BLANKLINE>
    | a |
    | --- |
    | 1\\|2 |
    """
    lines = [list(header), *(list(row) for row in rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    table = ["| " + " | ".join(cell(text) for text in line) + " |" for line in lines]
    return f"## {title}\n\n" + "\n".join(table)


def cell(text: str) -> str:
    """Text for one cell, escaped: names come from foreign files, and bars would break the table."""
    return " ".join(text.replace("|", "\\|").split())


def size_text(count: int | None) -> str:
    """A number of bytes; empty for None."""
    return "" if count is None else f"{count:,} bytes"


def count_text(count: float | None, *, digits: int = 0) -> str:
    """A number with separated thousands; empty for None."""
    return "" if count is None else f"{count:,.{digits}f}"
