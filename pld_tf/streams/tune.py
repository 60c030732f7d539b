"""Choose smoothing and thresholds from the scores of a stream. NumPy only."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from pld_tf.streams.decision import NEVER, SCORE_ONE, smoothed
from pld_tf.streams.detections import DETECTED_WITHIN_S, Tally, match, tally
from pld_tf.streams.scored import ScoredSound, ScoredStream, detect, with_sounds

UNTESTED = 26214  # 0.8, as in a bundle that has not been tuned
SMOOTHINGS = (1, 2, 3, 4, 6, 8)  # inferences; with 16, words would end before they fire


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A decision and its result on the stream that it was chosen on.

    Attributes:
      smoothing: inferences averaged.
      thresholds: int [keywords], in 1/32768.
      tally: of the whole stream, all keywords at once.
    """

    smoothing: int
    thresholds: np.ndarray
    tally: Tally


@dataclass(frozen=True, kw_only=True)
class _Option:
    """One threshold of one keyword, counted without the other keywords."""

    false_accepts: int
    misses: int
    threshold: int


def choose(stream: ScoredStream, *, per_hour: float, refractory: int) -> Choice:
    """The decision with the fewest false rejects among those with few enough false accepts.

    A stream with sections of sound without keywords has few enough if each of them has. What fires
    wrongly among its words is then not counted: a device seldom hears so many.

    A keyword that is never spoken gets the threshold `UNTESTED`, or one above all that fires.

    Each keyword is swept alone: thresholds just above each of its false peaks, raised to the middle
    of the range in which nothing changes. A knapsack distributes the false accepts among keywords.
    Together, all keywords compete for one refractory time. So the result is then decided and
    counted as on the device. If it has too many false accepts, fewer are distributed.

    Args:
      stream: a stream without clips of the training.
      per_hour: allowed false accepts an hour.
      refractory: inferences kept silent after a detection.
    """
    allowed = [int(per_hour * section.seconds / 3600 + 1e-9) for section in stream.counted()]
    choices = [
        _choose_thresholds(stream, smoothing, allowed, refractory) for smoothing in SMOOTHINGS
    ]
    return min(choices, key=lambda choice: _badness(stream, choice, allowed))


def _badness(
    stream: ScoredStream, choice: Choice, allowed: Sequence[int]
) -> tuple[int, int, int, int]:
    """Sort key, least for the best choice; equal choices are sorted by the delay of smoothing."""
    accepted = stream.accepted(choice.tally.false_accepts)
    return (
        _excess(accepted, allowed), len(choice.tally.misses), sum(accepted), choice.smoothing,
    )  # fmt: skip


def _excess(accepted: Sequence[int], allowed: Sequence[int]) -> int:
    return sum(max(0, one - most) for one, most in zip(accepted, allowed, strict=True))


def _choose_thresholds(
    stream: ScoredStream, smoothing: int, allowed: Sequence[int], refractory: int
) -> Choice:
    in_all = sum(allowed)
    sums = smoothed(stream.scores, smoothing)
    options = [
        _Keyword(stream, name, sums[:, column], smoothing, refractory).options(in_all)
        for column, name in enumerate(stream.keywords)
    ]
    for shared in range(in_all, -1, -1):
        thresholds = _share_out(options, shared)
        choice = Choice(
            smoothing=smoothing,
            thresholds=thresholds,
            tally=count(stream, thresholds, smoothing=smoothing, refractory=refractory),
        )
        if not _excess(stream.accepted(choice.tally.false_accepts), allowed):
            break
    return choice


def unseen_accepts(
    words: ScoredStream, sounds: Sequence[ScoredSound], *, per_hour: float, refractory: int
) -> dict[str, int]:
    """False accepts by folder in recordings that did not choose: what a device may expect.

    Two halves of the recordings take turns: one chooses, the other counts.
    """
    accepts: Counter[str] = Counter()
    for half in (0, 1):
        chooses, counts = sounds[half::2], sounds[1 - half :: 2]
        if not counts:
            continue
        choice = choose(with_sounds(words, chooses), per_hour=per_hour, refractory=refractory)
        heard = with_sounds(words, counts)
        tally = count(heard, choice.thresholds, smoothing=choice.smoothing, refractory=refractory)
        numbers = heard.accepted(tally.false_accepts)
        for section, number in zip(heard.counted(), numbers, strict=True):
            accepts[section.name] += number
    return dict(accepts)


def count(
    stream: ScoredStream, thresholds: np.ndarray, *, smoothing: int, refractory: int
) -> Tally:
    """Hits, misses and false accepts of a decision on a stream."""
    detections = detect(
        stream,
        stream.keywords,
        thresholds=thresholds,
        smoothing=smoothing,
        refractory=refractory,
    )
    return tally(stream.spoken, detections, stream.keywords)


