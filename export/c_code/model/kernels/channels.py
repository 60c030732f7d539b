"""Output channels of layers with weights: bias, multiplier, and how far their sums may go."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from export.c_code.model.ir import Value
from export.c_code.model.layer import Layer
from export.c_code.model.requantize import Multiplier

# Past these the quick C code would overflow; the exact one takes over.
_MOST_SUM = 2**30
_SHIFTS = range(1, 23)
# Sums of two pixels share a register of 64 bits: 23 bits for the lower one.
_MOST_PAIRED_SUM = 2**22


@dataclass(frozen=True, kw_only=True)
class Channel:
    """How one output channel is rescaled.

    Args:
      bias: added to its sum of products; the input's zero point is in it.
      multiplier: from steps of the sum to steps of the output.
      most: bound of the sum of products, either sign, without the bias.
    """

    bias: int
    multiplier: Multiplier
    most: int

    @property
    def quick(self) -> bool:
        """True when `requantize` and sums of pairs hold what it may come to."""
        return (
            self.most + abs(self.bias) < _MOST_SUM
            and self.most < _MOST_PAIRED_SUM
            and -self.multiplier.shift in _SHIFTS
        )


def weight_scales(layer: Layer, weights: Value, *, axis: int) -> tuple[float, ...]:
    """A scale for each output channel of weights that have their channels along `axis`."""
    channels, given = weights.shape[axis], len(weights.scales)
    layer.require(
        given == 1 or (given == channels and weights.axis == axis),
        f"its weights have {given} scales for {channels} channels",
    )
    layer.require(not any(weights.zero_points), "its weights have a zero point")
    return weights.scales if given > 1 else weights.scales * channels


def make_channels(
    layer: Layer, weights: NDArray[np.int8], factors: Sequence[float]
) -> list[Channel]:
    """Channels of weights [channels, taps]; the input's zero point goes into the bias."""
    wide = weights.astype(np.int64)
    sums, most = wide.sum(axis=1), 128 * np.abs(wide).sum(axis=1)
    zero = layer.input().zero_point
    channels = [
        Channel(
            bias=bias - zero * int(sums[index]),
            multiplier=layer.multiplier(factor),
            most=int(most[index]),
        )
        for index, (bias, factor) in enumerate(
            zip(_biases(layer, len(factors)), factors, strict=True)
        )
    ]
    for channel in channels:
        bound = max(1, channel.most + abs(channel.bias)) << max(0, channel.multiplier.shift)
        layer.require(bound < 2**31, f"a sum may reach {bound}, which 32 bits do not hold")
    return channels


def _biases(layer: Layer, count: int) -> list[int]:
    """The bias of each output channel; zeros where it is left out."""
    if layer.index(2) < 0:
        return [0] * count
    bias = layer.constant(2, "int32")
    layer.require(bias.elements == count, f"{bias.elements} biases for {count} channels")
    return [int(value) for value in np.asarray(bias.data).ravel()]


def all_quick(channels: Sequence[Channel]) -> bool:
    return all(channel.quick for channel in channels)


def channels_text(name: str, channels: Sequence[Channel], *, quick: bool) -> str:
    """The table that `requantize` reads when `quick`, else `requantize_any`."""
    rows = (
        f"    {{{2 * channel.bias if quick else channel.bias}, {channel.multiplier.value}, "
        f"{-channel.multiplier.shift}}},\n"
        for channel in channels
    )
    return f"static const struct channel {name}[{len(channels)}] = {{\n{''.join(rows)}}};\n"
