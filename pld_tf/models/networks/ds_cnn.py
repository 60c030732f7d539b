"""DS-CNN: one wide convolution, then depthwise-separable ones (Hello Edge, arXiv:1711.07128)."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import tensorflow as tf

from pld_tf.models.layers.blocks import classifier, conv_bn_relu, scaled, separable_bn_relu


@dataclass(frozen=True, kw_only=True)
class DsCnnPlan:
    """Strides (frames, bins): `first` of the convolution, `second` of the first separable block."""

    channels: int
    blocks: int
    first: tuple[int, int]
    second: tuple[int, int]


PLANS = {
    "S": DsCnnPlan(channels=64, blocks=4, first=(2, 2), second=(1, 1)),
    "M": DsCnnPlan(channels=172, blocks=4, first=(2, 1), second=(2, 2)),
    # Five blocks: only this gives the paper's 497.6 KB of weights and activations.
    "L": DsCnnPlan(channels=276, blocks=5, first=(2, 1), second=(2, 2)),
}


def build(
    inputs: tf.Tensor,
    *,
    size: str,
    width: float,
    dropout: float,
    classes: int,
    time_padding: str = "same",
) -> tf.Tensor:
    """Give the logits. The paper's input is 49 frames of 10 MFCC (40 ms windows, 20 ms hop)."""
    return network(
        inputs,
        partial(separable_bn_relu, time_padding=time_padding),
        size=size,
        width=width,
        dropout=dropout,
        classes=classes,
        time_padding=time_padding,
    )


def network(
    inputs: tf.Tensor,
    block: Callable[..., tf.Tensor],
    *,
    size: str,
    width: float,
    dropout: float,
    classes: int,
    time_padding: str = "same",
) -> tf.Tensor:
    """Give the logits of a network of these blocks; a block has `separable_bn_relu`'s signature."""
    plan = PLANS[size]
    channels = scaled(plan.channels, width)
    x = conv_bn_relu(inputs, channels, (10, 4), strides=plan.first, time_padding=time_padding)
    x = block(x, channels, (3, 3), strides=plan.second)
    for _ in range(plan.blocks - 1):
        x = block(x, channels, (3, 3))
    return classifier(x, dropout=dropout, classes=classes)
