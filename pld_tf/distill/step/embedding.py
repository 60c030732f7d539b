"""Embedding match: the inputs of the last layers of student and teacher point the same way."""

from typing import Any, cast

import tensorflow as tf
import tf_keras

_STREAM = 0x656D  # of the projection's initial weights


class EmbeddingMatch:
    """Compares the direction of a student's projected embedding with its teacher's.

    The projection is learnt with the student and dropped after training.

    Args:
      student: network in training.
      teacher: frozen network; may have another input and another width.
      seed: of the projection's initial weights.

    Attributes:
      student: the same network, giving (embedding [batch, width], logits [batch, classes]).
      projection: float32 [student's width, teacher's width].
    """

    def __init__(self, student: tf_keras.Model, teacher: tf_keras.Model, *, seed: int) -> None:
        self.student = tf_keras.Model(student.input, [_embedding(student), student.output])
        self._teacher = tf_keras.Model(teacher.input, _embedding(teacher))
        ours, theirs = (int(_embedding(model).shape[-1]) for model in (student, teacher))
        initial = tf.random.stateless_normal([ours, theirs], (seed, _STREAM)) * ours**-0.5
        self.projection = tf.Variable(initial)

    def loss(self, embedding: tf.Tensor, teacher_features: tf.Tensor) -> tf.Tensor:
        """1 - cosine of each pair, float32 [batch]; the teacher receives no gradient.

        Args:
          embedding: float32 [batch, width], of the student.
          teacher_features: [batch, frames, bins, 1], the input of the teacher.
        """
        theirs = tf.stop_gradient(self._teacher(teacher_features, training=False))
        ours = tf.math.l2_normalize(embedding @ self.projection, axis=-1)
        return 1 - tf.reduce_sum(ours * tf.math.l2_normalize(theirs, axis=-1), axis=-1)


def _embedding(model: tf_keras.Model) -> Any:
    return cast(tf_keras.layers.Layer, model.get_layer("logits")).input
