"""The TFLite interpreter without its start-up line; all else still reaches stderr."""

import os
import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import IO, cast

# The interpreter prints this once in a process, when it makes its first delegate, and has no
# switch for it.
_NOISE = r"^INFO: Created TensorFlow Lite XNNPACK delegate for CPU\.$"
# A process of its own, so that the last words of one that aborts still come through.
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
_SEEN = 3  # the filter's exit code when there was noise
_over = threading.Event()  # the noise has come: in this process there will be no more


@contextmanager
def start_up_noise_held_back() -> Generator[None]:
    """Pass on what the process writes to stderr, even from C++, line by line, but the noise.

    A filter costs as much as a start of Python, so none is started once the noise has come.
    """
    if _over.is_set():
        yield
        return
    sys.stderr.flush()
    # In a session of its own: Ctrl-C is for this process, whose words are still to come.
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
            os.dup2(kept, 2)  # that was the pipe's last end: the filter finishes
            os.close(kept)
            if passing_on.wait() == _SEEN:
                _over.set()
