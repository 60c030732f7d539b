"""The crops that each protocol cuts from a clip, and how it decides."""

from contextlib import suppress

import numpy as np

from pld_tf.data.held_out import HeldOut
from pld_tf.metrics.probabilities import decide_together
from pld_tf.recipe.tables import Protocol
from pld_tf.system.files import read_npz, told_when_damaged, write_npz

RANDOM_SEED = 0


def protocol_starts(clips: HeldOut, protocol: Protocol, length_ms: int) -> np.ndarray:
    """Starts of a protocol's crops, int32 [clips, crops]; random starts are kept in a file.

    The file lies in the packed corpus, so every run is tested on the same list.
    """
    if protocol != "random":
        return clips.starts_ms(protocol, length_ms)
    name = f"random-crops-{clips.split}-{len(clips)}-{length_ms}ms-seed{RANDOM_SEED}.npz"
    path = clips.store.folder / name
    if path.is_file():
        with told_when_damaged(path):
            return read_npz(path)["starts_ms"]
    starts = clips.starts_ms("random", length_ms, seed=RANDOM_SEED)
    # The list follows from its seed, so a read-only cache does no harm.
    with suppress(OSError):
        write_npz(path, starts_ms=starts)
    return starts


def decide(
    logits: np.ndarray, labels: np.ndarray, protocol: Protocol
) -> tuple[np.ndarray, np.ndarray]:
    """Predicted and right class of each decision.

    Under the sliding protocol a clip is one decision, on the mean of its crops' probabilities.
    Under the other protocols each crop is one decision.

    Args:
      logits: float32 [clips, crops, classes].
      labels: int32 [clips].
      protocol: how the crops were cut.

    Returns:
      Two int arrays [decisions].
    """
    if protocol == "sliding":
        return decide_together(logits), labels
    return logits.argmax(axis=-1).reshape(-1), np.repeat(labels, logits.shape[1])
