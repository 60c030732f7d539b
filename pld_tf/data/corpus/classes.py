"""The class of each word of a corpus, and how many of its clips an epoch takes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pld_tf.errors import PldError
from pld_tf.recipe.explain import nearest
from pld_tf.recipe.tables import WordChoices

IGNORED = -1
_LISTED = 10  # words named in a line
FEW_CLIPS = 10  # of a keyword: each wrong one changes its accuracy by 10 % or more


@dataclass(frozen=True, kw_only=True)
class Classes:
    """Classes of a recipe over the words of a corpus.

    Attributes:
      names: keywords, `unknown`, `silence`, in output order.
      of_word: int32 [words], class of each word, `IGNORED` for words left out.
      unknown: clips of `unknown` per epoch, as a multiple of the mean keyword class.
      silence: the same for `silence`.
    """

    names: tuple[str, ...]
    of_word: np.ndarray
    unknown: float
    silence: float

    @property
    def unknown_class(self) -> int:
        return len(self.names) - 2

    @property
    def silence_class(self) -> int:
        return len(self.names) - 1


def find_classes(choices: WordChoices, words: Sequence[str], *, needs_all: bool = True) -> Classes:
    """Assign a class to each word.

    Args:
      choices: of the recipe.
      words: of the corpus.
      needs_all: refuse a corpus that lacks a keyword, as training must.

    Raises:
      PldError: a keyword of the recipe is not in the corpus. An ignored word may be absent.
    """
    present = set(words)
    for word in choices.keywords if needs_all else ():
        if word not in present:
            raise PldError(
                f"keyword '{word}' of the recipe has no folder in the data;{nearest(word, words)}"
            )
    number_of = dict.fromkeys(choices.ignored, IGNORED)
    number_of |= {word: number for number, word in enumerate(choices.keywords)}
    of_word = [number_of.get(word, len(choices.keywords)) for word in words]
    return Classes(
        names=choices.class_names,
        of_word=np.array(of_word, np.int32),
        unknown=choices.unknown,
        silence=choices.silence,
    )


def require_keyword_clips(classes: Classes, word_counts: np.ndarray, split: str) -> None:
    """Refuse a split that lacks the keyword clips it needs.

    Args:
      classes: classes over the words.
      word_counts: int [words], clips of each word in the split.
      split: `train` needs clips of every keyword. Another split needs clips of one keyword;
        accuracy then does not cover the rest.

    Raises:
      PldError: names the split and the keywords without clips.
    """
    absent = keywords_without_clips(classes, word_counts)
    if absent and (split == "train" or len(absent) == classes.unknown_class):
        raise PldError(
            f"the {split} split has no clip of keyword {_listed(absent)}. Add clips of more "
            "speakers, or name splits in validation_list.txt and testing_list.txt."
        )


def class_notes(classes: Classes, word_counts: Mapping[str, np.ndarray]) -> list[str]:
    """Notes, one line each, on what the recipe's classes lack in a corpus.

    Args:
      classes: classes over the words.
      word_counts: clips of each word by split, as `Store.word_counts`.

    Raises:
      PldError: a split lacks the keyword clips it can't do without.
    """
    notes = []
    for split, counts in word_counts.items():
        require_keyword_clips(classes, counts, split)
        if absent := keywords_without_clips(classes, counts):
            notes.append(
                f"the {split} split has no clip of keyword {_listed(absent)}: nothing tests it."
            )
        if split != "train" and (few := _keywords_with_few_clips(classes, counts)):
            notes.append(
                f"the {split} split has fewer than {FEW_CLIPS} clips of keyword {_listed(few)}: "
                "its accuracy says little. docs/data.md says where to get more."
            )
    is_unknown = classes.of_word == classes.unknown_class
    if classes.unknown > 0 and not word_counts["train"][is_unknown].any():
        notes.append(
            "the train split has no clip of a word that is no keyword: nothing teaches `unknown`, "
            "so other words will fire. docs/data.md says where to get some."
        )
    return notes


def keywords_without_clips(classes: Classes, word_counts: np.ndarray) -> list[str]:
    """Names of the keywords without a clip, given the clips of each word, int [words]."""
    return [name for name, clips in _keyword_clips(classes, word_counts) if not clips]


def _keywords_with_few_clips(classes: Classes, word_counts: np.ndarray) -> list[str]:
    return [name for name, clips in _keyword_clips(classes, word_counts) if 0 < clips < FEW_CLIPS]


def _keyword_clips(classes: Classes, word_counts: np.ndarray) -> list[tuple[str, int]]:
    """Keywords with the number of their clips."""
    keywords = enumerate(classes.names[: classes.unknown_class])
    return [(name, int(word_counts[classes.of_word == number].sum())) for number, name in keywords]


def _listed(words: list[str]) -> str:
    more = f" and {len(words) - _LISTED} more" if len(words) > _LISTED else ""
    return ", ".join(f"'{word}'" for word in words[:_LISTED]) + more


def word_quotas(classes: Classes, word_counts: np.ndarray) -> tuple[np.ndarray, int]:
    """Clips per epoch of each word, and of silence.

    Every keyword clip is taken. The words of `unknown` share its clips evenly. If a word has too
    few clips, the others get the rest of its share.

    Args:
      classes: classes over the words.
      word_counts: int [words], clips of each word in one split.

    Returns:
      int64 [words], at most `word_counts`; and the number of silence crops.
    """
    is_keyword = (classes.of_word >= 0) & (classes.of_word < classes.unknown_class)
    is_unknown = classes.of_word == classes.unknown_class
    mean_keyword = word_counts[is_keyword].sum() / max(1, is_keyword.sum())
    quotas = np.where(is_keyword, word_counts, 0).astype(np.int64)
    quotas[is_unknown] = share_evenly(
        round(classes.unknown * mean_keyword), word_counts[is_unknown]
    )
    return quotas, round(classes.silence * mean_keyword)


def rank_within(words: np.ndarray) -> np.ndarray:
    """Number of earlier clips with the same word, for each clip.

    >>> rank_within(np.array([3, 1, 3, 3, 1])).tolist()
    [0, 0, 1, 2, 1]
    """
    order = np.argsort(words, kind="stable")
    counts = np.bincount(words)
    firsts = np.cumsum(counts) - counts
    rank = np.empty(len(words), np.int64)
    rank[order] = np.arange(len(words)) - firsts[words[order]]
    return rank


def share_evenly(total: int, available: np.ndarray) -> np.ndarray:
    """Shares as even as possible, each at most `available`, that sum to `total` where possible.

    >>> share_evenly(10, np.array([1, 9, 9])).tolist()
    [1, 5, 4]
    """
    shares = np.zeros(len(available), np.int64)
    remaining = total
    # Rarest first: words with more clips share what it leaves.
    for rank, word in enumerate(np.argsort(available, kind="stable")):
        shares[word] = share = min(int(available[word]), -(-remaining // (len(available) - rank)))
        remaining -= share
    return shares
