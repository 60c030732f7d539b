"""Dropout whose masks are the same after training was stopped and resumed."""

from typing import Any

import tensorflow as tf
import tf_keras


@tf_keras.utils.register_keras_serializable(package="pld_tf")
class SeededDropout(tf_keras.layers.Layer):
    """Drop a share of the inputs in training, and scale up the rest.

    Keras' own layer draws from a generator of the process, so training resumed from a checkpoint
    would draw other masks. Here a mask depends on two integers among the weights: one drawn from
    TensorFlow's seed when the layer is built, and a count of calls.

    Args:
      rate: share dropped, from above 0 to below 1.
      whole_channels: drop all of a channel's frames and bins together.
    """

    def __init__(self, rate: float, *, whole_channels: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self._rate = rate
        self._whole_channels = whole_channels

    def get_config(self) -> dict[str, Any]:
        chosen = {"rate": self._rate, "whole_channels": self._whole_channels}
        return {**super().get_config(), **chosen}

    def build(self, input_shape: tf.TensorShape) -> None:
        self._state = self.add_weight(
            "seed_and_calls",
            shape=[2],
            dtype=tf.int32,
            trainable=False,
            initializer=_drawn_and_zero,
        )
        super().build(input_shape)

    def call(self, inputs: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        if not training:
            return inputs
        seed = self._state.read_value()
        self._state.assign_add([0, 1])
        shape = tf.shape(inputs)
        if self._whole_channels:
            shape = tf.stack([shape[0], 1, 1, shape[-1]])
        return tf.nn.experimental.stateless_dropout(
            inputs, self._rate, seed=seed, noise_shape=shape
        )


def _drawn_and_zero(shape: tf.TensorShape, dtype: tf.DType) -> tf.Tensor:
    drawn = tf.random.uniform([1], maxval=2**30, dtype=dtype)
    return tf.concat([drawn, tf.zeros([1], dtype)], axis=0)
