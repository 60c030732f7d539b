"""Finishing: train the last student further, for int8 or for size. Each way has its folder."""

import json
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import tensorflow as tf
import tf_keras

from pld_tf.data.batches.pipeline import training_batches
from pld_tf.data.batches.training_data import TrainingData
from pld_tf.distill.finish.compressed import clustered, pruned
from pld_tf.distill.finish.qat import quantize_aware, require_quantizable, without_constant_folding
from pld_tf.distill.finish.tfmot import tfmot
from pld_tf.distill.ladder import LastRung
from pld_tf.distill.rung import Progressed, Rung
from pld_tf.distill.step.teachers import Teachers
from pld_tf.errors import PldError
from pld_tf.recipe.affects import Affects, choices
from pld_tf.recipe.load import changed
from pld_tf.recipe.schema import Recipe
from pld_tf.recipe.tables import FinishChoices, FinishWay
from pld_tf.system.files import read_npz, told_when_damaged, write_json, write_npz
from pld_tf.system.progress import progress_bar

# Format of folders; raised when a way trains differently.
_FORMAT = 3
# Finishing draws other crops than the rung. Seeds of a network's rungs differ by less.
_SEED = 500
_RANGE_BATCHES = 16
_QUANTIZED: tuple[FinishWay, ...] = ("qat", "qat_distilled")


@dataclass(frozen=True, kw_only=True)
class Finished:
    """A student finished one way.

    Attributes:
      name: of the way.
      folder: holds its files.
      metrics: content of `metrics.json`.
      student: builds the network for a model bundle: rounded as in int8, or with fewer values.
    """

    name: FinishWay
    folder: Path
    metrics: dict[str, Any]
    student: Callable[[], tf_keras.Model]


@dataclass(frozen=True, kw_only=True)
class _Way:
    """The network to train, the first epoch that may be kept, and how the bundle gets it."""

    model: tf_keras.Model
    first_kept: int = 0
    strip: Callable[[tf_keras.Model], tf_keras.Model] = lambda model: model


def require_finishable(recipe: Recipe, student: Callable[[], tf_keras.Model]) -> None:
    """Accept a student that can be finished in all ways of the recipe.

    Args:
      recipe: names the ways.
      student: builds the untrained student; called only if a way needs the check.

    Raises:
      PldError: QAT does not support one of its layers.
    """
    if set(recipe.finish.ways) & set(_QUANTIZED):
        require_quantizable(student())


def finish(recipe: Recipe, name: FinishWay, *, last: LastRung, folder: Path) -> Finished:
    """Finish the last student one way. Resumes a stopped training and skips a finished one.

    Args:
      recipe: of the ladder.
      name: of the way.
      last: the student; keeps its weights.
      folder: of this way.

    Raises:
      PldError: `folder` was made with other choices or is damaged, or the loss is not finite.
    """
    _claim(folder, _made_of(recipe, name, last))
    data = _data(recipe, name, last)
    if not (folder / "metrics.json").is_file():
        _train(recipe, name, last=last, data=data, folder=folder)
    with told_when_damaged(folder):
        metrics = json.loads((folder / "metrics.json").read_text("utf-8"))

    def student() -> tf_keras.Model:
        way = _way(recipe, name, last, data)
        with told_when_damaged(folder):
            weights = read_npz(folder / "weights.npz")
            way.model.set_weights([weights[place] for place in sorted(weights)])
        return way.strip(way.model)

    return Finished(name=name, folder=folder, metrics=metrics, student=student)


def finish_line(finished: Finished) -> str:
    """One line on a finished student."""
    metrics = finished.metrics
    return (
        f"finish {finished.name} ({metrics['length_ms']} ms): student "
        f"{100 * metrics['student_accuracy']:.1f} %, before {100 * metrics['before']:.1f} % on "
        f"{metrics['validation_clips']} validation clips ({metrics['protocol']}), epoch "
        f"{metrics['best_epoch'] + 1} of {metrics['epochs']}"
    )


def _made_of(recipe: Recipe, name: FinishWay, last: LastRung) -> dict[str, Any]:
    """Everything that decides the weights. The rung's key stands for the rest of the recipe."""
    made = {
        path: value
        for path, value in choices(recipe, Affects.FINISHING).items()
        if path != "finish.ways" and FinishChoices.way(path.partition(".")[2]) in (None, name)
    }
    return {"format": _FORMAT, "rung": last.key, **made}


def _claim(folder: Path, made_of: dict[str, Any]) -> None:
    """Claim the folder for this way, or check that it belongs to it."""
    path = folder / "finish.json"
    if not path.is_file():
        folder.mkdir(parents=True, exist_ok=True)
        write_json(path, made_of)
        return
    with told_when_damaged(folder):
        earlier = json.loads(path.read_text("utf-8"))
        is_old = earlier.get("format") != made_of["format"]
        changed = [
            f"{key} = {earlier.get(key)}, now {value}"
            for key, value in made_of.items()
            if earlier.get(key) != value
        ]
    if is_old:
        raise PldError(
            f"{folder} was finished by another version of pld-tf, which trained otherwise. Remove "
            "that folder to finish anew."
        )
    if changed:
        raise PldError(
            f"{folder} was made with {'; '.join(changed)}. Remove that folder to finish anew, or "
            "give the choices it was made with."
        )


