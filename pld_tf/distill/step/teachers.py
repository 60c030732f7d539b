"""Teachers of one rung: their logits for a batch."""

from collections.abc import Mapping, Sequence

import tensorflow as tf
import tf_keras

from pld_tf.models.layers.folded import with_folded_norms
from pld_tf.recipe.schema import Recipe

# Joins the step in the seed, so the choice of a teacher has its own stream.
_STREAM = 0x746561


class Teachers:
    """One or more frozen networks that label crops together.

    Args:
      models: at least one; changes of their weights after this have no effect.
      recipe: teaching.
      seed: of the training, for `ensemble = "switch"`.

    Attributes:
      models: the networks as given; their weights name stored labels.
      folded: the same networks as they label.

    Source of mixing and switching: Fukuda et al. 2017, doi 10.21437/Interspeech.2017-614.
    """

    def __init__(self, models: Sequence[tf_keras.Model], *, recipe: Recipe, seed: int) -> None:
        self.models = tuple(models)
        self.folded = tuple(with_folded_norms(model) for model in self.models)
        self._recipe = recipe
        self._seed = seed

    def logits(self, batch: Mapping[str, tf.Tensor], step: tf.Tensor) -> tf.Tensor:
        """Logits float32 [batch, classes] for a batch of `training_batches`, at update `step`.

        With several teachers, the student learns from the mean of their probabilities at the
        recipe's temperature. These logits depend on that temperature; those of one teacher do not.
        """
        features = teacher_features(batch)
        if self._recipe.teaching.teacher_input != "blend":
            return self._of(features, step)
        held = batch["held"][:, None]
        crop, clip = self._of(batch["features"], step), self._of(features, step)
        return blended_logits([crop, clip], [1 - held, held], self._recipe.teaching.temperature)

    def _of(self, features: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
        if self._recipe.teaching.ensemble == "switch" and len(self.models) > 1:
            return self._switched(features, step)
        logits = [model(features, training=False) for model in self.folded]
        return mean_logits(logits, self._recipe.teaching.temperature)

    def _switched(self, features: tf.Tensor, step: tf.Tensor) -> tf.Tensor:
        stream = tf.stack(
            [tf.cast(self._seed, tf.int64), tf.cast(step, tf.int64) + (_STREAM << 32)]
        )
        which = tf.random.stateless_uniform([], stream, 0, len(self.models), tf.int32)
        branches = [lambda model=model: model(features, training=False) for model in self.folded]
        return tf.switch_case(which, branches)


def teacher_features(batch: Mapping[str, tf.Tensor]) -> tf.Tensor:
    """The teachers' input: the student's features, unless the batch holds `teacher`."""
    return batch["teacher"] if "teacher" in batch else batch["features"]


def mean_logits(logits: Sequence[tf.Tensor], temperature: float) -> tf.Tensor:
    """Logits whose softmax at `temperature` is the mean of the softmaxes of `logits`.

    Args:
      logits: float32 [batch, classes] each, at least one; a single one is returned as it is.
      temperature: positive.
    """
    if len(logits) == 1:
        return logits[0]
    return blended_logits(logits, [1 / len(logits)] * len(logits), temperature)


def blended_logits(
    logits: Sequence[tf.Tensor], weights: Sequence[tf.Tensor | float], temperature: float
) -> tf.Tensor:
    """Logits whose softmax at `temperature` is the weighted mean of the softmaxes of `logits`.

    Args:
      logits: float32 [batch, classes] each.
      weights: one for each of `logits`, of sum 1; a number, or float32 [batch, 1].
      temperature: positive.
    """
    probabilities = [
        weight * tf.nn.softmax(one / temperature)
        for weight, one in zip(weights, logits, strict=True)
    ]
    # Keeps the logarithm finite where every teacher has probability 0.
    return temperature * tf.math.log(tf.maximum(tf.add_n(probabilities), 1e-30))
