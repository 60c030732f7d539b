"""Run a bundle's C on streams, and keep its scores."""

from collections.abc import Iterable, Iterator

import numpy as np

from firmware_harness.runtimes.host_library import HostLibrary
from pld_tf.data.negatives.recordings import recordings, total_seconds
from pld_tf.data.store.packed import Store
from pld_tf.streams.detections import Spoken
from pld_tf.streams.scored import ScoredSound, ScoredStream
from pld_tf.streams.synthesis import Piece
from pld_tf.system.progress import Advance


def score_pieces(
    library: HostLibrary, pieces: Iterable[Piece], *, seconds: float, advance: Advance
) -> ScoredStream:
    """Scores of every inference of a stream; nothing else is kept in memory.

    Args:
      library: of the bundle.
      pieces: the stream.
      seconds: about how long it is, for `advance`.
      advance: called with seconds done and seconds in all.
    """
    listener = library.open_stream()
    spoken: list[Spoken] = []
    heard: list[str] = []
    times, scores = [], []
    done = 0
    for piece in pieces:
        ended, given = listener.scores(piece.samples)
        times.append(ended)
        scores.append(given[:, : library.num_keywords])
        if piece.spoken and piece.recording:
            spoken.append(piece.spoken)
            heard.append(piece.recording)
        done += len(piece.samples)
        so_far = done // library.sample_rate_hz
        advance(so_far, max(so_far, round(seconds)))
    return ScoredStream(
        keywords=library.labels[: library.num_keywords],
        spoken=tuple(spoken),
        recordings=tuple(heard),
        times_s=np.concatenate(times) / library.sample_rate_hz,
        scores=np.concatenate(scores),
        seconds=done / library.sample_rate_hz,
    )


def score_sounds(
    library: HostLibrary, negatives: Store, split: str, *, advance: Advance
) -> Iterator[ScoredSound]:
    """Scores of each recording without keywords, each from its own start."""
    total, done = round(total_seconds(negatives, split)), 0.0
    for folder, samples in recordings(negatives, split):
        scored = score_sound(library, folder, samples)
        done += scored.seconds
        advance(round(done), max(round(done), total))
        yield scored


def score_sound(library: HostLibrary, folder: str, samples: np.ndarray) -> ScoredSound:
    """Scores of a recording, int16 [samples], from its start."""
    times, scores = library.open_stream().scores(samples)
    return ScoredSound(
        folder=folder,
        times_s=times / library.sample_rate_hz,
        scores=scores[:, : library.num_keywords],
        seconds=len(samples) / library.sample_rate_hz,
    )
