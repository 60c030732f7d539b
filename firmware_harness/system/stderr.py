"""Hide the TFLite interpreter's start-up line; everything else still reaches stderr."""

import os
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import IO, cast

# The interpreter prints this once per process, when it makes its first delegate. It has no switch
# for it.
_NOISE = r"^INFO: Created TensorFlow Lite XNNPACK delegate for CPU\.$"
# A process of its own, so that the last lines still come through if this one aborts.
_FILTER = """
import os, re, sys
noise, seen = re.compile(sys.argv[1].encode()), False
for line in sys.stdin.buffer:
    if noise.search(line):
        seen = True
    else:
        os.write(2, line)
sys.exit(int(sys.argv[2]) if seen else 0)
"""
_SEEN = 3  # the filter's exit code if it saw the noise
_over = threading.Event()  # the noise was seen: it will not come again in this process


@contextmanager
def start_up_noise_held_back() -> Generator[None]:
    """Pass on what the process writes to stderr, even from C++, line by line, without the noise.

    A filter costs as much as a start of Python, so none is started after the noise was seen.
    """
    if _over.is_set():
        yield
        return
    sys.stderr.flush()
    # In its own session, so that Ctrl-C does not end the filter before this process's last lines.
    with subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _FILTER, _NOISE, str(_SEEN)],
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
            os.dup2(kept, 2)  # closes the pipe's last end, so the filter finishes
            os.close(kept)
            if passing_on.wait() == _SEEN:
                _over.set()
