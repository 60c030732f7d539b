"""Check a corpus against a recipe by its file names, before anything is decoded or trained."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pld_tf.data.corpus.classes import class_notes, find_classes, word_quotas
from pld_tf.data.corpus.corpus import Clip, find_corpus
from pld_tf.data.corpus.recipe_words import require_folders
from pld_tf.data.corpus.split import SPLITS
from pld_tf.errors import PldError
from pld_tf.recipe.schema import Recipe
from pld_tf.recipe.tables import MICRO_BATCH


def check_data(data: Path, recipe: Recipe, *, excluded: frozenset[str] = frozenset()) -> None:
    """Refuse a corpus that training would refuse later.

    Raises:
      PldError: as `require_folders`, `find_corpus` and `corpus_notes`.
    """
    require_folders(recipe.words, data)
    corpus = find_corpus(data, excluded=excluded, keywords=recipe.words.keywords)
    corpus_notes(corpus.clips, recipe)


def corpus_notes(clips: Sequence[Clip], recipe: Recipe) -> list[str]:
    """Notes, one line each, on what a recipe lacks in a corpus.

    Raises:
      PldError: a keyword has no folder, a split has no clips that it can't do without, or an epoch
        has fewer clips than a batch.
    """
    words = sorted({clip.word for clip in clips})
    number = {word: place for place, word in enumerate(words)}
    counts = {split: np.zeros(len(words), np.int64) for split in SPLITS}
    for clip in clips:
        counts[clip.split][number[clip.word]] += 1
    classes = find_classes(recipe.words, words)
    notes = class_notes(classes, counts)
    # As TrainingData counts them. The first rung is the first to be trained.
    used = np.ceil(recipe.rung_train_fraction(0) * counts["train"] - 1e-9).astype(np.int64)
    quotas, silence = word_quotas(classes, used)
    require_batch(int(quotas.sum()) + silence, recipe.training.batch_size)
    return notes


def require_batch(clips: int, batch_size: int) -> None:
    """Refuse an epoch of fewer clips than a batch.

    Args:
      clips: in an epoch, silence included.
      batch_size: of the recipe.
    """
    if clips >= batch_size:
        return
    smaller = f", or set training.batch_size={MICRO_BATCH}" if clips >= MICRO_BATCH else ""
    raise PldError(
        f"an epoch has {clips} clips: fewer clips than one batch (training.batch_size = "
        f"{batch_size}); add clips{smaller}. docs/data.md says where to get some."
    )
