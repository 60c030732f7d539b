"""Packed negatives as whole recordings again, for streams. No TensorFlow."""

from collections.abc import Iterator
from itertools import groupby

import numpy as np

from pld_tf.data.negatives.pieces import PIECE_HOP_MS, joined, recording_of
from pld_tf.data.store.clip import read_clip
from pld_tf.data.store.packed import Store


def recordings(store: Store, split: str) -> Iterator[tuple[str, np.ndarray]]:
    """Folder and samples, int16, of each recording of a split, folder by folder."""
    index, rate = store.splits[split], store.sample_rate_hz
    folders = [name.rpartition("/")[0] for name in store.words]
    pieces = sorted(range(len(index)), key=lambda piece: (folders[index.words[piece]], piece))
    by_recording = groupby(
        pieces, key=lambda piece: (folders[index.words[piece]], recording_of(index.paths[piece]))
    )
    for (folder, _), members in by_recording:
        cut = [read_clip(index, piece, rate) for piece in members]
        yield folder, joined(np.stack(cut))


def total_seconds(store: Store, split: str) -> float:
    """Length of all recordings of a split together, a little less than it is."""
    return len(store.splits[split]) * PIECE_HOP_MS / 1000
