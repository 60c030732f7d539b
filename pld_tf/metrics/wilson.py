"""The confidence interval of a counted share."""

import math


def wilson_interval(correct: float, total: int, *, z: float = 1.959964) -> tuple[float, float]:
    """Wilson score interval of the share `correct` / `total`.

    Args:
      correct: successes, 0 to `total`; a fraction where several crops of a clip share its vote.
      total: independent trials, at least 1. Several crops of one clip are not independent.
      z: quantile of the normal distribution; 1.959964 gives 95 %.

    Returns:
      Lower and upper end, 0 to 1, around the share.

    Raises:
      ValueError: `correct` is not in 0 to `total`, or `total` or `z` is not positive.

    Source: Wilson 1927; worked examples in Newcombe 1998, method 3.

    >>> [round(end, 4) for end in wilson_interval(81, 263)]
    [0.2553, 0.3662]
    """
    if total < 1 or not 0 <= correct <= total:
        raise ValueError(f"correct must be 0 to total, total at least 1, got {correct} of {total}.")
    if z <= 0:
        raise ValueError(f"z must be positive, got {z}.")
    share = correct / total
    z2 = z * z / total
    middle = share + z2 / 2
    reach = math.sqrt(z2 * (share * (1 - share) + z2 / 4))
    low, high = (middle - reach) / (1 + z2), (middle + reach) / (1 + z2)
    # Rounding can leave a share of 0 or 1 slightly outside its interval.
    return max(0.0, min(low, share)), min(1.0, max(high, share))
