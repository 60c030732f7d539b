"""Crops in rooms, in the graph of the batches."""

# TensorFlow's type stubs lack transforms of given lengths.
# pyright: reportArgumentType=false

import tensorflow as tf


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
