"""Progress on stderr: a bar on a terminal, occasional lines in a log."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from pld_tf.system.interrupt import stop_if_asked

LOG_SECONDS = 20.0
Advance = Callable[[int, int], None]  # done, in all
Say = Callable[[str], None]


@contextmanager
def progress_bar(title: str, unit: str = "clips") -> Iterator[Advance]:
    """Give a function to call with (done, in all); it shows rate and time left.

    The function raises KeyboardInterrupt if a Ctrl-C was lost.
    """
    if not sys.stderr.isatty():  # whatever colours the user asked for
        yield _log_lines(title, unit)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f} %"),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(file=sys.stderr), transient=True) as bars:
        task = bars.add_task(title, total=None, rate="")
        rate = _Rate()

        def advance(done: int, total: int) -> None:
            stop_if_asked()
            speed = rate(done)
            shown = _rate_text(speed, unit) if speed else ""
            bars.update(task, completed=done, total=total, rate=shown)

        yield advance


class _Rate:
    """Units per second since the first call. The work of an earlier run does not count.

    When the count falls, a new task begins.
    """

    def __init__(self) -> None:
        self._first: tuple[float, int] | None = None
        self._last = 0

    def __call__(self, done: int) -> float:
        now = time.monotonic()
        if self._first is None or done < self._last:
            self._first = (now, done)
        self._last = done
        return (done - self._first[1]) / max(now - self._first[0], 1e-3)


def _line(title: str, unit: str, done: int, total: int, speed: float) -> str:
    line = f"{title}: {done:,} of {total:,} {unit}"
    if not speed:
        return line  # nothing is known before the second call
    left = f"{(total - done) / speed:,.0f} s left"
    return f"{line}, {_rate_text(speed, unit)}, {left}"


def _rate_text(speed: float, unit: str) -> str:
    return f"{speed:,.0f} {unit}/s" if speed >= 1 else f"{60 * speed:.1f} {unit} a minute"


def _log_lines(title: str, unit: str) -> Advance:
    rate = _Rate()
    last = time.monotonic()

    def advance(done: int, total: int) -> None:
        nonlocal last
        stop_if_asked()
        speed = rate(done)
        if time.monotonic() - last < LOG_SECONDS:
            return
        last = time.monotonic()
        print(_line(title, unit, done, total, speed), file=sys.stderr, flush=True)

    return advance
