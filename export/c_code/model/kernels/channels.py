"""Output channels of layers with weights: bias, multiplier, and the bounds of their sums."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from export.c_code.model.c_text import braced
from export.c_code.model.ir import Value
from export.c_code.model.kernels.rescale import EXACT_SHIFT, Way
from export.c_code.model.layer import Layer
from export.c_code.model.requantize import Multiplier
from export.c_code.model.sums import Sums

# Beyond these the quick C code would overflow, so the exact code is used.
_MOST_SUM = 2**30
_SHIFTS = range(1, 23)
# Sums of two pixels share a 64-bit register: the lower sum has 23 bits.
_MOST_PAIRED_SUM = 2**22


@dataclass(frozen=True, kw_only=True)
class Channel:
    """How one output channel is rescaled.

    Args:
      bias: added to the channel's sum of products; includes the input's zero point.
      multiplier: from steps of the sum to steps of the output.
      most: bound of the absolute sum of products, without the bias.
    """

    bias: int
    multiplier: Multiplier
    most: int

    @property
    def paired(self) -> bool:
        """True if two sums fit into one register of 64 bits."""
        return self.most < _MOST_PAIRED_SUM

    @property
    def quick(self) -> bool:
        """True if `requantize` cannot overflow."""
        in_range = self.dead or -self.multiplier.shift in _SHIFTS
        return in_range and (self.most if self.dead else self.most_with_bias) < _MOST_SUM

    @property
    def dead(self) -> bool:
        """True if no sum reaches half a step, so that all outputs are the zero point.

        Training leaves such channels. Their shift may be too large for quick code.
        """
        factor = self.multiplier
        most = (self.most_with_bias * factor.value >> 31) + 1
        return factor.value == 0 or (factor.shift < 0 and most < 1 << (-factor.shift - 1))

    @property
    def most_with_bias(self) -> int:
        """Bound of the absolute sum."""
        return self.most + abs(self.bias)

    def text(self, *, exact: bool) -> str:
        """The channel's row of the table: as `requantize_any` reads it if `exact`."""
        if exact:
            numbers = self.bias, self.multiplier.value, -self.multiplier.shift
        elif self.dead:
            numbers = 0, 0, 1
        elif self.quick:
            numbers = 2 * self.bias, self.multiplier.value, -self.multiplier.shift
        else:
            numbers = self.bias, self.multiplier.value, EXACT_SHIFT - self.multiplier.shift
        return f"    {braced(numbers)},\n"


def weight_scales(layer: Layer, weights: Value, *, axis: int) -> tuple[float, ...]:
    """One scale per output channel, for weights that have their channels along `axis`."""
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
    """Channels of weights [channels, taps]. The input's zero point is folded into the bias."""
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
    """The bias of each output channel; zeros if the layer has none."""
    if layer.index(2) < 0:
        return [0] * count
    bias = layer.constant(2, "int32")
    layer.require(bias.elements == count, f"{bias.elements} biases for {count} channels")
    return [int(value) for value in np.asarray(bias.data).ravel()]


def sums_of(
    layer: Layer,
    weights: NDArray[np.int8],
    channels: Sequence[Channel],
    *,
    places: NDArray[np.int64],
) -> Sums:
    """The sums of a layer's channels, for inputs that test its roundings."""
    return Sums(
        weights=weights,
        places=places,
        biases=[channel.bias for channel in channels],
        multipliers=[channel.multiplier for channel in channels],
        input_zero=layer.input().zero_point,
        output_zero=layer.output.zero_point,
    )


def way_of(channels: Sequence[Channel], *, pairs: bool) -> Way:
    """How a layer of these channels is computed; `pairs` if its kernel sums in pairs."""
    if pairs and not all(channel.paired for channel in channels):
        return Way.ANY
    return Way.QUICK if all(channel.quick for channel in channels) else Way.EACH


def channels_text(name: str, channels: Sequence[Channel], way: Way) -> str:
    """The table that the kernels of a way read."""
    rows = "".join(channel.text(exact=way is Way.ANY) for channel in channels)
    return f"static const struct channel {name}[{len(channels)}] = {{\n{rows}}};\n"
