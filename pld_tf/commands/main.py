"""The entry point of `pld-tf`: what is around every command. Nothing imports this file.

It imports the commands only when what they need is as they need it.
"""

import errno
import sys
from collections.abc import Callable
from typing import NoReturn

from pld_tf.commands.shadows import shadowed_package
from pld_tf.errors import PldError
from pld_tf.system.interrupt import EXIT_CODES, remembered_stops
from pld_tf.system.os_errors import os_error_line
from pld_tf.system.output import TITLES, lead_to_nowhere
from pld_tf.system.surroundings import settle

RESUMING = {"distill", "data", "reproduce"}  # long commands that continue where they were stopped
REFUSED = 2
CLOSED = 1  # typer's exit code for a reader that has gone, as `head` does


def main() -> None:
    """Run a command line.

    What the user caused prints one line and exits with code 2. A signal that ends the command, as
    Ctrl-C, exits with 128 and its number.
    """
    settle()
    if (shadowed := shadowed_package()) is not None:
        _refuse(shadowed)
    try:
        with remembered_stops():
            _told_in_one_line(_run)
    except KeyboardInterrupt:
        _stopped(EXIT_CODES["SIGINT"])
    except SystemExit as ended:
        if isinstance(ended.code, int) and ended.code in EXIT_CODES.values():
            _stopped(ended.code)
        raise


def _run() -> None:
    from pld_tf.commands.app import app

    try:
        app()
    finally:
        sys.stdout.flush()  # here, because an error at Python's exit can't be told in one line


def _told_in_one_line(run: Callable[[], None]) -> None:
    from export.errors import ExportError
    from firmware_harness.errors import HarnessError

    try:
        run()
    except (PldError, ExportError, HarnessError) as error:
        _refuse(str(error))
    except OSError as error:
        if error.filename in TITLES.values():
            lead_to_nowhere(error.filename)
            if isinstance(error, BrokenPipeError):
                sys.exit(CLOSED)
        goes_on = _resumes() and error.errno in (errno.ENOSPC, errno.EDQUOT)
        _refuse(os_error_line(error) + " The same command goes on from there." * goes_on)


def _stopped(code: int) -> NoReturn:
    _say(f"stopped{'; the same command goes on from here' * _resumes()}.")
    sys.exit(code)


def _resumes() -> bool:
    return not RESUMING.isdisjoint(sys.argv[1:2])


def _refuse(line: str) -> NoReturn:
    _say(line)
    sys.exit(REFUSED)


def _say(line: str) -> None:
    try:
        print(f"pld-tf: {line}", file=sys.stderr, flush=True)
    except OSError:  # the terminal has gone, or the disk of the log is full
        lead_to_nowhere("standard error")
