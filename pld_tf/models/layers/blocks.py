"""Building blocks that several families share. Every convolution is a conv-BN-ReLU.

The int8 converter folds this order, with no bias before a batch normalization (BN), into a single
operator.
"""

from typing import cast

import tensorflow as tf
import tf_keras

from pld_tf.models.layers.seeded_dropout import SeededDropout

layers = tf_keras.layers

# With Keras' 0.99 the initial statistics still count after 300 steps, which is a whole short
# training here. 0.9 forgets them in 50 steps.
BN_MOMENTUM = 0.9


def scaled(channels: float, width: float) -> int:
    """Channels at a width: the nearest whole number, at least 1.

    >>> scaled(172, 1.0), scaled(48, 1.5), scaled(45, 0.25), scaled(16, 0.01)
    (172, 72, 11, 1)
    """
    return max(1, round(channels * width))


def batch_norm(x: tf.Tensor) -> tf.Tensor:
    return layers.BatchNormalization(momentum=BN_MOMENTUM)(x)


def conv_bn(
    x: tf.Tensor,
    channels: int,
    kernel: tuple[int, int],
    *,
    strides: tuple[int, int] = (1, 1),
    dilation: int | tuple[int, int] = 1,
    time_padding: str = "same",
) -> tf.Tensor:
    """Convolve with zero padding, then normalize; for sums with a ReLU later."""
    x, padding = padded(x, kernel, strides, time_padding)
    convolution = layers.Conv2D(
        channels,
        kernel,
        strides=strides,
        dilation_rate=dilation,
        padding=padding,
        use_bias=False,
    )
    return batch_norm(convolution(x))


def padded(
    x: tf.Tensor, kernel: tuple[int, int], strides: tuple[int, int], time_padding: str
) -> tuple[tf.Tensor, str]:
    """The input of a convolution, and the padding that its layer is to take.

    With `time_padding` "valid" the bins alone are padded, as "same" pads them.
    """
    if time_padding == "same" or kernel[0] == 1:
        return x, "same"
    bins = cast(int, x.shape[2])  # the input fixes the number of bins
    missing = max(0, (-(-bins // strides[1]) - 1) * strides[1] + kernel[1] - bins)
    if missing:
        x = layers.ZeroPadding2D(((0, 0), (missing // 2, missing - missing // 2)))(x)
    return x, "valid"


def middle_frames(x: tf.Tensor, lost: int) -> tf.Tensor:
    """The frames that are left in the middle if `lost` of them go, an even number."""
    return layers.Cropping2D(((lost // 2, lost // 2), (0, 0)))(x) if lost else x


def conv_bn_relu(
    x: tf.Tensor,
    channels: int,
    kernel: tuple[int, int],
    *,
    strides: tuple[int, int] = (1, 1),
    dilation: int | tuple[int, int] = 1,
    time_padding: str = "same",
) -> tf.Tensor:
    """Convolve with zero padding, normalize, apply a ReLU."""
    x = conv_bn(x, channels, kernel, strides=strides, dilation=dilation, time_padding=time_padding)
    return layers.ReLU()(x)


def separable_bn_relu(
    x: tf.Tensor,
    channels: int,
    kernel: tuple[int, int],
    *,
    strides: tuple[int, int] = (1, 1),
    time_padding: str = "same",
) -> tf.Tensor:
    """Depthwise conv-BN-ReLU, then pointwise conv-BN-ReLU."""
    x, padding = padded(x, kernel, strides, time_padding)
    depthwise = layers.DepthwiseConv2D(kernel, strides=strides, padding=padding, use_bias=False)
    x = layers.ReLU()(batch_norm(depthwise(x)))
    return conv_bn_relu(x, channels, (1, 1))


def squeeze_excite(x: tf.Tensor, channels: int) -> tf.Tensor:
    """Multiply each channel by a weight, 0 to 1, computed from the averages of all channels.

    Source: Hu et al., arXiv:1709.01507. The bottleneck has a quarter of the channels, as in
    MobileNetV3 (arXiv:1905.02244): these networks are too thin for the paper's sixteenth.
    """
    squeezed = layers.GlobalAveragePooling2D(keepdims=True)(x)
    middle = layers.Conv2D(scaled(channels, 0.25), (1, 1))(squeezed)
    weights = layers.Conv2D(channels, (1, 1), activation="sigmoid")(layers.ReLU()(middle))
    return layers.Multiply()([x, weights])


def classifier(x: tf.Tensor, *, dropout: float, classes: int) -> tf.Tensor:
    """Average over frames and bins, so any length works, then compute logits."""
    return scores(layers.GlobalAveragePooling2D()(x), dropout=dropout, classes=classes)


def scores(x: tf.Tensor, *, dropout: float, classes: int) -> tf.Tensor:
    """Logits from a network's embedding x, float32 [batch, channels]."""
    if dropout:
        x = SeededDropout(dropout)(x)
    return layers.Dense(classes, name="logits")(x)
