"""TensorFlow without its start-up noise; real warnings and errors still reach stderr."""

import os
import re
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

# Said on every machine without a GPU, by C++ code that no log level quiets without hiding errors.
_NOISE = re.compile(
    rb"Unable to register cu\w+ factory"
    rb"|oneDNN custom operations are on"
    rb"|This TensorFlow binary is optimized to use available CPU instructions"
    rb"|To enable the following instructions"
    rb"|Could not find (cuda drivers|TensorRT)|TF-TRT Warning"
    rb"|All log messages before absl::InitializeLog"
    rb"|Number of eligible GPUs"
    rb"|Starting new session"
    rb"|libmp3lame\.so\.0 or lame functions are not available"  # nothing here writes MP3
    rb"|Local rendezvous is aborting with status: OUT_OF_RANGE"
)


@contextmanager
def start_up_noise_held_back() -> Iterator[None]:
    """Hold back what the process writes to stderr, even from C++, and pass on all but the noise."""
    sys.stderr.flush()
    kept = os.dup(2)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), 2)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, 2)
            os.close(kept)
            held.seek(0)
            lines = held.read().splitlines(keepends=True)
            os.write(2, b"".join(line for line in lines if not _NOISE.search(line)))


def load_tensorflow() -> None:
    """Import TensorFlow and its companions, once, quietly."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
    with start_up_noise_held_back():
        import tensorflow  # noqa: F401
        import tensorflow_io  # noqa: F401
        import tf_keras  # noqa: F401
        from tensorflow_io.python.ops import core_ops

        dir(core_ops)  # loads the native library, which its first use would do otherwise
