"""The mean over bins, with its own int8 range."""

import tensorflow as tf
import tf_keras


@tf_keras.utils.register_keras_serializable(package="pld_tf")
class MeanOverBins(tf_keras.layers.Layer):
    """Takes [batch, frames, bins, channels], gives [batch, frames, 1, channels].

    The int8 converter turns it into MEAN. An average pool would share its input's scale. A mean
    over many bins uses a small part of that range, and the lost precision changes labels.
    """

    def call(self, inputs: tf.Tensor) -> tf.Tensor:
        return tf.reduce_mean(inputs, axis=2, keepdims=True)