def _is_taught_by_itself(recipe: Recipe, name: FinishWay) -> bool:
    """Whether the float student that training starts from is also the teacher."""
    return name == "qat_distilled" and recipe.finish.teacher == "student"


def _data(recipe: Recipe, name: FinishWay, last: LastRung) -> TrainingData:
    data = replace(last.data, seed=last.data.seed + _SEED)
    if name == "qat":
        # Without a teacher, nothing can be learnt from clips with unknown labels.
        return replace(data, teacher_input="crop", teach_unlabelled=False)
    return replace(data, teacher_input="crop") if _is_taught_by_itself(recipe, name) else data


def _teachers(recipe: Recipe, name: FinishWay, last: LastRung, seed: int) -> Teachers | None:
    if name == "qat":
        return None
    taught_by = [last.result] if _is_taught_by_itself(recipe, name) else last.taught_by
    models = [teacher.student for teacher in taught_by]
    return Teachers(models, recipe=recipe, seed=seed) if models else None


def _way(recipe: Recipe, name: FinishWay, last: LastRung, data: TrainingData) -> _Way:
    # Keras counts layers per process. A copy must not depend on layers built earlier.
    tf_keras.backend.reset_uids()
    student = last.result.student
    if name in _QUANTIZED:
        # A student taught by its float twin should match it, not beat it on validation clips. The
        # last epoch is the closest match.
        first_kept = recipe.finish.epochs - 1 if _is_taught_by_itself(recipe, name) else 0
        return _Way(model=quantize_aware(student, _crops(data)), first_kept=first_kept)
    if name == "pruned":
        # All zeros are set after half of the training. In the other half, the rest adapts.
        steps = max(1, recipe.finish.epochs * data.steps_per_epoch // 2)
        return _Way(
            model=pruned(student, sparsity=recipe.finish.prune_sparsity, steps=steps),
            first_kept=recipe.finish.epochs // 2,
            strip=tfmot.sparsity.keras.strip_pruning,
        )
    return _Way(
        model=clustered(student, clusters=recipe.finish.cluster_count),
        strip=tfmot.clustering.keras.strip_clustering,
    )


def _crops(data: TrainingData) -> Iterator[tf.Tensor]:
    batches = training_batches(data, first_epoch=0, epochs=1)
    return (batch["features"] for batch in batches.take(_RANGE_BATCHES))


def _train(
    recipe: Recipe, name: FinishWay, *, last: LastRung, data: TrainingData, folder: Path
) -> None:
    way = _way(recipe, name, last, data)
    recipe, rung = _recipe(recipe, name), last.result
    title = f"finish {name} ({rung.length_ms} ms)"
    training = Rung(
        recipe=recipe,
        data=data,
        student=way.model,
        teachers=_teachers(recipe, name, last, data.seed),
        epochs=recipe.finish.epochs,
        validation=last.validation,
        folder=folder,
        title=title,
        first_kept=way.first_kept,
    )
    graphs = without_constant_folding() if name in _QUANTIZED else nullcontext()
    with graphs, progress_bar(title) as advance:
        reached = training.fit(advance)
    weights = {f"w{place:04d}": value for place, value in enumerate(way.model.get_weights())}
    write_npz(folder / "weights.npz", **weights)
    # The student counts as finished once this file exists.
    write_json(folder / "metrics.json", _metrics(name, last, reached))


def _recipe(recipe: Recipe, name: FinishWay) -> Recipe:
    """The rung's recipe, adapted to a short training of a trained network."""
    training = {
        "learning_rate": recipe.training.learning_rate * recipe.finish.learning_rate_factor,
        "warmup_epochs": 0,
        "patience": 0,
        "weight_average": 0.0,
    }
    teaching = {
        "hard_finish_epochs": 0,
        # A copy's layers have other names, and the input of its last layer is rounded.
        "embedding_weight": 0.0,
    }
    if recipe.teaching.labels == "stored":  # storing labels does not pay for so few epochs
        teaching["labels"] = "online"
    if _is_taught_by_itself(recipe, name):
        training["label_smoothing"] = 0.0
        teaching |= {"teacher_input": "crop", "hard_weight": 0.0, "labels": "online"}
    return changed(recipe, {"training": training, "teaching": teaching})


def _metrics(name: FinishWay, last: LastRung, reached: Progressed) -> dict[str, Any]:
    rung = last.result
    return {
        "finish": name,
        "number": rung.number,
        "length_ms": rung.length_ms,
        "protocol": rung.metrics["protocol"],
        "validation_clips": rung.metrics["validation_clips"],
        "student_accuracy": reached.best_accuracy,
        "before": rung.metrics["student_accuracy"],
        "best_epoch": reached.best_epoch,
        "epochs": reached.epoch,
        "history": reached.history,
    }
