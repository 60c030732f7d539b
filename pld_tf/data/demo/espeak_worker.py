"""Speak words with eSpeak NG, as a separate program. Imports nothing of ours.

eSpeak NG carries hidden state from one word to the next until its process ends. So the same words
give the same samples only in the same order and in a fresh process.

Reads a JSON list of [text, voice, rate_wpm, pitch, pitch_range] from stdin. Writes, for each, the
number of samples (uint32) and the samples (int16, 22,050 Hz, little-endian) to stdout.
"""

import ctypes
import json
import struct
import sys
from typing import Any

import espeakng_loader

SAMPLE_RATE_HZ = 22050

_OUTPUT_SYNCHRONOUS = 2
_NO_EXIT = 0x8000  # report an error instead of ending the process
_UTF8 = 1
_POSITION_CHARACTER = 1
_PARAMETERS = {"rate_wpm": 1, "pitch": 3, "pitch_range": 4}

_Callback = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
)


def main() -> None:
    library = ctypes.CDLL(espeakng_loader.get_library_path())
    data = espeakng_loader.get_data_path().encode()
    rate_hz = library.espeak_Initialize(_OUTPUT_SYNCHRONOUS, 0, data, _NO_EXIT)
    _require(rate_hz == SAMPLE_RATE_HZ, f"expected {SAMPLE_RATE_HZ} Hz from eSpeak, got {rate_hz}")
    library.espeak_ng_SetRandSeed(ctypes.c_long(1))  # of breath noise, else seeded by the clock
    spoken = bytearray()

    @_Callback
    def keep(samples: Any, count: int, _events: Any) -> int:
        if samples and count > 0:
            spoken.extend(ctypes.string_at(samples, 2 * count))
        return 0

    library.espeak_SetSynthCallback(keep)
    for text, voice, *parameters in json.load(sys.stdin):
        spoken.clear()
        _speak(library, text, voice, parameters)
        sys.stdout.buffer.write(struct.pack("<I", len(spoken) // 2) + spoken)


def _speak(library: ctypes.CDLL, text: str, voice: str, parameters: list[int]) -> None:
    _require(library.espeak_SetVoiceByName(voice.encode()) == 0, f"eSpeak has no voice {voice}")
    for number, value in zip(_PARAMETERS.values(), parameters, strict=True):
        library.espeak_SetParameter(number, value, 0)
    encoded = text.encode() + b"\0"
    failed = library.espeak_Synth(
        encoded,
        ctypes.c_size_t(len(encoded)),
        0,
        _POSITION_CHARACTER,
        0,
        _UTF8,
        None,
        None,
    )
    _require(failed == 0, f"eSpeak cannot speak {text!r}: error {failed}")


def _require(holds: bool, reason: str) -> None:
    if not holds:
        sys.exit(reason)


if __name__ == "__main__":
    main()
