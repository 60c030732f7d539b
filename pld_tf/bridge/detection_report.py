"""What a bundle detected in a stream whose words are known."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from firmware_harness.listen.listen import Detection, open_listener
from pld_tf.streams.detections import Detected, tally
from pld_tf.streams.files import read_words
from pld_tf.system.tables import text_table

Json = dict[str, Any]


def detection_report(bundle: Path, detections: Iterable[Detection], words: Path) -> Json:
    """Hits, misses and false accepts, ready for JSON.

    Raises:
      PldError: `words` can't be read.
      HarnessError: as `firmware_harness.listen.listen.listen`.
    """
    spoken = read_words(words)
    found = list(detections)
    library = open_listener(bundle)
    keywords = library.labels[: library.num_keywords]
    detected = [Detected(word=one.word, time_s=one.time_s) for one in found]
    scores = {(one.word, one.time_s): one.score for one in found}
    counted = tally(spoken, detected, keywords)
    rows = [
        {
            "word": word.word,
            "said_s": word.end_s,
            "detected_s": hit.time_s,
            "score": scores[hit.word, hit.time_s],
        }
        for word, hit in counted.hits
    ]
    rows += [
        {"word": word.word, "said_s": word.end_s, "detected_s": None, "score": None}
        for word in counted.misses
    ]
    rows += [
        {
            "word": wrong.word,
            "said_s": None,
            "detected_s": wrong.time_s,
            "score": scores[wrong.word, wrong.time_s],
        }
        for wrong in counted.false_accepts
    ]
    return {
        "words": sorted(rows, key=_time_s),
        "keywords_spoken": len(counted.hits) + len(counted.misses),
        "false_rejects": len(counted.misses),
        "false_accepts": len(counted.false_accepts),
        "mean_delay_s": _mean([hit.time_s - word.end_s for word, hit in counted.hits]),
    }


def detection_text(report: Json) -> str:
    """The report as a table: a row for each keyword spoken or detected, and a row of sums."""
    rows = text_table(map(_row, report["words"]), right=[0])
    spoken, missed = report["keywords_spoken"], report["false_rejects"]
    delay = report["mean_delay_s"]
    after = "" if delay is None else f", {1000 * delay:.0f} ms after their ends on average"
    summary = (
        f"{spoken - missed} of {spoken} keywords heard{after}; {missed} missed, "
        f"{report['false_accepts']} false accepts"
    )
    return "\n".join(filter(None, (rows, summary)))


def _row(row: Json) -> tuple[str, ...]:
    score = "" if row["score"] is None else f"{row['score']:.2f}"
    fate = "missed" if row["detected_s"] is None else "heard"
    fate = "FALSE" if row["said_s"] is None else fate
    return f"{_time_s(row):.2f} s", fate, row["word"], score


def _time_s(row: Json) -> float:
    """When a row's word was detected; for a missed word, when it was spoken."""
    return row["said_s"] if row["detected_s"] is None else row["detected_s"]


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None
