"""Freeze a trained student into a model bundle, the folder that `export` reads.

Format: docs/formats.md. The same weights and contents give the same bytes.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from pld_tf.data.store.trained_on import TRAINED_ON, TrainedOn, write_trained_on
from pld_tf.errors import PldError
from pld_tf.features.spec import FeatureSpec
from pld_tf.model_bundle.freeze import freeze, save_model
from pld_tf.system.files import write_npz
from pld_tf.system.whole_folder import whole_folder

MODEL_BUNDLE_FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class BundleContents:
    """Everything a model bundle holds beside the model.

    Args:
      recipe_name: as `pld-tf recipes` lists it.
      recipe: the resolved recipe, in values that JSON can hold.
      seed: of the run.
      data_key: hash of the corpus that the run was trained on.
      word_level_db: median level of the words that it was trained on, in dB of full scale.
      excluded: paths of the clips of that corpus that the run left out.
      rung: number of the student's rung, from 0.
      variant: how the student was finished; None if it was not.
      length_ms: input length of the student.
      commit: of the source that trained the student; None outside a checkout.
      versions: package name to version.
      spec: features of the student.
      labels: class names in output order: the keywords, then the classes that never fire.
      num_keywords: how many of `labels` are keywords.
      tables: the integer tables of the features.
      representative: float32, shape [crops, frames, bins]; training split only.
      validation_features: float32, shape [crops, frames, bins].
      validation_labels: int32, shape [crops].
      golden_audio: int16, shape [crops, samples].
      golden_features: float32, shape [crops, frames, bins]; made from `golden_audio`.
      trained_on: hashes of the clips of the run; None leaves the file out.
    """

    recipe_name: str
    recipe: dict[str, Any]
    seed: int
    data_key: str
    word_level_db: float | None = None
    excluded: tuple[str, ...] = ()
    rung: int
    variant: str | None = None
    length_ms: int
    commit: str | None
    versions: dict[str, str]
    spec: FeatureSpec
    labels: tuple[str, ...]
    num_keywords: int
    tables: dict[str, np.ndarray]
    representative: np.ndarray
    validation_features: np.ndarray
    validation_labels: np.ndarray
    golden_audio: np.ndarray
    golden_features: np.ndarray
    trained_on: TrainedOn | None = None


def write_bundle(
    directory: Path, *, model: tf_keras.Model, frames: int, contents: BundleContents
) -> None:
    """Write a model bundle whole or not at all; replaces an older bundle.

    Args:
      directory: the bundle folder itself, RUN/bundle.
      model: takes [batch, any or frames, bins, 1], gives logits.
      frames: frames of the student's input.
      contents: everything beside the model.

    Raises:
      PldError: `directory` holds something other than a model bundle.
      OSError: as `whole_folder`.
      ValueError: an array has a wrong type or shape, or the classes do not fit the model.
    """
    _check(contents, frames=frames, classes=int(model.output_shape[-1]))
    with whole_folder(directory, refuse=_refuse_something_else) as stage:
        _fill(stage, model=model, frames=frames, contents=contents)


def _refuse_something_else(directory: Path) -> None:
    empty = directory.is_dir() and not any(directory.iterdir())
    if directory.exists() and not empty and not (directory / "bundle.json").is_file():
        raise PldError(
            f"{directory} exists and is not a model bundle; it stays as it is. "
            "Remove it, or name another run folder."
        )


def _fill(stage: Path, *, model: tf_keras.Model, frames: int, contents: BundleContents) -> None:
    infer = freeze(model, frames=frames, bins=contents.spec.bins)
    save_model(infer, stage / "saved_model")
    logits = [infer(tf.constant(crop[None, ..., None]))[0] for crop in contents.golden_features]
    _write_json(stage / "feature_spec.json", contents.spec.to_dict())
    labels = {"labels": list(contents.labels), "num_keywords": contents.num_keywords}
    _write_json(stage / "labels.json", labels)
    write_npz(stage / "feature_tables.npz", **contents.tables)
    write_npz(stage / "representative.npz", features=contents.representative)
    write_npz(
        stage / "validation.npz",
        features=contents.validation_features,
        labels=contents.validation_labels,
    )
    write_npz(
        stage / "golden.npz",
        audio=contents.golden_audio,
        features=contents.golden_features,
        logits=np.concatenate([row.numpy() for row in logits]),
    )
    if contents.trained_on is not None:
        write_trained_on(stage / TRAINED_ON, contents.trained_on)
    _write_json(stage / "bundle.json", _header(stage, frames=frames, contents=contents))


def _header(stage: Path, *, frames: int, contents: BundleContents) -> dict[str, Any]:
    paths = sorted(path for path in stage.rglob("*") if path.is_file())
    return {
        "format": MODEL_BUNDLE_FORMAT,
        "recipe_name": contents.recipe_name,
        "recipe": contents.recipe,
        "seed": contents.seed,
        "data_key": contents.data_key,
        "word_level_db": contents.word_level_db,
        "excluded": list(contents.excluded),
        "rung": contents.rung,
        **({"variant": contents.variant} if contents.variant else {}),
        "length_ms": contents.length_ms,
        "commit": contents.commit,
        "versions": contents.versions,
        "model": {
            "frames": frames,
            "bins": contents.spec.bins,
            "classes": len(contents.labels),
        },
        "files": {
            path.relative_to(stage).as_posix(): {
                "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
                "bytes": path.stat().st_size,
            }
            for path in paths
        },
    }


def _check(contents: BundleContents, *, frames: int, classes: int) -> None:
    crop = (frames, contents.spec.bins)
    crops = len(contents.validation_features)
    golden = len(contents.golden_features)
    samples = contents.golden_audio.shape[-1]
    expected = {
        "representative": (np.float32, (len(contents.representative), *crop)),
        "validation_features": (np.float32, (crops, *crop)),
        "validation_labels": (np.int32, (crops,)),
        "golden_features": (np.float32, (golden, *crop)),
        "golden_audio": (np.int16, (golden, samples)),
    }
    for name, (dtype, shape) in expected.items():
        array = getattr(contents, name)
        if array.dtype != dtype or array.shape != shape or array.size == 0:
            raise ValueError(
                f"{name} must be {np.dtype(dtype).name} of shape {shape} and not empty, "
                f"got {array.dtype.name} of shape {array.shape}."
            )
    if contents.spec.frames(samples) != frames:
        raise ValueError(
            f"golden_audio must give {frames} frames, got {contents.spec.frames(samples)}."
        )
    if len(contents.labels) != classes or not 0 <= contents.num_keywords <= classes:
        raise ValueError(
            f"the model scores {classes} classes, got {len(contents.labels)} labels, "
            f"{contents.num_keywords} of them keywords."
        )


def _write_json(path: Path, value: dict[str, Any]) -> None:
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")
