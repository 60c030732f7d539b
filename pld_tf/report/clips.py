"""The test clips behind a confusion matrix: sound and picture, within a budget of bytes."""

import base64
import io
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import soundfile
import tensorflow as tf

from pld_tf.data.corpus.classes import Classes
from pld_tf.data.held_out import HeldOut
from pld_tf.evaluation.score import Scored
from pld_tf.features.log_mel import log_mel
from pld_tf.features.spec import FeatureSpec
from pld_tf.report.facts import Cell, HeardClip
from pld_tf.report.picture import mel_picture

MOST_WRONG, MOST_RIGHT = 6, 2  # clips of a cell
SHARES = 3  # classes named beside a clip


@dataclass(frozen=True, kw_only=True)
class _Case:
    clips: HeldOut
    classes: Classes
    scored: Scored
    spec: FeatureSpec
    length_ms: int


def cells(
    clips: HeldOut,
    classes: Classes,
    scored: Scored,
    *,
    spec: FeatureSpec,
    length_ms: int,
    budget: int,
) -> tuple[Cell, ...]:
    """The cells that have clips, each with some of them.

    Wrong clips come first, the surest first. Of right ones the least sure are taken. Every cell
    gets its first clip before any gets its second.

    Args:
      clips: that were tested.
      classes: of the network.
      scored: what the network made of them.
      spec: of the features.
      length_ms: of the network's input.
      budget: bytes that sounds and pictures may take in the page.
    """
    case = _Case(clips=clips, classes=classes, scored=scored, spec=spec, length_ms=length_ms)
    predictions = scored.probabilities.argmax(axis=1)
    members = _members(clips.labels, predictions, scored.probabilities)
    heard = _within(case, _in_turn(members), budget)
    return tuple(
        Cell(
            label=label,
            prediction=prediction,
            count=int(((clips.labels == label) & (predictions == prediction)).sum()),
            clips=tuple(heard[clip] for clip in chosen if clip in heard),
        )
        for (label, prediction), chosen in sorted(members.items())
    )


def _members(
    labels: np.ndarray, predictions: np.ndarray, probabilities: np.ndarray
) -> dict[tuple[int, int], list[int]]:
    """Clips of each cell that may be shown, in the order in which they are."""
    surest = np.argsort(-probabilities.max(axis=1), kind="stable").tolist()
    members: dict[tuple[int, int], list[int]] = {}
    for clip in surest:
        members.setdefault((int(labels[clip]), int(predictions[clip])), []).append(clip)
    return {
        cell: found[::-1][:MOST_RIGHT] if cell[0] == cell[1] else found[:MOST_WRONG]
        for cell, found in members.items()
    }


def _in_turn(members: dict[tuple[int, int], list[int]]) -> list[int]:
    """Clips by importance: the first of each wrong cell, the first of each right one, and so on."""
    ranked = [
        (rank, cell[0] == cell[1], cell, clip)
        for cell, chosen in members.items()
        for rank, clip in enumerate(chosen)
    ]
    return [clip for *_, clip in sorted(ranked)]


def _within(case: _Case, wanted: list[int], budget: int) -> dict[int, HeardClip]:
    """As many of the clips as fit."""
    heard: dict[int, HeardClip] = {}
    left = budget
    for clip, made in _heard(case, wanted):
        left -= len(made.audio) + len(made.picture)
        if left < 0:
            break
        heard[clip] = made
    return heard


def _heard(case: _Case, wanted: list[int]) -> Iterator[tuple[int, HeardClip]]:
    mel = replace(case.spec, mfcc=0)
    paths = case.clips.paths()
    for clip in wanted:
        samples = case.clips.samples(clip)
        shares = case.scored.probabilities[clip]
        likeliest = np.argsort(-shares, kind="stable")[:SHARES].tolist()
        features = log_mel(tf.constant(samples[None], tf.float32), mel)[0, :, :, 0].numpy()
        yield (
            clip,
            HeardClip(
                name=paths[clip].decode() if clip < len(paths) else "background noise",
                shares=tuple((case.classes.names[one], float(shares[one])) for one in likeliest),
                start_ms=int(case.scored.loudest_ms[clip]),
                length_ms=case.length_ms,
                audio=_flac(samples, case.spec.sample_rate_hz),
                picture=base64.b64encode(mel_picture(features)).decode(),
            ),
        )


def _flac(samples: np.ndarray, rate: int) -> str:
    """Base64 of a FLAC file: lossless, half the size of a WAV, and every browser plays it."""
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format="FLAC", subtype="PCM_16")
    return base64.b64encode(file.getvalue()).decode()
