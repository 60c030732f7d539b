"""Means over seeds and clips, with bootstrap intervals. Pure; imports NumPy only."""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

REPLICATES = 2000
METHOD = (
    f"95 % percentile interval of {REPLICATES} bootstrap replicates with a fixed seed. Each draws "
    "clips and, independently, seeds, both with replacement; all crops of a clip are drawn "
    "together. With one seed it draws clips alone and says nothing about other seeds. Gains are "
    "taken clip by clip and seed by seed before they are drawn."
)
_SEED = 0


@dataclass(frozen=True, kw_only=True)
class Interval:
    """A mean and the ends of its 95 % interval."""

    mean: float
    low: float
    high: float

    def to_dict(self) -> dict[str, float]:
        return asdict(self)


def clip_weights(clips: int) -> NDArray[np.float32]:
    """Weight of each clip in each replicate, [REPLICATES, clips]; rows sum to 1.

    Every network gets the same draws, so differences between networks are paired.
    """
    rng = np.random.Generator(np.random.PCG64(_SEED))
    drawn = rng.multinomial(clips, np.full(clips, 1 / clips), size=REPLICATES)
    return (drawn / clips).astype(np.float32)


def replicates(values: NDArray[Any], weights: NDArray[Any]) -> NDArray[np.float64]:
    """Bootstrap means of `values`, float64 [REPLICATES].

    Args:
      values: one number for each seed and clip, shape [seeds, clips].
      weights: as `clip_weights` gives them.

    Source: Owen 2007, "The pigeonhole bootstrap", arXiv:0712.1111.
    """
    seeds = len(values)
    means = (weights @ values.T.astype(weights.dtype)).astype(np.float64)
    if seeds > 1:
        # With few seeds the bootstrap variance is too small by (seeds - 1) / seeds; correct it.
        of_seed = values.mean(axis=1)
        means += (of_seed - of_seed.mean()) * (np.sqrt(seeds / (seeds - 1)) - 1)
    rng = np.random.Generator(np.random.PCG64(_SEED + 1))
    seed_weights = rng.multinomial(seeds, np.full(seeds, 1 / seeds), size=len(weights)) / seeds
    return (means * seed_weights).sum(axis=1)


def interval(values: NDArray[Any], weights: NDArray[Any], *, lowest: float) -> Interval:
    """Mean of `values` with its 95 % interval.

    Args:
      values: accuracies or their differences, shape [seeds, clips].
      weights: as `clip_weights` gives them.
      lowest: least possible mean: 0 for accuracies, -1 for differences. The greatest is 1.
    """
    drawn = np.clip(replicates(values, weights), lowest, 1.0)
    low, high = np.percentile(drawn, [2.5, 97.5])
    return Interval(mean=float(values.mean()), low=float(low), high=float(high))
