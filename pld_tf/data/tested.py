"""The clips that a trained model is tested or tuned on: of its own corpus, or of other data.

A model must not be tested on what it knows. Its own corpus has splits for that. In other data,
clips and speakers that the model knows from training are found by hash, and left out.
"""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pld_tf.data.corpus.classes import IGNORED, Classes, find_classes, keywords_without_clips
from pld_tf.data.corpus.corpus import Corpus, list_corpus, speaker_notes
from pld_tf.data.corpus.lists import LISTS
from pld_tf.data.held_out import HeldOut, held_out
from pld_tf.data.open import open_data, pack_and_tell
from pld_tf.data.other_data import OtherData
from pld_tf.data.store.pack import listing_of
from pld_tf.data.store.packed import Store
from pld_tf.data.store.trained_on import NOTHING, TrainedOn, clip_hashes, speaker_hashes
from pld_tf.errors import PldError
from pld_tf.recipe.schema import Recipe
from pld_tf.system.progress import Say


@dataclass(frozen=True, kw_only=True)
class Origin:
    """A trained model, and what it was trained on.

    Attributes:
      name: its run folder or bundle, for messages.
      recipe: of its run.
      data_key: of the packed corpus that it was trained on.
      excluded: paths of clips that its run left out.
      trained_on: hashes of its clips and speakers; None if an earlier version trained it.
    """

    name: Path
    recipe: Recipe
    data_key: str
    excluded: frozenset[str]
    trained_on: TrainedOn | None


@dataclass(frozen=True, kw_only=True)
class ScoredClips:
    """The clips of one split of a packed corpus, and which of them count.

    Attributes:
      store, split: where they lie.
      classes: of the model, over the words of the corpus.
      left_out: bool [clips]; the model knows such a clip or its speaker from training.
      other: None for the data of the training.
    """

    store: Store
    split: str
    classes: Classes
    left_out: np.ndarray
    other: OtherData | None

    def known_paths(self) -> frozenset[bytes]:
        """Paths of the clips that do not count."""
        return frozenset(self.store.splits[self.split].paths[self.left_out].tolist())

    def without(self, paths: frozenset[bytes]) -> "ScoredClips":
        """The same clips, of which these do not count either."""
        index = self.store.splits[self.split]
        left_out = self.left_out | np.isin(index.paths, np.array(sorted(paths), np.bytes_))
        return replace(self, left_out=left_out)

    def held_out(self) -> HeldOut:
        """The clips that are scored."""
        return held_out(self.store, self.classes, self.split, left_out=self.left_out)

    def other_json(self) -> dict[str, Any] | None:
        """The object `other_data` of reports."""
        return self.other.to_dict() if self.other else None


def open_tested(data: Path, origin: Origin, *, split: str, skip_bad: bool, say: Say) -> ScoredClips:
    """The clips of `data` that a model is tested on.

    Of other data a split is the clips on its list. If only the other list exists, it is all clips
    that are not on that one; without any list it is every clip.

    Args:
      data: a corpus: the one of the training, or another.
      origin: the model.
      split: "test" or "validation".
      skip_bad: leave unreadable clips out.
      say: called with each note; one of them says that the data is other.

    Raises:
      PldError: the data can't be used, or no keyword has a clip that the model does not know.
    """
    keywords = origin.recipe.words.keywords
    corpus = list_corpus(data, excluded=origin.excluded, keywords=keywords)
    known = origin.trained_on
    if known is None or known.listing == listing_of(corpus):
        store = open_data(data, origin.recipe, excluded=origin.excluded, skip_bad=skip_bad, say=say)
    else:
        corpus = _of_split(corpus, split)
        store = pack_and_tell(corpus, origin.recipe, skip_bad=skip_bad, say=say, needed=(split,))
    if store.key == origin.data_key:
        classes = find_classes(origin.recipe.words, store.words)
        nothing = np.zeros(len(store.splits[split]), bool)
        return ScoredClips(store=store, split=split, classes=classes, left_out=nothing, other=None)
    tested = _other(store, data, origin, split)
    for line in tested.other.notes() if tested.other else ():
        say(line)
    return tested


