"""The exception for everything a user of the harness can cause. Imports nothing."""


class HarnessError(Exception):
    """Bad input. Its text is one line: what was expected, what came, where, what to do."""
