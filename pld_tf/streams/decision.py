"""Turn scores into words in NumPy, bit for bit as kws_decision.c does.

May not import TensorFlow or other packages of this project.
"""

from dataclasses import dataclass

import numpy as np

SCORE_ONE = 32768
NEVER = SCORE_ONE + 1


@dataclass(frozen=True, kw_only=True)
class Fired:
    """One detection: its inference, its keyword, and its mean score in 1/32768."""

    inference: int
    keyword: int
    mean: int


def scores_of(logits: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Scores of int8 logits, int64 [inferences, classes], in 1/32768.

    Args:
      logits: int8 [inferences, classes].
      table: int [256], 65535 * exp(-n output steps) at index n.
    """
    terms = table.astype(np.int64)[logits.max(axis=1, keepdims=True).astype(int) - logits]
    sums = terms.sum(axis=1, keepdims=True)
    return (terms * SCORE_ONE + sums // 2) // sums


def smoothed(scores: np.ndarray, smoothing: int) -> np.ndarray:
    """Sums over the last `smoothing` inferences, int64; scores before the first count as 0.

    >>> smoothed(np.array([[1], [2], [4]]), 2).tolist()
    [[1], [3], [6]]
    """
    total = np.cumsum(scores.astype(np.int64), axis=0)
    total[smoothing:] = total[smoothing:] - total[:-smoothing]
    return total


def decide(
    scores: np.ndarray, *, thresholds: np.ndarray, smoothing: int, refractory: int
) -> list[Fired]:
    """Detections in a stream of scores, in order.

    Args:
      scores: int [inferences, keywords], in 1/32768.
      thresholds: int [keywords].
      smoothing: inferences averaged.
      refractory: inferences kept silent after a detection.
    """
    sums = smoothed(scores, smoothing)
    enough = sums >= np.asarray(thresholds, np.int64) * smoothing
    fired: list[Fired] = []
    silent_until = 0
    for inference in np.flatnonzero(enough.any(axis=1)).tolist():
        if inference < silent_until:
            continue
        keyword = int(np.where(enough[inference], sums[inference], -1).argmax())
        mean = int(sums[inference, keyword]) // smoothing
        fired.append(Fired(inference=inference, keyword=keyword, mean=mean))
        silent_until = inference + refractory + 1
    return fired
