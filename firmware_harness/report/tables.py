"""Pieces of Markdown that all sections of a page use."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Section:
    """A heading and a table. All rows are as long as the head; cells are plain text."""

    title: str
    head: list[str]
    rows: list[list[str]]


Part = Section | str  # a paragraph is plain text too


def section(title: str, header: Iterable[str], rows: Iterable[Iterable[str]]) -> Section:
    """A section of these rows."""
    return Section(title, list(header), [list(row) for row in rows])


def markdown(part: Part) -> str:
    """A part of a page in Markdown.

    >>> print(markdown(section("T", ["a"], [["1|2"]])))
    ## T
    <BLANKLINE>
    | a |
    | --- |
    | 1\\|2 |
    """
    if isinstance(part, str):
        return cell(part)
    lines = [part.head, ["---"] * len(part.head), *part.rows]
    table = ["| " + " | ".join(cell(text) for text in line) + " |" for line in lines]
    return f"## {part.title}\n\n" + "\n".join(table)


def cell(text: str) -> str:
    """Text for one cell, escaped: names come from foreign files, and bars would break the table."""
    return " ".join(text.replace("|", "\\|").split())


def size_text(count: int | None) -> str:
    """A number of bytes; empty for None."""
    return "" if count is None else f"{count:,} bytes"


def count_text(count: float | None, *, digits: int = 0) -> str:
    """A number with separated thousands; empty for None."""
    return "" if count is None else f"{count:,.{digits}f}"
