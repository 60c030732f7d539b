"""Measure a bundle on hours of sound, and on words as a device meets them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from export.jobs.set_decision import read_decision
from firmware_harness.listen.listen import open_listener
from firmware_harness.runtimes.host_library import HostLibrary
from pld_tf.bridge.score import score_pieces, score_sound
from pld_tf.bridge.stream_clips import speech_of, stream_clips
from pld_tf.data.audio.long_recording import read_parts
from pld_tf.data.audio.read import BadClip, why_unread
from pld_tf.data.corpus.file_names import is_audio
from pld_tf.errors import PldError
from pld_tf.streams.conditions import CONDITIONS, USUAL_PIECE_S, Words, spoken_words
from pld_tf.streams.listening import Decision, listening_report
from pld_tf.streams.scored import ScoredSound, ScoredStream
from pld_tf.system.progress import Say, progress_bar

Json = dict[str, Any]
SPLIT = "test"
SEED = 0  # of pauses, rooms and noise: every bundle hears the same


def evaluate_streams(
    bundle: Path,
    *,
    streams: Path,
    data: Path | None,
    words: int,
    skip_bad: bool,
    say: Say,
) -> Json:
    """False accepts in the recordings of a folder, and misses among the words of test speakers.

    Args:
      bundle: folder of `pld-tf export`, with its thresholds.
      streams: recordings without keywords, in folders by which they are told.
      data: corpus whose test clips are spoken; None for none.
      words: most clips of each keyword; 0 for all.
      skip_bad: leave unreadable clips out.
      say: called with each note.

    Returns:
      The report that docs/formats.md describes, ready for JSON.

    Raises:
      PldError: there is no recording, or the data can't be used.
      HarnessError: the bundle is damaged; no C compiler.
    """
    library = open_listener(bundle)
    decision = _decision(bundle, library)
    sounds = list(_score_folder(library, streams, say))
    if not sounds:
        raise PldError(f"{streams}: expected recordings, in it or in folders of it; found none.")
    spoken = _score_words(bundle, library, data, words, skip_bad, say) if data else {}
    report = listening_report(decision, sounds, spoken)
    return {"bundle": str(bundle), "streams": str(streams), "seed": SEED, **report}


def _decision(bundle: Path, library: HostLibrary) -> Decision:
    values = read_decision(bundle)
    keywords = library.labels[: library.num_keywords]
    thresholds = [values["thresholds"][name] for name in keywords]
    return Decision(
        keywords=keywords,
        thresholds=np.array(thresholds, np.int64),
        smoothing=values["smoothing"],
        refractory=library.refractory,
    )


def _score_folder(library: HostLibrary, root: Path, say: Say) -> Iterator[ScoredSound]:
    files = [path for path in sorted(root.rglob("*")) if path.is_file() and is_audio(path.name)]
    files.sort(key=lambda path: (_folder(path, root), path))
    with progress_bar("listening", unit="recordings") as advance:
        for number, path in enumerate(files):
            try:
                for part in read_parts(path, sample_rate_hz=library.sample_rate_hz):
                    yield score_sound(library, _folder(path, root), part)
            except (BadClip, OSError) as error:
                say(f"{path} is left out: {why_unread(error)}.")
            advance(number + 1, len(files))


def _folder(path: Path, root: Path) -> str:
    parts = path.relative_to(root).parts
    return parts[0] if len(parts) > 1 else ""


def _score_words(
    bundle: Path,
    library: HostLibrary,
    data: Path,
    most: int,
    skip_bad: bool,
    say: Say,
) -> dict[str, ScoredStream]:
    parts, _ = stream_clips(bundle, data=data, split=SPLIT, skip_bad=skip_bad, say=say)
    speech = speech_of(parts, data=data, say=say)
    words = Words(parts=parts, speech=speech, most_per_word=most, seed=SEED)
    seconds = len(words.clips()) * USUAL_PIECE_S
    spoken = {}
    for condition in CONDITIONS:
        if condition.over == "speech" and not len(speech):
            say(f"{condition.name}: left out, because {data} has no _negatives_ for test.")
            continue
        with progress_bar(condition.name, unit="s") as advance:
            pieces = spoken_words(words, condition)
            spoken[condition.name] = score_pieces(library, pieces, seconds=seconds, advance=advance)
    return spoken
