"""Negatives as a training takes them: how many crops of each folder, and which are hard."""

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from pld_tf.data.corpus.classes import share_evenly
from pld_tf.data.negatives.pieces import KINDS, PAUSE
from pld_tf.data.store.pack import SplitIndex, Store
from pld_tf.recipe.tables import NegativeChoices


@dataclass(frozen=True, kw_only=True)
class Mined:
    """Places in negatives where a network is sure of a keyword: hard negatives.

    Attributes:
      pieces: int64 [places], positions in the index of the negatives, each once.
      centres_ms: int32 [places], the middle of each such crop in its piece.
    """

    pieces: np.ndarray
    centres_ms: np.ndarray


@dataclass(frozen=True, kw_only=True)
class TaughtNegatives:
    """The negatives of a training.

    Attributes:
      store: packed negatives.
      crops: in an epoch, hard ones not counted.
      mined: hard ones, of which an epoch takes up to `most_mined`.
      most_mined: see above.
    """

    store: Store
    crops: int
    mined: Mined | None = None
    most_mined: int = 0

    @classmethod
    def of(
        cls, store: Store, choices: NegativeChoices, mined: Mined | None = None
    ) -> "TaughtNegatives | None":
        """What a recipe takes of a corpus' negatives; None if it takes nothing."""
        if store.negatives is None or not choices.crops:
            return None
        return cls(
            store=store.negatives, crops=choices.crops, mined=mined, most_mined=choices.mined
        )

    @cached_property
    def index(self) -> SplitIndex:
        """The pieces; hard ones are of a word of their own, the last."""
        index = self.store.splits["train"]
        if self.mined is None:
            return index
        words = index.words.copy()
        words[self.mined.pieces] = len(self.store.words)
        return replace(index, words=words)

    def quotas(self) -> np.ndarray:
        """Pieces per epoch of each word and of hard ones, int64 [words + 1].

        Folders share the crops evenly. Sound and pauses of a folder have their natural shares.
        """
        counts = np.bincount(self.index.words, minlength=len(self.store.words) + 1)
        by_folder = counts[:-1].reshape(-1, len(KINDS))
        of_folder = share_evenly(self.crops, by_folder.sum(axis=1))
        pauses = of_folder * by_folder[:, PAUSE] // np.maximum(1, by_folder.sum(axis=1))
        quotas = np.stack([of_folder - pauses, pauses], axis=1)
        return np.append(quotas.reshape(-1), min(self.most_mined, counts[-1]))

    def labels(self, *, unknown: int, silence: int) -> np.ndarray:
        """Class of each word and of hard ones, int32 [words + 1]: pauses are `silence`."""
        kinds = [silence if kind == PAUSE else unknown for kind in range(len(KINDS))]
        return np.array([*kinds * (len(self.store.words) // len(KINDS)), unknown], np.int32)
