"""The soft-label store: teachers' logits for each crop, computed once, read by any student.

A training with `crops.per_clip` repeats its epochs after that many. Each of these epochs is a
version of the clips, with its own crops. `files` describes the files.
"""

import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from pld_tf.data.batches.pipeline import training_batches
from pld_tf.data.batches.training_data import TrainingData
from pld_tf.distill.soft_labels.files import CROP_COLUMNS, SoftLabelFiles, store_header
from pld_tf.distill.step.teachers import Teachers, blended_logits
from pld_tf.errors import PldError
from pld_tf.recipe.schema import Recipe
from pld_tf.system.progress import Advance

_LOWEST = float(np.finfo(np.float16).min)


class StoredLabels(Teachers):
    """Teachers whose logits are looked up in a table; no network runs.

    Args:
      table: float16 [versions, clips, classes], silence clips last; NaN where a version lacks a
        clip.
      recipe: gives the temperature.
      data: of the training; gives steps per epoch and crops per clip.
    """

    def __init__(self, table: np.ndarray, *, recipe: Recipe, data: TrainingData) -> None:
        super().__init__((), recipe=recipe, seed=data.seed)
        # A tensor made here is an input of the step's graph. Otherwise the graph holds a copy.
        self._table = tf.constant(table)
        self._steps = data.steps_per_epoch
        self._versions = data.crops.per_clip

    def logits(self, batch: Mapping[str, tf.Tensor], step: tf.Tensor) -> tf.Tensor:
        """Logits float32 [batch, classes] for a batch of `training_batches`, at update `step`.

        For a pair that mixup has blended, the logits of its two crops are blended.
        """
        epoch = tf.cast(step, tf.int64) // self._steps
        version = tf.math.floormod(epoch, self._versions)
        clip = batch["clip"]
        places = tf.stack([tf.fill(tf.shape(clip), version), clip], axis=1)
        own = tf.cast(tf.gather_nd(self._table, places), tf.float32)
        if "own_share" not in batch:
            return own
        share = batch["own_share"][:, None]
        other = tf.roll(own, shift=-1, axis=0)
        return blended_logits([own, other], [share, 1 - share], self._recipe.teaching.temperature)


@dataclass(frozen=True, kw_only=True)
class Stored:
    """Soft labels that are ready, and the cost of making them.

    Attributes:
      labels: take the place of the teachers.
      data: of the training that reads them: the same batches without a teacher's input.
      versions: number of versions read.
      crops: number of crops in these versions.
      bytes: size of their files.
      made: crops labelled now; the others were stored already.
      seconds: time taken to label them.
    """

    labels: StoredLabels
    data: TrainingData
    versions: int
    crops: int
    bytes: int
    made: int
    seconds: float

    def figures(self) -> dict[str, int | float | None]:
        """For `metrics.json`; `crops_per_second` is null if all labels were stored already."""
        rate = round(self.made / self.seconds, 1) if self.made else None
        return {
            "versions": self.versions,
            "crops": self.crops,
            "bytes": self.bytes,
            "crops_made": self.made,
            "seconds": round(self.seconds, 3),
            "crops_per_second": rate,
        }


def stored_labels(
    root: Path,
    *,
    recipe: Recipe,
    data: TrainingData,
    teachers: Teachers,
    epochs: int,
    advance: Advance,
) -> Stored:
    """The soft labels of a training; computes those that `root` lacks.

    A stopped computation continues at the first missing version.

    Args:
      root: holds one folder per header.
      recipe: ensemble and temperature.
      data: of the training, with `crops.per_clip`.
      teachers: of the rung.
      epochs: of the training; a version that no epoch reaches is not computed.
      advance: called with crops labelled and crops in all.

    Raises:
      PldError: the folder holds other labels or is damaged, or a teacher's logits are not finite.
    """
    files = SoftLabelFiles(root, store_header(recipe, data, teachers), data)
    files.claim()
    versions = min(data.crops.per_clip, epochs)
    missing = [version for version in range(versions) if not files.path(version).is_file()]
    first = missing[0] if missing else versions
    if first:
        _require_same_crops(files, data)
    begun = time.perf_counter()
    if missing:
        for version, columns in _label(
            data, teachers, first=first, versions=versions, advance=advance
        ):
            files.write(version, columns)
    seconds = time.perf_counter() - begun
    return Stored(
        labels=StoredLabels(files.table(versions), recipe=recipe, data=data),
        data=replace(data, teacher_input="crop", teacher_ms=0),
        versions=versions,
        crops=versions * files.crops,
        bytes=sum(files.path(version).stat().st_size for version in range(versions)),
        made=(versions - first) * files.crops,
        seconds=seconds,
    )


def _label(
    data: TrainingData, teachers: Teachers, *, first: int, versions: int, advance: Advance
) -> Iterator[tuple[int, dict[str, np.ndarray]]]:
    """Versions `first` to `versions` - 1, each with its columns."""
    told = replace(data, tells_crops=True)
    batches = iter(training_batches(told, first_epoch=first, epochs=versions))
    steps = data.steps_per_epoch

    # Takes the iterator, whose type does not depend on lengths: one trace serves all.
    @tf.function
    def label(batches: Any, step: tf.Tensor) -> tuple[tf.Tensor, ...]:
        batch = next(batches)
        return batch["clip"], batch["start"], batch["length"], teachers.logits(batch, step)

    for version in range(first, versions):
        rows = []
        for step in range(version * steps, (version + 1) * steps):
            rows.append([column.numpy() for column in label(batches, tf.constant(step, tf.int64))])
            advance((step + 1) * data.batch, versions * steps * data.batch)
        *columns, logits = (np.concatenate(column) for column in zip(*rows, strict=True))
        crops = zip(CROP_COLUMNS.items(), columns, strict=True)
        named = {name: column.astype(kind) for (name, kind), column in crops}
        yield version, {**named, "logits": _half_precision(logits, columns[0], data)}


def _half_precision(logits: np.ndarray, clip: np.ndarray, data: TrainingData) -> np.ndarray:
    """Float16 logits, the highest of each crop moved to 0.

    A softmax ignores the shift. Likely classes then lie near 0, where float16 is finest.
    """
    if not np.isfinite(logits).all():
        wrong = int(clip[np.flatnonzero(~np.isfinite(logits).all(axis=1))[0]])
        paths = data.index.paths
        name = paths[wrong].decode() if wrong < len(paths) else "(silence)"
        raise PldError(
            f"expected finite logits of every teacher, got others for a crop of {name}. Train the "
            "teacher anew with a lower training.learning_rate."
        )
    shifted = logits - logits.max(axis=1, keepdims=True)
    return np.maximum(shifted, _LOWEST).astype("<f2")


def _require_same_crops(files: SoftLabelFiles, data: TrainingData) -> None:
    """Check the first batch's crops: another version of this program may draw other crops."""
    told = replace(data, tells_crops=True, teacher_input="crop", teacher_ms=0)
    batch = next(iter(training_batches(told, first_epoch=0, epochs=1)))
    stored = files.read(0)
    for name, cut in zip(CROP_COLUMNS, ("clip", "start", "length"), strict=True):
        expected, came = batch[cut].numpy(), stored[name][: data.batch]
        if not np.array_equal(expected, came):
            place = int(np.flatnonzero(expected != came)[0])
            raise PldError(
                f"{files.folder} holds labels of other crops: expected {name} {expected[place]} of "
                f"crop {place}, found {came[place]}. Remove that folder, and the same command "
                "makes it anew."
            )
