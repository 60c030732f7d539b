"""A bound on work that no busy machine and no quick one moves: calls are counted, not seconds."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class TooMuchWork(BaseException):
    """Past all that the code under test could take for an error of its own."""


@contextmanager
def at_most(calls: int) -> Iterator[None]:
    """Ends what runs within once it has called that many functions, of Python or C."""
    left = calls

    def count(frame: FrameType, event: str, argument: Any) -> None:
        nonlocal left
        left -= event in ("call", "c_call")
        if left < 0:
            raise TooMuchWork(f"more than {calls:,} calls")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        yield
    finally:
        sys.setprofile(before)
