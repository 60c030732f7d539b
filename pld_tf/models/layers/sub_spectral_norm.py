"""Sub-spectral normalization: separate batch normalization of each band of bins."""

import tensorflow as tf
import tf_keras

from pld_tf.models.layers.blocks import BN_MOMENTUM

MAX_SUB_BANDS = 5


def sub_bands(bins: int) -> int:
    """Number of equal bands that `bins` are cut into: the greatest divisor of at most 5.

    The paper uses 5 bands and numbers of bins that 5 divides. Other numbers get 4, 3, 2 or 1 bands,
    never bands of unequal width.

    >>> [sub_bands(bins) for bins in (40, 20, 5, 16, 3, 2, 13)]
    [5, 5, 5, 4, 3, 2, 1]
    """
    return max(bands for bands in range(1, MAX_SUB_BANDS + 1) if bins % bands == 0)


@tf_keras.utils.register_keras_serializable(package="pld_tf")
class SubSpectralNorm(tf_keras.layers.BatchNormalization):
    """Batch normalization with statistics, scale and offset per (sub-band, channel).

    Takes and gives [batch, frames, bins, channels]; bins must be known. Outside training it is
    a 1x1 depthwise convolution over [batch, frames, 1, bins * channels], so the int8 converter
    gives every (bin, channel) its own scale. A product with one constant tensor would put scales
    of very different size into one int8 range.

    Source: Chang et al., "Subspectral normalization", arXiv:2103.13620.
    """

    def __init__(self, **options) -> None:
        options.setdefault("momentum", BN_MOMENTUM)
        super().__init__(**{**options, "axis": [1, 3]})

    def build(self, input_shape) -> None:
        _, _, self.bins, self.channels = input_shape
        self.bands = sub_bands(self.bins)
        super().build((None, *self._bands_shape()))
        self.input_spec = None  # the parent's describes the tensor cut into bands

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        if training:
            # Statistics are taken over batch and frames, so the two may share an axis.
            cut = tf.reshape(inputs, (-1, *self._bands_shape()))
            return tf.reshape(super().call(cut, training=True), tf.shape(inputs))
        return self._scale_and_offset(inputs)

    def compute_output_shape(self, input_shape):
        return input_shape

    def _bands_shape(self) -> tuple[int, int, int]:
        return self.bands, self.bins // self.bands, self.channels

    def _scale_and_offset(self, inputs: tf.Tensor) -> tf.Tensor:
        scale = self.gamma * tf.math.rsqrt(self.moving_variance + self.epsilon)
        offset = self.beta - self.moving_mean * scale
        flat = tf.reshape(inputs, (-1, tf.shape(inputs)[1], 1, self.bins * self.channels))
        kernel = tf.reshape(self._per_bin(scale), (1, 1, -1, 1))
        scaled = tf.nn.depthwise_conv2d(flat, kernel, strides=(1, 1, 1, 1), padding="VALID")
        moved = tf.nn.bias_add(scaled, tf.reshape(self._per_bin(offset), (-1,)))
        return tf.reshape(moved, (-1, tf.shape(inputs)[1], self.bins, self.channels))

    def _per_bin(self, per_band: tf.Tensor) -> tf.Tensor:
        return tf.broadcast_to(tf.reshape(per_band, (self.bands, 1, -1)), self._bands_shape())
