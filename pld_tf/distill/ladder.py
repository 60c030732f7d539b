"""The ladder: trains rungs in order; finished rungs stay."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import tf_keras

from pld_tf.data.batches.training_data import TrainingData
from pld_tf.data.corpus.check import require_batch
from pld_tf.data.corpus.classes import find_classes
from pld_tf.data.held_out import held_out
from pld_tf.data.negatives.taught import Mined, TaughtNegatives
from pld_tf.data.store.pack import Store
from pld_tf.distill.mining import mine, read_mined, write_mined
from pld_tf.distill.rung import Rung
from pld_tf.distill.rungs import RungResult, Rungs
from pld_tf.distill.soft_labels.store import Stored, stored_labels
from pld_tf.distill.step.teachers import Teachers
from pld_tf.distill.step.trainer import make_deterministic
from pld_tf.distill.validation import Validation, student_validation, teacher_validation
from pld_tf.recipe.schema import Recipe
from pld_tf.system.files import write_json, write_npz
from pld_tf.system.progress import progress_bar


@dataclass(frozen=True, kw_only=True)
class LastRung:
    """The student at the end of a finished ladder, and what it was trained with.

    Attributes:
      result: the student; its weights may be trained further.
      key: hash of all that made it.
      data: the batches.
      taught_by: its teachers; none on a ladder of one rung.
      validation: the crops that it was validated on.
    """

    result: RungResult
    key: str
    data: TrainingData
    taught_by: list[RungResult]
    validation: Validation


class Ladder(Rungs):
    """The rungs of one run, with the corpus to train them on.

    Args:
      recipe: all choices.
      store: packed corpus.
      run_dir: rungs lie in its `rungs` folder.
      seed: of weights, crops and noise.

    Raises:
      PldError: the corpus lacks a keyword, or has too few clips for a batch.
    """

    def __init__(self, *, recipe: Recipe, store: Store, run_dir: Path, seed: int) -> None:
        super().__init__(recipe=recipe, data_key=store.training_key, run_dir=run_dir, seed=seed)
        self._store = store
        self._classes = find_classes(recipe.words, store.words)
        require_batch(self._data(0).clips_per_epoch, recipe.training.batch_size)

    def climb(self, report: Callable[[RungResult], None], *, rungs: int | None = None) -> None:
        """Train every unfinished network, and `report` all networks in order.

        Args:
          report: called with each network, finished earlier or now.
          rungs: how many to train; None trains all.
        """
        make_deterministic()
        climbed: list[list[RungResult]] = []
        for number in range(self._recipe.rungs)[:rungs]:
            teachers = [teacher for rung in self._teaching(number) for teacher in climbed[rung]]
            climbed.append([])
            for network in range(self._recipe.rung_networks(number)):
                folder = self._folder(number, network)
                if not (folder / "metrics.json").is_file():
                    folder.mkdir(parents=True, exist_ok=True)
                    self._train(number, network, folder, teachers)
                climbed[number].append(self.load(number, network))
                report(climbed[number][-1])

    def last(self) -> LastRung:
        """The end of the ladder, for further training.

        Raises:
          PldError: it is not finished.
        """
        number = self._recipe.rungs - 1
        # Keras counts layers per process, and finishing depends on their names.
        tf_keras.backend.reset_uids()
        result = self.load(number)
        clips = held_out(self._store, self._classes, "validation")
        return LastRung(
            result=result,
            key=self._key(number, 0),
            data=self._data(number),
            taught_by=[
                self.load(rung, network)
                for rung in self._teaching(number)
                for network in range(self._recipe.rung_networks(rung))
            ],
            validation=student_validation(self._recipe, clips, result.length_ms),
        )

    def untrained(self) -> tf_keras.Model:
        """The last student before training."""
        return self._build(self._recipe.rungs - 1, 0)

    def _data(self, number: int, network: int = 0) -> TrainingData:
        recipe = self._recipe
        return TrainingData(
            store=self._store,
            classes=self._classes,
            spec=recipe.features,
            crops=recipe.crops,
            augment=recipe.augment,
            lengths_ms=recipe.crop_lengths_ms(number),
            teacher_input=recipe.teaching.teacher_input if number else "crop",
            teacher_ms=recipe.lengths_ms[max(0, number - 1)],
            batch=recipe.training.batch_size,
            seed=self._network_seed(number, network),
            train_fraction=recipe.rung_train_fraction(number),
            teach_unlabelled=bool(number) and recipe.teaching.teach_unlabelled,
            negatives=TaughtNegatives.of(self._store, recipe.negatives, self._mined(number)),
        )

    def _mined(self, number: int) -> Mined | None:
        """Hard negatives for a rung, of the networks of the rung before it."""
        recipe, negatives = self._recipe, self._store.negatives
        if not (number and negatives and recipe.negatives.mined):
            return None
        score, length_ms = recipe.negatives.mined_score, recipe.crop_lengths_ms(number - 1)[-1]
        path = self._folder(number - 1, 0) / f"mined-{length_ms}ms-{score:g}.npz"
        if not path.is_file():
            teachers = range(recipe.rung_networks(number - 1))
            with progress_bar(f"rung {number}, mining", unit="pieces") as advance:
                mined = mine(
                    [self.load(number - 1, network).student for network in teachers],
                    negatives,
                    spec=recipe.features,
                    length_ms=length_ms,
                    keywords=len(recipe.words.keywords),
                    least_score=score,
                    advance=advance,
                )
            write_mined(path, mined)
        return read_mined(path)

    def _train(self, number: int, network: int, folder: Path, taught_by: list[RungResult]) -> None:
        recipe, length_ms = self._recipe, self._recipe.lengths_ms[number]
        data = self._data(number, network)
        title = self._title(number, network)
        clips = held_out(self._store, self._classes, "validation")
        student = self._build(number, network)
        teachers, stored = None, None
        if taught_by:
            models = [teacher.student for teacher in taught_by]
            teachers = Teachers(models, recipe=recipe, seed=data.seed)
        if teachers and recipe.teaching.labels == "stored":
            stored = self._stored(number, title, data, teachers)
            teachers, data = stored.labels, stored.data
        rung = Rung(
            recipe=recipe,
            data=data,
            student=student,
            teachers=teachers,
            epochs=recipe.rung_epochs(number),
            validation=student_validation(recipe, clips, length_ms),
            folder=folder,
            title=title,
        )
        with progress_bar(title) as advance:
            reached = rung.fit(advance)
        teacher_accuracy = None
        if taught_by:
            crops = teacher_validation(
                recipe, clips, length_ms=length_ms, teacher_ms=taught_by[-1].length_ms
            )
            teacher_accuracy = crops.accuracy(*(teacher.student for teacher in taught_by))
        weights = {f"w{place:04d}": value for place, value in enumerate(student.get_weights())}
        write_npz(folder / "weights.npz", **weights)
        # The network counts as finished once this file exists.
        write_json(
            folder / "metrics.json",
            {
                "number": number,
                "network": network,
                "length_ms": length_ms,
                "protocol": recipe.training.validation_protocol,
                "validation_clips": len(clips),
                "recordings": clips.recordings(self._classes),
                "student_accuracy": reached.best_accuracy,
                "teacher_accuracy": teacher_accuracy,
                "soft_labels": stored.figures() if stored else None,
                "best_epoch": reached.best_epoch,
                "epochs": reached.epoch,
                "history": reached.history,
            },
        )

    def _stored(self, number: int, title: str, data: TrainingData, teachers: Teachers) -> Stored:
        with progress_bar(f"{title}, soft labels", unit="crops") as advance:
            return stored_labels(
                self._run_dir / "soft_labels",
                recipe=self._recipe,
                data=data,
                teachers=teachers,
                epochs=self._recipe.rung_epochs(number),
                advance=advance,
            )

    def _title(self, number: int, network: int) -> str:
        networks = self._recipe.rung_networks(number)
        which = f", network {network + 1} of {networks}" if networks > 1 else ""
        return f"rung {number} ({self._recipe.lengths_ms[number]} ms{which})"
