"""Print docs/cli.md: what --help says, of every command.

Usage: python docs/make_cli.py > docs/cli.md
"""

import sys
from collections.abc import Iterator
from typing import Any

import typer

from pld_tf.commands.app import app

COLUMNS = 96
HEAD = """# Commands

What `--help` prints. Made by `python docs/make_cli.py > docs/cli.md`; do not edit.
"""


def commands() -> Iterator[tuple[str, str]]:
    """Name and help text of every command, groups before what they hold."""
    yield from _walk(typer.main.get_command(app), "pld-tf", parent=None)


def cli_page() -> str:
    """docs/cli.md."""
    sections = [f"## {name}\n\n```text\n{text}\n```\n" for name, text in commands()]
    return "\n".join([HEAD, *sections])


def _walk(command: Any, name: str, *, parent: Any) -> Iterator[tuple[str, str]]:
    # A fixed width: the page must not depend on the terminal it was made in.
    context = command.context_class(
        command, info_name=name, parent=parent, terminal_width=COLUMNS, max_content_width=COLUMNS
    )
    text = command.get_help(context)
    yield context.command_path, "\n".join(line.rstrip() for line in text.splitlines())
    for inner_name, inner in getattr(command, "commands", {}).items():
        yield from _walk(inner, inner_name, parent=context)


if __name__ == "__main__":
    sys.stdout.write(cli_page())
