"""Run a bundle's C on streams made from a corpus, to choose a decision and to test it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from firmware_harness.bundle.read import open_bundle
from firmware_harness.listen.listen import open_listener
from firmware_harness.runtimes.host_library import HostLibrary
from pld_tf.bridge.bundle_corpus import open_bundle_data
from pld_tf.data.tested import ScoredClips
from pld_tf.errors import PldError
from pld_tf.recipe.schema import Recipe
from pld_tf.streams.detections import Spoken
from pld_tf.streams.synthesis import StreamParts, stream
from pld_tf.streams.tune import ScoredStream, choose
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

    @property
    def false_accepts(self) -> int:
        """How many are allowed in the whole stream."""
        return int(self.false_accepts_per_hour * self.hours)


def stream_clips(
    bundle: Path, *, data: Path, split: str, skip_bad: bool, say: Say
) -> tuple[StreamParts, Json | None]:
    """What streams for a bundle are made of: its words, at its rate, without its excluded clips.

    Returns:
      The parts; and what the data is to the bundle, None if the bundle's run was trained on it.

    Raises:
      PldError: the bundle does not state its words, or the data can't be used.
      HarnessError: the bundle is damaged.
    """
    opened = open_bundle_data(
        open_bundle(bundle), bundle, data=data, split=split, skip_bad=skip_bad, say=say
    )
    if opened is None:
        raise PldError(
            f"{bundle} does not say which words it was trained on. Give a firmware bundle "
            "that pld-tf export has written from a run."
        )
    recipe, tested = opened
    return stream_parts(recipe, tested), tested.other_json()


def stream_parts(recipe: Recipe, tested: ScoredClips) -> StreamParts:
    """What streams of these clips are made of."""
    return StreamParts(
        store=tested.store,
        split=tested.split,
        classes=tested.classes,
        noise_volume=recipe.augment.noise_volume,
        left_out=tested.left_out,
    )


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
    scored = score_stream(
        library, parts, seconds=3600 * wanted.hours, seed=wanted.seed, advance=advance
    )
    choice = choose(scored, false_accepts=wanted.false_accepts, refractory=library.refractory)
    report = tuning_report(
        scored,
        choice,
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


def score_stream(
    library: HostLibrary, parts: StreamParts, *, seconds: float, seed: int, advance: Advance
) -> ScoredStream:
    """Scores of every inference of a stream; nothing else is kept in memory."""
    listener = library.open_stream()
    spoken: list[Spoken] = []
    recordings: list[str] = []
    times, scores = [], []
    done = 0
    for piece in stream(parts, seconds=seconds, seed=seed):
        ended, given = listener.scores(piece.samples)
        times.append(ended)
        scores.append(given[:, : library.num_keywords])
        if piece.spoken and piece.recording:
            spoken.append(piece.spoken)
            recordings.append(piece.recording)
        done += len(piece.samples)
        advance(done // library.sample_rate_hz, round(seconds))
    return ScoredStream(
        keywords=library.labels[: library.num_keywords],
        spoken=tuple(spoken),
        recordings=tuple(recordings),
        times_s=np.concatenate(times) / library.sample_rate_hz,
        scores=np.concatenate(scores),
        seconds=seconds,
    )
