"""The TFLite interpreter without its start-up line; all else still reaches stderr."""

from contextlib import AbstractContextManager

from firmware_harness.system.held_back import held_back

# The interpreter prints this on every start and has no switch for it.
_NOISE = r"^INFO: Created TensorFlow Lite XNNPACK delegate for CPU\.$"


def start_up_noise_held_back() -> AbstractContextManager[None]:
    """Pass on all that the process writes to stderr, even from C++, but the start-up line."""
    return held_back(_NOISE)
