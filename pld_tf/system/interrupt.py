"""Ctrl-C that is not lost.

Python drops an exception that is raised in a finalizer or a callback of C, and with it a
KeyboardInterrupt that happens to come there. Long work therefore also asks, step by step.
"""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_asked = threading.Event()


@contextmanager
def remembered_ctrl_c() -> Iterator[None]:
    """Ctrl-C raises KeyboardInterrupt as ever, and `stop_if_asked` knows of it.

    For the main thread only.
    """
    told = sys.unraisablehook

    def stop(number: int, frame: FrameType | None) -> None:
        _asked.set()
        raise KeyboardInterrupt

    def tell(dropped: "sys.UnraisableHookArgs") -> None:
        if not isinstance(dropped.exc_value, KeyboardInterrupt):
            told(dropped)

    before = signal.signal(signal.SIGINT, stop)
    sys.unraisablehook = tell
    try:
        yield
    finally:
        sys.unraisablehook = told
        signal.signal(signal.SIGINT, before)
        _asked.clear()


def stop_if_asked() -> None:
    """Raise the KeyboardInterrupt that Ctrl-C asked for, should Python have dropped it."""
    if _asked.is_set():
        raise KeyboardInterrupt
