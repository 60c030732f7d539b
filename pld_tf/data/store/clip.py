"""Read one packed clip, without TensorFlow."""

import numpy as np

from pld_tf.data.store.packed import SplitIndex, clip_samples
from pld_tf.data.store.tfrecord import read_record
from pld_tf.errors import PldError


def read_clip(index: SplitIndex, clip: int, rate: int) -> np.ndarray:
    """The int16 samples of one record."""
    ends = np.cumsum(index.shard_clips)
    number = int(np.searchsorted(ends, clip, side="right"))
    first = int(ends[number] - index.shard_clips[number])
    shard = index.shards[number]
    try:
        record = read_record(shard, clip - first, content_bytes=2 * clip_samples(rate))
    except PermissionError:
        raise  # nothing is damaged
    except (OSError, ValueError) as error:
        raise PldError(
            f"the packed corpus {shard.parent} is damaged: {shard.name}. Remove that folder, and "
            "the corpus is packed anew."
        ) from error
    return np.frombuffer(record, "<i2")
