"""Accuracy of a rung under the four protocols, with intervals, confusion and position."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pld_tf.data.corpus.classes import Classes
from pld_tf.data.held_out import HeldOut
from pld_tf.data.store.trained_on import read_trained_on
from pld_tf.data.tested import Origin, ScoredClips, open_tested
from pld_tf.distill.predict import predict_crops
from pld_tf.distill.rungs import RungResult, Rungs
from pld_tf.errors import PldError
from pld_tf.evaluation.protocols import decide, protocol_starts
from pld_tf.features.spec import FeatureSpec
from pld_tf.metrics.classification import confusion_matrix, precision_recall
from pld_tf.metrics.wilson import wilson_interval
from pld_tf.models import cost
from pld_tf.recipe.tables import PROTOCOLS, Protocol
from pld_tf.run.folder import Run, read_run
from pld_tf.system.progress import Say

POSITION_BIN_MS = 50


def evaluate(
    run_dir: Path,
    *,
    data: Path,
    rung: int | None = None,
    split: str = "test",
    skip_bad: bool = False,
    say: Say,
) -> dict[str, Any]:
    """Evaluate one rung of a run; the last one if `rung` is None.

    Returns:
      The report described in docs/formats.md, ready for JSON.

    Raises:
      PldError: the data has nothing to test the run on, or there is no such rung.
    """
    return _report(
        open_rung(run_dir, data=data, rung=rung, split=split, skip_bad=skip_bad, say=say)
    )


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
    ladder = Rungs(recipe=run.recipe, data_key=run.training_key, run_dir=run_dir, seed=run.seed)
    return OpenedRung(run=run, result=ladder.load(number), tested=tested, clips=tested.held_out())


def _report(opened: OpenedRung) -> dict[str, Any]:
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
        "protocols": {
            protocol: _protocol(result, clips, classes, protocol, spec, length_ms)
            for protocol in PROTOCOLS
        },
    }


def _protocol(
    result: RungResult,
    clips: HeldOut,
    classes: Classes,
    protocol: Protocol,
    spec: FeatureSpec,
    length_ms: int,
) -> dict[str, Any]:
    starts = protocol_starts(clips, protocol, length_ms)
    logits = predict_crops(result.student, clips.crops(starts, length_ms), spec)
    predictions, labels = decide(logits, clips.labels, protocol)
    confusion = confusion_matrix(labels=labels, predictions=predictions, classes=len(classes.names))
    precision, recall = precision_recall(confusion)
    values = {
        **accuracy_with_interval(predictions == labels, clips=len(clips)),
        "precision": _by_class(classes, precision),
        "recall": _by_class(classes, recall),
        "confusion": confusion.tolist(),
    }
    if protocol == "random":
        spoken = len(clips.clips)
        off_centre = np.abs(starts - clips.loudest_ms(length_ms)[:, None])[:spoken].reshape(-1)
        values["by_distance_ms"] = _by_distance(
            off_centre, (predictions == labels)[: len(off_centre)]
        )
    return values


def accuracy_with_interval(right: np.ndarray, *, clips: int) -> dict[str, Any]:
    """Accuracy with its 95 % Wilson interval over `clips` independent clips.

    Several crops of one clip are not independent. In the interval they count as one clip.
    """
    accuracy = float(right.mean())
    low, high = wilson_interval(accuracy * clips, clips)
    return {"accuracy": accuracy, "low": low, "high": high, "decisions": len(right)}


def _by_class(classes: Classes, values: np.ndarray) -> dict[str, float | None]:
    """Values by class name; None for a class without clips."""
    return {
        name: None if np.isnan(value) else float(value)
        for name, value in zip(classes.names, values, strict=True)
    }


def _by_distance(distance_ms: np.ndarray, right: np.ndarray) -> list[dict[str, Any]]:
    """Accuracy by the distance of the loudest part from the crop, in bins of 50 ms."""
    bins = distance_ms // POSITION_BIN_MS
    return [
        {
            "from_ms": int(number) * POSITION_BIN_MS,
            "to_ms": int(number + 1) * POSITION_BIN_MS,
            "crops": int((bins == number).sum()),
            "accuracy": float(right[bins == number].mean()),
        }
        for number in np.unique(bins)
    ]
