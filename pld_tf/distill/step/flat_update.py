"""An optimizer's update of many variables as two vectors: the same bits, far fewer operators."""

import math
from collections.abc import Sequence
from typing import Any

import tensorflow as tf


class FlatUpdate:
    """Updates variables by their gradients, laid end to end.

    An optimizer runs about ten operators for each variable, and a network of 140 thin layers has
    hundreds of variables. Each operator costs more than its few numbers. Variables that decay form
    one vector; those that do not form another.

    Args:
      optimizer: of Keras, not built yet; it excludes names with one of the words in `spared` from
        weight decay.
      variables: float32.
      spared: words in the names of variables that do not decay.
      alone: words in the names of variables that are updated by themselves. Keras rounds a sparse
        gradient's update otherwise.
    """

    def __init__(
        self,
        optimizer: Any,
        variables: Sequence[Any],
        *,
        spared: Sequence[str],
        alone: Sequence[str],
    ) -> None:
        self._optimizer = optimizer
        self._alone = [each for each in variables if _named(each, alone)]
        flat = [each for each in variables if not _named(each, alone)]
        decayed = [each for each in flat if not _named(each, spared)]
        rest = [each for each in flat if _named(each, spared)]
        # The second vector has the name of a spared variable, so that the optimizer spares it.
        named = zip((decayed, rest), ("flat", spared[0]), strict=True)
        self._vectors = [_Vector(group, name) for group, name in named if group]
        optimizer.build([*(vector.variable for vector in self._vectors), *self._alone])

    def apply(self, gradients: Sequence[tuple[Any, Any]]) -> None:
        """Update each variable by its gradient; takes pairs of both."""
        of = {variable.ref(): gradient for gradient, variable in gradients}
        pairs = [vector.gathered(of) for vector in self._vectors]
        pairs += [(of[variable.ref()], variable) for variable in self._alone]
        self._optimizer.apply_gradients(pairs)
        for vector in self._vectors:
            vector.give_back()


class _Vector:
    """Variables laid end to end, during an update alone: others may assign to them in between."""

    def __init__(self, variables: Sequence[Any], name: str) -> None:
        self._variables = variables
        self._sizes = [math.prod(variable.shape) for variable in variables]
        self.variable = tf.Variable(_end_to_end(variables), trainable=False, name=name)

    def gathered(self, gradient_of: dict[Any, Any]) -> tuple[tf.Tensor, tf.Variable]:
        """The gradient of this vector, and the vector."""
        self.variable.assign(_end_to_end(self._variables))
        return _end_to_end([gradient_of[each.ref()] for each in self._variables]), self.variable

    def give_back(self) -> None:
        parts = tf.split(self.variable, self._sizes)
        for variable, part in zip(self._variables, parts, strict=True):
            variable.assign(tf.reshape(part, variable.shape))


def _end_to_end(values: Sequence[Any]) -> tf.Tensor:
    return tf.concat([tf.reshape(value, [-1]) for value in values], axis=0)


def _named(variable: Any, words: Sequence[str]) -> bool:
    return any(word in variable.name for word in words)
