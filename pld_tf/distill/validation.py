"""Validation crops as student and teacher take them."""

from dataclasses import dataclass

import numpy as np
import tensorflow as tf
import tf_keras

from pld_tf.data.crop_places import pad_crops
from pld_tf.data.held_out import HeldOut
from pld_tf.distill.predict import crop_features, predict_logits
from pld_tf.features.log_mel import log_mel
from pld_tf.features.spec import CLIP_MS
from pld_tf.metrics.classification import accuracy
from pld_tf.recipe.schema import Recipe


@dataclass(frozen=True, kw_only=True)
class Validation:
    """Features float32 [n, frames, bins, 1] and labels int32 [n] of fixed crops."""

    features: np.ndarray
    labels: np.ndarray

    def accuracy(self, *models: tf_keras.Model) -> float:
        """Share of crops classified correctly; several networks decide by their mean logits."""
        logits = [predict_logits(model, self.features) for model in models]
        predictions = np.mean(logits, axis=0).argmax(axis=-1)
        return accuracy(labels=self.labels, predictions=predictions)


def student_validation(recipe: Recipe, clips: HeldOut, length_ms: int) -> Validation:
    """Crops of `length_ms` under the recipe's validation protocol."""
    starts = clips.starts_ms(recipe.training.validation_protocol, length_ms)
    return Validation(
        features=crop_features(clips.crops(starts, length_ms), recipe.features),
        labels=np.repeat(clips.labels, starts.shape[1]),
    )


def teacher_validation(
    recipe: Recipe, clips: HeldOut, *, length_ms: int, teacher_ms: int
) -> Validation:
    """The student's crops of `length_ms`, as `teacher_input` prepares them for a teacher."""
    if recipe.teaching.teacher_input in ("crop", "clean_crop"):  # nothing is added to these crops
        return student_validation(recipe, clips, length_ms)
    starts = clips.starts_ms(recipe.training.validation_protocol, length_ms)
    labels = np.repeat(clips.labels, starts.shape[1])
    if recipe.teaching.teacher_input in ("clip", "blend"):
        around = np.clip(starts - (teacher_ms - length_ms) // 2, 0, CLIP_MS - teacher_ms)
        features = crop_features(clips.crops(around, teacher_ms), recipe.features)
        return Validation(features=features, labels=labels)
    padded = [
        log_mel(pad_crops(_flat(batch), recipe.features.samples(teacher_ms)), recipe.features)
        for batch in clips.crops(starts, length_ms)
    ]
    return Validation(features=np.concatenate(padded), labels=labels)


def _flat(crops: tf.Tensor) -> tf.Tensor:
    return tf.cast(tf.reshape(crops, [-1, crops.shape[-1]]), tf.float32)
