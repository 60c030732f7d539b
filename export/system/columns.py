"""Aligned columns for the terminal."""

from collections.abc import Sequence


def columns(lines: Sequence[Sequence[str]]) -> list[str]:
    """Each line with its cells as wide as the widest of their column, two spaces between them.

    >>> columns([("layer", "loss"), ("a", "1"), ("b", "")])
    ['layer  loss', 'a      1', 'b']
    """
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]
