"""The training step, one function of student, teachers and batch, and its optimiser."""

from collections.abc import Iterator
from typing import Any

import tensorflow as tf
import tf_keras

from pld_tf.data.batches.training_data import TrainingData
from pld_tf.distill.step.embedding import EmbeddingMatch
from pld_tf.distill.step.flat_update import FlatUpdate
from pld_tf.distill.step.losses import label_probabilities, rung_loss
from pld_tf.distill.step.mixup import mixed
from pld_tf.distill.step.teachers import Teachers, teacher_features
from pld_tf.distill.step.weight_average import WeightAverage
from pld_tf.recipe.schema import Recipe

_NOT_DECAYED = ("bias", "gamma", "beta")
_LOOKED_UP = ("cluster_centroids",)  # by clustering, so their gradients are sparse


def make_deterministic() -> None:
    """From now on the same seed gives the same bytes; non-deterministic operators are off."""
    tf.config.experimental.enable_op_determinism()


class Trainer:
    """Updates one student.

    Args:
      recipe: loss, optimiser and schedule.
      data: gives the batch size and the steps per epoch.
      student: updated in place.
      teachers: frozen; None trains on hard labels alone.
      epochs: over which the schedule runs.
    """

    def __init__(
        self,
        *,
        recipe: Recipe,
        data: TrainingData,
        student: tf_keras.Model,
        teachers: Teachers | None,
        epochs: int,
    ) -> None:
        self._recipe = recipe
        self._batch = data.batch
        self._seed = data.seed
        self._student = student
        self._teachers = teachers
        self._hard_from = (epochs - recipe.teaching.hard_finish_epochs) * data.steps_per_epoch
        self._match = None
        if teachers and recipe.teaching.embedding_weight:
            self._match = EmbeddingMatch(student, teachers.folded[0], seed=data.seed)
        self._learnt = student.trainable_variables
        if self._match:
            self._learnt = [*self._learnt, self._match.projection]
        self.optimizer = make_optimizer(recipe, steps=data.steps_per_epoch, epochs=epochs)
        self._update = FlatUpdate(
            self.optimizer, self._learnt, spared=_NOT_DECAYED, alone=_LOOKED_UP
        )
        self.average = None
        if recipe.training.weight_average:
            self.average = WeightAverage(student, decay=recipe.training.weight_average)
        self.steps = tf.function(self._steps)

    @property
    def variables(self) -> list[tf.Variable]:
        """Everything that a checkpoint keeps beside the student's weights."""
        averages = self.average.variables if self.average else []
        projection = [self._match.projection] if self._match else []
        return [*self.optimizer.variables, *averages, *projection]

    def _steps(
        self, batches: Iterator[dict[str, tf.Tensor]], count: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Train on `count` batches; returns their losses [count] and clips [count, batch]."""
        losses = tf.TensorArray(tf.float32, count)
        clips = tf.TensorArray(tf.int64, count, element_shape=[self._batch])
        for step in tf.range(count):
            batch = next(batches)
            losses = losses.write(step, self.step(batch))
            clips = clips.write(step, tf.ensure_shape(batch["clip"], [self._batch]))
        return losses.stack(), clips.stack()

    def step(self, batch: dict[str, tf.Tensor]) -> tf.Tensor:
        """Update the student once; returns the batch's mean loss."""
        done = self.optimizer.iterations
        if self._recipe.augment.mixup:
            batch = mixed(batch, alpha=self._recipe.augment.mixup, seed=self._seed, step=done)
        teacher_logits = self._teachers.logits(batch, done) if self._teachers else None
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(self._losses(batch, teacher_logits))
        gradients = tape.gradient(loss, self._learnt)
        self._update.apply(list(zip(gradients, self._learnt, strict=True)))
        if self.average is not None:
            self.average.update(self.optimizer.iterations)
        return loss

    def _losses(self, batch: dict[str, tf.Tensor], teacher_logits: tf.Tensor | None) -> tf.Tensor:
        recipe = self._recipe
        if self._match:
            embedding, student_logits = self._match.student(batch["features"], training=True)
        else:
            student_logits = self._student(batch["features"], training=True)
        losses = rung_loss(
            label_probabilities=label_probabilities(
                batch, classes=student_logits.shape[-1], smoothing=recipe.training.label_smoothing
            ),
            student_logits=student_logits,
            teacher_logits=teacher_logits,
            soft=recipe.teaching.labels != "hard",
            temperature=recipe.teaching.temperature,
            hard_weight=self._hard_weight(batch),
        )
        if self._match:
            losses += recipe.teaching.embedding_weight * self._match.loss(
                embedding, teacher_features(batch)
            )
        return losses

    def _hard_weight(self, batch: dict[str, tf.Tensor]) -> tf.Tensor | float:
        """Hard weight of each crop: 1 in the last epochs, 0 if the label is not known."""
        weight = self._recipe.teaching.hard_weight
        if self._recipe.teaching.hard_finish_epochs:
            weight = tf.where(self.optimizer.iterations >= self._hard_from, 1.0, weight)
        return weight * batch["labelled"] if "labelled" in batch else weight


def make_optimizer(recipe: Recipe, *, steps: int, epochs: int) -> tf_keras.optimizers.Optimizer:
    """Optimiser with its schedule; weight decay spares biases and batch normalization.

    Args:
      recipe: training.
      steps: per epoch.
      epochs: in all.
    """
    rate: Any = recipe.training.learning_rate
    if recipe.training.schedule == "cosine":
        warmup = min(recipe.training.warmup_epochs, epochs // 2) * steps
        rate = tf_keras.optimizers.schedules.CosineDecay(
            initial_learning_rate=recipe.training.learning_rate / 100
            if warmup
            else recipe.training.learning_rate,
            decay_steps=epochs * steps - warmup,
            warmup_target=recipe.training.learning_rate if warmup else None,
            warmup_steps=warmup,
        )
    if recipe.training.optimizer == "sgd":
        optimizer = tf_keras.optimizers.SGD(
            rate, momentum=0.9, nesterov=True, weight_decay=recipe.training.weight_decay
        )
    else:
        optimizer = tf_keras.optimizers.AdamW(rate, weight_decay=recipe.training.weight_decay)
    optimizer.exclude_from_weight_decay(var_names=[*_NOT_DECAYED])
    return optimizer
