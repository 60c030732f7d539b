"""What a decision does in hours of sound and with words in noise and rooms. NumPy only."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import numpy as np

from pld_tf.metrics.wilson import wilson_interval
from pld_tf.streams.decision import SCORE_ONE
from pld_tf.streams.detections import DETECTED_WITHIN_S, Detected, Spoken, Tally, tally
from pld_tf.streams.exposure import rate_of
from pld_tf.streams.scored import ScoredSound, ScoredStream, detect
from pld_tf.streams.trade_off import shifted

Json = dict[str, Any]
CURVE = tuple(step / 2 for step in range(-6, 7))  # shifts of thresholds, in logits


@dataclass(frozen=True, kw_only=True)
class Decision:
    """How scores become words.

    Attributes:
      keywords: in the order of scores.
      thresholds: int [keywords], in 1/32768.
      smoothing: inferences averaged.
      refractory: inferences kept silent after a detection.
    """

    keywords: tuple[str, ...]
    thresholds: np.ndarray
    smoothing: int
    refractory: int

    def moved(self, shift: float) -> "Decision":
        """With all thresholds moved by `shift`, in logits."""
        return replace(self, thresholds=shifted(self.thresholds, shift))

    def words(self, scored: ScoredSound | ScoredStream) -> list[Detected]:
        """The detections in a recording or stream."""
        return detect(
            scored,
            self.keywords,
            thresholds=self.thresholds,
            smoothing=self.smoothing,
            refractory=self.refractory,
        )


def listening_report(
    decision: Decision,
    sounds: Sequence[ScoredSound],
    spoken: dict[str, ScoredStream],
) -> Json:
    """False accepts an hour by folder and word, misses by condition, and the curve of both.

    Args:
      decision: of the bundle.
      sounds: without keywords, in the order of their folders.
      spoken: a stream of words for each condition.
    """
    return {
        "thresholds": dict(
            zip(decision.keywords, (decision.thresholds / SCORE_ONE).tolist(), strict=True)
        ),
        "smoothing": decision.smoothing,
        "folders": [
            _folder(decision, folder, list(members))
            for folder, members in groupby(sounds, key=lambda sound: sound.folder)
        ],
        "conditions": [_condition(decision, name, stream) for name, stream in spoken.items()],
        "curve": [_point(decision.moved(shift), sounds, spoken) for shift in CURVE],
    }


def _folder(decision: Decision, folder: str, sounds: Sequence[ScoredSound]) -> Json:
    hours = sum(sound.seconds for sound in sounds) / 3600
    by_word = Counter(one.word for sound in sounds for one in decision.words(sound))
    accepts = by_word.total()
    rate = rate_of(accepts, hours)
    return {
        "folder": folder,
        "recordings": len(sounds),
        "hours": hours,
        "false_accepts": accepts,
        "per_hour": rate.per_hour,
        "per_hour_interval": list(rate.interval or ()),
        "by_word": dict(by_word.most_common()),
    }


def _condition(decision: Decision, name: str, stream: ScoredStream) -> Json:
    counted = tally(stream.spoken, decision.words(stream), decision.keywords)
    words, missed = len(stream.spoken), len(counted.misses)
    different = len(set(stream.recordings))
    delays_ms = [1000 * (hit.time_s - word.end_s) for word, hit in counted.hits]
    return {
        "condition": name,
        "words": words,
        "recordings": different,
        "missed": missed,
        "missed_share": missed / words,
        "missed_interval": list(wilson_interval(missed / words * different, different)),
        "missed_by_word": _shares(counted, decision.keywords),
        **_wrong(counted.false_accepts, stream.spoken),
        "delay_ms": {
            "median": float(np.median(delays_ms)) if delays_ms else None,
            "percentile_95": float(np.percentile(delays_ms, 95)) if delays_ms else None,
        },
    }


def _shares(counted: Tally, keywords: Sequence[str]) -> Json:
    missed = Counter(word.word for word in counted.misses)
    found = Counter(word.word for word, _ in counted.hits)
    return {
        name: missed[name] / (missed[name] + found[name])
        for name in keywords
        if missed[name] + found[name]
    }


def _wrong(false_accepts: Sequence[Detected], spoken: Sequence[Spoken]) -> dict[str, int]:
    """Detections without a word: a second one of the same word, one of another word, or of none."""
    counts = {"double": 0, "other_word": 0, "no_word": 0}
    starts_s = np.array([word.start_s for word in spoken])
    for one in false_accepts:
        last = int(np.searchsorted(starts_s, one.time_s)) - 1
        near = last >= 0 and one.time_s <= spoken[last].end_s + DETECTED_WITHIN_S
        if not near:
            counts["no_word"] += 1
        elif spoken[last].word == one.word:
            counts["double"] += 1
        else:
            counts["other_word"] += 1
    return counts


def _point(
    decision: Decision, sounds: Sequence[ScoredSound], spoken: dict[str, ScoredStream]
) -> Json:
    hours = sum(sound.seconds for sound in sounds) / 3600
    accepts = Counter(one.word for sound in sounds for one in decision.words(sound))
    missed = {}
    for name, stream in spoken.items():
        counted = tally(stream.spoken, decision.words(stream), decision.keywords)
        missed[name] = len(counted.misses) / len(stream.spoken)
    return {
        "per_hour": accepts.total() / hours if hours else None,
        "per_hour_by_word": {word: count / hours for word, count in accepts.items()},
        "missed_share": missed,
    }
