"""A judge of a corpus, made from a run's first rung."""

from collections.abc import Sequence
from pathlib import Path

import tensorflow as tf

from export.model_bundle.read import read_bundle
from pld_tf.data.corpus.classes import find_classes
from pld_tf.doctor.judge import RunJudge
from pld_tf.errors import PldError
from pld_tf.run.folder import read_run

JUDGING_RUNG = 0  # the rung with the longest input


def run_judge(run_dir: Path, words: Sequence[str], *, confidence: float) -> RunJudge:
    """A judge made from a run's first rung.

    Raises:
      PldError: not a run folder, or the corpus has none of its keywords.
      ExportError: the rung has no model bundle, or a damaged one.
    """
    recipe = read_run(run_dir).recipe
    keywords = recipe.words.keywords
    if not set(words) & set(keywords):
        raise PldError(
            f"{run_dir} knows the keywords {', '.join(keywords)}, and the data has a folder "
            "for none of them. Give --with a run on such words."
        )
    every = sorted({*words, *keywords})
    classes = find_classes(recipe.words, every)
    bundle = read_bundle(run_dir, rung=JUDGING_RUNG)
    model = tf.saved_model.load(str(bundle.directory / "saved_model"))
    return RunJudge(
        spec=recipe.features,
        length_ms=recipe.lengths_ms[JUDGING_RUNG],
        classes=classes,
        class_of_word=dict(zip(every, classes.of_word.tolist(), strict=True)),
        confidence=confidence,
        trained_level_db=_level(bundle.header.get("word_level_db")),
        infer=_batched(model.signatures["serving_default"], bundle.frames, bundle.bins),
    )


def _level(value: object) -> float | None:
    """The level in a model bundle; bundles of an earlier version lack it."""
    return float(value) if isinstance(value, int | float) else None


def _batched(
    one: tf.types.experimental.ConcreteFunction, frames: int, bins: int
) -> tf.types.experimental.PolymorphicFunction:
    """A bundle's graph for many crops: 20 times as fast as one at a time."""

    def logits(crop: tf.Tensor) -> tf.Tensor:
        return one(features=crop[None])["logits"][0]

    return tf.function(
        lambda features: tf.vectorized_map(logits, features),
        input_signature=[tf.TensorSpec([None, frames, bins, 1], tf.float32)],
    )
