"""TensorFlow without its start-up noise; real warnings and errors still reach stderr."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, cast

# Printed on every machine without a GPU, by C++ code. A log level that hides this hides errors.
_NOISE = (
    r"Unable to register cu\w+ factory"
    r"|oneDNN custom operations are on"
    r"|This TensorFlow binary is optimized to use available CPU instructions"
    r"|To enable the following instructions"
    r"|Could not find (cuda drivers|TensorRT)|TF-TRT Warning"
    r"|All log messages before absl::InitializeLog"
    r"|Number of eligible GPUs"
    r"|Starting new session"
    r"|libmp3lame\.so\.0 or lame functions are not available"  # nothing here writes MP3
    r"|Local rendezvous is aborting with status: OUT_OF_RANGE"
)
# A separate process, so that the last lines of an aborting process still get through.
_FILTER = """
import os, re, sys
noise = re.compile(sys.argv[1].encode())
for line in sys.stdin.buffer:
    if not noise.search(line):
        os.write(2, line)
"""


@contextmanager
def start_up_noise_held_back() -> Iterator[None]:
    """Pass on what the process writes to stderr, even from C++, except lines of noise."""
    sys.stderr.flush()
    # In its own session: Ctrl-C must not end the filter before this process has finished writing.
    with subprocess.Popen(
        [sys.executable, "-I", "-S", "-c", _FILTER, _NOISE],
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
            os.dup2(kept, 2)  # closes the last writer of the pipe, so the filter ends
            os.close(kept)


def load_tensorflow() -> None:
    """Import TensorFlow and its companions, once, quietly."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
    with start_up_noise_held_back():
        import tensorflow  # noqa: F401
        import tensorflow_io  # noqa: F401
        import tf_keras  # noqa: F401
        from tensorflow_io.python.ops import core_ops

        dir(core_ops)  # loads the native library now instead of at its first use
