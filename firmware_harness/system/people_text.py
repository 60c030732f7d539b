"""Read text files that people write, in any editor or spreadsheet of any system."""

import codecs
from pathlib import Path

MAX_BYTES = 64 * 2**20
# The marks of UTF-32 come first: one begins as a mark of UTF-16 does.
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_MARK = "\ufeff"


def read_people_text(
    path: Path, what: str, *, error: type[Exception], max_bytes: int = MAX_BYTES
) -> str:
    r"""The text of a file, without byte-order marks, each line ended by `\n`.

    UTF-8 is read, and UTF-16 and UTF-32 that begin with a byte-order mark.

    Args:
      path: the file.
      what: names the kind of file in messages, as "the list of clips".
      error: raised with one line if the file can't be read or is no such text.
      max_bytes: a larger file is refused.
    """
    try:
        with path.open("rb") as file:
            content = file.read(max_bytes + 1)
    except (OSError, ValueError) as problem:  # ValueError: a NUL in the path
        reason = problem.strerror if isinstance(problem, OSError) else problem
        raise error(f"{what} {path} can't be read: {reason}.") from problem
    if len(content) > max_bytes:
        raise error(f"{what} {path} must have at most {max_bytes:,} bytes; it has more.")
    try:
        return _decoded(content)
    except _NoTextError as problem:
        raise error(
            f"{what} {path}, line {problem.line}: expected UTF-8 text, got {problem.found}. "
            "Save the file as UTF-8."
        ) from None


class _NoTextError(Exception):
    def __init__(self, before: str, found: str) -> None:
        self.line = _with_line_feeds(before).count("\n") + 1
        self.found = found


def _decoded(content: bytes) -> str:
    mark, encoding = next(
        ((mark, name) for mark, name in _MARKS if content.startswith(mark)), (b"", "utf-8")
    )
    content = content[len(mark) :]
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError as problem:
        before = content[: problem.start].decode(encoding, "replace")
        raise _NoTextError(before, f"the byte 0x{content[problem.start]:02x}") from None
    if "\0" in text:
        raise _NoTextError(text[: text.index("\0")], "a NUL byte")
    # Marks also stand where files were joined.
    return _with_line_feeds(text.replace(_MARK, ""))


def _with_line_feeds(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
