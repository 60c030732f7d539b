"""The exception for everything a user can cause. Imports nothing."""


class PldError(Exception):
    """Bad input. Its text is one line: what was expected, what came, where, what to do."""
