"""Standard error without lines that mean nothing, even those that C++ writes."""

import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, cast

# A process of its own, so that the last words of one that aborts still come through.
_FILTER = """
import os, re, sys
noise, held = re.compile(sys.argv[1].encode()), False
for line in sys.stdin.buffer:
    if noise.search(line):
        held = True
    else:
        os.write(2, line)
sys.exit(int(sys.argv[2]) if held else 0)
"""
_HELD = 3  # the filter's exit code when it held a line back


@dataclass
class HeldBack:
    """Whether any line was held back; known when the block has ended."""

    any: bool = False


@contextmanager
def held_back(noise: str, held: HeldBack | None = None) -> Generator[None]:
    """Pass on what the process writes to stderr, line by line, but lines of this pattern.

    Args:
      noise: regular expression of the lines that are held back.
      held: says afterwards whether there were any.
    """
    sys.stderr.flush()
    # In a session of its own: Ctrl-C is for this process, whose words are still to come.
    with subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _FILTER, noise, str(_HELD)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        start_new_session=True,
    ) as passing_on:
        kept = os.dup(2)
        pipe = cast(IO[bytes], passing_on.stdin)
        os.dup2(pipe.fileno(), 2)
        pipe.close()
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)  # that was the pipe's last end: the filter finishes
            os.close(kept)
            ended = passing_on.wait()
            if held is not None:
                held.any = ended == _HELD
