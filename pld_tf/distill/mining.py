"""Mine hard negatives: crops without a keyword in which a network is sure of one."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tf_keras

from pld_tf.data.held_out import fixed_crops
from pld_tf.data.negatives.taught import Mined
from pld_tf.data.store.pack import Store
from pld_tf.distill.predict import predict_crops
from pld_tf.features.spec import CLIP_MS, FeatureSpec
from pld_tf.metrics.probabilities import softmax
from pld_tf.system.files import read_npz, told_when_damaged, write_npz
from pld_tf.system.progress import Advance

HOP_MS = 100  # between the crops of a piece
_PIECES_AT_ONCE = 2048


def mine(
    models: Sequence[tf_keras.Model],
    negatives: Store,
    *,
    spec: FeatureSpec,
    length_ms: int,
    keywords: int,
    least_score: float,
    advance: Advance,
) -> Mined:
    """The pieces of the training's negatives in which networks are sure of a keyword.

    Args:
      models: decide by the mean of their logits.
      negatives: packed.
      spec: features.
      length_ms: of the crops that they hear.
      keywords: the first classes.
      least_score: probability of a keyword from which on they are sure.
      advance: called with pieces done and pieces in all.

    Returns:
      The surest crop of each such piece.
    """
    starts = np.arange(0, CLIP_MS - length_ms + 1, HOP_MS)
    total = len(negatives.splits["train"])
    pieces, centres = [], []
    for first in range(0, total, _PIECES_AT_ONCE):
        clips = np.arange(first, min(total, first + _PIECES_AT_ONCE))
        scores = _scores(models, negatives, clips, starts, length_ms, spec)[:, :, :keywords]
        surest = scores.max(axis=2)
        is_hard = surest.max(axis=1) >= least_score
        pieces.append(clips[is_hard])
        centres.append(starts[surest[is_hard].argmax(axis=1)] + length_ms // 2)
        advance(int(clips[-1]) + 1, total)
    return Mined(
        pieces=np.concatenate(pieces).astype(np.int64),
        centres_ms=np.concatenate(centres).astype(np.int32),
    )


def _scores(
    models: Sequence[tf_keras.Model],
    negatives: Store,
    clips: np.ndarray,
    starts_ms: np.ndarray,
    length_ms: int,
    spec: FeatureSpec,
) -> np.ndarray:
    """Probabilities, float [pieces, crops, classes]."""
    crops = fixed_crops(
        negatives,
        "train",
        clips=clips,
        starts=np.tile(starts_ms * spec.sample_rate_hz // 1000, (len(clips), 1)),
        length=spec.samples(length_ms),
    )
    logits = [predict_crops(model, crops, spec) for model in models]
    return softmax(np.mean(logits, axis=0))


def write_mined(path: Path, mined: Mined) -> None:
    """Keep what was mined, so that a stopped run goes on with the same."""
    write_npz(path, pieces=mined.pieces, centres_ms=mined.centres_ms)


def read_mined(path: Path) -> Mined:
    """What `write_mined` kept.

    Raises:
      PldError: the file is damaged.
    """
    with told_when_damaged(path.parent):
        arrays = read_npz(path)
        return Mined(pieces=arrays["pieces"], centres_ms=arrays["centres_ms"])
