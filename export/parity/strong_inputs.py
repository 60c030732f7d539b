"""int8 inputs on which wrong kernels give other bytes: extremes, steps, spikes, and drawn ones."""

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

_LEAST, _MOST = -128, 127
_VALUES = np.arange(_LEAST, _MOST + 1)


def strong_inputs(shape: Sequence[int], count: int, generator: Any) -> NDArray[np.int8]:
    """int8 [count, *shape without the batch, flat]; the kinds take turns, and all begin early.

    Args:
      shape: of one input, with a batch of 1 in front; channels last.
      count: how many.
      generator: one of NumPy's; decides all that is drawn.
    """
    elements = prod(shape)
    channels = shape[-1] if len(shape) > 1 else elements
    kinds = [
        _constants(elements),
        _channels(elements, channels),
        _alternating(elements, channels),
        _spikes(elements, count, generator),
        _extremes(elements, count, generator),
        _bands(elements, count, generator),
        generator.integers(_LEAST, _MOST + 1, (count, elements)),
    ]
    made = [kind[:count] for kind in kinds]
    rank = np.concatenate([np.arange(len(kind)) for kind in made])
    first = np.argsort(rank, kind="stable")[:count]
    return np.concatenate(made).astype(np.int8)[first]


def _constants(elements: int) -> NDArray[np.int64]:
    """The same value everywhere: each of the 256, the extremes first."""
    order = np.argsort(-np.abs(_VALUES), kind="stable")
    return np.repeat(_VALUES[order][:, None], elements, axis=1)


def _channels(elements: int, channels: int) -> NDArray[np.int64]:
    """One channel at one extreme, the others at the other."""
    own = np.arange(elements) % channels == np.arange(min(channels, 64))[:, None]
    return np.concatenate([np.where(own, _MOST, _LEAST), np.where(own, _LEAST, _MOST)])


def _alternating(elements: int, channels: int) -> NDArray[np.int64]:
    """Extremes by turns: from value to value, and from pixel to pixel; either first."""
    place = np.arange(elements)
    odd = np.stack([place % 2, place // channels % 2]) == 1
    return np.where(np.concatenate([odd, ~odd]), _MOST, _LEAST)


def _spikes(elements: int, count: int, generator: Any) -> NDArray[np.int64]:
    """One value unlike all the others."""
    made = np.repeat(generator.choice([_LEAST, 0, _MOST], (count, 1)), elements, axis=1)
    made[np.arange(count), generator.integers(elements, size=count)] = generator.choice(
        [_LEAST, -1, 1, _MOST], count
    )
    return made


def _extremes(elements: int, count: int, generator: Any) -> NDArray[np.int64]:
    """Only extremes, in an order that is drawn."""
    return generator.choice([_LEAST, _MOST], (count, elements))


def _bands(elements: int, count: int, generator: Any) -> NDArray[np.int64]:
    """Values from a band of their own, so that sums are unlike from input to input."""
    ends = np.sort(generator.integers(_LEAST, _MOST + 1, (2, count, 1)), axis=0)
    return generator.integers(ends[0], ends[1] + 1, (count, elements))
