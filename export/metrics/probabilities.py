"""Class probabilities, and the class that several crops decide together."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def softmax(logits: NDArray[Any]) -> NDArray[np.float64]:
    """Probabilities from logits, over the last axis.

    Args:
      logits: finite numbers, shape [..., classes].

    Returns:
      float64, same shape; each row sums to 1.

    >>> softmax(np.array([1000.0, 1000.0])).tolist()
    [0.5, 0.5]
    """
    wide = np.asarray(logits, dtype=np.float64)
    powers = np.exp(wide - wide.max(axis=-1, keepdims=True))  # at most 1, so no overflow
    return powers / powers.sum(axis=-1, keepdims=True)


def decide_together(logits: NDArray[Any]) -> NDArray[np.intp]:
    """Class of each decision: the one with the highest mean probability over its crops.

    Args:
      logits: finite numbers, shape [decisions, crops, classes].

    >>> decide_together(np.array([[[0.0, 9.0], [2.0, 0.0], [3.0, 0.0]]])).tolist()
    [0]
    """
    if logits.shape[1] == 1:
        return logits[:, 0].argmax(axis=-1)
    return softmax(logits).mean(axis=1).argmax(axis=-1)
