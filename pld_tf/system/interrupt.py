"""End on Ctrl-C and on signals as a program should: children ended, temporary folders removed.

Python drops an exception raised in a finalizer or a C callback, and so the one of a signal that
arrives there. Long work therefore also asks after each step.
"""

import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
EXIT_CODES = {number.name: 128 + number for number in STOPS}  # as shells count them
_asked: list[signal.Signals] = []


class Stopped(SystemExit):
    """SIGTERM or SIGHUP. Raised, so that all that was begun is ended and removed."""


@contextmanager
def remembered_stops() -> Iterator[None]:
    """Ctrl-C raises KeyboardInterrupt as usual, SIGTERM and SIGHUP raise Stopped.

    They are recorded for `stop_if_asked`. A signal that is ignored stays so, as with nohup. For the
    main thread only.
    """
    told = sys.unraisablehook

    def stop(number: int, frame: FrameType | None) -> None:
        _asked.append(signal.Signals(number))
        raise _exception(_asked[-1])

    def tell(dropped: "sys.UnraisableHookArgs") -> None:
        if not isinstance(dropped.exc_value, KeyboardInterrupt | Stopped):
            told(dropped)

    before = {number: signal.getsignal(number) for number in STOPS}
    for number, handler in before.items():
        if handler != signal.SIG_IGN:
            signal.signal(number, stop)
    sys.unraisablehook = tell
    try:
        yield
    finally:
        sys.unraisablehook = told
        for number, handler in before.items():
            signal.signal(number, handler)
        _asked.clear()


def stop_if_asked() -> None:
    """Raise the exception of a signal that Python dropped."""
    if _asked:
        raise _exception(_asked[-1])


def _exception(number: signal.Signals) -> BaseException:
    if number == signal.SIGINT:
        return KeyboardInterrupt()
    return Stopped(EXIT_CODES[number.name])
