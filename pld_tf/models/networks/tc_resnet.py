"""TC-ResNet: convolutions over time only, the bins are channels (arXiv:1904.03814)."""

import tensorflow as tf

from pld_tf.models.layers.blocks import (
    classifier,
    conv_bn,
    conv_bn_relu,
    layers,
    middle_frames,
    scaled,
)

FIRST = 16
KERNEL = 9
# Without padding over time nine frames would be too many: 171 for the smallest network.
VALID_KERNEL = 3
BLOCKS = {"8": (24, 32, 48), "14": (24, 24, 32, 32, 48, 48)}


def build(
    inputs: tf.Tensor,
    *,
    size: str,
    width: float,
    dropout: float,
    classes: int,
    time_padding: str = "same",
) -> tf.Tensor:
    """Give the logits. The paper's TC-ResNet14-1.5 is size "14" with width 1.5.

    With `time_padding` "valid" kernels have 3 frames in place of 9, and no convolution has a
    stride: from the second block on they take every second frame.
    """
    # [frames, bins, 1] and [frames, 1, bins] have the same bytes: no data moves.
    x = layers.Reshape((-1, 1, inputs.shape[2]))(inputs)
    x = conv_bn_relu(x, scaled(FIRST, width), (3, 1), time_padding=time_padding)
    before = FIRST
    for number, channels in enumerate(BLOCKS[size]):
        wider = channels != before
        if time_padding == "same":
            x = _block(x, scaled(channels, width), halve=wider)
        else:
            x = _valid_block(x, scaled(channels, width), wider=wider, apart=min(number + 1, 2))
        before = channels
    return classifier(x, dropout=dropout, classes=classes)


def _block(x: tf.Tensor, channels: int, *, halve: bool) -> tf.Tensor:
    strides = (2, 1) if halve else (1, 1)
    shortcut = conv_bn_relu(x, channels, (1, 1), strides=strides) if halve else x
    x = conv_bn_relu(x, channels, (KERNEL, 1), strides=strides)
    x = conv_bn(x, channels, (KERNEL, 1))
    return layers.ReLU()(layers.Add()([x, shortcut]))


def _valid_block(x: tf.Tensor, channels: int, *, wider: bool, apart: int) -> tf.Tensor:
    """A block without padding; its kernels take frames `apart` from each other.

    The shortcut skips the frames at both ends that the convolutions lose.
    """
    shortcut = middle_frames(x, 2 * (VALID_KERNEL - 1) * apart)
    if wider:
        shortcut = conv_bn_relu(shortcut, channels, (1, 1))
    kernel, dilation = (VALID_KERNEL, 1), (apart, 1)
    x = conv_bn_relu(x, channels, kernel, dilation=dilation, time_padding="valid")
    x = conv_bn(x, channels, kernel, dilation=dilation, time_padding="valid")
    return layers.ReLU()(layers.Add()([x, shortcut]))