def _of_split(corpus: Corpus, split: str) -> Corpus:
    """The clips of other data that serve as `split`, and no others."""
    listed = [name for name, file in LISTS.items() if (corpus.root / file).is_file()]
    if split in listed:
        clips = [clip for clip in corpus.clips if clip.split == split]
    else:
        clips = [clip for clip in corpus.clips if clip.split not in listed]
    if not clips:
        raise PldError(
            f"no clip of {corpus.root} is for {split}. Name some in {LISTS[split]}, or remove the "
            "lists: then every clip is."
        )
    as_split = tuple(replace(clip, split=split) for clip in clips)
    made_of = f"{corpus.fingerprint} only {split}"
    fingerprint = hashlib.sha256(made_of.encode()).hexdigest()
    about_splits = speaker_notes(corpus.clips)
    notes = tuple(note for note in corpus.notes if note not in about_splits)
    return replace(corpus, clips=as_split, fingerprint=fingerprint, notes=notes)


def _other(store: Store, data: Path, origin: Origin, split: str) -> ScoredClips:
    classes = find_classes(origin.recipe.words, store.words, needs_all=False)
    index = store.splits[split]
    speakers = speaker_hashes(index.paths)
    is_known, is_voice = _known(store, split, speakers, origin.trained_on)
    left_out = is_known | is_voice
    told = origin.trained_on is not None
    words = _Words(store, classes, np.bincount(index.words[~left_out], minlength=len(store.words)))
    other = OtherData(
        data=str(data),
        origin=str(origin.name),
        split=split,
        clips=len(index),
        known_clips=int(is_known.sum()) if told else None,
        known_speakers=len(np.unique(speakers[is_voice])) if told else None,
        clips_of_known_speakers=int((is_voice & ~is_known).sum()) if told else None,
        nameless_clips=int((speakers == NOTHING).sum()) if told else None,
        keywords=classes.unknown_class,
        missing_keywords=words.missing,
        unknown_words=words.no_keywords if classes.unknown else [],
        left_out_words=words.ignored if classes.unknown else words.ignored + words.no_keywords,
    )
    if len(words.missing) == classes.unknown_class:
        raise PldError(_nothing_left(other, classes))
    return ScoredClips(store=store, split=split, classes=classes, left_out=left_out, other=other)


def _known(
    store: Store, split: str, speakers: np.ndarray, known: TrainedOn | None
) -> tuple[np.ndarray, np.ndarray]:
    """Which clips of a split are known, and which are of known speakers; both bool [clips]."""
    if known is None:
        nothing = np.zeros(len(speakers), bool)
        return nothing, nothing
    return np.isin(clip_hashes(store, split), known.clips), np.isin(speakers, known.speakers)


class _Words:
    """The words of other data, by what they are to a model.

    Args:
      store: packed corpus.
      classes: of the model.
      counts: int [words], clips that count.
    """

    def __init__(self, store: Store, classes: Classes, counts: np.ndarray) -> None:
        self._named = list(zip(store.words, classes.of_word.tolist(), counts.tolist(), strict=True))
        self.missing = keywords_without_clips(classes, counts)
        self.no_keywords = self._of(classes.unknown_class)
        self.ignored = self._of(IGNORED)

    def _of(self, wanted: int) -> list[str]:
        return [word for word, number, count in self._named if count and number == wanted]


def _nothing_left(other: OtherData, classes: Classes) -> str:
    known = ""
    if other.known_clips or other.clips_of_known_speakers:
        known = (
            f"{other.known_clips} are known from training, {other.clips_of_known_speakers} more "
            "are of speakers known from training, "
        )
    keywords = ", ".join(classes.names[: classes.unknown_class])
    return (
        f"{other.data} has nothing to test {other.origin} on: of its {other.clips} {other.split} "
        f"clips {known}none of the others says a keyword ({keywords}). Give recordings of "
        "keywords, by speakers that are new."
    )
