"""Choose a decision for a bundle: run its C on streams made from a corpus, and tune."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from firmware_harness.listen.listen import open_listener
from pld_tf.bridge.score import score_pieces, score_sounds
from pld_tf.bridge.stream_clips import negatives_of, stream_clips
from pld_tf.streams.conditions import TUNED, USUAL_PIECE_S, Words, spoken_words
from pld_tf.streams.scored import with_sounds
from pld_tf.streams.synthesis import stream
from pld_tf.streams.tune import choose, unseen_accepts
from pld_tf.streams.tuning_report import tuning_report
from pld_tf.system.progress import Advance, Say

Json = dict[str, Any]
SPLIT = "validation"


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """What a decision is tuned for: false accepts per hour, the stream's hours and its seed."""

    false_accepts_per_hour: float
    hours: float
    seed: int


def tune_bundle(
    bundle: Path,
    *,
    data: Path,
    wanted: Wanted,
    decision: Json,
    skip_bad: bool,
    say: Say,
    advance: Advance,
) -> tuple[Json, Json]:
    """Choose smoothing and thresholds for a bundle on validation clips.

    Where the corpus has `_negatives_`, their validation recordings count false accepts, and words
    come in noise and rooms. Otherwise a stream of words and noise does both.

    Args:
      bundle: folder of `pld-tf export`.
      data: the corpus that it was trained on, or another.
      wanted: false accepts, and the stream to count them on.
      decision: the bundle's own; its refractory time and inference rate stay.
      skip_bad: leave unreadable clips out.
      say: called with each note on the corpus.
      advance: called with seconds done and seconds in all.

    Returns:
      The decision to write, and a report; both ready for JSON.

    Raises:
      PldError, HarnessError: as `stream_clips`; no C compiler.
    """
    library = open_listener(bundle)
    parts, other = stream_clips(bundle, data=data, split=SPLIT, skip_bad=skip_bad, say=say)
    words = Words(parts=parts, seed=wanted.seed)
    negatives = negatives_of(parts, data=data, say=say)
    if negatives and len(negatives.splits[SPLIT]):
        spoken = score_pieces(
            library,
            spoken_words(words, TUNED),
            seconds=len(words.clips()) * USUAL_PIECE_S,
            advance=advance,
        )
        sounds = list(score_sounds(library, negatives, SPLIT, advance=advance))
    else:
        seconds = 3600 * wanted.hours
        pieces = stream(parts, seconds=seconds, seed=wanted.seed)
        spoken = score_pieces(library, pieces, seconds=seconds, advance=advance)
        sounds = []
    scored = with_sounds(spoken, sounds)
    tuned_for = {"per_hour": wanted.false_accepts_per_hour, "refractory": library.refractory}
    choice = choose(scored, **tuned_for)
    report = tuning_report(
        scored,
        choice,
        unseen=unseen_accepts(spoken, sounds, **tuned_for) if sounds else None,
        wanted_per_hour=wanted.false_accepts_per_hour,
        split=SPLIT,
        seed=wanted.seed,
        other_data=other,
    )
    tuned = {**report["tuned"], "data_key": parts.store.key}
    thresholds = dict(zip(scored.keywords, choice.thresholds.tolist(), strict=True))
    return (
        {**decision, "smoothing": choice.smoothing, "thresholds": thresholds, "tuned": tuned},
        report,
    )
