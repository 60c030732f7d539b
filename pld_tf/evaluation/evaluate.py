"""Accuracy of a rung under the four protocols, with intervals, confusion and position."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pld_tf.data.corpus.classes import Classes
from pld_tf.data.held_out import HeldOut
from pld_tf.data.store.trained_on import read_trained_on
from pld_tf.data.tested import Origin, ScoredClips, open_tested
from pld_tf.distill.predict import predict_crops
from pld_tf.distill.rungs import RungResult
from pld_tf.errors import PldError
from pld_tf.evaluation.score import Scored, score_clips
from pld_tf.models import cost
from pld_tf.run.folder import Run, read_run
from pld_tf.run.trained import trained_rungs
from pld_tf.system.progress import Say


def evaluate(
    run_dir: Path,
    *,
    data: Path,
    rung: int | None = None,
    split: str = "test",
    skip_bad: bool = False,
    say: Say,
    show: "Show | None" = None,
) -> dict[str, Any]:
    """Evaluate one rung of a run; the last one if `rung` is None.

    `show` is called with the rung and its answers, from which the report is made.

    Returns:
      The report described in docs/formats.md, ready for JSON.

    Raises:
      PldError: the data has nothing to test the run on, or there is no such rung.
    """
    opened = open_rung(run_dir, data=data, rung=rung, split=split, skip_bad=skip_bad, say=say)
    scored = opened.scored()
    if show is not None:
        show(opened, scored)
    return _report(opened, scored)


@dataclass(frozen=True, kw_only=True)
class OpenedRung:
    """A trained network and the clips that it is tested on.

    Attributes:
      run: from the run folder.
      result: the network.
      tested: the clips of one split, and which of them count.
      clips: those that count.
    """

    run: Run
    result: RungResult
    tested: ScoredClips
    clips: HeldOut

    @property
    def classes(self) -> Classes:
        """The network's classes."""
        return self.tested.classes

    def without(self, paths: frozenset[bytes]) -> "OpenedRung":
        """The same, but these clips do not count."""
        tested = self.tested.without(paths)
        return replace(self, tested=tested, clips=tested.held_out())

    def scored(self) -> Scored:
        """The network's answers under each protocol."""
        student, spec = self.result.student, self.run.recipe.features
        return score_clips(
            lambda crops: predict_crops(student, crops, spec),
            self.clips,
            classes=self.classes,
            length_ms=self.result.length_ms,
        )


def open_rung(
    run_dir: Path, *, data: Path, rung: int | None, split: str, skip_bad: bool, say: Say
) -> OpenedRung:
    """A rung of a run and the clips of a split of its data; the last rung if `rung` is None.

    Raises:
      PldError: as `evaluate`.
    """
    run = read_run(run_dir)
    rungs = run.recipe.rungs
    number = rungs - 1 if rung is None else rung
    if not 0 <= number < rungs:
        raise PldError(
            f"--rung must be 0 to {rungs - 1} ({run.recipe.lengths_ms} ms), got {number}."
        )
    origin = Origin(
        name=run_dir,
        recipe=run.recipe,
        data_key=run.data_key,
        excluded=run.excluded,
        trained_on=read_trained_on(run_dir),
    )
    tested = open_tested(data, origin, split=split, skip_bad=skip_bad, say=say)
    ladder = trained_rungs(run)
    return OpenedRung(run=run, result=ladder.load(number), tested=tested, clips=tested.held_out())


Show = Callable[[OpenedRung, Scored], None]


def _report(opened: OpenedRung, scored: Scored) -> dict[str, Any]:
    run, result, clips, classes = opened.run, opened.result, opened.clips, opened.classes
    spec, length_ms = run.recipe.features, result.length_ms
    return {
        "run": str(run.folder),
        "recipe": run.recipe_name,
        "seed": run.seed,
        "rung": result.number,
        "length_ms": length_ms,
        "split": clips.split,
        "clips": len(clips),
        "other_data": opened.tested.other_json(),
        "recordings": clips.recordings(classes),
        "parameters": cost.parameters(result.student),
        "macs": cost.macs(
            result.student, frames=spec.frames(spec.samples(length_ms)), bins=spec.bins
        ),
        "classes": list(classes.names),
        "protocols": scored.protocols,
    }
