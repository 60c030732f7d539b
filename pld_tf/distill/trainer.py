"""The training step: one function of student, teacher and batch, and the optimiser behind it."""

from collections.abc import Iterator
from typing import Any

import tensorflow as tf
import tf_keras

from pld_tf.data.pipeline import TrainingData
from pld_tf.distill.losses import rung_loss
from pld_tf.recipe import Recipe


def make_deterministic() -> None:
    """From now on, the same seed gives the same bytes: operators that hurry are not used."""
    tf.config.experimental.enable_op_determinism()


class Trainer:
    """Updates one student.

    Args:
      recipe: loss, optimiser and schedule.
      data: says how large a batch, and how many in an epoch.
      student: updated in place.
      teacher: frozen; None leaves hard labels alone.
      epochs: over which the schedule runs.
    """

    def __init__(
        self,
        *,
        recipe: Recipe,
        data: TrainingData,
        student: tf_keras.Model,
        teacher: tf_keras.Model | None,
        epochs: int,
    ) -> None:
        self._recipe = recipe
        self._batch = data.batch
        self._student = student
        self._teacher = teacher
        self.optimizer = make_optimizer(recipe, steps=data.steps_per_epoch, epochs=epochs)
        self.optimizer.build(student.trainable_variables)
        self.steps = tf.function(self._steps)

    def _steps(
        self, batches: Iterator[dict[str, tf.Tensor]], count: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Take `count` batches; their losses [count] and clips [count, batch]."""
        losses = tf.TensorArray(tf.float32, count)
        clips = tf.TensorArray(tf.int64, count, element_shape=[self._batch])
        for step in tf.range(count):
            batch = next(batches)
            losses = losses.write(step, self.step(batch))
            clips = clips.write(step, tf.ensure_shape(batch["clip"], [self._batch]))
        return losses.stack(), clips.stack()

    def step(self, batch: dict[str, tf.Tensor]) -> tf.Tensor:
        """One update of the student; the batch's mean loss."""
        recipe = self._recipe
        teacher_logits = None
        if self._teacher is not None:
            heard = batch.get("teacher", batch["features"])
            teacher_logits = self._teacher(heard, training=False)
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(
                rung_loss(
                    labels=batch["label"],
                    student_logits=self._student(batch["features"], training=True),
                    teacher_logits=teacher_logits,
                    soft=recipe.labels == "soft",
                    temperature=recipe.temperature,
                    hard_weight=recipe.hard_weight,
                    smoothing=recipe.label_smoothing,
                )
            )
        weights = self._student.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(loss, weights), weights, strict=True))
        return loss


def make_optimizer(recipe: Recipe, *, steps: int, epochs: int) -> tf_keras.optimizers.Optimizer:
    """Optimiser with its schedule; weight decay spares biases and batch normalization.

    Args:
      recipe: optimizer, learning_rate, schedule, warmup_epochs, weight_decay.
      steps: per epoch.
      epochs: in all.
    """
    rate: Any = recipe.learning_rate
    if recipe.schedule == "cosine":
        warmup = min(recipe.warmup_epochs, epochs // 2) * steps
        rate = tf_keras.optimizers.schedules.CosineDecay(
            initial_learning_rate=recipe.learning_rate / 100 if warmup else recipe.learning_rate,
            decay_steps=epochs * steps - warmup,
            warmup_target=recipe.learning_rate if warmup else None,
            warmup_steps=warmup,
        )
    if recipe.optimizer == "sgd":
        optimizer = tf_keras.optimizers.SGD(
            rate, momentum=0.9, nesterov=True, weight_decay=recipe.weight_decay
        )
    else:
        optimizer = tf_keras.optimizers.AdamW(rate, weight_decay=recipe.weight_decay)
    optimizer.exclude_from_weight_decay(var_names=["bias", "gamma", "beta"])
    return optimizer
