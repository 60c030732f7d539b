"""The exact interval of a Poisson count."""

import math
from collections.abc import Callable


def poisson_interval(events: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """Exact interval of the mean of a Poisson count.

    Source: Garwood 1936.

    >>> [round(edge, 2) for edge in (*poisson_interval(0), *poisson_interval(3))]
    [0.0, 3.69, 0.62, 8.77]
    """
    tail = (1 - confidence) / 2
    low = 0.0 if events == 0 else _falls_to(lambda mean: _at_most(events - 1, mean), 1 - tail)
    return low, _falls_to(lambda mean: _at_most(events, mean), tail)


def _at_most(events: int, mean: float) -> float:
    """Probability of at most `events` events."""
    if mean == 0:
        return 1.0
    logs = (count * math.log(mean) - mean - math.lgamma(count + 1) for count in range(events + 1))
    return math.fsum(math.exp(log) for log in logs)


def _falls_to(falling: Callable[[float], float], value: float) -> float:
    """The mean at which a function falling from 1 to 0 reaches `value`, by bisection."""
    low, high = 0.0, 1.0
    while falling(high) > value:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if falling(middle) > value else (low, middle)
    return high
