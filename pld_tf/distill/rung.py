"""Train one rung: one student, its teachers if any, in one loop that can resume."""

import json
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import tensorflow as tf
import tf_keras

from pld_tf.data.batches.pipeline import training_batches
from pld_tf.data.batches.training_data import TrainingData
from pld_tf.distill.step.teachers import Teachers
from pld_tf.distill.step.trainer import Trainer
from pld_tf.distill.validation import Validation
from pld_tf.errors import PldError
from pld_tf.recipe.schema import Recipe
from pld_tf.system.files import read_npz, told_when_damaged, write_npz, write_text
from pld_tf.system.progress import Advance

STEPS_PER_CALL = 16


@dataclass(kw_only=True)
class Progressed:
    """Progress of a rung: everything in a checkpoint beside the weights."""

    epoch: int = 0
    best_epoch: int = -1
    best_accuracy: float = -1.0
    best_weights: list[np.ndarray] = field(default_factory=list)
    history: list[dict[str, float]] = field(default_factory=list)


class Rung:
    """Trains one student.

    Args:
      recipe: loss, optimiser, schedule, patience.
      data: the batches.
      student: trained in place.
      teachers: frozen; None trains on hard labels alone.
      epochs: greatest number of epochs.
      validation: decides which epoch's weights are kept.
      folder: holds checkpoint and logs.
      title: names the rung in errors.
      first_kept: the first epoch whose weights may be kept; earlier ones never are.
    """

    def __init__(
        self,
        *,
        recipe: Recipe,
        data: TrainingData,
        student: tf_keras.Model,
        teachers: Teachers | None,
        epochs: int,
        validation: Validation,
        folder: Path,
        title: str,
        first_kept: int = 0,
    ) -> None:
        self._recipe = recipe
        self._data = data
        self._first_kept = first_kept
        self._student = student
        self._epochs = epochs
        self._validation = validation
        self._folder = folder
        self._title = title
        self._steps = data.steps_per_epoch
        self._trainer = Trainer(
            recipe=recipe, data=data, student=student, teachers=teachers, epochs=epochs
        )

    def fit(self, advance: Advance) -> Progressed:
        """Train from the last finished epoch to the end; the student then has its best weights.

        Raises:
          PldError: the loss is not finite; names step and clips.
        """
        reached = self._restore()
        data = training_batches(self._data, first_epoch=reached.epoch, epochs=self._epochs)
        batches = iter(data)
        with tf.summary.create_file_writer(str(self._folder / "tensorboard")).as_default():
            while reached.epoch < self._epochs and not self._out_of_patience(reached):
                loss = self._epoch(batches, reached.epoch, advance)
                self._note(reached, loss)
                self._save(reached)
        self._student.set_weights(reached.best_weights)
        return reached

    def _epoch(self, batches, epoch: int, advance: Advance) -> float:
        losses = []
        for first in range(0, self._steps, STEPS_PER_CALL):
            count = min(STEPS_PER_CALL, self._steps - first)
            values, clips = self._trainer.steps(batches, tf.constant(count))
            self._refuse_non_finite(values.numpy(), clips.numpy(), epoch, first)
            losses.append(values.numpy())
            done = (epoch * self._steps + first + count) * self._data.batch
            advance(done, self._epochs * self._steps * self._data.batch)
        return float(np.concatenate(losses).mean())

    def _refuse_non_finite(self, losses, clips, epoch: int, first: int) -> None:
        wrong = np.flatnonzero(~np.isfinite(losses))
        if not wrong.size:
            return
        paths = self._data.index.paths
        names = [
            paths[clip].decode() if clip < len(paths) else "(silence)" for clip in clips[wrong[0]]
        ]
        listing = self._folder / "non_finite_batch.txt"
        write_text(listing, "\n".join(names) + "\n")
        step = epoch * self._steps + first + int(wrong[0])
        raise PldError(
            f"{self._title}: the loss is {losses[wrong[0]]} at step {step} (epoch {epoch}); its "
            f"batch begins with {', '.join(names[:3])}, all {len(names)} clips are in {listing}. "
            "Lower training.learning_rate, or look at these clips."
        )

    def _out_of_patience(self, reached: Progressed) -> bool:
        patience = self._recipe.training.patience
        if not patience or not reached.history:
            return False
        accuracies = [epoch["accuracy"] for epoch in reached.history]
        # Counts from the first of equally good epochs: a plateau is not progress.
        return len(accuracies) - 1 - accuracies.index(max(accuracies)) >= patience

    def _note(self, reached: Progressed, loss: float) -> None:
        average = self._trainer.average
        with average.in_place() if average else nullcontext():
            accuracy = self._validation.accuracy(self._student)
            if accuracy >= reached.best_accuracy and reached.epoch >= self._first_kept:
                reached.best_accuracy, reached.best_epoch = accuracy, reached.epoch
                reached.best_weights = self._student.get_weights()
        reached.history.append({"epoch": reached.epoch, "loss": loss, "accuracy": accuracy})
        tf.summary.scalar("loss", loss, step=reached.epoch)
        tf.summary.scalar("validation_accuracy", accuracy, step=reached.epoch)
        reached.epoch += 1

    def _save(self, reached: Progressed) -> None:
        state = {"epoch": reached.epoch, "best_epoch": reached.best_epoch}
        state |= {"best_accuracy": reached.best_accuracy, "history": reached.history}
        groups = {
            "student": self._student.get_weights(),
            "trainer": [variable.numpy() for variable in self._trainer.variables],
            "best": reached.best_weights,
        }
        arrays = {
            f"{group}_{number:04d}": value
            for group, values in groups.items()
            for number, value in enumerate(values)
        }
        write_npz(self._folder / "checkpoint.npz", state=np.array(json.dumps(state)), **arrays)

    def _restore(self) -> Progressed:
        checkpoint = self._folder / "checkpoint.npz"
        if not checkpoint.is_file():
            return Progressed()
        with told_when_damaged(self._folder):
            arrays = read_npz(checkpoint)
            state = json.loads(str(arrays["state"]))
            groups = {
                group: [arrays[name] for name in sorted(arrays) if name.startswith(f"{group}_")]
                for group in ("student", "trainer", "best")
            }
        self._require_same_optimizer(groups["trainer"])
        self._student.set_weights(groups["student"])
        for variable, value in zip(self._trainer.variables, groups["trainer"], strict=True):
            variable.assign(value)
        return Progressed(best_weights=groups["best"], **state)

    def _require_same_optimizer(self, kept: list[np.ndarray]) -> None:
        """Refuse the checkpoint of a version that kept other values of the optimizer."""
        expected = [tuple(variable.shape) for variable in self._trainer.variables]
        if [value.shape for value in kept] != expected:
            raise PldError(
                f"{self._folder / 'checkpoint.npz'} is of another version of pld-tf: expected "
                f"{len(expected)} arrays of an optimizer, found {len(kept)}, or others. Remove "
                "that file to train this network from its start, or go on with the version that "
                "began it."
            )
