"""Inputs whose sums of products lie next to the edges where a layer's output goes up by one step.

There even the last bits of a multiplier decide, so a wrong one shows. Drawn inputs hardly ever lie
there: a multiplier of 24 bits in place of 31 changes one output of a dense layer in 100,000.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from export.c_code.model.requantize import Multiplier

_STEPS = 600  # of the search for one input; most need fewer than 100
_MOST_VALUES = 2**23  # in all inputs of one layer, so that the search takes little memory
_LEAST, _MOST = -128, 127
Integers = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Sums:
    """The sums of products of one output pixel, one sum a channel.

    Args:
      weights: [channels, taps].
      places: where each tap lies in the layer's input, [channels, taps] or [1, taps]; -1 in the
        padding.
      biases: of the channels; the input's zero point is folded in.
      multipliers: of the channels.
      input_zero, output_zero: zero points.
    """

    weights: NDArray[np.int8]
    places: NDArray[np.int64]
    biases: Sequence[int]
    multipliers: Sequence[Multiplier]
    input_zero: int
    output_zero: int


def edge_inputs(sums: Sums, elements: int, count: int, generator: Any) -> NDArray[np.int8]:
    """At most `count` inputs of a layer, int8 [inputs, elements], each for one edge of one channel.

    The nearest edges of every channel come first. `generator` is one of NumPy's.
    """
    room = _MOST_VALUES // max(1, sums.weights.shape[1], elements)
    channels, totals = nearest_edges(sums, min(count, room))
    inputs = generator.integers(_LEAST, _MOST + 1, (len(totals), elements))
    places = np.broadcast_to(sums.places, sums.weights.shape)[channels]
    weights = np.where(places < 0, 0, sums.weights[channels].astype(np.int64))
    padded = np.where(places < 0, sums.weights[channels].astype(np.int64), 0).sum(axis=1)
    rows = np.arange(len(totals))[:, None]
    values, reached = _reach(
        np.where(places < 0, 0, inputs[rows, places]),
        weights,
        totals - padded * sums.input_zero,
        generator,
    )
    row, tap = np.nonzero(places >= 0)
    inputs[row, places[row, tap]] = values[row, tap]
    return inputs[reached].astype(np.int8)


def nearest_edges(sums: Sums, count: int) -> tuple[Integers, Integers]:
    """Channels, and sums of products (without bias) that lie next to an edge of their outputs.

    The sum after the first rounding is `high`. Its output is at least r from
    high = r * 2^s - 2^(s-1) on, or one more where r is not positive: halves go away from zero.
    """
    outputs = np.arange(_LEAST + 1, _MOST + 1) - sums.output_zero
    found: list[tuple[int, float, int, int]] = []
    for channel, multiplier in enumerate(sums.multipliers):
        shift = -multiplier.shift
        if shift < 1 or multiplier.value == 0:
            continue  # each sum has an output of its own, or all have the same
        half = np.where(outputs > 0, -0.5, 0.5)
        high = outputs * 2.0**shift - 2.0 ** (shift - 1) + half
        edges = high * (2.0**31 / multiplier.value)
        totals = np.rint(edges).astype(np.int64)
        apart = np.abs(totals - edges) / np.maximum(1, np.abs(edges))
        totals -= sums.biases[channel]
        possible = np.flatnonzero(_possible(sums, channel, totals))
        nearest = possible[np.argsort(apart[possible])]
        found += [
            (rank, float(apart[at]), channel, int(totals[at]))
            for rank, at in enumerate(nearest.tolist())
        ]
    chosen = sorted(found)[:count]
    return (
        np.array([channel for _, _, channel, _ in chosen], np.int64),
        np.array([total for _, _, _, total in chosen], np.int64),
    )


def _possible(sums: Sums, channel: int, totals: Integers) -> NDArray[np.bool_]:
    """Which sums the channel can have at all."""
    places = sums.places[channel % len(sums.places)]
    weights = sums.weights[channel].astype(np.int64)
    padded = int(weights[places < 0].sum()) * sums.input_zero
    ends = np.stack([weights[places >= 0] * end for end in (_LEAST, _MOST)])
    low, high = ends.min(axis=0).sum() + padded, ends.max(axis=0).sum() + padded
    return (low <= totals) & (totals <= high)


def _reach(
    values: Integers, weights: Integers, totals: Integers, generator: Any
) -> tuple[Integers, NDArray[np.bool_]]:
    """Change values, a tap at a time, until each row's sum of products is its total.

    Returns:
      The values, and which rows came there.
    """
    values = _toward(values, weights, totals)
    rows = np.arange(len(totals))
    missing = totals - (values * weights).sum(axis=1)
    for _ in range(_STEPS if weights.size else 0):
        tap = generator.integers(weights.shape[1], size=len(rows))
        weight, value = weights[rows, tap], values[rows, tap]
        step = np.where(weight == 0, 0, np.rint(missing / np.where(weight == 0, 1, weight)))
        # Where no step helps, a random one leads to another remainder.
        step = np.where(step == 0, generator.integers(-1, 2, len(rows)), step).astype(np.int64)
        moved = np.clip(value + step, _LEAST, _MOST)
        moved = np.where(missing == 0, value, moved)
        values[rows, tap] = moved
        missing -= (moved - value) * weight
        if not missing.any():
            break
    return values, missing == 0


def _toward(values: Integers, weights: Integers, totals: Integers) -> Integers:
    """Drawn values mixed with those of the least or greatest sum, about as much as is needed."""
    now = (values * weights).sum(axis=1)
    far = np.where((weights > 0) == (totals > now)[:, None], _MOST, _LEAST)
    most = (far * weights).sum(axis=1)
    share = (totals - now) / np.where(most == now, 1, most - now)
    mixed = values + np.clip(share, 0, 1)[:, None] * (far - values)
    return np.clip(np.rint(mixed), _LEAST, _MOST).astype(np.int64)
