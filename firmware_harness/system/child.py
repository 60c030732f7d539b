"""Run code that may crash or take too much memory in its own process, and say how it ended."""

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_REPORTED_LINES = 3
_REPORTED_CHARACTERS = 300  # per line: some lines name the whole graph


def run_module(name: str, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run `python -m name arguments` in `folder`; raises nothing, however it ends.

    A folder in the user's working folder cannot take the module's place.
    """
    here = str(Path(__file__).resolve().parents[2])
    paths = [here, *filter(None, [os.environ.get("PYTHONPATH")])]
    return run_command(
        [sys.executable, "-P", "-m", name, *arguments],
        folder=folder,
        # One thread, because a process with several must not fork.
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths), "OPENBLAS_NUM_THREADS": "1"},
    )


def run_command(
    command: Sequence[str],
    *,
    folder: Path,
    seconds: float | None = None,
    env: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a program in `folder` without input and capture its output; any exit code is accepted.

    Its own temporary files lie in `folder` too: they go with it, however the program ends.

    Raises:
      OSError: it cannot be started.
      subprocess.TimeoutExpired: it took more than `seconds` and was ended.
    """
    return subprocess.run(
        command,
        cwd=folder,
        env={**(os.environ if env is None else env), "TMPDIR": str(folder)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        timeout=seconds,
    )


def ending(ended: subprocess.CompletedProcess[str]) -> str:
    """How a process ended and its last lines, in one line.

    >>> ending(subprocess.CompletedProcess([], -11, stderr="a\\nb\\nc\\n d \\n"))
    'was killed by SIGSEGV; its last lines: b | c | d'
    """
    if ended.returncode < 0:
        how = f"was killed by {_signal_name(-ended.returncode)}"
    else:
        how = f"ended with code {ended.returncode}"
    lines = [line.strip()[:_REPORTED_CHARACTERS] for line in ended.stderr.splitlines()]
    last = " | ".join([line for line in lines if line][-_REPORTED_LINES:])
    return f"{how}; its last lines: {last or 'none'}"


def way_out(ended: subprocess.CompletedProcess[str], otherwise: str) -> str:
    """What to do about a process that failed: `otherwise`, unless the disk was full.

    >>> full = subprocess.CompletedProcess([], 1, stderr="x.s: No space left on device")
    >>> way_out(full, "Export it again.")
    'Make room for temporary files, or name another folder in TMPDIR.'
    """
    if os.strerror(errno.ENOSPC) in ended.stderr:
        return "Make room for temporary files, or name another folder in TMPDIR."
    return otherwise


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
