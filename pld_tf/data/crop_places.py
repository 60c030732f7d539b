"""Where the crops of a protocol begin, and how a crop is padded."""

from typing import Any

import numpy as np
import tensorflow as tf

from pld_tf.features.spec import CLIP_MS

SLIDING_STEP_MS = 60  # from one crop of the sliding protocol to the next


def fixed_starts_ms(
    protocol: str, *, length_ms: int, loudest_ms: np.ndarray, seed: int = 0, crops: int = 5
) -> np.ndarray:
    """Starts of the crops that a protocol cuts from each clip.

    Args:
      protocol: centre, random, loudest or sliding.
      length_ms: length of a crop.
      loudest_ms: int32 [clips], start of the loudest part.
      seed: of the random protocol.
      crops: crops per clip of the random protocol.

    Returns:
      int32 [clips, crops per clip], in ms.
    """
    room = CLIP_MS - length_ms
    clips = len(loudest_ms)
    if protocol == "loudest":
        return loudest_ms[:, None]
    if protocol == "random":
        rng = np.random.Generator(np.random.PCG64(seed))
        return rng.integers(0, room + 1, (clips, crops), dtype=np.int32)
    if protocol == "sliding":
        return np.tile(np.arange(0, room + 1, SLIDING_STEP_MS, dtype=np.int32), (clips, 1))
    return np.full((clips, 1), room // 2, np.int32)


def pad_crops(crop: tf.Tensor, length: Any) -> tf.Tensor:
    """Crops [batch, samples], each centred between zeros in `length` samples."""
    missing = length - tf.shape(crop)[1]
    return tf.pad(crop, [[0, 0], [missing // 2, missing - missing // 2]])
