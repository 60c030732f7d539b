"""The exception for every error that a user of the harness can cause. Imports nothing from here."""

import re

_MAX_CHARACTERS = 1500
# Names from hostile files may hold line feeds, or codes that move a terminal's cursor.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\s]+")


class HarnessError(Exception):
    """Bad input. Its text is one line: what was expected, what came, where, what to do."""

    def __init__(self, text: str) -> None:
        line = _CONTROL.sub(" ", text).strip()
        super().__init__(line if len(line) <= _MAX_CHARACTERS else line[:_MAX_CHARACTERS] + "...")
