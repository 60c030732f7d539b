"""Keep Ctrl-C from being lost.

Python drops an exception raised in a finalizer or a C callback, and so a KeyboardInterrupt that
arrives there. Long work therefore also asks after each step.
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
    """Ctrl-C raises KeyboardInterrupt as usual, and is recorded for `stop_if_asked`.

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
    """Raise the KeyboardInterrupt of a Ctrl-C that Python dropped."""
    if _asked.is_set():
        raise KeyboardInterrupt
