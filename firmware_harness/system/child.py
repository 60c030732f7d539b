"""Run what may crash or never mind its memory in a process of its own, and say how it ended."""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

_REPORTED_LINES = 3
_REPORTED_CHARACTERS = 300  # of one line: some name the whole graph


def run_module(name: str, *arguments: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run `python -m name arguments` in `folder`; never raises because of how it ends.

    A folder in the user's working folder cannot pass itself off as the module.
    """
    here = str(Path(__file__).resolve().parents[2])
    paths = [here, *filter(None, [os.environ.get("PYTHONPATH")])]
    return run_command(
        [sys.executable, "-P", "-m", name, *arguments],
        folder=folder,
        # One thread: a process of several must not fork.
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths), "OPENBLAS_NUM_THREADS": "1"},
    )


def run_command(
    command: Sequence[str],
    *,
    folder: Path,
    seconds: float | None = None,
    env: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a program in `folder` without input, and keep what it says; any exit code will do.

    Raises:
      OSError: it cannot be started.
      subprocess.TimeoutExpired: it took more than `seconds`, and was ended.
    """
    return subprocess.run(
        command,
        cwd=folder,
        env=env,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        timeout=seconds,
    )


def ending(ended: subprocess.CompletedProcess[str]) -> str:
    """How a process ended and its last words, in one line.

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


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
