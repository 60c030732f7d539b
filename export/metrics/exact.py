"""Exact 95 % intervals: of a counted share, and of the difference of two paired shares.

Exact, because the gate judges few events. Wilson's interval would refuse one crop of 30 at a limit
of 0.5 %, which chance alone gives in one of seven exports.
"""

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

_TAIL = 0.025  # on each side


def exact_interval(count: int, total: int) -> tuple[float, float]:
    """Interval of the share `count` / `total`; 0 to 1 if `total` is 0.

    Source: Clopper and Pearson 1934; worked examples in Newcombe 1998, method 5.

    >>> [round(end, 4) for end in exact_interval(81, 263)]
    [0.2527, 0.3676]
    """
    if not 0 <= count <= total:
        raise ValueError(f"count must be 0 to total, got {count} of {total}.")
    ways = _log_ways(count, total)
    low, high = 0.0, 1.0
    if count > 0:
        low = _falls_to(lambda share: _at_most(ways[:-1], total, share), 1 - _TAIL)
    if count < total:
        high = _falls_to(lambda share: _at_most(ways, total, share), _TAIL)
    return low, high


def paired_loss(*, lost: int, gained: int, crops: int) -> tuple[float, float]:
    """Interval of the share that a second model loses against a first one, on the same crops.

    It is conditional on how many crops only one of the two gets right: those are split by chance if
    nothing is lost. So it lies above 0 where the exact test of McNemar finds a loss, and is 0 to 0
    where no crop changes sides.

    Args:
      lost: crops that only the first model gets right.
      gained: crops that only the second one gets right.
      crops: all of them, at least 1.

    Source: McNemar 1947; Liddell 1983.

    >>> [round(end, 4) for end in paired_loss(lost=9, gained=1, crops=100)]
    [0.011, 0.0995]
    """
    changed = lost + gained
    if changed == 0:
        return 0.0, 0.0
    low, high = (changed * (2 * end - 1) / crops for end in exact_interval(lost, changed))
    return low, high


def _log_ways(count: int, total: int) -> NDArray[np.float64]:
    """Logarithms of how many ways there are to have 0 to `count` successes in `total` trials."""
    below = np.arange(count)
    steps = np.log(total - below) - np.log(below + 1)
    return np.concatenate([[0.0], np.cumsum(steps)])


def _at_most(log_ways: NDArray[np.float64], total: int, share: float) -> float:
    """Probability of fewer successes than there are `log_ways`."""
    successes = np.arange(len(log_ways))
    logs = log_ways + successes * math.log(share) + (total - successes) * math.log1p(-share)
    return float(np.exp(logs).sum())


def _falls_to(falling: Callable[[float], float], value: float) -> float:
    """The share at which a function falling from 1 to 0 reaches `value`, by bisection."""
    low, high = 0.0, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if falling(middle) > value else (low, middle)
    return (low + high) / 2
