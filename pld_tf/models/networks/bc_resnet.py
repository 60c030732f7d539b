"""BC-ResNet: convolve over bins in 2-D, over time in 1-D, broadcast the sum (arXiv:2106.04140).

Axes are (frames, bins). The number of sub-bands depends on the bins left at each depth
(`sub_spectral_norm.sub_bands`): always 5 with 40 or 80 bins, fewer with other numbers.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

import tensorflow as tf

from pld_tf.models.layers.blocks import batch_norm, classifier, conv_bn_relu, layers, scaled
from pld_tf.models.layers.mean_over_bins import MeanOverBins
from pld_tf.models.layers.seeded_dropout import SeededDropout
from pld_tf.models.layers.sub_spectral_norm import SubSpectralNorm

BASE = 8  # channels at size 1
STEM = 2.0  # here and below, channels are multiples of the size's base
HEAD = 4.0
HEAD_KERNEL = 5


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Channels as a multiple of the base, blocks, time dilation, stride over bins."""

    channels: float
    blocks: int
    dilation: int
    stride: int


STAGES = (
    Stage(channels=1.0, blocks=2, dilation=1, stride=1),
    Stage(channels=1.5, blocks=2, dilation=2, stride=2),
    Stage(channels=2.0, blocks=4, dilation=4, stride=2),
    Stage(channels=2.5, blocks=4, dilation=8, stride=1),
)


# A block's normalized convolution over bins, for every stride-th bin: (x, stride).
OverBins = Callable[[tf.Tensor, int], tf.Tensor]


def build(inputs: tf.Tensor, *, size: str, width: float, dropout: float, classes: int) -> tf.Tensor:
    """Give the logits. `dropout` acts where the paper has 0.1: in every block, by channel."""
    return network(inputs, _over_bins, size=size, width=width, dropout=dropout, classes=classes)


def network(
    inputs: tf.Tensor,
    over_bins: OverBins,
    *,
    size: str,
    width: float,
    dropout: float,
    classes: int,
) -> tf.Tensor:
    """As `build`, with a given convolution over bins in each block."""
    base = BASE * float(size) * width
    x = conv_bn_relu(inputs, scaled(STEM, base), (5, 5), strides=(1, 2))
    for stage in STAGES:
        # No identity shortcut: channels and bins change, so the shapes differ.
        x = over_bins(conv_bn_relu(x, scaled(stage.channels, base), (1, 1)), stage.stride)
        x = layers.ReLU()(layers.Add()([x, _over_time(x, stage.dilation, dropout)]))
        for _ in range(stage.blocks - 1):
            x = _block(x, over_bins(x, 1), stage.dilation, dropout)
    x = _collapse_bins(x)
    x = conv_bn_relu(x, scaled(HEAD, base), (1, 1))
    return classifier(x, dropout=0.0, classes=classes)


def _block(x: tf.Tensor, over_bins: tf.Tensor, dilation: int, dropout: float) -> tf.Tensor:
    over_time = _over_time(over_bins, dilation, dropout)
    # Two sums of two terms: in quantization-aware training each has its own range.
    return layers.ReLU()(layers.Add()([layers.Add()([over_bins, over_time]), x]))


def _over_bins(x: tf.Tensor, stride: int) -> tf.Tensor:
    return SubSpectralNorm()(every_bin(conv_over_bins(x), stride))


def conv_over_bins(x: tf.Tensor) -> tf.Tensor:
    return layers.DepthwiseConv2D((1, 3), padding="same", use_bias=False)(x)


def every_bin(x: tf.Tensor, stride: int) -> tf.Tensor:
    """Every stride-th bin.

    TensorFlow's depthwise convolution supports unequal strides on some processors only. So bins are
    dropped after it. This gives a stride's values for about 2 % more multiplications.
    """
    if stride == 1:
        return x
    return layers.MaxPooling2D((1, 1), strides=(1, stride), padding="same")(x)


def _over_time(x: tf.Tensor, dilation: int, dropout: float) -> tf.Tensor:
    """Give [batch, frames, 1, channels], which the sum broadcasts over the bins."""
    x = MeanOverBins()(x)
    depthwise = layers.DepthwiseConv2D(
        (3, 1), dilation_rate=(dilation, 1), padding="same", use_bias=False
    )
    x = layers.Activation("swish")(batch_norm(depthwise(x)))
    x = layers.Conv2D(x.shape[3], (1, 1), use_bias=False)(x)
    return SeededDropout(dropout, whole_channels=True)(x) if dropout else x


def _collapse_bins(x: tf.Tensor) -> tf.Tensor:
    """Depthwise 5x5 that keeps the frames and leaves one bin of five."""
    bins = min(HEAD_KERNEL, cast(int, x.shape[2]))  # the input fixes the number of bins
    x = layers.ZeroPadding2D(((HEAD_KERNEL // 2, HEAD_KERNEL // 2), (0, 0)))(x)
    return layers.DepthwiseConv2D((HEAD_KERNEL, bins), use_bias=False)(x)
