"""The ladder: rungs in order, each in a folder keyed by all that made it; finished ones stay."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import tf_keras

from pld_tf import models
from pld_tf.data.classes import find_classes
from pld_tf.data.crops import crop_rules
from pld_tf.data.held_out import held_out
from pld_tf.data.pipeline import TrainingData
from pld_tf.data.store import Store
from pld_tf.distill.rung import Rung
from pld_tf.distill.trainer import make_deterministic
from pld_tf.distill.validation import student_validation, teacher_validation
from pld_tf.errors import PldError
from pld_tf.files import read_npz, told_when_damaged, write_json, write_npz
from pld_tf.models.seeding import set_seed
from pld_tf.progress import progress_bar
from pld_tf.recipe import Recipe

# Keys that say how a teacher's labels are used: rung 0 does not depend on them.
_TEACHER_KEYS = ("labels", "temperature", "hard_weight", "teacher_hears")
# Keys that a rung's own length, model and epochs stand for.
_LADDER_KEYS = ("description", "ladder_ms", "models", "epochs", "teacher_lengths")


@dataclass(frozen=True, kw_only=True)
class RungResult:
    """A finished rung: its number, length, student, and how well student and teacher did."""

    number: int
    length_ms: int
    folder: Path
    student: tf_keras.Model
    metrics: dict[str, Any]


class Ladder:
    """The rungs of one run.

    Args:
      recipe: every choice.
      store: packed corpus.
      run_dir: rungs lie in its `rungs` folder.
      seed: of weights, crops and noise.

    Raises:
      PldError: the corpus lacks a keyword, or fills no batch.
    """

    def __init__(self, *, recipe: Recipe, store: Store, run_dir: Path, seed: int) -> None:
        self._recipe = recipe
        self._store = store
        self._run_dir = run_dir
        self._seed = seed
        self._classes = find_classes(recipe, store.words)
        if not self._data(0).steps_per_epoch:
            raise PldError(
                f"an epoch has fewer clips than one batch ({recipe.batch}); add clips, or set a "
                "smaller batch."
            )

    def climb(self, report: Callable[[RungResult], None]) -> None:
        """Train every rung that is not finished yet; `report` hears of each in order."""
        make_deterministic()
        teacher = None
        for number in range(len(self._recipe.ladder_ms)):
            folder = self._folder(number)
            if not (folder / "metrics.json").is_file():
                folder.mkdir(parents=True, exist_ok=True)
                self._train(number, folder, teacher)
            teacher = self.load(number)
            report(teacher)

    def load(self, number: int) -> RungResult:
        """A finished rung.

        Raises:
          PldError: it is not finished.
        """
        folder = self._folder(number)
        if not (folder / "metrics.json").is_file():
            raise PldError(
                f"rung {number} of {self._run_dir} is not trained yet; go on with pld-tf distill."
            )
        student = self._build(number)
        with told_when_damaged(folder):
            weights = read_npz(folder / "weights.npz")
            student.set_weights([weights[name] for name in sorted(weights)])
            metrics = json.loads((folder / "metrics.json").read_text("utf-8"))
        return RungResult(
            number=number,
            length_ms=self._recipe.ladder_ms[number],
            folder=folder,
            student=student,
            metrics=metrics,
        )

    def _rung_seed(self, number: int) -> int:
        return self._seed * 1000 + number

    def _build(self, number: int) -> tf_keras.Model:
        set_seed(self._rung_seed(number))
        return models.build(
            **self._recipe.rung_model(number).model_dump(),
            frames=None,
            bins=self._recipe.features.bins,
            classes=len(self._classes.names),
        )

    def _folder(self, number: int) -> Path:
        key = self._key(number)
        return self._run_dir / "rungs" / f"{number}-{self._recipe.ladder_ms[number]}ms-{key[:8]}"

    def _key(self, number: int) -> str:
        """Hash of everything that decides a rung's weights, its teachers' keys included."""
        recipe = self._recipe
        left_out = _LADDER_KEYS if number else _LADDER_KEYS + _TEACHER_KEYS
        made_of = {
            "recipe": recipe.model_dump(mode="json", exclude=set(left_out)),
            "model": recipe.rung_model(number).model_dump(),
            "epochs": recipe.rung_epochs(number),
            "heard_ms": recipe.heard_ms(number),
            "length_ms": recipe.ladder_ms[number],
            "store": self._store.key,
            "seed": self._seed,
            "teacher": self._key(number - 1) if number else None,
        }
        return hashlib.sha256(json.dumps(made_of, sort_keys=True).encode()).hexdigest()

    def _data(self, number: int) -> TrainingData:
        recipe = self._recipe
        return TrainingData(
            store=self._store,
            classes=self._classes,
            spec=recipe.features,
            rules=crop_rules(recipe),
            lengths_ms=recipe.heard_ms(number),
            teacher_hears=recipe.teacher_hears if number else "crop",
            teacher_ms=recipe.ladder_ms[max(0, number - 1)],
            batch=recipe.batch,
            seed=self._rung_seed(number),
        )

    def _train(self, number: int, folder: Path, teacher: RungResult | None) -> None:
        recipe, length_ms = self._recipe, self._recipe.ladder_ms[number]
        title = f"rung {number} ({length_ms} ms)"
        clips = held_out(self._store, self._classes, "validation")
        student = self._build(number)
        rung = Rung(
            recipe=recipe,
            data=self._data(number),
            student=student,
            teacher=teacher.student if teacher else None,
            epochs=recipe.rung_epochs(number),
            validation=student_validation(recipe, clips, length_ms),
            folder=folder,
            title=title,
        )
        with progress_bar(title) as advance:
            reached = rung.fit(advance)
        teacher_accuracy = None
        if teacher:
            heard = teacher_validation(
                recipe, clips, length_ms=length_ms, teacher_ms=teacher.length_ms
            )
            teacher_accuracy = heard.accuracy(teacher.student)
        weights = {f"w{place:04d}": value for place, value in enumerate(student.get_weights())}
        write_npz(folder / "weights.npz", **weights)
        # The rung counts as finished once this file stands.
        write_json(
            folder / "metrics.json",
            {
                "number": number,
                "length_ms": length_ms,
                "protocol": recipe.validation_protocol,
                "validation_clips": len(clips),
                "student_accuracy": reached.best_accuracy,
                "teacher_accuracy": teacher_accuracy,
                "best_epoch": reached.best_epoch,
                "epochs": reached.epoch,
                "history": reached.history,
            },
        )
