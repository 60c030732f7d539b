"""Soft labels of the tiny corpus, by a teacher whose logits tell every crop from every other."""

from pathlib import Path
from typing import Any

import numpy as np
import tf_keras
import tiny_run

from pld_tf.data.batches.training_data import TrainingData
from pld_tf.distill.ladder import Ladder
from pld_tf.distill.soft_labels.files import SoftLabelFiles, store_header
from pld_tf.distill.soft_labels.store import Stored, stored_labels
from pld_tf.distill.step.teachers import Teachers
from pld_tf.recipe.schema import Recipe

VERSIONS = 2
CROPS = 48  # of a version: 12 clips of each of 4 classes
CLASSES = 4
BINS = tiny_run.VALUES["features"]["mel_bins"]


def make_recipe(**changes) -> Recipe:
    """The tiny recipe with stored labels of `VERSIONS` crops per clip."""
    return tiny_run.make_recipe(**({"labels": "stored", "per_clip": VERSIONS} | changes))


def training_data(recipe: Recipe, store) -> TrainingData:
    """That of rung 1, as a ladder makes it."""
    return Ladder(recipe=recipe, store=store, run_dir=Path(), seed=0)._data(1)


def telling_teacher(factor: float = 2.0) -> tf_keras.Model:
    """Its logits are bins of the crop's mean feature, times `factor`."""
    heard = tf_keras.Input((None, BINS, 1))
    means = tf_keras.layers.GlobalAveragePooling2D()(tf_keras.layers.Permute((1, 3, 2))(heard))
    scores = tf_keras.layers.Dense(CLASSES, use_bias=False)
    model = tf_keras.Model(heard, scores(means))
    scores.set_weights([np.float32(factor) * np.eye(BINS, CLASSES, dtype=np.float32)])
    return model


def teachers_of(recipe: Recipe, data: TrainingData, *models: tf_keras.Model) -> Teachers:
    return Teachers(models or (telling_teacher(),), recipe=recipe, seed=data.seed)


def stored_in(
    root: Path, recipe: Recipe, data: TrainingData, *models: tf_keras.Model, **changes: Any
) -> Stored:
    """The labels of `models`, or of a telling teacher, for five epochs."""
    given: dict[str, Any] = {"epochs": 5, "advance": lambda done, total: None}
    teachers = teachers_of(recipe, data, *models)
    return stored_labels(root, recipe=recipe, data=data, teachers=teachers, **(given | changes))


def files_in(
    root: Path, recipe: Recipe, data: TrainingData, *models: tf_keras.Model
) -> SoftLabelFiles:
    """The folder of those labels, whether it is there or not."""
    header = store_header(recipe, data, teachers_of(recipe, data, *models))
    return SoftLabelFiles(root, header, data)
