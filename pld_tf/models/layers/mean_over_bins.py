"""The mean over bins, in a range of its own."""

import tensorflow as tf
import tf_keras


@tf_keras.utils.register_keras_serializable(package="pld_tf")
class MeanOverBins(tf_keras.layers.Layer):
    """Takes [batch, frames, bins, channels], gives [batch, frames, 1, channels].

    The int8 converter makes MEAN of it. An average pool would have to share its input's scale,
    of which a mean over many bins fills a small part: what it loses flips labels.
    """

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return tf.reduce_mean(inputs, axis=2, keepdims=True)
