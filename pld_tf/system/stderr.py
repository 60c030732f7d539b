"""TensorFlow without its start-up noise; real warnings and errors still reach stderr."""

import logging
import os
from contextlib import AbstractContextManager

from pld_tf.system.held_back import held_back

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


def start_up_noise_held_back() -> AbstractContextManager[None]:
    """Pass on what the process writes to stderr, even from C++, line by line, but the noise."""
    return held_back(_NOISE)


def load_tensorflow() -> None:
    """Import TensorFlow and its companions, once, quietly."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
    with start_up_noise_held_back():
        import tensorflow  # noqa: F401
        import tensorflow_io  # noqa: F401
        import tf_keras  # noqa: F401
        from tensorflow_io.python.ops import core_ops

        dir(core_ops)  # loads the native library now instead of at its first use
    logging.getLogger("tensorflow").addFilter(_is_worth_telling)


def _is_worth_telling(record: logging.LogRecord) -> bool:
    """False for advice to programmers: each network has graphs of its own, traced once."""
    return "triggered tf.function retracing" not in record.getMessage()
