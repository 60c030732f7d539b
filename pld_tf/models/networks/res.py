"""res8, res15, res26 and their narrow forms (Tang & Lin, arXiv:1710.10361).

The paper's order is conv, ReLU, sum, BN without trained scale, and no BN after the first
convolution. Here each convolution is conv-BN-ReLU, then comes the sum. A BN after a ReLU can't be
folded into a convolution and stays a float operator in int8 conversion.
"""

from dataclasses import dataclass

import tensorflow as tf

from pld_tf.models.layers.blocks import classifier, conv_bn_relu, layers, scaled

MAPS = 45
NARROW_MAPS = 19


@dataclass(frozen=True, kw_only=True)
class ResPlan:
    """Args: convolutions after the first; average pool after the first (frames, bins); dilate."""

    convolutions: int
    pool: tuple[int, int]
    dilate: bool


PLANS = {
    "8": ResPlan(convolutions=6, pool=(4, 3), dilate=False),
    "15": ResPlan(convolutions=13, pool=(1, 1), dilate=True),
    "26": ResPlan(convolutions=24, pool=(2, 2), dilate=False),
}


def build(inputs: tf.Tensor, *, size: str, width: float, dropout: float, classes: int) -> tf.Tensor:
    """Give the logits. The paper's input is about 100 frames of 40 MFCC (10 ms hop)."""
    depth, _, narrow = size.partition("-")
    plan = PLANS[depth]
    maps = scaled(NARROW_MAPS if narrow else MAPS, width)
    x = conv_bn_relu(inputs, maps, (3, 3))
    if plan.pool != (1, 1):
        x = layers.AveragePooling2D(plan.pool)(x)
    shortcut = x
    for i in range(plan.convolutions):
        x = conv_bn_relu(x, maps, (3, 3), dilation=2 ** (i // 3) if plan.dilate else 1)
        if i % 2 == 1:
            shortcut = x = layers.Add()([x, shortcut])
    return classifier(x, dropout=dropout, classes=classes)
