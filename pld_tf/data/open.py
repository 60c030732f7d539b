"""Open the packed corpus of a folder, and report notes on it."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import tensorflow as tf

from pld_tf.data.corpus.corpus import Corpus, find_corpus
from pld_tf.data.negatives.pack import open_negatives
from pld_tf.data.store.pack import SPLITS, Store, open_store
from pld_tf.errors import PldError
from pld_tf.recipe.schema import Recipe
from pld_tf.system.progress import Say, progress_bar


def open_data(
    data: Path,
    recipe: Recipe,
    *,
    excluded: frozenset[str] = frozenset(),
    skip_bad: bool,
    say: Say,
) -> Store:
    """The packed corpus of `data` without the `excluded` clips; `say` gets each note on it."""
    corpus = find_corpus(data, excluded=excluded, keywords=recipe.words.keywords)
    return pack_and_tell(corpus, recipe, skip_bad=skip_bad, say=say)


def pack_and_tell(
    corpus: Corpus, recipe: Recipe, *, skip_bad: bool, say: Say, needed: Sequence[str] = SPLITS
) -> Store:
    """A corpus in its packed form; the `needed` splits must have clips."""
    for note in corpus.notes:  # before the work that may be in vain
        say(note)
    with progress_bar("packing") as advance:
        store = open_store(
            corpus,
            sample_rate_hz=recipe.features.sample_rate_hz,
            skip_bad=skip_bad,
            progress=advance,
            say=say,
            needed=needed,
        )
    for note in store.notes:
        say(note)
    if not recipe.negatives.crops:
        return store
    negatives = pack_negatives(corpus, sample_rate_hz=store.sample_rate_hz, say=say)
    if negatives is None:
        say(NO_NEGATIVES)
    return replace(store, negatives=negatives)


def pack_negatives(corpus: Corpus, *, sample_rate_hz: int, say: Say) -> Store | None:
    """The packed `_negatives_` of a corpus, with notes on them; None if it has none."""
    with progress_bar("packing _negatives_") as advance:
        negatives = open_negatives(corpus, sample_rate_hz=sample_rate_hz, progress=advance, say=say)
    for note in negatives.notes if negatives else ():
        say(note)
    return negatives


NO_NEGATIVES = (
    "the corpus has no folder _negatives_ with recordings of speech, music and rooms: nothing "
    "teaches what is said all day, so running speech will fire. docs/data.md says where to get "
    "some."
)


@contextmanager
def damaged_store_told(store: Store) -> Iterator[None]:
    """Turn a wrong checksum of a record into one line that names the folder."""
    try:
        yield
    except tf.errors.DataLossError as error:
        raise PldError(
            f"the packed corpus {store.folder} is damaged: the checksum of a clip is wrong. Remove "
            "that folder, and the corpus is packed anew."
        ) from error
