"""The exception for everything a user of `export` can cause. Imports nothing."""


class ExportError(Exception):
    """Bad input. Its text is one line: what was expected, what came, where, what to do."""
