"""Rooms: what walls add to a recording, as impulse responses.

Rooms are boxes of many sizes whose echoes die away within 0.15 to 0.7 s, computed by the image
source method (Allen & Berkley 1979) of pyroomacoustics.
"""

# TensorFlow's type stubs lack transforms of given lengths.
# pyright: reportArgumentType=false, reportMissingTypeStubs=false

from functools import cache

import numpy as np
import tensorflow as tf

ROOMS = 64
_SMALLEST_M, _LARGEST_M = (2.5, 2.5, 2.2), (8.0, 6.0, 3.5)
_DECAY_S = (0.15, 0.7)  # time in which an echo falls by 60 dB
_WALL_M = 0.4  # least distance of talker and microphone from a wall
_KEPT = 0.999  # share of the energy that is kept; the rest is far below the words
_MOST_IMAGES = 40


@cache
def room_responses(sample_rate_hz: int) -> np.ndarray:
    """Impulse responses, float32 [ROOMS, samples], zeros after the end of each.

    Each begins with the direct sound and has an energy of 1, so that a word keeps its level.
    """
    rng = np.random.Generator(np.random.PCG64(0))
    responses = [_trimmed(_response(rng, sample_rate_hz)) for _ in range(ROOMS)]
    table = np.zeros((ROOMS, max(map(len, responses))), np.float32)
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


def in_room(audio: tf.Tensor, response: tf.Tensor) -> tf.Tensor:
    """Audio as it sounds in a room: float32 [clips, samples], as long as it was.

    Args:
      audio: [clips, samples], any type.
      response: float32 [taps].
    """
    samples = int(audio.shape[1])
    length = _quick_length(samples + int(response.shape[0]) - 1)
    spectrum = tf.signal.rfft(tf.cast(audio, tf.float32), [length])
    spectrum *= tf.signal.rfft(response, [length])
    return tf.signal.irfft(spectrum, [length])[:, :samples]


def _quick_length(least: int) -> int:
    """The least length of at least `least` that is 1, 3 or 5 times a power of 2.

    >>> [_quick_length(least) for least in (1000, 1200, 1500, 30000)]
    [1024, 1280, 1536, 32768]
    """
    sizes = (factor << power for factor in (1, 3, 5) for power in range(24))
    return min(size for size in sizes if size >= least)
