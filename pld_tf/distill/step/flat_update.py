"""An optimizer's update of many variables as one vector: the same bits, far fewer operators."""

import math
from collections.abc import Sequence
from typing import Any

import tensorflow as tf


class FlatUpdate:
    """Updates variables by their gradients, laid end to end.

    An optimizer runs about ten operators for each variable, and a network of 140 thin layers has
    hundreds of variables. Each operator costs more than its few numbers.

    Args:
      optimizer: of Keras, not built yet. Its weight decay becomes a
        vector, so that it can spare a variable.
      variables: float32.
      spared: a variable whose name holds one of these words does not decay.
    """

    def __init__(
        self,
        optimizer: Any,
        variables: Sequence[Any],
        *,
        spared: Sequence[str],
    ) -> None:
        self._optimizer = optimizer
        self._variables = tuple(variables)
        self._sizes = [math.prod(variable.shape) for variable in variables]
        decays = [
            0.0 if any(word in variable.name for word in spared) else optimizer.weight_decay
            for variable in variables
        ]
        optimizer.weight_decay = tf.repeat(tf.constant(decays, tf.float32), self._sizes)
        # Holds the variables during an update alone: others may assign to them in between.
        self._flat = tf.Variable(_end_to_end(variables), trainable=False, name="flat")
        optimizer.build([self._flat])

    def apply(self, gradients: Sequence[Any]) -> None:
        """Update each variable by its gradient."""
        self._flat.assign(_end_to_end(self._variables))
        self._optimizer.apply_gradients([(_end_to_end(gradients), self._flat)])
        parts = tf.split(self._flat, self._sizes)
        for variable, part in zip(self._variables, parts, strict=True):
            variable.assign(tf.reshape(part, variable.shape))


def _end_to_end(values: Sequence[Any]) -> tf.Tensor:
    return tf.concat([tf.reshape(value, [-1]) for value in values], axis=0)
