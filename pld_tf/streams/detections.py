"""Decide which detections are right, from words with known times."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

# A word may be detected up to this long after its end: the crop must hold most of the word, and
# smoothing adds delay.
DETECTED_WITHIN_S = 0.75


@dataclass(frozen=True, kw_only=True)
class Spoken:
    """A word of a stream, from its first to its last sound, in seconds."""

    word: str
    start_s: float
    end_s: float


@dataclass(frozen=True, kw_only=True)
class Detected:
    """A word that fired, and the end of the audio used for it, in seconds."""

    word: str
    time_s: float


@dataclass(frozen=True, kw_only=True)
class Tally:
    """Counts of right and wrong detections in a stream.

    Attributes:
      hits: keywords that were detected, each with its detection, in the order of detections.
      misses: keywords that were spoken and not detected (false rejects), in the order of words.
      false_accepts: detections without a matching word.
    """

    hits: tuple[tuple[Spoken, Detected], ...]
    misses: tuple[Spoken, ...]
    false_accepts: tuple[Detected, ...]


def tally(
    spoken: Iterable[Spoken], detections: Iterable[Detected], keywords: Sequence[str]
) -> Tally:
    """Match detections with words of the same name, as `match` does.

    Args:
      spoken: words of the stream, in order; words that are not keywords match nothing.
      detections: in order; each word is one of the keywords.
      keywords: words that may fire.
    """
    wanted = {name: [word for word in spoken if word.word == name] for name in keywords}
    found: dict[str, list[Detected]] = {name: [] for name in keywords}
    for detection in detections:
        found[detection.word].append(detection)
    hits, misses, false_accepts = [], [], []
    for name in keywords:
        which = match(
            starts_s=[word.start_s for word in wanted[name]],
            ends_s=[word.end_s for word in wanted[name]],
            times_s=[detection.time_s for detection in found[name]],
        )
        hits += [
            (wanted[name][i], d) for i, d in zip(which, found[name], strict=True) if i is not None
        ]
        false_accepts += [d for i, d in zip(which, found[name], strict=True) if i is None]
        found_words = set(which)
        misses += [word for i, word in enumerate(wanted[name]) if i not in found_words]
    return Tally(
        hits=tuple(sorted(hits, key=lambda hit: hit[1].time_s)),
        misses=tuple(sorted(misses, key=lambda word: word.start_s)),
        false_accepts=tuple(sorted(false_accepts, key=lambda detection: detection.time_s)),
    )


def match(
    *, starts_s: Sequence[float], ends_s: Sequence[float], times_s: Sequence[float]
) -> list[int | None]:
    """The matching word of each detection, as an index or None.

    A detection belongs to the first word that has no detection yet, has begun, and ended at most
    `DETECTED_WITHIN_S` earlier. So a second detection of one word is a false accept.

    Args:
      starts_s: start times of words of one name, in order, not overlapping.
      ends_s: end times of the same words.
      times_s: detections of that name, in order.

    >>> match(starts_s=[1.0, 5.0], ends_s=[1.5, 5.5], times_s=[0.9, 1.6, 1.9, 6.2])
    [None, 0, None, 1]
    """
    which: list[int | None] = []
    word = 0
    for time_s in times_s:
        while word < len(ends_s) and ends_s[word] + DETECTED_WITHIN_S < time_s:
            word += 1
        if word < len(starts_s) and starts_s[word] <= time_s:
            which.append(word)
            word += 1
        else:
            which.append(None)
    return which
