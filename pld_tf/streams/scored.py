"""Scores of a bundle's C on streams: words in time, and sound without keywords. NumPy only."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby

import numpy as np

from pld_tf.streams.decision import decide
from pld_tf.streams.detections import Detected, Spoken


@dataclass(frozen=True, kw_only=True)
class Section:
    """A part of a stream: the words, or all sound of a folder of `_negatives_`."""

    name: str
    seconds: float


@dataclass(frozen=True, kw_only=True)
class ScoredSound:
    """A recording without keywords, scored.

    Attributes:
      folder: of `_negatives_`.
      times_s, scores, seconds: as in `ScoredStream`.
    """

    folder: str
    times_s: np.ndarray
    scores: np.ndarray
    seconds: float


@dataclass(frozen=True, kw_only=True)
class ScoredStream:
    """The scores of a bundle's C on a stream.

    Attributes:
      keywords: in the order of `scores`' columns.
      spoken: words of the stream, in order.
      recordings: path of each of these words in its corpus. A recording may come many times.
      times_s: float64 [inferences], end of the audio that each inference uses.
      scores: int [inferences, keywords], in 1/32768.
      seconds: length of the stream.
      sections: of a stream that goes on with sound without keywords: the words, then each folder.
    """

    keywords: tuple[str, ...]
    spoken: tuple[Spoken, ...]
    recordings: tuple[str, ...]
    times_s: np.ndarray
    scores: np.ndarray
    seconds: float
    sections: tuple[Section, ...] = ()

    @property
    def counted_from_s(self) -> float:
        """From here on false accepts count."""
        return self.sections[0].seconds if self.sections else 0.0

    def counted(self) -> tuple[Section, ...]:
        """The sections in which false accepts count."""
        return self.sections[1:] or (Section(name="", seconds=self.seconds),)

    def accepted(self, false_accepts: Iterable[Detected]) -> list[int]:
        """Number of false accepts in each section that counts."""
        lengths = [section.seconds for section in self.counted()]
        ends = np.cumsum([self.counted_from_s, *lengths]).tolist()
        counts = [0] * (len(lengths) + 1)
        for one in false_accepts:
            counts[min(bisect_left(ends, one.time_s), len(lengths))] += 1
        # Without sections nothing lies before the part that counts.
        return counts[1:] if self.sections else [sum(counts)]

    def untested(self) -> tuple[str, ...]:
        """Keywords that are never spoken."""
        spoken = {word.word for word in self.spoken}
        return tuple(name for name in self.keywords if name not in spoken)


def with_sounds(words: ScoredStream, sounds: Sequence[ScoredSound]) -> ScoredStream:
    """A stream of words that goes on with sounds, which are in the order of their folders."""
    if not sounds:
        return words
    sections = [Section(name="words", seconds=words.seconds)]
    sections += [
        Section(name=folder, seconds=sum(sound.seconds for sound in members))
        for folder, members in groupby(sounds, key=lambda sound: sound.folder)
    ]
    starts_s = np.cumsum([words.seconds, *(sound.seconds for sound in sounds)])[:-1]
    times_s = [sound.times_s + start for sound, start in zip(sounds, starts_s, strict=True)]
    return replace(
        words,
        times_s=np.concatenate([words.times_s, *times_s]),
        scores=np.concatenate([words.scores, *(sound.scores for sound in sounds)]),
        seconds=words.seconds + sum(sound.seconds for sound in sounds),
        sections=tuple(sections),
    )


def detect(
    scored: ScoredSound | ScoredStream,
    keywords: Sequence[str],
    *,
    thresholds: np.ndarray,
    smoothing: int,
    refractory: int,
) -> list[Detected]:
    """The detections of a decision; its arguments are those of `decide`."""
    fired = decide(scored.scores, thresholds=thresholds, smoothing=smoothing, refractory=refractory)
    return [
        Detected(word=keywords[one.keyword], time_s=float(scored.times_s[one.inference]))
        for one in fired
    ]
