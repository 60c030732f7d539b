"""What tells how far a job is."""

from collections.abc import Callable

Progress = Callable[[str], None]  # takes one line: what happens next
