"""How much a stream tells about false accepts.

A recording that comes many times says little more than once. So what counts is how many different
recordings there are, and how many of them fired wrongly.
"""

from bisect import bisect_right
from dataclasses import dataclass

from pld_tf.metrics.poisson import poisson_interval
from pld_tf.streams.detections import Detected
from pld_tf.streams.scored import ScoredStream

# A rate an hour is known from that many hours in which no recording comes twice: about 190 of them.
LEAST_HOURS = 0.1


@dataclass(frozen=True, kw_only=True)
class Exposure:
    """The false accepts of a stream.

    Attributes:
      per_hour: in the stream.
      interval: 95 % of the mean per hour, by different recordings; None if no word was spoken.
      is_known: whether the stream has enough recordings, and other words than keywords.
    """

    per_hour: float
    interval: tuple[float, float] | None
    is_known: bool


def exposure(stream: ScoredStream, false_accepts: tuple[Detected, ...]) -> Exposure:
    """What false accepts in a stream say about an hour of such sound."""
    hours = stream.seconds / 3600
    per_hour = len(false_accepts) / hours
    different = set(stream.recordings)
    if not different:
        return Exposure(per_hour=per_hour, interval=None, is_known=False)
    hours_once = hours * len(different) / len(stream.recordings)
    low, high = (edge / hours_once for edge in poisson_interval(_firing(stream, false_accepts)))
    has_others = any(word.word not in stream.keywords for word in stream.spoken)
    return Exposure(
        per_hour=per_hour,
        interval=(min(low, per_hour), max(high, per_hour)),
        is_known=has_others and hours_once >= LEAST_HOURS,
    )


def unseen_exposure(
    stream: ScoredStream, unseen: dict[str, int]
) -> tuple[Exposure, dict[str, Exposure]]:
    """False accepts in sound without keywords that did not choose the thresholds.

    Args:
      stream: with sections of such sound.
      unseen: false accepts in each section, from `unseen_accepts`.

    Returns:
      For all sections together, and by section.
    """
    by_name = {
        section.name: rate_of(unseen.get(section.name, 0), section.seconds / 3600)
        for section in stream.counted()
    }
    hours = sum(section.seconds for section in stream.counted()) / 3600
    return rate_of(sum(unseen.values()), hours), by_name


def rate_of(events: int, hours: float) -> Exposure:
    """False accepts in hours of sound, with their Poisson interval."""
    low, high = (edge / hours for edge in poisson_interval(events))
    return Exposure(per_hour=events / hours, interval=(low, high), is_known=hours >= LEAST_HOURS)


def _firing(stream: ScoredStream, false_accepts: tuple[Detected, ...]) -> int:
    """Different recordings that came last before a false accept; noise before any word is one."""
    starts_s = [word.start_s for word in stream.spoken]
    before = (bisect_right(starts_s, one.time_s) for one in false_accepts)
    return len({stream.recordings[place - 1] if place else "" for place in before})
