"""What a decision would miss and report wrongly with other thresholds. NumPy only."""

from dataclasses import dataclass

import numpy as np

from pld_tf.streams.decision import NEVER, SCORE_ONE
from pld_tf.streams.scored import ScoredStream
from pld_tf.streams.tune import count

# In logits: a threshold of 0.5 goes down to 0.05 and up to 0.95.
SHIFTS = tuple(step / 8 for step in range(-24, 25))


@dataclass(frozen=True, kw_only=True)
class TradeOff:
    """Counts of a stream with all thresholds moved by `shift`, in logits."""

    shift: float
    false_accepts: int
    misses: int


def trade_off(
    stream: ScoredStream, thresholds: np.ndarray, *, smoothing: int, refractory: int
) -> tuple[TradeOff, ...]:
    """Misses and false accepts for thresholds around those of a decision.

    A shift of 0 is the decision itself. A keyword that never fires still never does.

    Args:
      stream: scores of a bundle's C.
      thresholds: int [keywords], in 1/32768.
      smoothing: inferences averaged.
      refractory: inferences kept silent after a detection.
    """
    points = []
    for shift in SHIFTS:
        moved = shifted(thresholds, shift)
        tally = count(stream, moved, smoothing=smoothing, refractory=refractory)
        points.append(
            TradeOff(shift=shift, false_accepts=len(tally.false_accepts), misses=len(tally.misses))
        )
    return tuple(points)


def shifted(thresholds: np.ndarray, shift: float) -> np.ndarray:
    """Thresholds moved by `shift` logits, int64 [keywords]; 0 changes none.

    >>> shifted(np.array([16384, 32769]), 1.0).tolist()
    [23955, 32769]
    """
    if not shift:
        return thresholds.astype(np.int64)
    share = np.clip(thresholds, 1, SCORE_ONE - 1) / SCORE_ONE
    moved = 1 / (1 + np.exp(-(np.log(share / (1 - share)) + shift)))
    rounded = np.clip(np.rint(moved * SCORE_ONE), 1, SCORE_ONE).astype(np.int64)
    return np.where(thresholds >= NEVER, NEVER, rounded)
