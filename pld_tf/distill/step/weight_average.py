"""An average of a network's weights over its last steps, to validate and to keep."""

from collections.abc import Iterator
from contextlib import contextmanager

import tensorflow as tf
import tf_keras


class WeightAverage:
    """Exponential moving average of all float weights, batch statistics included.

    Args:
      model: the network whose weights are averaged.
      decay: share of the old average that a step keeps.

    Source: Polyak & Juditsky 1992, in the form of arXiv:1703.01780.
    """

    def __init__(self, model: tf_keras.Model, *, decay: float) -> None:
        self._followed = [weight for weight in model.weights if weight.dtype.is_floating]
        self._decay = decay
        self.variables = [tf.Variable(weight, trainable=False) for weight in self._followed]

    def update(self, step: tf.Tensor) -> None:
        """Average in the weights after update number `step`, counted from 1."""
        # With the full decay, the initial weights would dominate early averages.
        number = tf.cast(step, tf.float32)
        decay = tf.minimum(self._decay, (1.0 + number) / (10.0 + number))
        for average, weight in zip(self.variables, self._followed, strict=True):
            average.assign(decay * average + (1 - decay) * weight)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Within this context the model's weights are the averages."""
        own = [weight.numpy() for weight in self._followed]
        for average, weight in zip(self.variables, self._followed, strict=True):
            weight.assign(average)
        try:
            yield
        finally:
            for weight, value in zip(self._followed, own, strict=True):
                weight.assign(value)
