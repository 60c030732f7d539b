"""Standard output and standard error, whose errors say which of them can't be written."""

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

TITLES = {"stdout": "standard output", "stderr": "standard error"}


class Output(io.TextIOWrapper):
    """A standard stream. It shows what its encoding lacks as an escape, `\\xf6` for an `ö`."""

    def __init__(self, stream: io.TextIOWrapper, title: str) -> None:
        super().__init__(
            stream.buffer,
            encoding=stream.encoding,
            errors="backslashreplace",
            line_buffering=stream.line_buffering,
            write_through=stream.write_through,
        )
        self._title = title

    def write(self, text: str, /) -> int:
        """As a stream does."""
        with self._named():
            return super().write(text)

    def flush(self) -> None:
        """As a stream does."""
        with self._named():
            super().flush()

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            error.filename = self._title
            raise


def named_outputs() -> None:
    """Make the streams of this process say their names. One that is captured stays as it is."""
    for name, title in TITLES.items():
        stream = getattr(sys, name)
        if type(stream) is io.TextIOWrapper:
            setattr(sys, name, Output(stream, title))


def lead_to_nowhere(title: str) -> None:
    """Drop what a broken stream still holds: Python would fail on it again when it exits."""
    number = 1 + list(TITLES.values()).index(title)
    os.dup2(os.open(os.devnull, os.O_WRONLY), number)
