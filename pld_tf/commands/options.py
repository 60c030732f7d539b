"""Options that several commands share."""

from pathlib import Path
from typing import Annotated

import typer

Data = Annotated[
    Path,
    typer.Option("--data", "-d", help="Folder of <word>/<recording>; see docs/data.md."),
]
SkipBad = Annotated[
    bool, typer.Option("--skip-bad", help="Leave unreadable clips out instead of stopping.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


def note(line: str) -> None:
    """Print a line that is not the result, on stderr. Programs can then read stdout."""
    typer.echo(line, err=True)
