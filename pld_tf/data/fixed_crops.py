"""Unaugmented crops at given places, for validation and test."""

# TensorFlow's type stubs lack predicates of tuples.
# pyright: reportArgumentType=false

import numpy as np
import tensorflow as tf

from pld_tf.data.store.pack import Store


def fixed_crops(
    store: Store, split: str, *, clips: np.ndarray, starts: np.ndarray, length: int, batch: int = 64
) -> tf.data.Dataset:
    """Unaugmented crops of corpus clips, for validation and test.

    Args:
      store: packed corpus.
      split: which of its splits.
      clips: int [n], ascending positions in the split's index.
      starts: int32 [n, crops], first sample of each crop.
      length: samples in a crop.
      batch: clips per element.

    Returns:
      Dataset of int16 [clips, crops, length], in the order of `clips`.
    """
    wanted = np.zeros(len(store.splits[split]), bool)
    wanted[clips] = True
    records = tf.data.TFRecordDataset([str(path) for path in store.splits[split].shards])
    numbered = tf.data.Dataset.zip((tf.data.Dataset.from_tensor_slices(wanted), records))

    def is_wanted(keep, record):
        return keep

    def cut(numbered_record, start):
        _, record = numbered_record
        audio = tf.io.decode_raw(record, tf.int16)
        return tf.stack(
            [tf.slice(audio, start[i : i + 1], [length]) for i in range(starts.shape[1])]
        )

    paired = tf.data.Dataset.zip(
        (numbered.filter(is_wanted), tf.data.Dataset.from_tensor_slices(starts.astype(np.int32)))
    )
    return paired.map(cut, num_parallel_calls=2, deterministic=True).batch(batch).prefetch(2)
