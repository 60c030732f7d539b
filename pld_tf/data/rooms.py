"""Rooms: what walls add to a recording, as impulse responses. NumPy only.

Rooms are boxes of many sizes whose echoes die away within 0.15 to 0.7 s, computed by the image
source method (Allen & Berkley 1979) of pyroomacoustics.
"""

# pyright: reportMissingTypeStubs=false

from functools import cache

import numpy as np

ROOMS = 64
_SMALLEST_M, _LARGEST_M = (2.5, 2.5, 2.2), (8.0, 6.0, 3.5)
_DECAY_S = (0.15, 0.7)  # time in which an echo falls by 60 dB
_WALL_M = 0.4  # least distance of talker and microphone from a wall
_KEPT = 0.999  # share of the energy that is kept; the rest is far below the words
_MOST_IMAGES = 40


@cache
def room_responses(sample_rate_hz: int, *, seed: int = 0, rooms: int = ROOMS) -> np.ndarray:
    """Impulse responses, float32 [rooms, samples], zeros after the end of each.

    Each begins with the direct sound and has an energy of 1, so that a word keeps its level. Seed 0
    gives the rooms of the training.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    responses = [_trimmed(_response(rng, sample_rate_hz)) for _ in range(rooms)]
    table = np.zeros((rooms, max(map(len, responses))), np.float32)
    for row, response in zip(table, responses, strict=True):
        row[: len(response)] = response
    return table


def _response(rng: np.random.Generator, sample_rate_hz: int) -> np.ndarray:
    import pyroomacoustics

    size = rng.uniform(_SMALLEST_M, _LARGEST_M)
    absorbed, images = pyroomacoustics.inverse_sabine(rng.uniform(*_DECAY_S), size)
    room = pyroomacoustics.ShoeBox(
        size,
        fs=sample_rate_hz,
        materials=pyroomacoustics.Material(absorbed),
        max_order=min(images, _MOST_IMAGES),
    )
    room.add_source(rng.uniform(_WALL_M, size - _WALL_M))
    room.add_microphone(rng.uniform(_WALL_M, size - _WALL_M))
    room.compute_rir()
    (of_microphone,) = room.rir or [[]]
    return np.asarray(of_microphone[0], np.float64)


def _trimmed(response: np.ndarray) -> np.ndarray:
    """From the direct sound to where `_KEPT` of the energy has passed; energy 1."""
    response = response[np.argmax(np.abs(response)) :]
    energy = np.cumsum(np.square(response))
    last = int(np.searchsorted(energy, _KEPT * energy[-1]))
    return (response[: last + 1] / np.sqrt(energy[last])).astype(np.float32)
