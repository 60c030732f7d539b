"""What streams for a bundle are made of: clips, noise, recordings without keywords."""

from pathlib import Path
from typing import Any

from firmware_harness.bundle.read import open_bundle
from pld_tf.bridge.bundle_corpus import open_bundle_data
from pld_tf.data.corpus.corpus import list_corpus
from pld_tf.data.open import pack_negatives
from pld_tf.data.store.packed import Store
from pld_tf.data.tested import ScoredClips
from pld_tf.errors import PldError
from pld_tf.recipe.schema import Recipe
from pld_tf.streams.synthesis import StreamParts
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
    opened = open_bundle_data(
        open_bundle(bundle), bundle, data=data, split=split, skip_bad=skip_bad, say=say
    )
    if opened is None:
        raise PldError(
            f"{bundle} does not say which words it was trained on. Give a firmware bundle "
            "that pld-tf export has written from a run."
        )
    recipe, tested = opened
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


def packed_negatives(data: Path, *, sample_rate_hz: int, say: Say) -> Store | None:
    """The recordings of a corpus' `_negatives_`; None if it has none.

    Raises:
      PldError: as `list_corpus` and `open_negatives`.
    """
    return pack_negatives(list_corpus(data), sample_rate_hz=sample_rate_hz, say=say)
