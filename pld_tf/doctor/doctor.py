"""The data doctor: what looks wrong in a corpus, and what a trained run disputes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import tensorflow as tf

from export.model_bundle.read import read_bundle
from pld_tf.data.corpus.classes import IGNORED, Classes, find_classes
from pld_tf.data.corpus.corpus import Clip, list_corpus
from pld_tf.data.store.loudness import BLOCK_MS, block_energies, loudest_start_ms
from pld_tf.doctor import checks
from pld_tf.doctor.examine import examine
from pld_tf.doctor.findings import Finding, Report, finding, in_order
from pld_tf.errors import PldError
from pld_tf.features.log_mel import log_mel
from pld_tf.features.spec import FeatureSpec
from pld_tf.metrics.classification import softmax
from pld_tf.run.folder import read_run
from pld_tf.system.progress import progress_bar

JUDGING_RUNG = 0  # the one that hears most


def doctor(data: Path, *, with_run: Path | None, confidence: float, short_ms: int) -> Report:
    """Look at every clip of `data`; changes nothing there.

    Args:
      data: a corpus.
      with_run: run folder whose first rung hears every clip; None to leave that out.
      confidence: least probability at which it disputes a label.
      short_ms: a shorter clip is `short`.

    Raises:
      PldError: there is no corpus, or no run of its words.
      ExportError: the run's first rung has no model bundle, or a damaged one.
    """
    corpus = list_corpus(data)
    words = sorted({clip.word for clip in corpus.clips})
    judge = run_judge(with_run, words, confidence) if with_run else None
    rate = judge.spec.sample_rate_hz if judge else FeatureSpec().sample_rate_hz
    with progress_bar("examining") as advance:
        found, padded = examine(
            corpus, sample_rate_hz=rate, short_ms=short_ms, judge=judge, progress=advance
        )
    return Report(
        data=str(data),
        clips=len(corpus.clips),
        findings=in_order(found),
        notes=(*corpus.notes, *_notes(found, padded, has_judge=judge is not None)),
        limits={
            "short_ms": short_ms,
            "near_silent_peak": checks.NEAR_SILENT_PEAK,
            "clipped_share": checks.CLIPPED_SHARE,
            "clipped_run": checks.CLIPPED_RUN,
            "cut_off_db": checks.CUT_OFF_DB,
            "over_quiet_db": checks.OVER_QUIET_DB,
            "sample_rate_hz": rate,
            **({"confidence": confidence} if judge else {}),
        },
    )


def _notes(found: list[Finding], padded: int, *, has_judge: bool) -> Iterator[str]:
    if padded:
        yield f"{padded:,} clips are shorter than a second: they are padded with zeros when packed."
    if not has_judge:
        yield "No label was checked by ear; --with RUN lets a trained run dispute them."
    held_out = sum(one.reason == "disputed" and one.split != "train" for one in found)
    if held_out:
        yield (
            f"{held_out:,} disputed clips are for validation or test. Some are the run's own "
            "mistakes: listen before you exclude them, or accuracy rises by looking away."
        )


@dataclass(frozen=True, kw_only=True)
class RunJudge:
    """The first rung of a run: says which clips it takes for another class.

    Attributes:
      spec: what it hears.
      length_ms: how much; the loudest part of that length.
      classes: of the run over `words`.
      class_of_word: class by word; IGNORED for words that the run was not trained on.
      confidence: least probability of another class.
      infer: logits [clips, classes] of features [clips, frames, bins, 1].
    """

    spec: FeatureSpec
    length_ms: int
    classes: Classes
    class_of_word: dict[str, int]
    confidence: float
    infer: tf.types.experimental.PolymorphicFunction

    def __call__(self, clips: list[Clip], seconds: np.ndarray) -> Iterator[Finding]:
        labels = np.array([self.class_of_word[clip.word] for clip in clips])
        known = np.flatnonzero(labels != IGNORED)
        if not len(known):
            return
        probabilities = softmax(self._logits(seconds[known]))
        for place, row in zip(known, probabilities, strict=True):
            heard = int(row.argmax())
            if heard != labels[place] and row[heard] >= self.confidence:
                name = self.classes.names[heard]
                yield finding(clips[place], "disputed", f"model says {name}, {row[heard]:.3f}")

    def _logits(self, seconds: np.ndarray) -> np.ndarray:
        crops = _loudest(seconds, self.spec, self.length_ms)
        return self.infer(log_mel(tf.constant(crops, tf.float32), self.spec)).numpy()


def run_judge(run_dir: Path, words: Sequence[str], confidence: float) -> RunJudge:
    """The judge that a run's first rung makes.

    Raises:
      PldError: not a run folder, or the corpus has none of its keywords.
      ExportError: the rung has no model bundle, or a damaged one.
    """
    recipe = read_run(run_dir).recipe
    if not set(words) & set(recipe.keywords):
        raise PldError(
            f"{run_dir} knows the keywords {', '.join(recipe.keywords)}, and the data has a folder "
            "for none of them. Give --with a run on such words."
        )
    every = sorted({*words, *recipe.keywords})
    classes = find_classes(recipe, every)
    bundle = read_bundle(run_dir, rung=JUDGING_RUNG)
    model = tf.saved_model.load(str(bundle.directory / "saved_model"))
    return RunJudge(
        spec=recipe.features,
        length_ms=recipe.ladder_ms[JUDGING_RUNG],
        classes=classes,
        class_of_word=dict(zip(every, classes.of_word.tolist(), strict=True)),
        confidence=confidence,
        infer=_batched(model.signatures["serving_default"], bundle.frames, bundle.bins),
    )


def _batched(
    one: tf.types.experimental.ConcreteFunction, frames: int, bins: int
) -> tf.types.experimental.PolymorphicFunction:
    """A bundle's graph for many crops: 20 times as fast as one at a time, as a device hears."""

    def logits(crop: tf.Tensor) -> tf.Tensor:
        return one(features=crop[None])["logits"][0]

    return tf.function(
        lambda features: tf.vectorized_map(logits, features),
        input_signature=[tf.TensorSpec([None, frames, bins, 1], tf.float32)],
    )


def _loudest(seconds: np.ndarray, spec: FeatureSpec, length_ms: int) -> np.ndarray:
    """The loudest part of each clip, int16 [clips, samples]."""
    block = spec.samples(BLOCK_MS)
    energies = np.stack([block_energies(second, block) for second in seconds])
    starts = loudest_start_ms(energies, length_ms) * spec.sample_rate_hz // 1000
    length = spec.samples(length_ms)
    return np.stack(
        [second[start : start + length] for second, start in zip(seconds, starts, strict=True)]
    )
