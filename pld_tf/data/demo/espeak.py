"""Words spoken by eSpeak NG, which is GPL-3 and runs in a separate process."""

import importlib.util
import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from pld_tf.errors import PldError

SAMPLE_RATE_HZ = 22050

_WORKER = Path(__file__).with_name("espeak_worker.py")
_SECONDS_PER_WORD = 1.0  # a word takes about a millisecond


class Utterance(NamedTuple):
    """One word to speak. `voice` is an accent and a variant, as `en-us+m3`; pitches are 0 to 99."""

    text: str
    voice: str
    rate_wpm: int
    pitch: int
    pitch_range: int


def speak(utterances: Sequence[Utterance]) -> list[np.ndarray]:
    """Speak words in order. The same list gives the same samples.

    Returns:
      For each utterance int16, shape [samples], at SAMPLE_RATE_HZ.

    Raises:
      PldError: eSpeak NG is not installed, does not run here, or lacks a voice.
    """
    if importlib.util.find_spec("espeakng_loader") is None:
        raise PldError(
            "the demo corpus is spoken by eSpeak NG (GPL-3), which is not installed; "
            "pip install 'espeakng-loader==0.2.4'."
        )
    try:
        done = subprocess.run(
            # -P: modules beside the worker must not shadow the standard library.
            [sys.executable, "-P", str(_WORKER)],
            input=json.dumps(utterances).encode(),
            capture_output=True,
            check=True,
            timeout=30 + _SECONDS_PER_WORD * len(utterances),
        )
    except subprocess.CalledProcessError as error:
        lines = error.stderr.decode(errors="replace").split("\n")
        reason = next((line for line in reversed(lines) if line.strip()), f"{error.returncode}")
        raise PldError(
            f"eSpeak NG failed: {reason}. Install it again: "
            "pip install --force-reinstall 'espeakng-loader==0.2.4'."
        ) from None
    except subprocess.TimeoutExpired as error:
        raise PldError(f"eSpeak NG gave no answer within {error.timeout:.0f} seconds.") from None
    return _unpack(done.stdout, len(utterances))


def _unpack(data: bytes, count: int) -> list[np.ndarray]:
    spoken, position = [], 0
    for _ in range(count):
        samples = int.from_bytes(data[position : position + 4], "little")
        spoken.append(np.frombuffer(data, "<i2", count=samples, offset=position + 4))
        position += 4 + 2 * samples
    return spoken
