"""Split clips by speaker, where no list does. Reads no file.

The official hash of the speaker decides. Where few speakers leave a word without clips in a split,
whole speakers change their split, and single clips where there are too few speakers.
"""

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from fractions import Fraction

from pld_tf.data.corpus.file_names import without_suffix

# In the order in which a word gets its clips: without the first, nothing can be trained.
SPLITS = ("train", "test", "validation")
# A word with fewer clips can't have one in each split.
_LEAST_CLIPS = len(SPLITS)
# A corpus is large if that many speakers say each word, on average. The hash of 50 speakers leaves
# out a split in one of 100 cases.
_MANY_SPEAKERS = 50
# Where less of a word is for training, it gets more speakers.
_TRAIN_SHARE = Fraction(1, 4)
_HELD_PERCENT = 10

_SPEAKER = re.compile(r"^(.+?)_nohash_")
# Fixed by Speech Commands: another number would move speakers to other splits.
_MAX_CLIPS_PER_WORD = 2**27 - 1


def speaker_of(path: str) -> str | None:
    """The speaker in a clip's file name; None if it names none.

    >>> speaker_of("yes/anna_nohash_0.wav"), speaker_of("yes/7.wav")
    ('anna', None)
    """
    match = _SPEAKER.match(path.rpartition("/")[2])
    return match.group(1) if match else None


def speaker_split(name: str) -> str:
    """The split that the hash of a speaker's name gives: 10 % validation, 10 % test.

    Source: `which_set` in the README of Speech Commands (Warden 2018, arXiv:1804.03209).

    >>> speaker_split("7a49163e"), speaker_split("0c540988"), speaker_split("004ae714")
    ('validation', 'test', 'train')
    """
    percent = _percent(name)
    if percent < _HELD_PERCENT:
        return "validation"
    return "test" if percent < 2 * _HELD_PERCENT else "train"


def unit_of(path: str) -> str:
    """What is hashed for a clip: its speaker, or its path without suffix where none is named."""
    return speaker_of(path) or without_suffix(path)


def split_clips(paths: Iterable[str], keywords: Collection[str] = ()) -> dict[str, str]:
    """Split of each clip, given as <word>/<file>.

    Every word of three clips or more has some in each split. A speaker is in one split, except
    where a word has too few speakers. Where the hash alone does all that, it alone decides. It also
    does in a large corpus, so that no rare word moves others. Only keywords are seen to there.

    Args:
      paths: of all clips.
      keywords: words that need clips in each split, even in a large corpus.
    """
    unit = {path: unit_of(path) for path in paths}
    speakers: dict[str, Counter[str]] = defaultdict(Counter)
    for path, name in unit.items():
        speakers[name][_word(path)] += 1
    words = {word for of_speaker in speakers.values() for word in of_speaker}
    if sum(map(len, speakers.values())) >= _MANY_SPEAKERS * len(words):
        words &= set(keywords)
    by_speaker = _Splits(speakers, {name: speaker_split(name) for name in speakers})
    by_speaker.mend(words, least_train=_TRAIN_SHARE)
    clips = {path: Counter([_word(path)]) for path in unit}
    by_clip = _Splits(clips, {path: by_speaker.split_of[name] for path, name in unit.items()})
    by_clip.mend(words, least_train=Fraction(0))
    return by_clip.split_of


def moved_clips(split_of: Mapping[str, str]) -> dict[str, str]:
    """The clips, with their splits, that the hash alone would put elsewhere; in order."""
    return {
        path: split
        for path, split in sorted(split_of.items())
        if split != speaker_split(unit_of(path))
    }


def divided_speakers(split_of: Mapping[str, str]) -> dict[str, set[str]]:
    """Speakers in several splits, each with the words whose clips are not all where most are."""
    clips: dict[str, Counter[tuple[str, str]]] = defaultdict(Counter)
    for path, split in split_of.items():
        if speaker := speaker_of(path):
            clips[speaker][split, _word(path)] += 1
    divided: dict[str, set[str]] = {}
    for speaker, counts in clips.items():
        sizes = Counter[str]()
        for (split, _), count in counts.items():
            sizes[split] += count
        if len(sizes) > 1:
            most = max(sizes, key=lambda split: (sizes[split], split))
            divided[speaker] = {word for split, word in counts if split != most}
    return divided


class _Splits:
    """Splits of units, and the clips of each word in them.

    Args:
      units: clips of each word, by unit: of a speaker, or of a single clip.
      split_of: split of each unit.
    """

    def __init__(self, units: Mapping[str, Counter[str]], split_of: dict[str, str]) -> None:
        self.split_of = split_of
        self._units = units
        self._of_word: dict[str, list[str]] = defaultdict(list)
        self._counts: dict[str, Counter[str]] = defaultdict(Counter)
        for unit, words in units.items():
            for word, clips in words.items():
                self._of_word[word].append(unit)
                self._counts[word][split_of[unit]] += clips
        # Words of which no split may become empty.
        self._settled = {word for word, of in self._counts.items() if of.total() >= _LEAST_CLIPS}

    def mend(self, words: Iterable[str], *, least_train: Fraction) -> None:
        """Move units until each of `words` has clips in each split, as far as whole units allow.

        Args:
          words: words of the units.
          least_train: least share of a word's clips that are for training.
        """
        ready = self._settled.intersection(words)
        self._settled -= ready
        # Words of few units have the least choice.
        for word in sorted(ready, key=lambda word: (len(self._of_word[word]), word)):
            counts, total = self._counts[word], self._counts[word].total()
            for split in SPLITS:
                least = least_train * total if split == "train" else 0
                if counts[split] < max(1, least):
                    self._fill(word, split)
            self._settled.add(word)

    def _fill(self, word: str, split: str) -> None:
        """Move units of a word into a split: one, and more up to the split's share of the clips."""
        counts, total = self._counts[word], self._counts[word].total()
        held = -(-total * _HELD_PERCENT // 100)
        share = total - 2 * held if split == "train" else held
        is_short = True
        for unit in sorted(self._of_word[word], key=lambda unit: self._order(unit, word, split)):
            has_room = is_short or counts[split] + self._units[unit][word] <= share
            if has_room and self._can_spare(unit, word, split):
                self._move(unit, split)
                is_short = False

    def _order(self, unit: str, word: str, split: str) -> tuple[int, int, float, str]:
        """Sort key of the units that may move into `split`.

        Who has most of the clips is the last to be held out, and the first to be trained on.
        Training gives before the test does.
        """
        sign = -1 if split == "train" else 1
        has_most = 2 * self._units[unit][word] > self._counts[word].total()
        place = SPLITS.index(self.split_of[unit])
        return sign * has_most, sign * place, _percent(unit), unit

    def _can_spare(self, unit: str, word: str, split: str) -> bool:
        """Whether a unit may leave its split. No split of a settled word becomes empty."""
        donor, words = self.split_of[unit], self._units[unit]
        is_filled_later = SPLITS.index(donor) > SPLITS.index(split)
        empties = {other for other in words if self._counts[other][donor] == words[other]}
        return (
            donor != split
            and (word not in empties or is_filled_later)
            and empties.isdisjoint(self._settled)
        )

    def _move(self, unit: str, split: str) -> None:
        for word, clips in self._units[unit].items():
            self._counts[word][self.split_of[unit]] -= clips
            self._counts[word][split] += clips
        self.split_of[unit] = split


def _word(path: str) -> str:
    return path.partition("/")[0]


def _percent(name: str) -> float:
    digest = int(hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest(), 16)
    return (digest % (_MAX_CLIPS_PER_WORD + 1)) * (100.0 / _MAX_CLIPS_PER_WORD)
