"""What streams for a bundle are made of: clips, noise, recordings without keywords."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from firmware_harness.bundle.read import open_bundle
from pld_tf.bridge.bundle_corpus import open_run_data
from pld_tf.data.corpus.corpus import list_corpus
from pld_tf.data.open import pack_negatives
from pld_tf.data.store.packed import Store
from pld_tf.data.tested import ScoredClips
from pld_tf.errors import PldError
from pld_tf.recipe.schema import Recipe
from pld_tf.streams.conditions import Condition, Words, spoken_words, up_to
from pld_tf.streams.synthesis import Piece, StreamParts
from pld_tf.system.progress import Say

Json = dict[str, Any]


def stream_clips(
    bundle: Path, *, data: Path, split: str, skip_bad: bool, say: Say
) -> tuple[StreamParts, Json | None]:
    """What streams for a bundle are made of: its words, at its rate, without its excluded clips.

    Returns:
      The parts; and what the data is to the bundle, None if the bundle's run was trained on it.

    Raises:
      PldError: the bundle does not state its words, or the data can't be used.
      HarnessError: the bundle is damaged.
    """
    recipe, tested = open_run_data(
        open_bundle(bundle), bundle, data=data, split=split, skip_bad=skip_bad, say=say
    )
    return stream_parts(recipe, tested), tested.other_json()


def stream_parts(recipe: Recipe, tested: ScoredClips) -> StreamParts:
    """What streams of these clips are made of."""
    return StreamParts(
        store=tested.store,
        split=tested.split,
        classes=tested.classes,
        noise_volume=recipe.augment.noise_volume,
        left_out=tested.left_out,
    )


def negatives_of(parts: StreamParts, *, data: Path, say: Say) -> Store | None:
    """The recordings of a corpus' `_negatives_`; None if it has none.

    Args:
      parts: of streams of that corpus.
      data: the corpus.
      say: called with each note on them.

    Raises:
      PldError: as `list_corpus` and `open_negatives`.
    """
    store = parts.store
    if store.negatives:
        return store.negatives
    return pack_negatives(list_corpus(data), sample_rate_hz=store.sample_rate_hz, say=say)


def condition_stream(
    parts: StreamParts, condition: Condition, *, data: Path, seconds: float, seed: int, say: Say
) -> Iterator[Piece]:
    """Keyword clips under a condition, as many as fit.

    Raises:
      PldError: the condition asks for speech, and the corpus has no `_negatives_`.
    """
    words = Words(parts=parts, speech=speech_of(parts, data=data, say=say), seed=seed)
    if condition.over == "speech" and not len(words.speech):
        raise PldError(
            f"{condition.name} needs recordings without keywords in {data / '_negatives_'}, some "
            f"for {parts.split}; found none. docs/data.md says where to get some."
        )
    return up_to(spoken_words(words, condition), round(seconds * parts.store.sample_rate_hz))


def speech_of(parts: StreamParts, *, data: Path, say: Say) -> np.ndarray:
    """Sound of the split's `_negatives_`, int16 [samples]; none if the corpus has none."""
    negatives = negatives_of(parts, data=data, say=say)
    return negatives.noise(parts.split) if negatives else np.zeros(0, np.int16)
