"""EdgeSpeechNet A to D: residual blocks that narrow and widen (arXiv:1810.08559).

The paper normalizes after the ReLU; here each convolution is conv-BN-ReLU, for int8.
"""

from dataclasses import dataclass

import tensorflow as tf

from pld_tf.models.layers.blocks import classifier, conv_bn_relu, layers, scaled


@dataclass(frozen=True, kw_only=True)
class EdgeSpeechNetPlan:
    """Channels of the stem (and of every block's end), of each block's middle, of the head.

    A head of 0 means none. `pool` halves the map in both directions after the stem. The paper
    states that size D pools, but not by how much; public code uses 2x2.
    """

    stem: int
    middles: tuple[int, ...]
    head: int
    pool: bool = False


PLANS = {
    "A": EdgeSpeechNetPlan(stem=39, middles=(20, 15, 25, 22, 22, 25), head=45),
    "B": EdgeSpeechNetPlan(stem=30, middles=(8, 9, 11, 10, 8, 11), head=45),
    "C": EdgeSpeechNetPlan(stem=24, middles=(6, 9, 12, 6, 5, 6, 2), head=45),
    "D": EdgeSpeechNetPlan(stem=45, middles=(30, 33, 35), head=0, pool=True),
}


def build(inputs: tf.Tensor, *, size: str, width: float, dropout: float, classes: int) -> tf.Tensor:
    """Give the logits."""
    plan = PLANS[size]
    stem = scaled(plan.stem, width)
    x = conv_bn_relu(inputs, stem, (3, 3))
    if plan.pool:
        x = layers.AveragePooling2D((2, 2))(x)
    for middle in plan.middles:
        inside = conv_bn_relu(x, scaled(middle, width), (3, 3))
        x = layers.Add()([conv_bn_relu(inside, stem, (3, 3)), x])
    if plan.head:
        x = conv_bn_relu(x, scaled(plan.head, width), (3, 3))
    return classifier(x, dropout=dropout, classes=classes)
