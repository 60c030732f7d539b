"""Training batches of the tiny corpus as arrays."""

import numpy as np
from tiny_corpus import COUNTS

from pld_tf.data.batches.pipeline import training_batches
from pld_tf.data.batches.training_data import TrainingData

CLIPS = sum(COUNTS["train"].values())
SILENCE, BATCH, STEPS = 16, 16, 4


def batches(data: TrainingData, first_epoch: int = 0, epochs: int = 1) -> list[dict]:
    dataset = training_batches(data, first_epoch=first_epoch, epochs=epochs)
    return [{name: value.numpy() for name, value in batch.items()} for batch in dataset]


def joined(data: TrainingData, first_epoch: int = 0, epochs: int = 1) -> dict[str, np.ndarray]:
    """Batches of one length end to end, crops as [crops, samples]."""
    found = batches(data, first_epoch, epochs)
    columns = {name: np.concatenate([batch[name] for batch in found]) for name in found[0]}
    return {name: np.squeeze(column) for name, column in columns.items()}


def by_epoch(data: TrainingData, epochs: int) -> list[dict[str, np.ndarray]]:
    """`joined` of each epoch from the first on; all at once, which costs hardly more than one."""
    found = joined(data, epochs=epochs)
    parts = {name: np.array_split(column, epochs) for name, column in found.items()}
    return [{name: parts[name][epoch] for name in parts} for epoch in range(epochs)]


def by_clip(found: dict[str, np.ndarray]) -> dict[int, np.ndarray]:
    return dict(zip(found["clip"].tolist(), found["features"], strict=True))


def position(clip: np.ndarray, crop: np.ndarray) -> int:
    """Where `crop` lies in `clip`, to the sample; fails where it does not."""
    windows = np.lib.stride_tricks.sliding_window_view(clip, len(crop))
    (starts,) = np.nonzero((windows[:, :64] == crop[:64]).all(axis=1))
    starts = [start for start in starts if np.array_equal(windows[start], crop)]
    assert len(starts) == 1
    return int(starts[0])
