"""Tables as text, laid out by rich.

Packages that do not import each other have this same file; tests/test_twins.py compares them.
"""

from __future__ import annotations

import io
from collections.abc import Collection, Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.box import Box

_NO_LIMIT = 10**6  # columns: no line is ever folded


def text_table(
    rows: Iterable[Sequence[str]],
    *,
    head: Sequence[str] = (),
    right: Collection[int] = (),
    box: Box | None = None,
) -> str:
    """Rows in aligned columns, without colours, cuts or folds, so that pipes get the same text.

    Args:
      rows: of equal length.
      head: titles of the columns; optional.
      right: numbers of the right-aligned columns; the others are left-aligned.
      box: lines around the cells, as `rich.box.MARKDOWN`; by default two spaces between columns.

    >>> print(text_table([("a", "1"), ("bcd", "[10]")], head=("word", "%"), right=[1]))
    word     %
    a        1
    bcd   [10]
    """
    from rich.console import Console  # here, because --help must not wait for it
    from rich.table import Table
    from rich.text import Text

    lines = list(rows)
    padding = (0, 2, 0, 0) if box is None else (0, 1)
    table = Table(
        box=box, padding=padding, pad_edge=box is not None, show_header=bool(head), header_style=""
    )
    for column in range(max(map(len, (head, *lines)))):
        title = Text(head[column]) if head else ""
        table.add_column(title, justify="right" if column in right else "left", no_wrap=True)
    for line in lines:
        table.add_row(*map(Text, line))
    page = io.StringIO()
    console = Console(
        file=page, width=_NO_LIMIT, color_system=None, force_terminal=False, force_jupyter=False
    )
    console.print(table)
    return "\n".join(line.rstrip() for line in page.getvalue().splitlines()).strip("\n")
