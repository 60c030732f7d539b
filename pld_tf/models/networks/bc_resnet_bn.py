"""BC-ResNet with plain batch normalization, for small devices.

A sub-spectral normalization has a scale and an offset for each bin and channel, about 29 bytes
each. They make up half of an int8 `.tflite`. A batch normalization is folded into the convolution.
"""

import tensorflow as tf

from pld_tf.models.layers.blocks import batch_norm
from pld_tf.models.networks import bc_resnet


def build(inputs: tf.Tensor, *, size: str, width: float, dropout: float, classes: int) -> tf.Tensor:
    """Give the logits; sizes are those of `bc_resnet`."""
    return bc_resnet.network(
        inputs, _over_bins, size=size, width=width, dropout=dropout, classes=classes
    )


def _over_bins(x: tf.Tensor, stride: int) -> tf.Tensor:
    # Normalized before bins are dropped: it can be folded only next to the convolution.
    return bc_resnet.every_bin(batch_norm(bc_resnet.conv_over_bins(x)), stride)
