"""Read one packed clip, without TensorFlow."""

import numpy as np

from pld_tf.data.store.packed import SplitIndex, record_bytes
from pld_tf.errors import PldError
from pld_tf.features.spec import CLIP_MS

_RECORD_HEAD = 12  # of TFRecord: length and its checksum


def read_clip(index: SplitIndex, clip: int, rate: int) -> np.ndarray:
    """int16 samples of one record; each shard's records have one size."""
    ends = np.cumsum(index.shard_clips)
    shard = int(np.searchsorted(ends, clip, side="right"))
    first = int(ends[shard] - index.shard_clips[shard])
    samples = rate * CLIP_MS // 1000
    place = (clip - first) * record_bytes(rate)
    try:
        length = int(np.fromfile(index.shards[shard], "<u8", 1, offset=place)[0])
        clip_samples = np.fromfile(index.shards[shard], "<i2", samples, offset=place + _RECORD_HEAD)
    except (OSError, IndexError):
        length, clip_samples = -1, np.zeros(0, np.int16)
    if length != 2 * samples or len(clip_samples) != samples:
        raise PldError(
            f"the packed corpus {index.shards[shard].parent} is damaged: "
            f"{index.shards[shard].name}. Remove that folder, and the corpus is packed anew."
        )
    return clip_samples