def _share_out(options: Sequence[Sequence[_Option]], allowed: int) -> np.ndarray:
    """Thresholds with the fewest misses in all, for at most `allowed` false accepts in all.

    Exact: keeps the best for each number of false accepts, one keyword after another.
    """
    best = [_Shared(misses=0, false_accepts=0, thresholds=())] * (allowed + 1)
    for of_keyword in options:
        best = [
            min(
                best[room - option.false_accepts].plus(option)
                for option in of_keyword
                if option.false_accepts <= room
            )
            for room in range(allowed + 1)
        ]
    return np.array(best[allowed].thresholds, np.int64)


class _Shared(NamedTuple):
    """Combined options of the first few keywords; less is better, misses first."""

    misses: int
    false_accepts: int
    thresholds: tuple[int, ...]

    def plus(self, option: _Option) -> "_Shared":
        return _Shared(
            misses=self.misses + option.misses,
            false_accepts=self.false_accepts + option.false_accepts,
            thresholds=(*self.thresholds, option.threshold),
        )


class _Keyword:
    """The smoothed scores of one keyword, its words, and the effect of thresholds on it alone."""

    def __init__(
        self, stream: ScoredStream, name: str, sums: np.ndarray, smoothing: int, refractory: int
    ) -> None:
        words = [word for word in stream.spoken if word.word == name]
        self._starts_s = [word.start_s for word in words]
        self._ends_s = [word.end_s for word in words]
        self._times_s = stream.times_s
        self._counted_from_s = stream.counted_from_s
        self._sums = sums
        self._smoothing = smoothing
        self._refractory = refractory
        # Inferences at which each word may be detected.
        self._first = np.searchsorted(stream.times_s, self._starts_s, side="left")
        ends_s = np.asarray(self._ends_s) + DETECTED_WITHIN_S
        self._past = np.searchsorted(stream.times_s, ends_s, side="right")

    def options(self, most: int) -> list[_Option]:
        """Useful thresholds with up to `most` false accepts; one of them has none."""
        if not self._starts_s:
            return [self._untested()]
        never = _Option(false_accepts=0, misses=len(self._starts_s), threshold=NEVER)
        just_above = [peak // self._smoothing + 1 for peak in self._false_peaks(most + 1)]
        lowest = [1] if len(just_above) <= most else []
        tried = (self._option(threshold) for threshold in (*just_above, *lowest))
        return [never, *(option for option in tried if option.false_accepts <= most)]

    def _untested(self) -> _Option:
        highest = [peak // self._smoothing + 1 for peak in self._false_peaks(1)]
        return _Option(false_accepts=0, misses=0, threshold=max(UNTESTED, *highest, 0))

    def _false_peaks(self, most: int) -> list[int]:
        """Highest sums outside the keyword's words, a refractory time apart, highest first."""
        false = self._sums.copy()
        for first, past in zip(self._first, self._past, strict=True):
            false[first:past] = 0
        false[: int(np.searchsorted(self._times_s, self._counted_from_s))] = 0
        peaks = []
        while len(peaks) < most and len(false) and false.max() > 0:
            at = int(false.argmax())
            peaks.append(int(false[at]))
            false[max(0, at - self._refractory) : at + self._refractory + 1] = 0
        return peaks

    def _option(self, lowest: int) -> _Option:
        """The middle of the thresholds that detect the same words as `lowest`."""
        least, which = self._try(lowest)
        peaks = [
            int(self._sums[first:past].max()) // self._smoothing
            for word, (first, past) in enumerate(zip(self._first, self._past, strict=True))
            if word in which
        ]
        middle, _ = self._try((lowest + min(peaks, default=SCORE_ONE)) // 2)
        is_as_good = middle.false_accepts <= least.false_accepts and middle.misses <= least.misses
        return middle if is_as_good and middle.threshold > lowest else least

    def _try(self, threshold: int) -> tuple[_Option, set[int | None]]:
        times_s = self._times_s[self._fires(threshold * self._smoothing)].tolist()
        which = match(starts_s=self._starts_s, ends_s=self._ends_s, times_s=times_s)
        words = set(which) - {None}
        counted = zip(which, times_s, strict=True)
        option = _Option(
            false_accepts=sum(
                word is None and time_s >= self._counted_from_s for word, time_s in counted
            ),
            misses=len(self._starts_s) - len(words),
            threshold=min(threshold, NEVER),
        )
        return option, words

    def _fires(self, enough: int) -> list[int]:
        """Inferences at which the keyword fires without the other keywords."""
        loud = np.flatnonzero(self._sums >= enough)
        fired = []
        at = 0
        while at < len(loud):
            fired.append(int(loud[at]))
            at = int(np.searchsorted(loud, loud[at] + self._refractory, side="right"))
        return fired
