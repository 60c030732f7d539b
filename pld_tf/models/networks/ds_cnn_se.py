"""DS-CNN whose blocks weigh their channels by squeeze and excitation (arXiv:1709.01507)."""

import tensorflow as tf

from pld_tf.models.layers.blocks import separable_bn_relu, squeeze_excite
from pld_tf.models.networks import ds_cnn


def build(inputs: tf.Tensor, *, size: str, width: float, dropout: float, classes: int) -> tf.Tensor:
    """Give the logits; sizes are those of `ds_cnn`."""
    return ds_cnn.network(inputs, _block, size=size, width=width, dropout=dropout, classes=classes)


def _block(
    x: tf.Tensor, channels: int, kernel: tuple[int, int], *, strides: tuple[int, int] = (1, 1)
) -> tf.Tensor:
    return squeeze_excite(separable_bn_relu(x, channels, kernel, strides=strides), channels)
