"""TC-ResNet: convolutions over time only, the bins are channels (arXiv:1904.03814)."""

import tensorflow as tf

from pld_tf.models.layers.blocks import classifier, conv_bn, conv_bn_relu, layers, scaled

FIRST = 16
BLOCKS = {"8": (24, 32, 48), "14": (24, 24, 32, 32, 48, 48)}


def build(inputs: tf.Tensor, *, size: str, width: float, dropout: float, classes: int) -> tf.Tensor:
    """Give the logits. The paper's TC-ResNet14-1.5 is size "14" with width 1.5."""
    # [frames, bins, 1] and [frames, 1, bins] have the same bytes: no data moves.
    x = layers.Reshape((-1, 1, inputs.shape[2]))(inputs)
    x = conv_bn_relu(x, scaled(FIRST, width), (3, 1))
    before = FIRST
    for channels in BLOCKS[size]:
        x = _block(x, scaled(channels, width), halve=channels != before)
        before = channels
    return classifier(x, dropout=dropout, classes=classes)


def _block(x: tf.Tensor, channels: int, *, halve: bool) -> tf.Tensor:
    strides = (2, 1) if halve else (1, 1)
    shortcut = conv_bn_relu(x, channels, (1, 1), strides=strides) if halve else x
    x = conv_bn_relu(x, channels, (9, 1), strides=strides)
    x = conv_bn(x, channels, (9, 1))
    return layers.ReLU()(layers.Add()([x, shortcut]))
