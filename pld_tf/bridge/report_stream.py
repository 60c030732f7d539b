"""A firmware bundle's decision on a stream of test clips, for `pld-tf report`."""

import shlex
from pathlib import Path

import numpy as np

from firmware_harness.errors import HarnessError
from firmware_harness.listen.listen import open_listener
from firmware_harness.runtimes.host_library import HostLibrary
from pld_tf.bridge.report_bundle import OpenedBundle
from pld_tf.bridge.score import score_pieces
from pld_tf.bridge.stream_clips import stream_parts
from pld_tf.errors import PldError
from pld_tf.report.facts import StreamFacts
from pld_tf.streams.decision import NEVER
from pld_tf.streams.synthesis import stream
from pld_tf.streams.trade_off import trade_off
from pld_tf.streams.tune import Choice, count
from pld_tf.streams.tuning_report import tuning_report
from pld_tf.system.progress import Advance

STREAM_SEED = 0


def on_stream(
    opened: OpenedBundle, *, hours: float, data: Path, missing: dict[str, str], advance: Advance
) -> StreamFacts | None:
    """Misses and false accepts of its C on a stream of test clips; arguments as `firmware_of`.

    Returns:
      None, with the reason in `missing`, where its C can't be run here.

    Raises:
      PldError: the manifest lacks a threshold.
    """
    decision = opened.manifest.decision
    try:
        library = open_listener(opened.path)
        if decision is None:
            raise HarnessError("the bundle has no decision.")
    except HarnessError as error:
        missing["stream"] = f"Misses and false accepts were not measured: {error}"
        return None
    parts = stream_parts(opened.recipe, opened.tested)
    pieces = stream(parts, seconds=3600 * hours, seed=STREAM_SEED)
    scored = score_pieces(library, pieces, seconds=3600 * hours, advance=advance)
    thresholds = _thresholds(opened, library)
    tally = count(scored, thresholds, smoothing=decision.smoothing, refractory=library.refractory)
    tuned = decision.tuned
    report = tuning_report(
        scored,
        Choice(smoothing=decision.smoothing, thresholds=thresholds, tally=tally),
        wanted_per_hour=tuned.false_accepts_per_hour.wanted if tuned else 0.0,
        split=opened.tested.split,
        seed=STREAM_SEED,
        other_data=opened.tested.other_json(),
    )
    return StreamFacts(
        report=report,
        curve=trade_off(
            scored, thresholds, smoothing=decision.smoothing, refractory=library.refractory
        ),
        commands=_stream_commands(opened.path, data, hours),
    )


def _thresholds(opened: OpenedBundle, library: HostLibrary) -> np.ndarray:
    """int64 [keywords], in 1/32768.

    Raises:
      PldError: the manifest lacks one.
    """
    decision = opened.manifest.decision
    given = decision.thresholds if decision else {}
    keywords = library.labels[: library.num_keywords]
    if absent := [word for word in keywords if word not in given]:
        raise PldError(
            f"{opened.path / 'manifest.json'} has no threshold for {absent[0]!r}. Write the bundle "
            "again with pld-tf export."
        )
    return np.array([min(given[word], NEVER) for word in keywords], np.int64)


def _stream_commands(bundle: Path, data: Path, hours: float) -> tuple[str, ...]:
    wav, seconds = "stream.wav", f"{3600 * hours:g}"
    made = (*("data", "stream", wav), *("--bundle", bundle, "--data", data, "--seconds", seconds))
    heard = ("listen", wav, "--bundle", bundle, "--words", "stream.csv")
    return tuple(shlex.join(map(str, ("pld-tf", *words))) for words in (made, heard))
