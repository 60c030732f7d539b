"""The ladder: rungs in order. Each folder is keyed by all that made it; finished rungs stay."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tf_keras

from pld_tf import models
from pld_tf.data.batches.training_data import TrainingData
from pld_tf.data.corpus.check import require_batch
from pld_tf.data.corpus.classes import find_classes
from pld_tf.data.held_out import held_out
from pld_tf.data.store.pack import Store
from pld_tf.distill.rung import Rung
from pld_tf.distill.soft_labels.store import Stored, stored_labels
from pld_tf.distill.step.teachers import Teachers
from pld_tf.distill.step.trainer import make_deterministic
from pld_tf.distill.validation import Validation, student_validation, teacher_validation
from pld_tf.errors import PldError
from pld_tf.models.seeding import set_seed
from pld_tf.recipe.affects import Affects, choices
from pld_tf.recipe.schema import Recipe
from pld_tf.system.files import read_npz, told_when_damaged, write_json, write_npz
from pld_tf.system.progress import progress_bar

# Networks of one rung differ in their seeds by this. No ladder has so many rungs.
_SEEDS_PER_NETWORK = 1000
_SEEDS_PER_RUN = 100 * _SEEDS_PER_NETWORK


@dataclass(frozen=True, kw_only=True)
class RungResult:
    """A network of a finished rung, with its accuracy and that of its teachers.

    Attributes:
      number: of the rung.
      network: index among the rung's networks, from 0.
      length_ms: input length of the rung.
      folder: of the network.
      student: with the weights of its best epoch.
      metrics: content of `metrics.json`.
    """

    number: int
    network: int
    length_ms: int
    folder: Path
    student: tf_keras.Model
    metrics: dict[str, Any]


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


class Ladder:
    """The rungs of one run.

    Args:
      recipe: all choices.
      store: packed corpus.
      run_dir: rungs lie in its `rungs` folder.
      seed: of weights, crops and noise.

    Raises:
      PldError: the corpus lacks a keyword, or has too few clips for a batch.
    """

    def __init__(self, *, recipe: Recipe, store: Store, run_dir: Path, seed: int) -> None:
        self._recipe = recipe
        self._store = store
        self._run_dir = run_dir
        self._seed = seed
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

    def load(self, number: int, network: int = 0) -> RungResult:
        """A network of a finished rung.

        Raises:
          PldError: it is not finished.
        """
        folder = self._folder(number, network)
        if not (folder / "metrics.json").is_file():
            raise PldError(
                f"rung {number} of {self._run_dir} is not trained yet; go on with pld-tf distill."
            )
        student = self._build(number, network)
        with told_when_damaged(folder):
            weights = read_npz(folder / "weights.npz")
            student.set_weights([weights[name] for name in sorted(weights)])
            metrics = json.loads((folder / "metrics.json").read_text("utf-8"))
        return RungResult(
            number=number,
            network=network,
            length_ms=self._recipe.lengths_ms[number],
            folder=folder,
            student=student,
            metrics=metrics,
        )

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

    def _teaching(self, number: int) -> list[int]:
        """The rungs whose networks teach rung `number`."""
        kept = [0] if self._recipe.teaching.keep_first_teacher and number > 1 else []
        return [*kept, number - 1] if number else []

    def _network_seed(self, number: int, network: int) -> int:
        return self._seed * _SEEDS_PER_RUN + network * _SEEDS_PER_NETWORK + number

    def _build(self, number: int, network: int) -> tf_keras.Model:
        set_seed(self._network_seed(number, network))
        return models.build(
            **self._recipe.rung_model(number).model_dump(),
            frames=None,
            bins=self._recipe.features.bins,
            classes=len(self._classes.names),
        )

    def _folder(self, number: int, network: int) -> Path:
        key = self._key(number, network)
        return self._run_dir / "rungs" / f"{number}-{self._recipe.lengths_ms[number]}ms-{key[:8]}"

    def _key(self, number: int, network: int) -> str:
        """Hash of everything that decides a network's weights, its teachers' keys included."""
        recipe = self._recipe
        affecting = (Affects.WEIGHTS, Affects.TEACHING) if number else (Affects.WEIGHTS,)
        made_of = {
            "choices": choices(recipe, *affecting),
            "model": recipe.rung_model(number).model_dump(),
            "epochs": recipe.rung_epochs(number),
            "train_fraction": recipe.rung_train_fraction(number),
            "crop_lengths_ms": recipe.crop_lengths_ms(number),
            "length_ms": recipe.lengths_ms[number],
            "store": self._store.key,
            "seed": self._network_seed(number, network),
            "teachers": [
                self._key(rung, teacher)
                for rung in self._teaching(number)
                for teacher in range(recipe.rung_networks(rung))
            ],
        }
        return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()

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
        )

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
