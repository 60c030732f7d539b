"""Hide the TFLite interpreter's start-up line; everything else still reaches stderr."""

import threading
from collections.abc import Generator
from contextlib import contextmanager

from firmware_harness.system.held_back import HeldBack, held_back

# The interpreter prints this once per process, when it makes its first delegate. It has no switch
# for it.
_NOISE = r"^INFO: Created TensorFlow Lite XNNPACK delegate for CPU\.$"
_over = threading.Event()  # the line has come: in this process there will be no more


@contextmanager
def start_up_noise_held_back() -> Generator[None]:
    """Pass on all that the process writes to stderr, even from C++, but the start-up line.

    A filter costs as much as a start of Python, so none is started once the line has come.
    """
    if _over.is_set():
        yield
        return
    held = HeldBack()
    try:
        with held_back(_NOISE, held):
            yield
    finally:
        if held.any:
            _over.set()
