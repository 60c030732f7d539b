"""What tells how far a measurement is."""

from collections.abc import Callable

Progress = Callable[[str, int, int], None]  # phase, done, total
